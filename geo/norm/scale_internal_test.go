package norm

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

// anyInt favours the ends and the small numbers.
func anyInt(rnd *rand.Rand) int64 {
	v := int64(rnd.Uint64()) >> rnd.IntN(64)
	switch rnd.IntN(20) {
	case 0:
		return math.MinInt64
	case 1:
		return math.MaxInt64
	case 2:
		return 0
	default:
		return v
	}
}

// TestProductsAreExact compares the arithmetic of 128 bits with that of any
// number of bits.
func TestProductsAreExact(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	ends := 0
	for range 50_000 {
		a, b, c, d := anyInt(rnd), anyInt(rnd)&math.MaxInt64, anyInt(rnd), anyInt(rnd)&math.MaxInt64
		ab := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		cd := new(big.Int).Mul(big.NewInt(c), big.NewInt(d))
		if got := compareProducts(a, b, c, d); got != ab.Cmp(cd) {
			t.Fatalf("compare %d·%d with %d·%d: %d", a, b, c, d, got)
		}
		if d == 0 {
			continue
		}
		// Euclidean division rounds down for a positive divisor.
		q := new(big.Int).Div(ab, big.NewInt(d))
		got := floorMulDiv(a, b, d)
		switch {
		case q.IsInt64():
			if got != q.Int64() {
				t.Fatalf("%d·%d/%d: %d, want %s", a, b, d, got, q)
			}
			if q, rest := floorDivMod(a, b, d); q == got && got != math.MinInt64 && got != math.MaxInt64 {
				if want := new(big.Int).Mod(ab, big.NewInt(d)).Int64(); rest != want {
					t.Fatalf("%d·%d mod %d: %d, want %d", a, b, d, rest, want)
				}
			}
		case q.Sign() > 0:
			ends++
			if got != math.MaxInt64 {
				t.Fatalf("%d·%d/%d: %d, want the greatest", a, b, d, got)
			}
		default:
			ends++
			if got != math.MinInt64 {
				t.Fatalf("%d·%d/%d: %d, want the least", a, b, d, got)
			}
		}
	}
	assert.Greater(t, ends, 500)
}

// rat is the exact mean of s in 1/reading.HourScale unit.
func rat(s Sum) *big.Rat {
	num, den := s.Scale.parts()
	r := big.NewRat(s.Total, int64(s.N))
	r.Mul(r, big.NewRat(num, den))
	return r.Mul(r, big.NewRat(reading.HourScale, 1))
}

// TestRoundingIsExact compares every policy with rational arithmetic, near halves
// above all.
func TestRoundingIsExact(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5))
	scales := []Scale{{}, {1, 1}, {1, 2}, {19125, 100000}, {1, 10}, {maxScalePart - 1, maxScalePart}, {1, 3}}
	limits := []int64{400_000, 34_000, 375_000, 2_000_000, 50_000, 1, 0, -5000, 123_450}
	halves := 0
	for range 20_000 {
		s := Sum{N: 1 + rnd.IntN(30), Scale: scales[rnd.IntN(len(scales))]}
		num, den := s.Scale.parts()
		// A total whose mean is about a whole number of halves.
		s.Total = (rnd.Int64N(400)-100)*int64(s.N)*den/(2*num) + rnd.Int64N(3) - 1
		limit := limits[rnd.IntN(len(limits))]
		mean := rat(s)
		side := mean.Cmp(big.NewRat(limit, 1))
		if s.Compare(limit) != side || Above(s, limit, Unrounded) != (side > 0) || s.Total > s.Scale.threshold(limit, s.N) != (side > 0) {
			t.Fatalf("%+v against %d: %d, %t, threshold %d", s, limit, s.Compare(limit), Above(s, limit, Unrounded), s.Scale.threshold(limit, s.N))
		}
		for _, r := range []Rounding{HalfEven, HalfUp} {
			step := int64(reading.HourScale)
			if r == HalfUp {
				step = precision(limit)
			}
			// floor(mean/step + 1/2), and one less at a half to an odd number.
			x := new(big.Rat).Quo(mean, big.NewRat(step, 1))
			x.Add(x, big.NewRat(1, 2))
			want := new(big.Int).Div(x.Num(), x.Denom()).Int64()
			if x.IsInt() {
				halves++
				if r == HalfEven && want%2 != 0 {
					want--
				}
			}
			got, ok := Rounded(s, limit, r)
			if !ok || got != want*step || Above(s, limit, r) != (got > limit) {
				t.Fatalf("%+v limit %d %s: %d, want %d", s, limit, r, got, want*step)
			}
		}
	}
	assert.Greater(t, halves, 2000)
}

