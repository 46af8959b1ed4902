package quality

import (
	"math"

	"buurtmeter/ingest/reading"
)

// The thresholds of the comparison with a reference station; see Rules.
const (
	// ReferenceHours is the least number of hours that both measured.
	ReferenceHours = 14 * 24
	// ReferenceCorrelation is the least correlation of the hour means.
	ReferenceCorrelation = 0.5
	// ReferenceBias is the least difference of the means that is remarked on, in
	// µg/m³: a share of very little is nothing. ReferenceBiasCO is that of CO, in
	// mg/m³.
	ReferenceBias   = 5
	ReferenceBiasCO = 0.5
	// ReferenceDays is the length of the period whose end is the newest hour of the
	// sensor.
	ReferenceDays = 28
	// ReferenceNear and ReferenceRadius are the distances, in metres, within which
	// a reference station counts as near, and is compared with at all.
	ReferenceNear   = 5_000
	ReferenceRadius = 12_000
	// ReferenceMost is how many reference stations a series is compared with.
	ReferenceMost = 2
)

// referenceShare is how far the means may differ as a share of the reference's:
// the expanded uncertainty that 2008/50/EC Annex I allows an indicative
// measurement. It is 0 for a property without one.
func referenceShare(p reading.Property) float64 {
	switch p {
	case reading.NO2:
		return 0.25
	case reading.PM25, reading.PM10:
		return 0.5
	case reading.O3:
		return 0.3
	case reading.SO2, reading.CO:
		return 0.25
	default:
		return 0
	}
}

// leastBias is the least difference of means that is remarked on, in the unit of
// p.
func leastBias(p reading.Property) float64 {
	if p == reading.CO {
		return ReferenceBiasCO
	}
	return ReferenceBias
}

// Comparable tells whether there is a rule for p.
func Comparable(p reading.Property) bool { return referenceShare(p) > 0 }

// Agreement is how a series of hour means agrees with that of another place.
type Agreement struct {
	// Hours is how many hours both have a value for.
	Hours int
	// Mean and Reference are the means over those hours, in the property's unit.
	Mean, Reference float64
	// Bias is Mean - Reference; RMSE the root of the mean squared difference.
	Bias, RMSE float64
	// Correlation is Pearson's r; NaN when either series stands still.
	Correlation float64
	// Slope is that of the least-squares line of the values on the reference: how
	// much the sensor goes up when the reference goes up by 1. NaN when the
	// reference stands still.
	Slope float64
}

// Agree compares two rows of the same consecutive hours.
func Agree(values, reference []int32) Agreement {
	var a Agreement
	for i, v := range values {
		if v != reading.Missing && reference[i] != reading.Missing {
			a.Hours++
			a.Mean += reading.Unscaled(v)
			a.Reference += reading.Unscaled(reference[i])
		}
	}
	if a.Hours == 0 {
		a.Correlation, a.Slope = math.NaN(), math.NaN()
		return a
	}
	n := float64(a.Hours)
	a.Mean, a.Reference = a.Mean/n, a.Reference/n
	var sxx, syy, sxy, squares float64
	for i, v := range values {
		if v != reading.Missing && reference[i] != reading.Missing {
			x, y := reading.Unscaled(v), reading.Unscaled(reference[i])
			dx, dy := x-a.Mean, y-a.Reference
			sxx, syy, sxy = sxx+dx*dx, syy+dy*dy, sxy+dx*dy
			squares += (x - y) * (x - y)
		}
	}
	a.Bias, a.RMSE = a.Mean-a.Reference, math.Sqrt(squares/n)
	a.Correlation, a.Slope = math.NaN(), math.NaN()
	if syy > 0 {
		a.Slope = sxy / syy
	}
	if sxx > 0 && syy > 0 {
		a.Correlation = sxy / math.Sqrt(sxx*syy)
	}
	return a
}

// Verdict is the outcome of the comparison with a reference station. The zero
// value says that it cannot be told.
type Verdict uint8

// The outcomes. Agrees is not a proof of quality: the reference stands
// elsewhere.
const (
	// NotCompared: too few hours that both measured, or no rule for the property.
	NotCompared Verdict = iota
	// Agrees: within the bounds.
	Agrees
	// Unlike: the hours do not go up and down together.
	Unlike
	// Biased: they do, but the means are too far apart.
	Biased
)

// String returns the key of the outcome.
func (v Verdict) String() string {
	switch v {
	case Agrees:
		return "agrees"
	case Unlike:
		return "unlike"
	case Biased:
		return "biased"
	default:
		return "not-compared"
	}
}

// biasLimit is how far a mean, or its change, may lie from that of a reference
// before it is remarked on.
func biasLimit(p reading.Property, reference float64) float64 {
	return max(leastBias(p), referenceShare(p)*math.Abs(reference))
}

// Reference judges the agreement of a sensor with a reference station for p. It
// is a remark on the whole period, with the figures of a; it excludes nothing.
func Reference(p reading.Property, a Agreement) Verdict {
	share := referenceShare(p)
	switch {
	case share == 0 || a.Hours < ReferenceHours:
		return NotCompared
	case !(a.Correlation >= ReferenceCorrelation): // standing still is unlike too
		return Unlike
	case math.Abs(a.Bias) > biasLimit(p, a.Reference):
		return Biased
	default:
		return Agrees
	}
}
