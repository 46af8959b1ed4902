package norm

import (
	"math"

	"buurtmeter/ingest/reading"
)

// comparison compares values with a limit: exactly as they are, and in standard
// deviations.
type comparison struct {
	// limit in 1/reading.HourScale unit, and how a value is rounded before it is
	// compared with it.
	limit    int64
	rounding Rounding
	// edge is the value, in the property's unit, above which a value is above
	// the limit: the limit itself when nothing is rounded.
	edge float64
	// relative is the relative standard uncertainty (one standard deviation), a
	// fraction, of values that are not below floor, in the property's unit; below
	// it the uncertainty is that of floor.
	relative, floor float64
}

func (m Method) comparison(n Norm) comparison {
	limit := n.scaled()
	return comparison{
		limit: limit, rounding: m.Rounding, edge: float64(m.Rounding.edge(limit)) / (2 * reading.HourScale),
		relative: m.relative(n) / coverage95, floor: floorOf(n.Property),
	}
}

// exceeds reports whether the mean is above the limit, exactly.
func (c comparison) exceeds(s Sum) bool { return Above(s, c.limit, c.rounding) }

// edge is where the rounded value begins to be above the limit, in
// 1/(2·reading.HourScale) unit: half a step above the last step that is not
// above it.
func (r Rounding) edge(limit int64) int64 {
	var step int64
	switch r {
	case HalfEven:
		step = reading.HourScale
	case HalfUp:
		step = precision(limit)
	default:
		return 2 * limit
	}
	last, _ := floorDivMod(limit, 1, step)
	return (2*last + 1) * step
}

// uncertainty is the standard uncertainty of the value x.
func (c comparison) uncertainty(x float64) float64 { return c.relative * math.Max(x, c.floor) }

// distance is how many standard deviations the value lies below the limit. It
// never rises with the value: a higher one has a larger uncertainty, but its
// distance in terms of it is still less.
func (c comparison) distance(x float64) float64 { return (c.edge - x) / c.uncertainty(x) }

// unreachable returns a value that lies at least sd standard deviations below
// the limit, as does every lower one.
func (c comparison) unreachable(sd float64) float64 {
	return min(c.edge/(1+sd*c.relative), c.edge-sd*c.relative*c.floor)
}
