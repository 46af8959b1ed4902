package norm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// ozone is a year of low ozone with n days, from 1 June on, whose hours are all
// at 150 µg/m³.
func ozone(y, n int) norm.Hours {
	june := int(norm.UTCPlusOne().DayStart(y, time.June, 1) - norm.YearStart(y))
	return fill(year(y, 60*µ), june, june+24*n, 150*µ)
}

func stats(h norm.Hours, y int) *norm.Stats { return norm.StatsOf(h, norm.Span{Year: y}) }

// The target value for O3 is a mean over three years: 25 days a year, so 75.
// A block of n days has n daily maxima above 120, and one more: the running means
// that end in the first hours of the day after it.
func TestThreeYearsAreJudgedTogether(t *testing.T) {
	n, m := byID(t, "eu2008-o3-8h"), norm.MethodFor(reading.KindReference)
	three := func(a, b, c int) norm.Verdict {
		return norm.JudgeYears(n, m, stats(ozone(2021, a-1), 2021), stats(ozone(2022, b-1), 2022), stats(ozone(2023, c-1), 2023))
	}
	v := three(20, 25, 30)
	assert.Equal(t, norm.Complies, v.Outcome, "75 days in three years: %+v", v)
	assert.InDelta(t, 25, v.Value, 0)
	assert.Equal(t, 3*365, v.Expected)
	assert.Equal(t, 2023, v.Year)
	v = three(21, 25, 30)
	assert.Equal(t, norm.Exceeds, v.Outcome)
	assert.InDelta(t, 76.0/3, v.Value, 1e-12)

	v = norm.JudgeYears(n, m, stats(ozone(2023, 29), 2023))
	assert.Equal(t, norm.CannotTell, v.Outcome, "one year of three")
	assert.Equal(t, norm.ReasonCoverage, v.Reason)
	assert.InDelta(t, 1.0/3, v.Coverage, 1e-9)
	assert.InDelta(t, 30, v.Value, 0, "per year with data")
	v = norm.JudgeYears(n, m, stats(ozone(2020, 89), 2020), stats(ozone(2023, 75), 2023))
	assert.Equal(t, norm.ExceedsIncomplete, v.Outcome, "76 in one year are too many for three; 2020 is not one of them")
	assert.InDelta(t, 76, v.Value, 0)
}

// What counts for O3 are the days of summer.
func TestOzoneAsksForTheSummer(t *testing.T) {
	m := norm.MethodFor(reading.KindReference)
	n := byID(t, "who2021-o3-8hours")
	hours := func(month time.Month) int {
		return int(norm.UTCPlusOne().DayStart(2023, month, 1) - norm.YearStart(2023))
	}
	gone := func(from, to time.Month) norm.Hours {
		return fill(year(2023, 60*µ), hours(from), hours(to), reading.Missing)
	}
	judge := func(h norm.Hours) norm.Verdict { return norm.JudgeYears(n, m, stats(h, 2023)) }
	assert.Equal(t, norm.Complies, judge(gone(time.April, time.May)).Outcome, "one month of summer may be missing")
	assert.Equal(t, norm.ReasonCoverage, judge(gone(time.April, time.June)).Reason)
	winter := gone(time.January, time.April)
	assert.Equal(t, norm.Complies, judge(winter).Outcome, "a winter hides no exceedance")
	winter = fill(winter, hours(time.May), hours(time.May)+5*24, reading.Missing)
	winter = fill(winter, hours(time.June), hours(time.June)+5*24, reading.Missing)
	assert.Equal(t, norm.ReasonCoverage, judge(winter).Reason, "two months with 26 days")
}

