package norm_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// Four year means of Antwerp beside the limit of 40, with U = 15 %.
func TestProbabilityOfAnExceedance(t *testing.T) {
	for mean, want := range map[int32]float64{418_000: 0.72, 405_000: 0.57, 402_000: 0.53, 364_000: 0.09} {
		v := norm.Judge(byID(t, "eu2008-no2-y"), year(2023, mean), norm.Span{Year: 2023}, norm.MethodFor(reading.KindReference))
		require.True(t, v.HasProbability)
		assert.InDelta(t, want, v.Probability, 0.005, "%d", mean)
		assert.Equal(t, norm.WordsCannotTell, v.Words(), "none of them is above or below at 95 %")
	}
	for _, tt := range []struct {
		x, u, limit, want float64
	}{
		{40, 3, 40, 0.5}, {40, 0, 40, 0}, {41, 0, 40, 1}, {39, 0, 40, 0}, {40 + 3*1.959963985, 3, 40, 0.975}, {40, math.Inf(1), 10, 0.5},
	} {
		assert.InDelta(t, tt.want, norm.Exceedance(tt.x, tt.u, tt.limit), 1e-9, "%+v", tt)
	}
}

func TestWordsOfAProbability(t *testing.T) {
	v := func(p float64, r norm.Reason) norm.Words {
		return norm.Verdict{HasProbability: true, Probability: p, Reason: r}.Words()
	}
	assert.Equal(t, norm.WordsCannotTell, norm.Verdict{}.Words(), "no probability is not a low one")
	assert.Equal(t, norm.WordsCannotTell, v(0.95, norm.ReasonNone))
	assert.Equal(t, norm.WordsAbove, v(0.9501, norm.ReasonNone))
	assert.Equal(t, norm.WordsCannotTell, v(0.05, norm.ReasonNone))
	assert.Equal(t, norm.WordsBelow, v(0.0499, norm.ReasonNone))
	for _, gap := range []norm.Reason{norm.ReasonCoverage, norm.ReasonRunning} {
		assert.Equal(t, norm.WordsCannotTell, v(0, gap), "gaps hide exceedances")
		assert.Equal(t, norm.WordsAbove, v(1, gap))
	}
	assert.Equal(t, []string{"cannot be told", "above", "below"},
		[]string{norm.WordsCannotTell.String(), norm.WordsAbove.String(), norm.WordsBelow.String()})
}

// The gap term by hand: half of the hours at 30 and half at 50 µg/m³, 876 of
// 8760 missing: s² = 100·7884/7883, u² = s²/7884·0.1.
func TestGapsAddUncertainty(t *testing.T) {
	h := year(2023, 30*µ)
	for i := range h.Values {
		switch {
		case i%10 == 0:
			h.Values[i] = reading.Missing
		case i%2 == 1 && i%10 != 9 || i%20 == 8 || i%20 == 9:
			h.Values[i] = 50 * µ
		}
	}
	high, n := 0, 0
	for _, x := range h.Values {
		if x != reading.Missing {
			n++
			if x == 50*µ {
				high++
			}
		}
	}
	require.Equal(t, 7884, n)
	v := norm.Judge(byID(t, "eu2008-no2-y"), h, norm.Span{Year: 2023}, norm.MethodFor(reading.KindReference))
	p := float64(high) / float64(n)
	mean, variance := 30+20*p, 400*p*(1-p)*float64(n)/float64(n-1)
	assert.InDelta(t, mean, v.Value, 1e-9)
	assert.InDelta(t, math.Sqrt(variance/float64(n)*0.1), v.U.Gaps, 1e-9)
	assert.InDelta(t, 0.075*mean, v.U.Instrument, 1e-9)
	assert.InDelta(t, mean+2*math.Hypot(v.U.Gaps, v.U.Instrument), v.High, 1e-9)
	assert.InDelta(t, v.U.Expanded(), v.High-v.Value, 1e-9)
	assert.InDelta(t, 0, norm.GapVariance(100, 8760, 8760), 0, "nothing is missing")
	assert.InDelta(t, 0, norm.GapVariance(100, 0, 8760), 0, "nothing was measured")
	assert.InDelta(t, 100.0/4*0.5, norm.GapVariance(100, 4, 8), 1e-12)
}

// What a co-location showed takes the place of the objective, at the norm's own
// value.
func TestShownUncertainty(t *testing.T) {
	shown := norm.Shown{Random: 3, Intercept: 2, Slope: 0.9}
	got, ok := shown.ExpandedAt(40) // bias 2 - 4 = -2
	require.True(t, ok)
	assert.InDelta(t, 2*math.Sqrt(9+4)/40, got, 1e-12)
	_, ok = norm.Shown{}.ExpandedAt(40)
	assert.False(t, ok)
	_, ok = shown.ExpandedAt(0)
	assert.False(t, ok)

	m := norm.MethodFor(reading.KindSensorCalibrated)
	m.Calibration, m.Shown = "2023-05/3", shown
	v := norm.Judge(byID(t, "eu2008-no2-y"), year(2023, 30*µ), norm.Span{Year: 2023}, m)
	assert.InDelta(t, got, v.U.Relative, 1e-12)
	assert.InDelta(t, 30*got/2, v.U.Instrument, 1e-9)
	assert.Equal(t, m, v.Method)

	ref := norm.MethodFor(reading.KindReference)
	assert.True(t, ref.ByValue(byID(t, "eu2008-no2-y")))
	ref.Shown = norm.Shown{Random: 4, Slope: 1} // 20 %, more than the 15 % that are asked
	assert.False(t, ref.ByValue(byID(t, "eu2008-no2-y")), "an instrument that misses its objective is not judged by its value")
	assert.False(t, m.ByValue(byID(t, "eu2008-no2-y")))
}

// A rounding policy moves the edge that the probability is about.
func TestRoundingMovesTheProbability(t *testing.T) {
	judge := func(id norm.ID, mean int32, r norm.Rounding) norm.Verdict {
		m := norm.MethodFor(reading.KindReference)
		m.Rounding = r
		return norm.Judge(byID(t, id), year(2023, mean), norm.Span{Year: 2023}, m)
	}
	const id = norm.ID("eu2008-no2-y")
	assert.Equal(t, norm.Exceeds, judge(id, 404_787, norm.Unrounded).Outcome)
	for _, r := range []norm.Rounding{norm.HalfEven, norm.HalfUp} {
		v := judge(id, 404_787, r)
		assert.Equal(t, norm.Complies, v.Outcome, r)
		assert.InDelta(t, norm.Exceedance(40.4787, 40.4787*0.075, 40.5), v.Probability, 1e-12)
	}
	assert.Equal(t, norm.Complies, judge(id, 405_000, norm.HalfEven).Outcome)
	assert.Equal(t, norm.Exceeds, judge(id, 405_000, norm.HalfUp).Outcome)
	v := judge("eu2008-pm25-y", 255_000, norm.HalfEven) // 25.5 is 26
	assert.Equal(t, norm.Exceeds, v.Outcome)
	assert.InDelta(t, 0.5, v.Probability, 1e-12)
}
