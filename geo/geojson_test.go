package geo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
)

// collection makes a FeatureCollection of the features.
func collection(features ...string) string {
	return `{"type":"FeatureCollection","features":[` + strings.Join(features, ",\n") + `]}`
}

// buurt makes a feature; geometry is GeoJSON.
func buurt(code, geometry string) string {
	return fmt.Sprintf(`{"type":"Feature","properties":{"statcode":%q,"statnaam":"Naam %s"},"geometry":%s}`, code, code, geometry)
}

const square = `{"type":"Polygon","coordinates":[[[4,52],[5,52],[5,53],[4,53],[4,52]]]}`

func read(t *testing.T, text string) ([]geo.Area, []geo.Problem) {
	t.Helper()
	areas, problems, err := geo.ReadGeoJSON(strings.NewReader(text), 2016)
	require.NoError(t, err)
	return areas, problems
}

func TestReadGeoJSON(t *testing.T) {
	areas, problems := read(t, `{"source":"© Iemand 2016",
		"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}},
		"features":[`+buurt("BU04791120", square)+`,
		{"type":"Feature","id":7,"properties":{"gemeentecode":"GM0479","gemeentenaam":"Zaanstad","water":"NEE","inwoners":-99995},"geometry":`+square+`},
		{"type":"Feature","properties":{"WIJKCODE":"WK0363AA","WIJKNAAM":" Burgwallen ","gemeentecode":"GM0363","sted":null},"geometry":
			{"coordinates":[[[[4,52,-1.5],[5,52,0],[5,53],[4,53],[4,52]]],[[[6,52],[7,52],[7,53],[6,52]]]],"type":"MultiPolygon"}},
		{"type":"Feature","properties":{"buurtcode":"BU04791110","buurtnaam":"Achtersluispolder","wijkcode":"WK047911","gemeentecode":"GM0479"},"geometry":`+square+`}
		],"type":"FeatureCollection"}`)
	assert.Empty(t, problems)
	require.Len(t, areas, 4)

	assert.Equal(t, []geo.Code{"BU04791110", "BU04791120", "GM0479", "WK0363AA"},
		[]geo.Code{areas[0].Code, areas[1].Code, areas[2].Code, areas[3].Code}, "in code order")
	first := areas[0]
	assert.Equal(t, "Achtersluispolder", first.Name)
	assert.Equal(t, geo.Buurt, first.Level)
	assert.Equal(t, geo.Code("WK047911"), first.Parent)
	assert.Equal(t, 2016, first.Year)
	assert.False(t, first.Schematic)
	assert.Equal(t, "© Iemand 2016", first.Source)
	assert.Equal(t, orb.Point{4.5, 52.5}, first.Center)
	assert.Equal(t, geo.Gemeente, areas[2].Level)
	assert.Empty(t, areas[2].Parent)
	assert.Equal(t, "Burgwallen", areas[3].Name)
	assert.Equal(t, geo.Code("GM0363"), areas[3].Parent)
	assert.Len(t, areas[3].Geometry, 2)
	assert.Equal(t, orb.Point{4, 52}, areas[3].Geometry[0][0][0], "heights are passed over")
}

func TestDefaultSource(t *testing.T) {
	for _, source := range []string{``, `"source":null,`, `"source":{"a":1},`, `"source":"  ",`} {
		areas, _ := read(t, `{`+source+`"type":"FeatureCollection","features":[`+buurt("BU04791110", square)+`]}`)
		assert.Equal(t, geo.DefaultSource, areas[0].Source)
	}
}

func TestByteOrderMark(t *testing.T) {
	areas, _ := read(t, "\uFEFF"+collection(buurt("BU04791110", square)))
	assert.Len(t, areas, 1)
}

func TestMendedRings(t *testing.T) {
	tests := map[string]string{
		"not closed":      `{"type":"Polygon","coordinates":[[[4,52],[5,52],[5,53],[4,53]]]}`,
		"clockwise":       `{"type":"Polygon","coordinates":[[[4,52],[4,53],[5,53],[5,52],[4,52]]]}`,
		"clockwise, open": `{"type":"Polygon","coordinates":[[[4,53],[5,53],[5,52],[4,52]]]}`,
	}
	for name, geometry := range tests {
		t.Run(name, func(t *testing.T) {
			areas, problems := read(t, collection(buurt("BU04791110", geometry)))
			assert.Empty(t, problems)
			r := areas[0].Geometry[0][0]
			assert.Equal(t, orb.CCW, r.Orientation())
			assert.True(t, r.Closed())
			assert.Len(t, r, 5)
		})
	}
	areas, _ := read(t, collection(buurt("BU04791110",
		`{"type":"Polygon","coordinates":[[[4,52],[5,52],[5,53],[4,53],[4,52]],[[4.2,52.2],[4.4,52.2],[4.4,52.4],[4.2,52.2]]]}`)))
	assert.Equal(t, orb.CW, areas[0].Geometry[0][1].Orientation(), "holes run the other way")
}

