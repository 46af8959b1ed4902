package calibration_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

// antwerpPairs are the tubes beside official stations, duplicates averaged, of
// the periods in which less than most percent of the station's hours is missing.
func antwerpPairs(t testing.TB, most float64) (ref, tube []float64) {
	t.Helper()
	type key struct{ location, period string }
	at := map[key]int{}
	var n []float64
	for _, row := range sharedRows(t, "rol-antwerp-2021/rol_measurements_calibration.csv") {
		if number(t, row["missing"]) >= most {
			continue
		}
		k := key{row["location"], row["period"]}
		i, ok := at[k]
		if !ok {
			i = len(n)
			at[k] = i
			ref, tube, n = append(ref, number(t, row["no2_reference"])), append(tube, 0), append(n, 0)
		}
		tube[i] += number(t, row["no2"])
		n[i]++
	}
	for i := range tube {
		tube[i] /= n[i]
	}
	return ref, tube
}

// TestAntwerpTubes reproduces what was published about the tubes of 2021.
func TestAntwerpTubes(t *testing.T) {
	for _, c := range []struct {
		most             float64
		n                int
		bias, mad        float64
		slope, intercept float64
	}{
		{101, 30, -1.74, 2.28, 0.82346646, 3.27896703},
		{25, 24, -1.03, 1.64, 1.00440393, -1.14630334},
	} {
		ref, tube := antwerpPairs(t, c.most)
		a, err := calibration.Agree(ref, tube)
		require.NoError(t, err)
		require.Equal(t, c.n, a.N)
		require.InDelta(t, c.bias, a.MBE, 0.005)
		require.InDelta(t, c.mad, a.MAD, 0.005)
		l, err := calibration.Deming(ref, tube, 1)
		require.NoError(t, err)
		// Published by an iterative solver that stops near the minimum.
		require.InDelta(t, c.slope, l.Slope, 1e-6)
		require.InDelta(t, c.intercept, l.Intercept, 2e-5)
	}
}

func TestLineByHand(t *testing.T) {
	// Means 2 and 4; Sxx 2, Syy 14, Sxy 5: all by hand.
	x, y := []float64{1, 2, 3}, []float64{1, 5, 6}
	ols, err := calibration.OLS(x, y)
	require.NoError(t, err)
	require.InDelta(t, 2.5, ols.Slope, 1e-15)
	require.InDelta(t, -1, ols.Intercept, 1e-14)
	require.InDelta(t, 1.5, ols.RSS, 1e-14)
	require.InDelta(t, math.Sqrt(0.5), ols.RMSE, 1e-15)
	require.InDelta(t, 25.0/28, ols.R2, 1e-15)
	require.InDelta(t, math.Sqrt(1.5/2), ols.USlope, 1e-15)
	require.InDelta(t, math.Sqrt(0.75*14/3), ols.UIntercept, 1e-14)

	d, err := calibration.Deming(x, y, 1)
	require.NoError(t, err)
	slope := (12 + math.Sqrt(144+100)) / 10
	require.InDelta(t, slope, d.Slope, 1e-14)
	require.InDelta(t, 4-2*slope, d.Intercept, 1e-14)
	rss := 14 - 2*slope*5 + slope*slope*2
	require.InDelta(t, rss, d.RSS, 1e-13)
	require.Equal(t, ols.USlope, d.USlope)
	require.Equal(t, ols.UIntercept, d.UIntercept)

	u, ok := d.Uncertainty(2, 0.5)
	require.True(t, ok)
	bias := d.Intercept + (d.Slope-1)*2
	require.InDelta(t, 2*math.Sqrt(rss-0.25+bias*bias), u.Expanded, 1e-13)
	require.InDelta(t, u.Expanded/2, u.Relative, 1e-15)
	require.InDelta(t, u.Expanded/2, u.Standard, 1e-15)

	u, ok = d.Uncertainty(2, 100) // the reference cannot scatter away the bias
	require.True(t, ok)
	require.InDelta(t, 2*math.Abs(bias), u.Expanded, 1e-13)
	for _, bad := range [][2]float64{{0, 0}, {-1, 0}, {math.NaN(), 0}, {math.Inf(1), 0}, {1, -1}, {1, math.NaN()}} {
		_, ok = d.Uncertainty(bad[0], bad[1])
		require.False(t, ok, "%v", bad)
		_, ok = d.CorrectedUncertainty(bad[0], bad[1])
		require.False(t, ok, "%v", bad)
	}
	require.InDelta(t, 2, d.Correct(d.At(2)), 1e-14)
}

