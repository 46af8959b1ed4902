package geo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
)

func TestReadShapes(t *testing.T) {
	const square = `"geometry":{"type":"Polygon","coordinates":[[[4,51],[5,51],[5,52],[4,52],[4,51]]]}`
	const other = `"geometry":{"type":"Polygon","coordinates":[[[6,51],[7,51],[7,52],[6,52],[6,51]]]}`
	read := func(features ...string) ([]geo.Area, []geo.Problem, error) {
		return geo.ReadShapes(strings.NewReader(`{"type":"FeatureCollection","features":[`+strings.Join(features, ",")+`]}`), "Wijk")
	}
	areas, problems, err := read(
		`{"type":"Feature","properties":{"Wijk":"b"},`+square+`}`, `{"type":"Feature","properties":{"WIJK":12},`+other+`}`,
		`{"type":"Feature","properties":{"wijk":"x","Wijk":"b"},`+other+`}`, `{"type":"Feature","properties":{"Wijk":null},`+other+`}`,
		`{"type":"Feature","properties":{"Wijk":"9998"},`+square+`}`)
	require.NoError(t, err)
	require.Len(t, areas, 4)
	assert.Equal(t, []geo.Code{"12", "9998", "b", "b"}, []geo.Code{areas[0].Code, areas[1].Code, areas[2].Code, areas[3].Code}, "two parts of one area")
	require.Len(t, problems, 1)
	assert.Contains(t, problems[0].String(), `feature 3: no name: the property "Wijk" is missing or empty`)

	areas, _, err = geo.ReadShapes(strings.NewReader(`{"type":"FeatureCollection","features":[{"type":"Feature","id":7,"properties":{},`+square+`}]}`), "id")
	require.NoError(t, err)
	assert.Equal(t, geo.Code("7"), areas[0].Code)

	_, _, err = read(`{"type":"Feature","properties":{"naam":"b"},` + square + `}`)
	require.ErrorIs(t, err, geo.ErrNoAreas)
	require.ErrorContains(t, err, `they have "naam"`)
	_, _, err = read(`{"type":"Feature","properties":{"Wijk":"b"},` + strings.ReplaceAll(square, "51", "487000") + `}`)
	require.ErrorIs(t, err, geo.ErrNoAreas)
	_, _, err = geo.ReadShapes(strings.NewReader(`{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"EPSG:31370"}},"features":[]}`), "Wijk")
	require.ErrorIs(t, err, geo.ErrProjection)
}

// Parts of one area may touch, overlap, or stand in the file twice: a point in
// any of them lies in the area. Areas of two names that overlap are told.
func TestPartsOfOneArea(t *testing.T) {
	feature := func(name string, lon float64) string {
		return fmt.Sprintf(`{"type":"Feature","properties":{"n":%q},"geometry":{"type":"Polygon","coordinates":[[[%[2]g,51],[%[3]g,51],[%[3]g,52],[%[2]g,52],[%[2]g,51]]]}}`, name, lon, lon+1)
	}
	areas, problems, err := geo.ReadShapes(strings.NewReader(`{"type":"FeatureCollection","features":[`+
		strings.Join([]string{feature("a", 4), feature("a", 4), feature("a", 4.5), feature("a", 5.5), feature("b", 6), feature("b", 6)}, ",")+`]}`), "n")
	require.NoError(t, err)
	require.Empty(t, problems)
	x := geo.NewIndex(areas)
	for lon, want := range map[float64]geo.Code{4.2: "a", 4.7: "a", 5.2: "a", 5.5: "a", 5.9: "a", 6.2: "a", 6.7: "b", 7: "", 3.9: ""} {
		got, _ := x.Locate(lon, 51.5)
		assert.Equal(t, want, got, lon)
		assert.Equal(t, lon == 6.2, x.Overlapped(lon, 51.5), lon)
	}
}
