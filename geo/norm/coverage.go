package norm

import (
	"time"

	"buurtmeter/ingest/reading"
)

// What a period of a year must have valid values for, in percent.
const (
	// Coverage2024 is (EU) 2024/2881 Annex V B, "for specific periods (quarter,
	// month, weekday)" as for the year.
	Coverage2024 = 85
	// Coverage2008 is 2008/50/EC Annex XI.A, before calibration and maintenance
	// are taken off.
	Coverage2008 = 90
)

// Period is a part of a year with the mean of its valid hours.
type Period struct {
	// First is its first hour, End the first hour after it. The hours of a weekday
	// lie spread between them.
	First, End reading.Hour
	// Hours is how many hours it has, Over how many of those are over.
	Hours, Over int
	// Sum is over the valid hours.
	Sum Sum
}

// Coverage returns the share of all its hours that are valid, 0 to 1.
func (p Period) Coverage() float64 { return share(p.Sum.N, p.Hours) }

// Covered reports whether at least that many percent of its hours are valid.
func (p Period) Covered(percent int) bool { return 100*p.Sum.N >= percent*p.Hours }

// Mean returns the exact mean; ok is false when fewer of its hours are valid
// than c needs.
func (p Period) Mean(c Capture) (mean Sum, ok bool) {
	if p.Sum.N < c.Needs(p.Hours) {
		return Sum{}, false
	}
	return p.Sum, true
}

// add joins a part to the period. Parts come in the order of time.
func (p *Period) add(q Period) {
	if p.Hours == 0 {
		p.First = q.First
	}
	p.End = q.End
	p.Hours += q.Hours
	p.Over += q.Over
	p.Sum = Sum{p.Sum.Total + q.Sum.Total, p.Sum.N + q.Sum.N, q.Sum.Scale}
}

// YearPeriod returns the year as a period.
func (s *Stats) YearPeriod() Period {
	return Period{First: s.First, End: s.First + reading.Hour(s.Hours), Hours: s.Hours, Over: s.HoursOver, Sum: s.Sum}
}

// period returns the days [from, to) as a period.
func (s *Stats) period(from, to int) Period {
	a, b := s.dayStart(from), s.dayStart(to)
	over := min(b, s.HoursOver) - min(a, s.HoursOver)
	sum, _ := pass(s.values[min(a, s.HoursOver) : min(a, s.HoursOver)+over])
	sum.Scale = s.Sum.Scale
	return Period{First: s.First + reading.Hour(a), End: s.First + reading.Hour(b), Hours: b - a, Over: over, Sum: sum}
}

// monthDay returns the number of the first day of the month, counted from 0 on
// 1 January; the month after December begins the next year.
func (s *Stats) monthDay(m time.Month) int {
	if m > time.December {
		return s.Days
	}
	return time.Date(s.Year, m, 1, 0, 0, 0, 0, time.UTC).YearDay() - 1
}

// Months returns the months, January first.
func (s *Stats) Months() [12]Period {
	var months [12]Period
	for i := range months {
		m := time.January + time.Month(i)
		months[i] = s.period(s.monthDay(m), s.monthDay(m+1))
	}
	return months
}

// Quarters returns the quarters.
func (s *Stats) Quarters() [4]Period {
	var quarters [4]Period
	for i, m := range s.Months() {
		quarters[i/3].add(m)
	}
	return quarters
}

// Weekdays returns the days of the week, Sunday first as time.Weekday counts.
func (s *Stats) Weekdays() [7]Period {
	var days [7]Period
	first := time.Date(s.Year, time.January, 1, 0, 0, 0, 0, time.UTC).Weekday()
	for d := range s.Days {
		days[(int(first)+d)%len(days)].add(s.period(d, d+1))
	}
	return days
}

// Summer and winter of O3: April to September, and the other six months.
const (
	summerFrom = time.April
	summerTill = time.September
)

// Seasons returns the summer half-year (April to September) and the winter half
// (the other months of the same calendar year).
func (s *Stats) Seasons() (summer, winter Period) {
	for i, p := range s.Months() {
		if m := time.January + time.Month(i); m >= summerFrom && m <= summerTill {
			summer.add(p)
		} else {
			winter.add(p)
		}
	}
	return summer, winter
}

// O3YearCovered reports whether a year mean of O3 is valid: 75 % of the hours of
// summer and of winter, each by itself (2008/50/EC Annex VII).
func (s *Stats) O3YearCovered() bool {
	summer, winter := s.Seasons()
	percent := int(ThreeQuarters) / 10_000
	return summer.Covered(percent) && winter.Covered(percent)
}

// o3MonthDays and o3Months are what a count of exceedance days of O3 needs:
// 27 valid days in a month, in five of the six summer months (2008/50/EC
// Annex VII).
const (
	o3MonthDays = 27
	o3Months    = 5
)

// O3DaysCovered reports whether a year's number of days above a limit for the
// daily maximum 8-hour mean of O3 is valid: at least five of the months April to
// September have at least 27 days with a value. daily comes from DailyMax8.
func (s *Stats) O3DaysCovered(daily []Sum) bool {
	covered := 0
	for m := summerFrom; m <= summerTill; m++ {
		valid := 0
		for d := s.monthDay(m); d < min(s.monthDay(m+1), len(daily)); d++ {
			if daily[d].N > 0 {
				valid++
			}
		}
		if valid >= o3MonthDays {
			covered++
		}
	}
	return covered >= o3Months
}
