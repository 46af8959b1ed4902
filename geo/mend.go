package geo

import (
	"errors"
	"fmt"

	"github.com/paulmach/orb"
)

var errEmpty = errors.New("empty coordinates")

// mend closes rings, turns outer rings counter-clockwise and holes clockwise,
// and leaves out rings that enclose nothing; left says which. The error says
// why nothing can be used.
func mend(polygons orb.MultiPolygon) (mended orb.MultiPolygon, left []string, err error) {
	rings := 0
	for _, polygon := range polygons {
		var p orb.Polygon
		for i, ring := range polygon {
			rings++
			if err := checkDegrees(ring); err != nil {
				return nil, nil, err
			}
			r, what := mendRing(ring, i == 0)
			if what == "" {
				p = append(p, r)
				continue
			}
			left = append(left, what)
			if i == 0 {
				break // without its outer ring a polygon is nothing
			}
		}
		if len(p) > 0 {
			mended = append(mended, p)
		}
	}
	switch {
	case rings == 0:
		return nil, nil, errEmpty
	case len(mended) == 0:
		return nil, left, errors.New("no ring encloses an area")
	default:
		return mended, left, nil
	}
}

// mendRing returns a closed copy of the ring in the right direction; what says
// why the ring cannot be used.
func mendRing(ring orb.Ring, outer bool) (mended orb.Ring, what string) {
	r := append(orb.Ring(nil), ring...)
	if len(r) > 0 && r[0] != r[len(r)-1] {
		r = append(r, r[0])
	}
	if len(r) < 4 {
		return nil, fmt.Sprintf("a ring of %d points is left out: it needs at least 4", len(ring))
	}
	want := orb.CW
	if outer {
		want = orb.CCW
	}
	switch area := signedArea(r); {
	case area == 0:
		return nil, fmt.Sprintf("a ring of %d points is left out: it encloses nothing", len(ring))
	case (area > 0) != (want == orb.CCW):
		r.Reverse()
	}
	return r, ""
}

// signedArea is twice the area in square degrees, positive counter-clockwise.
// Coordinates are taken from the first point, so that a small ring keeps its
// digits.
func signedArea(r orb.Ring) float64 {
	sum, o := 0.0, r[0]
	for i := 1; i < len(r); i++ {
		a, b := r[i-1], r[i]
		sum += (a[0]-o[0])*(b[1]-o[1]) - (b[0]-o[0])*(a[1]-o[1])
	}
	return sum
}

// checkDegrees refuses positions that are no WGS84 degrees, or are turned
// round, as the Netherlands shows them.
func checkDegrees(ring orb.Ring) error {
	for _, p := range ring {
		x, y := p[0], p[1]
		switch {
		case x >= -180 && x <= 180 && y >= -90 && y <= 90:
			if x >= 50 && x <= 54 && y >= 3 && y <= 8 {
				return errors.New("longitude and latitude look swapped: GeoJSON wants longitude first")
			}
		case x >= -10_000 && x <= 310_000 && y >= 280_000 && y <= 660_000:
			return errors.New("coordinates look like RD (EPSG:28992): reproject them to WGS84 (EPSG:4326)")
		default:
			return errors.New("coordinates are no degrees of WGS84: reproject them to EPSG:4326")
		}
	}
	return nil
}

// interior returns a point well inside the geometry: the middle of the longest
// stretch inside it on one of a few horizontal lines, of the largest polygon,
// unless its centre of gravity lies inside. It is the zero point for an empty
// geometry.
func interior(mp orb.MultiPolygon) orb.Point {
	var best orb.Polygon
	size := 0.0
	for _, p := range mp {
		if a := signedArea(p[0]); best == nil || a > size {
			best, size = p, a
		}
	}
	if best == nil {
		return orb.Point{}
	}
	edges := edgesOf(orb.MultiPolygon{best})
	if c := gravity(best[0], size); oddCrossings(edges, c) {
		return c
	}
	return longestStretch(best, edges)
}

// gravity is the centre of gravity of a ring with the signed area.
func gravity(r orb.Ring, area float64) orb.Point {
	var x, y float64
	o := r[0]
	for i := 1; i < len(r); i++ {
		ax, ay, bx, by := r[i-1][0]-o[0], r[i-1][1]-o[1], r[i][0]-o[0], r[i][1]-o[1]
		f := ax*by - bx*ay
		x += (ax + bx) * f
		y += (ay + by) * f
	}
	return orb.Point{o[0] + x/(3*area), o[1] + y/(3*area)}
}
