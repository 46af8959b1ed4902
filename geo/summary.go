package geo

import (
	"cmp"
	"math"
	"slices"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// Summarise says what the points of an area say together about a norm in a
// calendar year. It does not keep or change points.
//
// Limit values hold at places, so the outcome is that of the points, never of
// their mean: an exceedance at one point is one of the area's points, and
// Complies needs it of every point that has a value. Points without a value
// are listed and count for nothing else.
//
// The mean is over the points whose value stands for the whole year (not those
// that are Partial), from three such points on, and EstimateOf says what its
// interval is. What the points have in common is the uncertainty of their
// instruments, whole: instruments of one kind may share their calibration, and
// nothing tells how much of it. Different kinds share nothing. Gaps differ from
// point to point, so that they are in the scatter of the points already. The
// mean is one of the places that were chosen to measure, not of the area.
//
// Above counts those same points by their measured values, with the Wilson
// interval of its share. A point that exceeds although it is incomplete is not
// among them: of the incomplete ones only those that exceed would be known.
//
// Sitings say the same of the points beside roads, of those in the background
// and of those near industry, each for themselves: volunteers do not choose their
// places at random, so that the mean of all moves with the share of each. Points
// of an unknown siting are in none of these.
func Summarise(area Code, n norm.Norm, year int, points []StationVerdict) AreaVerdict {
	v := AreaVerdict{Area: area, Norm: n.ID, Year: year, NotInForce: !n.InForce(year)}
	v.Points = shown(points)
	if len(v.Points) == 0 {
		v.Reason = norm.ReasonNoStation
		return v
	}
	v.Simulated = v.Points[0].Simulated
	for _, p := range v.Points {
		v.Coverage = max(v.Coverage, p.Coverage)
		if !p.HasValue {
			continue
		}
		switch p.Kind {
		case reading.KindReference:
			v.Reference++
		case reading.KindSensor, reading.KindSensorCalibrated, reading.KindSensorNetwork:
			v.Sensors++
		case reading.KindTube: // counted in N only
		}
	}
	v.Outcome, v.Reason = outcome(v.Points)
	v.Group, v.Sitings = groupOf(v.Points), bySiting(v.Points)
	return v
}

// bySiting groups the points, highest first, by their siting; nil when none is
// known.
func bySiting(points []StationVerdict) []SitingGroup {
	if !slices.ContainsFunc(points, func(p StationVerdict) bool { return p.Siting != reading.SitingUnknown }) {
		return nil
	}
	var groups []SitingGroup
	for _, s := range reading.Sitings() {
		var of []StationVerdict
		for _, p := range points {
			if p.Siting == s {
				of = append(of, p)
			}
		}
		if len(of) > 0 {
			groups = append(groups, SitingGroup{Siting: s, Points: len(of), Group: groupOf(of)})
		}
	}
	return groups
}

// Deciding returns the point to quote for the area's outcome: the highest of
// those that have it, and for CannotTell of those that have its reason too. A
// higher point need not be it: its interval may touch the norm where that of a
// lower, more precise one does not. ok is false when no point has the outcome.
func (v AreaVerdict) Deciding() (p StationVerdict, ok bool) {
	for _, p := range v.Points {
		if p.Outcome == v.Outcome && (v.Outcome != norm.CannotTell || p.Reason == v.Reason) {
			return p, true
		}
	}
	return StationVerdict{}, false
}

// Covered returns the least and the best coverage, 0 to 1, of the points with a
// value; of all points when none has one, and 0 without points.
func (v AreaVerdict) Covered() (least, most float64) {
	first := true
	for _, p := range v.Points {
		if v.N > 0 && !p.HasValue {
			continue
		}
		if first || p.Coverage < least {
			least = p.Coverage
		}
		most, first = max(most, p.Coverage), false
	}
	return least, most
}

// shown returns the points that count, highest value first and points without
// a value last: the real ones when there is one, else the simulated ones.
func shown(points []StationVerdict) []StationVerdict {
	measured := slices.ContainsFunc(points, func(p StationVerdict) bool { return !p.Simulated })
	kept := make([]StationVerdict, 0, len(points))
	for _, p := range points {
		if p.Simulated != measured {
			kept = append(kept, p)
		}
	}
	slices.SortStableFunc(kept, func(a, b StationVerdict) int {
		if a.HasValue != b.HasValue {
			if a.HasValue {
				return -1
			}
			return 1
		}
		if a.HasValue && a.Value != b.Value {
			return cmp.Compare(b.Value, a.Value)
		}
		return cmp.Compare(a.Station, b.Station)
	})
	return kept
}

// outcome is that of the points together, with the most telling reason.
func outcome(points []StationVerdict) (norm.Outcome, norm.Reason) {
	var exceeds, incomplete, complies, valued int
	best, gap := norm.ReasonNone, norm.ReasonNone
	for _, p := range points {
		if p.HasValue {
			valued++
		}
		switch p.Outcome {
		case norm.Exceeds:
			exceeds++
		case norm.ExceedsIncomplete:
			incomplete++
			gap = moreTelling(gap, p.Reason)
		case norm.Complies:
			complies++
		case norm.CannotTell:
			best = moreTelling(best, p.Reason)
		}
	}
	switch {
	case exceeds > 0:
		return norm.Exceeds, norm.ReasonNone
	case incomplete > 0:
		return norm.ExceedsIncomplete, gap
	case complies > 0 && complies == valued:
		return norm.Complies, norm.ReasonNone
	case best == norm.ReasonNone:
		return norm.CannotTell, norm.ReasonNoData
	default:
		return norm.CannotTell, best
	}
}

// moreTelling picks the reason that comes nearest to an answer. A running year
// is one that a well kept station waits for, a want of coverage is not.
func moreTelling(a, b norm.Reason) norm.Reason {
	order := []norm.Reason{norm.ReasonUncertainty, norm.ReasonRunning, norm.ReasonCoverage, norm.ReasonNoData}
	for _, r := range order {
		if a == r || b == r {
			return r
		}
	}
	return a
}

// groupOf says what the points, highest value first, say together.
func groupOf(points []StationVerdict) Group {
	var g Group
	var values []float64
	shared := map[reading.Kind]float64{} // sums of standard uncertainties
	for _, p := range points {
		if !p.HasValue {
			continue
		}
		if g.N++; g.N == 1 {
			g.Highest = p
		}
		if p.Partial() {
			continue
		}
		values = append(values, p.Value)
		shared[p.Kind] += instrument(p.Verdict)
		if p.Above {
			g.Above++
		}
	}
	g.Whole = len(values)
	if g.Whole == 0 {
		return g
	}
	g.ShareLow, g.ShareHigh = Wilson(g.Above, g.Whole)
	common := 0.0
	for _, k := range []reading.Kind{reading.KindReference, reading.KindSensorCalibrated, reading.KindSensorNetwork, reading.KindSensor, reading.KindTube} {
		common = math.Hypot(common, shared[k]/float64(g.Whole))
	}
	e := EstimateOf(values, common, 0)
	g.Median, g.Few = e.Median, e.Few
	if !e.HasInterval {
		return g
	}
	g.HasMean, g.Mean, g.SD, g.Low, g.High = true, e.Mean, e.SD, e.Low, e.High
	g.U = norm.Uncertainty{Instrument: e.Common, Spatial: e.Spatial}
	if slices.Min(values) >= 0 {
		g.Low = max(g.Low, 0) // a concentration or a count is not below 0
	}
	return g
}

// instrument is the standard uncertainty of the value by its instrument. Of a
// count it is half the longer arm of the interval, whose arms differ.
func instrument(v norm.Verdict) float64 {
	if v.U.Instrument > 0 {
		return v.U.Instrument
	}
	return max(v.High-v.Value, v.Value-v.Low) / 2
}

// MayRank reports whether the two areas may be put in an order: both have a
// mean, and the intervals of the means do not overlap. Where they do, an order
// would be one of chance.
func MayRank(a, b AreaVerdict) bool {
	return a.HasMean && b.HasMean && (a.High < b.Low || b.High < a.Low)
}

// Span is a value with its interval.
type Span struct{ Value, Low, High float64 }

// Tiers puts values in an order that is not one of chance. The highest value
// leads the first tier (0), with all whose intervals reach up to its own; the
// highest of the others leads the next one, and so on. Within a tier there is no
// order. The answer has the tier of each of the spans.
func Tiers(spans []Span) []int {
	order := make([]int, len(spans))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(spans[b].Value, spans[a].Value) })
	tiers := make([]int, len(spans))
	for tier := 0; len(order) > 0; tier++ {
		floor := spans[order[0]].Low
		tiers[order[0]] = tier
		order = slices.DeleteFunc(order[1:], func(i int) bool {
			if spans[i].High >= floor {
				tiers[i] = tier
			}
			return spans[i].High >= floor
		})
	}
	return tiers
}
