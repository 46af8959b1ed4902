package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// ErrNoPeriod is returned by RestorePeriod when exactly that period is not
// withdrawn.
var ErrNoPeriod = errors.New("no such period is withdrawn")

// maxWithdrawals bounds the withdrawn periods of one station, which are read
// whenever an hour of it is computed.
const maxWithdrawals = 500

// WithdrawPeriod takes the readings of the station in p back: they are kept, and
// do not count in any hour. p may reach into the future, whole milliseconds
// count. The hours with data that this can change are marked in the same
// transaction. Periods may overlap; nothing is recorded when exactly this one is
// withdrawn already. The event tells the period; why is public.
func (r *Register) WithdrawPeriod(ctx context.Context, id reading.StationID, p ingest.Period, actor, why string) error {
	if err := checkPeriod(p); err != nil {
		return fmt.Errorf("withdraw a period of station %q: %w", storable(string(id), 80), err)
	}
	return r.change(ctx, "withdraw a period of station", id, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM station_withdrawal WHERE station = $1`, string(id)).Scan(&n); err != nil {
			return err
		}
		if n >= maxWithdrawals {
			return fmt.Errorf("%d periods are withdrawn already: restore some, and withdraw longer ones", n)
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO station_withdrawal (station, from_ms, to_ms) VALUES ($1, $2, $3)
			ON CONFLICT (station, from_ms, to_ms) DO NOTHING`, string(id), p.From.UnixMilli(), p.To.UnixMilli())
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return r.recordPeriod(ctx, tx, id, p, Event{Station: id, Actor: actor, What: EventWithdrawn, Why: why})
	})
}

// RestorePeriod undoes the withdrawal of exactly the period p; ErrNoPeriod when
// there is none.
func (r *Register) RestorePeriod(ctx context.Context, id reading.StationID, p ingest.Period, actor, why string) error {
	if err := checkPeriod(p); err != nil {
		return fmt.Errorf("restore a period of station %q: %w", storable(string(id), 80), err)
	}
	return r.change(ctx, "restore a period of station", id, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM station_withdrawal WHERE station = $1 AND from_ms = $2 AND to_ms = $3`,
			string(id), p.From.UnixMilli(), p.To.UnixMilli())
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrNoPeriod)
		}
		return r.recordPeriod(ctx, tx, id, p, Event{Station: id, Actor: actor, What: EventRestored, Why: why})
	})
}

func checkPeriod(p ingest.Period) error {
	if !storableTime(p.From) || !storableTime(p.To) || p.From.UnixMilli() >= p.To.UnixMilli() {
		return errors.New("give a begin and a later end, in the years 1970 to 2261")
	}
	return nil
}

func (r *Register) recordPeriod(ctx context.Context, tx *sql.Tx, id reading.StationID, p ingest.Period, e Event) error {
	if err := r.markPeriod(ctx, tx, id, p); err != nil {
		return err
	}
	e.Detail = moment(p.From) + "/" + moment(p.To)
	if err := r.record(ctx, tx, e); err != nil {
		return err
	}
	if err := forgetNetwork(ctx, tx, id); err != nil {
		return err
	}
	return forgetAssessments(ctx, tx, id)
}

// Withdrawals returns the periods whose readings do not count, in order; none
// for an unknown station.
func (r *Register) Withdrawals(ctx context.Context, id reading.StationID) ([]ingest.Period, error) {
	rows, err := r.reads.QueryContext(ctx, `SELECT from_ms, to_ms FROM station_withdrawal WHERE station = $1 ORDER BY from_ms, to_ms`,
		storable(string(id), maxID))
	if err != nil {
		return nil, fmt.Errorf("read withdrawn periods: %w", err)
	}
	var periods []ingest.Period
	err = eachRow(rows, func() error {
		var from, to int64
		if err := rows.Scan(&from, &to); err != nil {
			return err
		}
		periods = append(periods, ingest.Period{From: timeOf(from), To: timeOf(to)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read withdrawn periods: %w", err)
	}
	return periods, nil
}

// markPeriod marks the hours of the station whose value depends on readings in
// p: those of p and the one after it, into which they may reach. Only hours that
// have data are marked, so the work is bounded by what was measured.
//
// Marks that are there get a new token first: a judge may be computing those
// hours with the periods of before, and has not stored them yet. Only then the
// blocks are read: a judge that has cleared its marks has stored them.
func (r *Register) markPeriod(ctx context.Context, tx *sql.Tx, id reading.StationID, p ingest.Period) error {
	first, last := reading.HourOf(p.From), reading.HourOf(p.To.Add(-time.Millisecond))+1
	token, err := markToken()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE dirty_hour SET token = $4 WHERE station = $1 AND hour >= $2 AND hour <= $3`,
		string(id), int64(first), int64(last), token)
	if err != nil {
		return err
	}
	hours, err := hoursWithData(ctx, tx, id, first, last)
	if err != nil {
		return err
	}
	args := make([]any, 0, 3*len(hours))
	for _, h := range hours {
		args = append(args, string(id), int64(h), token)
	}
	_, err = upsertMarks().exec(ctx, tx, r.dialect, args, 512)
	return err
}

// hoursWithData returns the hours from first to last of which a block of the
// station tells anything, in order; of a block that cannot be read, all.
func hoursWithData(ctx context.Context, tx *sql.Tx, id reading.StationID, first, last reading.Hour) ([]reading.Hour, error) {
	rows, err := tx.QueryContext(ctx, //nolint:sqlclosecheck // eachRow closes
		`SELECT property, month, data FROM hour_block WHERE station = $1 AND month >= $2 AND month <= $3`,
		string(id), int64(reading.MonthOf(first)), int64(reading.MonthOf(last)))
	if err != nil {
		return nil, err
	}
	var hours []reading.Hour
	err = eachRow(rows, func() error {
		var p reading.Property
		var m reading.Month
		var data []byte
		if err := rows.Scan(&p, &m, &data); err != nil {
			return err
		}
		b, err := DecodeBlock(id, p, m, data)
		for i := range reading.Hour(m.Hours()) {
			h := m.First() + i
			if h >= first && h <= last && (err != nil || b.Values[i] != reading.Missing || b.Capture[i] != 0 || b.Flags[i] != 0) {
				hours = append(hours, h)
			}
		}
		return nil
	})
	slices.Sort(hours)
	return slices.Compact(hours), err
}
