package geo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
)

func with(code, props string) string {
	return fmt.Sprintf(`{"properties":{"buurtcode":%q%s},"geometry":%s}`, code, props, square)
}

// Vintages call the key figures differently; what is below -9000, or no number at
// all, is missing and not 0.
func TestFigures(t *testing.T) {
	n := func(v int) *int { return &v }
	for name, c := range map[string]struct {
		props string
		want  geo.Figures
		odd   int
	}{
		"OGC API":      {`,"aantal_inwoners":4870,"aantal_huishoudens":2100,"bevolkingsdichtheid_inwoners_per_km2":9120`, geo.Figures{Inhabitants: n(4870), Households: n(2100), Density: n(9120)}, 0},
		"WFS":          {`,"aantalInwoners":4870,"aantalHuishoudens":2100,"bevolkingsdichtheidInwonersPerKm2":9120.0`, geo.Figures{Inhabitants: n(4870), Households: n(2100), Density: n(9120)}, 0},
		"older files":  {`,"AANT_INW":4870,"AANTAL_HH":2100,"BEV_DICHTH":9120`, geo.Figures{Inhabitants: n(4870), Households: n(2100), Density: n(9120)}, 0},
		"nobody":       {`,"aantal_inwoners":0`, geo.Figures{Inhabitants: n(0)}, 0},
		"withheld":     {`,"aantal_inwoners":-99997,"aantal_huishoudens":-99995,"bevolkingsdichtheid_inwoners_per_km2":-99999999`, geo.Figures{}, 0},
		"missing":      {`,"aantal_inwoners":null,"aantal_huishoudens":"","bevolkingsdichtheid_inwoners_per_km2":"."`, geo.Figures{}, 0},
		"as text":      {`,"aantal_inwoners":" 12 ","aantal_huishoudens":"-99997"`, geo.Figures{Inhabitants: n(12)}, 0},
		"no numbers":   {`,"aantal_inwoners":"veel","aantal_huishoudens":[1],"bevolkingsdichtheid_inwoners_per_km2":true`, geo.Figures{}, 3},
		"nobody knows": {`,"aantal_inwoners":-5,"aantal_huishoudens":1.5,"bevolkingsdichtheid_inwoners_per_km2":1e12`, geo.Figures{}, 3},
		"at the bound": {`,"aantal_inwoners":-9000,"aantal_huishoudens":-9001`, geo.Figures{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			areas, problems := read(t, collection(with("BU04791110", c.props)))
			require.Equal(t, c.want, areas[0].Figures)
			require.Len(t, problems, c.odd)
			for _, p := range problems {
				require.Equal(t, geo.CauseFigure, p.Cause)
				require.True(t, p.Cause.Kept())
			}
		})
	}
	known := geo.Figures{Density: n(1)}
	require.Equal(t, 1, known.Known())
}

// Features of another year refuse the whole file, with counts and codes.
func TestVintagesAreNotMixed(t *testing.T) {
	for name, c := range map[string]struct{ features, says string }{
		"two years":       {with("BU04791110", `,"jaar":2016`) + "," + with("BU04791120", `,"jaar":2015`) + "," + with("BU04791130", ""), "of the 2 that name one, 1 of 2015 (BU04791120)"},
		"another year":    {with("BU04791110", `,"jaar":"2020"`), "1 of 2020 (BU04791110)"},
		"in its code":     {with("BU04791110", `,"jrstatcode":"2014BU04791110"`), "1 of 2014"},
		"in its new code": {with("BU04791110", `,"jaarstatcode":"2014BU04791110"`), "1 of 2014"},
		"water too":       {with("BU04791110", ``) + "," + with("BU04799998", `,"jaar":2014`), "1 of 2014"},
	} {
		areas, _, err := geo.ReadGeoJSON(strings.NewReader(collection(c.features)), 2016)
		require.ErrorIs(t, err, geo.ErrVintage, name)
		require.ErrorContains(t, err, c.says, name)
		require.Nil(t, areas, name)
	}
	areas, _ := read(t, collection(with("BU04791110", `,"jaar":2016,"jrstatcode":"2014BU"`), with("BU04791120", `,"jaar":"onbekend"`)))
	require.Len(t, areas, 2)
}

