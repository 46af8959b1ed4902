package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"buurtmeter/ingest/reading"
)

// The errors of AttachBoard, ReplaceBoard and DetachBoard.
var (
	// ErrBoardOverlap means that the station has another board at that time.
	ErrBoardOverlap = errors.New("another board is attached at that time: end it first, or replace it")
	// ErrBoardElsewhere means that the board is at another station at that time.
	ErrBoardElsewhere = errors.New("the board is attached to another station at that time: detach it there first")
	// ErrNoBoard means that no board is attached that could be ended.
	ErrNoBoard = errors.New("no board is attached")
)

// maxBoards bounds the boards of one station.
const maxBoards = 500

// AttachBoard notes that the board measured for the station from b.From until
// b.Until. When it still does (zero Until), b.Model becomes the model of the
// station unless it is empty. The error wraps ErrBoardOverlap, ErrBoardElsewhere
// or the errors of an unknown station. The event tells model and dates, never
// the hardware id; why is public, and refused when the id stands in it.
func (r *Register) AttachBoard(ctx context.Context, id reading.StationID, b reading.Board, actor, why string) error {
	if err := checkBoard(b, why); err != nil {
		return fmt.Errorf("attach a board to station %q: %w", storable(string(id), 80), err)
	}
	return r.change(ctx, "attach a board to station", id, func(tx *sql.Tx) error {
		return r.attach(ctx, tx, id, b, actor, why)
	})
}

// ReplaceBoard ends the board that is attached at b.From and attaches b, in one
// transaction. The error wraps ErrNoBoard when there is none, and those of
// AttachBoard.
func (r *Register) ReplaceBoard(ctx context.Context, id reading.StationID, b reading.Board, actor, why string) error {
	if err := checkBoard(b, why); err != nil {
		return fmt.Errorf("replace the board of station %q: %w", storable(string(id), 80), err)
	}
	return r.change(ctx, "replace the board of station", id, func(tx *sql.Tx) error {
		if err := r.detach(ctx, tx, id, b.From, actor, why); err != nil {
			return err
		}
		return r.attach(ctx, tx, id, b, actor, why)
	})
}

// DetachBoard ends the board that is attached: until is the first moment at
// which it is no longer there. The error wraps ErrNoBoard when there is none.
func (r *Register) DetachBoard(ctx context.Context, id reading.StationID, until time.Time, actor, why string) error {
	return r.change(ctx, "detach the board of station", id, func(tx *sql.Tx) error {
		return r.detach(ctx, tx, id, until, actor, why)
	})
}

func checkBoard(b reading.Board, why string) error {
	hardware := string(b.Hardware)
	switch {
	case !storableTime(b.From):
		return errors.New("give the moment from which it is attached")
	case !b.Until.IsZero() && (!storableTime(b.Until) || b.Until.UnixMilli() <= b.From.UnixMilli()):
		return errors.New("the end must lie after the begin")
	case !utf8.ValidString(hardware) || strings.ContainsRune(hardware, 0) || len(hardware) > maxID:
		return fmt.Errorf("the hardware id must be UTF-8 text of at most %d bytes, without NUL", maxID)
	}
	if err := checkText(b.Model); err != nil {
		return fmt.Errorf("the model %w", err)
	}
	// Shorter ones lead to nobody, and occur in any text by accident.
	if len(hardware) >= 6 && strings.Contains(strings.ToLower(b.Model+"\n"+why), strings.ToLower(hardware)) {
		return errors.New("model and reason are public: leave the hardware id out of them")
	}
	return nil
}

// storableTime tells whether t is a moment that a device or keeper can mean.
func storableTime(t time.Time) bool { return t.Year() >= 1970 && t.Year() < 2262 }

