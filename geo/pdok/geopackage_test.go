package pdok_test

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/geo/pdok"
)

// The check points of RDNAPTRANS 2008 that lie in the Netherlands, as its test
// sheet of Kadaster lists them (not verified at the source, read in public test
// suites that agree).
func TestFromRD(t *testing.T) {
	worst := 0.0
	for name, c := range map[string]struct{ x, y, lat, lon float64 }{
		"Texel":             {117380.12, 575040.34, 53.160753042, 4.824761912},
		"Noord-Groningen":   {247380.56, 604580.78, 53.419482050, 6.776726674},
		"Amersfoort":        {155000, 463000, 52.155172897, 5.387203657},
		"Zeeuws-Vlaanderen": {16460.91, 377380.23, 51.368607152, 3.397588595},
		"Zuid-Limburg":      {182260.45, 311480.67, 50.792584916, 5.773795548},
		"Maasvlakte":        {64640.89, 440700.01, 51.947393898, 4.072887101},
	} {
		p, err := pdok.FromRD(c.x, c.y)
		require.NoError(t, err)
		const degree = 111_200.0
		off := math.Hypot((p[1]-c.lat)*degree, (p[0]-c.lon)*degree*math.Cos(c.lat*math.Pi/180))
		assert.Less(t, off, 0.5, "%s is off by %.3f m", name, off)
		worst = max(worst, off)
	}
	t.Logf("at most %.3f m", worst)
	for _, p := range [][2]float64{{4.8, 52.4}, {math.NaN(), 463000}, {155000, math.Inf(1)}, {400000, 463000}, {463000, 155000}} {
		_, err := pdok.FromRD(p[0], p[1])
		require.Error(t, err, p)
	}
}

