package norm

import (
	"time"

	"buurtmeter/ingest/reading"
)

// dayHours is the length of a day, and validDayHours the least number of valid
// hour means in a valid day mean: 75 % (2008/50/EC Annexes VII and XI,
// (EU) 2024/2881 Annex V C).
const (
	dayHours      = 24
	validDayHours = 18
)

// Span says which calendar year is judged, and how much of it is over.
type Span struct {
	// Year is the calendar year in UTC+1, the winter time of the Netherlands,
	// which is kept all year: a year runs from 31 December 23:00Z.
	Year int
	// Until is the first hour that is not over yet; 0 means that the year is
	// over. Values from Until on do not take part.
	Until reading.Hour
}

// YearStart returns the first hour of the calendar year (UTC+1).
func YearStart(year int) reading.Hour {
	return reading.HourOf(time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC)) - 1
}

// YearLength returns the number of hours in the calendar year, 8760 or 8784.
func YearLength(year int) int {
	if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 366 * dayHours
	}
	return 365 * dayHours
}

// YearOf returns the calendar year (UTC+1) that the hour belongs to.
func YearOf(h reading.Hour) int { return (h + 1).Start().Year() }

// YearHours returns the first hour of the calendar year (UTC+1) and a value for
// each of its hours: reading.Missing where h has none. The values may share
// memory with h and must not be changed.
func YearHours(h Hours, year int) (first reading.Hour, values []int32) {
	first = YearStart(year)
	n := YearLength(year)
	if len(h.Values) == 0 || h.First >= first+reading.Hour(n) || h.First < first-reading.Hour(len(h.Values)) {
		return first, missing(n)
	}
	off := int(first - h.First)
	if off >= 0 && len(h.Values)-off >= n {
		return first, h.Values[off : off+n : off+n]
	}
	values = missing(n)
	if off >= 0 {
		copy(values, h.Values[off:])
	} else {
		copy(values[-off:], h.Values)
	}
	return first, values
}

func missing(n int) []int32 {
	v := make([]int32, n)
	for i := range v {
		v[i] = reading.Missing
	}
	return v
}

// Sum is an exact mean that was not divided yet: Total of N values, in
// 1/reading.HourScale unit. The zero value has no values.
type Sum struct {
	Total int64
	N     int
}

// Mean returns the mean in the property's unit; ok is false without values.
func (s Sum) Mean() (mean float64, ok bool) {
	if s.N == 0 {
		return 0, false
	}
	return float64(s.Total) / float64(s.N) / reading.HourScale, true
}

// Above reports whether the mean is above the limit, in 1/reading.HourScale
// unit. The comparison is exact: a mean that equals the limit is not above it.
func (s Sum) Above(limit int64) bool { return s.N > 0 && s.Total > limit*int64(s.N) }

// Stats are the statistics of one series over one calendar year (UTC+1). They
// are computed once and serve every norm of the property.
type Stats struct {
	Year int
	// Sum is over the valid hours.
	Sum Sum
	// Hours is the number of hours of the whole year, HoursOver of those that
	// are over.
	Hours, HoursOver int
	// Days is the number of days of the year, DaysOver of those that are over,
	// DaysValid of those with at least 18 valid hours.
	Days, DaysOver, DaysValid int

	values []int32
	days   []Sum // N is 0 where the day has no valid mean
}

// StatsOf computes the statistics of the year in the span. The result may share
// memory with h, which must not be changed while it is in use.
func StatsOf(h Hours, s Span) *Stats {
	first, values := YearHours(h, s.Year)
	st := &Stats{Year: s.Year, Hours: len(values), Days: len(values) / dayHours}
	st.HoursOver = st.Hours
	if s.Until != 0 {
		st.HoursOver = int(min(max(s.Until-first, 0), reading.Hour(st.Hours)))
	}
	st.DaysOver = st.HoursOver / dayHours
	st.values = values[:st.HoursOver]
	st.days = make([]Sum, st.DaysOver)
	for d := range st.days {
		day := sumOf(st.values[d*dayHours : (d+1)*dayHours])
		st.Sum.Total += day.Total
		st.Sum.N += day.N
		if day.N >= validDayHours {
			st.days[d] = day
			st.DaysValid++
		}
	}
	rest := sumOf(st.values[st.DaysOver*dayHours:])
	st.Sum.Total += rest.Total
	st.Sum.N += rest.N
	return st
}

func sumOf(values []int32) Sum {
	var s Sum
	for _, v := range values {
		if v != reading.Missing {
			s.Total += int64(v)
			s.N++
		}
	}
	return s
}

// Running tells that the year is not over yet.
func (s *Stats) Running() bool { return s.HoursOver < s.Hours }

// DayMean returns the exact mean of day d, counted from 0 on 1 January; ok is
// false when the day has fewer than 18 valid hours or is not over.
func (s *Stats) DayMean(d int) (mean Sum, ok bool) {
	if d < 0 || d >= len(s.days) || s.days[d].N == 0 {
		return Sum{}, false
	}
	return s.days[d], true
}

// HoursAbove counts the valid hour means above the limit, in
// 1/reading.HourScale unit.
func (s *Stats) HoursAbove(limit int64) int {
	n := 0
	for _, v := range s.values {
		// Missing is the least int32; a limit below it would count it.
		if int64(v) > limit && v != reading.Missing {
			n++
		}
	}
	return n
}

// DaysAbove counts the valid day means above the limit, in 1/reading.HourScale
// unit.
func (s *Stats) DaysAbove(limit int64) int {
	n := 0
	for _, d := range s.days {
		if d.Above(limit) {
			n++
		}
	}
	return n
}

// Annual is the mean of a calendar year as it was measured, whatever its
// coverage.
type Annual struct {
	// Mean in the property's unit, valid when Valid > 0.
	Mean float64
	// Valid and Expected hours of the whole calendar year.
	Valid, Expected int
}

// YearMean returns the mean over the valid hours of the calendar year (UTC+1).
// It says nothing about a norm: see Judge.
func YearMean(h Hours, year int) Annual {
	_, values := YearHours(h, year)
	s := sumOf(values)
	mean, _ := s.Mean()
	return Annual{Mean: mean, Valid: s.N, Expected: len(values)}
}
