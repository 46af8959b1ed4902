package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"buurtmeter/ingest/reading"
)

// queryer is a database handle or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// deleted tells whether there was a station with the id.
func deleted(ctx context.Context, q queryer, id reading.StationID) (bool, error) {
	var one int
	err := q.QueryRowContext(ctx, `SELECT 1 FROM station_deleted WHERE station = $1`, string(id)).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// deletedOf returns those of the ids that had a station. The map is never nil.
func deletedOf(ctx context.Context, q queryer, d Dialect, ids []string) (map[string]bool, error) {
	gone := map[string]bool{}
	for part := range slices.Chunk(ids, 512) {
		marks, args := make([]string, len(part)), make([]any, len(part))
		for i, id := range part {
			marks[i], args[i] = d.placeholder(i+1), id
		}
		rows, err := q.QueryContext(ctx, //nolint:sqlclosecheck // eachRow closes
			`SELECT station FROM station_deleted WHERE station IN (`+strings.Join(marks, ", ")+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("look for deleted stations: %w", err)
		}
		if err := eachRow(rows, func() error {
			var id string
			err := rows.Scan(&id)
			gone[id] = true
			return err
		}); err != nil {
			return nil, fmt.Errorf("look for deleted stations: %w", err)
		}
	}
	return gone, nil
}

// eachRow calls fn for each row and closes the rows.
func eachRow(rows *sql.Rows, fn func() error) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// DeleteStation removes the station with everything that the register holds of
// it: title and description, token, position, boards, withdrawn periods, the
// declaration of its messages, events, hour blocks, comparisons with official
// stations, rejected messages and marks.
// also are run in the same transaction, for the tables of other packages. What
// stays is the id with the moment, so that the id is never given out again:
// from then on every call gives ingest.ErrStationDeleted for it. One mark is
// left, which brings the judge to erase the raw readings; see
// ingest.HoursOptions.Erase.
//
// It is all or nothing, and what another process is storing for the station at
// that moment is refused or removed with the rest.
func (r *Register) DeleteStation(ctx context.Context, id reading.StationID, also ...func(*sql.Tx) error) error {
	token, err := markToken()
	if err != nil {
		return err
	}
	err = r.change(ctx, "delete station", id, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO station_deleted (station, deleted_ms) VALUES ($1, $2)`, string(id), r.nowMs())
		if err != nil {
			return err
		}
		for _, table := range []string{"station_token", "station_position", "station_board", "station_withdrawal", "objection", "station_calibration", "station_particle", "station_event", "dirty_hour"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE station = $1`, string(id)); err != nil { //nolint:gosec // names of our own tables
				return fmt.Errorf("%s: %w", table, err)
			}
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM station WHERE id = $1`, string(id)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO dirty_hour (station, hour, token) VALUES ($1, 0, $2)
			ON CONFLICT (station, hour) DO UPDATE SET token = excluded.token`, string(id), token); err != nil {
			return err
		}
		for _, fn := range also {
			if err := fn(tx); err != nil {
				return err
			}
		}
		// Twice: before the version is raised, so that the mass of it is done while
		// others can still write, and after it, for what they wrote until then.
		// Whoever comes later finds the station deleted; see PutBlocks and PutRejects.
		if err := removeMeasured(ctx, tx, id); err != nil {
			return err
		}
		if _, err := r.bump(ctx, tx, 1, 0); err != nil {
			return err
		}
		if err := removeMeasured(ctx, tx, id); err != nil {
			return err
		}
		return forgetNetwork(ctx, tx, id) // what others were corrected by rests on it
	})
	if err == nil {
		r.scrub(ctx)
	}
	return err
}

// removeMeasured removes the hour blocks, assessments and rejected messages of a station.
func removeMeasured(ctx context.Context, tx *sql.Tx, id reading.StationID) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM corrected_block WHERE station = $1`, string(id)); err != nil {
		return fmt.Errorf("corrected_block: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM hour_block WHERE station = $1`, string(id)); err != nil {
		return fmt.Errorf("hour_block: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM network_block WHERE station = $1`, string(id)); err != nil {
		return fmt.Errorf("network_block: %w", err)
	}
	if err := forgetAssessments(ctx, tx, id); err != nil {
		return err
	}
	return removeRejects(ctx, tx, `station = $1`, string(id))
}

// removeRejects removes the rejected messages that the condition names, also
// from the number that is kept.
func removeRejects(ctx context.Context, tx *sql.Tx, condition string, args ...any) error {
	res, err := tx.ExecContext(ctx, `DELETE FROM reject WHERE `+condition, args...) //nolint:gosec // conditions of our own
	if err != nil {
		return fmt.Errorf("reject: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE register_state SET rejects = rejects - $1`, n)
	return err
}

// scrub takes what was deleted off the disk as far as we can: SQLite has
// overwritten it in the file (see sqliteDSN), but older pages stand in the
// write-ahead file until it starts anew. When readers keep it from starting
// anew now, it does so later. PostgreSQL does this by itself (vacuum).
func (r *Register) scrub(ctx context.Context) {
	if r.dialect != SQLite {
		return
	}
	if _, err := r.db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		r.options.Log.LogAttrs(ctx, slog.LevelWarn, "register: the write-ahead file could not be emptied after a deletion; SQLite does it later", slog.Any("error", err))
	}
}
