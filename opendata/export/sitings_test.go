package export_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata/export"
	"buurtmeter/opendata/opendatatest"
)

func TestVerdictsTellSitingsApart(t *testing.T) {
	m := opendatatest.NewMemory()
	of := func(area geo.Code) (map[string]string, export.Verdict) {
		f := export.Filter{Year: 2025, Norm: "eu2008-no2-y", Area: area}
		csv := rows(t, verdicts(t, m, "csv", f))
		require.Len(t, csv, 1)
		var doc struct{ Verdicts []export.Verdict }
		require.NoError(t, json.Unmarshal([]byte(verdicts(t, m, "json", f)), &doc))
		require.Len(t, doc.Verdicts, 1)
		return csv[0], doc.Verdicts[0]
	}
	row, v := of("BU04791210") // one roadside, one background, one unknown station
	require.Len(t, v.Sitings, 3)
	assert.Equal(t, "roadside", *v.Sitings[0].Siting)
	assert.Equal(t, "background", *v.Sitings[1].Siting)
	assert.Nil(t, v.Sitings[2].Siting, "an unknown siting is not a kind of place")
	assert.Equal(t, []string{"1", "", "1", "1", "1", "1"},
		[]string{row["roadside_stations"], row["roadside_mean"], row["roadside_above_norm"], row["roadside_whole_stations"], row["background_stations"], row["unknown_stations"]})
	assert.Equal(t, []string{"0", "", "", ""}, []string{row["industrial_stations"], row["industrial_above_norm"], row["industrial_highest"], row["industrial_mean"]})
	assert.Equal(t, row["highest"], row["roadside_highest"], "the highest station hangs beside a road")
	for _, p := range v.Points {
		st, ok := m.G.Station(reading.StationID(p.Station))
		require.True(t, ok)
		said := reading.SitingUnknown
		if p.Siting != nil {
			said = reading.Siting(*p.Siting)
		}
		assert.Equal(t, st.Siting, said, p.Station)
	}

	row, v = of("BU04791120") // of its stations nobody said anything
	assert.Empty(t, v.Sitings)
	for k, cell := range row {
		for _, s := range []string{"roadside_", "background_", "industrial_", "unknown_"} {
			if strings.HasPrefix(k, s) {
				assert.Empty(t, cell, k)
			}
		}
	}
	_, town := of("GM0479")
	stations := 0
	for _, s := range town.Sitings {
		stations += s.Stations
	}
	assert.Equal(t, town.Stations, stations, "every station is in one group")
}

func TestAFileOfAWijkHoldsItsStationsAndItsOwnVerdicts(t *testing.T) {
	m := opendatatest.NewMemory()
	stations := map[string]bool{}
	for _, r := range rows(t, hours(t, m, "csv", export.Filter{Area: "WK047911", Property: reading.NO2, Year: 2025})) {
		stations[r["station"]] = true
	}
	assert.Equal(t, map[string]bool{"ref-hemkade": true, "tube-07": true, "zst-bomenbuurt-01": true}, stations)
	for _, r := range rows(t, verdicts(t, m, "csv", export.Filter{Area: "WK047911", Year: 2025})) {
		assert.Equal(t, "WK047911", r["area"])
	}
	assert.Empty(t, rows(t, hours(t, m, "csv", export.Filter{Area: "WK00000000"})))
	wijk, _ := m.G.AnyArea("WK047911")
	assert.Equal(t, []string{"ref-hemkade", "tube-07", "zst-bomenbuurt-01", "zst-bomenbuurt-02"}, export.AreaOf(m.G, wijk).Stations)
	assert.Equal(t, 3, m.G.Verdict("WK047911", "eu2008-no2-y", 2025).N)
}
