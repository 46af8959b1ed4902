package norm

import (
	"math"

	"buurtmeter/ingest/reading"
)

// MethodVersion names the rules of this package. It changes whenever a verdict
// over the same data could.
const MethodVersion = "2026.2"

// coveragePercent is the least share of the year with valid values. It is the
// 85 % of (EU) 2024/2881 Annex V B, and also what is left of the 90 % of
// 2008/50/EC Annex XI.A once calibration and normal maintenance, which do not
// count against it, are taken off (that allowance of 5 % is practice, not text
// that was read).
const coveragePercent = 85

// MethodFor returns the method of this version for an instrument of the kind.
func MethodFor(k reading.Kind) Method { return Method{Version: MethodVersion, Kind: k} }

// Judge compares one calendar year of hour means with a norm.
//
// It gives two answers that stand side by side. Probability is the probability
// that the norm is exceeded, with the uncertainty of the instrument; Words says
// it in words. Outcome is the verdict: for an instrument of reference that meets
// its data-quality objective that of the law, which compares the measured value
// itself (Method.ByValue); for every other instrument that of the probability,
// which must be above 0.95 to exceed and below 0.05 to comply.
//
// A mean can only be told when the year is over and at least 85 % of its hours
// are valid. A count exceeds also in a year that is not complete
// (ExceedsIncomplete then, since gaps can only hide further exceedances), and
// complies only when the year is over and covered for 85 %. In every other case
// it cannot be told, and Reason says why.
//
// Value, Low and High are given whenever there is data, also when nothing can
// be told; Probability of a mean only when the year is whole. Of a count in an
// incomplete year it is the probability by what was measured, which further
// hours can only raise. The interval of a quantity that is not negative does
// not reach below 0. Judge does not look at n.Property of h: the caller passes
// the hours of the norm's property.
func Judge(n Norm, h Hours, s Span, m Method) Verdict { return StatsOf(h, s).Judge(n, m) }

// Judge is the package's Judge on statistics that were computed before.
//
// The interval of a mean is twice its combined standard uncertainty
// (Uncertainty). That of a count is the middle 95 % of the counts of a fixed set
// of simulated years (see draws), widened where needed to hold the measured
// count itself.
func (s *Stats) Judge(n Norm, m Method) Verdict {
	v := Verdict{Norm: n.ID, Year: s.Year, Method: m, NotInForce: !n.InForce(s.Year), ByValue: m.ByValue(n)}
	c := m.comparison(n)
	switch n.Averaging {
	case Yearly:
		s.judgeMean(&v, c)
	case Daily:
		v.Valid, v.Expected = s.DaysValid, s.Days
		k := counter{comparison: c}
		for d, sum := range s.days {
			k.add(d, sum)
		}
		s.judgeCount(&v, n, s.DaysOver, &k)
	case Hourly:
		v.Valid, v.Expected = s.Sum.N, s.Hours
		k := counter{comparison: c}
		k.addHours(s.values)
		s.judgeCount(&v, n, s.HoursOver, &k)
	default:
		v.Reason = ReasonNoData
	}
	return v
}

func (s *Stats) judgeMean(v *Verdict, c comparison) {
	v.Valid, v.Expected = s.Sum.N, s.Hours
	v.Coverage = share(v.Valid, v.Expected)
	mean, ok := s.Sum.Mean()
	if !ok {
		v.Reason = ReasonNoData
		return
	}
	v.U = Uncertainty{
		Relative:   coverage95 * c.relative,
		Instrument: c.uncertainty(mean),
		Gaps:       math.Sqrt(GapVariance(s.variance(mean), s.Sum.N, s.Hours)),
	}
	u := v.U.Expanded()
	v.HasValue, v.Value, v.Low, v.High = true, mean, notBelowZero(mean, mean-u), mean+u
	if v.Reason = s.incomplete(v.Valid, v.Expected, s.HoursOver); v.Reason != ReasonNone {
		return
	}
	v.HasProbability, v.Probability = true, Exceedance(mean, v.U.Combined(), c.edge)
	v.decide(c.exceeds(s.Sum))
}

// decide gives a verdict about a whole year its outcome; above tells that the
// measured value is above the norm.
func (v *Verdict) decide(above bool) {
	switch words := v.Words(); {
	case v.ByValue && above, !v.ByValue && words == WordsAbove:
		v.Outcome = Exceeds
	case v.ByValue, words == WordsBelow:
		v.Outcome = Complies
	default:
		v.Reason = ReasonUncertainty
	}
}

func (s *Stats) judgeCount(v *Verdict, n Norm, over int, c *counter) {
	v.Coverage = share(v.Valid, v.Expected)
	gap := s.incomplete(v.Valid, v.Expected, over)
	switch {
	case s.Sum.N == 0:
		v.Reason = ReasonNoData
		return
	case v.Valid == 0:
		// Hours, but not one valid day: a count of 0 days would be a claim.
		v.Reason = gap
		return
	}
	v.U.Relative = coverage95 * c.relative
	low, high := c.interval()
	v.HasValue, v.Value = true, float64(c.measured)
	v.Low, v.High = float64(min(low, c.measured)), float64(max(high, c.measured))
	v.HasProbability, v.Probability = true, c.probability(n.Allowed)
	above := c.measured > n.Allowed
	if !v.ByValue {
		above = v.Words() == WordsAbove
	}
	switch {
	case above && covered(v.Valid, v.Expected):
		v.Outcome = Exceeds
	case above:
		v.Outcome, v.Reason = ExceedsIncomplete, gap
	case gap != ReasonNone:
		v.Reason = gap
	default:
		v.decide(above)
	}
}

// variance returns the variance of the valid hours about their mean.
func (s *Stats) variance(mean float64) float64 {
	if s.Sum.N < 2 || s.Sum.N == s.Hours {
		return 0 // not asked for
	}
	squares := 0.0
	for _, x := range s.values {
		if x != reading.Missing {
			d := float64(x)/reading.HourScale - mean
			squares += float64(d * d)
		}
	}
	return squares / float64(s.Sum.N-1)
}

// incomplete says why the year as a whole cannot be told; ReasonNone when it
// can. A running year never can, even with 85 % of its hours behind it: what is
// still to come is not a gap in the measurement.
func (s *Stats) incomplete(valid, expected, over int) Reason {
	switch {
	case s.Running() && covered(valid, over):
		return ReasonRunning
	case s.Running(), !covered(valid, expected):
		return ReasonCoverage
	default:
		return ReasonNone
	}
}

// covered reports whether valid is at least 85 % of expected.
func covered(valid, expected int) bool { return 100*valid >= coveragePercent*expected }

func share(valid, expected int) float64 {
	if expected == 0 {
		return 0
	}
	return float64(valid) / float64(expected)
}

// notBelowZero keeps the lower end of an interval at 0 for a value that is not
// negative itself: a concentration or a count cannot be.
func notBelowZero(value, low float64) float64 {
	if value >= 0 && low < 0 {
		return 0
	}
	return low
}
