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
	// Two chains, so that one maximum does not wait for the other.
	hi0, hi1 := int64(reading.Missing), int64(reading.Missing)
	for i := 0; i < dayHours; i += 4 {
		a, b, c, d := int64(day[i]), int64(day[i+1]), int64(day[i+2]), int64(day[i+3])
		total += a + b + c + d
		hi0, hi1 = max(hi0, a), max(hi1, b)
		hi0, hi1 = max(hi0, c), max(hi1, d)
	}
	high := max(hi0, hi1)
	switch {
	case total > int64(reading.Missing)+(dayHours-1)*max(high, 0):
		return total, dayHours, int32(high)
	case high == int64(reading.Missing):
		return 0, 0, reading.Missing
	}
	gaps := 0
	for _, v := range day {
		if v == reading.Missing {
			gaps++
		}
	}
	return total - int64(gaps)*int64(reading.Missing), dayHours - gaps, int32(high)
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
