package norm

import (
	"time"

	"buurtmeter/ingest/reading"
)

// dayHours is the length of a day that the clock does not change in.
const dayHours = 24

// Span says which calendar year is judged, how much of it is over, and by which
// rules hours become days.
type Span struct {
	// Year is the calendar year of Basis; by UTC+1 it runs from 31 December 23:00Z.
	Year int
	// Until is the first hour that is not over yet; 0 means that the year is
	// over. Values from Until on do not take part.
	Until reading.Hour
	// Basis says what a day is; the zero value is UTC+1.
	Basis Basis
	// DayCapture is the least share of valid hours in a valid day mean; the zero
	// value is 75 %, so 18 of 24.
	DayCapture Capture
}

// YearStart returns the first hour of the calendar year (UTC+1).
func YearStart(year int) reading.Hour { return UTCPlusOne().YearStart(year) }

// YearLength returns the number of hours in the calendar year, 8760 or 8784.
func YearLength(year int) int { return yearDays(year) * dayHours }

func yearDays(year int) int {
	if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 366
	}
	return 365
}

// YearOf returns the calendar year (UTC+1) that the hour belongs to.
func YearOf(h reading.Hour) int { return UTCPlusOne().YearOf(h) }

// YearHours returns the first hour of the calendar year (UTC+1) and a value for
// each of its hours: reading.Missing where h has none. The values may share
// memory with h and must not be changed.
func YearHours(h Hours, year int) (first reading.Hour, values []int32) {
	first = YearStart(year)
	values, _ = h.cut(first, YearLength(year), nil)
	return first, values
}

// cut returns n values from first on, reading.Missing where h has none: a part
// of h where it has them all, otherwise built in buf, which is returned for the
// next time.
func (h Hours) cut(first reading.Hour, n int, buf []int32) (values, reuse []int32) {
	outside := len(h.Values) == 0 || h.First >= first+reading.Hour(n) || h.First < first-reading.Hour(len(h.Values))
	off := int(first - h.First)
	if !outside && off >= 0 && len(h.Values)-off >= n {
		return h.Values[off : off+n : off+n], buf
	}
	if cap(buf) < n {
		buf = make([]int32, n)
	}
	values = buf[:n]
	for i := range values {
		values[i] = reading.Missing
	}
	switch {
	case outside:
	case off >= 0:
		copy(values, h.Values[off:])
	default:
		copy(values[-off:], h.Values)
	}
	return values, buf
}

// Sum is an exact mean that was not divided yet: Total of N values, in steps of
// Scale. The zero value has no values.
type Sum struct {
	Total int64
	N     int
	Scale Scale
}

// Mean returns the mean in the property's unit; ok is false without values.
func (s Sum) Mean() (mean float64, ok bool) {
	if s.N == 0 {
		return 0, false
	}
	if s.Scale == (Scale{}) {
		return float64(s.Total) / float64(s.N) / reading.HourScale, true
	}
	return s.Scale.value(float64(s.Total), s.N), true
}

// Above reports whether the mean is above the limit, in 1/reading.HourScale
// unit. The comparison is exact: a mean that equals the limit is not above it.
func (s Sum) Above(limit int64) bool { return s.N > 0 && s.Compare(limit) > 0 }

// Compare compares the mean with the limit, in 1/reading.HourScale unit, exactly:
// -1 below, 0 equal, 1 above. It must not be called without values.
func (s Sum) Compare(limit int64) int {
	num, den := s.Scale.hourSteps()
	return compareProducts(s.Total, num, limit, den*int64(s.N))
}

// compareMean compares the means of two sums of one scale; both have values.
func (s Sum) compareMean(t Sum) int {
	return compareProducts(s.Total, int64(t.N), t.Total, int64(s.N))
}

// Stats are the statistics of one series over one calendar year. They are
// computed once and serve every norm of the property.
type Stats struct {
	Year int
	// Sum is over the valid hours.
	Sum Sum
	// Hours is the number of hours of the whole year, HoursOver of those that
	// are over.
	Hours, HoursOver int
	// Days is the number of days of the year, DaysOver of those that are over,
	// DaysValid of those with enough valid hours.
	Days, DaysOver, DaysValid int
	// First is the first hour of the year.
	First reading.Hour

	span   Span
	source Hours // the vector that values is a part of
	values []int32
	days   []Sum   // N is 0 where the day has no valid mean
	peak   int32   // the highest valid hour of the year, reading.Missing without any
	peaks  []int32 // the same of each day that is over
	starts []int32 // first hour of each day and of the next year, from First; nil when all days have 24
	buf    []int32 // of values, when source does not hold the whole year
}

// StatsOf computes the statistics of the year in the span. The result may share
// memory with h, which must not be changed while it is in use.
func StatsOf(h Hours, s Span) *Stats {
	st := &Stats{}
	st.Compute(h, s)
	return st
}

