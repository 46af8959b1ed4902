package norm_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// tubes is the year of a place with tubes: 15 % expanded, and what was left out
// of time.
func tubes(value, coverage float64) norm.YearFigure {
	return norm.YearFigure{
		Property: reading.NO2, Year: 2023, Value: value, Coverage: coverage,
		Instrument: 0.075 * value, Gaps: 0.09 * value * math.Sqrt((1-coverage)/12),
	}
}

func TestJudgeMeanOfTubes(t *testing.T) {
	m := norm.MethodFor(reading.KindTube)
	m.Calibration = "tube/3"
	running := tubes(55, 0.92)
	running.Running = true
	low := tubes(33, 0.92)
	low.Over = 10
	for name, c := range map[string]struct {
		f       norm.YearFigure
		outcome norm.Outcome
		reason  norm.Reason
		words   norm.Words
	}{
		"above":               {tubes(46, 0.92), norm.Exceeds, norm.ReasonNone, norm.WordsAbove},                // 6/3.5 = 1.70
		"not surely above":    {tubes(45, 0.92), norm.CannotTell, norm.ReasonUncertainty, norm.WordsCannotTell}, // 5/3.4 = 1.46
		"at the norm":         {tubes(40, 1), norm.CannotTell, norm.ReasonUncertainty, norm.WordsCannotTell},
		"below":               {tubes(33, 0.92), norm.Complies, norm.ReasonNone, norm.WordsBelow}, // 7/2.5
		"perhaps higher":      {low, norm.CannotTell, norm.ReasonUncertainty, norm.WordsCannotTell},
		"zero":                {tubes(0, 1), norm.Complies, norm.ReasonNone, norm.WordsBelow},
		"just enough":         {tubes(60, 0.85), norm.Exceeds, norm.ReasonNone, norm.WordsAbove},
		"too little":          {tubes(60, math.Nextafter(0.85, 0)), norm.CannotTell, norm.ReasonCoverage, norm.WordsCannotTell},
		"running":             {running, norm.CannotTell, norm.ReasonRunning, norm.WordsCannotTell},
		"nothing":             {norm.YearFigure{Property: reading.NO2, Year: 2023}, norm.CannotTell, norm.ReasonNoData, norm.WordsCannotTell},
		"no number":           {tubes(math.NaN(), 1), norm.CannotTell, norm.ReasonNoData, norm.WordsCannotTell},
		"infinite":            {tubes(math.Inf(1), 1), norm.CannotTell, norm.ReasonNoData, norm.WordsCannotTell},
		"of another property": {norm.YearFigure{Property: reading.PM10, Year: 2023, Value: 60, Coverage: 1}, norm.CannotTell, norm.ReasonNoData, norm.WordsCannotTell},
	} {
		t.Run(name, func(t *testing.T) {
			v := norm.JudgeMean(byID(t, "eu2008-no2-y"), c.f, m)
			check(t, v)
			assert.Equal(t, c.outcome, v.Outcome)
			assert.Equal(t, c.reason, v.Reason)
			assert.Equal(t, c.words, v.Words())
			assert.Equal(t, m, v.Method)
			assert.Equal(t, 8760, v.Expected)
			assert.False(t, v.ByValue)
		})
	}
	v := norm.JudgeMean(byID(t, "eu2008-no2-y"), tubes(46, 0.92), m)
	assert.Equal(t, []int{8059, 8760}, []int{v.Valid, v.Expected})
	assert.InDelta(t, 0.15, v.U.Relative, 1e-12)
	assert.InDelta(t, 46-2*math.Hypot(0.075*46, v.U.Gaps), v.Low, 1e-9)
	assert.InDelta(t, norm.Exceedance(46, v.U.Combined(), 40), v.Probability, 1e-12)
	assert.True(t, norm.JudgeMean(byID(t, "eu2030-no2-y"), tubes(25, 1), m).NotInForce)
	unknown := tubes(46, 1)
	unknown.Instrument = 0
	assert.Positive(t, norm.JudgeMean(byID(t, "eu2008-no2-y"), unknown, m).U.Instrument, "nothing is certain")
	assert.False(t, norm.JudgeMean(byID(t, "eu2008-no2-y"), tubes(60, 1), norm.MethodFor(reading.KindReference)).ByValue)
}

