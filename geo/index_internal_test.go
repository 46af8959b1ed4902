package geo

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paulmach/orb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// brute is the definition: the codes, in order, of the areas with a polygon that
// the ray from the point leaves an odd number of times.
func brute(areas []Area, p orb.Point) (codes []Code) {
	for _, a := range areas {
		for _, polygon := range a.Geometry {
			// No usable polygon reaches farther than a usable point.
			if usable(orb.Polygon{{p}}) && usable(polygon) && oddCrossings(edgesOf(nil, polygon), p) {
				codes = append(codes, a.Code)
			}
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

func TestExactSideIsThatOfRationalNumbers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	zero := 0
	for range 20_000 {
		lo := orb.Point{rnd.Float64()*4 + 3, rnd.Float64()*3 + 50}
		hi := orb.Point{rnd.Float64()*4 + 3, lo[1] + rnd.Float64()*math.Pow(10, -8*rnd.Float64())}
		s := float64(rnd.IntN(5)) / 4 // the ends, the middle and quarters
		p := orb.Point{lo[0] + s*(hi[0]-lo[0]), lo[1] + s*(hi[1]-lo[1])}
		for range rnd.IntN(3) {
			p[0] = math.Nextafter(p[0], 9)
		}
		want := sideOfSmall(lo, hi, p)
		require.Equal(t, want, exactSide(lo, hi, p), "%v-%v %v", lo, hi, p)
		require.Equal(t, want, side(lo, hi, p))
		if want == 0 {
			zero++
		}
	}
	require.Greater(t, zero, 1000, "too few points lay on an edge")
	small := 0x1p-600
	require.Equal(t, -1, side(orb.Point{0, 0}, orb.Point{small, small}, orb.Point{small / 4, small / 2}))
	require.Equal(t, 0, side(orb.Point{0, 0}, orb.Point{small, small}, orb.Point{small / 4, small / 4}))
}

// FuzzIndex builds areas of anything, and asks for points at and around what
// they are made of.
func FuzzIndex(f *testing.F) {
	ring := func(v ...float64) (b []byte) {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
		return b
	}
	box := ring(4, 52, 5, 52, 5, 53, 4, 53, 4, 52)
	f.Add([]byte{}, uint64(1))
	f.Add(slices.Concat(box, []byte{2}, ring(4.2, 52.2, 4.2, 52.8, 4.8, 52.8, 4.8, 52.2)), uint64(2))
	f.Add(slices.Concat(box, []byte{0}, ring(4.5, 52.5, 6, 52.5, 6, 54), []byte{1}, ring(4, 52, 5, 53)), uint64(3))
	f.Add(ring(math.NaN(), 52, 5, math.Inf(1), 5, 53), uint64(4))
	f.Add(ring(1e300, -1e300, 1e300, 1e300, 0, 5e-324), uint64(5))
	f.Add(ring(-1e9, -1e9, 1e9, -1e9, 0, 1e9, 1e-9, 1e-300), uint64(6))
	f.Add(ring(179, 10, -179, 10, -179, 12, 179, 12), uint64(7))                   // across the antimeridian
	f.Add(ring(4, 52, 5, 53, 5, 52, 4, 53), uint64(8))                             // crosses itself
	f.Add(slices.Concat(box, []byte{0}, box, []byte{2}, box), uint64(9))           // twice the same
	f.Add(ring(0, 0, 5e-324, 0, 5e-324, 5e-324, 0, 1e-320, 0, 1e-310), uint64(10)) // next to nothing
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		if len(text) > 320 { // larger ones only take longer
			return
		}
		checkHostile(t, hostile(text), seed)
	})
}

// hostile makes areas of bytes: 16 for a position; else a byte begins a new
// area, polygon or ring.
func hostile(text []byte) []Area {
	var areas []Area
	var ring orb.Ring
	end := func(what byte) {
		if n := len(areas); n > 0 && what%3 > 0 {
			a := &areas[n-1]
			if what%3 == 2 && len(a.Geometry) > 0 {
				last := &a.Geometry[len(a.Geometry)-1]
				*last = append(*last, ring)
			} else {
				a.Geometry = append(a.Geometry, orb.Polygon{ring})
			}
		} else {
			areas = append(areas, Area{Code: Code('A' + rune(what)%7), Geometry: orb.MultiPolygon{{ring}}})
		}
		ring = nil
	}
	for len(text) > 0 {
		if len(text) >= 16 && text[0] != 0xff {
			at := func(i int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(text[i:])) }
			ring = append(ring, orb.Point{at(0), at(8)})
			text = text[16:]
			if len(text)%16 > 0 {
				end(text[0])
				text = text[1:]
			}
			continue
		}
		end(text[0])
		text = text[1:]
	}
	end(0)
	return append(areas, Area{Code: "nothing"}, Area{Code: "empty", Geometry: orb.MultiPolygon{nil, {}, {nil}, {{}}}})
}

