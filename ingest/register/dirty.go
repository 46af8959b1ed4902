package register

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// MarkDirty records that the hours must be recomputed and returns after the
// commit is on disk. Doubles within the call are one mark; a mark that exists
// gets a new token, so that a recomputation that began before cannot clear it,
// unless nobody has begun one since it was set (Options.OnlyJudge).
// Ids that cannot be the id of a station are left out.
func (r *Register) MarkDirty(ctx context.Context, hours []reading.StationHour) error {
	marks := make([]reading.StationHour, 0, len(hours))
	for _, h := range hours {
		if _, err := reading.ParseStationID(string(h.Station)); err != nil {
			r.options.Log.LogAttrs(ctx, slog.LevelWarn, "mark of an impossible station left out", slog.Any("error", err))
			continue
		}
		marks = append(marks, h)
	}
	slices.SortFunc(marks, byStationHour)
	marks = slices.Compact(marks)
	asked := 0
	if r.options.OnlyJudge {
		marks, asked = r.standing.missing(marks)
	}
	if len(marks) == 0 {
		return nil
	}
	if err := r.logMarks(ctx, marks); err != nil {
		return err
	}
	if r.options.OnlyJudge {
		r.standing.add(marks, asked)
	}
	return nil
}

func upsertMarks() statement {
	return statement{
		before: `INSERT INTO dirty_hour (station, hour, token) VALUES `,
		after:  ` ON CONFLICT (station, hour) DO UPDATE SET token = excluded.token`,
		width:  3,
	}
}

func byStationHour(a, b reading.StationHour) int {
	return cmp.Or(cmp.Compare(a.Station, b.Station), cmp.Compare(a.Hour, b.Hour))
}

// markToken returns 63 random bits: unique among processes without asking the
// database.
func markToken() (int64, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("draw a token: %w", err)
	}
	return int64(binary.LittleEndian.Uint64(b[:]) >> 1), nil
}

// DirtyHours returns up to limit marked hours, ordered by station and hour. A
// mark stays until ClearDirty, so two callers may get the same one; the work
// behind it is idempotent. What Station answers afterwards is at least as new as
// the marks: a mark that a change of the station made is never worked on with
// the station of before.
func (r *Register) DirtyHours(ctx context.Context, after reading.StationID, limit int) ([]ingest.DirtyHour, error) {
	defer r.standing.ask()
	if err := r.foldMarks(ctx); err != nil {
		return nil, err
	}
	rows, err := r.reads.QueryContext(ctx,
		`SELECT station, hour, token FROM dirty_hour WHERE station > $1 ORDER BY station, hour LIMIT $2`,
		storable(string(after), maxID), max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("read marked hours: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var hours []ingest.DirtyHour
	for rows.Next() {
		var h ingest.DirtyHour
		if err := rows.Scan(&h.Station, &h.Hour, &h.Token); err != nil {
			return nil, fmt.Errorf("read marked hours: %w", err)
		}
		hours = append(hours, h)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read marked hours: %w", err)
	}
	if len(hours) > 0 {
		r.logins.expire()
	}
	return hours, nil
}

// ClearDirty removes the marks whose token is still the one that was seen;
// hours that were marked again in between stay marked.
func (r *Register) ClearDirty(ctx context.Context, hours []ingest.DirtyHour) error {
	seen := slices.Clone(hours)
	slices.SortFunc(seen, func(a, b ingest.DirtyHour) int { return byStationHour(a.StationHour, b.StationHour) })
	args := make([]any, 0, 3*len(seen))
	for _, h := range seen {
		if _, err := reading.ParseStationID(string(h.Station)); err != nil {
			continue // never marked, see MarkDirty
		}
		args = append(args, string(h.Station), int64(h.Hour), h.Token)
	}
	if len(args) == 0 {
		return nil
	}
	remove := statement{
		before: `DELETE FROM dirty_hour WHERE (station, hour, token) IN (VALUES `,
		after:  `)`,
		types:  []string{"TEXT", "BIGINT", "BIGINT"},
		width:  3,
	}
	return r.write(ctx, "clear marks of hours", func(tx *sql.Tx) error {
		_, err := remove.exec(ctx, tx, r.dialect, args, 512)
		return err
	})
}

// DirtyCount returns the number of marked hours.
func (r *Register) DirtyCount(ctx context.Context) (int64, error) {
	if err := r.foldMarks(ctx); err != nil {
		return 0, err
	}
	var n int64
	if err := r.reads.QueryRowContext(ctx, `SELECT count(*) FROM dirty_hour`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count marked hours: %w", err)
	}
	return n, nil
}
