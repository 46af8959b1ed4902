package geo_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// point is a verdict with a value and an interval of value ± u.
func point(id reading.StationID, o norm.Outcome, r norm.Reason, value, u float64) geo.StationVerdict {
	return geo.StationVerdict{Station: id, Kind: reading.KindSensor, Verdict: norm.Verdict{
		Outcome: o, Reason: r, HasValue: true, Value: value, Low: value - u, High: value + u, Coverage: 0.9,
	}}
}

func silent(id reading.StationID) geo.StationVerdict {
	return geo.StationVerdict{Station: id, Kind: reading.KindSensor, Verdict: norm.Verdict{Reason: norm.ReasonNoData}}
}

func no2Year(t *testing.T) norm.Norm {
	t.Helper()
	n, ok := norm.ByID("eu2008-no2-y")
	require.True(t, ok)
	return n
}

func TestSummariseOutcome(t *testing.T) {
	complies := point("a", norm.Complies, norm.ReasonNone, 20, 3)
	exceeds := point("b", norm.Exceeds, norm.ReasonNone, 60, 9)
	incomplete := point("c", norm.ExceedsIncomplete, norm.ReasonCoverage, 50, 3)
	uncertain := point("d", norm.CannotTell, norm.ReasonUncertainty, 39, 6)
	running := point("e", norm.CannotTell, norm.ReasonRunning, 20, 3)
	gaps := point("f", norm.CannotTell, norm.ReasonCoverage, 20, 3)
	tests := map[string]struct {
		points  []geo.StationVerdict
		outcome norm.Outcome
		reason  norm.Reason
	}{
		"none":                          {nil, norm.CannotTell, norm.ReasonNoStation},
		"one complies":                  {[]geo.StationVerdict{complies}, norm.Complies, norm.ReasonNone},
		"one exceeds among others":      {[]geo.StationVerdict{complies, uncertain, incomplete, exceeds}, norm.Exceeds, norm.ReasonNone},
		"incomplete among others":       {[]geo.StationVerdict{complies, incomplete, uncertain}, norm.ExceedsIncomplete, norm.ReasonCoverage},
		"one cannot be told":            {[]geo.StationVerdict{complies, gaps}, norm.CannotTell, norm.ReasonCoverage},
		"uncertainty is most telling":   {[]geo.StationVerdict{gaps, running, uncertain, silent("z")}, norm.CannotTell, norm.ReasonUncertainty},
		"running before coverage":       {[]geo.StationVerdict{gaps, running, silent("z")}, norm.CannotTell, norm.ReasonRunning},
		"coverage before no data":       {[]geo.StationVerdict{silent("z"), gaps}, norm.CannotTell, norm.ReasonCoverage},
		"all silent":                    {[]geo.StationVerdict{silent("y"), silent("z")}, norm.CannotTell, norm.ReasonNoData},
		"a silent point does not count": {[]geo.StationVerdict{complies, silent("z")}, norm.Complies, norm.ReasonNone},
		"the zero point cannot be told": {[]geo.StationVerdict{{}}, norm.CannotTell, norm.ReasonNoData},
		"simulated exceeds, real complies": {
			[]geo.StationVerdict{simulated(exceeds), complies}, norm.Complies, norm.ReasonNone,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := geo.Summarise("BU04791110", no2Year(t), 2023, tt.points)
			assert.Equal(t, tt.outcome, v.Outcome)
			assert.Equal(t, tt.reason, v.Reason)
			assert.Equal(t, geo.Code("BU04791110"), v.Area)
			assert.Equal(t, norm.ID("eu2008-no2-y"), v.Norm)
			assert.Equal(t, 2023, v.Year)
			assert.False(t, v.NotInForce)
		})
	}
	assert.True(t, geo.Summarise("BU04791110", no2Year(t), 2031, nil).NotInForce)
}

func TestThePointToQuoteHasTheOutcomeOfTheArea(t *testing.T) {
	wide := point("a", norm.CannotTell, norm.ReasonUncertainty, 71, 68)
	wide.Coverage = 0.99
	over := point("b", norm.Exceeds, norm.ReasonNone, 50, 4)
	over.Coverage = 0.96
	lower := point("c", norm.Exceeds, norm.ReasonNone, 48, 3)
	short := point("d", norm.CannotTell, norm.ReasonCoverage, 90, 3)
	short.Coverage = 0.2
	quoted := func(points ...geo.StationVerdict) reading.StationID {
		p, ok := geo.Summarise("BU1", no2Year(t), 2023, points).Deciding()
		require.True(t, ok)
		return p.Station
	}
	assert.Equal(t, reading.StationID("b"), quoted(lower, wide, over))
	assert.Equal(t, reading.StationID("a"), quoted(wide, short, point("e", norm.Complies, norm.ReasonNone, 20, 3)), "the reason counts too")
	assert.Equal(t, reading.StationID("z"), quoted(silent("z")))
	_, ok := geo.Summarise("BU1", no2Year(t), 2023, nil).Deciding()
	assert.False(t, ok)

	least, most := geo.Summarise("BU1", no2Year(t), 2023, []geo.StationVerdict{wide, over, silent("z")}).Covered()
	assert.InDelta(t, 0.96, least, 1e-12, "a point without a value has no coverage to speak of")
	assert.InDelta(t, 0.99, most, 1e-12)
	least, most = geo.Summarise("BU1", no2Year(t), 2023, nil).Covered()
	assert.Zero(t, least)
	assert.Zero(t, most)
}

