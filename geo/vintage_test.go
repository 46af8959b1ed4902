package geo_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/paulmach/orb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/ingest/reading"
)

// block is a buurt of a tenth of a degree with its lower left corner at lon, lat.
func block(code geo.Code, year int, lon, lat float64) geo.Area {
	level, _ := geo.LevelOf(code)
	return geo.Area{
		Code: code, Name: "Buurt " + string(code), Level: level, Year: year, Parent: geo.ParentOf(code), Source: "test", Center: orb.Point{lon + .05, lat + .05},
		Geometry: orb.MultiPolygon{{{{lon, lat}, {lon + .1, lat}, {lon + .1, lat + .1}, {lon, lat + .1}, {lon, lat}}}},
	}
}

func TestAWrongVintageCanBeRemoved(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r, s := open(t, dsn)
		pos := add(t, r, "one", 4.81, 52.44)
		require.NoError(t, s.Assign(t.Context(), "one", pos))
		drawn, err := s.StationAreas(t.Context())
		require.NoError(t, err)
		none, err := s.Vintages(t.Context())
		require.NoError(t, err)
		require.Empty(t, none)

		require.NoError(t, s.Import(t.Context(), []geo.Area{block("BU04790001", 2016, 4.8, 52.4)}, 2016))
		require.NoError(t, s.Import(t.Context(), []geo.Area{block("BU03630001", 2017, 5.8, 52.4), block("GM0363", 2017, 5.8, 52.4)}, 2017))
		all, err := s.Vintages(t.Context())
		require.NoError(t, err)
		require.Empty(t, cmp.Diff([]geo.Vintage{
			{Year: 2016, Count: map[geo.Level]int{geo.Buurt: 1}},
			{Year: 2017, Count: map[geo.Level]int{geo.Buurt: 1, geo.Gemeente: 1}, Active: true},
		}, all))
		assigned, err := s.StationAreas(t.Context())
		require.NoError(t, err)
		require.Empty(t, assigned, "the town of 2017 is another")

		// A station that comes meanwhile is assigned under the older year as well.
		add(t, r, "two", 4.82, 52.45)
		before := version(t, r)
		require.NoError(t, s.Remove(t.Context(), 2017))
		assert.Greater(t, version(t, r), before, "readers must notice")
		require.ErrorIs(t, s.Remove(t.Context(), 2017), geo.ErrNoVintage)
		assigned, err = s.StationAreas(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[reading.StationID]geo.Code{"one": "BU04790001", "two": "BU04790001"}, assigned)

		require.NoError(t, s.Remove(t.Context(), 2016))
		_, schematic, err := s.Active(t.Context())
		require.NoError(t, err)
		require.True(t, schematic)
		assigned, err = s.StationAreas(t.Context())
		require.NoError(t, err)
		require.Equal(t, drawn["one"], assigned["one"], "back in the drawn cell")
	})
}

func TestTown(t *testing.T) {
	require.Equal(t, geo.Area{}, geo.Town(nil))
	got := geo.Town([]geo.Area{block("BU03630001", 2017, 5, 52), block("BU03630002", 2017, 5.1, 52.1)})
	require.Equal(t, geo.Code("GM0363"), got.Code)
	require.Equal(t, "GM0363", got.Name, "its name is not in the file: the code is no guess")
	require.InDelta(t, 5.1, got.Center[0], 1e-9)
	require.InDelta(t, 52.1, got.Center[1], 1e-9)
	require.Equal(t, "Zaanstad", geo.Town([]geo.Area{block("BU04790001", 2017, 5, 52)}).Name)
	require.Equal(t, "test", got.Source)
	require.Equal(t, []geo.Code{"GM0363", "GM0479"}, geo.Gemeenten([]geo.Area{{Code: "WK047911"}, {Code: "BU03630001"}, {Code: "x"}, {Code: "GM0479"}}))
}

