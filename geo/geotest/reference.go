package geotest

import (
	"math"
	"math/big"
	"slices"

	"github.com/paulmach/orb"

	"buurtmeter/geo"
)

// Reference finds areas by looking at every edge of every polygon whose bounds
// hold the point. It shares no code with geo.Index.
type Reference struct {
	all     orb.Bound
	parts   []part
	buckets [side * side][]int32 // parts whose bounds meet the bucket
}

const side = 128

type part struct {
	code    geo.Code
	bound   orb.Bound
	polygon orb.Polygon
}

// NewReference returns a reference of the areas, whose rings must be closed.
func NewReference(areas []geo.Area) *Reference {
	r := &Reference{all: Bounds(areas)}
	for _, a := range areas {
		for _, polygon := range a.Geometry {
			b := polygon.Bound()
			left, low := r.bucket(b.Min)
			right, high := r.bucket(b.Max)
			for y := low; y <= high; y++ {
				for x := left; x <= right; x++ {
					r.buckets[y*side+x] = append(r.buckets[y*side+x], int32(len(r.parts)))
				}
			}
			r.parts = append(r.parts, part{a.Code, b, polygon})
		}
	}
	return r
}

// Bounds returns the bounds of all areas.
func Bounds(areas []geo.Area) orb.Bound {
	b := areas[0].Geometry.Bound()
	for _, a := range areas {
		b = b.Union(a.Geometry.Bound())
	}
	return b
}

func (r *Reference) bucket(p orb.Point) (x, y int) {
	at := func(axis int) int {
		return int(min(max((p[axis]-r.all.Min[axis])/(r.all.Max[axis]-r.all.Min[axis])*side, 0), side-1))
	}
	return at(0), at(1)
}

// At returns the codes of all areas that hold the point, in their order.
func (r *Reference) At(p orb.Point) []geo.Code {
	var found []geo.Code
	x, y := r.bucket(p)
	for _, i := range r.buckets[y*side+x] {
		if t := &r.parts[i]; t.bound.Contains(p) && !slices.Contains(found, t.code) && inside(t.polygon, p) {
			found = append(found, t.code)
		}
	}
	slices.Sort(found)
	return found
}

// inside is the even-odd rule with a ray to the east that an edge holds its
// lower end of and a point on the edge does not begin before.
func inside(polygon orb.Polygon, p orb.Point) bool {
	odd := false
	for _, ring := range polygon {
		for i := 1; i < len(ring); i++ {
			s, e := ring[i-1], ring[i]
			if (s[1] > p[1]) == (e[1] > p[1]) {
				continue
			}
			x := (e[0]-s[0])*(p[1]-s[1])/(e[1]-s[1]) + s[0]
			if d := x - p[0]; d > 1e-9 || d >= -1e-9 && east(s, e, p) {
				odd = !odd
			}
		}
	}
	return odd
}

// east reports exactly whether the edge passes east of the point.
func east(s, e, p orb.Point) bool {
	number := func(v float64) *big.Rat { return new(big.Rat).SetFloat64(v) }
	minus := func(a, b float64) *big.Rat { return new(big.Rat).Sub(number(a), number(b)) }
	x := new(big.Rat).Mul(minus(e[0], s[0]), minus(p[1], s[1]))
	x.Quo(x, minus(e[1], s[1]))
	return x.Add(x, number(s[0])).Cmp(number(p[0])) > 0
}

// Uniform returns points anywhere in the bounds.
func Uniform(b orb.Bound, n int, seed uint64) []orb.Point {
	rnd := random(seed)
	points := make([]orb.Point, n)
	for i := range points {
		points[i] = orb.Point{b.Min[0] + rnd.Float64()*(b.Max[0]-b.Min[0]), b.Min[1] + rnd.Float64()*(b.Max[1]-b.Min[1])}
	}
	return points
}

// NearBorders returns points that lie so many metres at most, to the east or
// west and to the north or south, from a point on a border. Every area is chosen
// as often, and every edge of its rings.
func NearBorders(areas []geo.Area, n int, metres float64, seed uint64) []orb.Point {
	rnd := random(seed)
	points := make([]orb.Point, n)
	for i := range points {
		a, b := edge(areas, rnd.IntN)
		s := rnd.Float64()
		const degree = 111_195 // metres of latitude
		dy := metres / degree
		dx := dy / math.Cos(a[1]*math.Pi/180)
		points[i] = orb.Point{a[0] + s*(b[0]-a[0]) + dx*(2*rnd.Float64()-1), a[1] + s*(b[1]-a[1]) + dy*(2*rnd.Float64()-1)}
	}
	return points
}

// Hard returns points where a careless program goes wrong, in turn: on vertices,
// in the middle of edges and elsewhere on them, at the height of a vertex, on
// horizontal edges where there are some, a rounding away from a vertex, and
// anywhere.
func Hard(areas []geo.Area, n int, seed uint64) []orb.Point {
	rnd := random(seed)
	points := make([]orb.Point, n)
	all := Bounds(areas)
	for i := range points {
		a, b := edge(areas, rnd.IntN)
		s := rnd.Float64()
		switch i % 7 {
		case 0:
			points[i] = a
		case 1:
			points[i] = orb.Point{(a[0] + b[0]) / 2, (a[1] + b[1]) / 2}
		case 2:
			points[i] = orb.Point{a[0] + s*(b[0]-a[0]), a[1] + s*(b[1]-a[1])}
		case 3:
			points[i] = orb.Point{a[0] + (s-.5)/50, a[1]}
		case 4:
			for range 50 {
				if a[1] == b[1] {
					break
				}
				a, b = edge(areas, rnd.IntN)
			}
			points[i] = orb.Point{a[0] + s*(b[0]-a[0]), a[1]}
		case 5:
			points[i] = orb.Point{math.Nextafter(a[0], 180*(s-.5)), math.Nextafter(a[1], 90)}
		default:
			points[i] = orb.Point{all.Min[0] + s*(all.Max[0]-all.Min[0]), all.Min[1] + rnd.Float64()*(all.Max[1]-all.Min[1])}
		}
	}
	return points
}

// edge chooses an edge of any ring of any area.
func edge(areas []geo.Area, choose func(int) int) (a, b orb.Point) {
	g := areas[choose(len(areas))].Geometry
	polygon := g[choose(len(g))]
	ring := polygon[choose(len(polygon))]
	i := choose(len(ring) - 1)
	return ring[i], ring[i+1]
}
