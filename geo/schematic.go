package geo

import (
	"math"

	"github.com/paulmach/orb"
)

// SchematicSource stands beside a map of schematic cells.
const SchematicSource = "schematische grenzen"

// outline is a drawing around the buurten of Zaanstad, convex and
// counter-clockwise. It is no boundary of anything.
func outline() orb.Ring {
	return orb.Ring{
		{4.840, 52.416},
		{4.860, 52.421},
		{4.864, 52.440},
		{4.855, 52.465},
		{4.840, 52.483},
		{4.800, 52.5195},
		{4.775, 52.5235},
		{4.745, 52.5195},
		{4.690, 52.490},
		{4.680, 52.470},
		{4.700, 52.440},
		{4.755, 52.422},
		{4.810, 52.4155},
		{4.840, 52.416},
	}
}

// Schematic returns cells that stand for the buurten of Zaanstad until real
// boundaries are imported, and the municipality around them: buurten in code
// order, then the gemeente. A cell holds the points that are nearest to the
// buurt's centre, within a drawn outline; neighbours share their borders
// exactly. Year is 0, Schematic true.
func Schematic() []Area {
	places := zaanstad()
	areas := make([]Area, 0, len(places)+1)
	for _, p := range places {
		areas = append(areas, schematicArea(p, cell(p, places)))
	}
	town := place{townCode, townName, townLon, townLat}
	return append(areas, schematicArea(town, outline()))
}

func schematicArea(p place, r orb.Ring) Area {
	level, _ := LevelOf(p.code)
	return Area{
		Code: p.code, Name: p.name, Level: level, Parent: ParentOf(p.code), Schematic: true,
		Geometry: orb.MultiPolygon{orb.Polygon{r}}, Center: orb.Point{p.lon, p.lat}, Source: SchematicSource,
	}
}

// cell cuts the outline with the perpendicular bisector towards every other
// centre. A convex ring stays convex, so the cell is whole.
func cell(p place, all []place) orb.Ring {
	shrink := math.Cos(townLat * math.Pi / 180) // a degree of longitude is this much of one of latitude
	flat := func(lon, lat float64) orb.Point { return orb.Point{lon * shrink, lat} }
	own := flat(p.lon, p.lat)
	r := outline()
	for i := range r {
		r[i] = flat(r[i][0], r[i][1])
	}
	r = r[:len(r)-1]
	for _, q := range all {
		if q.code != p.code {
			r = cut(r, own, flat(q.lon, q.lat))
		}
	}
	for i := range r {
		// Two cells compute their common corner each in their own order; rounded
		// to about a metre it is the same for both.
		r[i] = orb.Point{round5(r[i][0] / shrink), round5(r[i][1])}
	}
	return append(r, r[0])
}

// cut keeps the part of the open ring that is not nearer to other than to own.
func cut(r orb.Ring, own, other orb.Point) orb.Ring {
	nx, ny := other[0]-own[0], other[1]-own[1]
	c := nx*(own[0]+other[0])/2 + ny*(own[1]+other[1])/2
	beyond := func(p orb.Point) float64 { return nx*p[0] + ny*p[1] - c }
	var kept orb.Ring
	for i, a := range r {
		b := r[(i+1)%len(r)]
		da, db := beyond(a), beyond(b)
		if da <= 0 {
			kept = append(kept, a)
		}
		if (da < 0 && db > 0) || (da > 0 && db < 0) {
			t := da / (da - db)
			kept = append(kept, orb.Point{a[0] + t*(b[0]-a[0]), a[1] + t*(b[1]-a[1])})
		}
	}
	return kept
}

func round5(v float64) float64 { return math.Round(v*1e5) / 1e5 }
