package geo

import (
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/planar"
)

// Meets reports whether the areas and the box have a point in common, their borders
// included. A box may be flat. It reckons in degrees, on the plane.
func Meets(mp orb.MultiPolygon, box orb.Bound) bool {
	for _, p := range mp {
		if len(p) == 0 || !p.Bound().Intersects(box) {
			continue
		}
		for _, ring := range p {
			for i := range ring {
				if box.Contains(ring[i]) || i > 0 && segmentMeets(ring[i-1], ring[i], box) {
					return true
				}
			}
		}
		// No border comes near: the box lies in the polygon, in a hole, or outside.
		if planar.PolygonContains(p, box.Min) {
			return true
		}
	}
	return false
}

// segmentMeets clips the segment to the box (Liang and Barsky 1984).
func segmentMeets(a, b orb.Point, box orb.Bound) bool {
	from, to := 0.0, 1.0
	for axis := range 2 {
		d := b[axis] - a[axis]
		low, high := box.Min[axis]-a[axis], box.Max[axis]-a[axis]
		if d == 0 {
			if low > 0 || high < 0 {
				return false
			}
			continue
		}
		if d < 0 {
			low, high = high, low
		}
		from, to = max(from, low/d), min(to, high/d)
		if from > to {
			return false
		}
	}
	return true
}
