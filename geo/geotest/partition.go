// Package geotest makes areas for tests and measurements.
package geotest

import (
	"fmt"
	"math/rand/v2"

	"github.com/paulmach/orb"

	"buurtmeter/geo"
)

// Partition divides the bounds into about n areas whose borders are shared to
// the last bit: bent lines of a few vertices between crooked corners, some of
// them exactly horizontal or vertical. One in ten areas has an enclave, which is
// an area of its own, or a lake, which is none; one in twenty is of two parts far
// from each other. Rings run either way and areas come in no order. The same
// seed gives the same areas.
func Partition(bounds orb.Bound, n int, seed uint64) []geo.Area {
	p := &partition{rnd: random(seed), side: 1}
	for p.side*p.side < n {
		p.side++
	}
	p.origin = bounds.Min
	p.step = orb.Point{(bounds.Max[0] - bounds.Min[0]) / float64(p.side), (bounds.Max[1] - bounds.Min[1]) / float64(p.side)}
	p.lay()
	for row := range p.side {
		for column := range p.side {
			p.area(column, row)
		}
	}
	p.rnd.Shuffle(len(p.areas), func(i, j int) { p.areas[i], p.areas[j] = p.areas[j], p.areas[i] })
	return p.areas
}

// random gives the same numbers every time.
func random(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // nothing secret
}

type partition struct {
	rnd    *rand.Rand
	side   int
	origin orb.Point
	step   orb.Point
	// corners, and the inner vertices of the borders that leave them to the east
	// and to the north; (side+1) x (side+1) of each.
	corners     []orb.Point
	east, north [][]orb.Point
	areas       []geo.Area
}

func (p *partition) at(column, row int) int { return row*(p.side+1) + column }

func (p *partition) lay() {
	n := (p.side + 1) * (p.side + 1)
	p.corners, p.east, p.north = make([]orb.Point, n), make([][]orb.Point, n), make([][]orb.Point, n)
	for i := range p.corners {
		x, y := float64(i%(p.side+1)), float64(i/(p.side+1))
		if p.rnd.IntN(4) > 0 {
			x, y = x+.2*(p.rnd.Float64()-.5), y+.2*(p.rnd.Float64()-.5)
		}
		p.corners[i] = orb.Point{p.origin[0] + x*p.step[0], p.origin[1] + y*p.step[1]}
	}
	for i := range p.corners {
		if column, row := i%(p.side+1), i/(p.side+1); column < p.side {
			p.east[i] = p.bend(p.corners[i], p.corners[i+1])
			if row < p.side {
				p.north[i] = p.bend(p.corners[i], p.corners[p.at(column, row+1)])
			}
		} else if row < p.side {
			p.north[i] = p.bend(p.corners[i], p.corners[p.at(column, row+1)])
		}
	}
}

// bend returns the inner vertices of a border; they stay near its middle line.
func (p *partition) bend(a, b orb.Point) []orb.Point {
	var inner []orb.Point
	n := p.rnd.IntN(6)
	for k := 1; k <= n; k++ {
		t, off := float64(k)/float64(n+1), .04*(p.rnd.Float64()-.5)
		v := orb.Point{a[0] + t*(b[0]-a[0]) + off*p.step[0], a[1] + t*(b[1]-a[1]) + off*p.step[1]}
		if k > 1 { // nearer to the corner it might cross the border beside it
			switch last := inner[k-2]; p.rnd.IntN(6) {
			case 0:
				v[1] = last[1]
			case 1:
				v[0] = last[0]
			}
		}
		inner = append(inner, v)
	}
	return inner
}

func (p *partition) area(column, row int) {
	var ring orb.Ring
	forth := func(at int, inner [][]orb.Point) {
		ring = append(append(ring, p.corners[at]), inner[at]...)
	}
	back := func(to, from int, inner [][]orb.Point) {
		ring = append(ring, p.corners[from])
		for k := len(inner[to]) - 1; k >= 0; k-- {
			ring = append(ring, inner[to][k])
		}
	}
	sw, se, nw, ne := p.at(column, row), p.at(column+1, row), p.at(column, row+1), p.at(column+1, row+1)
	forth(sw, p.east)
	forth(se, p.north)
	back(nw, ne, p.east)
	back(sw, nw, p.north)
	polygon := orb.Polygon{p.turned(append(ring, ring[0]))}
	if p.rnd.IntN(10) == 0 {
		hole := p.hole(column, row)
		polygon = append(polygon, p.turned(hole))
		if p.rnd.IntN(3) > 0 {
			p.add(orb.MultiPolygon{{p.turned(hole)}})
		}
	}
	if p.rnd.IntN(20) == 0 && len(p.areas) > 0 {
		other := &p.areas[p.rnd.IntN(len(p.areas))]
		other.Geometry = append(other.Geometry, polygon)
		return
	}
	p.add(orb.MultiPolygon{polygon})
}

// hole is a ring well within the area.
func (p *partition) hole(column, row int) orb.Ring {
	x := p.origin[0] + (float64(column)+.45+.1*p.rnd.Float64())*p.step[0]
	y := p.origin[1] + (float64(row)+.45+.1*p.rnd.Float64())*p.step[1]
	dx, dy := .08*p.step[0], .08*p.step[1]
	return orb.Ring{{x - dx, y}, {x, y - dy}, {x + dx, y - dy}, {x + dx, y}, {x, y + dy}, {x - dx, y}}
}

func (p *partition) turned(r orb.Ring) orb.Ring {
	r = r.Clone()
	if p.rnd.IntN(2) == 0 {
		r.Reverse()
	}
	return r
}

func (p *partition) add(g orb.MultiPolygon) {
	code := geo.Code(fmt.Sprintf("BU%08d", len(p.areas)))
	p.areas = append(p.areas, geo.Area{Code: code, Name: string(code), Level: geo.Buurt, Geometry: g})
}
