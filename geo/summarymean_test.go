package geo_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// 172 of 1005 points in Antwerp (2018): 17.1 %, by Wilson 14.9 to 19.6 %.
func TestWilson(t *testing.T) {
	for _, tt := range []struct {
		above, n  int
		low, high float64
	}{
		{172, 1005, 0.149, 0.196},
		{0, 10, 0, 0.2775},
		{10, 10, 0.7225, 1},
		{1, 2, 0.0945, 0.9055},
		{0, 0, 0, 1},
	} {
		low, high := geo.Wilson(tt.above, tt.n)
		assert.InDelta(t, tt.low, low, 5e-4, "%d of %d", tt.above, tt.n)
		assert.InDelta(t, tt.high, high, 5e-4, "%d of %d", tt.above, tt.n)
		assert.True(t, low >= 0 && high <= 1)
	}
}

// The intervals carry Student's t of the tables: 1 degree of freedom would be
// 12.706, 2 is 4.303, and so on.
func TestIntervalsUseStudentsT(t *testing.T) {
	for n, want := range map[int]float64{3: 4.302652730, 4: 3.182446305, 5: 2.776445105, 10: 2.262157163, 31: 2.042272456, 46: 2.014103389, 201: 1.971896224, 202: 1.971837, 1001: 1.962339081} {
		values := make([]float64, n)
		for i := range values {
			values[i] = 20 + float64(i%7)
		}
		e := geo.EstimateOf(values, 0, 0)
		require.True(t, e.HasInterval)
		assert.InDelta(t, want, (e.High-e.Mean)/e.Spatial, 2e-6, "n = %d", n)
		assert.InDelta(t, e.SD/math.Sqrt(float64(n)), e.Spatial, 1e-12)
		assert.Equal(t, n <= 4, e.Few)
	}
}

func TestEstimateOfPoints(t *testing.T) {
	assert.Zero(t, geo.EstimateOf(nil, 1, 0))
	one := geo.EstimateOf([]float64{12}, 1, 0)
	assert.Equal(t, []float64{12, 0, 12, 12}, []float64{one.Mean, one.SD, one.Median, one.Max})
	assert.False(t, one.HasInterval)
	values := []float64{40, 10, 30, 20}
	e := geo.EstimateOf(values, 0, 0)
	assert.Equal(t, []float64{40, 10, 30, 20}, values, "left alone")
	assert.Equal(t, []float64{25, 25, 40}, []float64{e.Mean, e.Median, e.Max})
	assert.InDelta(t, math.Sqrt(500.0/3), e.SD, 1e-12)
	assert.InDelta(t, e.Spatial*math.Sqrt(0.5), geo.EstimateOf(values, 0, 8).Spatial, 1e-12, "half of all places")
	all := geo.EstimateOf(values, 1.5, 4)
	assert.InDelta(t, 0, all.Spatial, 0, "every place was measured")
	assert.InDelta(t, 3, all.High-all.Mean, 1e-12, "what is left is what they share")
}

// Roadside and background by hand: weights 0.2 and 0.8.
func TestStrata(t *testing.T) {
	roadside, background := []float64{40, 44, 48}, []float64{20, 22}
	e, err := geo.Stratified([]geo.Stratum{{Weight: 1, Values: roadside}, {Weight: 4, Values: background}}, 0)
	require.NoError(t, err)
	assert.InDelta(t, 0.2*44+0.8*21, e.Mean, 1e-12)
	v1, v2 := 0.04*16/3, 0.64*2/2
	assert.InDelta(t, math.Sqrt(v1+v2), e.Spatial, 1e-12)
	require.True(t, e.HasInterval) // (v1+v2)² / (v1²/2 + v2²/1) = 1.7 degrees of freedom, of which 1 counts
	assert.InDelta(t, 12.7062047, (e.High-e.Mean)/e.Spatial, 1e-6)
	plain := geo.EstimateOf(append(roadside, background...), 0, 0)
	assert.Greater(t, plain.Mean, e.Mean, "volunteers live along roads")
	assert.Equal(t, []float64{plain.Median, plain.Max, plain.SD}, []float64{e.Median, e.Max, e.SD})

	e, err = geo.Stratified([]geo.Stratum{{Weight: 1, Values: roadside}, {Weight: 1, Values: []float64{20}}}, 0)
	require.NoError(t, err)
	assert.False(t, e.HasInterval, "one point does not tell how places of its kind differ")
	assert.InDelta(t, 32, e.Mean, 1e-12)
	for _, bad := range [][]geo.Stratum{nil, {{Weight: 1}}, {{Weight: -1, Values: roadside}}, {{Weight: 0, Values: roadside}}, {{Weight: math.NaN(), Values: roadside}}} {
		_, err := geo.Stratified(bad, 0)
		require.ErrorIs(t, err, geo.ErrStrata)
	}
}