// Only norms on the year mean are told of by one.
func TestJudgeMeanIsForYearMeansOnly(t *testing.T) {
	judged := 0
	for _, n := range norm.Of(reading.NO2) {
		v := norm.JudgeMean(n, tubes(60, 1), norm.MethodFor(reading.KindTube))
		assert.Equal(t, n.Averaging == norm.Yearly, v.HasValue, n.ID)
		if v.HasValue {
			judged++
		} else {
			assert.Equal(t, norm.ReasonNoData, v.Reason, n.ID)
		}
	}
	assert.Greater(t, judged, 2)
}

// The comparison is the one that means of hours get, at the very edges too.
func TestJudgeMeanComparesExactly(t *testing.T) {
	n := byID(t, "eu2008-no2-y")
	for _, r := range []norm.Rounding{norm.Unrounded, norm.HalfEven, norm.HalfUp} {
		m := norm.MethodFor(reading.KindTube)
		m.Rounding = r
		for _, limit := range []float64{40, 41, 3.5, 0.25} {
			n.Value = limit
			for _, edge := range []float64{limit, limit + 0.25, limit + 0.5, limit + 0.0625} {
				for _, quarter := range []int64{-1, 0, 1} { // of 2⁻²⁰: a float and a whole number alike
					steps := int64(edge*(1<<22)) + quarter
					f := tubes(float64(steps)/(1<<22), 1)
					sum := norm.Sum{Total: steps, N: 1, Scale: norm.Scale{Num: 1, Den: 1 << 22}}
					want := norm.Above(sum, int64(limit*reading.HourScale), r)
					assert.Equal(t, want, norm.JudgeMean(n, f, m).Above, "%v above %v by %s", f.Value, limit, r)
				}
			}
		}
	}
}

func FuzzJudgeMean(f *testing.F) {
	f.Add(41.3, 0.0, 0.0, 3.1, 0.4, 0.92, 1.0, uint8(0), false)
	f.Add(33.0, 12.0, 2.0, 2.5, 0.0, 0.85, 9.0, uint8(4), true)
	f.Add(math.Inf(-1), -1.0, math.NaN(), 0.0, -3.0, 2.0, 0.5, uint8(9), false)
	norms := norm.All()
	kinds := []reading.Kind{reading.KindTube, reading.KindReference, ""}
	f.Fuzz(func(t *testing.T, value, under, over, instrument, gaps, coverage, more float64, which uint8, running bool) {
		n := norms[int(which)%len(norms)]
		m := norm.MethodFor(kinds[int(which)%len(kinds)])
		m.Rounding = norm.Rounding(which % 3)
		y := norm.YearFigure{
			Property: n.Property, Year: 1999 + int(which), Value: value, Under: under, Over: over,
			Instrument: instrument, Gaps: gaps, Coverage: coverage, Running: running,
		}
		v := norm.JudgeMean(n, y, m)
		check(t, v)
		for _, x := range []float64{v.Value, v.Low, v.High, v.U.Relative, v.U.Combined()} {
			assert.False(t, math.IsNaN(x) || math.IsInf(x, 0), "%+v", v)
		}
		if n.Averaging != norm.Yearly || running || !(coverage >= 0.85) {
			assert.Equal(t, norm.CannotTell, v.Outcome)
		}
		// A higher value is never less likely to exceed, and what exceeds goes on so.
		y.Value += math.Abs(more)
		higher := norm.JudgeMean(n, y, m)
		check(t, higher)
		if !v.HasProbability || !higher.HasProbability || value < 0 || instrument <= 0 && over > 0 {
			return // an uncertainty that grows with the value but not with its place
		}
		assert.GreaterOrEqual(t, higher.Probability, v.Probability-1e-9)
		assert.True(t, higher.Above || !v.Above)
		if v.Outcome == norm.Exceeds && higher.Probability > 0.95 {
			assert.Equal(t, norm.Exceeds, higher.Outcome)
		}
	})
}
