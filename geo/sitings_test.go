package geo_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// sited gives points of a siting with the values.
func sited(s reading.Siting, values ...float64) []geo.StationVerdict {
	var points []geo.StationVerdict
	for i, x := range values {
		p := point(reading.StationID(fmt.Sprintf("%s%d", s, i)), norm.Complies, norm.ReasonNone, x, 2)
		p.Siting, p.U.Instrument = s, 1
		if x > 40 {
			p.Outcome, p.Above = norm.Exceeds, true
		}
		points = append(points, p)
	}
	return points
}

func TestPointsBesideRoadsAndInTheBackgroundStandApart(t *testing.T) {
	roadside, background := sited(reading.SitingRoadside, 38, 42, 44, 36), sited(reading.SitingBackground, 18, 22)
	unknown := sited(reading.SitingUnknown, 30)
	quiet := silent("background9")
	quiet.Siting = reading.SitingBackground
	var all []geo.StationVerdict
	for _, ps := range [][]geo.StationVerdict{background, unknown, roadside, {quiet}} {
		all = append(all, ps...)
	}
	v := geo.Summarise("BU04791110", no2Year(t), 2023, all)
	require.Len(t, v.Sitings, 3)
	assert.Equal(t, []reading.Siting{reading.SitingRoadside, reading.SitingBackground, reading.SitingUnknown},
		[]reading.Siting{v.Sitings[0].Siting, v.Sitings[1].Siting, v.Sitings[2].Siting})

	road, alone := v.Sitings[0], geo.Summarise("BU04791110", no2Year(t), 2023, roadside)
	assert.Equal(t, alone.Group, road.Group, "a group is told as if there were no other")
	assert.Equal(t, []int{4, 4, 4, 2}, []int{road.Points, road.N, road.Whole, road.Above})
	assert.True(t, road.HasMean && road.Few)
	assert.InDelta(t, 40, road.Mean, 1e-12)
	assert.Equal(t, reading.StationID("roadside2"), road.Highest.Station)
	low, high := geo.Wilson(2, 4)
	assert.Equal(t, []float64{low, high}, []float64{road.ShareLow, road.ShareHigh})

	back := v.Sitings[1]
	assert.Equal(t, []int{3, 2, 2, 0}, []int{back.Points, back.N, back.Whole, back.Above})
	assert.False(t, back.HasMean, "no mean of two, whatever the others are")
	assert.InDelta(t, 20, back.Median, 1e-12)
	assert.InDelta(t, 22, back.Highest.Value, 0)

	assert.Equal(t, []int{1, 1}, []int{v.Sitings[2].Points, v.Sitings[2].N})
	assert.Equal(t, []int{7, 7, 2}, []int{v.N, v.Whole, v.Above}, "all points together are what they were")
	assert.Equal(t, norm.Exceeds, v.Outcome)
}

func TestWithoutAKnownSitingNothingIsToldApart(t *testing.T) {
	points := append(sited(reading.SitingUnknown, 20, 30, 40), silent("z"))
	v := geo.Summarise("BU04791110", no2Year(t), 2023, points)
	assert.Nil(t, v.Sitings)
	assert.True(t, v.HasMean)
	assert.Nil(t, geo.Summarise("BU04791110", no2Year(t), 2023, nil).Sitings)

	road := simulated(sited(reading.SitingRoadside, 90)[0])
	assert.Nil(t, geo.Summarise("BU04791110", no2Year(t), 2023, append(points, road)).Sitings, "a simulated point is not among real ones")
}
