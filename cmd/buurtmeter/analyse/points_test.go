package analyse

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// square is a feature of a square of one degree.
func square(name string, lon, lat int) string {
	return fmt.Sprintf(`{"type":"Feature","properties":{"Naam":%s},"geometry":{"type":"Polygon","coordinates":[[[%d,%d],[%d,%d],[%d,%d],[%d,%d],[%d,%d]]]}}`,
		name, lon, lat, lon+1, lat, lon+1, lat+1, lon, lat+1, lon, lat)
}

func squares(features ...string) string {
	return `{"type":"FeatureCollection","features":[` + strings.Join(features, ",") + `]}`
}

func threeAreas() string {
	return squares(square(`"Noord"`, 4, 51), square(`"Zuid"`, 5, 51), square(`7`, 6, 51), square(`"Noord"`, 8, 52))
}

// analysePoints runs the command and returns what it wrote.
func analysePoints(t *testing.T, csv, areas string, flags ...string) (out, notes string, err error) {
	t.Helper()
	dir := t.TempDir()
	file, shapes := filepath.Join(dir, "points.csv"), filepath.Join(dir, "areas.geojson")
	require.NoError(t, os.WriteFile(file, []byte(csv), 0o600))
	require.NoError(t, os.WriteFile(shapes, []byte(areas), 0o600))
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	run := pointsCommand().New(fs)
	require.NoError(t, fs.Parse(append([]string{"--areas", shapes, "--area-id", "Naam", "--value", "no2"}, flags...)))
	var o, e bytes.Buffer
	err = run(t.Context(), &Terminal{Out: &o, Err: &e}, []string{file})
	return o.String(), e.String(), err
}

func TestPointsInAreas(t *testing.T) {
	// Drogenbos: three points, mean 29.2, t-interval 11.8 to 46.5.
	csv := "\ufeffnaam;no2;lon;lat\r\na;22,215;4,5;51,5\r\nb;29,2;4,1;51,9\r\nc;36,185;8,5;52,5\r\n" +
		"d;40;5,5;51,5\r\ne;40,000000000001;5,25;51,5\r\nf;;5,5;51,5\r\ng;-999;5,5;51,5\r\nh;12;9,5;59\r\ni;12;;\r\nj;12;0;0\r\n"
	out, notes, err := analysePoints(t, csv, threeAreas(), "--limits", "10,37.5,40", "--json")
	require.NoError(t, err)
	var got pointsAnswer
	require.NoError(t, json.Unmarshal([]byte(out), &got), out)
	require.Len(t, got.Areas, 2)
	assert.Equal(t, []int{1, 2, 2}, []int{got.Outside, got.WithoutValue, got.WithoutPosition})
	north, south := got.Areas[0], got.Areas[1]
	assert.Equal(t, "Noord", north.Area)
	assert.Equal(t, 3, north.N, "an area of two features is one")
	assert.InDelta(t, 29.2, float64(north.Mean), 1e-9)
	assert.InDelta(t, 6.985, float64(north.SD), 1e-9)
	assert.InDelta(t, 29.2, float64(north.Median), 1e-12)
	assert.InDelta(t, 36.185, float64(north.Max), 1e-12)
	assert.InDelta(t, 11.848, float64(north.Interval[0]), 1e-3)
	assert.InDelta(t, 46.552, float64(north.Interval[1]), 1e-3)
	assert.Equal(t, map[string]int{"10": 3, "37.5": 0, "40": 0}, north.Above)
	assert.Equal(t, noteFew, north.Note)
	assert.Equal(t, 2, south.N)
	assert.Nil(t, south.Interval)
	assert.Contains(t, out, `"mean": null`)
	assert.Equal(t, 1, south.Above["40"], "40 is not above 40, and a millionth of a millionth more is")
	assert.InDelta(t, 0.5, float64(south.Share["40"]), 0)
	assert.Equal(t, noteTooFew, south.Note)
	assert.Contains(t, notes, "1 point outside every area, the first on line 9")
	assert.Contains(t, notes, "2 points without a position, the first on line 10")
	assert.Contains(t, notes, `"-999" was taken for 'no value' 1 times`)

	table, _, err := analysePoints(t, csv, threeAreas(), "--limits", "40")
	require.NoError(t, err)
	assert.Contains(t, table, "11.8 to 46.6")
	assert.Contains(t, table, "50.0 %")
}

