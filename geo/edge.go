package geo

import (
	"cmp"
	"math"
	"math/big"

	"github.com/paulmach/orb"
)

// edge runs upwards: lo is the end with the lesser latitude, of a horizontal one
// the end with the lesser longitude. Two areas that share a border so get the
// very same edge, and the same answer about it, whichever way their rings run.
type edge struct{ lo, hi orb.Point }

func newEdge(a, b orb.Point) edge {
	if b[1] < a[1] || b[1] == a[1] && b[0] < a[0] {
		return edge{b, a}
	}
	return edge{a, b}
}

// edgesOf appends the edges of all rings of the polygon, closed where they are
// not; edges of no length are left out.
func edgesOf(edges []edge, polygon orb.Polygon) []edge {
	for _, ring := range polygon {
		for i, b := range ring {
			a := ring[max(i-1, 0)]
			if i == 0 {
				a = ring[len(ring)-1]
			}
			if a != b {
				edges = append(edges, newEdge(a, b))
			}
		}
	}
	return edges
}

// crosses reports whether the edge crosses the ray that leaves p to the west.
// An edge holds its lower end and not its upper one, and a point on the edge
// counts as east of it, so that every point falls on one side of every border.
// The ray never meets a horizontal edge.
func (e *edge) crosses(p orb.Point) bool {
	if p[1] < e.lo[1] || p[1] >= e.hi[1] {
		return false
	}
	switch {
	case p[0] < e.lo[0] && p[0] < e.hi[0]:
		return false
	case p[0] > e.lo[0] && p[0] > e.hi[0]:
		return true
	}
	return side(e.lo, e.hi, p) >= 0
}

// unsure is how large the difference of two products of differences must be,
// relative to the sum of their sizes, for its sign to be right: three roundings
// in each product and one in the difference make less than 4 units in the last
// place; 8 leaves room.
const unsure = 8 * 0x1p-53

// side is positive when p lies east of the upward edge from lo to hi, negative
// west of it, and 0 on it. Where floating point cannot tell the sign for sure, it
// is computed exactly.
func side(lo, hi, p orb.Point) int {
	l := (p[0] - lo[0]) * (hi[1] - lo[1])
	r := (hi[0] - lo[0]) * (p[1] - lo[1])
	if d := l - r; math.Abs(d) > unsure*(math.Abs(l)+math.Abs(r)) {
		return cmp.Compare(d, 0)
	}
	return exactSide(lo, hi, p)
}

// exactSide is side in exact arithmetic: a difference of two floats is exactly
// the sum of two floats, and so is a product (with a fused multiplication). The
// sixteen terms are added to a sum whose terms do not overlap, so that the last
// one that is not 0 has its sign (J. R. Shewchuk, "Adaptive Precision
// Floating-Point Arithmetic and Fast Robust Geometric Predicates", 1997,
// theorem 10; not verified at the source). It allocates nothing but for numbers
// so small that products vanish, which no map holds.
func exactSide(lo, hi, p orb.Point) int {
	a, b := minus(p[0], lo[0]), minus(hi[1], lo[1])
	c, d := minus(hi[0], lo[0]), minus(p[1], lo[1])
	for _, pair := range [...][2]float64{a, b, c, d} {
		for _, v := range pair {
			if v != 0 && math.Abs(v) < 0x1p-400 {
				return sideOfSmall(lo, hi, p)
			}
		}
	}
	var sum [16]float64
	n := 0
	add := func(v float64) {
		for i := range n {
			v, sum[i] = plus(v, sum[i])
		}
		sum[n] = v
		n++
	}
	for _, x := range a {
		for _, y := range b {
			product := x * y
			add(math.FMA(x, y, -product))
			add(product)
		}
	}
	for _, x := range c {
		for _, y := range d {
			product := x * y
			add(-math.FMA(x, y, -product))
			add(-product)
		}
	}
	for i := n - 1; i >= 0; i-- {
		if sum[i] != 0 {
			return cmp.Compare(sum[i], 0)
		}
	}
	return 0
}

// plus returns the rounded sum and what the rounding lost (Knuth).
func plus(a, b float64) (sum, lost float64) {
	sum = a + b
	bb := sum - a
	return sum, (a - (sum - bb)) + (b - bb)
}

func minus(a, b float64) [2]float64 {
	d, lost := plus(a, -b)
	return [2]float64{d, lost}
}

// sideOfSmall is exactSide by rational numbers.
func sideOfSmall(lo, hi, p orb.Point) int {
	exact := func(a, b float64) *big.Rat {
		x, y := new(big.Rat).SetFloat64(a), new(big.Rat).SetFloat64(b)
		return x.Sub(x, y)
	}
	left := exact(p[0], lo[0])
	left.Mul(left, exact(hi[1], lo[1]))
	right := exact(hi[0], lo[0])
	right.Mul(right, exact(p[1], lo[1]))
	return left.Cmp(right)
}

func oddCrossings(edges []edge, p orb.Point) bool {
	odd := false
	for i := range edges {
		if edges[i].crosses(p) {
			odd = !odd
		}
	}
	return odd
}
