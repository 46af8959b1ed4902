package geo_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/paulmach/orb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/register/registertest"
)

// onBoth runs the test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, fn func(t *testing.T, dsn string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { fn(t, "sqlite:"+filepath.Join(t.TempDir(), "register.db")) })
	t.Run("PostgreSQL", func(t *testing.T) { fn(t, registertest.Postgres(t)) })
}

func open(t *testing.T, dsn string) (*register.Register, *geo.Store) {
	t.Helper()
	r, err := register.Open(t.Context(), dsn, register.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	s, err := geo.OpenStore(t.Context(), r)
	require.NoError(t, err)
	return r, s
}

func add(t *testing.T, r *register.Register, id reading.StationID, lon, lat float64) reading.SecretPosition {
	t.Helper()
	var pos reading.SecretPosition
	if lon != 0 {
		var err error
		pos, err = reading.NewSecretPosition(lon, lat)
		require.NoError(t, err)
	}
	_, err := r.AddStation(t.Context(), reading.Station{
		ID: id, Title: "Meetpunt " + string(id), Kind: reading.KindSensor, Cadence: time.Minute,
		Since: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
	}, pos, "test")
	require.NoError(t, err)
	return pos
}

func version(t *testing.T, r *register.Register) int64 {
	t.Helper()
	v, _, err := r.DataVersion(t.Context())
	require.NoError(t, err)
	return v
}

// imported makes an area as an import would: a box from x to x+1 degrees.
func imported(c geo.Code, name string, x float64, year int) geo.Area {
	level, _ := geo.LevelOf(c)
	hole := box(x+.4, 52.4, x+.6, 52.6)
	hole.Reverse()
	return geo.Area{
		Code: c, Name: name, Level: level, Parent: geo.ParentOf(c), Year: year, Source: "© CBS/Kadaster",
		Geometry: orb.MultiPolygon{{box(x, 52, x+1, 53), hole}, {box(x, 54, x+1, 55)}},
		Center:   orb.Point{x + .2, 52.2},
	}
}

func TestStoreWithoutImportIsSchematic(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r, s := open(t, dsn)
		year, schematic, err := s.Active(t.Context())
		require.NoError(t, err)
		assert.True(t, schematic)
		assert.Zero(t, year)
		for level, n := range map[geo.Level]int{geo.Buurt: 50, geo.Wijk: 0, geo.Gemeente: 1} {
			areas, err := s.Areas(t.Context(), level)
			require.NoError(t, err)
			assert.Len(t, areas, n, level)
		}
		pos := add(t, r, "kalf", 4.8354, 52.4649)
		add(t, r, "utrecht", 5.12, 52.09)
		add(t, r, "nowhere", 0, 0)
		before := version(t, r)
		require.NoError(t, s.Assign(t.Context(), "kalf", pos))
		assert.Greater(t, version(t, r), before, "readers must see the assignment")
		requireAreas(t, s, map[reading.StationID]geo.Code{"kalf": "BU04791610"})

		before = version(t, r)
		require.NoError(t, s.AssignAll(t.Context()))
		assert.Equal(t, before, version(t, r), "nothing to change, nothing changed")
		require.NoError(t, s.Assign(t.Context(), "kalf", reading.SecretPosition{}))
		requireAreas(t, s, map[reading.StationID]geo.Code{})
		require.NoError(t, s.AssignAll(t.Context()))
		requireAreas(t, s, map[reading.StationID]geo.Code{"kalf": "BU04791610"})

		require.NoError(t, s.Assign(t.Context(), "neighbour", add(t, r, "neighbour", 4.8351, 52.4652)))
		places, err := s.PublicPlaces(t.Context())
		require.NoError(t, err)
		require.Len(t, places, 2, "without an area there is no public place")
		assert.Zero(t, places["kalf"].Distance(places["neighbour"]), "the place is that of the area and of no station")
	})
}

func requireAreas(t *testing.T, s *geo.Store, want map[reading.StationID]geo.Code) {
	t.Helper()
	got, err := s.StationAreas(t.Context())
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, got))
}

