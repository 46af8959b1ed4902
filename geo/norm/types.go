package norm

import (
	"time"

	"buurtmeter/ingest/reading"
)

// ID names a norm, stable in URLs and feeds: "eu2008-no2-y".
type ID string

// Averaging is the averaging period over which a norm is defined. A norm is
// only ever compared over its own.
type Averaging string

// The averaging periods.
const (
	// TenMinutes and QuarterHour: means over 10 and 15 minutes. Hour means say
	// nothing of them.
	TenMinutes  Averaging = "10min"
	QuarterHour Averaging = "15min"
	Hourly      Averaging = "hour"
	// EightHour: the daily maximum of the 8-hour running means that are renewed
	// every hour, one value a day. A running mean belongs to the day in which it
	// ends (2008/50/EC Annex VII.A and XI.A).
	EightHour Averaging = "8h"
	Daily     Averaging = "day"
	// PeakSeason: the mean of the daily maxima of the 8-hour running means over
	// the six consecutive months with the highest mean (WHO 2021).
	PeakSeason Averaging = "peak-season"
	Yearly     Averaging = "year"
)

// Statistic is what is compared with the norm's value.
type Statistic string

// The statistics.
const (
	// Mean: the mean over the averaging period must not be above the value.
	Mean Statistic = "mean"
	// Count: the number of periods above the value must not be above Allowed.
	Count Statistic = "count"
	// Exposure: the average exposure indicator, the mean of all urban background
	// points of a territorial unit, must not be above the value. It is no
	// statistic of one place.
	Exposure Statistic = "exposure"
	// Reduction: the average exposure indicator must go down by a share of what
	// it was ten years before. Such a norm has no value of its own: Value is 0
	// and must not be shown or compared (see Norm.HasValue).
	Reduction Statistic = "exposure-reduction"
)

// Role is what a norm is for. Only some roles are tests of a year at a place.
type Role string

// The roles.
const (
	// RoleCompliance: a limit or target value of the law, tested over a year at a
	// place.
	RoleCompliance Role = "compliance"
	// RoleObjective: a long-term objective of the law, without a duty to have met
	// it in a given year.
	RoleObjective Role = "objective"
	// RoleAdvice: a guideline of the WHO. It is not law.
	RoleAdvice Role = "advice"
	// RoleInterim: a step on the way to a guideline of the WHO.
	RoleInterim Role = "interim-target"
	// RoleAlert and RoleInformation: from here on the authorities warn or inform
	// the public. They say nothing of a year.
	RoleAlert       Role = "alert"
	RoleInformation Role = "information"
	// RoleAssessment: above it the authorities must measure and not only
	// calculate. Being above it is no violation.
	RoleAssessment Role = "assessment-threshold"
	// RoleExposure: an objective or obligation for the average exposure of the
	// people of a whole territory. It is not a test of a street.
	RoleExposure Role = "average-exposure"
)

// Judged reports whether norms of the role are tests of a year at a place, so
// that a verdict can be given: compliance, objective, advice and interim
// target. No verdict is given for alert, information and assessment thresholds
// and average exposure.
func (r Role) Judged() bool {
	switch r {
	case RoleCompliance, RoleObjective, RoleAdvice, RoleInterim:
		return true
	default:
		return false
	}
}

// Text is a law or another text in which a norm stands, and the days on which
// it stands there.
type Text struct {
	// Instrument and Article name the text: "2008/50/EC", "Annex XI.B".
	Instrument, Article string
	// From and Until bound the days (inclusive); zero means open.
	From, Until time.Time
}

// Regime groups norms for people: which law or advice.
type Regime string

// The regimes.
const (
	// EUNow: Directive 2008/50/EC, and the same values while they hold on in its
	// successor.
	EUNow Regime = "eu-now"
	// EU2024: what Directive (EU) 2024/2881 asks from the day on which it must be
	// law in every country: thresholds, not limit values.
	EU2024 Regime = "eu-2024"
	// EU2030: what the same directive asks from 2030 on, or later.
	EU2030  Regime = "eu-2030"
	WHO2021 Regime = "who-2021"
	WHO2005 Regime = "who-2005"
)

// Norm is one entry of the table. It can be compared with ==.
type Norm struct {
	ID     ID
	Regime Regime
	// Role is what the norm is for; Role.Judged tells whether verdicts are given.
	Role     Role
	Property reading.Property
	// Kind is the legal nature: "limit", "guideline", "interim target 1", ...
	Kind string
	// Instrument and Article name the text: "2008/50/EC", "Annex XI.B".
	Instrument, Article string
	// Next is the text in which the same norm goes on standing once Instrument
	// is repealed; zero when there is none. See Texts.
	Next      Text
	Averaging Averaging
	Statistic Statistic
	// Value is the norm's number in Unit.
	Value float64
	// Unit is the unit of Value, which is the unit of the property: "µg/m³",
	// "mg/m³" for CO.
	Unit string
	// Allowed is the number of periods per calendar year that may be above
	// Value when Statistic is Count. With Years it is the mean over those years
	// that must not be above it.
	Allowed int
	// Percentile is the percentile of the periods of a year that the text itself
	// demands not to be above Value: 99 for most guidelines of the WHO. It is 0
	// where the text counts; see Equivalent.
	Percentile float64
	// Consecutive is the number of periods in a row that must be above Value
	// before an alert threshold is exceeded; 0 and 1 mean a single one.
	Consecutive int
	// Years is the number of calendar years that are averaged before the
	// comparison; 0 and 1 mean a single year.
	Years int
	// From and Until bound the days on which the norm applies (inclusive);
	// zero means open.
	From, Until time.Time
	// Source says where the figure was read, Verified how well: "primary",
	// "secondary" or "memory".
	Source, Verified string
	// Note is a remark for readers, may be empty.
	Note string
}

