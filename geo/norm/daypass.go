package norm

import "buurtmeter/ingest/reading"

// dayPass returns the total and the number of the valid values of a day of 24
// hours, and the highest of them; reading.Missing when there is none.
//
// This is the loop over every hour mean that there is, so it does not look for
// missing hours at all. Missing is -2^31 and the least value: one missing hour
// holds the plain sum at or below -2^31 and 23 times the highest of the others,
// so that a sum above that is of 24 valid hours. Only of the other days, which
// are few, are the hours counted.
func dayPass(day *[dayHours]int32) (total int64, n int, peak int32) {
	// Two chains, so that one maximum does not wait for the other, and no loop,
	// which would take a quarter of the time.
	const none = int64(reading.Missing)
	a, b, hiA, hiB := int64(0), int64(0), none, none
	a, hiA = with(a, hiA, day[0])
	b, hiB = with(b, hiB, day[1])
	a, hiA = with(a, hiA, day[2])
	b, hiB = with(b, hiB, day[3])
	a, hiA = with(a, hiA, day[4])
	b, hiB = with(b, hiB, day[5])
	a, hiA = with(a, hiA, day[6])
	b, hiB = with(b, hiB, day[7])
	a, hiA = with(a, hiA, day[8])
	b, hiB = with(b, hiB, day[9])
	a, hiA = with(a, hiA, day[10])
	b, hiB = with(b, hiB, day[11])
	a, hiA = with(a, hiA, day[12])
	b, hiB = with(b, hiB, day[13])
	a, hiA = with(a, hiA, day[14])
	b, hiB = with(b, hiB, day[15])
	a, hiA = with(a, hiA, day[16])
	b, hiB = with(b, hiB, day[17])
	a, hiA = with(a, hiA, day[18])
	b, hiB = with(b, hiB, day[19])
	a, hiA = with(a, hiA, day[20])
	b, hiB = with(b, hiB, day[21])
	a, hiA = with(a, hiA, day[22])
	b, hiB = with(b, hiB, day[23])
	total = a + b
	high := max(hiA, hiB)
	switch {
	case total > none+(dayHours-1)*max(high, 0):
		return total, dayHours, int32(high)
	case high == none:
		return 0, 0, reading.Missing
	}
	gaps := 0
	for _, v := range day {
		if v == reading.Missing {
			gaps++
		}
	}
	return total - int64(gaps)*none, dayHours - gaps, int32(high)
}

// with adds a value to a total and to the highest so far.
func with(total, high int64, v int32) (newTotal, newHigh int64) {
	return total + int64(v), max(high, int64(v))
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