// A corrected instrument has no bias left, so that its uncertainty is below
// that of the same instrument uncorrected wherever the bias was large.
func TestCorrectionTakesTheBiasAway(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	var x, y []float64
	for range 400 {
		v := 5 + 60*r.Float64()
		x, y = append(x, v), append(y, 12+1.3*v+r.NormFloat64())
	}
	l, err := calibration.Deming(x, y, 1)
	require.NoError(t, err)
	before, ok := l.Uncertainty(20, 0)
	require.True(t, ok)
	after, ok := l.CorrectedUncertainty(20, 0)
	require.True(t, ok)
	require.InDelta(t, 2*18, before.Expanded, 1)
	require.InDelta(t, 2/1.3, after.Expanded, 0.2)
}

func TestDemingFindsTheLineThatOLSFlattens(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var x, y []float64
	for range 20_000 {
		v := 20 * r.Float64()
		x, y = append(x, v+3*r.NormFloat64()), append(y, 4+1.5*v+3*r.NormFloat64())
	}
	ols, err := calibration.OLS(x, y)
	require.NoError(t, err)
	d, err := calibration.Deming(x, y, 1)
	require.NoError(t, err)
	require.Less(t, ols.Slope, 1.25)
	require.InDelta(t, 1.5, d.Slope, 0.03)
	require.InDelta(t, 4, d.Intercept, 0.3)

	swapped, err := calibration.Deming(y, x, 1)
	require.NoError(t, err)
	require.InDelta(t, 1/d.Slope, swapped.Slope, 1e-9, "orthogonal regression is the same both ways round")
}

// Lambda moves the line from the regression of x on y to that of y on x.
func TestLambdaHasItsTwoEnds(t *testing.T) {
	x, y := []float64{1, 2, 3, 4, 7}, []float64{2, 1, 4, 3, 9}
	ols, err := calibration.OLS(x, y)
	require.NoError(t, err)
	back, err := calibration.OLS(y, x)
	require.NoError(t, err)
	all, err := calibration.Deming(x, y, 1e12)
	require.NoError(t, err)
	require.InDelta(t, ols.Slope, all.Slope, 1e-9)
	none, err := calibration.Deming(x, y, 1e-12)
	require.NoError(t, err)
	require.InDelta(t, 1/back.Slope, none.Slope, 1e-9)
	for _, lambda := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		_, err := calibration.Deming(x, y, lambda)
		require.ErrorContains(t, err, "lambda")
	}
}

// Far from 0 the digits of the values are used up by what they have in common.
func TestFarFromZero(t *testing.T) {
	const far = 1e9
	x, y := []float64{1, 2, 3}, []float64{1, 5, 6}
	near, err := calibration.Deming(x, y, 1)
	require.NoError(t, err)
	for i := range x {
		x[i], y[i] = x[i]+far, y[i]+far
	}
	l, err := calibration.Deming(x, y, 1)
	require.NoError(t, err)
	require.InDelta(t, near.Slope, l.Slope, 1e-12)
	require.InDelta(t, near.RSS, l.RSS, 1e-9)
}

func TestNearlyFlatSlopeKeepsItsDigits(t *testing.T) {
	var x, y []float64
	for i := range 100 {
		x, y = append(x, float64(i)*1000), append(y, float64(i)*1e-9)
	}
	l, err := calibration.Deming(x, y, 1)
	require.NoError(t, err)
	require.InEpsilon(t, 1e-12, l.Slope, 1e-9)
}

