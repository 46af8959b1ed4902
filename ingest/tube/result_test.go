package tube_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/tube"
)

func TestParseResult(t *testing.T) {
	for text, want := range map[string]tube.Result{
		"40":    {Text: "40", Value: 40, Known: true},
		"38,5":  {Text: "38,5", Value: 38.5, Known: true},
		" 7.0 ": {Text: "7.0", Value: 7, Known: true},
		"0":     {Text: "0", Value: 0, Known: true},
		"<15":   {Text: "<15", Value: 15, Known: true, Below: true},
		"< 2,5": {Text: "< 2,5", Value: 2.5, Known: true, Below: true},
		"":      {}, "-999": {Text: "-999"}, "Kwijt": {Text: "Kwijt"}, "n.v.t.": {Text: "n.v.t."},
	} {
		got, err := tube.ParseResult(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"abc", "-3", "1.234,5", "1001", "<0", "<", ">100", "NaN1", "Inf", "1e9", "0x10", "=1+1", "4 0"} {
		_, err := tube.ParseResult(text)
		require.Error(t, err, text)
	}
}

// hung is a tube of four weeks that begin on the day of 2025.
func hung(place, code string, day int, text string) tube.Exposure {
	start := time.Date(2025, 1, day, 12, 0, 0, 0, time.FixedZone("", 3600))
	r, err := tube.ParseResult(text)
	if err != nil {
		panic(err)
	}
	return tube.Exposure{Code: code, Location: place, Start: start, End: start.AddDate(0, 0, 28), Result: r}
}

func TestCombineGroupsTubesThatHungTogether(t *testing.T) {
	late := hung("b", "5", 29, "30")
	late.Start = late.Start.AddDate(0, 0, 4) // still most of the same weeks
	blank := hung("a", "VB1", 1, "<1")
	blank.Blank = true
	got := tube.Combine([]tube.Exposure{
		hung("b", "4", 29, "20"), hung("a", "1", 1, "10"), hung("a", "2", 1, "12"), hung("a", "3", 29, "<15"), late, blank,
		hung("a", "6", 1, "kwijt"), hung("c", "7", 1, ""),
	}, tube.AtLimit)
	require.Len(t, got, 4)
	require.Equal(t, "b", got[0].Location)
	require.Equal(t, []float64{20, 30}, got[0].Values)
	good, known := got[0].GoodPrecision()
	require.True(t, known)
	require.False(t, good, "10 apart on 25 is a variation of 28 %%")
	require.InDelta(t, 11, got[1].Mean, 1e-12)
	require.InDelta(t, math.Sqrt2/11, got[1].CV, 1e-12)
	require.Equal(t, 1, got[1].Lost)
	require.Equal(t, 1, got[2].Below)
	_, known = got[2].GoodPrecision()
	require.False(t, known, "a single tube tells nothing of precision")
	require.Empty(t, got[3].Tubes)
	require.Equal(t, 1, got[3].Lost)
	p := tube.PrecisionOf(got)
	require.Equal(t, [2]int{2, 1}, [2]int{p.Groups, p.Poor})
	require.InDelta(t, math.Sqrt((2+50)/2.0), p.SD, 1e-12)
}

func TestCombineKeepsPeriodsOfTheSameNumberInTwoYearsApart(t *testing.T) {
	a, b := hung("a", "1", 1, "10"), hung("a", "2", 366, "20")
	a.Period, b.Period = "1", "1"
	require.Len(t, tube.Combine([]tube.Exposure{a, b}, tube.AtLimit), 2)
}

func TestResultsBelowTheLimitStretchTheInterval(t *testing.T) {
	mean := func(policy tube.Policy) tube.Year {
		rule := tube.YearRule{Policy: policy}
		years := rule.Years(tube.Combine([]tube.Exposure{hung("a", "1", 1, "<16"), hung("a", "2", 29, "20")}, policy))
		require.Len(t, years, 1)
		return years[0]
	}
	at, half, out := mean(tube.AtLimit), mean(tube.HalfLimit), mean(tube.LeaveOut)
	require.InDelta(t, 18, at.Mean, 1e-9)
	require.InDelta(t, 14, half.Mean, 1e-9)
	require.InDelta(t, 20, out.Mean, 1e-9)
	require.Equal(t, [3]int{1, 1, 1}, [3]int{at.Below, half.Below, out.Below})
	require.Less(t, at.Low, 10.0, "the tube below the limit may have been at 0")
	require.Greater(t, half.High, 18.0, "and at 16")
	require.Equal(t, [2]int{2, 1}, [2]int{at.Periods, out.Periods})
}

func TestYearsCutAtNewYear(t *testing.T) {
	rule := tube.YearRule{}
	var tubes []tube.Exposure
	for i := range 27 { // from the first of January 2025 until late January 2027
		v := "10"
		if i >= 13 {
			v = "30"
		}
		tubes = append(tubes, hung("a", string(rune('A'+i)), 1+28*i, v))
	}
	years := rule.Years(tube.Combine(tubes, tube.AtLimit))
	require.Len(t, years, 3)
	// 13 periods are 364 days: the last day of 2025 is the first of the 14th.
	require.InDelta(t, (364*10+1*30)/365.0, years[0].Mean, 1e-9)
	require.Equal(t, 13, years[0].Periods)
	require.InDelta(t, 1, years[0].Coverage, 1e-9)
	require.InDelta(t, 30, years[1].Mean, 1e-9)
	require.InDelta(t, 1, years[1].Coverage, 1e-9)
	require.Equal(t, 2027, years[2].Year)
	require.Equal(t, 1, years[2].Periods)

	over := rule.Years(tube.Combine([]tube.Exposure{hung("a", "1", 1-28, "10"), hung("a", "2", 1, "20")}, tube.AtLimit))
	require.Len(t, over, 2, "2024 has a period of its own")
	short := hung("a", "1", 1-25, "10") // 25 days in 2024, 3 in 2025
	require.Len(t, rule.Years(tube.Combine([]tube.Exposure{short}, tube.AtLimit)), 1, "three days are no year")
}

func TestHeadOfTheYear(t *testing.T) {
	year := func(day int, r tube.YearRule) tube.Year {
		years := r.Years(tube.Combine([]tube.Exposure{hung("a", "1", day, "49"), hung("a", "2", day+28, "30")}, tube.AtLimit))
		require.Len(t, years, 1)
		return years[0]
	}
	told := year(29, tube.YearRule{HeadRatio: 0.98})
	require.InDelta(t, (50*28+49*28+30*28)/84.0, told.Mean, 1e-9)
	require.Equal(t, 28*24*time.Hour, told.HeadEstimated)
	require.Equal(t, 2, told.Periods)
	require.InDelta(t, 56/365.0, told.Coverage, 1e-9, "an estimate is not measured time")
	require.InDelta(t, 39.5, year(29, tube.YearRule{}).Mean, 1e-9)
	require.InDelta(t, 39.5, year(40, tube.YearRule{HeadRatio: 0.98}).Mean, 1e-9, "more than January is not told from one period")
	require.InDelta(t, 39.5, year(1, tube.YearRule{HeadRatio: 0.98}).Mean, 1e-9)

	s := tube.Stations{Names: []string{"x"}, Values: [][]float64{nil}}
	begin := time.Date(2025, 1, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	for h := range 366 * 24 {
		v := 25.0
		if h < 28*24 {
			v = 50
		}
		s.Times, s.Values[0] = append(s.Times, begin.Add(time.Duration(h)*time.Hour)), append(s.Values[0], v)
	}
	by := year(29, tube.YearRule{Stations: &s, HeadRatio: 0.98})
	require.NoError(t, by.Untold)
	require.InDelta(t, (98+49+30)/3.0, by.Mean, 0.1)
	s.Values[0][0] = math.NaN()
	for h := range 10 * 24 {
		s.Values[0][h] = math.NaN() // a third of the head: too little is left
	}
	without := year(29, tube.YearRule{Stations: &s, HeadRatio: 0.98})
	require.ErrorIs(t, without.Untold, tube.ErrStations)
	require.InDelta(t, 39.5, without.Mean, 1e-9)
}

func TestFourWeeksTellAYearWithinNinePercent(t *testing.T) {
	years := tube.YearRule{}.Years(tube.Combine([]tube.Exposure{hung("a", "1", 100, "30")}, tube.AtLimit))
	require.Len(t, years, 1)
	// 15 % of the method at k = 2 and 9 % of time at k = 1.
	require.InDelta(t, 2*30*math.Hypot(0.075, 0.09), years[0].High-30, 0.05)
}

func TestAnnualise(t *testing.T) {
	stations := []tube.StationYear{{Name: "a", Weeks: 20, Year: 22}, {Name: "b", Weeks: 30, Year: 30}, {Name: "c", Weeks: 40, Year: 44}, {Name: "d", Weeks: math.NaN(), Year: 30}}
	for way, want := range map[tube.Way]float64{
		tube.AsIs: 25, tube.Ratio: 25 * (1.1 + 1 + 1.1) / 3, tube.Difference: 25 + (2+0+4)/3.0, tube.Regression: 32 + 1.1*(25-30),
	} {
		got, err := tube.Annualise(way, 25, stations)
		require.NoError(t, err, way)
		require.InDelta(t, want, got, 1e-9, way)
	}
	rmse, n, err := tube.LeaveOneOut(tube.Difference, stations)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.InDelta(t, math.Sqrt((0+9+9)/3.0), rmse, 1e-9)
	for _, way := range []tube.Way{tube.Ratio, tube.Difference, tube.Regression} {
		_, err := tube.Annualise(way, 25, nil)
		require.ErrorIs(t, err, tube.ErrStations)
		_, _, err = tube.LeaveOneOut(way, stations[:1])
		require.ErrorIs(t, err, tube.ErrStations)
	}
	_, err = tube.Annualise(tube.Regression, 25, stations[:2])
	require.ErrorIs(t, err, tube.ErrStations)
	_, err = tube.Annualise(tube.Regression, 25, []tube.StationYear{{Weeks: 5, Year: 1}, {Weeks: 5, Year: 2}, {Weeks: 5, Year: 3}})
	require.ErrorIs(t, err, tube.ErrStations)
}

func TestCalibrateRefuses(t *testing.T) {
	falling := []tube.Pair{{Tube: 30, Reference: 10}, {Tube: 20, Reference: 20}, {Tube: 10, Reference: 30}}
	_, err := tube.Calibrate(falling, 0.25)
	require.ErrorIs(t, err, tube.ErrPairs)
	_, err = tube.Calibrate(nil, 0.25)
	require.ErrorIs(t, err, tube.ErrPairs)
	rising := []tube.Pair{{Tube: 10, Reference: 10}, {Tube: 20, Reference: 21}, {Tube: 30, Reference: 30}, {Tube: 99, Reference: math.NaN()}, {Tube: 90, Reference: 1, Missing: 0.25}}
	k, err := tube.Calibrate(rising, 0.25)
	require.NoError(t, err)
	require.Equal(t, 3, k.Line.N, "a pair of which exactly the bound is missing is left out, and one without a reference")
	low, high := k.Range()
	require.Equal(t, [2]float64{10, 30}, [2]float64{low, high})
}
