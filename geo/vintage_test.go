package geo_test

import (
	"testing"

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