// A mean below the limit with points above it, as Antwerp had.
func TestAMeanBelowTheNormWithPointsAbove(t *testing.T) {
	var points []geo.StationVerdict
	for i, x := range []float64{30, 31, 32, 33, 45, 46} {
		p := point(reading.StationID(rune('a'+i)), norm.Complies, norm.ReasonNone, x, 2)
		p.U.Instrument = 1
		if x > 40 {
			p.Outcome, p.Above = norm.Exceeds, true
		}
		points = append(points, p)
	}
	short := point("z", norm.ExceedsIncomplete, norm.ReasonCoverage, 80, 2)
	short.Above = true
	v := geo.Summarise("BU1", no2Year(t), 2023, append(points, short))
	assert.Less(t, v.Mean, 40.0)
	assert.Equal(t, norm.Exceeds, v.Outcome, "the outcome is that of the points, not of the mean")
	assert.Equal(t, []int{6, 2}, []int{v.Whole, v.Above})
	low, high := geo.Wilson(2, 6)
	assert.Equal(t, []float64{low, high, 32.5}, []float64{v.ShareLow, v.ShareHigh, v.Median})
	assert.InDelta(t, 80, v.Highest.Value, 0)
	assert.InDelta(t, 1, v.U.Instrument, 1e-12, "one kind: shared whole")

	points[0].Kind, points[1].Kind, points[2].Kind = reading.KindReference, reading.KindReference, reading.KindReference
	v = geo.Summarise("BU1", no2Year(t), 2023, points)
	assert.InDelta(t, math.Sqrt(0.5), v.U.Instrument, 1e-12, "two kinds share nothing with each other")
	assert.InDelta(t, v.SD/math.Sqrt(6), v.U.Spatial, 1e-12)
}

func TestOverlappingAreasAreNotRanked(t *testing.T) {
	area := func(mean, half float64) geo.AreaVerdict {
		return geo.AreaVerdict{Group: geo.Group{HasMean: true, Mean: mean, Low: mean - half, High: mean + half}}
	}
	assert.True(t, geo.MayRank(area(20, 4), area(30, 5)))
	assert.True(t, geo.MayRank(area(30, 5), area(20, 4)))
	assert.False(t, geo.MayRank(area(20, 5), area(30, 5)), "they touch")
	assert.False(t, geo.MayRank(area(20, 1), geo.AreaVerdict{Group: geo.Group{Mean: 90}}), "no mean, no place")

	spans := []geo.Span{{20, 18, 22}, {40, 36, 44}, {37, 34, 40}, {35, 33, 37}, {10, 9, 11}, {19, 17, 21}}
	assert.Equal(t, []int{1, 0, 0, 0, 2, 1}, geo.Tiers(spans))
	assert.Empty(t, geo.Tiers(nil))
	// A wide interval reaches into the first tier from far below.
	assert.Equal(t, []int{0, 1, 0}, geo.Tiers([]geo.Span{{40, 36, 44}, {30, 29, 31}, {20, 0, 40}}))
}
