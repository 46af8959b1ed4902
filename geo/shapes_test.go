package geo_test

import (
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
	require.Len(t, areas, 3)
	assert.Equal(t, []geo.Code{"12", "9998", "b"}, []geo.Code{areas[0].Code, areas[1].Code, areas[2].Code})
	assert.Len(t, areas[2].Geometry, 2, "two features of one name are one area")
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
