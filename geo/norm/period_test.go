package norm_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

func TestCaptureRoundsUp(t *testing.T) {
	for _, tt := range []struct {
		share float64
		n     int
		want  int
	}{{0.75, 24, 18}, {0.75, 23, 18}, {0.75, 25, 19}, {0.75, 8, 6}, {0, 24, 1}, {1, 24, 24}, {0.9, 730, 657}, {0.000001, 5, 1}, {0.5, 1, 1}, {0.75, 0, 1}} {
		c, err := norm.CaptureOf(tt.share)
		require.NoError(t, err)
		assert.Equal(t, tt.want, c.Needs(tt.n), "%v of %d", tt.share, tt.n)
		assert.InDelta(t, tt.share, c.Share(), 1e-12)
	}
	assert.Equal(t, 18, norm.Capture(0).Needs(24), "the zero value is 75 %")
	assert.InDelta(t, 0.75, norm.Capture(0).Share(), 1e-12)
	for _, bad := range []float64{-0.1, 1.1, math.NaN(), math.Inf(1)} {
		_, err := norm.CaptureOf(bad)
		assert.Error(t, err)
	}
}

// A civil year has a day of 23 and a day of 25 hours, and the hours of a year.
func TestCivilDays(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	require.NoError(t, err)
	b := norm.CivilDays(zone)
	assert.Equal(t, "civil:Europe/Amsterdam", b.String())
	assert.Equal(t, "utc+1", norm.Basis{}.String())
	assert.Equal(t, "utc", norm.UTCDays().String())
	length := func(m time.Month, d int) int { return int(b.DayStart(2021, m, d+1) - b.DayStart(2021, m, d)) }
	assert.Equal(t, 23, length(time.March, 28))
	assert.Equal(t, 25, length(time.October, 31))
	assert.Equal(t, 24, length(time.June, 1))
	assert.Equal(t, norm.YearStart(2021), b.YearStart(2021))
	summer := reading.HourOf(time.Date(2021, 6, 30, 22, 0, 0, 0, time.UTC))
	assert.Equal(t, summer, b.DayStart(2021, time.July, 1))
	assert.Equal(t, 0, b.HourOfDay(summer))
	assert.Equal(t, 23, norm.UTCPlusOne().HourOfDay(summer))
	assert.Equal(t, 22, norm.UTCDays().HourOfDay(summer))
	assert.Equal(t, 2021, norm.UTCDays().YearOf(norm.UTCDays().YearStart(2021)))
	assert.Equal(t, 2020, b.YearOf(b.YearStart(2021)-1))
	assert.Equal(t, 2021, b.YearOf(b.YearStart(2021)))

	// 17 of 23 hours are too few and 18 of 25 too.
	h := norm.Hours{First: b.YearStart(2021), Values: year(2021, reading.Missing).Values}
	spring, autumn := int(b.DayStart(2021, time.March, 28)-h.First), int(b.DayStart(2021, time.October, 31)-h.First)
	fill(h, spring, spring+17, µ)
	fill(h, autumn, autumn+18, µ)
	s := norm.StatsOf(h, norm.Span{Year: 2021, Basis: b})
	assert.Zero(t, s.DaysValid)
	fill(h, spring+17, spring+18, µ)
	fill(h, autumn+18, autumn+19, µ)
	s = norm.StatsOf(h, norm.Span{Year: 2021, Basis: b})
	assert.Equal(t, 2, s.DaysValid)
	assert.Equal(t, 8760, s.Hours)
}

func TestPeriodsOfAYear(t *testing.T) {
	h := year(2024, 20*µ)
	fill(h, 0, 31*24, 10*µ)                    // January at 10
	fill(h, 31*24, 31*24+100, reading.Missing) // 100 of the 696 hours of February missing
	fill(h, 8784-92*24, 8784, reading.Missing) // the last quarter missing
	fill(h, 8784-92*24, 8784-92*24+200, 40*µ)  // but for 200 hours
	s := norm.StatsOf(h, norm.Span{Year: 2024})

	months := s.Months()
	m, ok := months[0].Mean(0)
	require.True(t, ok)
	assert.Equal(t, norm.Sum{Total: 744 * 10 * µ, N: 744}, m)
	assert.Equal(t, 696, months[1].Hours)
	assert.InDelta(t, 596./696, months[1].Coverage(), 1e-12)
	assert.True(t, months[1].Covered(norm.Coverage2024), "85.6 %")
	assert.False(t, months[1].Covered(norm.Coverage2008))
	_, ok = months[9].Mean(0)
	assert.False(t, ok, "200 of 744 hours are not a month")
	_, ok = months[9].Mean(norm.AnyValue)
	assert.True(t, ok)
	_, ok = months[10].Mean(norm.AnyValue)
	assert.False(t, ok, "no value is no mean")

	quarters := s.Quarters()
	assert.Equal(t, []int{2184, 2184, 2208, 2208}, []int{quarters[0].Hours, quarters[1].Hours, quarters[2].Hours, quarters[3].Hours})
	assert.Equal(t, 2084, quarters[0].Sum.N)
	assert.False(t, quarters[3].Covered(norm.Coverage2024))
	assert.Equal(t, quarters[0].End, quarters[1].First)
	assert.Equal(t, s.First, quarters[0].First)

	weekdays := s.Weekdays()
	hours, valid := 0, 0
	for _, d := range weekdays {
		hours += d.Hours
		valid += d.Sum.N
	}
	assert.Equal(t, 8784, hours)
	assert.Equal(t, s.Sum.N, valid)
	assert.Equal(t, 53*24, weekdays[time.Monday].Hours, "2024 began on a Monday and was a leap year")
	assert.Equal(t, 53*24, weekdays[time.Tuesday].Hours)
	assert.Equal(t, 52*24, weekdays[time.Sunday].Hours)
	assert.Equal(t, s.Sum, s.YearPeriod().Sum)

	running := norm.StatsOf(h, norm.Span{Year: 2024, Until: h.First + 31*24 + 300})
	months = running.Months()
	assert.Equal(t, []int{744, 300, 0}, []int{months[0].Over, months[1].Over, months[2].Over})
	assert.Equal(t, 200, months[1].Sum.N)
	assert.Equal(t, 744, months[2].Hours)
}

