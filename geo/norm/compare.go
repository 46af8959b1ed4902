package norm

import (
	"math"

	"buurtmeter/ingest/reading"
)

// comparison compares values with a limit: exactly as they are, and in standard
// deviations.
type comparison struct {
	// limit in 1/reading.HourScale unit.
	limit int64
	// edge is the value, in the property's unit, above which a value is above
	// the limit.
	edge float64
	// relative is the relative standard uncertainty (one standard deviation), a
	// fraction, of values that are not below floor, in the property's unit; below
	// it the uncertainty is that of floor.
	relative, floor float64
}

func (m Method) comparison(n Norm) comparison {
	limit := n.scaled()
	return comparison{
		limit: limit, edge: float64(limit) / reading.HourScale,
		relative: m.relative(n) / coverage95, floor: floorOf(n.Property),
	}
}

// exceeds reports whether the mean is above the limit, exactly.
func (c comparison) exceeds(s Sum) bool { return s.Above(c.limit) }

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
