// Package calibration compares instruments with a reference and corrects them:
// regression with errors in both, figures of agreement, the expanded
// uncertainty of the Guide to the Demonstration of Equivalence, the co-location
// model of NO2 sensors, and the hourly network factor for particulate matter.
// All functions are pure: no I/O, no clock. A value that is missing is NaN to
// the caller and has to be left out before; nothing here takes NaN for a number.
package calibration

import (
	"errors"
	"fmt"
	"math"
)

// The reasons why nothing can be fitted.
var (
	// ErrTooFew: fewer than three pairs, so that nothing is left to tell the
	// scatter from.
	ErrTooFew = errors.New("at least 3 pairs are needed")
	// ErrConstant: all values of one instrument are equal.
	ErrConstant = errors.New("all values are equal")
	// ErrNotFinite: a value is not a number, or too large to reckon with.
	ErrNotFinite = errors.New("not a finite number")
)

// pairs are the centred sums of two instruments at the same moments.
type pairs struct {
	n             int
	meanX, meanY  float64
	sxx, syy, sxy float64
}

// pairsOf sums around the means, in two passes: a sum of squares from which the
// square of the sum is taken loses all digits when the values lie far from 0.
func pairsOf(x, y []float64) (pairs, error) {
	if len(x) != len(y) {
		return pairs{}, fmt.Errorf("%d values of one instrument and %d of the other are no pairs", len(x), len(y))
	}
	p := pairs{n: len(x)}
	if p.n < 3 {
		return pairs{}, fmt.Errorf("%d pairs: %w", p.n, ErrTooFew)
	}
	for i := range x {
		if !finite(x[i]) || !finite(y[i]) {
			return pairs{}, fmt.Errorf("pair %d: %w", i+1, ErrNotFinite)
		}
	}
	p.meanX, p.meanY = mean(x), mean(y)
	for i := range x {
		dx, dy := x[i]-p.meanX, y[i]-p.meanY
		p.sxx += dx * dx
		p.syy += dy * dy
		p.sxy += dx * dy
	}
	if !finite(p.sxx) || !finite(p.syy) || !finite(p.sxy) {
		return pairs{}, fmt.Errorf("the sums are too large: %w", ErrNotFinite)
	}
	return p, nil
}

// varied asks that both instruments saw more than one value. It looks at the
// values, since rounding leaves a trace of variance in equal ones.
func varied(x, y []float64) error {
	if constant(x) {
		return fmt.Errorf("reference: %w", ErrConstant)
	}
	if constant(y) {
		return fmt.Errorf("instrument: %w", ErrConstant)
	}
	return nil
}

func constant(v []float64) bool {
	for _, x := range v {
		if x != v[0] {
			return false
		}
	}
	return true
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// mean of values, corrected once for what rounding lost.
func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	m, rest := sum/float64(len(v)), 0.0
	for _, x := range v {
		rest += x - m
	}
	return m + rest/float64(len(v))
}
