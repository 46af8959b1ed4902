package norm

import (
	"time"

	"buurtmeter/ingest/reading"
)

// longestYear is the greatest number of hours of a year by any clock.
const longestYear = 366*dayHours + 1

// tally is what a year has of the periods that a norm counts.
type tally struct {
	valid, expected int
	// covered tells that enough of the whole year was measured, gap why the year
	// cannot be told as a whole.
	covered bool
	gap     Reason
}

// tally adds the year's periods to k, the first as period from.
//
// A norm that asks for several periods in a row counts every period that is the
// last of so many that are all above the value, so that three hours in a row
// count once and four twice. The lowest of them stands for them, with its own
// uncertainty.
func (s *Stats) tally(n Norm, k *counter, from int) tally {
	if n.Averaging == Hourly {
		if n.Consecutive > 1 {
			k.addRows(s.hourSums(), n.Consecutive, from)
		} else {
			k.addHours(s.values, s.Sum.Scale, from)
		}
		return s.tallied(s.Sum.N, s.Hours, s.HoursOver)
	}
	days := s.days
	if n.Averaging == EightHour {
		days = s.DailyMax8()
	}
	k.addRows(days, max(1, n.Consecutive), from)
	valid := 0
	for _, d := range days {
		if d.N > 0 {
			valid++
		}
	}
	t := s.tallied(valid, s.Days, s.DaysOver)
	if n.Averaging == EightHour && n.Property == reading.O3 {
		t.covered = s.summerCovered(days)
		switch {
		case s.Running():
		case t.covered:
			t.gap = ReasonNone
		default:
			t.gap = ReasonCoverage
		}
	}
	return t
}

func (s *Stats) tallied(valid, expected, over int) tally {
	return tally{valid: valid, expected: expected, covered: covered(valid, expected), gap: s.incomplete(valid, expected, over)}
}

// Days with too little ozone for an exceedance are of no use to a count of
// exceedances, and days that are missing in summer would hide them.
const (
	summerMonths    = 5
	summerMonthDays = 27
)

// summerCovered reports whether days with a value are enough to count the
// exceedances of O3 in the year: at least 27 in each of at least five of the six
// months from April to September (2008/50/EC Annex VII).
func (s *Stats) summerCovered(days []Sum) bool {
	months := 0
	for m := time.April; m <= time.September; m++ {
		valid := 0
		for d := s.monthDay(m); d < min(s.monthDay(m+1), len(days)); d++ {
			if days[d].N > 0 {
				valid++
			}
		}
		if valid >= summerMonthDays {
			months++
		}
	}
	return months >= summerMonths
}

// hourSums returns the hours that are over as means of one value; N is 0 where
// there is none.
func (s *Stats) hourSums() []Sum {
	sums := make([]Sum, len(s.values))
	for i, x := range s.values {
		if x != reading.Missing {
			sums[i] = Sum{int64(x), 1, s.Sum.Scale}
		}
	}
	return sums
}

// addRows takes in every `row` periods in a row that all have a value, by the
// lowest of them.
func (c *counter) addRows(periods []Sum, row, from int) {
	if row == 1 {
		for i := range periods {
			c.add(from+i, periods[i])
		}
		return
	}
	for i := row; i <= len(periods); i++ {
		if lowest, valid := Lowest(periods[i-row : i]); valid == row {
			c.add(from+i-1, lowest)
		}
	}
}
