package main

import (
	"math"
	"sync"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// The limits that are counted, in µg/m³.
const (
	hourLimit = 200
	dayLow    = 25
	dayHigh   = 50
	high      = 99.8
)

// answer is what is computed of every station-year, added up over the stations
// so that two programs can be compared.
type answer struct {
	means, percentiles, maxima float64
	valid, validDays           int
	hoursAbove                 int
	daysAboveLow, daysAboveUp  int
}

func (a *answer) add(b answer) {
	a.means += b.means
	a.percentiles += b.percentiles
	a.maxima += b.maxima
	a.valid += b.valid
	a.validDays += b.validDays
	a.hoursAbove += b.hoursAbove
	a.daysAboveLow += b.daysAboveLow
	a.daysAboveUp += b.daysAboveUp
}

// compute does the stations [from, to) in the memory of one.
func (t *town) compute(from, to int) (sum answer) {
	var s norm.Stats
	span := norm.Span{Year: year}
	for i := from; i < to; i++ {
		s.Compute(t.station(i), span)
		mean, _ := s.Sum.Mean()
		percentile, _ := s.Percentile(high)
		top, _ := s.MaxHour()
		maximum, _ := top.Mean()
		sum.add(answer{
			means: mean, percentiles: percentile, maxima: maximum,
			valid: s.Sum.N, validDays: s.DaysValid,
			hoursAbove:   s.HoursAbove(hourLimit * reading.HourScale),
			daysAboveLow: s.DaysAbove(dayLow * reading.HourScale),
			daysAboveUp:  s.DaysAbove(dayHigh * reading.HourScale),
		})
	}
	return sum
}

// split runs fn over the stations in as many goroutines as workers.
func (t *town) split(workers int, fn func(worker, from, to int)) {
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { fn(w, t.stations*w/workers, t.stations*(w+1)/workers) })
	}
	wg.Wait()
}

func (t *town) computeAll(workers int) (sum answer) {
	parts := make([]answer, workers)
	t.split(workers, func(w, from, to int) { parts[w] = t.compute(from, to) })
	for _, p := range parts {
		sum.add(p)
	}
	return sum
}

// near reports whether two sums over the stations are the same but for the last
// digits of a float.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Abs(a) }