// TestDayPass compares the sum that tells whether an hour is missing with looking
// at every hour, at and around the values at which it just does.
func TestDayPass(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6, 6))
	ends := []int32{
		reading.Missing, reading.Missing + 1, math.MaxInt32, 0, -1, 1,
		math.MaxInt32 / 23, math.MaxInt32/23 + 1, math.MaxInt32/23 + 2, reading.Missing / 23, reading.Missing/23 - 1, reading.Missing / 24,
	}
	check := func(day [dayHours]int32) {
		want, top := pass(day[:])
		if total, n, peak := dayPass(&day); total != want.Total || n != want.N || peak != top {
			t.Fatalf("%v: %d of %d, peak %d; want %+v, %d", day, total, n, peak, want, top)
		}
	}
	var day [dayHours]int32
	for _, v := range ends {
		for i := range day {
			day[i] = v
		}
		check(day)
	}
	for range 50_000 {
		few := 1 + rnd.IntN(len(ends))
		for i := range day {
			day[i] = ends[rnd.IntN(few)]
			if rnd.IntN(3) == 0 {
				day[i] = int32(rnd.Uint32()) >> rnd.IntN(32)
			}
		}
		check(day)
	}
}

// FuzzDayPass is TestDayPass on any hours.
func FuzzDayPass(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0x80, 1, 0, 0, 0})
	f.Add(make([]byte, 4*dayHours))
	f.Fuzz(func(t *testing.T, hours []byte) {
		var day [dayHours]int32
		for i := range day {
			day[i] = reading.Missing
			if len(hours) >= 4*(i+1) {
				day[i] = int32(binary.LittleEndian.Uint32(hours[4*i:]))
			}
		}
		want, top := pass(day[:])
		if total, n, peak := dayPass(&day); total != want.Total || n != want.N || peak != top {
			t.Fatalf("%v: %d of %d, peak %d; want %+v, %d", day, total, n, peak, want, top)
		}
	})
}

func TestScaleIsBounded(t *testing.T) {
	for _, bad := range [][2]int64{{0, 1}, {1, 0}, {-1, 5}, {1, -5}, {maxScalePart + 1, 1}, {1, maxScalePart + 1}} {
		_, err := NewScale(bad[0], bad[1])
		assert.Error(t, err, "%v", bad)
	}
	s, err := NewScale(19125*maxScalePart, 100000*maxScalePart)
	require.NoError(t, err)
	assert.Equal(t, Scale{153, 800}, s)
	assert.InDelta(t, 0.19125, s.Float(), 1e-15)
	assert.InDelta(t, 1./reading.HourScale, Scale{}.Float(), 1e-18)
	for _, bad := range []int64{0, -1, math.MaxInt64} {
		_, err = PpbScale(reading.NO2, "", bad)
		assert.Error(t, err)
	}
	_, err = PpbScale(reading.PM10, "", 1)
	assert.Error(t, err)
	// CO is in mg/m³.
	ppm, err := PpmScale(reading.CO, "", 10)
	require.NoError(t, err)
	assert.InDelta(t, 0.11644, ppm.Float(), 1e-15)
	ppb, err := PpbScale(reading.CO, "", 10_000)
	require.NoError(t, err)
	assert.InDelta(t, 0.00000011644, ppb.Float(), 1e-18)
}
