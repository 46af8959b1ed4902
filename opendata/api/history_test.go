package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/opendata"
	"buurtmeter/opendata/export"
	"buurtmeter/opendata/opendatatest"
)

type eventList struct {
	Station string
	Events  []export.Event
	Older   int
	Boards  []export.Board
}

type objectionList struct {
	Station    string
	Objections []export.Objection
	Older      int
}

func TestEventsOfAStation(t *testing.T) {
	h := opendatatest.Sample().Histories["zst-bomenbuurt-02"]
	got := into[eventList](t, "/v1/stations/zst-bomenbuurt-02/events")
	require.Len(t, got.Events, len(h.Events))
	assert.Equal(t, "zst-bomenbuurt-02", got.Station)
	for i, e := range got.Events {
		assert.Equal(t, h.Events[i].What, e.What)
		assert.Equal(t, h.Events[i].At, e.At, "newest first")
	}
	last := got.Events[len(got.Events)-1]
	assert.Equal(t, "operator", *last.Actor)
	assert.Nil(t, last.Why, "no reason is null")
	until := h.Boards[0].Until
	assert.Empty(t, cmp.Diff([]export.Board{{From: h.Boards[0].From, Until: &until}, {Model: opendatatest.Hostile, From: until}}, got.Boards))

	many := into[eventList](t, "/v1/stations/ref-hemkade/events")
	assert.Len(t, many.Events, opendata.MaxHistory)
	assert.Equal(t, 3, many.Older)
	_, body := ask(t, newApp(t), "GET", "/v1/stations/tube-07/events")
	assert.JSONEq(t, `{"station":"tube-07","events":[],"older":0,"boards":[]}`, body)
}

func TestObjectionsOfAStation(t *testing.T) {
	got := into[objectionList](t, "/v1/stations/zst-bomenbuurt-02/objections")
	require.Len(t, got.Objections, 3)
	open, answered := got.Objections[0], got.Objections[1]
	assert.Equal(t, "open", open.State)
	assert.Nil(t, open.AnsweredAt)
	assert.Nil(t, open.AnsweredBy)
	assert.Nil(t, open.Answer)
	assert.Equal(t, []string{"zst-bomenbuurt-02/2", "pm10", "range", "rejected", opendatatest.Hostile}, []string{
		answered.ID, answered.Property, answered.Flag, answered.State, *answered.Answer,
	})
	assert.Equal(t, time.Date(2026, 10, 13, 9, 30, 0, 0, time.UTC), *answered.AnsweredAt)
	assert.Equal(t, 1, into[objectionList](t, "/v1/stations/ref-hemkade/objections").Older)
	_, body := ask(t, newApp(t), "GET", "/v1/stations/tube-07/objections")
	assert.JSONEq(t, `{"station":"tube-07","objections":[],"older":0}`, body)
}

func TestOfADeletedStationOnlyTheDeletionIsLeft(t *testing.T) {
	path := "/v1/stations/" + string(opendatatest.Deleted)
	got := into[eventList](t, path+"/events")
	require.Len(t, got.Events, 1)
	assert.Equal(t, "deleted", got.Events[0].What)
	assert.Nil(t, got.Events[0].Actor)
	for _, rest := range []string{"", "/objections", "/hours"} {
		res, body := ask(t, newApp(t), "GET", path+rest)
		assert.Contains(t, problemOf(t, res, body, 410).Detail, "deleted", rest)
	}
	_, body := ask(t, newApp(t), "GET", "/v1/stations")
	assert.NotContains(t, body, opendatatest.Deleted)
}

// TestHistoriesHaveTheFieldsThatAreMeantAndNoOthers holds the door to what must
// not come out: a field that is added here is thought about.
func TestHistoriesHaveTheFieldsThatAreMeantAndNoOthers(t *testing.T) {
	fields := func(path, list string) map[string]bool {
		var doc map[string]json.RawMessage
		_, body := ask(t, newApp(t), "GET", path)
		require.NoError(t, json.Unmarshal([]byte(body), &doc), body)
		var rows []map[string]any
		require.NoError(t, json.Unmarshal(doc[list], &rows))
		require.NotEmpty(t, rows)
		names := map[string]bool{}
		for _, row := range rows {
			for k := range row {
				names[k] = true
			}
		}
		return names
	}
	set := func(names ...string) map[string]bool {
		m := map[string]bool{}
		for _, n := range names {
			m[n] = true
		}
		return m
	}
	const path = "/v1/stations/zst-bomenbuurt-02"
	assert.Equal(t, set("at", "what", "actor", "why", "detail"), fields(path+"/events", "events"))
	assert.Equal(t, set("model", "from", "until"), fields(path+"/events", "boards"))
	assert.Equal(t, set("id", "property", "flag", "from", "to", "at", "actor", "why", "state", "answeredAt", "answeredBy", "answer"),
		fields(path+"/objections", "objections"))
}

func TestTheAPIDocumentsEveryKindOfEvent(t *testing.T) {
	doc := into[struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Enum []any } // numbers among them, of other fields
			}
		}
	}](t, "/v1/openapi.json")
	assert.ElementsMatch(t, opendata.EventKinds(), doc.Components.Schemas["Event"].Properties["what"].Enum)
	assert.ElementsMatch(t, []string{"open", "accepted", "rejected"}, doc.Components.Schemas["Objection"].Properties["state"].Enum)
}
