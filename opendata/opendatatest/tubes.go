package opendatatest

import (
	"time"

	"buurtmeter/ingest/tube"
	"buurtmeter/ingest/tube/store"
	"buurtmeter/opendata"
)

// Campaign is the name of the campaign of the sample.
const Campaign = "Schone lucht 2025"

func sampleLab() tube.Lab {
	return tube.Lab{Name: "Buro Blauw", Method: Hostile, Limit: "1 µg/m³"}
}

// sampleTubeYear is what is behind the mean of the tubes of 2025.
func sampleTubeYear(mean float64) *opendata.TubeYear {
	return &opendata.TubeYear{
		Campaign: Campaign, Raw: mean, Low: 0.85 * mean, High: 1.15 * mean, Coverage: 0.92, Periods: 12, Tubes: 23, Below: 1, Lost: 1,
		Labs: []tube.Lab{sampleLab(), {}}, LeftOut: 2, Judged: true,
	}
}

// sampleCampaigns has one campaign: a sheet of which two rows could not be read,
// and one of which nothing is known.
func sampleCampaigns() []opendata.Campaign {
	at := time.Date(2026, 1, 12, 9, 0, 0, 0, time.UTC)
	return []opendata.Campaign{{
		Name: Campaign, Since: at, Zone: "Europe/Amsterdam", Policy: tube.AtLimit, Blanks: tube.BlanksReported,
		Sheets: []opendata.TubeSheet{
			{
				Set: "034a", Version: 2, Imported: at.AddDate(0, 0, 3), Lab: sampleLab(), Tubes: 48, Blanks: 3, Below: 1, Lost: 1,
				LeftOut: []opendata.LeftOut{{Row: 7, Columns: []string{"C", "H"}}, {Row: 12, Columns: []string{"H"}}},
			},
			{Set: "034b", Version: 1, Imported: at, Tubes: 46, Blanks: 2},
		},
		Events: []opendata.Event{
			{At: at.AddDate(0, 0, 4), What: store.EventPlaced, Actor: "operator"},
			{At: at.AddDate(0, 0, 3), What: store.EventCorrected, Actor: "operator", Why: Hostile, Detail: "set 034a version 2, 51 tubes, laboratory Buro Blauw"},
			{At: at, What: store.EventCreated, Actor: "operator", Detail: "zone Europe/Amsterdam"},
		},
		OlderEvents: 1,
	}}
}
