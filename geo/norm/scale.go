package norm

import (
	"fmt"
	"math"
	"math/bits"

	"buurtmeter/ingest/reading"
)

// maxScalePart bounds Num and Den of a Scale, so that every product with a
// number of values fits: Num·HourScale and Den·N stay below 2^63 for N up to
// nine million.
const maxScalePart = 1_000_000_000_000

// Scale is the value of one step of Hours.Values in the property's unit, as an
// exact fraction Num/Den. The zero value is 1/reading.HourScale, in which month
// blocks are kept. Statistics are computed on the steps as they are; a limit is
// brought to the steps and never the steps to a rounded value, so that tenths of
// ppb compare with µg/m³ exactly.
//
// Num and Den are positive and at most 10^12; NewScale sees to it.
type Scale struct{ Num, Den int64 }

// NewScale returns the scale num/den in lowest terms.
func NewScale(num, den int64) (Scale, error) {
	if num <= 0 || den <= 0 {
		return Scale{}, fmt.Errorf("scale %d/%d: both parts must be positive", num, den)
	}
	g := gcd(num, den)
	num, den = num/g, den/g
	if num > maxScalePart || den > maxScalePart {
		return Scale{}, fmt.Errorf("scale %d/%d: parts above %d cannot be compared exactly", num, den, int64(maxScalePart))
	}
	return Scale{num, den}, nil
}

// Float returns the value of one step in the property's unit.
func (s Scale) Float() float64 {
	num, den := s.parts()
	return float64(num) / float64(den)
}

func (s Scale) parts() (num, den int64) {
	if s == (Scale{}) {
		return 1, reading.HourScale
	}
	return s.Num, s.Den
}

// hourSteps returns one step in 1/reading.HourScale unit, in lowest terms.
func (s Scale) hourSteps() (num, den int64) {
	if s == (Scale{}) {
		return 1, 1
	}
	num, den = s.Num*reading.HourScale, s.Den
	g := gcd(num, den)
	return num / g, den / g
}

// value converts a total over n values of the scale to a mean in the unit.
func (s Scale) value(total float64, n int) float64 {
	num, den := s.parts()
	return total / float64(n) * float64(num) / float64(den)
}

// threshold returns the greatest total of n values whose mean is not above the
// limit (1/reading.HourScale unit): a total exceeds exactly when it is greater.
// A threshold that no int64 holds is the nearest that does.
func (s Scale) threshold(limit int64, n int) int64 {
	if s == (Scale{}) && limit == int64(int32(limit)) {
		return limit * int64(n)
	}
	num, den := s.hourSteps()
	return floorMulDiv(limit, den*int64(n), num)
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// floorMulDiv returns the greatest integer not above a·b/c, for b >= 0 and
// c > 0; what int64 cannot hold is its nearest end.
func floorMulDiv(a, b, c int64) int64 {
	negative := a < 0
	hi, lo := bits.Mul64(magnitude(a), uint64(b))
	if hi >= uint64(c) {
		if negative {
			return math.MinInt64
		}
		return math.MaxInt64
	}
	q, rest := bits.Div64(hi, lo, uint64(c))
	switch {
	case negative && q >= 1<<63:
		return math.MinInt64
	case negative && rest > 0:
		return -int64(q) - 1
	case negative:
		return -int64(q)
	case q >= 1<<63:
		return math.MaxInt64
	default:
		return int64(q)
	}
}

// compareProducts compares a·b with c·d, for b and d >= 0, without rounding.
func compareProducts(a, b, c, d int64) int {
	sa, sc := sign(a)*sign(b), sign(c)*sign(d)
	if sa != sc {
		return sign(int64(sa - sc))
	}
	ahi, alo := bits.Mul64(magnitude(a), uint64(b))
	chi, clo := bits.Mul64(magnitude(c), uint64(d))
	switch {
	case ahi == chi && alo == clo:
		return 0
	case ahi > chi || ahi == chi && alo > clo:
		return sa
	default:
		return -sa
	}
}

func sign(a int64) int {
	switch {
	case a > 0:
		return 1
	case a < 0:
		return -1
	default:
		return 0
	}
}

// magnitude is |a|, also of the least int64.
func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}