func TestProblems(t *testing.T) {
	polygon := func(coordinates string) string { return `{"type":"Polygon","coordinates":` + coordinates + `}` }
	const code = "BU04791120"
	tests := map[string]struct{ feature, what string }{
		"null geometry":     {buurt(code, `null`), "no geometry"},
		"empty coordinates": {buurt(code, polygon(`[]`)), "empty coordinates"},
		"null coordinates":  {buurt(code, polygon(`null`)), "no coordinates"},
		"empty multi":       {buurt(code, `{"type":"MultiPolygon","coordinates":[[]]}`), "empty coordinates"},
		"empty ring":        {buurt(code, polygon(`[[]]`)), "ring of 0 points"},
		"two points":        {buurt(code, polygon(`[[[4,52],[5,52],[4,52]]]`)), "ring of 3 points"},
		"a line":            {buurt(code, polygon(`[[[4,52],[5,52],[4.5,52],[4,52]]]`)), "encloses nothing"},
		"a point":           {buurt(code, `{"type":"Point","coordinates":[4,52]}`), "is no area"},
		"too flat":          {buurt(code, polygon(`[[4,52],[5,52],[5,53],[4,52]]`)), "nested"},
		"one number":        {buurt(code, polygon(`[[[4],[5],[5],[4]]]`)), "fewer than two numbers"},
		"text":              {buurt(code, polygon(`[[["4","52"]]]`)), "no number"},
		"too large":         {buurt(code, polygon(`[[[1e999,52],[5,52],[5,53],[4,52]]]`)), "no number"},
		"RD":                {buurt(code, polygon(`[[[115000,495000],[116000,495000],[116000,496000],[115000,495000]]]`)), "looks like RD"},
		"no degrees":        {buurt(code, polygon(`[[[480000,5800000],[480000,5800001],[480001,5800000],[480000,5800000]]]`)), "no degrees"},
		"swapped":           {buurt(code, polygon(`[[[52,4],[53,4],[53,5],[52,4]]]`)), "swapped"},
		"duplicate":         {buurt("BU04791110", square), "came before"},
		"water by code":     {buurt("BU04799998", square), "water"},
		"water by value":    {`{"properties":{"statcode":"BU04791120","water":"JA"},"geometry":` + square + `}`, "water"},
		"no code":           {`{"properties":{"statnaam":"X"},"geometry":` + square + `}`, "no code"},
		"no properties":     {`{"properties":null,"geometry":` + square + `}`, "no code"},
		"number as code":    {`{"properties":{"statcode":479},"geometry":` + square + `}`, "no code"},
		"hostile code":      {buurt("BU<script>", square), "no CBS code"},
		"short code":        {buurt("BU0479", square), "no CBS code"},
		"a feature of text": {`"BU04791120"`, "not a GeoJSON feature"},
		"a null feature":    {`null`, "no code"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			areas, problems := read(t, collection(buurt("BU04791110", square), tt.feature, buurt("BU04791130", square)))
			assert.Len(t, areas, 2, "the others are kept")
			require.NotEmpty(t, problems)
			for _, p := range problems {
				assert.Equal(t, 1, p.Feature)
			}
			assert.Contains(t, problems[0].What+problems[len(problems)-1].What, strings.TrimPrefix(tt.what, "looks"))
			assert.Contains(t, problems[0].String(), "feature 1")
		})
	}
}

// A bad hole or island is left out and told; the rest of the area is kept.
func TestBadRingsDoNotCostTheArea(t *testing.T) {
	areas, problems := read(t, collection(buurt("BU04791110", `{"type":"MultiPolygon","coordinates":[
		[[[4,52],[5,52],[5,53],[4,53],[4,52]],[[4.2,52.2],[4.2,52.2]]],
		[[[6,52],[6,52],[6,52],[6,52]],[[6.1,52],[6.2,52],[6.2,52.1],[6.1,52]]]]}`)))
	require.Len(t, areas, 1)
	require.Len(t, areas[0].Geometry, 1)
	assert.Len(t, areas[0].Geometry[0], 1)
	assert.Len(t, problems, 2)
}

