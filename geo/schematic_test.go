package geo_test

import (
	"testing"

	"github.com/paulmach/orb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
)

func TestSchematic(t *testing.T) {
	areas := geo.Schematic()
	require.Len(t, areas, 51)
	town := areas[50]
	assert.Equal(t, geo.Code("GM0479"), town.Code)
	assert.Equal(t, geo.Gemeente, town.Level)
	cells := areas[:50]
	x, whole := geo.NewIndex(cells), geo.NewIndex(areas[50:])
	for i, a := range cells {
		assert.True(t, a.Schematic)
		assert.Zero(t, a.Year)
		assert.Equal(t, "schematische grenzen", a.Source)
		assert.Equal(t, geo.Buurt, a.Level)
		assert.Equal(t, geo.Code("WK"+a.Code[2:8]), a.Parent)
		if i > 0 {
			assert.Less(t, cells[i-1].Code, a.Code, "code order")
		}
		got, ok := x.Locate(a.Center[0], a.Center[1])
		assert.True(t, ok && got == a.Code, "the centre of %s lies in %q", a.Name, got)
		_, ok = whole.Locate(a.Center[0], a.Center[1])
		assert.True(t, ok, "%s lies in the outline", a.Name)
		r := a.Geometry[0][0]
		assert.True(t, r.Closed())
		assert.Equal(t, orb.CCW, r.Orientation(), a.Name)
		assert.GreaterOrEqual(t, len(r), 4, a.Name)
	}
	geo.Schematic()[0].Geometry[0][0][0] = orb.Point{}
	assert.Equal(t, areas, geo.Schematic(), "every call makes its own")
}

// Neighbouring cells share their borders to the last digit: each edge is walked
// once in each direction, but for those on the outline.
func TestSchematicCellsShareBorders(t *testing.T) {
	type edge [2]orb.Point
	edges := map[edge]int{}
	for _, a := range geo.Schematic()[:50] {
		r := a.Geometry[0][0]
		for i := 1; i < len(r); i++ {
			edges[edge{r[i-1], r[i]}]++
		}
	}
	alone := map[orb.Point]orb.Point{}
	for e, n := range edges {
		assert.Equal(t, 1, n, "%v", e)
		if edges[edge{e[1], e[0]}] == 0 {
			alone[e[0]] = e[1]
		}
	}
	// What is left must be one closed walk round the outside.
	var start orb.Point
	for p := range alone {
		start = p
		break
	}
	steps, at := 0, start
	for {
		next, ok := alone[at]
		require.True(t, ok, "the outer edge breaks off at %v", at)
		at = next
		steps++
		if at == start {
			break
		}
		require.LessOrEqual(t, steps, len(alone))
	}
	assert.Len(t, alone, steps, "no edge inside is left alone")
}

// The names, codes and centres are facts; the real boundaries agree with them.
func TestSchematicAgreesWithRealBoundaries(t *testing.T) {
	areas, _ := boundaries(t, "buurten_GM0479_zaanstad_2016.geojson", 2016)
	town, _ := boundaries(t, "gemeente_GM0479_zaanstad_2016.geojson", 2016)
	x, whole := geo.NewIndex(areas), geo.NewIndex(town)
	cells := geo.Schematic()
	require.Len(t, areas, len(cells)-1)
	for i, a := range areas {
		assert.Equal(t, a.Code, cells[i].Code)
		assert.Equal(t, a.Name, cells[i].Name)
		assert.Equal(t, a.Parent, cells[i].Parent)
		got, _ := x.Locate(cells[i].Center[0], cells[i].Center[1])
		assert.Equal(t, a.Code, got, a.Name)
	}
	assert.Equal(t, town[0].Name, cells[50].Name)
	_, ok := whole.Locate(cells[50].Center[0], cells[50].Center[1])
	assert.True(t, ok)
}