func TestCollectorKeepsOneGemeente(t *testing.T) {
	c := geo.NewCollector(2016, "GM0479")
	require.NoError(t, c.ReadGeoJSON(strings.NewReader(collection(with("BU04791110", ""), with("BU03630001", `,"jaar":1999`)))))
	require.NoError(t, c.ReadGeoJSON(strings.NewReader(collection(with("BU03920001", ""), with("BU04791110", ""), buurt("WK047912", square)))))
	areas, err := c.Areas()
	require.NoError(t, err)
	require.Equal(t, []geo.Code{"GM0479"}, geo.Gemeenten(areas))
	require.Len(t, areas, 2)
	require.Equal(t, []geo.Code{"GM0363", "GM0392"}, c.Elsewhere())
	require.Equal(t, 5, c.Features())
	require.Equal(t, []geo.Tally{{Cause: geo.CauseDuplicate, Count: 1, Codes: []geo.Code{"BU04791110"}}}, geo.TallyOf(c.Problems()))
	require.Equal(t, []geo.Tally{{Cause: geo.CauseParent, Count: 1, Codes: []geo.Code{"BU04791110"}}}, geo.TallyOf(geo.Orphans(areas)))
	require.Empty(t, geo.Orphans(areas[:1]), "wijken were not read")

	c = geo.NewCollector(2016, "")
	add := func(code string, g orb.Geometry, err error) {
		text, _ := json.Marshal(code)
		c.Add(map[string]json.RawMessage{"buurtcode": text}, func() (orb.Geometry, error) { return g, err })
	}
	add("BU04791110", box(4, 52, 5, 53).Bound().ToPolygon(), nil)
	add("BU04791120", nil, nil)
	add("BU04791130", orb.LineString{{1, 2}, {3, 4}}, nil)
	add("BU04791140", nil, errors.New("half of it"))
	areas, err = c.Areas()
	require.NoError(t, err)
	require.Len(t, areas, 1)
	require.Equal(t, "left out: 1 × no geometry: BU04791120", geo.TallyOf(c.Problems())[0].String())
	require.Equal(t, "left out: 2 × unusable coordinates: BU04791130, BU04791140", geo.TallyOf(c.Problems())[1].String())
}

func TestBordersThatCrossThemselves(t *testing.T) {
	for name, c := range map[string]struct {
		geometry string
		crosses  bool
	}{
		"square":               {square, false},
		"corner on an edge":    {`{"type":"Polygon","coordinates":[[[4,52],[5,52],[5,53],[4.5,52],[4,53],[4,52]]]}`, false},
		"rings share a point":  {`{"type":"MultiPolygon","coordinates":[[[[4,52],[5,52],[5,53],[4,52]]],[[[5,53],[6,53],[6,54],[5,53]]]]}`, false},
		"bow tie":              {`{"type":"Polygon","coordinates":[[[4,52],[5,53],[5,52],[4,53.1],[4,52]]]}`, true},
		"spike through":        {`{"type":"Polygon","coordinates":[[[4,52],[5,52],[5,53],[4.5,51.9],[4,53],[4,52]]]}`, true},
		"hole that sticks out": {`{"type":"Polygon","coordinates":[[[4,52],[5,52],[5,53],[4,53],[4,52]],[[4.5,52.5],[5.5,52.6],[4.5,52.7],[4.5,52.5]]]}`, true},
	} {
		areas, problems := read(t, collection(buurt("BU04791110", c.geometry)))
		require.Len(t, areas, 1, name)
		found := len(problems) == 1 && problems[0].Cause == geo.CauseCrossing
		assert.Equal(t, c.crosses, found, "%s: %v", name, problems)
	}
}
