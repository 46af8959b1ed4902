package norm

import "buurtmeter/ingest/reading"

// MethodVersion names the rules of this package. It changes whenever a verdict
// over the same data could.
const MethodVersion = "2026.1"

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
// A mean exceeds when the lower end of its expanded interval is above the norm,
// and complies when the upper end is not; it can only be told when the year is
// over and at least 85 % of its hours are valid. A count exceeds when more
// periods than allowed are above the norm with their lower end, even when the
// year is incomplete (ExceedsIncomplete then, since gaps can only hide further
// ones); it complies when the year is over and covered for 85 %, and no more
// periods than allowed reach above the norm with their upper end. In every
// other case it cannot be told, and Reason says why.
//
// Value, Low and High are given whenever there is data, also when nothing can
// be told. The interval of a quantity that is not negative does not reach below
// 0. Judge does not look at n.Property of h: the caller passes the hours of the
// norm's property.
func Judge(n Norm, h Hours, s Span, m Method) Verdict { return StatsOf(h, s).Judge(n, m) }

// Judge is the package's Judge on statistics that were computed before.
func (s *Stats) Judge(n Norm, m Method) Verdict {
	v := Verdict{Norm: n.ID, Year: s.Year, Method: m, NotInForce: !n.InForce(s.Year)}
	b := bounds{int64(Relative(m.Kind, n.Property, n.Averaging))}
	switch n.Averaging {
	case Yearly:
		s.judgeMean(&v, n, b)
	case Daily:
		v.Valid, v.Expected = s.DaysValid, s.Days
		s.judgeCount(&v, n, s.DaysOver, s.countDays(n.scaled(), b))
	case Hourly:
		v.Valid, v.Expected = s.Sum.N, s.Hours
		s.judgeCount(&v, n, s.HoursOver, s.countHours(n.scaled(), b))
	default:
		v.Reason = ReasonNoData
	}
	return v
}

func (s *Stats) judgeMean(v *Verdict, n Norm, b bounds) {
	v.Valid, v.Expected = s.Sum.N, s.Hours
	v.Coverage = share(v.Valid, v.Expected)
	mean, ok := s.Sum.Mean()
	if !ok {
		v.Reason = ReasonNoData
		return
	}
	u := float64(b.expanded(s.Sum)) / float64(s.Sum.N) / (100 * reading.HourScale)
	v.HasValue, v.Value, v.Low, v.High = true, mean, notBelowZero(mean, mean-u), mean+u
	limit := n.scaled()
	switch {
	case s.incomplete(v.Valid, v.Expected, s.HoursOver) != ReasonNone:
		v.Reason = s.incomplete(v.Valid, v.Expected, s.HoursOver)
	case b.lowAbove(s.Sum, limit):
		v.Outcome = Exceeds
	case b.highAbove(s.Sum, limit):
		v.Reason = ReasonUncertainty
	default:
		v.Outcome = Complies
	}
}

// counts are numbers of periods above a norm: by their lower end, by the value
// itself, and by their upper end.
type counts struct{ low, value, high int }

func (s *Stats) countHours(limit int64, b bounds) (c counts) {
	low, high := b.thresholds(limit)
	for _, x := range s.values {
		// Few hours reach the lowest of the three, so that one comparison does
		// for nearly all; Missing is below every threshold.
		if v := int64(x); v > high {
			c.high++
			if v > limit {
				c.value++
			}
			if v > low {
				c.low++
			}
		}
	}
	return c
}

func (s *Stats) countDays(limit int64, b bounds) (c counts) {
	for _, d := range s.days {
		if !b.highAbove(d, limit) {
			continue
		}
		c.high++
		if d.Above(limit) {
			c.value++
		}
		if b.lowAbove(d, limit) {
			c.low++
		}
	}
	return c
}

func (s *Stats) judgeCount(v *Verdict, n Norm, over int, c counts) {
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
	v.HasValue, v.Value, v.Low, v.High = true, float64(c.value), float64(c.low), float64(c.high)
	switch {
	case c.low > n.Allowed && covered(v.Valid, v.Expected):
		v.Outcome = Exceeds
	case c.low > n.Allowed:
		v.Outcome, v.Reason = ExceedsIncomplete, gap
	case gap != ReasonNone:
		v.Reason = gap
	case c.high > n.Allowed:
		v.Reason = ReasonUncertainty
	default:
		v.Outcome = Complies
	}
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
