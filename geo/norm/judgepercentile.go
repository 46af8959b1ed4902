package norm

// indicativePercent is the least share of the year that an indicative
// measurement must cover when its days are spread evenly: 14 % (2008/50/EC
// Annex I.A), of which 90 % must be valid. What (EU) 2024/2881 asks (13 %, and
// 50 % for short periods) was not verified at the source.
const (
	indicativePercent = 14
	indicativeCapture = 90
)

// JudgePercentile judges a norm on hours or days, daily 8-hour maxima among
// them, by its percentile and not by its count, for measurements that are random
// samples of the year: how many exceedances are counted depends on how much was
// measured, a percentile does not. 2008/50/EC Annex I footnote (a) asks it of
// PM10: the 90.4 percentile of the day means must not be above 50 µg/m³.
//
// Value is the percentile by nearest rank, in the property's unit, so that it
// compares exactly; Low, High and Probability are of that value with the
// uncertainty of the instrument alone, and not of which days were drawn. The
// caller knows that the measurements are spread at random or evenly over the
// year; only their number is checked. A norm that counts nothing gives a verdict
// without data.
func (s *Stats) JudgePercentile(n Norm, m Method) Verdict {
	v := Verdict{Norm: n.ID, Year: s.Year, Method: m, NotInForce: !n.InForce(s.Year), ByValue: m.ByValue(n), Basis: s.span.Basis}
	percent, ok := n.Equivalent()
	if !ok {
		v.Reason = ReasonNoData
		return v
	}
	var d Distribution
	v.Expected = s.Days
	switch n.Averaging {
	case Hourly:
		d, v.Expected = s.HourDistribution(), s.Hours
	case EightHour:
		d = DistributionOf(s.DailyMax8())
	default:
		d = s.DayDistribution()
	}
	v.Valid = d.Len()
	gap := ReasonNone
	switch {
	case s.Running():
		gap = ReasonRunning
	case 10_000*v.Valid < indicativePercent*indicativeCapture*v.Expected:
		gap = ReasonCoverage
	}
	value, _ := d.NearestRank(percent) // without values judgeMean finds none
	v.judgeMean(m.comparison(n), value, gap)
	return v
}
