package calibration

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"

	"buurtmeter/ingest/reading"
)

// LeastHours is the least number of hours that a co-location must have in
// common with the reference: a week of them. It is our own choice; a few weeks
// in each season are better.
const LeastHours = 7 * 24

// ErrWorthless tells that the sensor adds nothing to what the weather and ozone
// already tell of the reference.
var ErrWorthless = errors.New("the sensor adds nothing")

// reportedAt are the concentrations at which the uncertainty is kept.
func reportedAt() []float64 { return []float64{20, 40} }

// Colocation is what came out of a sensor beside a reference.
type Colocation struct {
	// Version corrects the sensor. It is sealed.
	Version Version
	// Raw is the sensor, as it is, as a line of the reference (least squares).
	Raw Line
	// Validation is nil when all hours are of one month: nothing then tells what
	// the model is worth in time that it did not see.
	Validation *Validation
	// Contribution is nil when there is nothing to compare with: no covariates, or
	// one month.
	Contribution *Contribution
}

// Worthless reports whether nothing speaks for the corrected values: without the
// sensor the model is as good in months that it did not see, or it is no better
// there than the mean of the reference.
func (c Colocation) Worthless() bool {
	return c.Contribution != nil && !c.Contribution.Matters() || c.Validation != nil && !(c.Validation.R2 > 0)
}

// Colocate makes a calibration from hours in a row, from first on: the reference
// and the terms, of which the first is the sensor itself and the others are what
// disturbs it. NaN is no value; such an hour is left out as a whole. v brings
// what is known beforehand: station, property, reference and both periods.
//
// The model is made from all hours. What it is worth is told by models that were
// each made without one month and predict that month (see Validate): the figures
// in Tested, and the line of those predictions against the reference (Deming
// with lambda 1), whose scatter is put on the sensor as a whole. Errors are those
// of Fit, ErrTooFew for less than LeastHours, and those of Sealed.
func Colocate(v Version, first reading.Hour, reference []float64, terms []Term) (Colocation, error) {
	y, x, places, err := Complete(reference, terms)
	if err != nil {
		return Colocation{}, err
	}
	if len(y) < LeastHours {
		return Colocation{}, fmt.Errorf("%d hours in which all of them measured, at least %d are needed: %w", len(y), LeastHours, ErrTooFew)
	}
	m, err := Fit(y, x)
	if err != nil {
		return Colocation{}, err
	}
	var c Colocation
	if c.Raw, err = OLS(y, x[0].Values); err != nil {
		return Colocation{}, err
	}
	month, several := make([]int, len(y)), false
	for i, at := range places {
		month[i] = int(reading.MonthOf(first + reading.Hour(at)))
		several = several || month[i] != month[0]
	}
	v.Method, v.Model, v.Tested = MethodModel, *m, Tested{}
	v.Rows = rowsHash(first, places, y, x)
	if several {
		if c.Validation, err = Validate(y, x, month); err != nil {
			return Colocation{}, err
		}
		v.Tested = testedOf(c.Validation)
		if len(x) > 1 {
			k, err := Contributes(y, x[:1], x[1:], month)
			if err != nil {
				return Colocation{}, err
			}
			c.Contribution = &k
		}
	}
	c.Version, err = v.Sealed()
	return c, err
}

// testedOf keeps the figures of a validation.
func testedOf(v *Validation) Tested {
	t := Tested{Months: len(v.Blocks), N: v.N, Outside: v.Outside, MBE: v.MBE, RMSE: v.RMSE}
	l, err := Deming(v.Observed, v.Predicted, 1)
	if err != nil {
		return t // no line, no uncertainty: it is not known
	}
	for _, x := range reportedAt() {
		u, ok := l.Uncertainty(x, 0)
		if !ok {
			return t
		}
		if t.Uncertainty == nil {
			t.Uncertainty = map[string]float64{}
		}
		t.Uncertainty[strconv.FormatFloat(x, 'g', -1, 64)] = u.Relative
	}
	t.Slope, t.Intercept, t.Random = l.Slope, l.Intercept, math.Sqrt(l.RSS/float64(l.N-2))
	return t
}

// rowsHash names the rows of a fit.
func rowsHash(first reading.Hour, places []int, y []float64, x []Term) string {
	h := sha256.New()
	put := func(n uint64) {
		_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, n)) // it never fails
	}
	for i, at := range places {
		put(uint64(first + reading.Hour(at)))
		put(math.Float64bits(y[i]))
		for _, t := range x {
			put(math.Float64bits(t.Values[i]))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
