package calibration

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Term is one column of a model: a signal of the sensor, or what disturbs it.
// Values that are missing are NaN; such a moment is left out as a whole by
// Complete.
type Term struct {
	Name   string
	Values []float64
}

// ErrDependent tells that a term is constant or follows from the others, so that its
// coefficient is anybody's guess.
var ErrDependent = errors.New("the term is constant, or follows from the other terms")

// Model is the co-location model of a sensor:
//
//	C = b0 + b1 S_WE + b2 S_AE + b3 T + b4 RH (+ b5 O3, cross terms)
//
// with C the reference (Mijling et al. 2018, AMT 11, 1297; Van Ratingen et al.
// 2021, Sensors 21, 7919). It holds within its Hull, for the sensor, the season
// and the place that it was made at.
type Model struct {
	// Names of the terms, in the order of Coefficients and Errors.
	Names []string
	// Intercept is b0, in the unit of the reference; Coefficients b1 … in that
	// unit per unit of the term.
	Intercept    float64
	Coefficients []float64
	// UIntercept and Errors are their standard errors (k = 1). They assume
	// independent moments; hours in a row are not, so they are too small.
	UIntercept float64
	Errors     []float64
	// N is the number of moments, R2 the share of variance explained, RMSE the
	// root of the mean square of what is left, in training: see Validate for what
	// it is worth.
	N        int
	R2, RMSE float64
	// Hull is where the model was made.
	Hull Hull
}

// Hull is the range of conditions that a model was made in.
type Hull struct {
	// Low and High of each term.
	Low, High []float64
	// Mean of each term, and the inverse of the matrix of cross products about
	// it: they give the leverage of a point.
	Mean    []float64
	Inverse [][]float64
	// Leverage is the highest of the moments of training. A point beyond it lies
	// outside the cloud although each term alone may be within its range: cold
	// and dry where the training had only cold and wet.
	Leverage float64
}

// Complete returns the target and terms at those moments at which none is NaN,
// and their places.
func Complete(target []float64, terms []Term) (y []float64, x []Term, at []int, err error) {
	for _, t := range terms {
		if len(t.Values) != len(target) {
			return nil, nil, nil, fmt.Errorf("term %s has %d values and the reference %d", t.Name, len(t.Values), len(target))
		}
	}
	x = make([]Term, len(terms))
	for j, t := range terms {
		x[j].Name = t.Name
	}
	for i, v := range target {
		whole := finite(v)
		for _, t := range terms {
			whole = whole && finite(t.Values[i])
		}
		if !whole {
			continue
		}
		y, at = append(y, v), append(at, i)
		for j, t := range terms {
			x[j].Values = append(x[j].Values, t.Values[i])
		}
	}
	return y, x, at, nil
}

// Fit makes a model by least squares: a QR decomposition by Householder
// reflections of the terms, each brought to mean 0 and length 1 first, so that
// volts and per cents do not lose each other's digits. Errors are ErrTooFew (at
// least two moments more than terms and intercept), ErrNotFinite, ErrConstant for
// the target, and ErrDependent with the name of a term.
func Fit(target []float64, terms []Term) (*Model, error) {
	n, p := len(target), len(terms)
	if p == 0 || n < p+3 {
		return nil, fmt.Errorf("%d moments for %d terms: %w", n, p, ErrTooFew)
	}
	for i, v := range target {
		if !finite(v) {
			return nil, fmt.Errorf("reference %d: %w", i+1, ErrNotFinite)
		}
	}
	if constant(target) {
		return nil, fmt.Errorf("reference: %w", ErrConstant)
	}
	m := &Model{N: n}
	meanY := mean(target)
	y := make([]float64, n)
	for i, v := range target {
		y[i] = v - meanY
	}
	columns, scale := make([][]float64, p), make([]float64, p)
	for j, t := range terms {
		var err error
		if columns[j], scale[j], err = m.standard(t, n); err != nil {
			return nil, err
		}
	}
	total := dot(y, y)
	r, beta, rss, err := solve(columns, y, m.Names)
	if err != nil {
		return nil, err
	}
	m.finish(meanY, beta, scale, inverse(r), rss, total)
	for i := range n {
		m.Hull.Leverage = max(m.Hull.Leverage, m.leverage(at(terms, i)))
	}
	if !finite(m.Intercept) || !finite(m.UIntercept) || !finite(m.Hull.Leverage) {
		return nil, fmt.Errorf("the model: %w", ErrNotFinite)
	}
	return m, nil
}

// standard notes the range of a term and returns it with mean 0 and length 1.
func (m *Model) standard(t Term, n int) (column []float64, scale float64, err error) {
	if len(t.Values) != n {
		return nil, 0, fmt.Errorf("term %s has %d values and the reference %d", t.Name, len(t.Values), n)
	}
	for i, v := range t.Values {
		if !finite(v) {
			return nil, 0, fmt.Errorf("term %s, moment %d: %w", t.Name, i+1, ErrNotFinite)
		}
	}
	if constant(t.Values) {
		return nil, 0, fmt.Errorf("%s: %w", t.Name, ErrDependent)
	}
	centre := mean(t.Values)
	m.Names = append(m.Names, t.Name)
	m.Hull.Low, m.Hull.High = append(m.Hull.Low, slices.Min(t.Values)), append(m.Hull.High, slices.Max(t.Values))
	m.Hull.Mean = append(m.Hull.Mean, centre)
	column = make([]float64, n)
	for i, v := range t.Values {
		column[i] = v - centre
	}
	scale = math.Sqrt(dot(column, column))
	for i := range column {
		column[i] /= scale
	}
	return column, scale, nil
}

