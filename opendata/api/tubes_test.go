package api_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/tube/store"
	"buurtmeter/opendata/export"
	"buurtmeter/opendata/opendatatest"
)

func TestCampaignsOfTubes(t *testing.T) {
	got := into[struct{ Campaigns []export.Campaign }](t, "/v1/campaigns").Campaigns
	require.Len(t, got, 1)
	c := got[0]
	assert.Equal(t, []any{opendatatest.Campaign, "limit", "report", 1}, []any{c.Name, c.BelowLimit, c.Blanks, c.Older})
	assert.Nil(t, c.Calibration)
	require.Len(t, c.Sheets, 2)
	first, second := c.Sheets[0], c.Sheets[1]
	assert.Equal(t, []string{"Buro Blauw", opendatatest.Hostile, "1 µg/m³"}, []string{*first.Laboratory.Name, *first.Laboratory.Method, *first.Laboratory.DetectionLimit})
	assert.Equal(t, []export.LeftOut{{Row: 7, Columns: []string{"C", "H"}}, {Row: 12, Columns: []string{"H"}}}, first.LeftOut)
	assert.Equal(t, export.Lab{}, second.Laboratory, "what is not known is null")
	assert.Empty(t, second.LeftOut)
	require.Len(t, c.Events, 3)
	assert.Equal(t, store.EventPlaced, c.Events[0].What, "newest first")
	assert.Nil(t, c.Events[0].Detail)
	assert.Contains(t, *c.Events[1].Detail, "laboratory Buro Blauw")

	year := into[struct{ Years []export.TubeYear }](t, "/v1/stations/tube-07/tubes").Years
	require.Len(t, year, 1)
	y := year[0]
	assert.Equal(t, []any{opendatatest.Campaign, 2025, 12, 23, 1, 1, 2, true}, []any{y.Campaign, y.Year, y.Periods, y.Tubes, y.BelowLimit, y.Lost, y.LeftOutRows, y.Judged})
	assert.InDelta(t, 0.85*y.Mean.Value, y.Mean.Low, 1e-9)
	require.Len(t, y.Laboratories, 2)
	assert.Equal(t, "Buro Blauw", *y.Laboratories[0].Name)
	assert.Nil(t, y.Laboratories[1].Name)
	assert.Nil(t, y.Calibration)

	_, body := ask(t, newApp(t), "GET", "/v1/stations/ref-hemkade/tubes")
	assert.JSONEq(t, `{"station":"ref-hemkade","years":[]}`, body)
	res, body := ask(t, newApp(t), "GET", "/v1/stations/none/tubes")
	problemOf(t, res, body, 404)
}

// A campaign tells nothing of where its tubes hung: the field that is added here
// is thought about.
func TestACampaignHasTheFieldsThatAreMeantAndNoOthers(t *testing.T) {
	_, body := ask(t, newApp(t), "GET", "/v1/campaigns")
	var doc struct {
		Campaigns []map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(body), &doc))
	names := func(raw json.RawMessage) (all []string) {
		var rows []map[string]any
		require.NoError(t, json.Unmarshal(raw, &rows))
		for k := range rows[0] {
			all = append(all, k)
		}
		return all
	}
	var of []string
	for k := range doc.Campaigns[0] {
		of = append(of, k)
	}
	assert.ElementsMatch(t, []string{"name", "since", "zone", "belowLimit", "fieldBlanks", "sheets", "calibration", "events", "older"}, of)
	assert.ElementsMatch(t, []string{"set", "version", "imported", "laboratory", "tubes", "fieldBlanks", "belowLimit", "lost", "leftOut"}, names(doc.Campaigns[0]["sheets"]))
	assert.ElementsMatch(t, []string{"at", "what", "actor", "why", "detail"}, names(doc.Campaigns[0]["events"]))

	api := into[struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Enum []any }
			}
		}
	}](t, "/v1/openapi.json")
	assert.ElementsMatch(t, store.EventKinds(), api.Components.Schemas["CampaignEvent"].Properties["what"].Enum)
}
