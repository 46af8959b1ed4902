package norm_test

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// naive is every statistic by its definition: an hour at a time, its day by the
// calendar, and rational numbers.
type naive struct {
	h     norm.Hours
	span  norm.Span
	zone  *time.Location
	hours []reading.Hour         // of the year, that are over
	days  map[int][]reading.Hour // by day of the year, from 1; all hours of the day
	over  map[int]bool           // days that are over
}

func newNaive(h norm.Hours, span norm.Span, zone *time.Location) *naive {
	n := &naive{h: h, span: span, zone: zone, days: map[int][]reading.Hour{}, over: map[int]bool{}}
	from := reading.HourOf(time.Date(span.Year-1, 12, 30, 0, 0, 0, 0, time.UTC))
	to := reading.HourOf(time.Date(span.Year+1, 1, 3, 0, 0, 0, 0, time.UTC))
	for at := from; at < to; at++ {
		local := at.Start().In(zone)
		if local.Year() != span.Year {
			continue
		}
		d := local.YearDay()
		n.days[d] = append(n.days[d], at)
		over := span.Until == 0 || at < span.Until
		if over {
			n.hours = append(n.hours, at)
		}
		n.over[d] = over // the last hour of the day decides
	}
	return n
}

func (n *naive) value(at reading.Hour) (v *big.Rat, ok bool) {
	i := at - n.h.First
	if i < 0 || int(i) >= len(n.h.Values) || n.h.Values[i] == reading.Missing || n.span.Until != 0 && at >= n.span.Until {
		return nil, false
	}
	return big.NewRat(int64(n.h.Values[i])*n.h.Scale.Num, n.h.Scale.Den), true
}

func (n *naive) mean(hours []reading.Hour) (mean *big.Rat, count int) {
	mean = new(big.Rat)
	for _, at := range hours {
		if v, ok := n.value(at); ok {
			mean.Add(mean, v)
			count++
		}
	}
	if count > 0 {
		mean.Quo(mean, big.NewRat(int64(count), 1))
	}
	return mean, count
}

// enough reports whether count of all is the capture, in rational numbers.
func (n *naive) enough(count, all int) bool {
	share := big.NewRat(3, 4)
	switch {
	case n.span.DayCapture < 0:
		share = new(big.Rat)
	case n.span.DayCapture > 0:
		share = big.NewRat(int64(n.span.DayCapture), 1_000_000)
	}
	return count > 0 && big.NewRat(int64(count), int64(all)).Cmp(share) >= 0
}

func (n *naive) dayMean(d int) (*big.Rat, bool) {
	mean, count := n.mean(n.days[d])
	return mean, n.over[d] && n.enough(count, len(n.days[d]))
}

func (n *naive) dailyMax8(d int) (*big.Rat, bool) {
	var top *big.Rat
	valid := 0
	for _, end := range n.days[d] {
		var window []reading.Hour
		for at := end - 7; at <= end; at++ {
			window = append(window, at)
		}
		mean, count := n.mean(window)
		if !n.enough(count, 8) {
			continue
		}
		valid++
		if top == nil || mean.Cmp(top) > 0 {
			top = mean
		}
	}
	return top, n.over[d] && n.enough(valid, len(n.days[d]))
}

func ratOf(s norm.Sum) *big.Rat {
	return new(big.Rat).Mul(big.NewRat(s.Total, int64(s.N)), big.NewRat(s.Scale.Num, s.Scale.Den))
}

// compareWithNaive holds every statistic of s to its definition.
func compareWithNaive(t *testing.T, s *norm.Stats, n *naive, limit int64) {
	t.Helper()
	mean, count := n.mean(n.hours)
	require.Equal(t, count, s.Sum.N)
	require.Equal(t, len(n.hours), s.HoursOver)
	require.Len(t, n.days, s.Days)
	if count > 0 {
		require.Zero(t, mean.Cmp(ratOf(s.Sum)), "mean")
	}
	bar := big.NewRat(limit, reading.HourScale)
	above, values := 0, []*big.Rat{}
	for _, at := range n.hours {
		if v, ok := n.value(at); ok {
			values = append(values, v)
			if v.Cmp(bar) > 0 {
				above++
			}
		}
	}
	require.Equal(t, above, s.HoursAbove(limit), "hours above")
	valid, above, over := 0, 0, 0
	daily := s.DailyMax8()
	for d := 1; d <= s.Days; d++ {
		if n.over[d] {
			over++
		}
		want, ok := n.dayMean(d)
		got, have := s.DayMean(d - 1)
		if ok != have || ok && want.Cmp(ratOf(got)) != 0 {
			t.Fatalf("day %d: %v %t, want %v %t", d, got, have, want, ok)
		}
		if ok {
			valid++
			if want.Cmp(bar) > 0 {
				above++
			}
		}
		want, ok = n.dailyMax8(d)
		have = d <= len(daily) && daily[d-1].N > 0
		if ok != have || ok && want.Cmp(ratOf(daily[d-1])) != 0 {
			t.Fatalf("8-hour maximum of day %d: want %v %t, have %t", d, want, ok, have)
		}
	}
	require.Equal(t, []int{over, valid, above}, []int{s.DaysOver, s.DaysValid, s.DaysAbove(limit)}, "days over, valid, above")
	compareOrder(t, s, values)
}

