package register

import (
	"context"
	"database/sql"
	"fmt"

	"buurtmeter/ingest/reading"
)

// EventKinds returns all values of Event.What, in the order in which they are
// explained to people. The slice is the caller's own.
func EventKinds() []string {
	return []string{
		EventAdded, EventPositionSet, EventPositionRemoved, EventPaused, EventResumed, EventTransferred, EventTokenRotated, EventTokenRevoked,
		EventWireDeclared, EventBoardAttached, EventBoardDetached, EventWithdrawn, EventRestored,
		EventObjected, EventObjectionGranted, EventObjectionRefused, EventDeleted,
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

// HistoryMark is a state of all histories together: when two are equal, nothing
// was recorded in between.
type HistoryMark struct{ events, deleted int64 }

// HistoryMark returns the present state. It is one small query over the
// stations, so that the events themselves need be read only after a change.
func (r *Register) HistoryMark(ctx context.Context) (HistoryMark, error) {
	// Every change of a history is an event and raises the counter of its station.
	// Only a deletion lowers the sum, and deleted stations grow then.
	var m HistoryMark
	err := r.reads.QueryRowContext(ctx, `SELECT (SELECT CAST(COALESCE(sum(events), 0) AS BIGINT) FROM station),
		(SELECT count(*) FROM station_deleted)`).Scan(&m.events, &m.deleted)
	if err != nil {
		return HistoryMark{}, fmt.Errorf("read the state of the histories: %w", err)
	}
	return m, nil
}

// Histories returns the history of every station that has one, with at most
// limit events and as many objections each, whatever the number of stations in a
// fixed number of queries. Events of the kind without are left out and not
// counted. A deleted station has one event, EventDeleted.
func (r *Register) Histories(ctx context.Context, limit int, without string) (map[reading.StationID]History, error) {
	all := map[reading.StationID]History{}
	err := r.recentEvents(ctx, all, limit, without)
	if err == nil {
		err = r.recentObjections(ctx, all, limit)
	}
	if err == nil {
		err = r.everyBoard(ctx, all)
	}
	if err == nil {
		// Last: of a station that is deleted meanwhile, nothing else may stay.
		err = r.deletions(ctx, all)
	}
	if err != nil {
		return nil, fmt.Errorf("read the histories of all stations: %w", err)
	}
	return all, nil
}

func (r *Register) recentEvents(ctx context.Context, all map[reading.StationID]History, limit int, without string) error {
	rows, err := r.reads.QueryContext(ctx, //nolint:sqlclosecheck // eachRow closes
		`SELECT station, at_ms, actor, what, why, detail, total FROM (
			SELECT station, seq, at_ms, actor, what, why, detail, count(*) OVER (PARTITION BY station) AS total,
				row_number() OVER (PARTITION BY station ORDER BY seq DESC) AS age
			FROM station_event WHERE what <> $2) AS aged
		WHERE age <= $1 ORDER BY station, age`, limit, without)
	if err != nil {
		return err
	}
	return eachRow(rows, func() error {
		var e Event
		var at int64
		var total int
		if err := rows.Scan(&e.Station, &at, &e.Actor, &e.What, &e.Why, &e.Detail, &total); err != nil {
			return err
		}
		e.At = timeOf(at)
		h := all[e.Station]
		h.Events = append(h.Events, e)
		h.OlderEvents = total - len(h.Events)
		all[e.Station] = h
		return nil
	})
}

func (r *Register) deletions(ctx context.Context, all map[reading.StationID]History) error {
	rows, err := r.reads.QueryContext(ctx, `SELECT station, deleted_ms FROM station_deleted`) //nolint:sqlclosecheck // eachRow closes
	if err != nil {
		return err
	}
	return eachRow(rows, func() error {
		var at int64
		e := Event{What: EventDeleted}
		if err := rows.Scan(&e.Station, &at); err != nil {
			return err
		}
		e.At = timeOf(at)
		all[e.Station] = History{Events: []Event{e}}
		return nil
	})
}

func (r *Register) recentObjections(ctx context.Context, all map[reading.StationID]History, limit int) error {
	rows, err := r.reads.QueryContext(ctx, //nolint:sqlclosecheck // eachRow closes
		`SELECT station, seq, property, flag, first_hour, end_hour, at_ms, actor, why, state, answered_ms, answerer, answer, total FROM (
			SELECT objection.*, count(*) OVER (PARTITION BY station) AS total,
				row_number() OVER (PARTITION BY station ORDER BY seq DESC) AS age FROM objection) AS aged
		WHERE age <= $1 ORDER BY station, age`, limit)
	if err != nil {
		return err
	}
	return eachRow(rows, func() error {
		var total int
		o, err := scanObjection(func(into ...any) error { return rows.Scan(append(into, &total)...) })
		if err != nil {
			return err
		}
		h := all[o.Station]
		h.Objections = append(h.Objections, o)
		h.OlderObjections = total - len(h.Objections)
		all[o.Station] = h
		return nil
	})
}

func (r *Register) everyBoard(ctx context.Context, all map[reading.StationID]History) error {
	// The hardware id stays where it is: it could lead to a home.
	rows, err := r.reads.QueryContext(ctx, `SELECT station, from_ms, until_ms, model FROM station_board ORDER BY station, from_ms`) //nolint:sqlclosecheck // eachRow closes
	if err != nil {
		return err
	}
	return eachRow(rows, func() error {
		var id reading.StationID
		var b reading.Board
		var from int64
		var until sql.NullInt64
		if err := rows.Scan(&id, &from, &until, &b.Model); err != nil {
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
	})
}
