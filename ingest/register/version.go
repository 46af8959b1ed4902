package register

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// DataVersion returns a number that has grown whenever something that readers
// may show was changed, by whatever process, and the time of the last change
// (UTC, whole milliseconds; zero while nothing was ever stored). It is one
// small query, fit for polling. What was committed before the version was read
// is visible to reads that follow.
func (r *Register) DataVersion(ctx context.Context) (version int64, modified time.Time, err error) {
	var ms int64
	if err := r.reads.QueryRowContext(ctx, `SELECT version, modified_ms FROM register_state`).Scan(&version, &ms); err != nil {
		return 0, time.Time{}, fmt.Errorf("read the version of the data: %w", err)
	}
	if ms != 0 {
		modified = timeOf(ms)
	}
	return version, modified, nil
}

// BumpVersion makes DataVersion grow when tx commits. Packages that own tables
// call it in each transaction that changes something that readers may show, as
// the last statement: from then until the commit other writers wait.
func (r *Register) BumpVersion(ctx context.Context, tx *sql.Tx) error {
	_, err := r.bump(ctx, tx, 0, 0)
	return err
}

// bump raises the version, counts stations changes of stations and adds to the
// number of kept rejects, which it returns.
func (r *Register) bump(ctx context.Context, tx *sql.Tx, stations, rejects int64) (kept int64, err error) {
	// The clock of another machine may be ahead; the time never runs back.
	err = tx.QueryRowContext(ctx, `UPDATE register_state SET version = version + 1,
		modified_ms = CASE WHEN modified_ms < $1 THEN $1 ELSE modified_ms END,
		stations = stations + $2, rejects = rejects + $3 RETURNING rejects`,
		r.nowMs(), stations, rejects).Scan(&kept)
	if err != nil {
		return 0, fmt.Errorf("raise the version of the data: %w", err)
	}
	return kept, nil
}
