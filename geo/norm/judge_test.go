package norm_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

func byID(t testing.TB, id norm.ID) norm.Norm {
	t.Helper()
	n, ok := norm.ByID(id)
	require.True(t, ok, id)
	return n
}

func TestZeroVerdictCannotBeTold(t *testing.T) {
	var v norm.Verdict
	assert.Equal(t, norm.CannotTell, v.Outcome)
	assert.Equal(t, "cannot-tell", v.Outcome.String())
	assert.False(t, v.HasValue)
}

func TestJudgeYearMean(t *testing.T) {
	const no2, pm10 = norm.ID("eu2008-no2-y"), norm.ID("eu2008-pm10-y")
	ref, calibrated := norm.MethodFor(reading.KindReference), norm.MethodFor(reading.KindSensorCalibrated)
	full := func(v int32) norm.Hours { return year(2023, v) }
	// 8760 * 0.85 = 7446 hours.
	tests := map[string]struct {
		id      norm.ID
		h       norm.Hours
		until   int // hours of the year that are over; 0 = all
		m       norm.Method
		outcome norm.Outcome
		reason  norm.Reason
	}{
		"no vector":               {no2, norm.Hours{}, 0, ref, norm.CannotTell, norm.ReasonNoData},
		"all missing":             {no2, full(reading.Missing), 0, ref, norm.CannotTell, norm.ReasonNoData},
		"all zero":                {no2, full(0), 0, ref, norm.Complies, norm.ReasonNone},
		"negative":                {no2, full(-µ), 0, ref, norm.Complies, norm.ReasonNone},
		"well below":              {no2, full(20 * µ), 0, ref, norm.Complies, norm.ReasonNone},
		"well above":              {no2, full(50 * µ), 0, ref, norm.Exceeds, norm.ReasonNone},
		"at the norm":             {no2, full(40 * µ), 0, ref, norm.Complies, norm.ReasonNone},
		"a step above the norm":   {no2, full(40*µ + 1), 0, ref, norm.Exceeds, norm.ReasonNone},
		"sensor at the norm":      {no2, full(40 * µ), 0, calibrated, norm.CannotTell, norm.ReasonUncertainty},
		"sensor surely above":     {no2, full(51 * µ), 0, calibrated, norm.Exceeds, norm.ReasonNone},           // 11/(0.125*51) = 1.73
		"sensor not surely above": {no2, full(50 * µ), 0, calibrated, norm.CannotTell, norm.ReasonUncertainty}, // 10/(0.125*50) = 1.60
		"sensor surely below":     {no2, full(33 * µ), 0, calibrated, norm.Complies, norm.ReasonNone},          // 7/(0.125*33) = 1.70
		"sensor not surely below": {no2, full(34 * µ), 0, calibrated, norm.CannotTell, norm.ReasonUncertainty}, // 6/(0.125*34) = 1.41
		"raw sensor above":        {pm10, full(100 * µ), 0, norm.MethodFor(reading.KindSensor), norm.CannotTell, norm.ReasonUncertainty},
		"raw sensor far above":    {pm10, full(230 * µ), 0, norm.MethodFor(reading.KindSensor), norm.Exceeds, norm.ReasonNone},
		"just enough hours":       {no2, fill(full(20*µ), 7446, 8760, reading.Missing), 0, ref, norm.Complies, norm.ReasonNone},
		"one hour too few":        {no2, fill(full(20*µ), 7445, 8760, reading.Missing), 0, ref, norm.CannotTell, norm.ReasonCoverage},
		"too few and far above":   {no2, fill(full(90*µ), 4000, 8760, reading.Missing), 0, ref, norm.CannotTell, norm.ReasonCoverage},
		"running":                 {no2, full(20 * µ), 4000, ref, norm.CannotTell, norm.ReasonRunning},
		"running, nearly over":    {no2, full(20 * µ), 8759, ref, norm.CannotTell, norm.ReasonRunning},
		"running with gaps":       {no2, fill(full(20*µ), 0, 700, reading.Missing), 4000, ref, norm.CannotTell, norm.ReasonCoverage},
		"running without data":    {no2, full(reading.Missing), 4000, ref, norm.CannotTell, norm.ReasonNoData},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := norm.Span{Year: 2023}
			if tt.until > 0 {
				s.Until = norm.YearStart(2023) + reading.Hour(tt.until)
			}
			v := norm.Judge(byID(t, tt.id), tt.h, s, tt.m)
			assert.Equal(t, tt.outcome, v.Outcome, "%+v", v)
			assert.Equal(t, tt.reason, v.Reason)
			assert.Equal(t, tt.id, v.Norm)
			assert.Equal(t, 2023, v.Year)
			assert.Equal(t, 8760, v.Expected)
			assert.Equal(t, tt.m, v.Method)
			assert.Equal(t, tt.reason != norm.ReasonNoData, v.HasValue, "the value is carried whenever there is data")
			assert.False(t, v.NotInForce)
		})
	}
}

