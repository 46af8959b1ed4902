package web

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/tube"
	"buurtmeter/opendata"
	"buurtmeter/opendata/opendatatest"
)

func TestLaboratoryAndUnreadRowsStandBesideTheMean(t *testing.T) {
	g := opendatatest.Sample()
	for lang, want := range map[string][]string{
		dutch: {
			"laboratorium Buro Blauw; 2 rijen van de labuitslagen waren niet te lezen en tellen niet mee", "Buisjes van campagne Schone lucht 2025",
			"Buro Blauw: 1 labuitslag; methode ", "kan meten vanaf 1 µg/m³", "Laboratorium niet bekend: 1 labuitslag", "Niet geijkt",
			"Set 034a: 2 rijen waren niet te lezen en tellen niet mee (rij 7, 12).", "labuitslag verbeterd", "plek benoemd",
		},
		english: {
			"laboratory Buro Blauw; 2 rows of the laboratory’s results could not be read", "Set 034a: 2 rows could not be read and do not count (rows 7, 12).",
		},
	} {
		w, err := loadWords(lang)
		require.NoError(t, err)
		r := request{words: w, g: g}
		var said []string
		for _, y := range r.tubeYears("tube-07") {
			said = append(said, r.tubeRemark(y.Tube, "µg/m³"))
		}
		for _, c := range r.campaigns("tube-07") {
			said = append(said, c.Title)
			said = append(said, c.Lines...)
			for _, e := range c.Events {
				said = append(said, e.What)
			}
		}
		all := strings.Join(said, "\n")
		for _, s := range want {
			assert.Contains(t, all, s)
		}
		assert.NotContains(t, all, "⟦")
	}
}

func TestCampaignIsToldOncePerStation(t *testing.T) {
	nl, err := loadWords(dutch)
	require.NoError(t, err)
	k := tube.Calibration{Factor: 0.996, Offset: -1.141}
	k.Line.N, k.After.MAD = 24, 1.48
	many := make([]opendata.LeftOut, 30)
	g := &opendata.Graph{
		Campaigns: []opendata.Campaign{{Name: "A", Policy: tube.HalfLimit, Blanks: tube.BlanksSubtracted, Calibration: &k, Sheets: []opendata.TubeSheet{{Set: "x", LeftOut: many}}}},
		YearStats: []opendata.YearStat{
			{Station: "a", Year: 2024, Tube: &opendata.TubeYear{Campaign: "A"}},
			{Station: "a", Year: 2025, Tube: &opendata.TubeYear{Campaign: "A"}},
			{Station: "b", Year: 2025, Tube: &opendata.TubeYear{Campaign: "gone"}},
		},
	}
	r := request{words: nl, g: g}
	got := r.campaigns("a")
	require.Len(t, got, 1)
	lines := strings.ReplaceAll(strings.Join(got[0].Lines, "\n"), nbsp, " ")
	assert.Contains(t, lines, "24 paren van buisjes naast een officieel meetpunt: 0,996 × het buisje − 1,14 µg/m³. Het verschil is daarna gemiddeld 1,5 µg/m³.")
	assert.Contains(t, lines, "telt als de helft")
	assert.Contains(t, lines, "van de uitslagen af gehaald")
	assert.Contains(t, lines, ", …)", "no page of row numbers")
	assert.Empty(t, r.campaigns("b"))
	assert.Equal(t, "laboratorium niet bekend", r.labNames(&opendata.TubeYear{Labs: []tube.Lab{{}}}))
}
