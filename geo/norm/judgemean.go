package norm

import (
	"math"
	"math/big"

	"buurtmeter/ingest/reading"
)

// YearFigure is a mean over a calendar year that was not made of hour means, as
// that of diffusion tubes, which hang for weeks.
type YearFigure struct {
	Property reading.Property
	Year     int
	// Value is the mean, in the property's unit.
	Value float64
	// Under and Over are how far below and above Value the mean may lie because
	// results below the limit of detection are in it; not negative.
	Under, Over float64
	// Instrument and Gaps are standard uncertainties (one standard deviation) in
	// the property's unit: of the instrument and its calibration, and of the time
	// that was not measured. An Instrument that is not above 0 is not known, and
	// taken from the objective of the method's kind.
	Instrument, Gaps float64
	// Coverage is the share of the year that was measured, 0 to 1.
	Coverage float64
	// Running tells that the year is not over.
	Running bool
}

// mostFigure is above every concentration, in the property's unit: what is not
// below it is not a value.
const mostFigure = 1e9

// known reports whether the figure is one.
func (f YearFigure) known() bool {
	for _, x := range []float64{f.Value, f.Under, f.Over, f.Instrument, f.Gaps} {
		if !(math.Abs(x) < mostFigure) {
			return false
		}
	}
	return f.Coverage > 0 // not so of a NaN
}

// JudgeMean compares a year mean that was not made of hours with a norm on the
// year mean of its property; of every other norm it tells nothing (ReasonNoData).
//
// The rules are those of Judge: the comparison of the value itself is exact,
// rounded by the method once; a year that is not over, or of which less than 85 %
// was measured, cannot be told. The outcome always rests on the probability,
// whatever the kind: the law's comparison of the value itself is for hours.
// Where the value may lie in a range (Under, Over) every place in it is taken to
// be equally likely. Valid and Expected are in hours, Valid rounded down.
func JudgeMean(n Norm, f YearFigure, m Method) Verdict {
	v := Verdict{Norm: n.ID, Year: f.Year, Method: m, NotInForce: !n.InForce(f.Year)}
	v.Expected = YearLength(f.Year)
	if n.Averaging != Yearly || n.Statistic != Mean || n.Years > 1 || n.Property != f.Property || !f.known() {
		v.Reason = ReasonNoData
		return v
	}
	v.Coverage = min(f.Coverage, 1)
	v.Valid = max(1, int(v.Coverage*float64(v.Expected)))
	c := m.comparison(n)
	f.Under, f.Over = max(f.Under, 0), max(f.Over, 0)
	v.U = Uncertainty{Instrument: f.Instrument, Gaps: max(f.Gaps, 0)}
	if f.Instrument <= 0 {
		v.U.Instrument = c.uncertainty(f.Value)
	}
	v.U.Relative = coverage95 * v.U.Instrument / max(f.Value, c.floor)
	u := v.U.Expanded()
	v.HasValue, v.Value = true, f.Value
	v.Low, v.High = notBelowZero(f.Value, f.Value-f.Under-u), f.Value+f.Over+u
	v.Above = c.exceedsFloat(f.Value)
	switch {
	case f.Running:
		v.Reason = ReasonRunning
	case v.Coverage < coveragePercent/100.0:
		v.Reason = ReasonCoverage
	default:
		v.HasProbability, v.Probability = true, f.exceedance(v.U.Combined(), c.edge)
		v.decide()
	}
	return v
}

// places is how many equally likely places stand for a range of values.
const places = 64

// exceedance is the probability that the mean is above the limit, over all
// places where it may lie.
func (f YearFigure) exceedance(u, limit float64) float64 {
	low, width := f.Value-f.Under, f.Under+f.Over
	if width == 0 {
		return Exceedance(f.Value, u, limit)
	}
	p := 0.0
	for i := range places {
		p += Exceedance(low+width*(float64(i)+0.5)/places, u, limit)
	}
	return p / places
}

// exceedsFloat reports whether x, rounded by the policy, is above the limit. It
// is exact: a float is a fraction whose denominator is a power of two, and so is
// twice its number of steps.
func (c comparison) exceedsFloat(x float64) bool {
	const bits = 128 // 53 of the float and 15 of the factor
	steps := new(big.Float).SetPrec(bits).Mul(big.NewFloat(x).SetPrec(bits), big.NewFloat(2*reading.HourScale))
	edge := c.rounding.edge(c.limit)
	switch steps.Cmp(new(big.Float).SetPrec(bits).SetInt64(edge)) {
	case -1:
		return false
	case 1:
		return true
	}
	// At the edge itself halves decide; without rounding it is the limit.
	switch c.rounding {
	case HalfUp:
		return true
	case HalfEven:
		last, _ := floorDivMod(c.limit, 1, reading.HourScale)
		return last%2 != 0
	default:
		return false
	}
}
