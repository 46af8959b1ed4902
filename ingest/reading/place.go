package reading

import (
	"cmp"
	"math"
	"slices"
)

// Place is a point on the globe: degrees WGS84 and metres. NaN is unknown.
type Place struct{ Lon, Lat, Elev float64 }

// Known tells whether longitude and latitude are known.
func (p Place) Known() bool { return !math.IsNaN(p.Lon) && !math.IsNaN(p.Lat) }

// earthRadius is the mean radius of the earth in metres.
const earthRadius = 6_371_000

// Distance returns the great-circle distance in metres, NaN when either place
// is unknown.
func (p Place) Distance(q Place) float64 {
	const rad = math.Pi / 180
	sinLat, sinLon := math.Sin((q.Lat-p.Lat)*rad/2), math.Sin((q.Lon-p.Lon)*rad/2)
	h := sinLat*sinLat + math.Cos(p.Lat*rad)*math.Cos(q.Lat*rad)*sinLon*sinLon
	return 2 * earthRadius * math.Asin(math.Sqrt(min(1, h)))
}

// unit returns the place as a point on a globe of radius 1.
func (p Place) unit() [3]float64 {
	const rad = math.Pi / 180
	cos := math.Cos(p.Lat * rad)
	return [3]float64{cos * math.Cos(p.Lon*rad), cos * math.Sin(p.Lon*rad), math.Sin(p.Lat * rad)}
}

// Nearby returns for each place the indexes, ascending, of the other places at
// most radius metres away and, when vertical is not NaN, at most vertical
// metres higher or lower. An unknown place has no neighbours and is nobody's
// neighbour; so is one of unknown height when vertical counts.
func Nearby(places []Place, radius, vertical float64) [][]int {
	level := !math.IsNaN(vertical)
	var order []int
	for i, p := range places {
		if p.Known() && !(level && math.IsNaN(p.Elev)) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(places[a].Lat, places[b].Lat) })
	// Places farther apart in latitude than this are too far apart altogether;
	// the little more is for rounding.
	reach := radius/earthRadius*180/math.Pi*(1+1e-9) + 1e-12
	// The straight line through the earth tells most pairs apart without any
	// trigonometry; it is not exact enough for places on one spot, hence the
	// little more here too.
	units := make([][3]float64, len(places))
	for _, i := range order {
		units[i] = places[i].unit()
	}
	chord := 2*math.Sin(min(radius/earthRadius, math.Pi)/2) + 1e-12
	near := make([][]int, len(places))
	for k, i := range order {
		for _, j := range order[k+1:] {
			if places[j].Lat-places[i].Lat > reach {
				break
			}
			x, y, z := units[i][0]-units[j][0], units[i][1]-units[j][1], units[i][2]-units[j][2]
			if x*x+y*y+z*z > chord*chord {
				continue
			}
			if places[i].Distance(places[j]) > radius || level && math.Abs(places[i].Elev-places[j].Elev) > vertical {
				continue
			}
			near[i], near[j] = append(near[i], j), append(near[j], i)
		}
	}
	for _, js := range near {
		slices.Sort(js)
	}
	return near
}

// NearbySecret is Nearby for secret positions without heights. Only who is near
// whom comes out of it, never a place. The zero position is unknown.
func NearbySecret(positions []SecretPosition, radius float64) [][]int {
	places := make([]Place, len(positions))
	for i, p := range positions {
		places[i] = Place{p.lon, p.lat, math.NaN()}
		if p.IsZero() {
			places[i] = Place{math.NaN(), math.NaN(), math.NaN()}
		}
	}
	return Nearby(places, radius, math.NaN())
}

// The cells of Coarse, in steps per degree: in the Netherlands some 5.6 km from
// north to south and 5.4 km from west to east.
const (
	coarseLat = 20
	coarseLon = 12.5
)

// Coarse returns the centre of the cell that the position lies in, of a grid
// that covers the whole globe: a place that says no more than which town it is.
// The zero position gives an unknown place.
func (p SecretPosition) Coarse() Place {
	if p.IsZero() {
		return Place{math.NaN(), math.NaN(), math.NaN()}
	}
	return Place{(math.Floor(p.lon*coarseLon) + 0.5) / coarseLon, (math.Floor(p.lat*coarseLat) + 0.5) / coarseLat, math.NaN()}
}

// Reach is one of the positions that NearestSecret found.
type Reach struct {
	// Index is that of the position.
	Index int
	// Within is the smallest of the steps that it lies within, in metres.
	Within float64
}

// NearestSecret returns which of the positions lie within the last of the
// ascending steps, in metres, of a public place, the nearest first and those at
// the same distance in their order. Of the distance itself only the step comes
// out. The zero position is nowhere near.
func NearestSecret(from Place, positions []SecretPosition, steps []float64) []Reach {
	type found struct {
		Reach
		distance float64
	}
	var all []found
	for i, p := range positions {
		if p.IsZero() || !from.Known() {
			continue
		}
		d := from.Distance(Place{p.lon, p.lat, math.NaN()})
		if k, _ := slices.BinarySearch(steps, d); k < len(steps) {
			all = append(all, found{Reach{i, steps[k]}, d})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(a.distance, b.distance) })
	out := make([]Reach, len(all))
	for i, f := range all {
		out[i] = f.Reach
	}
	return out
}
