package register

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"buurtmeter/ingest"
)

var _ ingest.RejectTable = (*Register)(nil)

// RedecodeSince lets the rejects that arrived at or after since, of one cause or
// (empty) of all that decoding can help, be decoded again by the process that
// ingests. It returns how many there are.
func (r *Register) RedecodeSince(ctx context.Context, since time.Time, cause string) (n int64, err error) {
	err = r.write(ctx, "let rejects be decoded again", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, //nolint:sqlclosecheck // eachRow closes
			`SELECT DISTINCT cause FROM reject WHERE last_ms >= $1`, since.UnixMilli())
		if err != nil {
			return err
		}
		var causes []string
		err = eachRow(rows, func() error {
			var c string
			if err := rows.Scan(&c); err != nil {
				return err
			}
			if ingest.RedecodeCause(c) && (cause == "" || c == cause) {
				causes = append(causes, c)
			}
			return nil
		})
		if err != nil {
			return err
		}
		n = 0
		for _, c := range causes {
			res, err := tx.ExecContext(ctx, `UPDATE reject SET again = 1 WHERE last_ms >= $1 AND cause = $2`, since.UnixMilli(), c)
			if err != nil {
				return err
			}
			k, err := res.RowsAffected()
			if err != nil {
				return err
			}
			n += k
		}
		return nil
	})
	return n, err
}

// WaitingRejects returns up to limit rejects that wait to be decoded again, the
// oldest first.
func (r *Register) WaitingRejects(ctx context.Context, limit int) ([]ingest.Waiting, error) {
	rows, err := r.reads.QueryContext(ctx, `SELECT station, cause, digest, source, detail, payload, first_ms, last_ms, format, content_type, topic, pin
		FROM reject WHERE again = 1 ORDER BY first_ms, station, cause, digest LIMIT $1`, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("read waiting rejects: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []ingest.Waiting
	for rows.Next() {
		var w ingest.Waiting
		var first, last int64
		if err := rows.Scan(&w.Station, &w.Cause, &w.Digest, &w.Source, &w.Detail, &w.Payload, &first, &last,
			&w.Format, &w.ContentType, &w.Topic, &w.Pin); err != nil {
			return nil, fmt.Errorf("read waiting rejects: %w", err)
		}
		w.First, w.Received = timeOf(first), timeOf(last)
		all = append(all, w)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read waiting rejects: %w", err)
	}
	return all, nil
}

// WaitingCount returns how many rejects wait to be decoded again.
func (r *Register) WaitingCount(ctx context.Context) (n int64, err error) {
	if err := r.reads.QueryRowContext(ctx, `SELECT count(*) FROM reject WHERE again = 1`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count waiting rejects: %w", err)
	}
	return n, nil
}

// SettleReject takes the reject off the table when it was decoded, and else
// leaves it there without waiting any more.
func (r *Register) SettleReject(ctx context.Context, w ingest.Waiting, decoded bool) error {
	return r.write(ctx, "settle a reject", func(tx *sql.Tx) error {
		if !decoded {
			_, err := tx.ExecContext(ctx, `UPDATE reject SET again = 0 WHERE station = $1 AND cause = $2 AND digest = $3`,
				string(w.Station), w.Cause, w.Digest)
			return err
		}
		res, err := tx.ExecContext(ctx, `DELETE FROM reject WHERE station = $1 AND cause = $2 AND digest = $3`,
			string(w.Station), w.Cause, w.Digest)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		_, err = r.bump(ctx, tx, 0, -n)
		return err
	})
}
