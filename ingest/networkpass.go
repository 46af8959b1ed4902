package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

// versionAt is the version of one block of a station, by its number in a pass.
type versionAt struct {
	station int
	version int64
}

// networking is one pass. It holds 32 bytes for each month of a sensor, and while
// it works on a month that changed the hours of all sensors around official
// stations in it, 3 kB each.
type networking struct {
	o        NetworkOptions
	stations []NetworkStation
	spans    [][]sensorSpan
	seen     map[reading.StationID]int64
	// officials are the numbers of the stations that may have a factor, with their
	// positions.
	officials []int
	positions []reading.SecretPosition
	places    []reading.Place
	// raw are the versions of raw blocks and stored the fingerprints of corrected
	// ones, by property of the raw series; gone are corrected blocks of stations that
	// are not corrected any more.
	raw, stored map[reading.Property]map[reading.Month][]versionAt
	gone        map[reading.Property]map[reading.Month][]SeriesVersion
	reaches     map[reachKey][]reading.Reach
	// errors are the stored ones that the pass has not come to yet: what it leaves
	// has no factors any more.
	errors map[errorKey]NetworkError
}

// reachKey is what the official stations within reach depend on.
type reachKey struct {
	lon, lat  float64
	simulated bool
}

type errorKey struct {
	property  reading.Property
	sensor    reading.SensorType
	simulated bool
	month     reading.Month
}

func (c *NetworkCorrector) survey(ctx context.Context) (*networking, error) {
	p := &networking{
		o: c.o, seen: map[reading.StationID]int64{}, reaches: map[reachKey][]reading.Reach{}, errors: map[errorKey]NetworkError{},
		raw: map[reading.Property]map[reading.Month][]versionAt{}, stored: map[reading.Property]map[reading.Month][]versionAt{},
		gone: map[reading.Property]map[reading.Month][]SeriesVersion{},
	}
	var err error
	if p.stations, err = c.o.Store.NetworkStations(ctx); err != nil {
		return nil, err
	}
	index := map[reading.StationID]int{}
	for i, st := range p.stations {
		index[st.ID], p.seen[st.ID] = i, st.Events
		p.spans = append(p.spans, st.spans())
		p.places = append(p.places, reading.SecretPosition{}.Coarse()) // nowhere
	}
	if err := p.locate(ctx, index); err != nil {
		return nil, err
	}
	if err := c.o.Store.NetworkVersions(ctx, func(v SeriesVersion) { p.note(index, v) }); err != nil {
		return nil, err
	}
	stored, err := c.o.Store.NetworkErrors(ctx)
	for _, e := range stored {
		p.errors[errorKey{e.Property, e.Sensor, e.Simulated, e.Month}] = e
	}
	return p, err
}

// locate fills in the public places, and the positions of the official stations.
func (p *networking) locate(ctx context.Context, index map[reading.StationID]int) error {
	known := map[int]bool{}
	err := p.o.Store.Positions(ctx, func(id reading.StationID, pos reading.SecretPosition) error {
		i, ok := index[id]
		if !ok {
			return nil
		}
		known[i], p.places[i] = true, pos.Coarse() // an area, which is finer, replaces it below
		if st := p.stations[i]; givesFactors(st) {
			p.officials, p.positions = append(p.officials, i), append(p.positions, pos)
		}
		return nil
	})
	if err != nil || p.o.Places == nil {
		return err
	}
	public, err := p.o.Places(ctx)
	if err != nil {
		return fmt.Errorf("public places: %w", err)
	}
	for id, place := range public {
		if i, ok := index[id]; ok && known[i] {
			p.places[i] = place
		}
	}
	return nil
}

// givesFactors tells whether a station stands for the air of the town around it.
func givesFactors(st NetworkStation) bool {
	return st.Kind == reading.KindReference && st.Siting != reading.SitingRoadside && st.Siting != reading.SitingIndustrial
}

func (p *networking) note(index map[reading.StationID]int, v SeriesVersion) {
	i, known := index[v.Station]
	raw, corrected := calibration.NetworkOf(string(v.Property))
	switch {
	case corrected && !known:
		v.Property = raw
		add(p.gone, v.Property, v.Month, v)
	case corrected:
		add(p.stored, raw, v.Month, versionAt{i, v.Version})
	case known:
		add(p.raw, v.Property, v.Month, versionAt{i, v.Version})
	}
}

func add[T any](to map[reading.Property]map[reading.Month][]T, p reading.Property, m reading.Month, v T) {
	if to[p] == nil {
		to[p] = map[reading.Month][]T{}
	}
	to[p][m] = append(to[p][m], v)
}

// months returns the months of which there is anything to look at, in order.
func (p *networking) months(property reading.Property) []reading.Month {
	all := slices.Collect(maps.Keys(p.raw[property]))
	all = slices.AppendSeq(all, maps.Keys(p.stored[property]))
	all = slices.AppendSeq(all, maps.Keys(p.gone[property]))
	slices.Sort(all)
	return slices.Compact(all)
}

// reach returns the official stations within calibration.NetworkReach of the
// public place of a station, the nearest first, each with its distance rounded up
// to a step; Index is one of officials.
func (p *networking) reach(station int) []reading.Reach {
	place, simulated := p.places[station], p.stations[station].Simulated
	if !place.Known() {
		return nil
	}
	k := reachKey{place.Lon, place.Lat, simulated}
	if found, ok := p.reaches[k]; ok {
		return found
	}
	var steps []float64
	for d := float64(calibration.NetworkNear); d <= calibration.NetworkReach; d += calibration.NetworkNear {
		steps = append(steps, d)
	}
	positions := slices.Clone(p.positions)
	for j, i := range p.officials {
		if p.stations[i].Simulated != simulated {
			positions[j] = reading.SecretPosition{}
		}
	}
	found := reading.NearestSecret(place, positions, steps)
	p.reaches[k] = found
	return found
}

// block returns a raw block; of one that is damaged an empty one, since the judge
// makes it anew, which changes its version.
func (p *networking) block(ctx context.Context, station int, property reading.Property, m reading.Month) (reading.Block, error) {
	id := p.stations[station].ID
	b, _, err := p.o.Store.Block(ctx, id, property, m)
	if errors.Is(err, ErrCorruptBlock) {
		p.o.Log.LogAttrs(ctx, slog.LevelWarn, "correct: a damaged block takes no part in network factors", slog.Any("error", err))
		return reading.NewBlock(id, property, m), nil
	}
	return b, err
}

// hours returns the hours of a block that count: valid, not withdrawn, and not of
// an earlier place.
func (p *networking) hours(station int, b reading.Block) []int32 {
	row := validHours(b, p.stations[station].Withdrawn)
	for i := range row[:min(len(row), max(0, int(p.stations[station].Placed-b.Month.First())))] {
		row[i] = reading.Missing
	}
	return row
}

// dropErrors removes the errors of what has no factors any more.
func (p *networking) dropErrors(ctx context.Context) error {
	return p.o.Store.PutNetworkErrors(ctx, nil, slices.Collect(maps.Values(p.errors)))
}
