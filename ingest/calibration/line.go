package calibration

import (
	"errors"
	"fmt"
	"math"
)

// Line is an instrument (y) as a straight line of its reference (x), with what
// is known about how good the line is.
type Line struct {
	// N is the number of pairs.
	N int
	// Slope and Intercept: y = Intercept + Slope x.
	Slope, Intercept float64
	// USlope and UIntercept are standard uncertainties (k = 1).
	USlope, UIntercept float64
	// R2 is the square of the correlation of the pairs, 0 to 1.
	R2 float64
	// RSS is the sum of the squares of y - Intercept - Slope x; RMSE is the root
	// of its mean over N.
	RSS, RMSE float64
}

// OLS fits y = a + b x by ordinary least squares, all error in y. The standard
// uncertainties are the textbook ones: u²(b) = RSS/(n-2)/Sxx and
// u²(a) = u²(b) sum(x²)/n. Errors are ErrTooFew, ErrConstant, ErrNotFinite.
func OLS(x, y []float64) (Line, error) {
	p, err := pairsOf(x, y)
	if err != nil {
		return Line{}, err
	}
	if err := varied(x, y); err != nil {
		return Line{}, err
	}
	return p.line(p.sxy/p.sxx, x, y)
}

// Deming fits y = a + b x with errors in both instruments. Lambda is the
// variance of the errors of y divided by that of x; 1 makes it the orthogonal
// regression of the Guide to the Demonstration of Equivalence (GDE 2010):
//
//	b = [Syy - Sxx + sqrt((Syy - Sxx)² + 4 Sxy²)] / (2 Sxy),  a = ybar - b xbar
//
// The standard uncertainties are those of the same guide,
// u²(b) = [Syy - Sxy²/Sxx] / [(n-2) Sxx] and u²(a) = u²(b) sum(x²)/n; they were
// not verified at the source, and belong to lambda 1. Errors are those of OLS,
// and a lambda that is not above 0, and pairs without any slope.
func Deming(x, y []float64, lambda float64) (Line, error) {
	if !(lambda > 0) || math.IsInf(lambda, 0) {
		return Line{}, fmt.Errorf("lambda %g is not a ratio of variances: it must be above 0", lambda)
	}
	p, err := pairsOf(x, y)
	if err != nil {
		return Line{}, err
	}
	if err := varied(x, y); err != nil {
		return Line{}, err
	}
	d := p.syy - lambda*p.sxx
	if p.sxy == 0 && d >= 0 {
		return Line{}, errors.New("the instrument does not follow the reference at all: no slope fits better than another")
	}
	root := math.Hypot(d, 2*math.Sqrt(lambda)*p.sxy)
	// Two forms of one root: each is used where it does not take two nearly
	// equal numbers from each other.
	b := (d + root) / (2 * p.sxy)
	if d < 0 {
		b = 2 * lambda * p.sxy / (root - d)
	}
	return p.line(b, x, y)
}

// line fills in the figures of a line with slope b through the means.
func (p pairs) line(b float64, x, y []float64) (Line, error) {
	l := Line{N: p.n, Slope: b, Intercept: p.meanY - b*p.meanX}
	for i := range x {
		r := (y[i] - p.meanY) - b*(x[i]-p.meanX)
		l.RSS += r * r
	}
	n := float64(p.n)
	l.RMSE = math.Sqrt(l.RSS / n)
	l.R2 = min(p.sxy/p.sxx*(p.sxy/p.syy), 1)
	// Syy - Sxy²/Sxx is what ordinary least squares leaves over; rounding may
	// take it below 0 for pairs that lie on a line.
	left := max(p.syy-p.sxy*(p.sxy/p.sxx), 0)
	l.USlope = math.Sqrt(left / (n - 2) / p.sxx)
	l.UIntercept = l.USlope * math.Sqrt(p.sxx/n+p.meanX*p.meanX) // sum(x²)/n
	for _, v := range [...]float64{l.Slope, l.Intercept, l.RSS, l.R2, l.USlope, l.UIntercept} {
		if !finite(v) {
			return Line{}, fmt.Errorf("the line: %w", ErrNotFinite)
		}
	}
	return l, nil
}

// At returns what the instrument shows where the reference shows x.
func (l Line) At(x float64) float64 { return l.Intercept + l.Slope*x }

// Correct returns the concentration behind a value of the instrument,
// (y - Intercept) / Slope. It is not finite for a slope of 0.
func (l Line) Correct(y float64) float64 { return (y - l.Intercept) / l.Slope }

// Coverage is the factor of expanded uncertainties, 95 %.
const Coverage = 2

// Uncertainty is that of one result of an instrument at a concentration.
type Uncertainty struct {
	// Standard (k = 1) and Expanded (k = 2, 95 %) in the unit of the values.
	Standard, Expanded float64
	// Relative is Expanded / x, 0.25 for 25 %.
	Relative float64
}

// Uncertainty returns the uncertainty of a result of the uncorrected
// instrument at the concentration x, with uRef the standard uncertainty of one
// value of the reference (0 puts all scatter on the instrument, the careful
// side), by GDE 2010:
//
//	u²_CR(x) = RSS/(n-2) - uRef² + [a + (b-1) x]²,  U_rel = k u_CR / x, k = 2
//
// Where the reference is said to scatter more than the pairs do, the first two
// terms together count as 0: that floor is our own choice. ok is false unless x
// is above 0 and uRef is at least 0.
func (l Line) Uncertainty(x, uRef float64) (u Uncertainty, ok bool) {
	if !(x > 0) || !(uRef >= 0) || l.N < 3 || math.IsInf(x, 0) || math.IsInf(uRef, 0) {
		return Uncertainty{}, false
	}
	bias := l.Intercept + (l.Slope-1)*x
	return expand(x, math.Sqrt(max(l.RSS/float64(l.N-2)-uRef*uRef, 0)+bias*bias))
}

// CorrectedUncertainty returns the uncertainty at the concentration x of a
// result that was corrected with the line, (y - a) / b. The bias is gone; what
// is left is the scatter, seen through the slope, and what is not known of the
// line itself, the terms that GDE 2010 adds for a corrected method (not
// verified at the source):
//
//	u²(x) = [RSS/(n-2)/b² - uRef²] + u²(a)/b² + x² u²(b)/b²
//
// ok is false as with Uncertainty, and for a slope of 0.
func (l Line) CorrectedUncertainty(x, uRef float64) (u Uncertainty, ok bool) {
	if !(x > 0) || !(uRef >= 0) || l.N < 3 || l.Slope == 0 || math.IsInf(x, 0) || math.IsInf(uRef, 0) {
		return Uncertainty{}, false
	}
	scatter := max(l.RSS/float64(l.N-2)/(l.Slope*l.Slope)-uRef*uRef, 0)
	ua, ub := l.UIntercept/l.Slope, x*l.USlope/l.Slope
	return expand(x, math.Sqrt(scatter+ua*ua+ub*ub))
}

func expand(x, standard float64) (Uncertainty, bool) {
	u := Uncertainty{Standard: standard, Expanded: Coverage * standard, Relative: Coverage * standard / x}
	return u, finite(u.Relative)
}
