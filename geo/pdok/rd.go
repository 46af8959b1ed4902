package pdok

import (
	"fmt"

	"github.com/paulmach/orb"
)

// term is a coefficient with the powers of x and y that it belongs to.
type term struct {
	p, q int
	k    float64
}

// latitudeTerms and longitudeTerms are the approximation of T. Strang van Hees and
// F. Schreutelkamp, "Benaderingsformules voor de transformatie tussen RD- en
// WGS84-kaartcoördinaten", Geodesia 2001/2; not verified at the source, read in
// several public programs that agree in every digit.
func latitudeTerms() []term {
	return []term{
		{0, 1, 3235.65389},
		{2, 0, -32.58297},
		{0, 2, -0.24750},
		{2, 1, -0.84978},
		{0, 3, -0.06550},
		{2, 2, -0.01709},
		{1, 0, -0.00738},
		{4, 0, 0.00530},
		{2, 3, -0.00039},
		{4, 1, 0.00033},
		{1, 1, -0.00012},
	}
}

func longitudeTerms() []term {
	return []term{
		{1, 0, 5260.52916},
		{1, 1, 105.94684},
		{1, 2, 2.45656},
		{3, 0, -0.81885},
		{1, 3, 0.05594},
		{3, 1, -0.05607},
		{0, 1, 0.01199},
		{3, 2, -0.00256},
		{1, 4, 0.00128},
		{0, 2, 0.00022},
		{2, 0, -0.00022},
		{5, 0, 0.00026},
	}
}

// FromRD converts metres of RD New (EPSG:28992) to degrees of WGS84, longitude
// first. Against the check points of RDNAPTRANS 2008 in the Netherlands it is off
// by less than half a metre, which is finer than the borders are drawn; two areas
// that share a corner share it afterwards too. The error tells of a place outside
// the area of RD.
func FromRD(x, y float64) (orb.Point, error) {
	if !(x >= -7_000 && x <= 300_000 && y >= 289_000 && y <= 629_000) { // also when it is no number
		return orb.Point{}, fmt.Errorf("%.0f, %.0f lies outside the area of RD New (EPSG:28992)", x, y)
	}
	const base = 1e-5
	dx, dy := (x-155_000)*base, (y-463_000)*base
	return orb.Point{5.38720621 + sum(longitudeTerms(), dx, dy)/3600, 52.15517440 + sum(latitudeTerms(), dx, dy)/3600}, nil
}

// sum adds the terms up, in seconds of arc.
func sum(terms []term, x, y float64) float64 {
	var px, py [6]float64
	px[0], py[0] = 1, 1
	for i := 1; i < len(px); i++ {
		px[i], py[i] = px[i-1]*x, py[i-1]*y
	}
	total := 0.0
	for _, t := range terms {
		total += t.k * px[t.p] * py[t.q]
	}
	return total
}

// polygonsFromRD converts in place.
func polygonsFromRD(mp orb.MultiPolygon) error {
	for _, polygon := range mp {
		for _, ring := range polygon {
			for i, p := range ring {
				var err error
				if ring[i], err = FromRD(p[0], p[1]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
