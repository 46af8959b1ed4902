package norm_test

import (
	"math/rand/v2"
	"testing"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// yearStatistics is what is asked of every station-year: mean, coverage, hours
// above 200, day means with their capture, days above two limits, the 99.8th
// percentile and the maximum. The sum of everything keeps the compiler honest.
func yearStatistics(s *norm.Stats, h norm.Hours, span norm.Span) float64 {
	s.Compute(h, span)
	mean, _ := s.Sum.Mean()
	p, _ := s.Percentile(99.8)
	high, _ := s.MaxHour()
	top, _ := high.Mean()
	return mean + p + top + s.YearPeriod().Coverage() + float64(s.HoursAbove(200*µ)+s.DaysAbove(25*µ)+s.DaysAbove(50*µ)+s.DaysValid)
}

// town returns station-years of hours in tenths, with outages.
func town(stations int) []norm.Hours {
	rnd := rand.New(rand.NewPCG(1, 1))
	out := make([]norm.Hours, stations)
	for i := range out {
		h := year(2023, 0)
		level := rnd.Float64() * 40
		for j := range h.Values {
			level = 0.95*level + 2*rnd.Float64()
			h.Values[j] = int32(level*10) * (µ / 10)
		}
		for range 10 {
			at := rnd.IntN(len(h.Values) - 60)
			fill(h, at, at+60, reading.Missing)
		}
		out[i] = h
	}
	return out
}

// BenchmarkYearStatistics reports the time per hour value of yearStatistics.
// go test -run '^$' -bench YearStatistics -count 10 ./geo/norm | benchstat -
func BenchmarkYearStatistics(b *testing.B) {
	hours := town(500)
	span := norm.Span{Year: 2023}
	var s norm.Stats
	sum := 0.
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		sum += yearStatistics(&s, hours[i%len(hours)], span)
		i++
	}
	if sum == 0 {
		b.Fatal("nothing was computed")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/8760, "ns/value")
}

// TestStatisticsOfAYearAllocateNothing: a town is recomputed in the memory of
// one station.
func TestStatisticsOfAYearAllocateNothing(t *testing.T) {
	hours := town(3)
	span := norm.Span{Year: 2023}
	var s norm.Stats
	i, sum := 0, 0.
	allocations := testing.AllocsPerRun(30, func() {
		sum += yearStatistics(&s, hours[i%len(hours)], span)
		i++
	})
	if allocations != 0 || sum == 0 {
		t.Errorf("%v allocations for a year of one station", allocations)
	}
}