// blob is a geometry of a GeoPackage with an optional box.
func blob(t *testing.T, g orb.Geometry, box bool) []byte {
	t.Helper()
	b := []byte{'G', 'P', 0, 1}
	if box {
		b[3] |= 1 << 1
	}
	b = binary.LittleEndian.AppendUint32(b, 28992)
	if box {
		for _, v := range []float64{g.Bound().Min[0], g.Bound().Max[0], g.Bound().Min[1], g.Bound().Max[1]} {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	shape, err := wkb.Marshal(g)
	require.NoError(t, err)
	return append(b, shape...)
}

// geoPackage makes a file with layers in the coordinate system; the statements
// come last.
func geoPackage(t *testing.T, org string, srs int, layers []string, rows map[string][][]any, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "wijk en buurt?.gpkg")
	db, err := sql.Open("sqlite", "file:"+filepath.Join(filepath.Dir(path), "new.gpkg"))
	require.NoError(t, err)
	exec := func(query string, args ...any) {
		t.Helper()
		_, err := db.ExecContext(t.Context(), query, args...)
		require.NoError(t, err)
	}
	exec(`CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT, organization_coordsys_id INTEGER)`)
	exec(`CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, geometry_type_name TEXT, srs_id INTEGER, z INTEGER, m INTEGER)`)
	exec(`INSERT INTO gpkg_spatial_ref_sys VALUES ('x', $1, $2, $1)`, srs, org)
	for _, name := range layers {
		exec(`INSERT INTO gpkg_geometry_columns VALUES ($1, 'geom', 'MULTIPOLYGON', $2, 0, 0)`, name, srs)
		exec(`CREATE TABLE "` + name + `" (fid INTEGER PRIMARY KEY, geom BLOB, buurtcode TEXT, wijkcode TEXT, gemeentecode TEXT, buurtnaam TEXT, aantal_inwoners INTEGER, bevolkingsdichtheid_inwoners_per_km2 REAL, water TEXT)`)
		for _, r := range rows[name] {
			exec(`INSERT INTO "`+name+`" (geom, buurtcode, wijkcode, gemeentecode, buurtnaam, aantal_inwoners, bevolkingsdichtheid_inwoners_per_km2, water) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, r...)
		}
	}
	for _, s := range statements {
		exec(s)
	}
	require.NoError(t, db.Close())
	require.NoError(t, os.Rename(filepath.Join(filepath.Dir(path), "new.gpkg"), path))
	return path
}

func box(x, y, size float64) orb.MultiPolygon {
	return orb.MultiPolygon{{{{x, y}, {x + size, y}, {x + size, y + size}, {x, y + size}, {x, y}}}}
}

func TestGeoPackage(t *testing.T) {
	far := box(115000, 495000, 1000)
	far[0][0][2] = orb.Point{500000, 495000}
	rows := map[string][][]any{
		"buurten": {
			{blob(t, box(116000, 495000, 1000), true), "BU04790102", "WK047901", "GM0479", "Twee", 5, 12.0, "NEE"},
			{blob(t, box(115000, 495000, 1000)[0], false), "BU04790101", "WK047901", "GM0479", "Een", -99997, -99995.0, "NEE"},
			{blob(t, box(115000, 496000, 1000), false), "BU03630101", "WK036301", "GM0363", "Elders", 1, 1.0, "NEE"},
			{nil, "BU04790103", "WK047901", "GM0479", "Niets", 1, 1.0, "NEE"},
			{blob(t, box(115000, 495000, 1000), true)[:60], "BU04790104", "WK047901", "GM0479", "Half", 1, 1.0, "NEE"},
			{[]byte("GP"), "BU04790105", "WK047901", "GM0479", "Kort", 1, 1.0, "NEE"},
			{blob(t, far, true), "BU04790106", "WK047901", "GM0479", "Ver", 1, 1.0, "NEE"},
			{append([]byte{'G', 'P', 0, 0x11}, 0, 0, 0, 0), "BU04790107", "WK047901", "GM0479", "Leeg", 1, 1.0, "NEE"},
			{blob(t, orb.Point{115000, 495000}, false), "BU04790108", "WK047901", "GM0479", "Punt", 1, 1.0, "NEE"},
			{blob(t, far, true), "BU04799997", "WK047999", "GM0479", "Water", 1, 1.0, "JA"},
		},
		"wijken":    {{blob(t, box(115000, 495000, 2000), true), nil, "WK047901", "GM0479", nil, 5, 12.0, "NEE"}},
		"gemeenten": {{blob(t, box(115000, 495000, 2000), true), nil, nil, "GM0479", nil, 5, 12.0, "NEE"}},
	}
	path := geoPackage(t, "epsg", 28992, []string{"gemeenten", "wijken", "buurten", "postcode"}, rows)
	areas, problems, err := pdok.ReadGeoPackage(t.Context(), path, 2023, "GM0479")
	require.NoError(t, err)
	require.Equal(t, "BU04790101 BU04790102 GM0479 WK047901", codes(areas))
	assert.InDelta(t, 4.80, areas[0].Center[0], .02)
	assert.InDelta(t, 52.44, areas[0].Center[1], .02)
	assert.Nil(t, areas[0].Figures.Inhabitants)
	assert.Nil(t, areas[0].Figures.Density)
	assert.Equal(t, 5, *areas[1].Figures.Inhabitants)
	assert.Equal(t, 12, *areas[1].Figures.Density)
	assert.Equal(t, areas[0].Geometry[0][0][1], areas[1].Geometry[0][0][0], "a shared corner stays shared")
	var told []string
	for _, tally := range geo.TallyOf(problems) {
		told = append(told, tally.String())
	}
	assert.Equal(t, []string{
		"left out: 2 × no geometry: BU04790103, BU04790107",
		"left out: 4 × unusable coordinates: BU04790104, BU04790105, BU04790106, BU04790108",
		"left out: 1 × water: BU04799997",
	}, told)

	areas, _, err = pdok.ReadGeoPackage(t.Context(), path, 2023, "")
	require.NoError(t, err)
	require.Len(t, areas, 5, "every gemeente")
}

func TestGeoPackageInDegrees(t *testing.T) {
	for _, srs := range []int{4326, 4258} {
		path := geoPackage(t, "EPSG", srs, []string{"cbs_buurten_2017"}, map[string][][]any{
			"cbs_buurten_2017": {{blob(t, box(4.8, 52.4, .01), true), "BU04790101", "WK047901", "GM0479", "Een", 7, nil, "NEE"}},
		})
		areas, problems, err := pdok.ReadGeoPackage(t.Context(), path, 2017, "")
		require.NoError(t, err)
		require.Empty(t, problems)
		require.Equal(t, orb.Point{4.8, 52.4}, areas[0].Geometry[0][0][0])
	}
}

func TestGeoPackagesThatAreRefused(t *testing.T) {
	text := filepath.Join(t.TempDir(), "x.gpkg")
	require.NoError(t, os.WriteFile(text, []byte("SQLite format 3\x00 and then nothing"), 0o600))
	for name, c := range map[string]struct {
		path string
		want error
		says string
	}{
		"broken":             {text, pdok.ErrGeoPackage, ""},
		"no file":            {text + "x", pdok.ErrGeoPackage, "no file of SQLite"},
		"no layers of CBS":   {geoPackage(t, "EPSG", 28992, []string{"postcode4"}, nil), pdok.ErrGeoPackage, "postcode4"},
		"two of a level":     {geoPackage(t, "EPSG", 28992, []string{"buurt_fijn", "buurt_grof"}, nil), pdok.ErrGeoPackage, `"buurt_fijn" and "buurt_grof"`},
		"Web Mercator":       {geoPackage(t, "EPSG", 3857, []string{"buurten"}, nil), geo.ErrProjection, "EPSG:3857"},
		"empty layers":       {geoPackage(t, "EPSG", 28992, []string{"buurten"}, nil), geo.ErrNoAreas, ""},
		"no table behind it": {geoPackage(t, "EPSG", 28992, []string{"buurten"}, nil, `DROP TABLE buurten`), nil, "no such table"},
		"other columns":      {geoPackage(t, "EPSG", 28992, []string{"buurten"}, nil, `DROP TABLE gpkg_geometry_columns`), pdok.ErrGeoPackage, ""},
	} {
		t.Run(name, func(t *testing.T) {
			areas, _, err := pdok.ReadGeoPackage(t.Context(), c.path, 2023, "")
			require.ErrorContains(t, err, c.says)
			require.Nil(t, areas)
			if c.want != nil {
				require.ErrorIs(t, err, c.want, fmt.Sprint(err))
			}
		})
	}
}
