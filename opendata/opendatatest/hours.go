package opendatatest

import (
	"hash/fnv"
	"math"
	"time"

	"buurtmeter/ingest/reading"
)

// level is the mean concentration of a series and the months it has hours in.
type level struct {
	mean        float64
	from, until string // months, inclusive
}

// lastHour is the newest hour of the sample.
func lastHour() reading.Hour { return reading.HourOf(time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)) }

func sampleLevels() map[series]level {
	const whole, now = "2025-01", "2026-11"
	return map[series]level{
		{"ref-hemkade", reading.NO2}:               {24, "2024-12", now},
		{"ref-hemkade", reading.PM25}:              {9, "2024-12", now},
		{"ref-hemkade", reading.PM10}:              {21, "2024-12", now},
		{"sim-peldersveld-01", reading.NO2}:        {31, whole, now},
		{"sim-peldersveld-01", reading.PM25}:       {14, whole, now},
		{"sim-peldersveld-01", reading.PM10}:       {26, whole, now},
		{"tube-07", reading.NO2}:                   {47, whole, "2025-12"},
		{"zst-bomenbuurt-01", reading.NO2}:         {17, "2024-12", now},
		{"zst-bomenbuurt-01", reading.PM25}:        {4.2, "2024-12", now},
		{"zst-bomenbuurt-01", reading.PM10}:        {12, "2024-12", now},
		{"zst-bomenbuurt-02", reading.PM25}:        {11, "2025-06", "2025-08"},
		{"zst-bomenbuurt-02", reading.PM10}:        {19, "2025-06", "2025-08"},
		{"zst-poelenburg-01", reading.NO2}:         {52, "2024-12", now},
		{"zst-poelenburg-01", reading.PM25}:        {29, "2024-12", now},
		{"zst-poelenburg-01", reading.PM10}:        {33, "2024-12", now},
		{"zst-poelenburg-01", reading.Temperature}: {10.5, "2024-12", now},
		{"zst-poelenburg-02", reading.NO2}:         {37, whole, now},
		{"zst-poelenburg-02", reading.PM25}:        {19, whole, now},
		{"zst-poelenburg-02", reading.PM10}:        {28, whole, now},
		{"zst-poelenburg-03", reading.NO2}:         {43, whole, now},
		{"zst-poelenburg-03", reading.PM25}:        {17, whole, now},
		{"zst-poelenburg-03", reading.PM10}:        {30, whole, now},
		{"zst-zonder-plek", reading.PM25}:          {10, "2026-09", now},
		{"zst-zonder-plek", reading.PM10}:          {18, "2026-09", now},
	}
}

func month(s string) reading.Month {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		panic(err) // the table above is wrong
	}
	return reading.MonthOf(reading.HourOf(t))
}

func sampleBlocks() map[series][]reading.Block {
	bs := map[series][]reading.Block{}
	for k, l := range sampleLevels() {
		h := fnv.New32a()
		_, _ = h.Write([]byte(string(k.station) + "/" + string(k.property))) // a hash never fails
		seed := h.Sum32()
		for m := month(l.from); m <= month(l.until); m++ {
			if k.station == "zst-poelenburg-02" && m == month("2026-03") {
				continue // a whole month is missing: there is no block at all
			}
			b := reading.NewBlock(k.station, k.property, m)
			for i := range b.Values {
				fill(&b, i, l.mean, seed)
			}
			bs[k] = append(bs[k], b)
		}
	}
	return bs
}

// fill gives hour i of the block its value: a day and a year cycle, noise that
// depends on series and hour alone, and now and then what real stations do.
func fill(b *reading.Block, i int, mean float64, seed uint32) {
	hour := b.Month.First() + reading.Hour(i)
	if hour > lastHour() {
		return
	}
	n := noise(seed, uint32(hour))
	switch {
	case n%211 == 3: // gap: nothing came in
		return
	case n%977 == 5: // everything that came in was refused by a check
		b.Flags[i] = reading.Range
		return
	}
	day := math.Sin(2 * math.Pi * float64(hour%24-7) / 24)
	year := math.Cos(2 * math.Pi * float64(hour%8766) / 8766)
	v := mean * (1 + 0.25*day + 0.15*year + (float64(n%1000)/1000-0.5)*0.3)
	if n%503 == 7 {
		v = -0.4 - float64(n%10)/7 // the noise of a real instrument in clean air
	}
	b.Values[i], _ = reading.Scaled(math.Round(v*100) / 100)
	b.Capture[i] = reading.FullHour
	switch {
	case n%89 == 11:
		b.Capture[i] = 30
	case n%307 == 13:
		b.Flags[i] = reading.Duplicate
	case n%401 == 17 && b.Property == reading.PM25:
		b.Flags[i] = reading.PMOrder | reading.Duplicate
	case n%1201 == 19:
		b.Flags[i] = reading.Constant
	}
	if b.Station == "zst-zonder-plek" {
		b.Flags[i] |= reading.NoPosition
	}
}

// noise is a fixed scramble of two numbers (the finaliser of Murmur3).
func noise(a, b uint32) uint32 {
	x := a ^ b*0x9e3779b9
	x ^= x >> 16
	x *= 0x85ebca6b
	x ^= x >> 13
	x *= 0xc2b2ae35
	return x ^ x>>16
}
