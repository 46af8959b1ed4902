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
	Hourly Averaging = "hour"
	Daily  Averaging = "day"
	Yearly Averaging = "year"
)

// Statistic is what is compared with the norm's value.
type Statistic string

// The statistics.
const (
	// Mean: the mean over the averaging period must not be above the value.
	Mean Statistic = "mean"
	// Count: the number of periods above the value must not be above Allowed.
	Count Statistic = "count"
)

// Regime groups norms for people: which law or advice.
type Regime string

// The regimes.
const (
	EUNow   Regime = "eu-now"
	EU2030  Regime = "eu-2030"
	WHO2021 Regime = "who-2021"
	WHO2005 Regime = "who-2005"
)

// Norm is one entry of the table. Values are in µg/m³.
type Norm struct {
	ID       ID
	Regime   Regime
	Property reading.Property
	// Kind is the legal nature: "limit", "guideline", "interim target 1", ...
	Kind string
	// Instrument and Article name the text: "2008/50/EC", "Annex XI.B".
	Instrument, Article string
	Averaging           Averaging
	Statistic           Statistic
	// Value is the norm's number in µg/m³.
	Value float64
	// Allowed is the number of periods per calendar year that may be above
	// Value when Statistic is Count.
	Allowed int
	// From and Until bound the days on which the norm applies (inclusive);
	// zero means open.
	From, Until time.Time
	// Source says where the figure was read, Verified how well: "primary",
	// "secondary" or "memory".
	Source, Verified string
	// Note is a remark for readers, may be empty.
	Note string
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
	// Probability is the probability, 0 to 1, that the norm is exceeded; valid
	// when HasProbability. See Words.
	HasProbability bool
	Probability    float64
	// U is what the interval is made of.
	U Uncertainty
	// ByValue tells that Outcome compares the measured value itself, as the law
	// does for instruments of reference; else it rests on Probability.
	ByValue bool
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