// A year mean of O3 needs 75 % of the summer and of the winter, by themselves.
func TestO3YearNeedsBothSeasons(t *testing.T) {
	// April to September are 183 days, the hours 90*24 up to 273*24.
	const from, hours = 90 * 24, 183 * 24
	missing := hours / 4
	s := norm.StatsOf(fill(year(2023, µ), from, from+missing, reading.Missing), norm.Span{Year: 2023})
	assert.True(t, s.O3YearCovered())
	s = norm.StatsOf(fill(year(2023, µ), from, from+missing+1, reading.Missing), norm.Span{Year: 2023})
	assert.False(t, s.O3YearCovered(), "although the year has 87 %")
	assert.True(t, s.YearPeriod().Covered(norm.Coverage2024))
	summer, winter := s.Seasons()
	assert.Equal(t, hours, summer.Hours)
	assert.Equal(t, 8760-hours, winter.Hours)
	assert.Equal(t, winter.Hours, winter.Sum.N)
	s = norm.StatsOf(fill(year(2023, µ), 0, 46*24, reading.Missing), norm.Span{Year: 2023})
	assert.False(t, s.O3YearCovered())
}

// A count of exceedance days of O3 needs 27 days in five of the six months.
func TestO3DaysNeedFiveMonths(t *testing.T) {
	day := func(m time.Month, d int) int {
		return int(norm.UTCPlusOne().DayStart(2023, m, d) - norm.YearStart(2023))
	}
	h := year(2023, µ)
	fill(h, day(time.April, 1), day(time.May, 1), reading.Missing) // one month may fail
	covered := func() bool {
		s := norm.StatsOf(h, norm.Span{Year: 2023})
		return s.O3DaysCovered(s.DailyMax8())
	}
	assert.True(t, covered())
	fill(h, day(time.June, 1), day(time.June, 4), reading.Missing) // 27 days are left in June
	assert.True(t, covered())
	fill(h, day(time.June, 4), day(time.June, 5), reading.Missing)
	assert.False(t, covered())
}

// The first running mean of a day runs from 17:00 of the day before to 01:00.
func TestRunningMeanBelongsToTheDayItEnds(t *testing.T) {
	h := fill(year(2023, 10*µ), 24+17, 48, 90*µ) // 2 January from 17:00 on
	s := norm.StatsOf(h, norm.Span{Year: 2023})
	daily := s.DailyMax8()
	assert.Zero(t, daily[0].Compare(10*µ))
	assert.Equal(t, norm.Sum{Total: (7*90 + 10) * µ, N: 8}, daily[1], "16:00-24:00")
	assert.Equal(t, norm.Sum{Total: (7*90 + 10) * µ, N: 8}, daily[2], "17:00-01:00")
	assert.Zero(t, daily[3].Compare(10*µ))
	assert.Equal(t, 2, norm.CountAbove(daily, 79*µ))
	assert.Equal(t, 0, norm.CountAbove(daily, 80*µ), "equal to the limit is not above it")

	// The hours before 1 January count for it, when there are any.
	early := norm.Hours{First: h.First - 7, Values: append(fill(norm.Hours{Values: make([]int32, 7)}, 0, 7, 90*µ).Values, h.Values...)}
	daily = norm.StatsOf(early, norm.Span{Year: 2023}).DailyMax8()
	assert.Equal(t, norm.Sum{Total: (7*90 + 10) * µ, N: 8}, daily[0])

	// A running mean needs 6 of its hours, and a day 18 of its running means: from
	// hour 0 alone they begin at hour 5, which leaves 19; from hour 1 on, 18.
	for missing, ok := range map[int]bool{0: true, 1: true, 2: false} {
		only := fill(year(2023, reading.Missing), missing, 24, 10*µ)
		daily := norm.StatsOf(only, norm.Span{Year: 2023}).DailyMax8()
		assert.Equal(t, ok, daily[0].N > 0, "%d hours missing", missing)
		assert.Zero(t, daily[2].N)
	}
}