// Compute is StatsOf into s, which it overwrites. It allocates nothing when s was
// used before and h holds the whole year of a basis whose days have 24 hours.
func (s *Stats) Compute(h Hours, span Span) {
	n := s.calendar(span)
	values, buf := h.cut(s.First, n, s.buf)
	*s = Stats{
		Year: span.Year, Hours: n, HoursOver: n, Days: yearDays(span.Year), First: s.First, Sum: Sum{Scale: h.Scale},
		peak: reading.Missing, span: span, source: h, days: s.days, peaks: s.peaks, starts: s.starts, buf: buf,
	}
	if span.Until != 0 {
		s.HoursOver = int(min(max(span.Until-s.First, 0), reading.Hour(n)))
	}
	s.values = values[:s.HoursOver]
	s.DaysOver = s.Days
	for s.DaysOver > 0 && s.dayStart(s.DaysOver) > s.HoursOver {
		s.DaysOver--
	}
	if cap(s.days) < s.DaysOver {
		s.days, s.peaks = make([]Sum, s.Days), make([]int32, s.Days)
	}
	s.days, s.peaks = s.days[:s.DaysOver], s.peaks[:s.DaysOver]
	if s.starts == nil {
		s.passEvenDays()
	} else {
		s.passDays()
	}
	rest, peak := pass(s.values[s.dayStart(s.DaysOver):])
	s.Sum.Total += rest.Total
	s.Sum.N += rest.N
	s.peak = max(s.peak, peak)
}

// calendar sets First and starts, and returns the number of hours of the year.
func (s *Stats) calendar(span Span) int {
	s.First = span.Basis.YearStart(span.Year)
	days := yearDays(span.Year)
	if _, even := span.Basis.fixed(); even {
		s.starts = nil
		return days * dayHours
	}
	s.starts = make([]int32, days+1)
	for d := range s.starts {
		s.starts[d] = int32(span.Basis.DayStart(span.Year, time.January, 1+d) - s.First)
	}
	return int(s.starts[days])
}

// dayStart is the first hour of day d, counted from First.
func (s *Stats) dayStart(d int) int {
	if s.starts == nil {
		return d * dayHours
	}
	return int(s.starts[d])
}

func (s *Stats) passEvenDays() {
	need := s.span.DayCapture.Needs(dayHours)
	// Kept apart from s until the end, so that no day waits for memory.
	values, days, peaks, sum, highest, valid := s.values, s.days, s.peaks, s.Sum, s.peak, 0
	for d := range min(len(days), len(peaks)) {
		total, n, peak := dayPass((*[dayHours]int32)(values[d*dayHours:]))
		sum.Total += total
		sum.N += n
		peaks[d] = peak
		highest = max(highest, peak)
		if n >= need {
			days[d] = Sum{total, n, sum.Scale}
			valid++
		} else {
			days[d] = Sum{}
		}
	}
	s.Sum, s.peak, s.DaysValid = sum, highest, valid
}

func (s *Stats) passDays() {
	for d := range s.days {
		hours := s.day(d)
		day, peak := pass(hours)
		s.Sum.Total += day.Total
		s.Sum.N += day.N
		s.peaks[d], s.days[d] = peak, Sum{}
		s.peak = max(s.peak, peak)
		if day.N >= s.span.DayCapture.Needs(len(hours)) {
			day.Scale = s.Sum.Scale
			s.days[d] = day
			s.DaysValid++
		}
	}
}

// day returns the hours of day d, which must be over.
func (s *Stats) day(d int) []int32 { return s.values[s.dayStart(d):s.dayStart(d+1)] }

// Running tells that the year is not over yet.
func (s *Stats) Running() bool { return s.HoursOver < s.Hours }

// DayMean returns the exact mean of day d, counted from 0 on 1 January; ok is
// false when the day has too few valid hours or is not over.
func (s *Stats) DayMean(d int) (mean Sum, ok bool) {
	if d < 0 || d >= len(s.days) || s.days[d].N == 0 {
		return Sum{}, false
	}
	return s.days[d], true
}

// HoursAbove counts the valid hour means above the limit, in
// 1/reading.HourScale unit.
func (s *Stats) HoursAbove(limit int64) int {
	t := s.Sum.Scale.threshold(limit, 1)
	if int64(s.peak) <= t {
		return 0
	}
	n := 0
	for d, peak := range s.peaks {
		// Few days reach a limit; Missing is the least int32.
		if int64(peak) > t && peak != reading.Missing {
			n += hoursAbove(s.day(d), t)
		}
	}
	return n + hoursAbove(s.values[s.dayStart(s.DaysOver):], t)
}

func hoursAbove(values []int32, threshold int64) int {
	n := 0
	for _, v := range values {
		// A limit below Missing would count it.
		if int64(v) > threshold && v != reading.Missing {
			n++
		}
	}
	return n
}

// DaysAbove counts the valid day means above the limit, in 1/reading.HourScale
// unit.
func (s *Stats) DaysAbove(limit int64) int { return CountAbove(s.days, limit) }

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
	s, _ := pass(values)
	s.Scale = h.Scale
	mean, _ := s.Mean()
	return Annual{Mean: mean, Valid: s.N, Expected: len(values)}
}
