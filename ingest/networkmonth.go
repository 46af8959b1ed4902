package ingest

import (
	"context"
	"encoding/binary"
	"hash"
	"hash/fnv"
	"io"
	"math"
	"slices"
	"time"

	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

// groupKey is an official station, by its number among officials, and a type of
// sensor.
type groupKey struct {
	official int
	sensor   reading.SensorType
}

// member are hours of one sensor of a group, counted from the begin of the month.
type member struct{ station, from, until int }

// typeGroup are the sensors of one type around one official station in a month.
type typeGroup struct {
	members []member
	// inputs is the fingerprint of all that its factors follow from.
	inputs int64
	// factors by hour, NaN for none, and reference are the official hours; nil until
	// somebody needs them.
	factors   []float64
	reference []int32
}

// betweenKey is what an interpolated factor depends on beside the month.
type betweenKey struct {
	reachKey
	sensor reading.SensorType
}

// networkMonth is the work on one property in one month. Nothing is read before
// something is found to have changed.
type networkMonth struct {
	p        *networking
	property reading.Property
	month    reading.Month
	versions []int64 // of the raw block of each station, 0 for none
	groups   map[groupKey]*typeGroup
	rows     map[int][]int32
	between  map[betweenKey][]float64
}

// month brings the corrected blocks of one month up to date.
func (p *networking) month(ctx context.Context, property reading.Property, m reading.Month) (changed int, err error) {
	j := &networkMonth{
		p: p, property: property, month: m, versions: make([]int64, len(p.stations)), groups: map[groupKey]*typeGroup{},
		rows: map[int][]int32{}, between: map[betweenKey][]float64{},
	}
	for _, v := range p.raw[property][m] {
		j.versions[v.station] = v.version
	}
	j.gather()
	stored := make([]int64, len(p.stations))
	var change NetworkChange
	for _, v := range p.stored[property][m] {
		stored[v.station] = v.version
	}
	series := calibration.NetworkSeries(property)
	for _, v := range p.gone[property][m] {
		change.Remove = append(change.Remove, SeriesVersion{Station: v.Station, Property: series, Month: m})
	}
	var todo []versionAt
	for i, st := range p.stations {
		switch inputs := j.inputs(i); inputs {
		case stored[i]: // it is right
		case 0: // nothing to correct by any more
			change.Remove = append(change.Remove, SeriesVersion{Station: st.ID, Property: series, Month: m})
		default:
			todo = append(todo, versionAt{i, inputs})
		}
	}
	for page := range slices.Chunk(todo, kitsPage) {
		for _, v := range page {
			b, err := j.corrected(ctx, v.station)
			if err != nil {
				return changed, err
			}
			change.Put = append(change.Put, VersionedBlock{Block: b, Version: v.version})
		}
		if err := p.o.Store.PutNetwork(ctx, p.seen, change); err != nil {
			return changed, err
		}
		changed += len(change.Put) + len(change.Remove)
		change = NetworkChange{}
	}
	if err := p.o.Store.PutNetwork(ctx, p.seen, change); err != nil { // removals alone
		return changed, err
	}
	return changed + len(change.Remove), j.errors(ctx)
}

// in returns the part of the span that lies in the month, counted from its begin.
func (s sensorSpan) in(m reading.Month) (from, until int, ok bool) {
	from, until = int(max(0, s.from-m.First())), int(min(s.until-m.First(), reading.Hour(m.Hours())))
	return from, until, from < until
}

// gather puts the sensors into groups. One of fewer than calibration.NetworkLeast
// never has a factor and is left out.
func (j *networkMonth) gather() {
	for i := range j.p.stations {
		if j.versions[i] == 0 {
			continue
		}
		for _, s := range j.p.spans[i] {
			from, until, ok := s.in(j.month)
			if !ok {
				continue
			}
			for _, r := range j.p.reach(i) {
				if r.Within > calibration.NetworkRadius {
					break
				}
				if j.versions[j.p.officials[r.Index]] == 0 {
					continue
				}
				k := groupKey{r.Index, s.sensor}
				if j.groups[k] == nil {
					j.groups[k] = &typeGroup{}
				}
				j.groups[k].members = append(j.groups[k].members, member{i, from, until})
			}
		}
	}
	for k, g := range j.groups {
		if len(g.members) < calibration.NetworkLeast {
			delete(j.groups, k)
			continue
		}
		f := newFingerprint()
		j.hash(f, j.p.officials[k.official])
		for _, m := range g.members {
			j.hash(f, m.station)
			f.numbers(int64(m.from), int64(m.until))
		}
		g.inputs = f.sum()
	}
}

// fingerprinting collects what something follows from.
type fingerprinting struct{ hash.Hash64 }

func newFingerprint() fingerprinting {
	f := fingerprinting{fnv.New64a()}
	f.numbers(calibration.NetworkVersion)
	return f
}

func (f fingerprinting) numbers(all ...int64) {
	b := make([]byte, 0, 64)
	for _, n := range all {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	_, _ = f.Write(b) // it never fails
}

func (f fingerprinting) word(s string) {
	f.numbers(int64(len(s)))
	_, _ = io.WriteString(f, s) // it never fails
}

// sum is never 0.
func (f fingerprinting) sum() int64 { return max(1, int64(f.Sum64()&math.MaxInt64)) }

// hash adds the hours of a station that count: its block, and what of it does not
// count in this month. A change in another month is no change here.
func (j *networkMonth) hash(f fingerprinting, station int) {
	st := j.p.stations[station]
	first, end := j.month.First(), (j.month + 1).First()
	f.word(string(st.ID))
	f.numbers(j.versions[station], int64(min(max(st.Placed, first), end)))
	for _, w := range st.Withdrawn {
		from, to := max(reading.HourOf(w.From), first), min(reading.HourOf(w.To.Add(-time.Millisecond))+1, end)
		if from < to {
			f.numbers(int64(from), int64(to))
		}
	}
}

// inputs is the fingerprint of all that the corrected block of a station follows
// from; 0 when there is nothing to correct or nothing to correct by.
func (j *networkMonth) inputs(station int) int64 {
	if j.versions[station] == 0 {
		return 0
	}
	f, corrects := newFingerprint(), false
	j.hash(f, station)
	for _, s := range j.p.spans[station] {
		from, until, ok := s.in(j.month)
		if !ok {
			continue
		}
		f.word(string(s.sensor))
		f.numbers(int64(from), int64(until))
		for _, r := range j.p.reach(station) {
			if g := j.groups[groupKey{r.Index, s.sensor}]; g != nil {
				f.numbers(int64(r.Within), g.inputs)
				corrects = true
			}
		}
	}
	if !corrects {
		return 0
	}
	return f.sum()
}

// corrected returns the corrected block of a station. An hour without a factor is
// missing, like one whose raw value does not count and one outside of the plausible
// bounds. The capture is that of the raw hour, and its notes go along.
func (j *networkMonth) corrected(ctx context.Context, station int) (reading.Block, error) {
	raw, err := j.p.block(ctx, station, j.property, j.month)
	if err != nil {
		return reading.Block{}, err
	}
	row := j.p.hours(station, raw)
	info, _ := reading.InfoOf(j.property)
	b := reading.NewBlock(raw.Station, calibration.NetworkSeries(j.property), j.month)
	for _, s := range j.p.spans[station] {
		from, until, ok := s.in(j.month)
		if !ok {
			continue
		}
		factors, err := j.factorsAt(ctx, station, s.sensor)
		if err != nil {
			return reading.Block{}, err
		}
		for h := from; h < until; h++ {
			if row[h] == reading.Missing || math.IsNaN(factors[h]) {
				continue
			}
			if v := factors[h] * reading.Unscaled(row[h]); v >= info.Min && v <= info.Max {
				b.Values[h], _ = reading.Scaled(v)
				b.Capture[h], b.Flags[h] = raw.Capture[h], raw.Flags[h]
			}
		}
	}
	return b, nil
}

// factorsAt returns the factors of the month at the public place of a station, by
// hour, NaN for none.
func (j *networkMonth) factorsAt(ctx context.Context, station int, sensor reading.SensorType) ([]float64, error) {
	place := j.p.places[station]
	k := betweenKey{reachKey{place.Lon, place.Lat, j.p.stations[station].Simulated}, sensor}
	if row, ok := j.between[k]; ok {
		return row, nil
	}
	row, err := j.interpolate(ctx, station, sensor, -1)
	if err == nil {
		j.between[k] = row
	}
	return row, err
}

// interpolate is factorsAt without the official station of a number, -1 for none.
func (j *networkMonth) interpolate(ctx context.Context, station int, sensor reading.SensorType, without int) ([]float64, error) {
	var groups []*typeGroup
	var near []calibration.FactorNear
	for _, r := range j.p.reach(station) {
		k := groupKey{r.Index, sensor}
		if j.groups[k] == nil || r.Index == without {
			continue
		}
		if err := j.compute(ctx, k); err != nil {
			return nil, err
		}
		groups, near = append(groups, j.groups[k]), append(near, calibration.FactorNear{Metres: r.Within})
	}
	row := make([]float64, j.month.Hours())
	for h := range row {
		for i, g := range groups {
			near[i].Factor = g.factors[h] // NaN takes no part
		}
		f, ok := calibration.Between(near)
		if !ok {
			f = math.NaN()
		}
		row[h] = f
	}
	return row, nil
}

// compute fills in the factors of a group.
func (j *networkMonth) compute(ctx context.Context, k groupKey) error {
	g := j.groups[k]
	if g.factors != nil {
		return nil
	}
	official, err := j.row(ctx, j.p.officials[k.official])
	if err != nil {
		return err
	}
	rows := make([][]int32, len(g.members))
	for i, m := range g.members {
		if rows[i], err = j.row(ctx, m.station); err != nil {
			return err
		}
	}
	factors, raw := make([]float64, len(official)), make([]float64, 0, len(rows))
	for h := range factors {
		factors[h] = math.NaN()
		if official[h] == reading.Missing {
			continue
		}
		raw = raw[:0]
		for i, m := range g.members {
			if h >= m.from && h < m.until && rows[i][h] != reading.Missing {
				raw = append(raw, reading.Unscaled(rows[i][h]))
			}
		}
		if f, ok := calibration.FactorOf(reading.Unscaled(official[h]), raw); ok {
			factors[h] = f.Value
		}
	}
	g.factors, g.reference = factors, official
	return nil
}

// row returns the hours of a station in the month that count.
func (j *networkMonth) row(ctx context.Context, station int) ([]int32, error) {
	if row, ok := j.rows[station]; ok {
		return row, nil
	}
	b, err := j.p.block(ctx, station, j.property, j.month)
	if err != nil {
		return nil, err
	}
	row := j.p.hours(station, b)
	j.rows[station] = row
	return row, nil
}
