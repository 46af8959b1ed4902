package register

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

const (
	// maxID bounds the id of a rejected message, which anyone can make up; a
	// real one has at most 63 bytes.
	maxID     = 200
	maxCause  = 100
	maxDetail = 1000
	// stationShare is the part of MaxRejects that one station may fill.
	stationShare = 10
)

// KeptReject is a rejected message as it is kept: Received is the last time
// that it arrived, Source and Detail are those of that time.
type KeptReject struct {
	ingest.Reject
	// First is the first time that it arrived.
	First time.Time
	// Arrivals is how often it arrived.
	Arrivals int64
}

// keptReject is a row of the table.
type keptReject struct {
	station, cause, source, detail  string
	format, contentType, topic, pin string
	digest, payload                 []byte
	arrivals, first, last           int64
}

// PutRejects keeps rejected messages. The same payload of the same station for
// the same cause is kept once and its arrivals are counted. Text that a
// database cannot store is made storable, the payload is cut to
// Options.MaxRejectPayload, and beyond Options.MaxRejects rows the ones that
// arrived longest ago make room. Of a station that was deleted only the cause
// and the count are kept, nothing of the message.
func (r *Register) PutRejects(ctx context.Context, rejects []ingest.Reject) error {
	if len(rejects) == 0 {
		return nil
	}
	senders := sendersOf(rejects)
	gone, err := deletedOf(ctx, r.reads, r.dialect, senders)
	for err == nil {
		known := len(gone)
		err = r.putRejects(ctx, r.merge(rejects, gone), senders, gone)
		if !errors.Is(err, ingest.ErrStationDeleted) || len(gone) == known {
			return err
		}
		err = nil // deleted meanwhile: nothing was stored, and now we know
	}
	return fmt.Errorf("keep rejected messages: %w", err)
}

