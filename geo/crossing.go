package geo

import (
	"cmp"
	"slices"

	"github.com/paulmach/orb"
)

// mostComparisons bounds the work on one area. Real borders stay far below; one
// that does not is taken as it is.
const mostComparisons = 20_000_000

// crossesItself reports whether two edges of the rings cross in a point that is
// the end of neither. Edges that touch are fine: rings may share a corner.
func crossesItself(mp orb.MultiPolygon) bool {
	var edges [][2]orb.Point // from west to east
	for _, polygon := range mp {
		for _, ring := range polygon {
			for i := 1; i < len(ring); i++ {
				a, b := ring[i-1], ring[i]
				if a[0] > b[0] {
					a, b = b, a
				}
				edges = append(edges, [2]orb.Point{a, b})
			}
		}
	}
	slices.SortFunc(edges, func(a, b [2]orb.Point) int { return cmp.Compare(a[0][0], b[0][0]) })
	var open [][2]orb.Point // those that reach as far east as the sweep
	work := 0
	for _, e := range edges {
		kept := open[:0]
		for _, o := range open {
			if o[1][0] < e[0][0] {
				continue
			}
			kept = append(kept, o)
			if max(o[0][1], o[1][1]) >= min(e[0][1], e[1][1]) && max(e[0][1], e[1][1]) >= min(o[0][1], o[1][1]) && cross(o, e) {
				return true
			}
		}
		if work += len(kept); work > mostComparisons {
			return false
		}
		open = append(kept, e)
	}
	return false
}

// cross reports whether the ends of each edge lie on both sides of the other.
func cross(a, b [2]orb.Point) bool {
	return turn(a[0], a[1], b[0])*turn(a[0], a[1], b[1]) < 0 && turn(b[0], b[1], a[0])*turn(b[0], b[1], a[1]) < 0
}

// turn is 1 when c lies left of the way from a to b, -1 when it lies right, and 0
// when that is nearer to the way than rounding can tell.
func turn(a, b, c orb.Point) int {
	l, r := (b[0]-a[0])*(c[1]-a[1]), (b[1]-a[1])*(c[0]-a[0])
	const unsure = 1e-12 // far above rounding, far below what a border shows
	if d := l - r; max(d, -d) > unsure*(max(l, -l)+max(r, -r)) {
		return cmp.Compare(d, 0)
	}
	return 0
}
