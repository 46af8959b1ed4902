package quality

import (
	"math"

	"buurtmeter/ingest/reading"
)

// The thresholds of the search for a clock error; see Rules.
const (
	// LagReach is by how many hours a reference is moved to and fro.
	LagReach = 2
	// LagCorrelation is the least correlation at the best fit.
	LagCorrelation = 0.6
	// LagGain is how much better than unmoved it must fit: what the wind carries
	// from one place to the other comes later there too, but the fit gains little.
	LagGain = 0.05
)

// Lags is how a series fits a reference that is moved by whole hours.
type Lags struct {
	// Best is by how many hours the reference must be moved to a later time to fit
	// best: 1 when the sensor gives each hour the label of the hour after it, as a
	// clock does that is an hour fast, local winter time that is sent as UTC, or a
	// label at the end of the hour. It is 0 when it cannot be told.
	Best int
	// Correlation is Pearson's r at Best and Unmoved without moving; both are NaN
	// when the unmoved rows have too few hours in common or one stands still.
	Correlation, Unmoved float64
}

// ScanLags compares the hour means with a reference moved by -LagReach to
// LagReach hours. The reference begins LagReach hours before the values and ends
// LagReach hours after them. A lag with fewer than ReferenceHours hours in common
// is left out; of equal fits the smaller lag is taken.
func ScanLags(values, reference []int32) Lags {
	l := Lags{Correlation: math.NaN(), Unmoved: math.NaN()}
	for _, lag := range lagOrder() {
		a := Agree(values, reference[LagReach-lag:][:len(values)])
		if a.Hours < ReferenceHours || math.IsNaN(a.Correlation) {
			if lag == 0 {
				return l
			}
			continue
		}
		if lag == 0 {
			l.Unmoved = a.Correlation
		}
		if lag == 0 || a.Correlation > l.Correlation {
			l.Best, l.Correlation = lag, a.Correlation
		}
	}
	return l
}

// lagOrder lists the lags, the unmoved one first.
func lagOrder() []int {
	order := []int{0}
	for n := 1; n <= LagReach; n++ {
		order = append(order, n, -n)
	}
	return order
}

// Shifted tells whether the fit at Best is so much better that a clock or zone
// is probably wrong: that of the sensor, or that of the reference.
func (l Lags) Shifted() bool {
	return l.Best != 0 && l.Correlation >= LagCorrelation && l.Correlation-l.Unmoved >= LagGain
}

// The thresholds of the search for drift; see Rules.
const (
	// DriftBaseline is how many of the first months with ReferenceHours hours in
	// common say what the sensor was like when it was new.
	DriftBaseline = 2
	// DriftMonths is how many of the latest such months must all tell of the same
	// change: one month of other weather is no drift.
	DriftMonths = 2
	// DriftSlope is by what share the slope may change.
	DriftSlope = 0.5
)

// MonthAgreement is the agreement in one calendar month (UTC).
type MonthAgreement struct {
	Month reading.Month
	Agreement
}

// Change is how the agreement of a sensor with a reference changed since it, or
// its present device, was new.
type Change struct {
	// Told is false while there are too few months; the rest is zero then.
	Told bool
	// Drifts tells that the latest months are all changed beyond the thresholds.
	Drifts bool
	// Begin is the first month that the sensor is measured against, From the first
	// and To the last of the latest months.
	Begin, From, To reading.Month
	// Before is the bias of the first months and Bias that of the last month less
	// Before, in the property's unit.
	Before, Bias float64
	// Slope is the slope of the last month as a share of that of the first months,
	// less 1; NaN when either cannot be told because the hours do not go up and
	// down together.
	Slope float64
}

// DriftOf judges the months of a sensor since it was new, in order of time.
// Months with fewer than ReferenceHours hours in common do not count. The bias
// drifts when it moves by more than Reference allows it to be, the slope when it
// changes by more than DriftSlope.
func DriftOf(p reading.Property, months []MonthAgreement) Change {
	var enough []MonthAgreement
	for _, m := range months {
		if m.Hours >= ReferenceHours {
			enough = append(enough, m)
		}
	}
	if !Comparable(p) || len(enough) < DriftBaseline+DriftMonths {
		return Change{}
	}
	latest := enough[len(enough)-DriftMonths:]
	c := Change{Told: true, Begin: enough[0].Month, From: latest[0].Month, To: latest[DriftMonths-1].Month}
	slope, hours := 0.0, 0.0
	for _, m := range enough[:DriftBaseline] {
		n := float64(m.Hours)
		c.Before, slope, hours = c.Before+n*m.Bias, slope+n*slopeOf(m.Agreement), hours+n
	}
	c.Before, slope = c.Before/hours, slope/hours
	up, down, steeper, flatter := true, true, true, true
	for _, m := range latest {
		c.Bias, c.Slope = m.Bias-c.Before, slopeOf(m.Agreement)/slope-1
		limit := biasLimit(p, m.Reference)
		up, down = up && c.Bias > limit, down && c.Bias < -limit
		steeper, flatter = steeper && c.Slope > DriftSlope, flatter && c.Slope < -DriftSlope
	}
	c.Drifts = up || down || steeper || flatter
	return c
}

// slopeOf is the slope where the hours go up and down together, else NaN: every
// comparison with it is false, so what cannot be told is no drift.
func slopeOf(a Agreement) float64 {
	if a.Correlation >= ReferenceCorrelation && a.Slope > 0 {
		return a.Slope
	}
	return math.NaN()
}
