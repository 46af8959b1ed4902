package opendata

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/tube"
	"buurtmeter/ingest/tube/store"
)

// hung is a year of a campaign at the station, with 15 % of uncertainty.
func hung(campaign string, year int, mean, coverage float64, calibration int64) tubeMean {
	return tubeMean{campaign: campaign, PlaceYear: store.PlaceYear{Station: "buis", Calibration: calibration, Year: tube.Year{
		Year: year, Raw: mean + 1, Mean: mean, Least: mean, Most: mean, Low: 0.85 * mean, High: 1.15 * mean,
		Measured: 0.075 * mean, Coverage: coverage, Calibrated: calibration > 0, Periods: 12, Tubes: 24,
	}}}
}

func TestOfTwoCampaignsInAYearOneIsJudged(t *testing.T) {
	facts := tubeFacts{years: map[reading.StationID][]tubeMean{"buis": {
		hung("Lang", 2024, 50, 0.92, 2), hung("Kort", 2024, 20, 0.9, 0), hung("Lang", 2025, 60, 0.5, 2), hung("Lang", 2026, 60, 0.9, 0),
	}}}
	until := norm.YearStart(2027) - 1
	stats, verdicts := facts.judge(Station{ID: "buis", Kind: reading.KindTube}, until)
	require.Len(t, stats, 4)
	var judged []bool
	for _, s := range stats {
		judged = append(judged, s.Tube.Judged)
		assert.LessOrEqual(t, s.Valid, s.Expected)
	}
	assert.Equal(t, []bool{true, false, true, true}, judged)
	assert.Equal(t, 51.0, stats[0].Tube.Raw, "what was measured stays beside what was made of it")
	of := func(id norm.ID, year int) norm.Verdict { return verdicts[VerdictKey{Norm: id, Year: year}] }
	v := of("eu2008-no2-y", 2024)
	assert.Equal(t, norm.Exceeds, v.Outcome)
	assert.InDelta(t, 50, v.Value, 0)
	assert.InDelta(t, stats[0].Tube.Low, v.Low, 1e-9, "the interval of the verdict is that of the mean")
	assert.InDelta(t, stats[0].Tube.High, v.High, 1e-9)
	assert.Equal(t, tube.Method+"/2", v.Method.Calibration)
	assert.Equal(t, reading.KindTube, v.Method.Kind)
	assert.Equal(t, norm.ReasonCoverage, of("eu2008-no2-y", 2025).Reason)
	assert.Equal(t, norm.ReasonRunning, of("eu2008-no2-y", 2026).Reason)
	assert.Empty(t, of("eu2008-no2-y", 2026).Method.Calibration)
	for k := range verdicts {
		n, ok := norm.ByID(k.Norm)
		require.True(t, ok)
		assert.Equal(t, [2]any{norm.Yearly, reading.NO2}, [2]any{n.Averaging, n.Property})
	}
	_, verdicts = facts.judge(Station{ID: "buis", Kind: reading.KindTube}, until+1)
	assert.Equal(t, norm.Exceeds, of("eu2008-no2-y", 2026).Outcome, "the year is over")

	stats, _ = facts.judge(Station{ID: "buis", Kind: reading.KindSensor}, until)
	assert.Empty(t, stats, "its kind was changed")
	stats, _ = facts.judge(Station{ID: "ander", Kind: reading.KindTube}, until)
	assert.Empty(t, stats)

	g := Graph{YearStats: []YearStat{{Station: "a"}, {Station: "buis", Year: 1}, {Station: "buis", Year: 2}, {Station: "c"}}}
	assert.Len(t, g.StationYears("buis"), 2)
	assert.Empty(t, g.StationYears("b"))
}