func TestJudgeCarriesItsInterval(t *testing.T) {
	v := norm.Judge(byID(t, "eu2008-no2-y"), year(2024, 38*µ), norm.Span{Year: 2024}, norm.MethodFor(reading.KindReference))
	assert.InDelta(t, 38, v.Value, 1e-9)
	assert.InDelta(t, 38*0.85, v.Low, 1e-9)
	assert.InDelta(t, 38*1.15, v.High, 1e-9)
	assert.InDelta(t, 1, v.Coverage, 0)
	assert.Equal(t, 8784, v.Valid)
	assert.Equal(t, norm.Complies, v.Outcome)
	assert.True(t, v.ByValue)
	assert.InDelta(t, norm.Exceedance(38, 38*0.075, 40), v.Probability, 1e-12)
	assert.Equal(t, norm.WordsCannotTell, v.Words(), "complies, and the doubt is said beside it")
	assert.InDelta(t, 38*0.075, v.U.Instrument, 1e-12)
	assert.Zero(t, v.U.Gaps)

	v = norm.Judge(byID(t, "eu2008-no2-y"), year(2024, µ), norm.Span{Year: 2024}, norm.MethodFor(reading.KindReference))
	assert.InDelta(t, 0, v.Low, 0, "a concentration is not below 0")
	assert.InDelta(t, 2.5, v.High, 1e-9, "the floor of 15 % of 10")
}

// days sets the first n days of a year of `base` to `high`.
func days(y, n int, base, high int32) norm.Hours { return fill(year(y, base), 0, n*24, high) }

func TestJudgeCounts(t *testing.T) {
	const day, hour = norm.ID("eu2008-pm10-24h"), norm.ID("eu2008-no2-1h")
	ref := norm.MethodFor(reading.KindReference)
	tests := map[string]struct {
		id               norm.ID
		h                norm.Hours
		until            int
		outcome          norm.Outcome
		reason           norm.Reason
		low, value, high float64
	}{
		"35 days":                    {day, days(2023, 35, 10*µ, 90*µ), 0, norm.Complies, norm.ReasonNone, 35, 35, 35},
		"36 days":                    {day, days(2023, 36, 10*µ, 90*µ), 0, norm.Exceeds, norm.ReasonNone, 36, 36, 36},
		"36 days at the norm":        {day, days(2023, 36, 10*µ, 50*µ), 0, norm.Complies, norm.ReasonNone, 0, 0, 36},
		"36 days, 32 a little":       {day, fill(days(2023, 36, 10*µ, 51*µ), 0, 24*4, 110*µ), 0, norm.Exceeds, norm.ReasonNone, 5, 36, 36},
		"300 days below":             {day, days(2023, 300, 10*µ, 40*µ), 0, norm.Complies, norm.ReasonNone, 0, 0, 63},
		"36 days in half a year":     {day, fill(days(2023, 36, 10*µ, 90*µ), 4380, 8760, reading.Missing), 0, norm.ExceedsIncomplete, norm.ReasonCoverage, 36, 36, 36},
		"35 days in half a year":     {day, fill(days(2023, 35, 10*µ, 90*µ), 4380, 8760, reading.Missing), 0, norm.CannotTell, norm.ReasonCoverage, 35, 35, 35},
		"36 days by half-year":       {day, days(2023, 36, 10*µ, 90*µ), 4380, norm.ExceedsIncomplete, norm.ReasonRunning, 36, 36, 36},
		"36 days by mid-December":    {day, days(2023, 36, 10*µ, 90*µ), 8400, norm.Exceeds, norm.ReasonNone, 36, 36, 36},
		"35 days by mid-December":    {day, days(2023, 35, 10*µ, 90*µ), 8400, norm.CannotTell, norm.ReasonRunning, 35, 35, 35},
		"before the first day ended": {day, year(2023, 10*µ), 5, norm.CannotTell, norm.ReasonRunning, 0, 0, 0},
		"hours but no whole day":     {day, fill(year(2023, reading.Missing), 0, 17, 90*µ), 0, norm.CannotTell, norm.ReasonCoverage, 0, 0, 0},
		"18 hours":                   {hour, fill(year(2023, 10*µ), 0, 18, 300*µ), 0, norm.Complies, norm.ReasonNone, 18, 18, 18},
		"19 hours":                   {hour, fill(year(2023, 10*µ), 0, 19, 300*µ), 0, norm.Exceeds, norm.ReasonNone, 19, 19, 19},
		"19 hours at the norm":       {hour, fill(year(2023, 10*µ), 0, 19, 200*µ), 0, norm.Complies, norm.ReasonNone, 0, 0, 19},
		"19 hours a step above":      {hour, fill(year(2023, 10*µ), 0, 19, 200*µ+1), 0, norm.Exceeds, norm.ReasonNone, 0, 19, 19},
		"19 hours, then silence":     {hour, fill(fill(year(2023, reading.Missing), 0, 100, 10*µ), 0, 19, 300*µ), 0, norm.ExceedsIncomplete, norm.ReasonCoverage, 19, 19, 19},
		"no data":                    {hour, norm.Hours{}, 0, norm.CannotTell, norm.ReasonNoData, 0, 0, 0},
		"no data for days":           {day, norm.Hours{}, 0, norm.CannotTell, norm.ReasonNoData, 0, 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := norm.Span{Year: 2023}
			if tt.until > 0 {
				s.Until = norm.YearStart(2023) + reading.Hour(tt.until)
			}
			v := norm.Judge(byID(t, tt.id), tt.h, s, ref)
			assert.Equal(t, tt.outcome, v.Outcome, "%+v", v)
			assert.Equal(t, tt.reason, v.Reason)
			assert.Equal(t, []float64{tt.low, tt.value, tt.high}, []float64{v.Low, v.Value, v.High})
			assert.Equal(t, v.Valid > 0, v.HasValue, "a count over no periods is not a value")
		})
	}
}