func TestNothingToFit(t *testing.T) {
	fits := map[string]func(x, y []float64) error{
		"ols":    func(x, y []float64) error { _, err := calibration.OLS(x, y); return err },
		"deming": func(x, y []float64) error { _, err := calibration.Deming(x, y, 1); return err },
	}
	for name, fit := range fits {
		require.ErrorIs(t, fit([]float64{1, 2}, []float64{1, 2}), calibration.ErrTooFew, name)
		require.ErrorIs(t, fit(nil, nil), calibration.ErrTooFew, name)
		require.ErrorIs(t, fit([]float64{0.1, 0.1, 0.1}, []float64{1, 2, 3}), calibration.ErrConstant, name)
		require.ErrorIs(t, fit([]float64{1, 2, 3}, []float64{0.1, 0.1, 0.1}), calibration.ErrConstant, name)
		require.ErrorIs(t, fit([]float64{1, math.NaN(), 3}, []float64{1, 2, 3}), calibration.ErrNotFinite, name)
		require.ErrorIs(t, fit([]float64{1, 2, 3}, []float64{1, math.Inf(-1), 3}), calibration.ErrNotFinite, name)
		require.ErrorIs(t, fit([]float64{1e300, -1e300, 3}, []float64{1, 2, 3}), calibration.ErrNotFinite, name)
		require.Error(t, fit([]float64{1, 2, 3}, []float64{1, 2}), name)
	}
	// A square of points has no direction of its own.
	_, err := calibration.Deming([]float64{1, 1, -1, -1}, []float64{1, -1, 1, -1}, 1)
	require.ErrorContains(t, err, "does not follow")
	// Taller than wide, and without any correlation: upright, so no slope.
	_, err = calibration.Deming([]float64{1, 1, -1, -1}, []float64{2, -2, 2, -2}, 1)
	require.ErrorContains(t, err, "does not follow")
	// Wider than tall: flat.
	l, err := calibration.Deming([]float64{2, 2, -2, -2}, []float64{1, -1, 1, -1}, 1)
	require.NoError(t, err)
	require.Zero(t, l.Slope)
}

func TestAgreeByHand(t *testing.T) {
	a, err := calibration.Agree([]float64{10, 20, 30}, []float64{11, 20, 26})
	require.NoError(t, err)
	require.InDelta(t, -1, a.MBE, 1e-15)
	require.InDelta(t, 5.0/3, a.MAD, 1e-15)
	require.InDelta(t, math.Sqrt(17.0/3), a.RMSE, 1e-15)
	half := 1.96 * math.Sqrt(7) // (2² + 1² + 3²) / 2
	require.InDelta(t, -1-half, a.Low, 1e-14)
	require.InDelta(t, -1+half, a.High, 1e-14)
	require.InDelta(t, 150.0*150/(200*114), a.R2, 1e-14)

	a, err = calibration.Agree([]float64{10, 20, 30}, []float64{5, 5, 5})
	require.NoError(t, err)
	require.True(t, math.IsNaN(a.R2), "a stuck instrument has no correlation")
	require.InDelta(t, -15, a.MBE, 1e-14)
	_, err = calibration.Agree([]float64{1, 2}, []float64{1, 2})
	require.ErrorIs(t, err, calibration.ErrTooFew)
}

func TestReferenceExpanded(t *testing.T) {
	u, ok := calibration.ReferenceExpanded(reading.NO2, 200)
	require.True(t, ok)
	require.InDelta(t, 48, u, 1e-12) // 24 % at the reference value
	u, ok = calibration.ReferenceExpanded(reading.PM25, 0)
	require.True(t, ok)
	require.InDelta(t, 2*0.18*25*math.Sqrt(0.05), u, 1e-12)
	u, ok = calibration.ReferenceExpanded(reading.PM10, 50)
	require.True(t, ok)
	require.InDelta(t, 14, u, 1e-12)
	_, ok = calibration.ReferenceExpanded(reading.Temperature, 20)
	require.False(t, ok)
	_, ok = calibration.ReferenceExpanded(reading.NO2, math.NaN())
	require.False(t, ok)
}
