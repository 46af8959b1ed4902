package norm

import (
	"math"
	"math/bits"

	"buurtmeter/ingest/reading"
)

// Rounding says how a mean is rounded before it is compared with a limit: once,
// at the comparison, from the exact mean and never from a figure that was
// rounded before. It can decide a verdict: 40.478695 is above 40 unrounded, and
// 40 under both other policies.
type Rounding uint8

// The policies.
const (
	// Unrounded compares the exact mean. It is the default.
	Unrounded Rounding = iota
	// HalfEven rounds to a whole number of the unit, halves to the even one, as
	// the Dutch Regeling beoordeling luchtkwaliteit 2007 art. 68 did for
	// calculated concentrations: 40.5 is 40, 39.5 is 40.
	HalfEven
	// HalfUp rounds to the precision in which the limit is written (whole numbers
	// for 40, tenths for 3.4), halves up: the practice of reporting to the EU,
	// not verified at the source.
	HalfUp
)

// String returns the stable key: "none", "half-even", "half-up".
func (r Rounding) String() string {
	switch r {
	case HalfEven:
		return "half-even"
	case HalfUp:
		return "half-up"
	default:
		return "none"
	}
}

// Above reports whether the mean, rounded by the policy, is above the limit in
// 1/reading.HourScale unit. It is exact, and false without values.
func Above(s Sum, limit int64, r Rounding) bool {
	if r == Unrounded {
		return s.Above(limit)
	}
	v, ok := Rounded(s, limit, r)
	return ok && v > limit
}

// Rounded returns the mean as the policy rounds it for a comparison with the
// limit, both in 1/reading.HourScale unit; ok is false without values. Unrounded
// gives the greatest whole step that is not above the mean, which is for showing
// and not for comparing.
func Rounded(s Sum, limit int64, r Rounding) (v int64, ok bool) {
	if s.N <= 0 {
		return 0, false
	}
	step := int64(1)
	switch r {
	case HalfEven:
		step = reading.HourScale
	case HalfUp:
		step = precision(limit)
	default:
	}
	num, den := s.Scale.parts()
	// The mean is q steps and rest/den of one, 0 <= rest < den.
	num, den = num*(reading.HourScale/step), den*int64(s.N)
	q, rest := floorDivMod(s.Total, num, den)
	up := false
	switch r {
	case HalfEven:
		up = rest > den-rest || rest == den-rest && q%2 != 0
	case HalfUp:
		up = rest >= den-rest
	default:
	}
	if up {
		q++
	}
	if q > math.MaxInt64/step || q < math.MinInt64/step {
		return q, true // beyond every limit on the same side, whatever the step
	}
	return q * step, true
}

// precision is the place of the last digit of the limit that is not 0, in
// 1/reading.HourScale unit, and at most a whole unit.
func precision(limit int64) int64 {
	for p := int64(reading.HourScale); p > 1; p /= 10 {
		if limit%p == 0 {
			return p
		}
	}
	return 1
}

// floorDivMod returns the greatest q not above a·b/c and what is left,
// a·b - q·c, for b >= 0 and c > 0. A quotient that int64 cannot hold is its
// nearest end with nothing left.
func floorDivMod(a, b, c int64) (q, rest int64) {
	q = floorMulDiv(a, b, c)
	if q == math.MaxInt64 || q == math.MinInt64 {
		return q, 0
	}
	// The low words suffice: the difference is below c.
	_, ab := bits.Mul64(uint64(a), uint64(b))
	_, qc := bits.Mul64(uint64(q), uint64(c))
	return q, int64(ab - qc)
}
