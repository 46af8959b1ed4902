package geo

import (
	"slices"

	"github.com/paulmach/orb"
)

// longestStretch returns the middle of the longest stretch that lies inside the
// polygon on one of a few horizontal lines across it. Its edges are edges.
func longestStretch(p orb.Polygon, edges []edge) orb.Point {
	const lines = 15
	b := p.Bound()
	best, width := orb.Point{}, -1.0
	for i := range lines {
		y := b.Min[1] + (b.Max[1]-b.Min[1])*(float64(i)+0.5)/lines
		var xs []float64
		for _, e := range edges {
			if y >= e.lo[1] && y < e.hi[1] {
				xs = append(xs, e.lo[0]+(e.hi[0]-e.lo[0])*(y-e.lo[1])/(e.hi[1]-e.lo[1]))
			}
		}
		slices.Sort(xs)
		for j := 1; j < len(xs); j += 2 {
			if w := xs[j] - xs[j-1]; w > width {
				best, width = orb.Point{(xs[j] + xs[j-1]) / 2, y}, w
			}
		}
	}
	return best
}