// finish turns the solution for standard terms into that for the terms.
func (m *Model) finish(meanY float64, beta, scale []float64, inv [][]float64, rss, total float64) {
	p := len(beta)
	variance := rss / float64(m.N-p-1)
	m.Coefficients, m.Errors = make([]float64, p), make([]float64, p)
	m.Intercept = meanY
	m.Hull.Inverse = make([][]float64, p)
	spread := 0.0
	for j := range p {
		m.Coefficients[j] = beta[j] / scale[j]
		m.Intercept -= m.Coefficients[j] * m.Hull.Mean[j]
		m.Hull.Inverse[j] = make([]float64, p)
		for k := range p {
			m.Hull.Inverse[j][k] = inv[j][k] / scale[j] / scale[k]
			spread += m.Hull.Mean[j] * m.Hull.Inverse[j][k] * m.Hull.Mean[k]
		}
		m.Errors[j] = math.Sqrt(variance * m.Hull.Inverse[j][j])
	}
	m.UIntercept = math.Sqrt(variance * (1/float64(m.N) + spread))
	m.RMSE = math.Sqrt(rss / float64(m.N))
	m.R2 = max(1-rss/total, 0)
}

// at is one moment of the terms.
func at(terms []Term, i int) []float64 {
	x := make([]float64, len(terms))
	for j, t := range terms {
		x[j] = t.Values[i]
	}
	return x
}

// Predict returns the concentration at the values of the terms, in the order of
// Names; NaN when one of them is.
func (m *Model) Predict(x []float64) float64 {
	c := m.Intercept
	for j, b := range m.Coefficients {
		c += b * x[j]
	}
	return c
}

func (m *Model) leverage(x []float64) float64 {
	h := 1 / float64(m.N)
	for j := range x {
		for k := range x {
			h += (x[j] - m.Hull.Mean[j]) * m.Hull.Inverse[j][k] * (x[k] - m.Hull.Mean[k])
		}
	}
	return h
}

// Extrapolation says in which way a point lies outside of a Hull.
type Extrapolation struct {
	// Terms that lie outside of their own range.
	Terms []string
	// Cloud tells that the combination was never seen in training, although
	// every term may have been.
	Cloud bool
}

// Any reports whether there is any.
func (e Extrapolation) Any() bool { return len(e.Terms) > 0 || e.Cloud }

// tolerance keeps rounding from putting a moment of training outside.
const tolerance = 1e-9

// Extrapolates says whether the model has to guess at the values of the terms.
// A calibration of a winter says nothing of a summer: what lies outside is to
// be flagged. That the highest leverage of training bounds the cloud is our own
// choice.
func (m *Model) Extrapolates(x []float64) Extrapolation {
	var e Extrapolation
	for j, v := range x {
		if !(v >= m.Hull.Low[j] && v <= m.Hull.High[j]) {
			e.Terms = append(e.Terms, m.Names[j])
		}
	}
	e.Cloud = !(m.leverage(x) <= m.Hull.Leverage*(1+tolerance))
	return e
}

// Interpolated returns the model between two calibrations of one sensor, before
// and after a campaign, by the weighted mean of their coefficients (Mijling et
// al. 2018). share is how much of the time between them has passed, 0 to 1; what
// lies outside is taken as the nearer end. The hull is what both have in common;
// the errors are those of the mean of two independent calibrations.
func Interpolated(before, after *Model, share float64) (*Model, error) {
	if !slices.Equal(before.Names, after.Names) {
		return nil, fmt.Errorf("the calibrations have different terms, %v and %v", before.Names, after.Names)
	}
	if math.IsNaN(share) {
		return nil, fmt.Errorf("share of time: %w", ErrNotFinite)
	}
	w := min(max(share, 0), 1)
	between := func(a, b float64) float64 { return (1-w)*a + w*b }
	both := func(a, b float64) float64 { return math.Hypot((1-w)*a, w*b) }
	m := &Model{
		Names: slices.Clone(before.Names), N: min(before.N, after.N),
		Intercept: between(before.Intercept, after.Intercept), UIntercept: both(before.UIntercept, after.UIntercept),
		R2: min(before.R2, after.R2), RMSE: max(before.RMSE, after.RMSE),
	}
	nearer := before
	if w > 0.5 {
		nearer = after
	}
	m.Hull = Hull{Mean: nearer.Hull.Mean, Inverse: nearer.Hull.Inverse, Leverage: nearer.Hull.Leverage}
	for j := range m.Names {
		m.Coefficients = append(m.Coefficients, between(before.Coefficients[j], after.Coefficients[j]))
		m.Errors = append(m.Errors, both(before.Errors[j], after.Errors[j]))
		m.Hull.Low = append(m.Hull.Low, max(before.Hull.Low[j], after.Hull.Low[j]))
		m.Hull.High = append(m.Hull.High, min(before.Hull.High[j], after.Hull.High[j]))
	}
	return m, nil
}
