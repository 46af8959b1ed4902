package opendata

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// MaxHistory is how many events, and how many objections, of one station are
// shown: the newest.
const MaxHistory = 200

// hiddenEvent is the one kind of event that is not shown. A new key is routine,
// may come every night, and says nothing about the measurements; that a key was
// revoked is shown, because it explains why a station fell silent.
const hiddenEvent = register.EventTokenRotated

// EventKinds returns all values of Event.What that can be shown. The slice is
// the caller's own.
func EventKinds() []string {
	return slices.DeleteFunc(register.EventKinds(), func(k string) bool { return k == hiddenEvent })
}

// Event is something that happened to a station, as everybody may know it.
type Event struct {
	// At is when it was recorded, UTC.
	At time.Time
	// What is one of EventKinds.
	What string
	// Actor says who, in public words; Why is free text as it was given. Both may
	// be empty, and are written by people: escape them.
	Actor, Why string
	// Detail says what exactly, in the fixed forms of register.Event.
	Detail string
}

// Objection is an objection to a remark on the hours [From, To) of one property
// of a station, with its answer.
type Objection struct {
	// ID is the station and a number: "zs-001/3".
	ID       string
	Property reading.Property
	// Flag is the key of the remark.
	Flag     string
	From, To time.Time
	// At is when it was made, Actor by whom in public words, Why as it was given.
	At         time.Time
	Actor, Why string
	// State is "open", "accepted" or "rejected"; the rest is zero while it is open.
	State      string
	AnsweredAt time.Time
	AnsweredBy string
	Answer     string
}

// Board is a device that measured for a station, without the id of its hardware.
type Board struct {
	// Model may be empty.
	Model string
	// Until is zero while it still does.
	From, Until time.Time
}

// History is the public past of a station.
type History struct {
	// Events and Objections are the newest MaxHistory, newest first. The Older
	// numbers count those that came before them.
	Events          []Event
	OlderEvents     int
	Objections      []Objection
	OlderObjections int
	// Boards in order of time.
	Boards []Board
}

// Deleted reports whether the history is that of a deleted station, of which
// nothing but the moment is left.
func (h History) Deleted() bool {
	return len(h.Events) == 1 && h.Events[0].What == register.EventDeleted
}

// addHistories puts the histories into g. They are kept from build to build, and
// read again only where an event was added: events are rare, and builds are not.
func (b *Builder) addHistories(ctx context.Context, g *Graph) error {
	// The counts come first: what is recorded meanwhile is read with the next build.
	counts, err := b.reg.EventCounts(ctx)
	if err != nil {
		return fmt.Errorf("counts of events: %w", err)
	}
	var changed []reading.StationID
	for id, n := range counts {
		if old, ok := b.eventCounts[id]; !ok || old != n {
			changed = append(changed, id)
		}
	}
	if len(changed) > 0 {
		read, err := b.reg.Histories(ctx, changed, MaxHistory, hiddenEvent)
		if err != nil {
			return fmt.Errorf("histories: %w", err)
		}
		// Earlier graphs hold the map as it was.
		histories := make(map[reading.StationID]History, len(counts))
		maps.Copy(histories, b.histories)
		for _, id := range changed {
			histories[id] = historyOf(read[id])
		}
		b.histories, b.eventCounts = histories, counts
	}
	g.Histories = b.histories
	return nil
}

func historyOf(from register.History) History {
	h := History{OlderEvents: from.OlderEvents, OlderObjections: from.OlderObjections}
	for _, e := range from.Events {
		h.Events = append(h.Events, Event{At: e.At, What: e.What, Actor: e.Actor, Why: e.Why, Detail: e.Detail})
	}
	for _, o := range from.Objections {
		h.Objections = append(h.Objections, Objection{
			ID: o.ID, Property: o.Property, Flag: o.Flag.String(), From: o.From, To: o.To, At: o.At, Actor: o.Actor, Why: o.Text,
			State: string(o.State), AnsweredAt: o.AnsweredAt, AnsweredBy: o.AnsweredBy, Answer: o.Answer,
		})
	}
	for _, x := range from.Boards {
		h.Boards = append(h.Boards, Board{Model: x.Model, From: x.From, Until: x.Until})
	}
	return h
}