func checkHostile(t *testing.T, areas []Area, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	var points []orb.Point
	for _, a := range areas {
		for _, polygon := range a.Geometry {
			for _, ring := range polygon {
				for i, p := range ring {
					q := ring[(i+1)%len(ring)]
					s := rnd.Float64()
					points = append(points, p, orb.Point{p[0]/2 + q[0]/2, p[1]/2 + q[1]/2}, orb.Point{p[0] + s*(q[0]-p[0]), p[1] + s*(q[1]-p[1])},
						orb.Point{p[0], q[1]}, orb.Point{math.Nextafter(p[0], 0), p[1]}, orb.Point{p[0] + rnd.NormFloat64(), p[1]}, orb.Point{p[1], p[0]})
				}
			}
		}
	}
	points = append(points, orb.Point{}, orb.Point{math.NaN(), 0}, orb.Point{0, math.Inf(-1)})
	other := slices.Clone(areas)
	rnd.Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
	for i, a := range other {
		g := a.Geometry.Clone()
		rnd.Shuffle(len(g), func(i, j int) { g[i], g[j] = g[j], g[i] })
		for _, polygon := range g {
			for _, r := range polygon {
				r.Reverse()
			}
		}
		other[i].Geometry = g
	}
	x, y := NewIndex(areas), NewIndex(other)
	bulk := x.LocateAll(nil, points)
	for i, p := range points {
		got, ok := x.Locate(p[0], p[1])
		want := brute(areas, p)
		require.Equal(t, len(want) > 0, ok, "%v", p)
		require.Equal(t, append(want, "")[0], got, "%v", p)
		require.Equal(t, len(want) > 1, x.Overlapped(p[0], p[1]), "%v in %q", p, want)
		require.Equal(t, got, bulk[i], "%v in bulk", p)
		shuffled, _ := y.Locate(p[0], p[1])
		require.Equal(t, got, shuffled, "%v in another order", p)
	}
}

// Thousands of areas over each other, spokes of one wheel, and everything in one
// cell are slow, and answered right.
func TestCrowdedCells(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	var areas []Area
	for i := range 150 {
		x, y, s := 4+rnd.Float64(), 52+rnd.Float64(), .5+rnd.Float64()
		areas = append(areas, Area{Code: Code(rune('a' + i)), Geometry: orb.MultiPolygon{{{{x, y}, {x + s, y - s/9}, {x + s/2, y + s}, {x, y}}}}})
	}
	for i := range 100 {
		a, b := 2*math.Pi*float64(i)/100, 2*math.Pi*float64(i+1)/100
		areas = append(areas, Area{Code: Code(rune('B' - 'A' + i)), Geometry: orb.MultiPolygon{{{
			{6, 53}, {6 + math.Cos(a), 53 + math.Sin(a)}, {6 + math.Cos(b), 53 + math.Sin(b)}, {6, 53},
		}}}})
	}
	checkHostile(t, areas, 1)
	x := NewIndex(areas)
	for range 3000 {
		p := orb.Point{6 + rnd.NormFloat64()*1e-3, 53 + rnd.NormFloat64()*1e-3}
		got, _ := x.Locate(p[0], p[1])
		require.Equal(t, append(brute(areas, p), "")[0], got, "%v", p)
	}
}

func TestLookUpsAllocateNothing(t *testing.T) {
	areas := Schematic()[:50]
	x := NewIndex(areas)
	var points []orb.Point
	for _, a := range areas {
		r := a.Geometry[0][0]
		for i := 1; i < len(r); i++ {
			points = append(points, a.Center, r[i], orb.Point{(r[i-1][0] + r[i][0]) / 2, (r[i-1][1] + r[i][1]) / 2})
		}
	}
	found := make([]Code, 0, len(points))
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		for _, p := range points {
			x.Locate(p[0], p[1])
		}
		found = x.LocateAll(found[:0], points)
	}))
}