func TestRunningMeans(t *testing.T) {
	h := norm.Hours{Values: []int32{1, 2, 3, reading.Missing, 5, 6}}
	totals := func(a norm.Align, c norm.Capture) (out []int64) {
		for _, m := range norm.Running(h, 4, a, c) {
			if m.N == 0 {
				m.Total = -1
			}
			out = append(out, m.Total)
		}
		return out
	}
	assert.Equal(t, []int64{-1, -1, 6, 6, 10, 14}, totals(norm.Ending, 0))
	assert.Equal(t, []int64{6, 6, 10, 14, -1, -1}, totals(norm.Centred, 0))
	assert.Equal(t, []int64{1, 3, 6, 6, 10, 14}, totals(norm.Ending, norm.AnyValue))
	assert.Nil(t, norm.Running(h, 0, norm.Ending, 0))
	assert.Len(t, norm.Running(h, 100, norm.Centred, norm.AnyValue), 6)
}

func TestPeakSeason(t *testing.T) {
	day := func(m time.Month) int {
		return int(norm.UTCPlusOne().DayStart(2023, m, 1) - norm.YearStart(2023))
	}
	h := fill(year(2023, 40*µ), day(time.May), day(time.November), 70*µ) // six months: May to October
	mean, from, ok := norm.StatsOf(h, norm.Span{Year: 2023}).PeakSeason()
	require.True(t, ok)
	assert.Equal(t, time.May, from)
	assert.Zero(t, mean.Compare(70*µ))
	_, _, ok = norm.StatsOf(fill(h, day(time.March), day(time.November), reading.Missing), norm.Span{Year: 2023}).PeakSeason()
	assert.False(t, ok, "no season has three quarters of its days")
	_, _, ok = norm.StatsOf(h, norm.Span{Year: 2023, Until: h.First + 100}).PeakSeason()
	assert.False(t, ok)
}

func TestAOT40(t *testing.T) {
	h := year(2023, 100*µ)
	s := norm.StatsOf(h, norm.Span{Year: 2023})
	measured, estimate, valid, possible, ok := s.AOT40(time.May, time.July)
	require.True(t, ok)
	assert.Equal(t, 92*12, possible)
	assert.Equal(t, possible, valid)
	assert.InDelta(t, 92*12*20, measured, 1e-6)
	assert.InDelta(t, measured, estimate, 1e-6)
	// Half of the hours missing: half is measured, and the estimate is the same.
	for i := range h.Values {
		if i%2 == 0 {
			h.Values[i] = reading.Missing
		}
	}
	measured, estimate, valid, _, ok = norm.StatsOf(h, norm.Span{Year: 2023}).AOT40(time.May, time.July)
	require.True(t, ok)
	assert.Equal(t, 92*6, valid)
	assert.InDelta(t, 92*6*20, measured, 1e-6)
	assert.InDelta(t, 92*12*20, estimate, 1e-6)
	measured, _, _, _, ok = norm.StatsOf(year(2023, 80*µ), norm.Span{Year: 2023}).AOT40(time.April, time.September)
	assert.True(t, ok)
	assert.Zero(t, measured, "80 is not above 80")
	_, _, _, _, ok = norm.StatsOf(norm.Hours{}, norm.Span{Year: 2023}).AOT40(time.April, time.September)
	assert.False(t, ok)
}

func TestLagScanFindsTheShift(t *testing.T) {
	a := norm.Hours{First: 1000}
	for i := range 400 {
		a.Values = append(a.Values, int32(1e5*(2+math.Sin(float64(i)/4)+math.Sin(float64(i)/17))))
	}
	b := norm.Hours{First: 998, Values: append([]int32(nil), a.Values...)} // two hours too early
	for i := 0; i < len(b.Values); i += 7 {
		b.Values[i] = reading.Missing
	}
	lags := norm.LagScan(a, b, -3, 3)
	require.Len(t, lags, 7)
	best, ok := norm.BestLag(lags)
	require.True(t, ok)
	assert.Equal(t, 2, best.By)
	assert.InDelta(t, 1, best.R, 1e-12)
	assert.Equal(t, 342, best.N)
	assert.Less(t, lags[3].R, 0.95)
	assert.Equal(t, int64(998), int64(b.First), "the hours stay where they are")

	for _, flat := range [][]int32{{5, 5, 5, 5}, {reading.Missing, 1, 2}, nil} {
		_, ok = norm.BestLag(norm.LagScan(a, norm.Hours{First: 1000, Values: flat}, 0, 0))
		assert.False(t, ok, "%v correlates with nothing", flat)
	}
	same := norm.LagScan(norm.Hours{Values: []int32{1, 2, 1, 2, 1, 2, 1, 2}}, norm.Hours{Values: []int32{1, 2, 1, 2, 1, 2, 1, 2}}, -2, 2)
	best, _ = norm.BestLag(same)
	assert.Zero(t, best.By, "of equal lags the nearest to 0")
}
