package ingest_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// This file computes hour blocks a second time, in the plainest way that we
// could think of: from the list of everything that was ever sent, with rational
// numbers, a table of seconds, and a search for runs from every hour. It shares
// no code with the pipeline, the recomputation or the checks.

// sent is one reading as the generator made it, before any pipeline.
type sent struct {
	station  reading.Station
	at       time.Time
	interval int // seconds; 0 is the cadence
	rev      uint8
	values   map[reading.Property]string
}

// payload writes the reading in our wire format.
func (s sent) payload() string {
	var vs []string
	for _, info := range reading.Properties() {
		if v, ok := s.values[info.Property]; ok {
			vs = append(vs, fmt.Sprintf("%q:%s", info.Property, v))
		}
	}
	interval := "null"
	if s.interval > 0 {
		interval = strconv.Itoa(s.interval)
	}
	return fmt.Sprintf(`{"time":%q,"interval":%s,"rev":%d,"values":{%s}}`,
		s.at.Format(time.RFC3339), interval, s.rev, strings.Join(vs, ","))
}

// truth is what all arrivals of one property at one moment and revision say.
type truth struct {
	values   map[string]bool
	arrivals int
	interval int
	flags    reading.Flag
}

type truthKey struct {
	station  reading.StationID
	property reading.Property
	at       int64
}

// naiveBlocks computes the blocks of everything that was sent. The identity of
// a reading includes its revision, and the longest interval of an identity
// counts for all its properties.
func naiveBlocks(all []sent) map[blockKey]reading.Block {
	return naiveBlocksWithout(all, func(reading.StationID, time.Time) bool { return false })
}

// naiveBlocksWithout is naiveBlocks when the keeper took some readings back.
func naiveBlocksWithout(all []sent, withdrawn func(reading.StationID, time.Time) bool) map[blockKey]reading.Block {
	truths := map[truthKey]map[uint8]*truth{}
	intervals := map[string]int{}
	cadence := map[reading.StationID]int{}
	for _, s := range all {
		cadence[s.station.ID] = int(s.station.Cadence.Seconds())
		id := fmt.Sprint(s.station.ID, s.at.Unix(), s.rev)
		intervals[id] = max(intervals[id], s.interval)
	}
	for _, s := range all {
		for p, v := range s.values {
			k := truthKey{s.station.ID, p, s.at.Unix()}
			if truths[k] == nil {
				truths[k] = map[uint8]*truth{}
			}
			t := truths[k][s.rev]
			if t == nil {
				t = &truth{values: map[string]bool{}, interval: intervals[fmt.Sprint(s.station.ID, s.at.Unix(), s.rev)]}
				truths[k][s.rev] = t
			}
			t.values[v] = true
			t.arrivals++
			t.flags |= naiveFlags(s, p)
		}
	}
	blocks := map[blockKey]reading.Block{}
	seconds := map[truthKey][]bool{} // covered seconds, keyed by the hour's begin
	sums := map[truthKey][]*big.Rat{}
	for k, revisions := range truths {
		best := -1
		for rev := range revisions {
			best = max(best, int(rev))
		}
		t := revisions[uint8(best)]
		flags := t.flags
		switch {
		case len(t.values) > 1:
			flags |= reading.Conflict
		case t.arrivals > 1:
			flags |= reading.Duplicate
		}
		if len(revisions) > 1 {
			flags |= reading.Revised
		}
		if withdrawn(k.station, time.Unix(k.at, 0)) {
			flags |= reading.Withdrawn
		}
		hour := k.at - k.at%3600
		b, i := naiveHour(blocks, k, hour)
		b.Flags[i] |= flags
		if flags&(reading.MissingCode|reading.Range|reading.ClockFuture|reading.ClockPast|reading.Conflict|reading.Constant|reading.Withdrawn) != 0 {
			continue
		}
		for v := range t.values {
			x, _ := new(big.Rat).SetString(v)
			sums[truthKey{k.station, k.property, hour}] = append(sums[truthKey{k.station, k.property, hour}], x)
		}
		interval := t.interval
		if interval == 0 {
			interval = cadence[k.station]
		}
		from, to := k.at, k.at+int64(interval)
		if interval >= 3600 {
			from, to = hour, hour+3600
		}
		for sec := from; sec < to; sec++ {
			h := truthKey{k.station, k.property, sec - sec%3600}
			if seconds[h] == nil {
				seconds[h] = make([]bool, 3600)
			}
			seconds[h][sec%3600] = true
		}
	}
	for k, xs := range sums {
		b, i := naiveHour(blocks, k, k.at)
		sum := new(big.Rat)
		for _, x := range xs {
			sum.Add(sum, naiveRound(new(big.Rat).Mul(x, big.NewRat(reading.HourScale, 1))))
		}
		mean := naiveRound(sum.Quo(sum, big.NewRat(int64(len(xs)), 1)))
		b.Values[i] = int32(mean.Num().Int64())
		covered := 0
		for _, on := range seconds[k] {
			if on {
				covered++
			}
		}
		b.Capture[i] = uint8(covered / 60)
	}
	naiveConstant(blocks)
	naiveSpikes(blocks)
	naiveHumidity(blocks)
	return blocks
}