// HasValue reports whether the norm has a value of its own: all have, save the
// obligations to reduce the average exposure.
func (n Norm) HasValue() bool { return n.Statistic != Reduction }

// Equivalent returns the percentile of the periods of a year of 365 days that
// says the same as the norm: Percentile where the text names one, else
// 100 (1 - k/N) for k allowed periods of N, as 99.79 for 18 hours. ok is false
// for a norm that does not count periods.
func (n Norm) Equivalent() (percentile float64, ok bool) {
	if n.Percentile != 0 {
		return n.Percentile, true
	}
	var periods float64
	switch {
	case n.Statistic != Count:
	case n.Averaging == Hourly:
		periods = 365 * 24
	case n.Averaging == Daily, n.Averaging == EightHour:
		periods = 365
	}
	if periods == 0 {
		return 0, false
	}
	return 100 * (1 - float64(n.Allowed)/periods), true
}

// Texts returns the texts in which the norm stands, in the order of their days:
// one, or two where the value lives on in a second text.
func (n Norm) Texts() []Text {
	first := Text{n.Instrument, n.Article, n.From, n.Until}
	if n.Next == (Text{}) {
		return []Text{first}
	}
	first.Until = n.Next.From.AddDate(0, 0, -1)
	return []Text{first, n.Next}
}

// Outcome is the answer to "is the norm met here?".
type Outcome uint8

// The four outcomes. The zero value is CannotTell.
const (
	CannotTell Outcome = iota
	Complies
	Exceeds
	// ExceedsIncomplete: more exceedances than allowed were seen although the
	// year is not completely covered (2024/2881 Annex V D).
	ExceedsIncomplete
)

// String returns the stable key: "cannot-tell", "complies", "exceeds",
// "exceeds-incomplete".
func (o Outcome) String() string {
	switch o {
	case Complies:
		return "complies"
	case Exceeds:
		return "exceeds"
	case ExceedsIncomplete:
		return "exceeds-incomplete"
	default:
		return "cannot-tell"
	}
}

// Reason says why a verdict cannot be told, or is otherwise remarkable.
type Reason string

// The reasons.
const (
	// ReasonNone: nothing to explain.
	ReasonNone Reason = ""
	// ReasonNoData: not one valid value in the period.
	ReasonNoData Reason = "no-data"
	// ReasonCoverage: too little of the period was measured.
	ReasonCoverage Reason = "coverage"
	// ReasonUncertainty: the interval spans the norm.
	ReasonUncertainty Reason = "uncertainty"
	// ReasonRunning: the year is not over yet.
	ReasonRunning Reason = "running"
	// ReasonNoStation: no station stands in the area.
	ReasonNoStation Reason = "no-station"
)

// Method names how a verdict was computed.
type Method struct {
	// Version of the computation rules, e.g. "2026.1".
	Version string
	// Kind of the instrument, which decides the uncertainty.
	Kind reading.Kind
	// Calibration is the version of the calibration, empty when there is none,
	// and Shown what a co-location showed of it.
	Calibration string
	Shown       Shown
	// Rounding is applied once, to the exact value, when it is compared with the
	// norm. The zero value does not round.
	Rounding Rounding
}

// Verdict is the outcome of one norm for one series over one calendar year,
// with everything that is needed to stand behind it. Its zero value cannot be
// told.
type Verdict struct {
	Norm    ID
	Outcome Outcome
	Reason  Reason
	// Year is the calendar year (UTC+1).
	Year int
	// HasValue tells whether Value, Low and High mean anything.
	HasValue bool
	// Value is the mean in µg/m³ (Statistic Mean) or the number of periods above
	// the norm (Statistic Count); Low and High bound its expanded interval
	// (95 %).
	Value, Low, High float64
	// Above tells that the measured value itself is above the norm, exactly; of a
	// year that is not whole it says nothing about the year.
	Above bool
	// Probability is the probability, 0 to 1, that the norm is exceeded; valid
	// when HasProbability. See Words.
	HasProbability bool
	Probability    float64
	// U is what the interval is made of.
	U Uncertainty
	// ByValue tells that Outcome compares the measured value itself, as the law
	// does for instruments of reference; else it rests on Probability.
	ByValue bool
	// Basis says what a day was.
	Basis Basis
	// Coverage is the share of the period's hours (days for day norms) with a
	// valid value, 0 to 1.
	Coverage float64
	// Valid and Expected are the counts behind Coverage.
	Valid, Expected int
	// NotInForce tells that the norm did not apply in this year: the wording
	// must then be "would exceed / would comply".
	NotInForce bool
	Method     Method
}

// Hours is a contiguous vector of hour means.
type Hours struct {
	// First is the first hour of the vector.
	First reading.Hour
	// Values are integer steps of Scale; reading.Missing where the hour is not a
	// valid hour mean.
	Values []int32
	// Scale is the value of one step; the zero value is 1/reading.HourScale unit.
	Scale Scale
}
