package geo

import (
	"cmp"
	"math"
	"slices"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// minMean is the least number of points for a mean, and fewPoints the largest
// number that is marked as few. Both are our own proposal.
const (
	minMean   = 3
	fewPoints = 4
)

// Summarise says what the points of an area say together about a norm in a
// calendar year. It does not keep or change points.
//
// Limit values hold at places, so the outcome is that of the points, never of
// their mean: an exceedance at one point is one of the area's points, and
// Complies needs it of every point that has a value. Points without a value
// are listed and count for nothing else.
//
// The mean is over the points whose year is covered well enough for their value
// to stand for it (not those with ReasonCoverage), from three such points on.
// Its interval is t(n-1)·u with u² = s²/n + c². The common term c is half the
// mean expanded uncertainty of the points themselves: instruments of one kind
// share their calibration, so that it does not shrink with their number. The
// factor t over the common term too is on the cautious side. The mean is one of
// the places that were chosen to measure, not of the area.
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
		v.N++
		switch p.Kind {
		case reading.KindReference:
			v.Reference++
		case reading.KindSensor, reading.KindSensorCalibrated:
			v.Sensors++
		case reading.KindTube: // counted in N only
		}
	}
	if v.N > 0 {
		v.Highest = v.Points[0]
	}
	v.Outcome, v.Reason = outcome(v.Points)
	v.mean()
	return v
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

// mean fills Mean, Low and High from the points, when there are enough.
func (v *AreaVerdict) mean() {
	var values []float64
	sum, expanded := 0.0, 0.0
	for _, p := range v.Points {
		if !p.HasValue || p.Reason == norm.ReasonCoverage {
			continue
		}
		values = append(values, p.Value)
		sum += p.Value
		// The longer arm: Low is cut off at 0, and the arms of a count differ.
		expanded += max(p.High-p.Value, p.Value-p.Low)
	}
	n := len(values)
	if n < minMean {
		return
	}
	mean := sum / float64(n)
	squares, least := 0.0, math.Inf(1)
	for _, x := range values {
		squares += (x - mean) * (x - mean)
		least = min(least, x)
	}
	common := expanded / float64(n) / 2
	u := math.Sqrt(squares/float64(n-1)/float64(n) + common*common)
	half := student95(n-1) * u
	v.HasMean, v.Few = true, n <= fewPoints
	v.Mean, v.Low, v.High = mean, mean-half, mean+half
	if least >= 0 {
		v.Low = max(v.Low, 0) // a concentration or a count is not below 0
	}
}

// student95 is the two-sided 95 % point of Student's t with df degrees of
// freedom, to three decimals. Between the rows of the table the wider one
// holds.
func student95(df int) float64 {
	first := []float64{
		12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
		2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
		2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
	}
	switch {
	case df < 1:
		return math.Inf(1)
	case df <= len(first):
		return first[df-1]
	case df < 40:
		return 2.042
	case df < 60:
		return 2.021
	case df < 120:
		return 2.000
	case df < 1000:
		return 1.980
	default:
		return 1.962
	}
}