// The daily limit of 2030 allows 18 days; WHO's 99th percentile 3.
func TestAllowedDays(t *testing.T) {
	for id, allowed := range map[norm.ID]int{"eu2030-pm25-24h": 18, "who2021-pm25-24hours": 3, "who2021-no2-24hours": 3} {
		for n, want := range map[int]norm.Outcome{allowed: norm.Complies, allowed + 1: norm.Exceeds} {
			v := norm.Judge(byID(t, id), days(2031, n, 2*µ, 200*µ), norm.Span{Year: 2031}, norm.MethodFor(reading.KindReference))
			assert.Equal(t, want, v.Outcome, "%s with %d days", id, n)
		}
	}
}

func TestNotInForce(t *testing.T) {
	n := byID(t, "eu2030-no2-y")
	m := norm.MethodFor(reading.KindReference)
	assert.True(t, norm.Judge(n, year(2021, 30*µ), norm.Span{Year: 2021}, m).NotInForce)
	assert.False(t, norm.Judge(n, year(2030, 30*µ), norm.Span{Year: 2030}, m).NotInForce)
}

// What did not apply is said in the conditional, what cannot be told is not
// made surer by it.
func TestLabel(t *testing.T) {
	for o, want := range map[norm.Outcome][2]string{
		norm.CannotTell:        {"cannot be told", "cannot be told"},
		norm.Complies:          {"complies", "would comply"},
		norm.Exceeds:           {"exceeds", "would exceed"},
		norm.ExceedsIncomplete: {"exceeds although incomplete", "would exceed although incomplete"},
	} {
		assert.Equal(t, want[0], norm.Verdict{Outcome: o}.Label())
		assert.Equal(t, want[1], norm.Verdict{Outcome: o, NotInForce: true}.Label())
	}
}

func TestZeroNormCannotBeTold(t *testing.T) {
	v := norm.Judge(norm.Norm{}, year(2023, 30*µ), norm.Span{Year: 2023}, norm.Method{})
	assert.Equal(t, norm.CannotTell, v.Outcome)
}

func TestJudgeLeavesTheHoursAlone(t *testing.T) {
	h := year(2023, 30*µ)
	for _, n := range norm.Table() {
		norm.Judge(n, h, norm.Span{Year: 2023, Until: h.First + 77}, norm.MethodFor(reading.KindSensor))
	}
	assert.Equal(t, year(2023, 30*µ), h)
}

