package geo

import (
	"cmp"
	"math"
	"math/big"
	"slices"

	"github.com/paulmach/orb"
	"github.com/tidwall/rtree"
)

// Index finds the area that a point lies in. It is immutable and safe for
// concurrent use.
type Index struct {
	tree   rtree.RTreeGN[float64, int]
	shapes []shape
}

// NewIndex prepares the areas, which should be of one level and not overlap. It
// does not keep them. Areas without geometry are never found; several of one
// code are parts of one area.
func NewIndex(areas []Area) *Index {
	sorted := slices.Clone(areas)
	slices.SortFunc(sorted, func(a, b Area) int { return cmp.Compare(a.Code, b.Code) })
	x := &Index{}
	for _, a := range sorted {
		edges := edgesOf(a.Geometry)
		if len(edges) == 0 {
			continue
		}
		b := a.Geometry.Bound()
		x.tree.Insert(b.Min, b.Max, len(x.shapes))
		x.shapes = append(x.shapes, newShape(a.Code, edges))
	}
	return x
}

// Locate returns the code of the area that holds the point (WGS84 degrees); ok
// is false outside every area and for numbers that are not finite.
//
// The answer is exact: holes and enclaves are honoured, and a point on a border
// that two areas share falls in exactly one of them, always the same. An area
// owns its western and southern edges. Where areas overlap, which boundaries of
// one vintage do not, the lowest code answers.
func (x *Index) Locate(lon, lat float64) (c Code, ok bool) {
	if math.IsNaN(lon) || math.IsNaN(lat) || math.IsInf(lon, 0) || math.IsInf(lat, 0) {
		return "", false
	}
	p := orb.Point{lon, lat}
	found := -1
	x.tree.Search(p, p, func(_, _ [2]float64, i int) bool {
		// Shapes are in code order, so the lowest index is the lowest code.
		if (found < 0 || i < found) && x.shapes[i].contains(p) {
			found = i
		}
		return true
	})
	if found < 0 {
		return "", false
	}
	return x.shapes[found].code, true
}

// Overlapped reports whether the point lies in areas of more than one code, of
// which Locate names the lowest.
func (x *Index) Overlapped(lon, lat float64) bool {
	p := orb.Point{lon, lat}
	first, several := Code(""), false
	x.tree.Search(p, p, func(_, _ [2]float64, i int) bool {
		s := &x.shapes[i]
		if s.code != first && s.contains(p) {
			several = first != ""
			first = s.code
		}
		return !several
	})
	return several
}

// edge runs upwards: lo is the end with the lesser latitude. Two areas that
// share a border so get the very same edge, and the same answer about it.
type edge struct{ lo, hi orb.Point }

// edgesOf returns the edges of all rings, without the horizontal ones, which
// the half-open rule never meets.
func edgesOf(mp orb.MultiPolygon) []edge {
	var edges []edge
	for _, polygon := range mp {
		for _, ring := range polygon {
			for i := 1; i < len(ring); i++ {
				switch a, b := ring[i-1], ring[i]; {
				case a[1] < b[1]:
					edges = append(edges, edge{a, b})
				case b[1] < a[1]:
					edges = append(edges, edge{b, a})
				}
			}
		}
	}
	return edges
}

// crosses reports whether the edge crosses the ray that leaves p to the west.
// An edge holds its lower end and not its upper one, and a point on the edge
// counts as east of it, so that every point falls on one side of every border.
func (e edge) crosses(p orb.Point) bool {
	if p[1] < e.lo[1] || p[1] >= e.hi[1] {
		return false
	}
	switch {
	case p[0] < e.lo[0] && p[0] < e.hi[0]:
		return false
	case p[0] > e.lo[0] && p[0] > e.hi[0]:
		return true
	}
	return e.side(p) >= 0
}

// side is positive when p lies east of the edge, negative west of it, and 0 on
// it. Where floating point cannot tell the sign for sure, it is computed
// exactly.
func (e edge) side(p orb.Point) int {
	l := (p[0] - e.lo[0]) * (e.hi[1] - e.lo[1])
	r := (e.hi[0] - e.lo[0]) * (p[1] - e.lo[1])
	// Three roundings in each product and one in the difference: below 4 units
	// in the last place of the sum of sizes; 8 leaves room.
	const unsure = 8 * 0x1p-53
	if d := l - r; math.Abs(d) > unsure*(math.Abs(l)+math.Abs(r)) {
		return cmp.Compare(d, 0)
	}
	exact := func(a, b float64) *big.Rat {
		x, y := new(big.Rat).SetFloat64(a), new(big.Rat).SetFloat64(b)
		return x.Sub(x, y)
	}
	left := exact(p[0], e.lo[0])
	left.Mul(left, exact(e.hi[1], e.lo[1]))
	right := exact(e.hi[0], e.lo[0])
	right.Mul(right, exact(p[1], e.lo[1]))
	return left.Cmp(right)
}

func oddCrossings(edges []edge, p orb.Point) bool {
	odd := false
	for _, e := range edges {
		if e.crosses(p) {
			odd = !odd
		}
	}
	return odd
}

// shape is an area cut in horizontal slabs of equal height. Each slab lists the
// edges that touch it, so that a point is compared with a few edges only.
type shape struct {
	code     Code
	south    float64
	perLat   float64 // slabs per degree
	slabs    []int32 // slabs[i]:slabs[i+1] are the edges of slab i
	edges    []edge
	numSlabs int
}

const edgesPerSlab = 4

func newShape(c Code, edges []edge) shape {
	south, north := edges[0].lo[1], edges[0].hi[1]
	for _, e := range edges {
		south, north = min(south, e.lo[1]), max(north, e.hi[1])
	}
	n := max(1, len(edges)/edgesPerSlab)
	s := shape{code: c, south: south, perLat: float64(n) / (north - south), numSlabs: n}
	s.slabs = make([]int32, n+1)
	for _, e := range edges {
		for i := s.slab(e.lo[1]); i <= s.slab(e.hi[1]); i++ {
			s.slabs[i+1]++
		}
	}
	for i := range n {
		s.slabs[i+1] += s.slabs[i]
	}
	s.edges = make([]edge, s.slabs[n])
	next := slices.Clone(s.slabs[:n])
	for _, e := range edges {
		for i := s.slab(e.lo[1]); i <= s.slab(e.hi[1]); i++ {
			s.edges[next[i]] = e
			next[i]++
		}
	}
	return s
}

// slab returns the slab of a latitude. It never falls as the latitude rises, so
// that an edge is listed in the slab of every latitude that it spans.
func (s *shape) slab(lat float64) int {
	return min(max(int((lat-s.south)*s.perLat), 0), s.numSlabs-1)
}

func (s *shape) contains(p orb.Point) bool {
	i := s.slab(p[1])
	return oddCrossings(s.edges[s.slabs[i]:s.slabs[i+1]], p)
}