// A station has its area under every vintage, and keeps that when it moves or
// comes later than the boundaries.
func TestAStationHasAnAreaPerVintage(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r, s := open(t, dsn)
		require.NoError(t, s.Assign(t.Context(), "early", add(t, r, "early", 4.81, 52.44)))
		only, err := s.OnlyGemeente(t.Context())
		require.NoError(t, err)
		require.Equal(t, geo.Code("GM0479"), only)
		has, err := s.HasGemeente(t.Context(), only)
		require.NoError(t, err)
		require.True(t, has)
		drawn, err := s.AreasOfStation(t.Context(), "early")
		require.NoError(t, err)
		require.Len(t, drawn, 1)
		require.NotEmpty(t, drawn[0])

		require.NoError(t, s.Import(t.Context(), []geo.Area{block("BU04790001", 2016, 4.8, 52.4), block("BU04790002", 2016, 4.9, 52.4)}, 2016))
		require.NoError(t, s.Import(t.Context(), []geo.Area{block("BU04790101", 2025, 4.8, 52.4), block("BU04790102", 2025, 4.85, 52.4)}, 2025))
		want := func(id reading.StationID, areas map[int]geo.Code) {
			t.Helper()
			got, err := s.AreasOfStation(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, areas, got)
		}
		want("early", map[int]geo.Code{2016: "BU04790001", 2025: "BU04790101"})

		later := add(t, r, "later", 4.93, 52.45)
		require.NoError(t, s.Assign(t.Context(), "later", later))
		want("later", map[int]geo.Code{2016: "BU04790002", 2025: "BU04790102"})

		moved, err := reading.NewSecretPosition(4.98, 52.45)
		require.NoError(t, err)
		require.NoError(t, r.SetPosition(t.Context(), "early", moved, "test", "verhuisd"))
		require.NoError(t, s.Assign(t.Context(), "early", moved))
		want("early", map[int]geo.Code{2016: "BU04790002"}) // outside the buurten of 2025

		// Boundaries that were imported before boxes were kept say the same.
		_, err = r.DB().ExecContext(t.Context(), `UPDATE area_vintage SET boxed = 0`)
		require.NoError(t, err)
		_, err = r.DB().ExecContext(t.Context(), `DELETE FROM area_fact`)
		require.NoError(t, err)
		before := version(t, r)
		require.NoError(t, s.AssignAll(t.Context()))
		require.Equal(t, before, version(t, r), "nothing to change")
		require.NoError(t, s.Assign(t.Context(), "later", later))
		want("later", map[int]geo.Code{2016: "BU04790002", 2025: "BU04790102"})

		only, err = s.OnlyGemeente(t.Context())
		require.NoError(t, err)
		require.Equal(t, geo.Code("GM0479"), only)
		require.NoError(t, s.Remove(t.Context(), 2025))
		want("early", map[int]geo.Code{2016: "BU04790002"})
	})
}

