package calibration

import (
	"fmt"
	"math"

	"buurtmeter/ingest/reading"
)

// limitsOfAgreement is the half width of the limits of agreement in standard
// deviations: 95 % of a normal distribution.
const limitsOfAgreement = 1.96

// Agreement says how far an instrument (y) is from its reference (x), without
// any line between them.
type Agreement struct {
	// N is the number of pairs.
	N int
	// MBE is the mean of y - x, the bias.
	MBE float64
	// MAD is the mean of |y - x|.
	MAD float64
	// RMSE is the root of the mean of (y - x)².
	RMSE float64
	// R2 is the square of the correlation; NaN when one of both is constant.
	R2 float64
	// Low and High are the limits of agreement of Bland and Altman, MBE less and
	// plus 1.96 standard deviations (n-1) of the differences.
	Low, High float64
}

// Agree compares pairs. Errors are ErrTooFew and ErrNotFinite.
func Agree(x, y []float64) (Agreement, error) {
	p, err := pairsOf(x, y)
	if err != nil {
		return Agreement{}, err
	}
	d := make([]float64, p.n)
	a := Agreement{N: p.n, R2: math.NaN()}
	squares := 0.0
	for i := range x {
		d[i] = y[i] - x[i]
		a.MAD += math.Abs(d[i])
		squares += d[i] * d[i]
	}
	n := float64(p.n)
	a.MBE, a.MAD, a.RMSE = mean(d), a.MAD/n, math.Sqrt(squares/n)
	if varied(x, y) == nil {
		a.R2 = min(p.sxy/p.sxx*(p.sxy/p.syy), 1)
	}
	spread := 0.0
	for _, v := range d {
		spread += (v - a.MBE) * (v - a.MBE)
	}
	half := limitsOfAgreement * math.Sqrt(spread/(n-1))
	a.Low, a.High = a.MBE-half, a.MBE+half
	if !finite(a.RMSE) || !finite(half) {
		return Agreement{}, fmt.Errorf("the differences: %w", ErrNotFinite)
	}
	return a, nil
}

// ReferenceExpanded returns the expanded uncertainty (95 %) of one value of a
// reference instrument, in µg/m³, by the FAIRMODE guidance:
//
//	U95(O) = k u_r sqrt((1-a²) O² + a² RV²), k = 2
//
// with u_r, RV and a² of the property; the figures come from a table made from
// the guidance and were not verified at the source. ok is false for a property
// without figures, and for a value that is not finite.
func ReferenceExpanded(p reading.Property, value float64) (u float64, ok bool) {
	var ur, rv, a2 float64
	switch p {
	case reading.NO2:
		ur, rv, a2 = 0.12, 200, 0.04
	case reading.PM10:
		ur, rv, a2 = 0.14, 50, 0.018
	case reading.PM25:
		ur, rv, a2 = 0.18, 25, 0.05
	default:
		return 0, false
	}
	u = Coverage * ur * math.Sqrt((1-a2)*value*value+a2*rv*rv)
	return u, finite(u)
}