func TestImport(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r, s := open(t, dsn)
		ctx := t.Context()
		add(t, r, "west", 4.1, 52.1)
		add(t, r, "east", 5.1, 52.1)
		add(t, r, "hole", 4.5, 52.5)
		require.NoError(t, s.AssignAll(ctx))
		before := version(t, r)

		// In no order, and with text that only one of the databases would take.
		east, west := imported("BU04791120", "Oost \x00'; DROP TABLE area;--", 5, 2016), imported("BU04791110", "West é 🏭", 4, 2016)
		town := imported("GM0479", "Zaanstad", 4, 2016)
		require.NoError(t, s.Import(ctx, []geo.Area{east, town, west}, 2016))
		assert.Greater(t, version(t, r), before)
		year, schematic, err := s.Active(ctx)
		require.NoError(t, err)
		assert.Equal(t, 2016, year)
		assert.False(t, schematic)
		areas, err := s.Areas(ctx, geo.Buurt)
		require.NoError(t, err)
		east.Name = strings.ReplaceAll(east.Name, "\x00", "\uFFFD")
		assert.Empty(t, cmp.Diff([]geo.Area{west, east}, areas), "stored and read back to the last digit, in code order")
		towns, err := s.Areas(ctx, geo.Gemeente)
		require.NoError(t, err)
		assert.Empty(t, cmp.Diff([]geo.Area{town}, towns))
		wijken, err := s.Areas(ctx, geo.Wijk)
		require.NoError(t, err)
		assert.Empty(t, wijken)
		requireAreas(t, s, map[reading.StationID]geo.Code{"west": west.Code, "east": east.Code})

		// A later year becomes the active one; an older one does not.
		require.NoError(t, s.Import(ctx, []geo.Area{imported("BU04791130", "Alles", 5, 2024)}, 2024))
		requireAreas(t, s, map[reading.StationID]geo.Code{"east": "BU04791130"})
		require.NoError(t, s.Import(ctx, []geo.Area{imported("BU04791140", "Oud", 4, 2010)}, 2010))
		requireAreas(t, s, map[reading.StationID]geo.Code{"east": "BU04791130"})

		// The same year again replaces the level whole, and no other.
		require.NoError(t, s.Import(ctx, []geo.Area{imported("BU04791150", "Anders", 4, 2024)}, 2024))
		areas, err = s.Areas(ctx, geo.Buurt)
		require.NoError(t, err)
		require.Len(t, areas, 1)
		assert.Equal(t, geo.Code("BU04791150"), areas[0].Code)
		requireAreas(t, s, map[reading.StationID]geo.Code{"west": "BU04791150"})
		require.NoError(t, s.Import(ctx, []geo.Area{imported("WK047911", "Wijk", 4, 2024)}, 2024))
		wijken, err = s.Areas(ctx, geo.Wijk)
		require.NoError(t, err)
		assert.Len(t, wijken, 1)
		requireAreas(t, s, map[reading.StationID]geo.Code{"west": "BU04791150"})

		// A second store over the same database, as another process has it, sees
		// what the first one imports.
		_, other := open(t, dsn)
		pos := add(t, r, "late", 4.2, 52.2)
		require.NoError(t, other.Assign(ctx, "late", pos))
		require.NoError(t, s.Import(ctx, []geo.Area{imported("BU04791160", "Nieuw", 4, 2025)}, 2025))
		require.NoError(t, other.Assign(ctx, "late", pos))
		requireAreas(t, other, map[reading.StationID]geo.Code{"west": "BU04791160", "late": "BU04791160"})
	})
}

func TestImportRefuses(t *testing.T) {
	_, s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "register.db"))
	good := imported("BU04791110", "West", 4, 2016)
	bad := imported("BU04791120", "Oost", 5, 2016)
	bad.Geometry = nil
	tests := map[string]struct {
		areas []geo.Area
		year  int
	}{
		"nothing":     {nil, 2016},
		"no year":     {[]geo.Area{good}, 0},
		"twice":       {[]geo.Area{good, good}, 2016},
		"no geometry": {[]geo.Area{good, bad}, 2016},
		"no code":     {[]geo.Area{{Code: "X", Level: geo.Buurt, Geometry: good.Geometry}}, 2016},
		"schematic":   {geo.Schematic(), 2016},
	}
	for name, tt := range tests {
		require.Error(t, s.Import(t.Context(), tt.areas, tt.year), name)
	}
	_, schematic, err := s.Active(t.Context())
	require.NoError(t, err)
	assert.True(t, schematic, "nothing was stored")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Import(ctx, []geo.Area{good}, 2016), context.Canceled)
	_, err = s.Areas(ctx, geo.Buurt)
	require.ErrorIs(t, err, context.Canceled)
}

// Imports and assignments at the same time end with every station in the buurt
// that the boundaries say.
func TestConcurrentImportAndAssign(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r, s := open(t, dsn)
		_, other := open(t, dsn)
		var ids []reading.StationID
		var places []reading.SecretPosition
		for i := range 8 {
			id := reading.StationID(fmt.Sprintf("s%d", i))
			ids, places = append(ids, id), append(places, add(t, r, id, 4.1+float64(i)*.02, 52.1))
		}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				c := geo.Code(fmt.Sprintf("BU0479110%d", i))
				assert.NoError(t, s.Import(t.Context(), []geo.Area{imported(c, "A", 4, 2020)}, 2020))
			})
		}
		for i, id := range ids {
			wg.Go(func() { assert.NoError(t, other.Assign(t.Context(), id, places[i])) })
		}
		wg.Wait()
		areas, err := s.Areas(t.Context(), geo.Buurt)
		require.NoError(t, err)
		require.Len(t, areas, 1)
		want := map[reading.StationID]geo.Code{}
		for _, id := range ids {
			want[id] = areas[0].Code
		}
		requireAreas(t, s, want)
	})
}

// No table of this package holds a position.
func TestStoreKeepsNoPosition(t *testing.T) {
	r, s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "register.db"))
	add(t, r, "kalf", 4.83541234, 52.46495678)
	require.NoError(t, s.AssignAll(t.Context()))
	rows, err := r.ReadDB().QueryContext(t.Context(), `SELECT * FROM station_area`)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	assert.Equal(t, []string{"year", "station", "area"}, columns)
	require.True(t, rows.Next())
	var year int
	var station, code string
	require.NoError(t, rows.Scan(&year, &station, &code))
	assert.Equal(t, "0 kalf BU04791610", fmt.Sprint(year, " ", station, " ", code))
	require.NoError(t, rows.Err())
}

func TestImportRealBoundaries(t *testing.T) {
	areas, _ := boundaries(t, "buurten_GM0479_zaanstad_2016.geojson", 2016)
	r, s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "register.db"))
	add(t, r, "kalf", 4.8354, 52.4649)
	require.NoError(t, s.Import(t.Context(), areas, 2016))
	got, err := s.Areas(t.Context(), geo.Buurt)
	require.NoError(t, err)
	assert.Empty(t, cmp.Diff(areas, got))
	requireAreas(t, s, map[reading.StationID]geo.Code{"kalf": "BU04791610"})
}