// FuzzJudge holds Judge to what must be true for any data: it does not panic,
// more exceedances never turn an exceedance into compliance, and more data
// never lowers the coverage.
func FuzzJudge(f *testing.F) {
	f.Add([]byte{1, 2, 3, 200, 255, 0}, int16(0), int16(2023), uint8(0), uint8(0), uint16(0))
	f.Add([]byte{}, int16(-5), int16(2024), uint8(3), uint8(1), uint16(900))
	f.Add([]byte{255, 255, 255}, int16(8000), int16(2000), uint8(9), uint8(2), uint16(8784))
	f.Add([]byte{90, 0, 91}, int16(24), int16(1900), uint8(33), uint8(3), uint16(1))
	kinds := []reading.Kind{reading.KindReference, reading.KindSensor, reading.KindSensorCalibrated, reading.KindTube}
	table := norm.Table()
	f.Fuzz(func(t *testing.T, pattern []byte, offset, y int16, which, kind uint8, over uint16) {
		n := table[int(which)%len(table)]
		m := norm.MethodFor(kinds[int(kind)%len(kinds)])
		s := norm.Span{Year: int(y)}
		if over > 0 {
			s.Until = norm.YearStart(int(y)) + reading.Hour(over)
		}
		h := norm.Hours{First: norm.YearStart(int(y)) + reading.Hour(offset)}
		for i := range 9000 {
			v := reading.Missing
			if len(pattern) > 0 {
				if p := pattern[(i/7)%len(pattern)]; p != 0 {
					v = (int32(p) - 5) * 2 * µ
				}
			}
			h.Values = append(h.Values, v)
		}
		before := norm.Judge(n, h, s, m)
		check(t, before)

		more := norm.Hours{First: h.First, Values: make([]int32, len(h.Values))}
		for i, v := range h.Values {
			if v == reading.Missing {
				v = 3 * µ
			}
			more.Values[i] = v
		}
		filled := norm.Judge(n, more, s, m)
		check(t, filled)
		assert.GreaterOrEqual(t, filled.Coverage, before.Coverage, "more data lowers no coverage")

		// Every present value raised by the same: no exceedance is less likely.
		for i, v := range h.Values {
			more.Values[i] = v
			if v != reading.Missing {
				more.Values[i] = v + int32(over)*37
			}
		}
		raised := norm.Judge(n, more, s, m)
		check(t, raised)
		assert.GreaterOrEqual(t, raised.Value, before.Value)
		assert.Equal(t, before.HasProbability, raised.HasProbability)
		assert.GreaterOrEqual(t, raised.Probability, before.Probability-1e-12, "%+v\n%+v", before, raised)
		if before.Words() == norm.WordsAbove {
			assert.Equal(t, norm.WordsAbove, raised.Words())
		}

		// Every present value raised, and some gaps filled with high values.
		for i, v := range h.Values {
			switch {
			case v != reading.Missing:
				more.Values[i] = v + 1000*µ
			case i%3 == 0:
				more.Values[i] = 1000 * µ
			default:
				more.Values[i] = v
			}
		}
		higher := norm.Judge(n, more, s, m)
		check(t, higher)
		if before.Outcome == norm.Exceeds || before.Outcome == norm.ExceedsIncomplete {
			assert.NotEqual(t, norm.Complies, higher.Outcome, "more exceedances make no compliance")
		}
	})
}

// check holds a verdict to its own promises.
func check(t *testing.T, v norm.Verdict) {
	t.Helper()
	assert.True(t, v.Coverage >= 0 && v.Coverage <= 1)
	assert.LessOrEqual(t, v.Valid, v.Expected)
	assert.Equal(t, v.Outcome == norm.CannotTell || v.Outcome == norm.ExceedsIncomplete, v.Reason != norm.ReasonNone, "%+v", v)
	assert.True(t, v.Valid > 0 || !v.HasValue)
	assert.True(t, v.HasValue || !v.HasProbability && !v.Above)
	assert.True(t, v.Probability >= 0 && v.Probability <= 1)
	if whole := v.Outcome == norm.Complies || v.Outcome == norm.Exceeds; whole && v.ByValue {
		assert.Equal(t, v.Above, v.Outcome == norm.Exceeds, "the value decides")
	} else if whole {
		assert.Equal(t, map[norm.Outcome]norm.Words{norm.Complies: norm.WordsBelow, norm.Exceeds: norm.WordsAbove}[v.Outcome], v.Words())
	}
	if v.HasValue {
		assert.LessOrEqual(t, v.Low, v.Value)
		assert.LessOrEqual(t, v.Value, v.High)
	}
	if v.Outcome == norm.Complies || v.Outcome == norm.Exceeds {
		if n, _ := norm.ByID(v.Norm); n.Averaging == norm.EightHour {
			return // of O3 it is the summer that counts
		}
		assert.GreaterOrEqual(t, v.Coverage, 0.85)
	}
}

// BenchmarkJudge judges one station-year of hour means by every NO2 norm, and
// reports the time per hour value for all of them together.
// go test -run '^$' -bench Judge -count 10 ./geo/norm | benchstat -
func BenchmarkJudge(b *testing.B) {
	h := year(2023, 0)
	for i := range h.Values {
		h.Values[i] = int32((i*7919)%600_000 + 20_000)
	}
	var norms []norm.Norm
	for _, n := range norm.Table() {
		if n.Property == reading.NO2 {
			norms = append(norms, n)
		}
	}
	m, s := norm.MethodFor(reading.KindReference), norm.Span{Year: 2023}
	b.ReportAllocs()
	for b.Loop() {
		st := norm.StatsOf(h, s)
		for _, n := range norms {
			if v := st.Judge(n, m); !v.HasValue {
				b.Fatal("no value")
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(h.Values)), "ns/value")
}