func TestPointsSayWhatIsWrong(t *testing.T) {
	const good = "lon,lat,no2\n4.5,51.5,30\n"
	for name, c := range map[string]struct {
		csv, areas string
		flags      []string
		want       string
	}{
		"metres":      {"lon,lat,no2\n4.5,51.5,30\n121000,487000,30\n", threeAreas(), nil, `points.csv line 3, column "lon": 121000 is not in degrees`},
		"text":        {"lon,lat,no2\n4.5,51.5,<15\n", threeAreas(), nil, `points.csv line 2, column "no2": "<15" is not a number`},
		"no lat":      {"lon,no2\n4.5,51.5\n", threeAreas(), nil, `points.csv has no column "lat"`},
		"two columns": {"lon,lat,no2,no2\n4.5,51.5,30,31\n", threeAreas(), nil, `has the column "no2" twice`},
		"limit":       {good, threeAreas(), []string{"--limits", "10,veel"}, `--limits: "veel" is not a number`},
		"field":       {good, threeAreas(), []string{"--area-id", "code"}, `none of 4 features has the property "code", they have "Naam"`},
		"RD":          {good, strings.Replace(threeAreas(), `"features"`, `"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::28992"}},"features"`, 1), nil, "not in WGS84"},
		"RD, unsaid":  {good, squares(square(`"x"`, 121000, 487000)), nil, "look like RD"},
		"swapped":     {"lon,lat,no2\n51.5,4.5,30\n", threeAreas(), nil, "no point lies in an area, but 1 would if longitude and latitude were swapped"},
		"no points":   {"lon,lat,no2\n", threeAreas(), nil, "has no rows below its heading"},
		"no GeoJSON":  {good, "buurt", nil, "areas.geojson: GeoJSON"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := analysePoints(t, c.csv, c.areas, c.flags...)
			require.ErrorContains(t, err, c.want)
			assert.NotEmpty(t, try(t, err))
		})
	}
	_, _, err := analysePoints(t, good, strings.Replace(threeAreas(), `"features"`, `"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}},"features"`, 1))
	require.NoError(t, err)
}

// Several features of one area are one area, which is told beside the answer;
// so are areas that overlap.
func TestPointsInAreasOfSeveralFeatures(t *testing.T) {
	const csv = "lon,lat,no2\n4.5,51.5,30\n4.6,51.5,31\n8.5,52.5,32\n5.5,51.5,33\n"
	areas := squares(square(`"Noord"`, 4, 51), square(`"Noord"`, 4, 51), square(`"Noord"`, 8, 52), square(`"Zuid"`, 5, 51))
	out, notes, err := analysePoints(t, csv, areas, "--json")
	require.NoError(t, err)
	var got pointsAnswer
	require.NoError(t, json.Unmarshal([]byte(out), &got), out)
	assert.Equal(t, []int{3, 1, 0}, []int{got.Areas[0].N, got.Areas[1].N, got.Outside}, "a feature that stands there twice is no hole")
	assert.Contains(t, notes, "areas.geojson: 1 area stands in more than one feature, and its features count together as one area: Noord (3 features)")
	assert.NotContains(t, out, "features")
	assert.NotContains(t, notes, "overlap")

	_, notes, err = analysePoints(t, csv, squares(square(`"Noord"`, 4, 51), square(`"Oost"`, 4, 51)))
	require.NoError(t, err)
	assert.Contains(t, notes, "2 points in several areas at once")
	assert.NotContains(t, notes, "more than one feature")
}

func TestSomePointsAreSwapped(t *testing.T) {
	_, notes, err := analysePoints(t, "lon,lat,no2\n4.5,51.5,30\n51.5,4.5,30\n", threeAreas())
	require.NoError(t, err)
	require.Contains(t, notes, "1 of them would lie in an area if longitude and latitude were swapped")
}

func TestDecimalsCompareWithAllTheirDigits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"40", "40.000", 0},
		{"40.1", "40.10", 0},
		{"40.0000000000000001", "40", 1},
		{"-40.1", "-40", -1},
		{"-1", "0", -1},
		{"0", "0.000", 0},
		{"999999999999999999", "0.000000000000000001", 1},
	} {
		a, ok := parseDecimal([]byte(c.a), '.')
		require.True(t, ok)
		b, ok := parseDecimal([]byte(c.b), '.')
		require.True(t, ok)
		assert.Equal(t, c.want, a.compare(b), "%s and %s", c.a, c.b)
		assert.Equal(t, -c.want, b.compare(a))
	}
}
