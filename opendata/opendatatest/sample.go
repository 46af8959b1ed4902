// Package opendatatest gives tests of API, exports and site a whole graph to
// work on without a register: six neighbourhoods of Zaanstad drawn as squares,
// nine stations of every kind and almost two years of hours with everything
// that goes wrong in real ones (gaps, flags, negative values, short hours).
//
// All of it is computed from fixed numbers, so that two calls give equal data.
package opendatatest

import (
	"context"
	"fmt"
	"sort"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"buurtmeter/geo"
	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// Hostile is the title of one sample station: it must come out as text, and
// never as markup, in every page and feed.
const Hostile = `<b>"x" & y`

// Now is the moment at which the sample graph was built.
func Now() time.Time { return time.Date(2026, 11, 23, 8, 5, 0, 0, time.UTC) }

// Source returns the sample graph with its hours. It is safe for concurrent use
// and returns what the context says when that has ended.
func Source(t testing.TB) opendata.Source {
	t.Helper()
	m := NewMemory()
	for _, bs := range m.blocks {
		for _, b := range bs {
			if err := b.Check(); err != nil {
				t.Fatalf("sample block: %v", err)
			}
		}
	}
	return m
}

// Sample returns the sample graph alone. The caller may change it.
func Sample() *opendata.Graph { return NewMemory().G }

// Memory is a Source that keeps everything in memory. Set its fields before
// sharing it.
type Memory struct {
	// G is the graph that Graph returns.
	G *opendata.Graph
	// Err, when set, is returned by Graph instead of G.
	Err error
	// BlockErr, when set, is returned by Blocks after FailAfter blocks of a call.
	BlockErr  error
	FailAfter int

	// Assessed are the stored assessments by station.
	Assessed map[reading.StationID][]ingest.Assessment

	blocks map[series][]reading.Block
}

type series struct {
	station  reading.StationID
	property reading.Property
}

var _ opendata.Source = (*Memory)(nil)

// NewMemory returns the sample as a Memory, for tests that want to change it.
func NewMemory() *Memory {
	m := &Memory{blocks: sampleBlocks(), Assessed: sampleAssessments()}
	m.G = sampleGraph(m.blocks)
	return m
}

// Graph returns G, or Err when that is set.
func (m *Memory) Graph(ctx context.Context) (*opendata.Graph, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if m.Err != nil {
		return nil, m.Err
	}
	return m.G, nil
}

// Blocks calls fn as opendata.Source asks.
func (m *Memory) Blocks(ctx context.Context, s reading.StationID, p reading.Property, from, to time.Time, fn func(reading.Block) error) error {
	if !from.Before(to) {
		return nil
	}
	first := reading.MonthOf(reading.HourOf(from))
	last := reading.MonthOf(reading.HourOf(to.Add(-time.Nanosecond)))
	n := 0
	for _, b := range m.blocks[series{s, p}] {
		if err := ctx.Err(); err != nil {
			return err
		}
		if b.Month < first || b.Month > last {
			continue
		}
		if m.BlockErr != nil && n >= m.FailAfter {
			return m.BlockErr
		}
		n++
		if err := fn(b); err != nil {
			return err
		}
	}
	return nil
}

// Put replaces or adds one block, for tests that need a certain value at a
// certain hour.
func (m *Memory) Put(b reading.Block) {
	k := series{b.Station, b.Property}
	for i, o := range m.blocks[k] {
		if o.Month == b.Month {
			m.blocks[k][i] = b
			return
		}
	}
	m.blocks[k] = append(m.blocks[k], b)
	sort.Slice(m.blocks[k], func(i, j int) bool { return m.blocks[k][i].Month < m.blocks[k][j].Month })
}

func sampleAreas() []geo.Area {
	type cell struct {
		code geo.Code
		name string
		wijk geo.Code
		x, y float64 // lower left corner
	}
	cells := []cell{
		{"BU04791110", "Achtersluispolder", "WK047911", 4.8360, 52.4170},
		{"BU04791120", "Bomenbuurt", "WK047911", 4.8320, 52.4290},
		{"BU04791130", "Burgemeestersbuurt", "WK047911", 4.8200, 52.4340},
		{"BU04791210", "Poelenburg", "WK047912", 4.8440, 52.4300},
		{"BU04791310", "Peldersveld", "WK047913", 4.8440, 52.4410},
		{"BU04791320", "Hoornseveld", "WK047913", 4.8320, 52.4410},
	}
	as := make([]geo.Area, len(cells))
	for i, c := range cells {
		as[i] = square(c.code, c.name, geo.Buurt, c.wijk, c.x, c.y, 0.0110, 0.0095)
	}
	return as
}

// square draws an area as a box with one corner cut off, so that a test that
// takes the bounding box for the shape is found out.
func square(code geo.Code, name string, level geo.Level, parent geo.Code, x, y, w, h float64) geo.Area {
	ring := orb.Ring{{x, y}, {x + w, y}, {x + w, y + h*0.7}, {x + w*0.8, y + h}, {x, y + h}, {x, y}}
	return geo.Area{
		Code: code, Name: name, Level: level, Parent: parent, Schematic: true,
		Geometry: orb.MultiPolygon{orb.Polygon{ring}},
		Center:   orb.Point{x + w/2, y + h/2},
		Source:   "Schematische vakken",
	}
}

func sampleStations() []opendata.Station {
	at := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	pm := []reading.Property{reading.PM25, reading.PM10}
	all := []reading.Property{reading.NO2, reading.PM25, reading.PM10}
	ss := []opendata.Station{
		{ID: "ref-hemkade", Title: "Hemkade (GGD)", Kind: reading.KindReference, Model: "Chemiluminescentie, BAM-1020", Maker: "GGD Amsterdam", Since: at(2015, 1, 1), Siting: reading.SitingBackground, Area: "BU04791110", Properties: all},
		{ID: "sim-peldersveld-01", Title: "Gesimuleerd meetpunt Peldersveld", Kind: reading.KindSensor, Model: "firmware-sim", Maker: "buurtmeter", Simulated: true, Since: at(2025, 1, 1), Area: "BU04791310", Properties: all},
		{ID: "tube-07", Title: "Buisje Burgemeestersbuurt", Kind: reading.KindTube, Model: "Palmes-buisje", Maker: "bewoners", Since: at(2025, 1, 1), Siting: reading.SitingRoadside, Area: "BU04791130", Properties: []reading.Property{reading.NO2}},
		{ID: "zst-bomenbuurt-01", Title: "Bomenbuurt, schoolplein", Kind: reading.KindSensorCalibrated, Model: "SPS30 + B43F", Maker: "bewoners", Since: at(2024, 12, 1), Area: "BU04791120", Properties: all},
		{ID: "zst-bomenbuurt-02", Title: Hostile, Kind: reading.KindSensor, Model: "=SDS011", Maker: "bewoners", Paused: true, Since: at(2025, 6, 1), Area: "BU04791120", Properties: pm},
		{ID: "zst-poelenburg-01", Title: "Poelenburg, Weerpad", Kind: reading.KindSensor, Model: "SDS011 + B43F", Maker: "bewoners", Since: at(2024, 12, 1), Siting: reading.SitingRoadside, Area: "BU04791210", Properties: []reading.Property{reading.NO2, reading.PM25, reading.PM10, reading.Temperature}},
		{ID: "zst-poelenburg-02", Title: "Poelenburg, flat", Kind: reading.KindSensor, Model: "SDS011 + B43F", Maker: "bewoners", Since: at(2025, 1, 1), Siting: reading.SitingBackground, Area: "BU04791210", Properties: all},
		{ID: "zst-poelenburg-03", Title: "Poelenburg, wijkcentrum", Kind: reading.KindSensorCalibrated, Model: "SPS30 + B43F", Maker: "bewoners", Since: at(2025, 1, 1), Area: "BU04791210", Properties: all},
		{ID: "zst-zonder-plek", Title: "Meetpunt zonder plek", Kind: reading.KindSensor, Model: "SDS011", Maker: "bewoners", Since: at(2026, 9, 1), NoPosition: true, Properties: pm},
	}
	sort.Slice(ss, func(i, j int) bool { return ss[i].ID < ss[j].ID })
	return ss
}

func sampleGraph(blocks map[series][]reading.Block) *opendata.Graph {
	g := &opendata.Graph{
		Version:   "sample-1",
		Modified:  time.Date(2026, 11, 23, 8, 1, 0, 0, time.UTC),
		Built:     Now(),
		Areas:     sampleAreas(),
		Districts: sampleDistricts(),
		Schematic: true,
		Stations:  sampleStations(),
		Simulated: true,
		Norms:     sampleNorms(),
		Years:     []int{2025, 2026},
		Year:      2025,
		Histories: sampleHistories(),
		Campaigns: sampleCampaigns(),
		Rejects: []opendata.RejectCount{
			{Cause: "json", Distinct: 3, Arrivals: 41},
			{Cause: "time-missing", Distinct: 2, Arrivals: 2},
			{Cause: "value-unreadable", Distinct: 12, Arrivals: 12},
		},
	}
	g.Municipality = square("GM0479", "Zaanstad", geo.Gemeente, "", 4.8150, 52.4150, 0.0450, 0.0400)
	for i := range g.Stations {
		s := &g.Stations[i]
		for _, p := range s.Properties {
			for _, b := range blocks[series{s.ID, p}] {
				noteHours(g, s, b)
			}
		}
	}
	g.YearStats = yearStats(g, blocks)
	g.Verdicts = verdicts(g, blocks)
	g.Flagged = flagCounts(blocks)
	return g
}

// noteHours widens the spans of graph and station by the hours with a value.
func noteHours(g *opendata.Graph, s *opendata.Station, b reading.Block) {
	for i, v := range b.Values {
		if v == reading.Missing {
			continue
		}
		at := (b.Month.First() + reading.Hour(i)).Start()
		if g.Span.From.IsZero() || at.Before(g.Span.From) {
			g.Span.From = at
		}
		if end := at.Add(time.Hour); end.After(g.Span.To) {
			g.Span.To = end
		}
		if at.After(s.Latest) {
			s.Latest = at
		}
	}
}

func sampleDistricts() []geo.Area {
	return []geo.Area{
		square("WK047911", "Zaandam Zuid", geo.Wijk, "GM0479", 4.8190, 52.4160, 0.0300, 0.0290),
		square("WK047912", "Poelenburg", geo.Wijk, "GM0479", 4.8440, 52.4300, 0.0110, 0.0095),
		square("WK047913", "Peldersveld Hoornseveld", geo.Wijk, "GM0479", 4.8320, 52.4410, 0.0230, 0.0095),
	}
}

func flagCounts(blocks map[series][]reading.Block) []opendata.FlagCount {
	n := map[string]*opendata.FlagCount{}
	for k, bs := range blocks {
		for _, b := range bs {
			for _, f := range b.Flags {
				for _, key := range f.Keys() {
					id := fmt.Sprintf("%s %s", k.property, key)
					if n[id] == nil {
						n[id] = &opendata.FlagCount{Property: k.property, Flag: key}
					}
					n[id].Hours++
				}
			}
		}
	}
	fs := make([]opendata.FlagCount, 0, len(n))
	for _, f := range n {
		fs = append(fs, *f)
	}
	sort.Slice(fs, func(i, j int) bool {
		if fs[i].Property != fs[j].Property {
			return fs[i].Property < fs[j].Property
		}
		return fs[i].Flag < fs[j].Flag
	})
	return fs
}
