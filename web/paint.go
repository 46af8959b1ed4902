package web

import (
	"strconv"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// The two ways to look at the map.
const (
	lensVerdict = "verdict"
	lensValue   = "value"
)

// paint is how one buurt is drawn, in the SVG, the movable map and the legend
// alike. The class decides the fill; mark or hatching repeats it, so that no
// meaning hangs on colour alone.
type paint struct {
	class   string
	mark    string
	hatched bool
}

func paintNone() paint { return paint{class: "k-none", hatched: true} }

// paintShort is a buurt with measurements that cover too little of the year
// to be called a year mean.
func paintShort() paint { return paint{class: "k-short", mark: "?"} }

func paintOutcome(o norm.Outcome) paint {
	switch o {
	case norm.Complies:
		return paint{class: "k-complies", mark: "○"}
	case norm.Exceeds:
		return paint{class: "k-exceeds", mark: "▲"}
	case norm.ExceedsIncomplete:
		return paint{class: "k-exceeds-incomplete", mark: "△"}
	default:
		return paint{class: "k-cannot-tell", mark: "?"}
	}
}

// paintVerdict draws what the measuring points of an area say about a norm.
func paintVerdict(v geo.AreaVerdict) paint {
	if v.Reason == norm.ReasonNoStation {
		return paintNone()
	}
	return paintOutcome(v.Outcome)
}

// edges are the borders between the seven classes of the value map, chosen so
// that every year norm of the property is a border.
func edges(p reading.Property) []float64 {
	switch p {
	case reading.PM25:
		return []float64{5, 10, 15, 20, 25, 30}
	case reading.SO2:
		return []float64{2, 5, 10, 15, 20, 40}
	case reading.Benzene:
		return []float64{0.5, 1, 1.7, 2.5, 3.4, 5}
	default:
		return []float64{10, 15, 20, 25, 30, 40}
	}
}

func paintValue(p reading.Property, v float64) paint {
	n := 0
	for _, e := range edges(p) {
		if v > e {
			n++
		}
	}
	return paint{class: "k-w" + strconv.Itoa(n)}
}

// yearPoint is the highest year mean of an area that may be called one: the
// year is over and enough of it was measured. ok is false when there is none.
func yearPoint(v geo.AreaVerdict) (p geo.StationVerdict, ok bool) {
	for _, p := range v.Points {
		if !p.HasValue {
			continue
		}
		switch p.Reason {
		case norm.ReasonCoverage, norm.ReasonRunning, norm.ReasonNoData, norm.ReasonNoStation:
		default:
			return p, true
		}
	}
	return geo.StationVerdict{}, false
}

// paintYear draws the highest year mean of an area.
func paintYear(p reading.Property, v geo.AreaVerdict) paint {
	if pt, ok := yearPoint(v); ok {
		return paintValue(p, pt.Value)
	}
	if v.Reason == norm.ReasonNoStation {
		return paintNone()
	}
	return paintShort()
}

// yearNorm returns a norm on the year mean of the property, whose verdicts
// carry the year means; ok is false when the table has none.
func yearNorm(g *opendata.Graph, p reading.Property) (n norm.Norm, ok bool) {
	for _, n := range g.Norms {
		if n.Property == p && n.Averaging == norm.Yearly && n.Statistic == norm.Mean {
			return n, true
		}
	}
	return norm.Norm{}, false
}
