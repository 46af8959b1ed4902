package norm_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// One day near the limit is above it with the probability of that day alone:
// the count of days has to agree with the formula.
func TestOneDayIsTheFormula(t *testing.T) {
	n := norm.Norm{ID: "x", Property: reading.PM10, Averaging: norm.Daily, Statistic: norm.Count, Value: 50}
	for _, x := range []int32{35, 42, 48, 50, 52, 60, 70} {
		v := norm.Judge(n, fill(year(2023, 2*µ), 48, 72, x*µ), norm.Span{Year: 2023}, norm.MethodFor(reading.KindReference))
		want := norm.Exceedance(float64(x), 0.125*float64(x), 50)
		assert.InDelta(t, want, v.Probability, 0.02, "%d µg/m³", x)
	}
}

// Without a common error the count of k equal days would be binomial; the error
// that they share makes it wider, and leaves the mean of it where it is.
func TestWhatDaysShareMakesTheCountWider(t *testing.T) {
	v := norm.Judge(byID(t, "eu2008-pm10-24h"), days(2023, 100, 2*µ, 50*µ), norm.Span{Year: 2023}, norm.MethodFor(reading.KindReference))
	binomial := 2 * math.Sqrt(100*0.5*0.5)
	assert.Greater(t, v.High-v.Low, 4*binomial)
	// With half of the variance in common, a day at the limit is above it with the
	// probability Phi(c) when the common error is c, so that more than 35 of many
	// are with the probability 1 - Phi(Phi⁻¹(0.355)) = 0.645.
	assert.InDelta(t, 0.645, v.Probability, 0.02)
	assert.Equal(t, norm.Complies, v.Outcome, "at the limit is not above it")
}

// The same data give the same answer, to the last digit, on every machine: these
// were computed once and written down.
func TestTheDrawsAreFixed(t *testing.T) {
	h := year(2023, 0)
	for i := range h.Values {
		h.Values[i] = int32(i/24*7919%600_000 + 100_000)
	}
	v := norm.Judge(byID(t, "eu2008-pm10-24h"), h, norm.Span{Year: 2023}, norm.MethodFor(reading.KindReference))
	assert.Equal(t, []float64{45, 112, 158}, []float64{v.Low, v.Value, v.High})
	v = norm.Judge(byID(t, "eu2008-pm10-24h"), days(2023, 39, 2*µ, 55*µ), norm.Span{Year: 2023}, norm.MethodFor(reading.KindReference))
	assert.InDelta(t, 0.3671875, v.Probability, 0)
}

// A gap that is filled can only raise the probability of a count.
func TestGapsOnlyHideExceedances(t *testing.T) {
	m := norm.MethodFor(reading.KindSensorCalibrated)
	n := byID(t, "eu2030-pm10-24h")
	last := 0.0
	for missing := 300; missing >= 0; missing -= 20 {
		h := fill(days(2031, 365, 0, 46*µ), 0, 24*missing, reading.Missing)
		v := norm.Judge(n, h, norm.Span{Year: 2031}, m)
		require.True(t, v.HasProbability)
		assert.GreaterOrEqual(t, v.Probability, last, "%d days missing", missing)
		assert.NotEqual(t, norm.WordsBelow, v.Words())
		last = v.Probability
	}
	assert.Greater(t, last, 0.5)
}

// BenchmarkJudgeDays judges one station-year of PM10 by every norm on days: by a
// raw sensor, for which every day is in doubt, and by a reference instrument.
func BenchmarkJudgeDays(b *testing.B) {
	h := year(2023, 0)
	for i := range h.Values {
		h.Values[i] = int32(i/24*7919%600_000 + 100_000)
	}
	st := norm.StatsOf(h, norm.Span{Year: 2023})
	var daily []norm.Norm
	for _, n := range norm.Of(reading.PM10) {
		if n.Averaging == norm.Daily {
			daily = append(daily, n)
		}
	}
	for _, k := range []reading.Kind{reading.KindSensor, reading.KindReference} {
		b.Run(string(k), func(b *testing.B) {
			m := norm.MethodFor(k)
			b.ReportAllocs()
			for b.Loop() {
				for _, n := range daily {
					if v := st.Judge(n, m); !v.HasValue {
						b.Fatal("no value")
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(daily)), "ns/verdict")
		})
	}
}