func (r *Register) attach(ctx context.Context, tx *sql.Tx, id reading.StationID, b reading.Board, actor, why string) error {
	until := sql.NullInt64{Int64: b.Until.UnixMilli(), Valid: !b.Until.IsZero()}
	// One board overlaps another when each begins before the other ends.
	overlaps := ` AND (until_ms IS NULL OR until_ms > $2) AND (CAST($3 AS BIGINT) IS NULL OR from_ms < $3)`
	var mine, total, others int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM station_board WHERE station = $1`+overlaps, string(id), b.From.UnixMilli(), until).Scan(&mine)
	if err == nil {
		err = tx.QueryRowContext(ctx, `SELECT count(*) FROM station_board WHERE station = $1`, string(id)).Scan(&total)
	}
	if err == nil && b.Hardware != "" {
		err = tx.QueryRowContext(ctx, `SELECT count(*) FROM station_board WHERE hardware = $1 AND station <> $4`+overlaps,
			string(b.Hardware), b.From.UnixMilli(), until, string(id)).Scan(&others)
	}
	switch {
	case err != nil:
		return err
	case mine > 0:
		return ErrBoardOverlap
	case others > 0:
		return ErrBoardElsewhere
	case total >= maxBoards:
		return fmt.Errorf("the station has had %d boards already", total)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO station_board (station, from_ms, until_ms, hardware, model) VALUES ($1, $2, $3, $4, $5)`,
		string(id), b.From.UnixMilli(), until, string(b.Hardware), b.Model)
	if err != nil {
		return err
	}
	detail := fmt.Sprintf("%s from %s", modelName(b.Model), moment(b.From))
	if until.Valid {
		detail += " until " + moment(b.Until)
	} else if b.Model != "" {
		if _, err := tx.ExecContext(ctx, `UPDATE station SET model = $2 WHERE id = $1`, string(id), b.Model); err != nil {
			return err
		}
	}
	return r.record(ctx, tx, Event{Station: id, Actor: actor, What: EventBoardAttached, Why: why, Detail: detail})
}

func (r *Register) detach(ctx context.Context, tx *sql.Tx, id reading.StationID, until time.Time, actor, why string) error {
	var from int64
	var hardware, model string
	err := tx.QueryRowContext(ctx, `SELECT from_ms, hardware, model FROM station_board WHERE station = $1 AND until_ms IS NULL`,
		string(id)).Scan(&from, &hardware, &model)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNoBoard
	}
	if err != nil {
		return err
	}
	b := reading.Board{Hardware: reading.HardwareID(hardware), Model: model, From: timeOf(from), Until: until}
	if until.IsZero() {
		return errors.New("give the moment until which it is attached")
	}
	if err := checkBoard(b, why); err != nil {
		return fmt.Errorf("the board that is attached since %s: %w", moment(b.From), err)
	}
	_, err = tx.ExecContext(ctx, `UPDATE station_board SET until_ms = $3 WHERE station = $1 AND from_ms = $2`, string(id), from, until.UnixMilli())
	if err != nil {
		return err
	}
	return r.record(ctx, tx, Event{
		Station: id, Actor: actor, What: EventBoardDetached, Why: why, Detail: fmt.Sprintf("%s until %s", modelName(model), moment(until)),
	})
}

// NoModel stands in the detail of an event for a board without a model.
const NoModel = "board"

func modelName(model string) string {
	if model == "" {
		return NoModel
	}
	return model
}

// moment is a time in the details of events.
func moment(t time.Time) string { return t.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano) }

// Boards returns the boards of a station in order of time; none for an unknown
// station.
func (r *Register) Boards(ctx context.Context, id reading.StationID) ([]reading.Board, error) {
	rows, err := r.reads.QueryContext(ctx, `SELECT from_ms, until_ms, hardware, model FROM station_board WHERE station = $1 ORDER BY from_ms`,
		storable(string(id), maxID))
	if err != nil {
		return nil, fmt.Errorf("read boards: %w", err)
	}
	var boards []reading.Board
	err = eachRow(rows, func() error {
		var from int64
		var until sql.NullInt64
		var hardware, model string
		if err := rows.Scan(&from, &until, &hardware, &model); err != nil {
			return err
		}
		b := reading.Board{Hardware: reading.HardwareID(hardware), Model: model, From: timeOf(from)}
		if until.Valid {
			b.Until = timeOf(until.Int64)
		}
		boards = append(boards, b)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read boards: %w", err)
	}
	return boards, nil
}