func naiveHour(blocks map[blockKey]reading.Block, k truthKey, hour int64) (reading.Block, int) {
	h := reading.Hour(hour / 3600)
	bk := blockKey{k.station, k.property, reading.MonthOf(h)}
	if _, ok := blocks[bk]; !ok {
		blocks[bk] = reading.NewBlock(bk.station, bk.property, bk.month)
	}
	return blocks[bk], int(h - bk.month.First())
}

// naiveRound rounds to a whole number, halves away from zero.
func naiveRound(x *big.Rat) *big.Rat {
	half := big.NewRat(int64(x.Sign()), 2)
	y := new(big.Rat).Add(x, half)
	return new(big.Rat).SetInt(new(big.Int).Quo(y.Num(), y.Denom()))
}

// naiveFlags repeats the checks that the generator can set off.
func naiveFlags(s sent, p reading.Property) (f reading.Flag) {
	number := func(q reading.Property) (float64, bool) {
		x, ok := new(big.Rat).SetString(s.values[q])
		if !ok {
			return 0, false
		}
		v, _ := x.Float64()
		return v, true
	}
	code := func(v float64) bool { return v == -999 || v == -1 }
	odd := func(v float64) bool { return code(v) || v < -20 || v > 1000 }
	v, _ := number(p)
	switch {
	case p == reading.Humidity: // the generator keeps it within its bounds
	case code(v):
		f |= reading.MissingCode
	case odd(v):
		f |= reading.Range
	}
	fine, hasFine := number(reading.PM25)
	coarse, hasCoarse := number(reading.PM10)
	if hasFine && hasCoarse && fine > coarse && !odd(fine) && !odd(coarse) && p != reading.NO2 && p != reading.Humidity {
		f |= reading.PMOrder
	}
	return f
}

// naiveConstant walks from each hour in both directions, over all months.
func naiveConstant(blocks map[blockKey]reading.Block) {
	at := func(k blockKey, h reading.Hour) int32 {
		k.month = reading.MonthOf(h)
		b, ok := blocks[k]
		if !ok {
			return reading.Missing
		}
		return b.Values[h-k.month.First()]
	}
	walk := func(k blockKey, h reading.Hour, step reading.Hour) (n int) {
		want, gap := at(k, h), 0
		for h += step; gap <= 6; h += step {
			switch at(k, h) {
			case reading.Missing:
				gap++
			case want:
				n++
				gap = 0
			default:
				return n
			}
		}
		return n
	}
	for k, b := range blocks {
		if k.property == reading.Humidity {
			continue
		}
		for i, v := range b.Values {
			h := k.month.First() + reading.Hour(i)
			if v != reading.Missing && walk(k, h, -1)+1+walk(k, h, 1) >= 24 {
				b.Flags[i] |= reading.Constant
			}
		}
	}
}

// naiveSpikes judges every hour by the words of the rule, with sorted copies of
// its window and of those of its neighbours.
func naiveSpikes(blocks map[blockKey]reading.Block) {
	type series struct {
		station  reading.StationID
		property reading.Property
	}
	values := map[series]map[reading.Hour]int{}
	for k, b := range blocks {
		s := series{k.station, k.property}
		if values[s] == nil {
			values[s] = map[reading.Hour]int{}
		}
		for i, v := range b.Values {
			if v != reading.Missing {
				values[s][k.month.First()+reading.Hour(i)] = int(v)
			}
		}
	}
	apart := func(a, b int) int { return max(a-b, b-a) }
	odd := func(hours map[reading.Hour]int, h reading.Hour) bool {
		var window []int
		for x := h - 180; x <= h+180; x++ {
			if v, ok := hours[x]; ok {
				window = append(window, v)
			}
		}
		if len(window) < 90 {
			return false
		}
		slices.Sort(window)
		median := window[(len(window)-1)/2]
		for i, v := range window {
			window[i] = apart(v, median)
		}
		slices.Sort(window)
		return apart(hours[h], median) > 10*max(20_000, window[(len(window)-1)/2])
	}
	spike := func(hours map[reading.Hour]int, first, last reading.Hour) bool {
		before, hasBefore := hours[first-1]
		after, hasAfter := hours[last+1]
		if !hasBefore || !hasAfter || odd(hours, first-1) || odd(hours, last+1) {
			return false
		}
		for h := first; h <= last; h++ {
			v, ok := hours[h]
			if !ok || !odd(hours, h) || apart(v, before) <= 200_000 || apart(v, after) <= 200_000 {
				return false
			}
		}
		return true
	}
	for k, b := range blocks {
		if k.property == reading.Humidity {
			continue
		}
		hours := values[series{k.station, k.property}]
		for i := range b.Values {
			h := k.month.First() + reading.Hour(i)
			if spike(hours, h, h) || spike(hours, h-1, h) || spike(hours, h, h+1) {
				b.Flags[i] |= reading.Spike
			}
		}
	}
}

