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
//
// A norm over several years is judged by JudgeYears; here the other years count
// as not measured.
func (s *Stats) Judge(n Norm, m Method) Verdict { return JudgeYears(n, m, s) }

// JudgeYears judges a norm whose count is a mean over n.Years calendar years,
// as the target value for O3 is over three. The years are given oldest first,
// those without data may be left out and earlier ones may be there; the verdict
// is of the last. At least one year must be given.
//
// Value, Low and High are means per year over the years with data. More
// exceedances in all than n.Allowed for each of the years exceed, also when
// years are missing, which then count as years without an exceedance; to comply
// each year must be covered. (2008/50/EC Annex VII lets one valid year do for
// the target value; that was not verified at the source and is not used.)
func JudgeYears(n Norm, m Method, years ...*Stats) Verdict {
	s := years[len(years)-1]
	for years[0].Year <= s.Year-max(1, n.Years) {
		years = years[1:]
	}
	v := Verdict{Norm: n.ID, Year: s.Year, Method: m, NotInForce: !n.InForce(s.Year), ByValue: m.ByValue(n), Basis: s.span.Basis}
	c := m.comparison(n)
	switch n.Averaging {
	case Yearly:
		s.judgeYear(&v, c)
	case PeakSeason:
		s.judgePeakSeason(&v, c)
	case Hourly, Daily, EightHour:
		v.judgeCount(n, c, years)
	default:
		v.Reason = ReasonNoData
	}
	return v
}

// judgeYear judges the mean of all hours of the year.
func (s *Stats) judgeYear(v *Verdict, c comparison) {
	v.Valid, v.Expected = s.Sum.N, s.Hours
	mean, _ := s.Sum.Mean() // without hours there is nothing to vary
	v.U.Gaps = math.Sqrt(GapVariance(s.variance(mean), s.Sum.N, s.Hours))
	v.judgeMean(c, s.Sum, s.incomplete(v.Valid, v.Expected, s.HoursOver))
}

// judgePeakSeason judges the mean of the season with the highest one. What the
// days that were not measured in it add is not known and not in its interval.
func (s *Stats) judgePeakSeason(v *Verdict, c comparison) {
	mean, _, _ := s.PeakSeason() // a mean without values says that there is none
	for _, d := range s.DailyMax8() {
		if d.N > 0 {
			v.Valid++
		}
	}
	v.Expected = s.Days
	v.judgeMean(c, mean, s.incomplete(v.Valid, v.Expected, s.DaysOver))
}

// judgeMean fills v from a mean; gap says why the year is not whole.
func (v *Verdict) judgeMean(c comparison, sum Sum, gap Reason) {
	v.Coverage = share(v.Valid, v.Expected)
	mean, ok := sum.Mean()
	switch {
	case !ok && v.Valid == 0:
		v.Reason = ReasonNoData
		return
	case !ok:
		v.Reason = gap
		if gap == ReasonNone {
			v.Reason = ReasonCoverage
		}
		return
	}
	v.U.Relative, v.U.Instrument = coverage95*c.relative, c.uncertainty(mean)
	u := v.U.Expanded()
	v.HasValue, v.Value, v.Low, v.High = true, mean, notBelowZero(mean, mean-u), mean+u
	v.Above = c.exceeds(sum)
	if v.Reason = gap; gap != ReasonNone {
		return
	}
	v.HasProbability, v.Probability = true, Exceedance(mean, v.U.Combined(), c.edge)
	v.decide()
}

// decide gives a verdict about a whole year its outcome.
func (v *Verdict) decide() {
	switch words := v.Words(); {
	case v.ByValue && v.Above, !v.ByValue && words == WordsAbove:
		v.Outcome = Exceeds
	case v.ByValue, words == WordsBelow:
		v.Outcome = Complies
	default:
		v.Reason = ReasonUncertainty
	}
}

// judgeCount counts the periods above the norm over the years.
func (v *Verdict) judgeCount(n Norm, c comparison, years []*Stats) {
	k := counter{comparison: c}
	need, withData, hours := max(1, n.Years), 0, 0
	gap, whole := ReasonNone, true
	for i, s := range years {
		t := s.tally(n, &k, i*longestYear)
		v.Valid += t.valid
		v.Expected += t.expected
		hours += s.Sum.N
		if t.valid > 0 {
			withData++
		}
		whole = whole && t.covered
		if gap == ReasonNone || t.gap == ReasonCoverage {
			gap = t.gap
		}
	}
	if missing := need - len(years); missing > 0 {
		v.Expected += missing * v.Expected / len(years)
		gap, whole = ReasonCoverage, false
	}
	v.Coverage = share(v.Valid, v.Expected)
	switch {
	case hours == 0:
		v.Reason = ReasonNoData
		return
	case v.Valid == 0:
		// Hours, but not one valid day: a count of 0 days would be a claim.
		v.Reason = gap
		return
	}
	v.U.Relative = coverage95 * c.relative
	low, high := k.interval()
	perYear := func(n int) float64 { return float64(n) / float64(withData) }
	v.HasValue, v.Value = true, perYear(k.measured)
	v.Low, v.High = perYear(min(low, k.measured)), perYear(max(high, k.measured))
	v.HasProbability, v.Probability = true, k.probability(need*n.Allowed)
	v.Reason = gap // Words of a year with gaps are never "below"
	v.Above = k.measured > need*n.Allowed
	above := v.Above
	if !v.ByValue {
		above = v.Words() == WordsAbove
	}
	switch {
	case above && whole:
		v.Outcome, v.Reason = Exceeds, ReasonNone
	case above:
		v.Outcome = ExceedsIncomplete
	case gap == ReasonNone:
		v.decide()
	}
}

// variance returns the variance of the valid hours about their mean.
func (s *Stats) variance(mean float64) float64 {
	if s.Sum.N < 2 || s.Sum.N == s.Hours {
		return 0 // not asked for
	}
	squares, step := 0.0, s.Sum.Scale.Float()
	for _, x := range s.values {
		if x != reading.Missing {
			d := float64(x)*step - mean
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
