package norm

import (
	"math"

	"buurtmeter/ingest/reading"
)

// sumSafe bounds the values for which one sum tells both the total of a day and
// how many hours are missing; see dayPass.
const sumSafe = 1 << 25

// dayPass returns the total and the number of the valid values of a day of 24
// hours, and the highest of them; reading.Missing when there is none.
//
// This is the loop over every hour mean that there is, so it has no branch per
// value. Missing is -2^31; while all others lie within ±2^25, the plain sum of
// the 24 is -m·2^31 + S with |S| < 2^30, from which both m and S follow. The
// least valid value is found by taking 1 off, which turns Missing into the
// greatest int32 and keeps the order of the others. A day with a value out of
// that range (above 3,355 units by the usual scale) is counted one by one.
func dayPass(day *[dayHours]int32) (total int64, n int, peak int32) {
	// Two chains, so that one maximum does not wait for the other.
	hi0, hi1 := reading.Missing, reading.Missing
	lo0, lo1 := int32(math.MaxInt32), int32(math.MaxInt32)
	for i := 0; i < dayHours; i += 4 {
		a, b, c, d := day[i], day[i+1], day[i+2], day[i+3]
		total += int64(a) + int64(b) + int64(c) + int64(d)
		hi0, hi1 = max(hi0, a), max(hi1, b)
		lo0, lo1 = min(lo0, a-1), min(lo1, b-1)
		hi0, hi1 = max(hi0, c), max(hi1, d)
		lo0, lo1 = min(lo0, c-1), min(lo1, d-1)
	}
	peak = max(hi0, hi1)
	switch low := min(lo0, lo1); {
	case peak == reading.Missing:
		return 0, 0, peak
	case peak <= sumSafe && low >= -sumSafe:
		m := (1<<30 - total) >> 31
		return total + m<<31, dayHours - int(m), peak
	default:
		s, _ := pass(day[:])
		return s.Total, s.N, peak
	}
}

// pass is dayPass by its definition, for any number of hours.
func pass(values []int32) (s Sum, peak int32) {
	peak = reading.Missing
	for _, v := range values {
		if v != reading.Missing {
			s.Total += int64(v)
			s.N++
			peak = max(peak, v)
		}
	}
	return s, peak
}
