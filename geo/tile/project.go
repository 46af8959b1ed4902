package tile

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/paulmach/orb"

	"buurtmeter/geo"
)

// point is a place in the drawing, in tenths of a unit.
type point struct{ x, y int }

// projection turns degrees into tenths of a unit of the drawing.
type projection struct {
	west, north float64
	perLon      float64 // tenths per degree
	perLat      float64
	height      int // of the drawing, in units
}

func project(areas []geo.Area, width int) (projection, error) {
	west, south, east, north := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, a := range areas {
		for _, polygon := range a.Geometry {
			for _, ring := range polygon {
				for _, p := range ring {
					if !finite(p[0]) || !finite(p[1]) {
						return projection{}, fmt.Errorf("area %s has coordinates that are not finite", a.Code)
					}
					west, east = min(west, p[0]), max(east, p[0])
					south, north = min(south, p[1]), max(north, p[1])
				}
			}
		}
	}
	if west > east {
		return projection{}, errors.New("there is no area to draw")
	}
	shrink := math.Max(math.Cos((south+north)/2*math.Pi/180), 0.01)
	// A drawing of one place still has a size.
	span := math.Max((east-west)*shrink, 1e-6)
	perLat := float64(10*(width-2*margin)) / span
	height := math.Ceil((north-south)*perLat/10) + 2*margin
	if height > 20*float64(width) {
		return projection{}, errors.New("the areas lie too narrow to draw: more than 20 times as high as wide")
	}
	return projection{west: west, north: north, perLon: perLat * shrink, perLat: perLat, height: int(height)}, nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func (p projection) at(q orb.Point) point {
	return point{
		x: 10*margin + int(math.Round((q[0]-p.west)*p.perLon)),
		y: 10*margin + int(math.Round((p.north-q[1])*p.perLat)),
	}
}

// back is the inverse of at, but for the rounding.
func (p projection) back(c point) orb.Point {
	return orb.Point{p.west + float64(c.x-10*margin)/p.perLon, p.north - float64(c.y-10*margin)/p.perLat}
}

// path writes the path data of the geometry: a move to the first corner of each
// ring, then steps. Steps are taken between rounded corners, so that rounding
// does not add up.
func (p projection) path(b *bytes.Buffer, mp orb.MultiPolygon) {
	drawn := false
	for _, polygon := range mp {
		for _, ring := range polygon {
			corners := p.corners(ring)
			if len(corners) < 3 {
				continue // smaller than can be seen
			}
			drawn = true
			b.WriteByte('M')
			pair(b, corners[0].x, corners[0].y, true)
			b.WriteByte('l')
			for i := 1; i < len(corners); i++ {
				pair(b, corners[i].x-corners[i-1].x, corners[i].y-corners[i-1].y, i == 1)
			}
			b.WriteByte('z')
		}
	}
	if !drawn && len(mp) > 0 && len(mp[0]) > 0 && len(mp[0][0]) > 0 {
		// An area too small to see keeps its place, and its link.
		at := p.at(mp[0][0][0])
		b.WriteByte('M')
		pair(b, at.x, at.y, true)
		b.WriteString("h.1v.1z")
	}
}

// corners returns the rounded corners without repetitions, without those in the
// middle of a straight line, and without the closing one. What is left out does
// not move the border, so that the neighbour's drawing of it still agrees.
func (p projection) corners(ring orb.Ring) []point {
	corners := make([]point, 0, len(ring))
	for _, q := range ring {
		c, n := p.at(q), len(corners)
		switch {
		case n > 0 && c == corners[n-1]:
		case n > 1 && straight(corners[n-2], corners[n-1], c):
			corners[n-1] = c
		default:
			corners = append(corners, c)
		}
	}
	for len(corners) > 1 && corners[0] == corners[len(corners)-1] {
		corners = corners[:len(corners)-1]
	}
	return corners
}

// straight reports whether b lies on the straight way from a to c.
func straight(a, b, c point) bool {
	ux, uy, vx, vy := b.x-a.x, b.y-a.y, c.x-b.x, c.y-b.y
	return ux*vy == uy*vx && ux*vx+uy*vy > 0
}

// pair writes two numbers, given in tenths, in as few characters as SVG allows.
func pair(b *bytes.Buffer, x, y int, first bool) {
	tenths(b, x, first)
	tenths(b, y, false)
}

func tenths(b *bytes.Buffer, n int, first bool) {
	switch {
	case n < 0:
		b.WriteByte('-')
		n = -n
	case !first:
		b.WriteByte(' ')
	}
	if n >= 10 || n == 0 {
		b.WriteString(strconv.Itoa(n / 10))
	}
	if n%10 != 0 {
		b.WriteByte('.')
		b.WriteByte(byte('0' + n%10))
	}
}
