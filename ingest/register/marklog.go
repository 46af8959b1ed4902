package register

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"buurtmeter/ingest/reading"
)

// The mark log. A commit of readings marks an hour of nearly every station in
// it, twice, and most of them are marked already. To update as many rows each
// time was a third of the work of taking readings in (measured); here the marks
// of one commit are one row, and the many rows of a second become one update of
// dirty_hour when they are asked for.
const (
	// foldRows is how many rows of the log are folded in one transaction.
	foldRows = 64
	// foldAfter is after how many rows of its own a process folds by itself, so
	// that the log stays short where nobody asks for marked hours.
	foldAfter = 1024
)

// logMarks stores the marks, which must be sorted, in one row.
func (r *Register) logMarks(ctx context.Context, marks []reading.StationHour) error {
	token, err := markToken()
	if err != nil {
		return err
	}
	packed := packMarks(marks)
	// A single statement is a transaction by itself.
	err = r.again(ctx, "mark hours for recomputation", func() error {
		_, err := r.logMark.ExecContext(ctx, token, packed)
		return err
	})
	if err != nil {
		return err
	}
	if r.logged.Add(1)%foldAfter == 0 {
		return r.foldMarks(ctx)
	}
	return nil
}

// foldMarks moves what is in the mark log to dirty_hour. Each mark gets a new
// token, so that a recomputation that began before cannot clear it.
func (r *Register) foldMarks(ctx context.Context) error {
	for {
		var any int
		err := r.reads.QueryRowContext(ctx, `SELECT 1 FROM mark_log LIMIT 1`).Scan(&any)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the mark log: %w", err)
		}
		rows := 0
		err = r.write(ctx, "fold the mark log", func(tx *sql.Tx) error {
			var marks []reading.StationHour
			if marks, rows, err = takeMarks(ctx, tx); err != nil {
				return err
			}
			return r.upsertMarks(ctx, tx, marks)
		})
		if err != nil || rows < foldRows {
			return err
		}
	}
}

// takeMarks deletes rows of the log and returns their marks and their number.
func takeMarks(ctx context.Context, tx *sql.Tx) (marks []reading.StationHour, n int, err error) {
	rows, err := tx.QueryContext(ctx,
		`DELETE FROM mark_log WHERE token IN (SELECT token FROM mark_log ORDER BY token LIMIT $1) RETURNING hours`, foldRows)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var packed []byte
		if err := rows.Scan(&packed); err != nil {
			return nil, 0, err
		}
		if marks, err = unpackMarks(marks, packed); err != nil {
			return nil, 0, err
		}
		n++
	}
	return marks, n, rows.Err()
}

// upsertMarks puts the marks in dirty_hour.
func (r *Register) upsertMarks(ctx context.Context, tx *sql.Tx, marks []reading.StationHour) error {
	// One order for all writers: two calls that lock the same rows in different
	// orders would wait for each other.
	slices.SortFunc(marks, byStationHour)
	marks = slices.Compact(marks)
	token, err := markToken()
	if err != nil {
		return err
	}
	args := make([]any, 0, 3*len(marks))
	for _, m := range marks {
		args = append(args, string(m.Station), int64(m.Hour), token)
	}
	_, err = upsertMarks().exec(ctx, tx, r.dialect, args, 512)
	return err
}

// packMarks writes sorted marks in few bytes: of each the number of bytes that
// its id shares with the one before, the length of the rest, the rest, and the
// difference of the hours.
func packMarks(marks []reading.StationHour) []byte {
	packed := make([]byte, 0, 8*len(marks))
	var last reading.StationHour
	for _, m := range marks {
		same := 0
		for same < min(len(m.Station), len(last.Station)) && m.Station[same] == last.Station[same] {
			same++
		}
		packed = binary.AppendUvarint(packed, uint64(same))
		packed = binary.AppendUvarint(packed, uint64(len(m.Station)-same))
		packed = append(packed, m.Station[same:]...)
		packed = binary.AppendVarint(packed, int64(m.Hour-last.Hour))
		last = m
	}
	return packed
}

// errMarkLog tells that a row of the log is not what packMarks writes.
var errMarkLog = errors.New("a row of the mark log cannot be read: restore the register from its backup")

// unpackMarks appends the marks of one row.
func unpackMarks(marks []reading.StationHour, packed []byte) ([]reading.StationHour, error) {
	var last reading.StationHour
	for len(packed) > 0 {
		same, n := binary.Uvarint(packed)
		if n <= 0 || same > uint64(len(last.Station)) {
			return nil, errMarkLog
		}
		packed = packed[n:]
		rest, n := binary.Uvarint(packed)
		if n <= 0 || rest > uint64(len(packed)-n) {
			return nil, errMarkLog
		}
		if rest > 0 || same < uint64(len(last.Station)) {
			last.Station = last.Station[:same] + reading.StationID(packed[n:n+int(rest)])
		}
		packed = packed[n+int(rest):]
		hour, n := binary.Varint(packed)
		if n <= 0 {
			return nil, errMarkLog
		}
		packed = packed[n:]
		last.Hour += reading.Hour(hour)
		marks = append(marks, last)
	}
	return marks, nil
}
