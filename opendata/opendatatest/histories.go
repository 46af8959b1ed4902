package opendatatest

import (
	"time"

	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// Deleted is the id of a station that was deleted: it has a history and nothing
// else.
const Deleted reading.StationID = "zst-verwijderd"

// sampleHistories gives one station an event of every kind and an objection in
// every state, with hostile words in each free text; one more events than are
// shown; and one deletion.
func sampleHistories() map[reading.StationID]opendata.History {
	at := func(days int) time.Time { return time.Date(2026, 10, 1, 9, 30, 0, 0, time.UTC).AddDate(0, 0, days) }
	all := opendata.History{
		Objections: []opendata.Objection{
			{ID: "zst-bomenbuurt-02/3", Property: reading.PM25, Flag: "spike", From: at(30).Truncate(time.Hour), To: at(30).Truncate(time.Hour).Add(2 * time.Hour), At: at(33), Actor: "keeper", Why: "vuurwerk", State: "open"},
			{ID: "zst-bomenbuurt-02/2", Property: reading.PM10, Flag: "range", From: at(3).Truncate(time.Hour), To: at(4).Truncate(time.Hour), At: at(9), Actor: Hostile, Why: Hostile, State: "rejected", AnsweredAt: at(12), AnsweredBy: "GGD " + Hostile, Answer: Hostile},
			{ID: "zst-bomenbuurt-02/1", Property: reading.PM10, Flag: "constant", From: at(1).Truncate(time.Hour), To: at(1).Truncate(time.Hour).Add(time.Hour), At: at(2), Actor: "keeper", Why: "mist", State: "accepted", AnsweredAt: at(11), AnsweredBy: "operator", Answer: "nagekeken, het klopt"},
		},
		Boards: []opendata.Board{{Model: "", From: at(0), Until: at(6)}, {Model: Hostile, From: at(6)}},
	}
	details := map[string]string{
		"wire-declared":      "format buurtmeter, zone none, 2 channels",
		"board-attached":     Hostile + " from 2026-10-07T09:30:00Z",
		"board-detached":     "board until 2026-10-07T09:30:00Z",
		"period-withdrawn":   "2026-10-01T00:00:00Z/2026-10-02T12:30:00.5Z",
		"period-restored":    "2026-10-01T00:00:00Z/2026-10-02T12:30:00.5Z",
		"objected":           "zst-bomenbuurt-02/1 constant of pm10 2026-10-02T09:00:00Z/2026-10-02T10:00:00Z",
		"objection-accepted": "zst-bomenbuurt-02/1 constant of pm10 2026-10-02T09:00:00Z/2026-10-02T10:00:00Z",
		"objection-rejected": Hostile,
		"particle-declared":  "SDS011 from 2026-10-07T09:30:00Z",
	}
	for i, what := range opendata.EventKinds() {
		if what == "deleted" {
			continue
		}
		e := opendata.Event{At: at(i), What: what, Actor: []string{"operator", "keeper", Hostile, ""}[i%4], Why: []string{"", Hostile}[i%2], Detail: details[what]}
		all.Events = append([]opendata.Event{e}, all.Events...)
	}
	many := opendata.History{OlderEvents: 3, OlderObjections: 1}
	for i := range opendata.MaxHistory {
		many.Events = append(many.Events, opendata.Event{At: at(-i), What: []string{"paused", "resumed"}[i%2], Actor: "operator", Why: "onderhoud"})
	}
	return map[reading.StationID]opendata.History{
		"zst-bomenbuurt-02": all,
		"ref-hemkade":       many,
		"zst-poelenburg-01": {
			Events:     []opendata.Event{{At: at(-300), What: "added", Actor: "operator"}},
			Objections: []opendata.Objection{{ID: "zst-poelenburg-01/1", Property: reading.NO2, Flag: "drift", From: at(-20).Truncate(time.Hour), To: at(20).Truncate(time.Hour), At: at(40), Actor: "keeper", Why: "er wordt gebouwd", State: "open"}},
		},
		Deleted: {Events: []opendata.Event{{At: at(20), What: "deleted"}}},
	}
}