func TestUnusableFiles(t *testing.T) {
	whole := collection(buurt("BU04791110", square))
	tests := map[string]string{
		"empty":             ``,
		"no JSON":           `code;naam`,
		"an array":          `[]`,
		"a feature":         buurt("BU04791110", square),
		"no features":       `{"type":"FeatureCollection"}`,
		"features no array": `{"type":"FeatureCollection","features":{}}`,
		"other type":        `{"type":"Topology","features":[` + buurt("BU04791110", square) + `]}`,
		"broken off":        whole[:len(whole)-1],
		"broken halfway":    whole[:len(whole)/2],
		"empty collection":  collection(),
		"nothing usable":    collection(buurt("BU04791110", "null")),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			areas, _, err := geo.ReadGeoJSON(strings.NewReader(text), 2016)
			require.Error(t, err)
			assert.Nil(t, areas, "never half a file")
		})
	}
	_, problems, err := geo.ReadGeoJSON(strings.NewReader(tests["nothing usable"]), 2016)
	require.ErrorIs(t, err, geo.ErrNoAreas)
	assert.Len(t, problems, 1, "the problems say why")
}

func TestCodes(t *testing.T) {
	tests := map[geo.Code]struct {
		level  geo.Level
		parent geo.Code
	}{
		"BU04791110": {geo.Buurt, "WK047911"},
		"BU0363AA01": {geo.Buurt, "WK0363AA"},
		"WK047911":   {geo.Wijk, "GM0479"},
		"GM0479":     {geo.Gemeente, ""},
		"":           {},
		"BU":         {},
		"GM047A":     {},
		"bu04791110": {},
		"BU0479111":  {},
		"PV27xx":     {},
	}
	for c, want := range tests {
		level, ok := geo.LevelOf(c)
		assert.Equal(t, want.level, level, c)
		assert.Equal(t, want.level != "", ok, c)
		assert.Equal(t, want.parent, geo.ParentOf(c), c)
	}
}

// Every centre lies inside its own area, also in horse-shoes and rings.
func TestCenterLiesInside(t *testing.T) {
	tests := map[string]string{
		"horse-shoe": `{"type":"Polygon","coordinates":[[[4,52],[5,52],[5,53],[4.9,53],[4.9,52.1],[4.1,52.1],[4.1,53],[4,53],[4,52]]]}`,
		"ring":       `{"type":"Polygon","coordinates":[[[4,52],[5,52],[5,53],[4,53],[4,52]],[[4.1,52.1],[4.9,52.1],[4.9,52.9],[4.1,52.9],[4.1,52.1]]]}`,
		"islands":    `{"type":"MultiPolygon","coordinates":[[[[4,52],[4.1,52],[4.1,52.1],[4,52]]],[[[6,52],[7,52],[7,53],[6,52]]]]}`,
	}
	for name, geometry := range tests {
		areas, _ := read(t, collection(buurt("BU04791110", geometry)))
		_, ok := geo.NewIndex(areas).Locate(areas[0].Center[0], areas[0].Center[1])
		assert.True(t, ok, name)
	}
}

func TestReadRealBoundaries(t *testing.T) {
	tests := []struct {
		file   string
		areas  int
		level  geo.Level
		source string
	}{
		{"buurten_GM0479_zaanstad_2016.geojson", 50, geo.Buurt, "CBS/Kadaster"},
		{"wijken_GM0479_zaanstad_2016.geojson", 19, geo.Wijk, "CBS/Kadaster"},
		{"gemeente_GM0479_zaanstad_2016.geojson", 1, geo.Gemeente, "CBS/Kadaster"},
	}
	for _, tt := range tests {
		areas, problems := boundaries(t, tt.file, 2016)
		assert.Len(t, areas, tt.areas, tt.file)
		assert.Empty(t, problems, tt.file)
		x := geo.NewIndex(areas)
		for _, a := range areas {
			assert.Equal(t, tt.level, a.Level, a.Code)
			assert.Contains(t, a.Source, tt.source)
			got, ok := x.Locate(a.Center[0], a.Center[1])
			assert.True(t, ok && got == a.Code, "centre of %s", a.Code)
		}
	}
}

func FuzzReadGeoJSON(f *testing.F) {
	f.Add(collection(buurt("BU04791110", square)))
	f.Add(collection(buurt("BU04791110", "null"), buurt("GM0479", `{"type":"MultiPolygon","coordinates":[[[[4,52],[5,52],[5,53],[4,52]]]]}`)))
	f.Add(`{"features":[{"geometry":{"type":"Polygon","coordinates":[[[1,2`)
	f.Fuzz(func(t *testing.T, text string) {
		areas, _, err := geo.ReadGeoJSON(strings.NewReader(text), 2016)
		assert.Equal(t, err == nil, len(areas) > 0)
		for _, a := range areas {
			require.NotEmpty(t, a.Name)
			for _, p := range a.Geometry {
				require.NotEmpty(t, p)
				for _, r := range p {
					require.True(t, len(r) >= 4 && r.Closed())
				}
			}
		}
		geo.NewIndex(areas).Locate(4.5, 52.5)
	})
}
