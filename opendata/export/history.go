package export

import (
	"time"

	"buurtmeter/opendata"
)

// Event is the public form of something that happened to a station.
type Event struct {
	At     time.Time `json:"at" doc:"When it was recorded"`
	What   string    `json:"what" enum:"added,position-set,position-removed,paused,resumed,transferred,token-revoked,wire-declared,board-attached,board-detached,period-withdrawn,period-restored,objected,objection-accepted,objection-rejected,siting-declared,calibrated,calibration-withdrawn,particle-declared,deleted"`
	Actor  *string   `json:"actor" doc:"Who, in public words; null when nobody is named" example:"operator"`
	Why    *string   `json:"why" doc:"The reason as it was given; null without one" example:"The sensor was replaced"`
	Detail *string   `json:"detail" doc:"What exactly, in a fixed form: a withdrawn period as begin/end, a board as its model and dates, an objection as its id, remark, property and period; null when what says it all" example:"2026-11-01T00:00:00Z/2026-11-02T00:00:00Z"`
}

// Objection is the public form of an objection with its answer.
type Objection struct {
	ID         string     `json:"id" doc:"The station and a number" example:"zst-poelenburg-01/3"`
	Property   string     `json:"property" example:"no2"`
	Flag       string     `json:"flag" doc:"The remark that is objected to; all remarks are in /v1/quality" example:"constant"`
	From       time.Time  `json:"from" doc:"Begin of the first hour"`
	To         time.Time  `json:"to" doc:"End of the last hour"`
	At         time.Time  `json:"at" doc:"When the objection was made"`
	Actor      string     `json:"actor" doc:"By whom, in public words" example:"keeper"`
	Why        string     `json:"why" doc:"The reason as it was given" example:"There was fog all night"`
	State      string     `json:"state" enum:"open,accepted,rejected" doc:"Accepted: values that the remark kept out count after all; the remark stays"`
	AnsweredAt *time.Time `json:"answeredAt" doc:"When the last answer was given; null while the objection is open"`
	AnsweredBy *string    `json:"answeredBy" doc:"By whom, in public words; null while the objection is open" example:"operator"`
	Answer     *string    `json:"answer" doc:"The last answer; earlier ones are events of the station. Null while the objection is open" example:"Checked: it is right"`
}

// Board is the public form of a device that measured for a station.
type Board struct {
	Model string     `json:"model" doc:"Kit or instrument; may be empty" example:"SDS011 + B43F"`
	From  time.Time  `json:"from" doc:"First moment"`
	Until *time.Time `json:"until" doc:"First moment no longer; null while it still measures"`
}

// EventOf returns the public form of an event.
func EventOf(e opendata.Event) Event {
	return Event{At: e.At.UTC(), What: e.What, Actor: optional(e.Actor), Why: optional(e.Why), Detail: optional(e.Detail)}
}

// ObjectionOf returns the public form of an objection.
func ObjectionOf(o opendata.Objection) Objection {
	return Objection{
		ID: o.ID, Property: string(o.Property), Flag: o.Flag, From: o.From.UTC(), To: o.To.UTC(), At: o.At.UTC(), Actor: o.Actor, Why: o.Why,
		State: o.State, AnsweredAt: momentOf(o.AnsweredAt), AnsweredBy: optional(o.AnsweredBy), Answer: optional(o.Answer),
	}
}

// BoardOf returns the public form of a board.
func BoardOf(b opendata.Board) Board {
	return Board{Model: b.Model, From: b.From.UTC(), Until: momentOf(b.Until)}
}

func momentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