func compareOrder(t *testing.T, s *norm.Stats, values []*big.Rat) {
	t.Helper()
	slices.SortFunc(values, func(a, b *big.Rat) int { return a.Cmp(b) })
	d := s.HourDistribution()
	require.Equal(t, len(values), d.Len())
	top, ok := s.MaxHour()
	require.Equal(t, len(values) > 0, ok)
	if !ok {
		_, ok = s.Percentile(50)
		require.False(t, ok)
		return
	}
	require.Zero(t, values[len(values)-1].Cmp(ratOf(top)))
	low, _ := s.MinHour()
	require.Zero(t, values[0].Cmp(ratOf(low)))
	for _, q := range []float64{0, 50, 95, 99.79, 99.8, 99.97, 100} {
		place := q / 100 * float64(len(values)-1)
		i := min(int(place+1e-9), len(values)-1)
		a, _ := values[i].Float64()
		b, _ := values[min(i+1, len(values)-1)].Float64()
		want := a + max(place-float64(i), 0)*(b-a)
		got, _ := s.Percentile(q)
		assert.InDelta(t, want, got, 1e-6*(1+max(want, -want)), "%v", q)
		slow, _ := d.Percentile(q)
		assert.InDelta(t, slow, got, 0, "%v: with and without sorting", q)
		_, ok := d.NearestRank(q)
		assert.True(t, ok)
	}
}

// TestStatisticsAreTheirDefinitions compares the engine with the definitions, over
// random data, bases, captures, scales and moments within the year.
func TestStatisticsAreTheirDefinitions(t *testing.T) {
	zones := []string{"Europe/Amsterdam", "America/Sao_Paulo", "Asia/Kolkata"} // two change clocks, one at midnight; one is half an hour off
	scales := []norm.Scale{{Num: 1, Den: reading.HourScale}, {Num: 153, Den: 800}, {Num: 1, Den: 1}, {Num: 7, Den: 3}}
	captures := []norm.Capture{0, norm.AnyValue, 500_000, 1_000_000}
	rnd := rand.New(rand.NewPCG(7, 7))
	for round := range 10 {
		span := norm.Span{Year: 2016 + round%2, DayCapture: captures[rnd.IntN(len(captures))]}
		zone := time.FixedZone("", 3600)
		switch k := round % 5; k {
		case 0:
		case 1:
			span.Basis, zone = norm.UTCDays(), time.UTC
		default:
			var err error
			zone, err = time.LoadLocation(zones[k-2])
			require.NoError(t, err)
			span.Basis = norm.CivilDays(zone)
		}
		if rnd.IntN(2) == 0 {
			span.Until = norm.YearStart(span.Year) + reading.Hour(rnd.IntN(9000))
		}
		h := randomHours(rnd, norm.YearStart(span.Year)+reading.Hour(rnd.IntN(600)-300))
		h.Scale = scales[rnd.IntN(len(scales))]
		// The limit is a day mean of the data where there is one, so that days are
		// just at it.
		limit := int64(40 * µ)
		s := norm.StatsOf(h, span)
		if day, ok := s.DayMean(100); ok {
			limit = day.Total * h.Scale.Num * µ / (int64(day.N) * h.Scale.Den)
		}
		compareWithNaive(t, s, newNaive(h, span, zone), limit)
	}
}

// randomHours are a few levels with gaps of every length, so that equal values
// and equal means are common.
func randomHours(rnd *rand.Rand, first reading.Hour) norm.Hours {
	h := norm.Hours{First: first, Values: make([]int32, 9000)}
	levels := 1 + rnd.IntN(100)
	for i := 0; i < len(h.Values); {
		gap, run := rnd.IntN(2) == 0, 1+rnd.IntN(1<<rnd.IntN(9))
		for ; run > 0 && i < len(h.Values); run, i = run-1, i+1 {
			h.Values[i] = reading.Missing
			if !gap {
				h.Values[i] = int32(rnd.IntN(levels)) - 5
			}
		}
	}
	return h
}
