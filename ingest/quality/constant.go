package quality

import "buurtmeter/ingest/reading"

// The thresholds of Constant; see Rules.
const (
	// ConstantHours is the least number of hours with a value that make a run.
	ConstantHours = 24
	// ConstantGap is the longest series of missing hours inside a run.
	ConstantGap = 6
	// ConstantReach is how far, in hours, a change of one hour mean can change
	// the flag of another: a run that is just long enough, with all its gaps.
	ConstantReach = (ConstantHours - 1) * (ConstantGap + 1)
)

// HasConstant tells whether the check applies to p: to concentrations, which
// never stand still in open air. Temperature, humidity (100 %) and pressure may.
func HasConstant(p reading.Property) bool {
	return p == reading.NO2 || p == reading.PM25 || p == reading.PM10
}

// Constant looks for stuck sensors in a row of consecutive hour means and sets
// reading.Constant on every hour with a value in a run of at least
// ConstantHours identical values, where up to ConstantGap missing hours in a
// row do not break the run. On all other hours it clears the flag, so the
// result depends on values alone. Both slices have the same length.
func Constant(values []int32, flags []reading.Flag) {
	start, last, count := 0, 0, 0 // the run so far: first and last hour with a value, and how many
	for i, v := range values {
		flags[i] &^= reading.Constant
		if v == reading.Missing {
			continue
		}
		if count > 0 && (v != values[last] || i-last-1 > ConstantGap) {
			markRun(values[start:last+1], flags[start:last+1], count)
			count = 0
		}
		if count == 0 {
			start = i
		}
		last = i
		count++
	}
	if count > 0 {
		markRun(values[start:last+1], flags[start:last+1], count)
	}
}

func markRun(values []int32, flags []reading.Flag, count int) {
	if count < ConstantHours {
		return
	}
	for i, v := range values {
		if v != reading.Missing {
			flags[i] |= reading.Constant
		}
	}
}
