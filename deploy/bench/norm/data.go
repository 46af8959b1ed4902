package main

import (
	"math"
	"math/rand/v2"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// year is the calendar year of the data; its vectors are laid out as the product
// reads them from month blocks.
const (
	year  = 2023
	hours = 365 * 24
)

// town holds the hour means of all stations one after the other.
type town struct {
	values   []int32
	stations int
	valid    int
}

func (t *town) station(i int) norm.Hours {
	return norm.Hours{First: norm.YearStart(year), Values: t.values[i*hours : (i+1)*hours : (i+1)*hours]}
}

// generate makes station-years of PM2.5 from the seed: the logarithm is a
// first-order autoregression on a day cycle, the resolution is 0.1 µg/m³, and
// outages of about two days take away a little less than 7 % of the hours.
func generate(stations int, seed uint64) *town {
	t := &town{values: make([]int32, stations*hours), stations: stations}
	const persistence, scatter = 0.97, 0.155
	var cycle [24]float64
	for h := range cycle {
		cycle[h] = 0.25 * math.Cos(2*math.Pi*float64(h-20)/24)
	}
	for i := range stations {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		level := 2 + 0.25*rnd.NormFloat64()
		x := rnd.NormFloat64() * scatter / math.Sqrt(1-persistence*persistence)
		outage := 0
		v := t.values[i*hours : (i+1)*hours]
		for h := range v {
			x = persistence*x + scatter*rnd.NormFloat64()
			if outage == 0 && rnd.IntN(650) == 0 {
				outage = 1 + int(rnd.ExpFloat64()*47)
			}
			if outage > 0 {
				outage--
				v[h] = reading.Missing
				continue
			}
			tenths := math.Round(10 * math.Exp(level+cycle[h%24]+x))
			v[h] = int32(tenths) * (reading.HourScale / 10)
			t.valid++
		}
	}
	return t
}