// An alert threshold is exceeded by three hours in a row, and not by two.
func TestAlertsAskForHoursInARow(t *testing.T) {
	n, m := byID(t, "eu2024-no2-alert"), norm.MethodFor(reading.KindReference)
	assert.Equal(t, 3, n.Consecutive)
	count := func(spans ...[2]int) float64 {
		h := year(2023, 20*µ)
		for _, s := range spans {
			h = fill(h, s[0], s[1], 400*µ)
		}
		return norm.Judge(n, h, norm.Span{Year: 2023}, m).Value
	}
	assert.InDelta(t, 0, count([2]int{10, 12}, [2]int{13, 15}), 0, "two and two")
	assert.InDelta(t, 1, count([2]int{10, 13}), 0)
	assert.InDelta(t, 2, count([2]int{10, 14}), 0, "four in a row are two times three")
	h := fill(fill(year(2023, 20*µ), 10, 15, 400*µ), 12, 13, reading.Missing)
	assert.InDelta(t, 0, norm.Judge(n, h, norm.Span{Year: 2023}, m).Value, 0, "a gap is not above")
	h = fill(year(2023, 20*µ), 10, 13, 200*µ)
	assert.InDelta(t, 0, norm.Judge(n, h, norm.Span{Year: 2023}, m).Value, 0, "equal is not above")
}

func TestThePeakSeasonIsAMean(t *testing.T) {
	n, m := byID(t, "who2021-o3-peakseason"), norm.MethodFor(reading.KindReference)
	v := norm.Judge(n, year(2023, 60*µ), norm.Span{Year: 2023}, m)
	assert.Equal(t, norm.Complies, v.Outcome, "%+v", v)
	assert.InDelta(t, 60, v.Value, 1e-9)
	assert.InDelta(t, 0.5, v.Probability, 1e-9)
	assert.Equal(t, norm.Exceeds, norm.Judge(n, year(2023, 60*µ+1), norm.Span{Year: 2023}, m).Outcome)
	assert.Equal(t, norm.ReasonNoData, norm.Judge(n, norm.Hours{}, norm.Span{Year: 2023}, m).Reason)
}

// The percentile form says the same as the count where all days are measured,
// and does not change with the share of days that a random sample is.
func TestThePercentileForm(t *testing.T) {
	n, m := byID(t, "eu2008-pm10-24h"), norm.MethodFor(reading.KindReference)
	for over, want := range map[int]norm.Outcome{35: norm.Complies, 36: norm.Exceeds} {
		v := stats(days(2023, over, 10*µ, 51*µ), 2023).JudgePercentile(n, m)
		assert.Equal(t, want, v.Outcome, "%d days", over)
		assert.Equal(t, map[int]float64{35: 10, 36: 51}[over], v.Value)
	}
	sample := year(2023, reading.Missing)
	for d := range 365 {
		if d%7 == 3 { // one day a week, 52 days, of which every eighth is dirty
			x := int32(10 * µ)
			if d%8 == 0 {
				x = 51 * µ
			}
			sample = fill(sample, 24*d, 24*(d+1), x)
		}
	}
	v := stats(sample, 2023).JudgePercentile(n, m)
	assert.Equal(t, norm.Exceeds, v.Outcome, "more than 9.6 %% of the sample: %+v", v)
	assert.InDelta(t, 52.0/365, v.Coverage, 1e-3)
	assert.Equal(t, norm.CannotTell, norm.Judge(n, sample, norm.Span{Year: 2023}, m).Outcome, "7 days are no 36")
	few := fill(sample, 0, 24*120, reading.Missing)
	assert.Equal(t, norm.ReasonCoverage, stats(few, 2023).JudgePercentile(n, m).Reason)
	assert.Equal(t, norm.CannotTell, stats(sample, 2023).JudgePercentile(byID(t, "eu2008-no2-y"), m).Outcome, "a mean has no percentile")
}

// 53 % of the year with 50 days above: it exceeds, and there is no year mean.
func TestExceedsAlthoughIncomplete(t *testing.T) {
	h := fill(days(2023, 50, 20*µ, 80*µ), 24*193, 8760, reading.Missing)
	m := norm.MethodFor(reading.KindReference)
	v := norm.Judge(byID(t, "eu2008-pm10-24h"), h, norm.Span{Year: 2023}, m)
	assert.Equal(t, norm.ExceedsIncomplete, v.Outcome)
	assert.InDelta(t, 0.53, v.Coverage, 0.005)
	assert.InDelta(t, 50, v.Value, 0)
	assert.Equal(t, norm.WordsAbove, v.Words())
	v = norm.Judge(byID(t, "eu2008-pm10-y"), h, norm.Span{Year: 2023}, m)
	assert.Equal(t, norm.CannotTell, v.Outcome)
	assert.False(t, v.HasProbability)
}
