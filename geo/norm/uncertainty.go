package norm

import (
	"math"

	"buurtmeter/ingest/reading"
)

// floorScaled is the concentration below which the expanded uncertainty no
// longer shrinks: 10 µg/m³, in 1/reading.HourScale unit. The data-quality
// objectives hold near the limit values only; a percentage of almost nothing
// would promise a precision that no instrument has. The figure is our own
// choice.
const floorScaled = 10 * reading.HourScale

// Relative returns the expanded relative uncertainty (95 %), in percent, that
// is attached to values of an instrument of the kind over the averaging
// period. It is the simple figure: the data-quality objective that the kind of
// instrument has to meet by 2008/50/EC Annex I, not what this very instrument
// was shown to reach.
//
//   - reference: fixed measurement, 15 % for NO2 and 25 % for PM;
//   - sensor-calibrated: indicative measurement, 25 % and 50 %;
//   - sensor, and every kind that is not known: objective estimation, 75 % and
//     100 %;
//   - tube (NO2): 15 % for a year mean, 25 % for a single exposure
//     (EN 16339).
//
// For a property without an objective it is 100 %.
func Relative(k reading.Kind, p reading.Property, a Averaging) int {
	fixed, indicative, estimation := 25, 50, 100
	switch p {
	case reading.NO2:
		fixed, indicative, estimation = 15, 25, 75
	case reading.PM25, reading.PM10:
	default:
		return 100
	}
	switch {
	case k == reading.KindReference:
		return fixed
	case k == reading.KindSensorCalibrated:
		return indicative
	case k == reading.KindTube && p == reading.NO2 && a == Yearly:
		return 15
	case k == reading.KindTube && p == reading.NO2:
		return 25
	default:
		return estimation
	}
}

// Expanded returns the expanded uncertainty (95 %) of a year mean in the
// property's unit: Relative of the value's size, and never less than that
// percentage of 10 µg/m³. It is not finite when value is not.
func Expanded(k reading.Kind, p reading.Property, value float64) float64 {
	return float64(Relative(k, p, Yearly)) / 100 * math.Max(math.Abs(value), floorScaled/reading.HourScale)
}

// bounds compares an exact mean, less and plus its expanded uncertainty, with
// limits, in integers.
type bounds struct{ percent int64 }

// lowAbove reports whether the lower end of the interval is above the limit.
func (b bounds) lowAbove(s Sum, limit int64) bool {
	return s.N > 0 && 100*s.Total-b.expanded(s) > 100*limit*int64(s.N)
}

// highAbove reports whether the upper end of the interval is above the limit.
func (b bounds) highAbove(s Sum, limit int64) bool {
	return s.N > 0 && 100*s.Total+b.expanded(s) > 100*limit*int64(s.N)
}

// expanded is the expanded uncertainty in 1/100 of the sum's own unit.
func (b bounds) expanded(s Sum) int64 {
	return b.percent * max(s.Total, -s.Total, floorScaled*int64(s.N))
}

// thresholds returns the greatest scaled integers whose lower, and upper, end
// is not above the limit: a value v has its lower end above exactly when
// v > low, its upper end when v > high. It holds for percentages up to 100,
// where both ends never fall as v rises.
func (b bounds) thresholds(limit int64) (low, high int64) {
	return b.greatest(limit, b.lowAbove), b.greatest(limit, b.highAbove)
}

// greatest finds by halving the greatest int32 v for which above(v) is false.
func (b bounds) greatest(limit int64, above func(Sum, int64) bool) int64 {
	lo, hi := int64(reading.Missing), int64(math.MaxInt32)+1 // above(lo) false, above(hi) taken as true
	for hi-lo > 1 {
		mid := lo + (hi-lo)/2
		if above(Sum{Total: mid, N: 1}, limit) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return lo
}
