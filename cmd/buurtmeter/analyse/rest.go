package analyse

import (
	"math"
	"slices"
	"time"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// restPart is the part of a step in which what was rounded off a value is kept.
const restPart = 1_000_000_000

// rest returns what in(places) rounds off, in 1/restPart of a step.
func (d Decimal) rest(places int) int64 {
	if places >= d.Places {
		return 0
	}
	unit := pow10(d.Places - places)
	q, _ := divide(d.Unscaled, unit)
	return int64(math.Round(float64(d.Unscaled-q*unit) / float64(unit) * restPart))
}

// keep adds what was rounded off a value to that of its hour.
func (p *page) keep(i int, rest int64) {
	if rest == 0 {
		return
	}
	if p.rest == nil {
		p.rest = new([pageHours]int64)
	}
	p.rest[i] += rest
}

// restOf is what was rounded off the values of an hour.
func (p *page) restOf(i int) int64 {
	if p.rest == nil {
		return 0
	}
	return p.rest[i]
}

// rescale gives the values of the page one decimal more, or one less, and
// returns how many of them that rounds.
func (p *page) rescale(more bool) (rounded int) {
	change := func(i int, v int64) int64 {
		rest := p.restOf(i)
		if more {
			whole, _ := divide(10*rest, restPart)
			p.keep(i, 9*rest-whole*restPart)
			return 10*v + whole
		}
		q, exact := divide(v, 10)
		if !exact {
			rounded++
		}
		tenth, _ := divide((v-10*q)*restPart+rest, 10)
		p.keep(i, tenth-rest)
		return q
	}
	if p.fine != nil {
		for i, v := range p.fine.sum {
			p.fine.sum[i] = change(i, v)
		}
		return rounded
	}
	for i, v := range p.values {
		if v != reading.Missing {
			p.values[i] = int32(change(i, int64(v)))
		}
	}
	return rounded
}

// refine sets the figures of a report right by what was rounded off each hour,
// in steps of its scale: those that are shown keep all digits of the file, while
// counts and verdicts compare the steps.
func (r *hoursRules) refine(y *yearReport, st *norm.Stats, hours []int32, rests []float64) {
	var all []float64
	sum := 0.0
	for i, v := range hours {
		if v != reading.Missing {
			all = append(all, float64(v)+rests[i])
			sum += rests[i]
		}
	}
	if len(all) == 0 {
		return
	}
	step := st.Sum.Scale.Float()
	slices.Sort(all)
	y.Mean, y.Max = Number((float64(st.Sum.Total)+sum)/float64(len(all))*step), Number(all[len(all)-1]*step)
	for _, p := range percentiles() {
		y.Percentiles[percentileKey(p)] = Number(norm.Type7(p, all) * step)
	}
	highest := math.Inf(-1)
	for d := range st.Days {
		day, ok := st.DayMean(d)
		if !ok {
			continue
		}
		total := float64(day.Total)
		for h := r.basis.DayStart(y.Year, time.January, 1+d); h < r.basis.DayStart(y.Year, time.January, 2+d); h++ {
			total += rests[h-st.First]
		}
		highest = max(highest, total/float64(day.N)*step)
	}
	if st.DaysValid > 0 {
		y.MaxDay = Number(highest)
	}
}
