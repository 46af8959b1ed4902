package norm

import (
	"time"

	"buurtmeter/ingest/reading"
)

// Align says which hour a running mean stands at.
type Align uint8

const (
	// Ending stands at the last hour of its window, as the law has it.
	Ending Align = iota
	// Centred stands at the middle of its window, of two middle hours the first.
	Centred
)

// eight is the width of the running means of O3 and CO, in hours.
const eight = 8

// Running returns the running mean over width hours at every hour of h. N is 0
// where fewer hours of the window are valid than c needs; hours before and after
// the vector are not valid.
func Running(h Hours, width int, a Align, c Capture) []Sum {
	if width <= 0 {
		return nil
	}
	ahead := 0
	if a == Centred {
		ahead = width / 2
	}
	means := make([]Sum, len(h.Values))
	window, need := Sum{Scale: h.Scale}, c.Needs(width)
	for i := -ahead; i < len(h.Values); i++ {
		if in := i + ahead; in < len(h.Values) && h.Values[in] != reading.Missing {
			window.Total += int64(h.Values[in])
			window.N++
		}
		if out := i + ahead - width; out >= 0 && out < len(h.Values) && h.Values[out] != reading.Missing {
			window.Total -= int64(h.Values[out])
			window.N--
		}
		if i >= 0 && window.N >= need {
			means[i] = window
		}
	}
	return means
}

// RunningMeans is Running over the hours of the year that are over and no
// others, with the capture of the span.
func (s *Stats) RunningMeans(width int, a Align) []Sum {
	return Running(Hours{First: s.First, Values: s.values, Scale: s.Sum.Scale}, width, a, s.span.DayCapture)
}

// DailyMax8 returns for each day that is over the highest of its running 8-hour
// means; N is 0 where the day has none. A running mean belongs to the day in
// which it ends, so that the first of a day runs from 17:00 of the day before to
// 01:00. It takes 6 of 8 valid hours, and the day 18 of 24 running means
// (2008/50/EC Annexes VII and XI); another capture of the span holds for both.
func (s *Stats) DailyMax8() []Sum {
	const before = eight - 1
	values, _ := s.source.cut(s.First-before, before+s.HoursOver, nil)
	means := Running(Hours{Values: values, Scale: s.Sum.Scale}, eight, Ending, s.span.DayCapture)[before:]
	days := make([]Sum, s.DaysOver)
	for d := range days {
		day := means[s.dayStart(d):s.dayStart(d+1)]
		highest, n := Highest(day)
		if n > 0 && n >= s.span.DayCapture.Needs(len(day)) {
			days[d] = highest
		}
	}
	return days
}

// DailyMaxHour returns for each day that is over its highest hour mean, as a sum
// of one value; N is 0 where the day has no valid mean.
func (s *Stats) DailyMaxHour() []Sum {
	days := make([]Sum, s.DaysOver)
	for d := range days {
		if s.days[d].N > 0 {
			days[d] = Sum{int64(s.peaks[d]), 1, s.Sum.Scale}
		}
	}
	return days
}

// Highest returns the highest of the means, which are of one scale, and how many
// have a value.
func Highest(means []Sum) (highest Sum, valid int) {
	for _, m := range means {
		if m.N == 0 {
			continue
		}
		if valid == 0 || m.compareMean(highest) > 0 {
			highest = m
		}
		valid++
	}
	return highest, valid
}

// Lowest returns the lowest of the means, which are of one scale, and how many
// have a value.
func Lowest(means []Sum) (lowest Sum, valid int) {
	for _, m := range means {
		if m.N == 0 {
			continue
		}
		if valid == 0 || m.compareMean(lowest) < 0 {
			lowest = m
		}
		valid++
	}
	return lowest, valid
}

// CountAbove counts the means above the limit, in 1/reading.HourScale unit. All
// are of one scale.
func CountAbove(means []Sum, limit int64) int {
	// A mean of few values, as nearly all are, is one comparison of integers.
	var thresholds [64]int64
	var known uint64
	above := 0
	for i := range means {
		m := &means[i]
		n := uint(m.N)
		if n < uint(len(thresholds)) && known&(1<<n) != 0 {
			if m.Total > thresholds[n] {
				above++
			}
			continue
		}
		if m.Above(limit) {
			above++
		}
		if 0 < n && n < uint(len(thresholds)) {
			known |= 1 << n
			thresholds[n] = m.Scale.threshold(limit, m.N)
		}
	}
	return above
}

// seasonMonths is the length of the peak season of O3.
const seasonMonths = 6

// PeakSeason returns the highest mean of the daily maximum 8-hour means over six
// consecutive months, and the first month of the six: what the WHO guideline of
// 2021 for O3 is for. The seasons that lie within the calendar year take part
// (January to June up to July to December), and of those the ones in which the
// capture of the span holds for the days; WHO's text was not read on both points.
func (s *Stats) PeakSeason() (mean Sum, from time.Month, ok bool) {
	daily := s.DailyMax8()
	for m := time.January; m <= time.December-seasonMonths+1; m++ {
		a, b := s.monthDay(m), s.monthDay(m+seasonMonths)
		if b > len(daily) {
			break
		}
		season, valid := seasonMean(daily[a:b])
		if valid < s.span.DayCapture.Needs(b-a) {
			continue
		}
		if !ok || season.compareMean(mean) > 0 {
			mean, from, ok = season, m, true
		}
	}
	return mean, from, ok
}

// eights is a multiple of every number of hours in an 8-hour mean, so that means
// of different numbers add up in integers.
const eights = 840

// seasonMean returns the exact mean of 8-hour means of the same weight each, and
// how many there are.
func seasonMean(daily []Sum) (mean Sum, valid int) {
	for _, d := range daily {
		if d.N > 0 {
			mean.Total += d.Total * (eights / int64(d.N))
			mean.N += eights
			mean.Scale = d.Scale
			valid++
		}
	}
	return mean, valid
}

// The accumulated exposure of plants to ozone counts what is above 80 µg/m³
// between 8:00 and 20:00.
const (
	aotLimit         = 80 * reading.HourScale
	aotFrom, aotTill = 8, 20
)

// AOT40 returns the sum over the months from..to of what the hour means of O3
// between 8:00 and 20:00 of the span's day are above 80 µg/m³ (40 ppb), in
// µg/m³·h, and for how much of that time there are valid hours. Estimate is the
// sum brought to complete coverage (2008/50/EC Annex VII.A: May to July for
// vegetation, April to September for forests). ok is false without a valid hour.
func (s *Stats) AOT40(from, to time.Month) (measured, estimate float64, valid, possible int, ok bool) {
	t := s.Sum.Scale.threshold(aotLimit, 1)
	for i := s.dayStart(s.monthDay(from)); i < s.dayStart(s.monthDay(to+1)); i++ {
		if clock := s.span.Basis.HourOfDay(s.First + reading.Hour(i)); clock < aotFrom || clock >= aotTill {
			continue
		}
		possible++
		if i >= len(s.values) || s.values[i] == reading.Missing {
			continue
		}
		valid++
		if v := int64(s.values[i]); v > t {
			measured += float64(v)*s.Sum.Scale.Float() - aotLimit/reading.HourScale
		}
	}
	if valid == 0 {
		return 0, 0, 0, possible, false
	}
	return measured, measured * float64(possible) / float64(valid), valid, possible, true
}
