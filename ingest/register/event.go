package register

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"buurtmeter/ingest/reading"
)

// What happened to a station: the values of Event.What. They are stored and
// published.
const (
	EventAdded           = "added"
	EventTokenRotated    = "token-rotated"
	EventPositionSet     = "position-set"
	EventPositionRemoved = "position-removed"
	EventPaused          = "paused"
	EventResumed         = "resumed"
	EventTransferred     = "transferred"
	EventTokenRevoked    = "token-revoked"
	EventWireDeclared    = "wire-declared"
	EventBoardAttached   = "board-attached"
	EventBoardDetached   = "board-detached"
	EventWithdrawn       = "period-withdrawn"
	EventRestored        = "period-restored"
	// EventSitingDeclared: what surrounds the station; see reading.Siting.
	EventSitingDeclared = "siting-declared"
	// A calibration of the sensor was stored, and taken back.
	EventCalibrated           = "calibrated"
	EventCalibrationWithdrawn = "calibration-withdrawn"
	// EventParticleDeclared: of which type the particle sensor is.
	EventParticleDeclared = "particle-declared"
	// EventDeleted is the only event of a station that was deleted. It has no
	// actor and no reason.
	EventDeleted = "deleted"
)

// Event is one change of a station. Events are public: they hold no position,
// no token, no hardware id, and no personal data as long as actor and why hold
// none.
type Event struct {
	Station reading.StationID
	// At is when it was recorded, UTC.
	At time.Time
	// Actor says who, in public words: "operator", "keeper", a service's name.
	Actor string
	// What is one of the Event constants.
	What string
	// Why is free text, may be empty.
	Why string
	// Detail says what exactly, in a fixed form: the period that was withdrawn as
	// "2026-11-01T00:00:00Z/2026-11-02T00:00:00Z", the model of a board with the
	// moment, the declared format, the objection with remark, property and period as
	// "zs-001/3 constant of no2 2026-11-01T00:00:00Z/2026-11-02T00:00:00Z". Empty
	// when What says it all.
	Detail string
}

// Events returns the changes of a station, oldest first; none for an unknown
// station, and EventDeleted alone for one that was deleted.
func (r *Register) Events(ctx context.Context, id reading.StationID) ([]Event, error) {
	rows, err := r.reads.QueryContext(ctx,
		`SELECT station, at_ms, actor, what, why, detail, seq FROM station_event WHERE station = $1
		UNION ALL SELECT station, deleted_ms, '', CAST($2 AS TEXT), '', '', 0 FROM station_deleted WHERE station = $1
		ORDER BY 7`, storable(string(id), maxID), EventDeleted)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var events []Event
	for rows.Next() {
		var e Event
		var at, seq int64
		if err := rows.Scan(&e.Station, &at, &e.Actor, &e.What, &e.Why, &e.Detail, &seq); err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		e.At = timeOf(at)
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// record stores an event of a station that exists and raises the version of the
// data, so it comes last in its transaction.
func (r *Register) record(ctx context.Context, tx *sql.Tx, e Event) error {
	for _, text := range []string{e.Actor, e.Why} {
		if err := reading.CheckPublic(text); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE station SET events = events + 1 WHERE id = $1`, string(e.Station))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO station_event (station, seq, at_ms, actor, what, why, detail)
		SELECT id, events, CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT) FROM station WHERE id = $1`,
		string(e.Station), r.nowMs(), storable(e.Actor, 200), e.What, storable(e.Why, 2000), storable(e.Detail, 2000))
	if err != nil {
		return err
	}
	_, err = r.bump(ctx, tx, 1, 0)
	return err
}
