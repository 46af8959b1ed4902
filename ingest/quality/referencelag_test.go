package quality

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"buurtmeter/ingest/reading"
)

// wandering makes n hour means that go up and down, with the given scatter.
func wandering(seed uint64, n int) []float64 {
	rnd := rand.New(rand.NewPCG(seed, 1))
	xs := make([]float64, n)
	level := 0.0
	for i := range xs {
		level = 0.8*level + 6*rnd.NormFloat64()
		xs[i] = 25 + level
	}
	return xs
}

// moved gives each hour the value of the hour lag before, plus scatter.
func moved(xs []float64, lag int, scatter float64) []int32 {
	rnd := rand.New(rand.NewPCG(7, uint64(lag+10)))
	out := make([]int32, len(xs)-2*LagReach)
	for i := range out {
		out[i], _ = reading.Scaled(xs[LagReach+i-lag] + scatter*rnd.NormFloat64())
	}
	return out
}

func scaled(xs []float64) []int32 {
	out := make([]int32, len(xs))
	for i, x := range xs {
		out[i], _ = reading.Scaled(x)
	}
	return out
}

func TestScanLagsTellsWhichWayAClockIsWrong(t *testing.T) {
	xs := wandering(1, 672+2*LagReach)
	ref := scaled(xs)
	for lag := -LagReach; lag <= LagReach; lag++ {
		l := ScanLags(moved(xs, lag, 2), ref)
		assert.Equal(t, lag, l.Best, "a sensor that is %d hours late", lag)
		assert.Equal(t, lag != 0, l.Shifted())
		assert.Greater(t, l.Correlation, 0.9)
	}
	// Air that drifts by takes time too, but not a whole hour: half the value of
	// the hour before.
	carried := moved(xs, 0, 2)
	for i := range carried {
		carried[i] = (ref[LagReach+i] + ref[LagReach+i-1] + carried[i]) / 3
	}
	assert.False(t, ScanLags(carried, ref).Shifted())
	assert.False(t, ScanLags(moved(xs, 1, 25), ref).Shifted(), "what hardly goes along fits nowhere")

	late := moved(xs, 1, 2)
	for i := range late[ReferenceHours-1:] {
		late[ReferenceHours-1+i] = reading.Missing
	}
	l := ScanLags(late, ref)
	assert.Equal(t, 0, l.Best)
	assert.True(t, math.IsNaN(l.Correlation) && math.IsNaN(l.Unmoved), "too few hours say nothing")
	assert.False(t, l.Shifted())
	still := make([]int32, 672)
	assert.True(t, math.IsNaN(ScanLags(still, ref).Correlation), "what stands still fits nothing")
}

// months makes agreements of full months with the given biases and slopes.
func months(figures ...[2]float64) []MonthAgreement {
	var out []MonthAgreement
	for i, f := range figures {
		out = append(out, MonthAgreement{reading.Month(600 + i), Agreement{
			Hours: 700, Mean: 20 + f[0], Reference: 20, Bias: f[0], Correlation: 0.9, Slope: f[1],
		}})
	}
	return out
}

func TestDrift(t *testing.T) {
	type f = [2]float64
	short := months(f{0, 1}, f{0, 1}, f{9, 1}, f{9, 1})
	short[3].Hours = ReferenceHours - 1
	unlike := months(f{0, 1}, f{0, 1}, f{0, 9}, f{0, 9})
	unlike[0].Correlation = ReferenceCorrelation - 0.01
	for _, c := range []struct {
		name         string
		p            reading.Property
		months       []MonthAgreement
		told, drifts bool
	}{
		{"three months are too few", reading.NO2, months(f{0, 1}, f{0, 1}, f{9, 1}), false, false},
		{"a short month does not count", reading.NO2, short, false, false},
		{"as it was", reading.NO2, months(f{3, 1}, f{2, 1}, f{4, 1}, f{3, 1}), true, false},
		{"always too high is no drift", reading.NO2, months(f{30, 1}, f{30, 1}, f{30, 1}, f{30, 1}), true, false},
		{"just as far as is allowed", reading.NO2, months(f{0, 1}, f{0, 1}, f{5, 1}, f{5, 1}), true, false},
		{"a hair farther", reading.NO2, months(f{0, 1}, f{0, 1}, f{5.1, 1}, f{5.1, 1}), true, true},
		{"down", reading.NO2, months(f{4, 1}, f{4, 1}, f{-2, 1}, f{-3, 1}), true, true},
		{"up and down is weather", reading.NO2, months(f{0, 1}, f{0, 1}, f{9, 1}, f{-9, 1}), true, false},
		{"one month is weather", reading.NO2, months(f{0, 1}, f{0, 1}, f{9, 1}, f{0, 1}), true, false},
		{"and over", reading.NO2, months(f{0, 1}, f{0, 1}, f{9, 1}, f{9, 1}, f{0, 1}, f{0, 1}), true, false},
		{"particles may be farther off", reading.PM10, months(f{0, 1}, f{0, 1}, f{9, 1}, f{9, 1}), true, false},
		{"half the sensitivity", reading.NO2, months(f{0, 1}, f{0, 1}, f{0, .49}, f{0, .4}), true, true},
		{"a little less than half of it lost", reading.NO2, months(f{0, 1}, f{0, 1}, f{0, .51}, f{0, .51}), true, false},
		{"a slope of hours that do not go along says nothing", reading.NO2, unlike, true, false},
		{"no rule", reading.Temperature, months(f{0, 1}, f{0, 1}, f{9, 1}, f{9, 1}), false, false},
	} {
		got := DriftOf(c.p, c.months)
		assert.Equal(t, []bool{c.told, c.drifts}, []bool{got.Told, got.Drifts}, c.name)
	}
	c := DriftOf(reading.NO2, months(f{1, 1}, f{3, 1}, f{99, 9}, f{10, 2}, f{12, 3}))
	assert.Equal(t, []reading.Month{600, 603, 604}, []reading.Month{c.Begin, c.From, c.To})
	assert.InDelta(t, 2, c.Before, 1e-9)
	assert.InDelta(t, 10, c.Bias, 1e-9)
	assert.InDelta(t, 2, c.Slope, 1e-9)
	co := months(f{0, 1}, f{0, 1}, f{.6, 1}, f{.6, 1})
	for i := range co {
		co[i].Reference = 0.3
	}
	assert.True(t, DriftOf(reading.CO, co).Drifts, "the unit of CO is a thousand times as large")
}

func TestSlopeIsThatOfTheLine(t *testing.T) {
	a := Agree(micro(3, 5, 9), micro(1, 2, 4))
	assert.InDelta(t, 2, a.Slope, 1e-9)
	assert.True(t, math.IsNaN(Agree(micro(1, 2), micro(3, 3)).Slope))
	assert.True(t, math.IsNaN(Agree(micro(1, 1), micro(3, 4)).Correlation))
}