// The same boundaries change nothing, others do, and the figures come back.
func TestImportOfTheSame(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r, s := open(t, dsn)
		n := func(v int) *int { return &v }
		one, two := block("BU04790001", 2025, 4.8, 52.4), block("BU03630001", 2025, 4.9, 52.4)
		one.Figures = geo.Figures{Inhabitants: n(0), Density: n(12)}
		two.Figures = geo.Figures{Inhabitants: n(7)}
		wijk, town := block("WK047900", 2025, 4.8, 52.4), block("GM0479", 2025, 4.8, 52.4)
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		all := []geo.Area{one, two, wijk, town}
		done, err := s.ImportFrom(t.Context(), all, 2025, geo.Origin{Source: "https://example.org", At: at})
		require.NoError(t, err)
		require.Equal(t, geo.Imported{Before: map[geo.Level]int{geo.Buurt: 0, geo.Wijk: 0, geo.Gemeente: 0}}, done)
		digest, err := s.Digest(t.Context(), 2025)
		require.NoError(t, err)
		require.NotEmpty(t, digest)

		before := version(t, r)
		done, err = s.ImportFrom(t.Context(), []geo.Area{town, wijk, two, one}, 2025, geo.Origin{Source: "x", At: at.Add(time.Hour)})
		require.NoError(t, err)
		require.True(t, done.Unchanged)
		require.Equal(t, before, version(t, r))
		vintages, err := s.Vintages(t.Context())
		require.NoError(t, err)
		require.Equal(t, []geo.Vintage{{
			Year: 2025, Count: map[geo.Level]int{geo.Buurt: 2, geo.Wijk: 1, geo.Gemeente: 1}, Active: true,
			Inhabited: 2, Dense: 1, Inhabitants: 7, Origin: geo.Origin{Source: "https://example.org", At: at},
		}}, vintages)

		got, err := s.AreasIn(t.Context(), geo.Buurt, "GM0479")
		require.NoError(t, err)
		require.Empty(t, cmp.Diff([]geo.Area{one}, got))
		got, err = s.AreasIn(t.Context(), geo.Gemeente, "GM0479")
		require.NoError(t, err)
		require.Len(t, got, 1)
		towns, err := s.Gemeenten(t.Context())
		require.NoError(t, err)
		require.Equal(t, []geo.Code{"GM0363", "GM0479"}, towns)
		only, err := s.OnlyGemeente(t.Context())
		require.NoError(t, err)
		require.Empty(t, only)
		for c, want := range map[geo.Code]bool{"GM0479": true, "GM0363": true, "GM0392": false, "GM04": false, "BU04790001": false, "": false} {
			has, err := s.HasGemeente(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, want, has, c)
		}
		a, ok, err := s.Area(t.Context(), "WK047900")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, wijk.Name, a.Name)
		for _, c := range []geo.Code{"WK047901", "x"} {
			_, ok, err = s.Area(t.Context(), c)
			require.NoError(t, err)
			require.False(t, ok)
		}

		// One household more is a change, of that level only.
		one.Figures.Households = n(1)
		done, err = s.ImportFrom(t.Context(), []geo.Area{one, wijk}, 2025, geo.Origin{})
		require.NoError(t, err)
		require.Equal(t, geo.Imported{Before: map[geo.Level]int{geo.Buurt: 2}}, done)
		other, err := s.Digest(t.Context(), 2025)
		require.NoError(t, err)
		require.NotEqual(t, digest, other)
		none, err := s.Digest(t.Context(), 2024)
		require.NoError(t, err)
		require.Empty(t, none)
	})
}

// Near the edges of the cells by which areas are looked up, and on borders, a
// station falls in the same buurt as by the index of all of them.
func TestAssignAgreesWithTheIndex(t *testing.T) {
	r, s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "register.db"))
	var areas []geo.Area
	for i := range 6 {
		for j := range 6 {
			areas = append(areas, block(geo.Code(fmt.Sprintf("BU0479%d%d00", i, j)), 2025, 4.65+float64(i)/10, 52.25+float64(j)/10))
		}
	}
	for i, c := range []geo.Code{"BU04790000"} { // long, so that it reaches cells far away
		a := block(c, 2025, 4, 51+float64(i))
		a.Geometry = orb.MultiPolygon{{{{4, 51}, {6, 51}, {6, 51.05}, {4, 51.05}, {4, 51}}}}
		areas[0] = a
	}
	require.NoError(t, s.Import(t.Context(), areas, 2025))
	index := geo.NewIndex(areas)
	want := map[reading.StationID]geo.Code{}
	for i, p := range []orb.Point{
		{4.7, 52.3},
		{4.75, 52.35},
		{4.8, 52.4},
		{4.8 - 1e-12, 52.4},
		{4.8, 52.4 + 1e-12},
		{4.75, 52.4},
		{4.95, 52.55},
		{5.2, 52.8},
		{5.25, 52.85},
		{4.9999999999, 51.0499999},
		{5.95, 51.01},
		{4.0, 51.0},
		{3, 50.9},
		{4.7, 52.25},
	} {
		id := reading.StationID(fmt.Sprintf("s%d", i))
		pos := add(t, r, id, p[0], p[1])
		require.NoError(t, s.Assign(t.Context(), id, pos))
		if c, ok := index.Locate(p[0], p[1]); ok {
			want[id] = c
		}
	}
	require.Greater(t, len(want), 8)
	requireAreas(t, s, want)
	require.NoError(t, s.AssignAll(t.Context()))
	requireAreas(t, s, want)
}