// naiveHumidity flags particles in humid hours.
func naiveHumidity(blocks map[blockKey]reading.Block) {
	for k, b := range blocks {
		rh, ok := blocks[blockKey{k.station, reading.Humidity, k.month}]
		if !ok || k.property != reading.PM25 && k.property != reading.PM10 {
			continue
		}
		for i, v := range b.Values {
			if v != reading.Missing && rh.Values[i] != reading.Missing && rh.Values[i] >= 850_000 {
				b.Flags[i] |= reading.HumiditySuspect
			}
		}
	}
}

// generate makes a stream of readings of a few stations around the turn of a
// month: gaps, repeats, corrections, conflicts, joined properties, odd values,
// and stretches where a sensor hangs, also across the border.
func generate(rnd *rand.Rand) (stations []reading.Station, all []sent) {
	begin := time.Date(2026, 9, 26, 0, 0, 0, 0, time.UTC)
	cadences := []int{300, 900, 1800, 3600, 7200}
	for n := range 2 {
		st := reading.Station{
			ID: reading.StationID(fmt.Sprintf("s%d", n)), HasPosition: true, Since: begin,
			Cadence: time.Duration(cadences[rnd.IntN(len(cadences))]) * time.Second,
		}
		stations = append(stations, st)
		step := max(st.Cadence, 30*time.Minute) // sparse, or a test would take minutes
		phase := time.Duration(rnd.IntN(3600)) * time.Second
		hang, stuck := 0, ""
		for at := begin.Add(phase); at.Before(begin.Add(10 * 24 * time.Hour)); at = at.Add(step) {
			if hang == 0 && rnd.IntN(50) == 0 {
				hang, stuck = rnd.IntN(120), randomValue(rnd)
			}
			if rnd.IntN(8) == 0 {
				at = at.Add(time.Duration(rnd.IntN(5)) * time.Hour)
			}
			s := sent{station: st, at: at, values: map[reading.Property]string{}}
			for _, p := range []reading.Property{reading.NO2, reading.PM25, reading.PM10} {
				if rnd.IntN(4) > 0 {
					s.values[p] = randomValue(rnd)
				}
			}
			if hang > 0 {
				hang--
				s.values[reading.NO2] = stuck
			}
			if rnd.IntN(2) == 0 {
				s.values[reading.Humidity] = strconv.Itoa(70 + rnd.IntN(30))
			}
			if len(s.values) == 0 {
				continue
			}
			all = append(all, s)
			all = append(all, variants(rnd, s)...)
		}
	}
	return stations, all
}

// variants makes what else may arrive for the same moment.
func variants(rnd *rand.Rand, s sent) (more []sent) {
	for rnd.IntN(4) == 0 {
		v := s
		v.values = map[reading.Property]string{}
		for p, x := range s.values {
			switch rnd.IntN(4) {
			case 0:
				v.values[p] = randomValue(rnd) // a conflict, or a correction
				if p == reading.Humidity {
					v.values[p] = strconv.Itoa(70 + rnd.IntN(30))
				}
			case 1, 2:
				v.values[p] = x
			}
		}
		if rnd.IntN(2) == 0 {
			v.rev = uint8(rnd.IntN(4))
		}
		if rnd.IntN(3) == 0 {
			v.interval = 1 + rnd.IntN(3600)
		}
		if rnd.IntN(5) == 0 {
			v.at = v.at.Add(time.Duration(rnd.IntN(1800)) * time.Second)
		}
		if len(v.values) > 0 {
			more = append(more, v)
		}
	}
	return more
}

// randomValue has few decimals and few values, so that halves and equal means
// happen.
func randomValue(rnd *rand.Rand) string {
	switch rnd.IntN(40) {
	case 0:
		return "-999"
	case 1:
		return "-1"
	case 2:
		return "1500"
	case 3:
		return fmt.Sprintf("-%d.%04d", rnd.IntN(19)+1, rnd.IntN(10000))
	case 4:
		return fmt.Sprintf("%d.%04d", 300+rnd.IntN(300), rnd.IntN(10000))
	}
	return fmt.Sprintf("%d.%04d", rnd.IntN(60), rnd.IntN(10000))
}

// messages packs the stream into messages in a random order: single ones and
// batches.
func messages(rnd *rand.Rand, all []sent) (ms []ingest.Message) {
	order := rnd.Perm(len(all))
	if rnd.IntN(3) == 0 {
		slices.Sort(order) // in order of time, as it should be
	}
	for len(order) > 0 {
		n := min(len(order), 1+rnd.IntN(1+rnd.IntN(40)))
		bundles := map[reading.StationID][]string{}
		for _, i := range order[:n] {
			bundles[all[i].station.ID] = append(bundles[all[i].station.ID], all[i].payload())
		}
		for id, payloads := range bundles {
			ms = append(ms, ingest.Message{
				Station: id, Source: "mqtt", Received: time.Date(2026, 11, 1, 0, 0, rnd.IntN(60), 0, time.UTC),
				Payload: []byte("[" + strings.Join(payloads, ",") + "]"),
			})
		}
		order = order[n:]
	}
	return ms
}