func simulated(p geo.StationVerdict) geo.StationVerdict {
	p.Simulated = true
	return p
}

func TestSummariseCounts(t *testing.T) {
	ref := point("ref", norm.Complies, norm.ReasonNone, 25, 4)
	ref.Kind, ref.Coverage = reading.KindReference, 0.97
	tube := point("tube", norm.Complies, norm.ReasonNone, 30, 4)
	tube.Kind = reading.KindTube
	points := []geo.StationVerdict{
		silent("s2"), point("s1", norm.Complies, norm.ReasonNone, 20, 3), ref,
		simulated(point("sim", norm.Exceeds, norm.ReasonNone, 90, 3)), tube,
		point("s0", norm.Complies, norm.ReasonNone, 20, 3), silent("s1b"),
	}
	before := append([]geo.StationVerdict(nil), points...)
	v := geo.Summarise("BU04791110", no2Year(t), 2023, points)
	assert.Empty(t, cmp.Diff(before, points), "the input is left alone")
	var ids []reading.StationID
	for _, p := range v.Points {
		ids = append(ids, p.Station)
	}
	assert.Equal(t, []reading.StationID{"tube", "ref", "s0", "s1", "s1b", "s2"}, ids, "highest first, silent ones last")
	assert.Equal(t, []int{4, 1, 2}, []int{v.N, v.Reference, v.Sensors})
	assert.Equal(t, reading.StationID("tube"), v.Highest.Station)
	assert.InDelta(t, 0.97, v.Coverage, 0)
	assert.False(t, v.Simulated)

	v = geo.Summarise("BU04791110", no2Year(t), 2023, []geo.StationVerdict{simulated(ref), simulated(tube)})
	assert.True(t, v.Simulated)
	assert.Equal(t, 2, v.N)

	v = geo.Summarise("BU04791110", no2Year(t), 2023, []geo.StationVerdict{silent("z"), simulated(ref)})
	assert.False(t, v.Simulated, "a real station without data pushes simulated ones out too")
	assert.Zero(t, v.N)
	assert.Zero(t, v.Highest)
}

// Drogenbos: three tubes with mean 29.2 have a t-interval of 11.8 to 46.5.
func TestSummariseMeanOfThree(t *testing.T) {
	// Three values with mean 29.2 and the standard deviation of that example:
	// half width 17.35 = t(2) * s / sqrt(3).
	s := 17.35 / 4.302652730 * math.Sqrt(3)
	values := []float64{29.2 - s, 29.2, 29.2 + s}
	var exact, uncertain []geo.StationVerdict
	for i, x := range values {
		id := reading.StationID(rune('a' + i))
		exact = append(exact, point(id, norm.Complies, norm.ReasonNone, x, 0))
		uncertain = append(uncertain, point(id, norm.Complies, norm.ReasonNone, x, 6))
	}
	v := geo.Summarise("BU04791110", no2Year(t), 2023, exact)
	assert.True(t, v.HasMean)
	assert.True(t, v.Few)
	assert.InDelta(t, 29.2, v.Mean, 1e-9)
	assert.InDelta(t, 11.85, v.Low, 1e-8)
	assert.InDelta(t, 46.55, v.High, 1e-8)

	v = geo.Summarise("BU04791110", no2Year(t), 2023, uncertain)
	want := math.Hypot(17.35, 6) // what the three share keeps its own factor of 2
	assert.InDelta(t, 29.2+want, v.High, 1e-8)
	assert.InDelta(t, math.Max(29.2-want, 0), v.Low, 1e-8)

	v = geo.Summarise("BU04791110", no2Year(t), 2023, exact[:2])
	assert.False(t, v.HasMean, "no mean of two")
	assert.Zero(t, v.Mean)
}

func TestSummariseMean(t *testing.T) {
	var points []geo.StationVerdict
	for i := range 200 {
		points = append(points, point(reading.StationID("s"+string(rune('A'+i))), norm.Complies, norm.ReasonNone, 20, 5))
	}
	few := geo.Summarise("BU04791110", no2Year(t), 2023, points[:5])
	assert.True(t, few.HasMean)
	assert.False(t, few.Few)
	many := geo.Summarise("BU04791110", no2Year(t), 2023, points)
	assert.Greater(t, many.High-many.Mean, 4.9, "what the points have in common does not shrink with their number")
	assert.InDelta(t, 20, many.Mean, 1e-9)

	points = append(points[:3:3], point("gaps", norm.CannotTell, norm.ReasonCoverage, 900, 5))
	v := geo.Summarise("BU04791110", no2Year(t), 2023, points)
	assert.Equal(t, 4, v.N)
	assert.InDelta(t, 20, v.Mean, 1e-9, "a badly covered point has no say in the mean")
	assert.InDelta(t, 900, v.Highest.Value, 0, "but it is shown")
}
