package quality

import (
	"math"

	"buurtmeter/ingest/reading"
)

// The thresholds of the comparison with neighbours; see Rules.
const (
	// BuddyRadius is how far away, in metres, a neighbour may stand.
	BuddyRadius = 3000
	// BuddyMin is the least number of measured neighbours.
	BuddyMin = 5
	// BuddyThreshold is how many standard deviations a value may lie from the
	// mean of its neighbours.
	BuddyThreshold = 3
	// BuddyScale is the least standard deviation that is reckoned with, in
	// µg/m³: neighbours that agree to the decimal are no better than that.
	BuddyScale = 5
	// BuddyRounds is how often it is done; what one round flags is nobody's
	// neighbour in the next.
	BuddyRounds = 2
	// SameSpot is how close, in metres, stations stand on one spot. They are one
	// voice among the neighbours, not several.
	SameSpot = 1
)

// HasBuddies tells whether hours of p are compared with those of neighbours.
func HasBuddies(p reading.Property) bool {
	return p == reading.NO2 || p == reading.PM25 || p == reading.PM10
}

// Outside tells whether v lies outside [low, high]. What is not a number does.
func Outside(v, low, high float64) bool { return !(v >= low && v <= high) }

// Incomplete tells for each element whether any of the columns has no value
// (NaN) for it. The columns have the same length.
func Incomplete(columns ...[]float64) []bool {
	if len(columns) == 0 {
		return nil
	}
	flags := make([]bool, len(columns[0]))
	for _, c := range columns {
		for i, v := range c {
			flags[i] = flags[i] || math.IsNaN(v)
		}
	}
	return flags
}

// Alone tells for each element whether it has fewer than least neighbours that
// present accepts; near is a list of neighbours as reading.Nearby gives it, and
// present may be nil for all.
func Alone(near [][]int, present []bool, least int) []bool {
	flags := make([]bool, len(near))
	for i, js := range near {
		n := 0
		for _, j := range js {
			if present == nil || present[j] {
				n++
			}
		}
		flags[i] = n < least
	}
	return flags
}

// Doubles tells which elements stand where an earlier one, that is not a double
// itself, stands already. near lists who stands on one spot; only those that
// present accepts take part, nil for all.
func Doubles(near [][]int, present []bool) []bool {
	flags := make([]bool, len(near))
	for i, js := range near {
		if flags[i] || present != nil && !present[i] {
			continue
		}
		for _, j := range js {
			if j > i && (present == nil || present[j]) {
				flags[j] = true
			}
		}
	}
	return flags
}

// Neighbourhood says who is near whom in a network: Near within BuddyRadius,
// Spot within SameSpot.
type Neighbourhood struct{ Near, Spot [][]int }

// Buddies compares the hour means of one hour and one property at all stations
// of a network. values holds the stored integers, reading.Missing for none. It
// returns Isolated for a value with fewer than BuddyMin measured neighbours,
// Buddy for one that is far from them, and neither for a missing value or a
// station without a known place (known; it has a flag of its own).
//
// The test is that of titanlib: |v - mean| / max(sqrt(var + var/n), BuddyScale)
// above BuddyThreshold, over the n neighbours. Sums are exact integers, so the
// answer does not depend on the order of the stations, except for who speaks
// for several on one spot: the first that has a value.
func Buddies(values []int32, known []bool, n Neighbourhood) []reading.Flag {
	present := make([]bool, len(values))
	for i, v := range values {
		present[i] = v != reading.Missing && known[i]
	}
	doubles := Doubles(n.Spot, present)
	voice := make([]bool, len(values))
	for i := range values {
		voice[i] = present[i] && !doubles[i]
	}
	alone := Alone(n.Near, voice, BuddyMin)
	flags := make([]reading.Flag, len(values))
	for i := range values {
		if present[i] && alone[i] {
			flags[i] = reading.Isolated
		}
	}
	for range BuddyRounds {
		var found []int
		for i, js := range n.Near {
			if present[i] && flags[i] == 0 && stray(values, i, js, voice) {
				found = append(found, i)
			}
		}
		for _, i := range found {
			flags[i] |= reading.Buddy
			voice[i] = false
		}
	}
	return flags
}

// stray tells whether value i is far from its neighbours that have a voice. Too
// few of them, which a second round may leave, prove nothing.
func stray(values []int32, i int, near []int, voice []bool) bool {
	var n, sum, squares int64
	for _, j := range near {
		if voice[j] {
			v := int64(values[j])
			n, sum, squares = n+1, sum+v, squares+v*v
		}
	}
	if n < BuddyMin {
		return false
	}
	mean := float64(sum) / float64(n)
	variance := max(0, float64(squares)/float64(n)-mean*mean)
	scale := max(math.Sqrt(variance+variance/float64(n)), BuddyScale*reading.HourScale)
	return math.Abs(float64(values[i])-mean) > BuddyThreshold*scale
}
