package norm

import (
	"math"

	"buurtmeter/ingest/reading"
)

// coverage95 is the coverage factor k of an expanded uncertainty: U = k·u with
// a level of confidence of about 95 % (GUM; Guide to the Demonstration of
// Equivalence, 2010).
const coverage95 = 2

// Relative returns the expanded relative uncertainty (95 %), in percent, that
// is attached to values of an instrument of the kind over the averaging
// period when nothing better is known of it. It is the data-quality objective
// that the kind of instrument has to meet (2008/50/EC Annex I.A), not what this
// very instrument was shown to reach: see Shown.
//
//   - reference: fixed measurement, 15 % for NO2, SO2, CO and O3, 25 % for PM
//     and benzene;
//   - sensor-calibrated: indicative measurement, 25 % for NO2, SO2 and CO, 30 %
//     for O3 and benzene, 50 % for PM (CEN/TS 17660 class 1);
//   - sensor, sensor-network, and every kind that is not known: objective
//     estimation, 75 % for gases, 100 % for PM and benzene (CEN/TS 17660 class 2).
//     Of network factors no uncertainty is published (RIVM, FAIRMODE 2019, names
//     none; not verified at the source), so they lessen none;
//   - tube (NO2): 15 % for a year mean, 25 % for a single exposure (EN 16339).
//
// For a property without an objective it is 100 %. The absolute objectives of
// (EU) 2024/2881 Annex V are not used: they were not verified at the source.
func Relative(k reading.Kind, p reading.Property, a Averaging) int {
	fixed, indicative, estimation := 25, 50, 100
	switch p {
	case reading.NO2, reading.SO2, reading.CO:
		fixed, indicative, estimation = 15, 25, 75
	case reading.O3:
		fixed, indicative, estimation = 15, 30, 75
	case reading.Benzene:
		fixed, indicative, estimation = 25, 30, 100
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

// floorOf is the concentration, in the property's unit, below which its
// expanded uncertainty no longer shrinks: about a quarter of its limit value.
// The data-quality objectives hold near the limit values only; a percentage of
// almost nothing would promise a precision that no instrument has. The figures
// are our own choice.
func floorOf(p reading.Property) float64 {
	switch p {
	case reading.Benzene: // limit value 5 µg/m³
		return 1.25
	case reading.CO: // limit value 10 mg/m³
		return 2.5
	case reading.O3: // target value 120 µg/m³
		return 30
	default: // NO2, PM, SO2: limit values of 20 to 50 µg/m³
		return 10
	}
}

// Shown is what a co-location beside a reference instrument showed of this very
// instrument with this very calibration, in the unit of the property: the
// reference regressed against it is value = Intercept + Slope·reference, with
// errors in both. The zero value says that there was none.
type Shown struct {
	// Random is what is left of the scatter about the line when the uncertainty
	// of the reference is taken off: sqrt(RSS/(n-2) - u²(reference)).
	Random float64
	// Intercept and Slope of the line; a Slope of 0 means that nothing was
	// shown.
	Intercept, Slope float64
}

// ExpandedAt returns the expanded relative uncertainty (95 %) at the
// concentration x, as a fraction: 2·u/x with
// u² = Random² + (Intercept + (Slope-1)·x)²
// (Guide to the Demonstration of Equivalence 2010, u²_CR at the limit value).
// ok is false when nothing was shown or x is not above 0.
func (s Shown) ExpandedAt(x float64) (relative float64, ok bool) {
	if s.Slope == 0 || !(x > 0) {
		return 0, false
	}
	return coverage95 * math.Hypot(s.Random, s.Intercept+(s.Slope-1)*x) / x, true
}

// relative is the expanded relative uncertainty, a fraction, of values by the
// method near the norm: what the co-location showed at the norm's own value,
// as the Guide asks, else the objective of the kind.
func (m Method) relative(n Norm) float64 {
	if r, ok := m.Shown.ExpandedAt(n.Value); ok {
		return r
	}
	return float64(Relative(m.Kind, n.Property, n.Averaging)) / 100
}

// Uncertainty is what the interval of a mean is made of: standard uncertainties
// (one standard deviation) in the unit of the value. They are independent of
// each other, so that their squares add up. For a count only Relative is given,
// the one of each of its periods: see Stats.Judge.
type Uncertainty struct {
	// Relative is the expanded relative uncertainty (95 %) of the instrument, a
	// fraction: 0.15.
	Relative float64
	// Instrument is that of the instrument and its calibration. Instruments that
	// share a calibration share it: it does not shrink with their number.
	Instrument float64
	// Gaps is what the hours that were not measured add.
	Gaps float64
	// Spatial is what the places that were not measured add; only an area has it.
	Spatial float64
}

// Combined returns the combined standard uncertainty.
func (u Uncertainty) Combined() float64 {
	return math.Sqrt(float64(u.Instrument*u.Instrument) + float64(u.Gaps*u.Gaps) + float64(u.Spatial*u.Spatial))
}

// Expanded returns the expanded uncertainty (95 %), twice the combined one.
func (u Uncertainty) Expanded() float64 { return coverage95 * u.Combined() }

// Expanded returns the expanded uncertainty (95 %) of a year mean in the
// property's unit: Relative of the value, and never less than that percentage
// of about a quarter of the limit value (10 µg/m³ for NO2 and PM).
func Expanded(k reading.Kind, p reading.Property, value float64) float64 {
	return float64(Relative(k, p, Yearly)) / 100 * math.Max(value, floorOf(p))
}

// GapVariance is the variance that a mean of n values gets from the other
// values of a period of most, when those are missing: s²/n·(1 - n/most), with
// s² the variance of the values (ISO 11222, 2002). It assumes that the gaps are
// spread at random: a whole season that is missing is not covered by it, and
// needs annualisation. It is 0 when nothing is missing.
func GapVariance(variance float64, n, most int) float64 {
	if n <= 0 || n >= most {
		return 0
	}
	return variance / float64(n) * (1 - float64(n)/float64(most))
}

// Exceedance returns the probability that the true value is above the limit
// when x was measured with the standard uncertainty u: 1 - Phi((limit - x)/u),
// Phi being the standard normal distribution. Without any uncertainty it is 0
// or 1, and 0 at the limit itself, which is not above it.
func Exceedance(x, u, limit float64) float64 {
	if !(u > 0) {
		if x > limit {
			return 1
		}
		return 0
	}
	return math.Erfc((limit-x)/u/math.Sqrt2) / 2
}