// sendersOf returns each station of the rejects once, as it is stored.
func sendersOf(rejects []ingest.Reject) []string {
	seen := map[string]bool{}
	var ids []string
	for _, j := range rejects {
		if id := storable(string(j.Station), maxID); !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// putRejects stores merged rejects. When it finds a station that was deleted
// and is not in gone, it adds it there and stores nothing.
func (r *Register) putRejects(ctx context.Context, kept []keptReject, senders []string, gone map[string]bool) error {
	return r.write(ctx, "keep rejected messages", func(tx *sql.Tx) error {
		fresh, err := upsertRejects(ctx, tx, kept)
		if err != nil {
			return err
		}
		for _, station := range senders {
			gone, err := r.trimStation(ctx, tx, station)
			if err != nil {
				return err
			}
			fresh -= gone
		}
		total, err := r.bump(ctx, tx, 0, fresh)
		if err != nil {
			return err
		}
		if err := r.trimRejects(ctx, tx, total-int64(r.options.MaxRejects)); err != nil {
			return err
		}
		// Asked behind the version, as in PutBlocks.
		now, err := deletedOf(ctx, tx, r.dialect, senders)
		if err != nil {
			return err
		}
		known := len(gone)
		maps.Copy(gone, now)
		if len(gone) > known {
			return ingest.ErrStationDeleted
		}
		return nil
	})
}

// merge folds equal rejects into one and orders them, one order for all
// writers. Of the stations in gone nothing of the message is kept.
func (r *Register) merge(rejects []ingest.Reject, gone map[string]bool) []keptReject {
	type key struct {
		station, cause string
		digest         [sha256.Size]byte
	}
	at := make(map[key]int, len(rejects))
	kept := make([]keptReject, 0, len(rejects))
	for _, j := range rejects {
		if gone[storable(string(j.Station), maxID)] {
			j.Payload, j.Detail = nil, "the station was deleted, so nothing of the message is kept"
		}
		k := key{storable(string(j.Station), maxID), storable(j.Cause, maxCause), sha256.Sum256(j.Payload)}
		ms := j.Received.UnixMilli()
		i, ok := at[k]
		if !ok {
			i = len(kept)
			at[k] = i
			payload := j.Payload[:min(len(j.Payload), r.options.MaxRejectPayload)]
			kept = append(kept, keptReject{
				station: k.station, cause: k.cause, digest: k.digest[:],
				payload: append([]byte{}, payload...), first: ms, last: ms, // never nil, which would be NULL
			})
		}
		e := &kept[i]
		e.arrivals++
		e.first = min(e.first, ms)
		if ms >= e.last {
			e.last, e.source, e.detail = ms, storable(j.Source, maxCause), storable(j.Detail, maxDetail)
			e.format, e.contentType = storable(string(j.Format), maxCause), storable(j.ContentType, maxCause)
			e.topic, e.pin = storable(j.Topic, maxID), storable(j.Pin, maxCause)
		}
	}
	slices.SortFunc(kept, func(a, b keptReject) int {
		return cmp.Or(cmp.Compare(a.station, b.station), cmp.Compare(a.cause, b.cause), bytes.Compare(a.digest, b.digest))
	})
	return kept
}

func upsertRejects(ctx context.Context, tx *sql.Tx, kept []keptReject) (fresh int64, err error) {
	stmt, err := tx.PrepareContext(ctx, `INSERT INTO reject
		(station, cause, digest, arrivals, first_ms, last_ms, source, detail, payload, format, content_type, topic, pin)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (station, cause, digest) DO UPDATE SET
			arrivals = reject.arrivals + excluded.arrivals,
			first_ms = CASE WHEN excluded.first_ms < reject.first_ms THEN excluded.first_ms ELSE reject.first_ms END,
			last_ms = CASE WHEN excluded.last_ms > reject.last_ms THEN excluded.last_ms ELSE reject.last_ms END,
			source = excluded.source, detail = excluded.detail, format = excluded.format,
			content_type = excluded.content_type, topic = excluded.topic, pin = excluded.pin
		RETURNING arrivals`)
	if err != nil {
		return 0, err
	}
	defer func() { _ = stmt.Close() }()
	for _, k := range kept {
		var arrivals int64
		err := stmt.QueryRowContext(ctx, k.station, k.cause, k.digest, k.arrivals, k.first, k.last,
			k.source, k.detail, k.payload, k.format, k.contentType, k.topic, k.pin).Scan(&arrivals)
		if err != nil {
			return 0, err
		}
		if arrivals == k.arrivals { // none before these
			fresh++
		}
	}
	return fresh, nil
}

// trimStation deletes the surplus rows of one station that arrived longest ago,
// so that a station which sends nonsense pushes out its own rejects first.
func (r *Register) trimStation(ctx context.Context, tx *sql.Tx, station string) (gone int64, err error) {
	res, err := tx.ExecContext(ctx, `DELETE FROM reject WHERE station = $1 AND (cause, digest) IN
		(SELECT cause, digest FROM reject WHERE station = $1 ORDER BY last_ms DESC LIMIT $2 OFFSET $3)`,
		station, math.MaxInt32, max(1, r.options.MaxRejects/stationShare))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// trimRejects deletes the surplus rows that arrived longest ago. The row of the
// state is locked by then, so one process at a time counts and trims.
func (r *Register) trimRejects(ctx context.Context, tx *sql.Tx, surplus int64) error {
	if surplus <= 0 {
		return nil
	}
	res, err := tx.ExecContext(ctx, `DELETE FROM reject WHERE (station, cause, digest) IN
		(SELECT station, cause, digest FROM reject ORDER BY last_ms LIMIT $1)`, surplus)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE register_state SET rejects = rejects - $1`, n)
	return err
}

// RejectCount is how many messages were rejected for one cause, among those
// that are kept.
type RejectCount struct {
	Cause string
	// Distinct counts different messages, Arrivals how often they came.
	Distinct, Arrivals int64
}

// RejectCounts returns the kept rejects per cause, ordered by cause.
func (r *Register) RejectCounts(ctx context.Context) ([]RejectCount, error) {
	rows, err := r.reads.QueryContext(ctx,
		`SELECT cause, count(*), CAST(sum(arrivals) AS BIGINT) FROM reject GROUP BY cause ORDER BY cause`)
	if err != nil {
		return nil, fmt.Errorf("count rejected messages: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var counts []RejectCount
	for rows.Next() {
		var c RejectCount
		if err := rows.Scan(&c.Cause, &c.Distinct, &c.Arrivals); err != nil {
			return nil, fmt.Errorf("count rejected messages: %w", err)
		}
		counts = append(counts, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count rejected messages: %w", err)
	}
	return counts, nil
}

// Rejects returns up to limit kept rejects of a station, the last arrived
// first; the empty id stands for all stations.
func (r *Register) Rejects(ctx context.Context, station reading.StationID, limit int) ([]KeptReject, error) {
	query, args := `SELECT station, cause, source, detail, payload, arrivals, first_ms, last_ms, format, content_type, topic, pin FROM reject`, []any{max(limit, 0)}
	if station != "" {
		query += ` WHERE station = $2`
		args = append(args, storable(string(station), maxID))
	}
	rows, err := r.reads.QueryContext(ctx, query+` ORDER BY last_ms DESC LIMIT $1`, args...)
	if err != nil {
		return nil, fmt.Errorf("read rejected messages: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var kept []KeptReject
	for rows.Next() {
		var k KeptReject
		var first, last int64
		if err := rows.Scan(&k.Station, &k.Cause, &k.Source, &k.Detail, &k.Payload, &k.Arrivals, &first, &last,
			&k.Format, &k.ContentType, &k.Topic, &k.Pin); err != nil {
			return nil, fmt.Errorf("read rejected messages: %w", err)
		}
		k.First, k.Received = timeOf(first), timeOf(last)
		kept = append(kept, k)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read rejected messages: %w", err)
	}
	return kept, nil
}
