package register

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"buurtmeter/ingest/reading"
)

// EventKinds returns all values of Event.What, in the order in which they are
// explained to people. The slice is the caller's own.
func EventKinds() []string {
	return []string{
		EventAdded, EventPositionSet, EventPositionRemoved, EventPaused, EventResumed, EventTransferred, EventTokenRotated, EventTokenRevoked,
		EventWireDeclared, EventBoardAttached, EventBoardDetached, EventWithdrawn, EventRestored,
		EventObjected, EventObjectionGranted, EventObjectionRefused, EventSitingDeclared,
		EventCalibrated, EventCalibrationWithdrawn, EventParticleDeclared, EventDeleted,
	}
}

// History is the past of one station as it may be shown: no position, no
// hardware id, no token.
type History struct {
	// Events and Objections are the newest ones, newest first.
	Events     []Event
	Objections []Objection
	// OlderEvents and OlderObjections count those that were left out because
	// there are more than was asked for.
	OlderEvents, OlderObjections int
	// Boards in order of time, without their hardware id.
	Boards []reading.Board
}

// EventCounts returns how many events every station has had, and -1 for one that
// was deleted. Whatever changes a history changes the count of its station, so
// that only those histories need be read whose count is another than before.
func (r *Register) EventCounts(ctx context.Context) (map[reading.StationID]int64, error) {
	rows, err := r.reads.QueryContext(ctx, //nolint:sqlclosecheck // eachRow closes
		`SELECT id, events FROM station UNION ALL SELECT station, -1 FROM station_deleted`)
	if err != nil {
		return nil, fmt.Errorf("count events: %w", err)
	}
	counts := map[reading.StationID]int64{}
	err = eachRow(rows, func() error {
		var id reading.StationID
		var n int64
		err := rows.Scan(&id, &n)
		counts[id] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count events: %w", err)
	}
	return counts, nil
}

// Histories returns the histories of those of the stations that have one, with
// at most limit events and as many objections each. It takes a few queries for
// hundreds of stations. Events of the kind without are left out and not counted.
// A deleted station has one event, EventDeleted.
func (r *Register) Histories(ctx context.Context, ids []reading.StationID, limit int, without string) (map[reading.StationID]History, error) {
	all := map[reading.StationID]History{}
	for part := range slices.Chunk(ids, 512) {
		marks, args := make([]string, len(part)), make([]any, len(part))
		for i, id := range part {
			marks[i], args[i] = r.dialect.placeholder(i+1), storable(string(id), maxID)
		}
		if err := r.addHistories(ctx, all, strings.Join(marks, ", "), args, limit, without); err != nil {
			return nil, fmt.Errorf("read histories of stations: %w", err)
		}
	}
	return all, nil
}

// addHistories adds what the stations ids have, for which marks holds the
// placeholders.
func (r *Register) addHistories(ctx context.Context, all map[reading.StationID]History, marks string, ids []any, limit int, without string) error {
	// SQLite's placeholders go by their order in the text.
	first, second := r.dialect.placeholder(len(ids)+1), r.dialect.placeholder(len(ids)+2)
	for _, q := range []struct {
		text string
		args []any
		row  func(scan func(...any) error, all map[reading.StationID]History) error
	}{
		{`SELECT station, at_ms, actor, what, why, detail, total FROM (
			SELECT station, at_ms, actor, what, why, detail, count(*) OVER (PARTITION BY station) AS total,
				row_number() OVER (PARTITION BY station ORDER BY seq DESC) AS age
			FROM station_event WHERE station IN (` + marks + `) AND what <> ` + first + `) AS aged
			WHERE age <= ` + second + ` ORDER BY station, age`, slices.Concat(ids, []any{without, limit}), addEvent},
		{`SELECT station, seq, property, flag, first_hour, end_hour, at_ms, actor, why, state, answered_ms, answerer, answer, total FROM (
			SELECT objection.*, count(*) OVER (PARTITION BY station) AS total,
				row_number() OVER (PARTITION BY station ORDER BY seq DESC) AS age
			FROM objection WHERE station IN (` + marks + `)) AS aged
			WHERE age <= ` + first + ` ORDER BY station, age`, slices.Concat(ids, []any{limit}), addObjection},
		// The hardware id stays where it is: it could lead to a home.
		{`SELECT station, from_ms, until_ms, model FROM station_board WHERE station IN (` + marks + `) ORDER BY station, from_ms`, ids, addBoard},
		// Last: of a station that is deleted meanwhile, nothing else may stay.
		{`SELECT station, deleted_ms FROM station_deleted WHERE station IN (` + marks + `)`, ids, addDeletion},
	} {
		rows, err := r.reads.QueryContext(ctx, q.text, q.args...) //nolint:sqlclosecheck // eachRow closes
		if err != nil {
			return err
		}
		if err := eachRow(rows, func() error { return q.row(rows.Scan, all) }); err != nil {
			return err
		}
	}
	return nil
}

func addEvent(scan func(...any) error, all map[reading.StationID]History) error {
	var e Event
	var at int64
	var total int
	if err := scan(&e.Station, &at, &e.Actor, &e.What, &e.Why, &e.Detail, &total); err != nil {
		return err
	}
	e.At = timeOf(at)
	h := all[e.Station]
	h.Events = append(h.Events, e)
	h.OlderEvents = total - len(h.Events)
	all[e.Station] = h
	return nil
}

func addObjection(scan func(...any) error, all map[reading.StationID]History) error {
	var total int
	o, err := scanObjection(func(into ...any) error { return scan(append(into, &total)...) })
	if err != nil {
		return err
	}
	h := all[o.Station]
	h.Objections = append(h.Objections, o)
	h.OlderObjections = total - len(h.Objections)
	all[o.Station] = h
	return nil
}

func addBoard(scan func(...any) error, all map[reading.StationID]History) error {
	var id reading.StationID
	var b reading.Board
	var from int64
	var until sql.NullInt64
	if err := scan(&id, &from, &until, &b.Model); err != nil {
		return err
	}
	b.From = timeOf(from)
	if until.Valid {
		b.Until = timeOf(until.Int64)
	}
	h := all[id]
	h.Boards = append(h.Boards, b)
	all[id] = h
	return nil
}

func addDeletion(scan func(...any) error, all map[reading.StationID]History) error {
	var at int64
	e := Event{What: EventDeleted}
	if err := scan(&e.Station, &at); err != nil {
		return err
	}
	e.At = timeOf(at)
	all[e.Station] = History{Events: []Event{e}}
	return nil
}
