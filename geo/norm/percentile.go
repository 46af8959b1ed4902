package norm

import (
	"math"
	"slices"

	"buurtmeter/ingest/reading"
)

// wholePercent is 100 % in millionths of a percent, in which percentiles are
// computed, so that a rank never depends on how a fraction is rounded.
const wholePercent = 100_000_000

// millionths returns the percentile as an integer, within 0 to 100 %.
func millionths(percent float64) int64 {
	if math.IsNaN(percent) {
		return 0
	}
	return int64(math.Round(min(max(percent, 0), 100) * 1e6))
}

// nearestRank returns the place, from 0, of the percentile among n values in
// ascending order: k = round(q·n), halves up, counted from 1. This is the rule of
// Council Decision 97/101/EC, which was not read; UK law refers to it.
func nearestRank(percent float64, n int) int {
	k := (millionths(percent)*int64(n) + wholePercent/2) / wholePercent
	return int(min(max(k, 1), int64(n))) - 1
}

// type7 returns the place below the percentile, from 0, and how far towards the
// next it lies: h = (n-1)q, linear between neighbours, as R and openair.
func type7(percent float64, n int) (place int, part float64) {
	h := millionths(percent) * int64(n-1)
	return int(h / wholePercent), float64(h%wholePercent) / wholePercent
}

// Type7 returns the percentile by type 7, 0 to 100, of numbers in ascending
// order, of which there must be one.
func Type7(percent float64, sorted []float64) float64 {
	place, part := type7(percent, len(sorted))
	low, high := sorted[place], sorted[min(place+1, len(sorted)-1)]
	return low + part*(high-low)
}

// Distribution is a set of means in ascending order.
type Distribution struct {
	steps []int32 // of single values
	means []Sum   // otherwise
	scale Scale
}

// HourDistribution returns the valid hour means of the year.
func (s *Stats) HourDistribution() Distribution {
	steps := make([]int32, 0, s.Sum.N)
	for _, v := range s.values {
		if v != reading.Missing {
			steps = append(steps, v)
		}
	}
	slices.Sort(steps)
	return Distribution{steps: steps, scale: s.Sum.Scale}
}

// DayDistribution returns the valid day means of the year.
func (s *Stats) DayDistribution() Distribution { return DistributionOf(s.days) }

// DistributionOf returns those of the means that have a value; all are of one
// scale.
func DistributionOf(means []Sum) Distribution {
	valid := make([]Sum, 0, len(means))
	for _, m := range means {
		if m.N > 0 {
			valid = append(valid, m)
		}
	}
	slices.SortFunc(valid, Sum.compareMean)
	return Distribution{means: valid}
}

// Len returns the number of means.
func (d Distribution) Len() int { return len(d.steps) + len(d.means) }

// at returns the mean at the place.
func (d Distribution) at(i int) Sum {
	if d.steps != nil {
		return Sum{int64(d.steps[i]), 1, d.scale}
	}
	return d.means[i]
}

// NearestRank returns the percentile by nearest rank, 0 to 100: a measured value,
// so that it compares with a limit exactly. ok is false without values.
func (d Distribution) NearestRank(percent float64) (v Sum, ok bool) {
	if d.Len() == 0 {
		return Sum{}, false
	}
	return d.at(nearestRank(percent, d.Len())), true
}

// Percentile returns the percentile by type 7, 0 to 100, in the property's unit;
// 50 is the median. ok is false without values.
func (d Distribution) Percentile(percent float64) (v float64, ok bool) {
	n := d.Len()
	if n == 0 {
		return 0, false
	}
	place, part := type7(percent, n)
	low, high := d.at(place), d.at(min(place+1, n-1))
	return between(low, high, part), true
}

// between returns the value that lies part of the way from low to high.
func between(low, high Sum, part float64) float64 {
	// On the steps themselves, so that one conversion is left at the end.
	a, b := float64(low.Total)/float64(low.N), float64(high.Total)/float64(high.N)
	return low.Scale.value(a+part*(b-a), 1)
}

// MaxHour returns the highest valid hour mean, as a sum of one value; ok is false
// without values.
func (s *Stats) MaxHour() (v Sum, ok bool) {
	if s.Sum.N == 0 {
		return Sum{}, false
	}
	return Sum{int64(s.peak), 1, s.Sum.Scale}, true
}

// MinHour returns the lowest valid hour mean, as a sum of one value; ok is false
// without values.
func (s *Stats) MinHour() (v Sum, ok bool) {
	if s.Sum.N == 0 {
		return Sum{}, false
	}
	low := int32(math.MaxInt32)
	for _, v := range s.values {
		if v != reading.Missing {
			low = min(low, v)
		}
	}
	return Sum{int64(low), 1, s.Sum.Scale}, true
}

// MaxDay and MinDay return the highest and the lowest valid day mean; ok is
// false when no day is valid.
func (s *Stats) MaxDay() (v Sum, ok bool) {
	v, n := Highest(s.days)
	return v, n > 0
}

// MinDay returns the lowest valid day mean; ok is false when no day is valid.
func (s *Stats) MinDay() (v Sum, ok bool) {
	v, n := Lowest(s.days)
	return v, n > 0
}

// Percentile returns HourDistribution().Percentile. High percentiles, those with
// fewer than 64 hours of the year above them, are found without sorting and
// without an allocation.
func (s *Stats) Percentile(percent float64) (v float64, ok bool) {
	n := s.Sum.N
	if n == 0 {
		return 0, false
	}
	place, part := type7(percent, n)
	var top [maxTop]int32
	if k := n - place; k <= len(s.peaks) && k <= maxTop {
		s.top(top[:k])
		low, high := top[k-1], top[max(k-2, 0)]
		one := Sum{N: 1, Scale: s.Sum.Scale}
		a, b := one, one
		a.Total, b.Total = int64(low), int64(high)
		return between(a, b, part), true
	}
	return s.HourDistribution().Percentile(percent)
}

// maxTop is how many of the highest hours are searched for one by one.
const maxTop = 64

// top fills the slice with the highest valid hours, the highest first. There are
// at least as many valid hours, and days, as the slice has room for.
func (s *Stats) top(highest []int32) {
	for i := range highest {
		highest[i] = reading.Missing
	}
	floor := reading.Missing
	for _, p := range s.peaks {
		if p > floor {
			floor = insert(highest, p)
		}
	}
	// As many hours as there is room for are at least that high, so that no lower
	// one is among them, and only a day whose peak is higher has a higher hour. The
	// peaks, which come again with their days, make room first.
	for i := range highest {
		highest[i] = floor
	}
	last := floor
	for d, p := range s.peaks {
		if p > last {
			last = insertHours(highest, s.day(d))
		}
	}
	insertHours(highest, s.values[s.dayStart(s.DaysOver):])
}

// insertHours inserts those of the hours that are higher than the last, and
// returns the new last.
func insertHours(descending, hours []int32) int32 {
	last := descending[len(descending)-1]
	for _, v := range hours {
		if v > last {
			last = insert(descending, v)
		}
	}
	return last
}

// insert puts v, which is higher than the last, in its place; the last falls off.
// It returns the new last.
func insert(descending []int32, v int32) int32 {
	i := len(descending) - 1
	for ; i > 0 && descending[i-1] < v; i-- {
		descending[i] = descending[i-1]
	}
	descending[i] = v
	return descending[len(descending)-1]
}
