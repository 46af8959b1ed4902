package geo_test

import (
	"testing"

	"github.com/paulmach/orb"
	"github.com/stretchr/testify/assert"

	"buurtmeter/geo"
)

func TestMeets(t *testing.T) {
	square := func(x, y, size float64) orb.Ring {
		return orb.Ring{{x, y}, {x + size, y}, {x + size, y + size}, {x, y + size}, {x, y}}
	}
	hole := square(4, 4, 2)
	hole.Reverse()
	area := orb.MultiPolygon{{square(0, 0, 10), hole}, {square(20, 0, 2)}}
	box := func(x0, y0, x1, y1 float64) orb.Bound {
		return orb.Bound{Min: orb.Point{x0, y0}, Max: orb.Point{x1, y1}}
	}
	for _, c := range []struct {
		name string
		box  orb.Bound
		want bool
	}{
		{"around all", box(-1, -1, 30, 30), true},
		{"inside", box(1, 1, 2, 2), true},
		{"in the hole", box(4.5, 4.5, 5.5, 5.5), false},
		{"over the border of the hole", box(4.5, 4.5, 7, 5.5), true},
		{"around the hole", box(3, 3, 7, 7), true},
		{"between the parts", box(12, 0, 18, 2), false},
		{"the second part", box(21, 1, 25, 1.5), true},
		{"a corner touches", box(10, 10, 11, 11), true},
		{"a side touches", box(-2, 3, 0, 4), true},
		{"through, no vertex inside", box(-5, 7, 15, 8), true},
		{"a point inside", box(1, 1, 1, 1), true},
		{"a point on the border", box(0, 5, 0, 5), true},
		{"a point outside", box(11, 1, 11, 1), false},
		{"a line across", box(-1, 5, 11, 5), true},
		{"near a corner, bounds meet", box(10.5, -1, 12, 0.5), false},
	} {
		assert.Equal(t, c.want, geo.Meets(area, c.box), c.name)
	}
	assert.False(t, geo.Meets(nil, box(0, 0, 1, 1)))
	assert.False(t, geo.Meets(orb.MultiPolygon{{}}, box(0, 0, 1, 1)))
	triangle := orb.MultiPolygon{{{{0, 0}, {10, 10}, {0, 10}, {0, 0}}}}
	assert.False(t, geo.Meets(triangle, box(6, 1, 9, 4)), "the bounds meet, the triangle does not")
	assert.True(t, geo.Meets(triangle, box(6, 1, 9, 7)), "the slanting side crosses a corner")
}
