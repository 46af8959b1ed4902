package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// markNeighbours records, in the transaction that stores blocks, that hours of
// the network must be compared anew. Marks of many stations on the same hour
// are one.
func (r *Register) markNeighbours(ctx context.Context, tx *sql.Tx, blocks []ingest.VersionedBlock) error {
	var hours []reading.Hour
	for _, b := range blocks {
		hours = append(hours, b.Hours...)
	}
	if len(hours) == 0 {
		return nil
	}
	slices.Sort(hours) // one order for all writers, as in MarkDirty
	hours = slices.Compact(hours)
	token, err := markToken()
	if err != nil {
		return err
	}
	args := make([]any, 0, 2*len(hours))
	for _, h := range hours {
		args = append(args, int64(h), token)
	}
	upsert := statement{
		before: `INSERT INTO neighbour_hour (hour, token) VALUES `,
		after:  ` ON CONFLICT (hour) DO UPDATE SET token = excluded.token`,
		width:  2,
	}
	_, err = upsert.exec(ctx, tx, r.dialect, args, 512)
	return err
}

// NeighbourHours returns up to limit hours before the given one that must be
// compared among neighbours, the earliest first.
func (r *Register) NeighbourHours(ctx context.Context, before reading.Hour, limit int) ([]ingest.MarkedHour, error) {
	rows, err := r.reads.QueryContext(ctx, `SELECT hour, token FROM neighbour_hour WHERE hour < $1 ORDER BY hour LIMIT $2`,
		int64(before), max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("read hours to compare: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var hours []ingest.MarkedHour
	for rows.Next() {
		var h ingest.MarkedHour
		if err := rows.Scan(&h.Hour, &h.Token); err != nil {
			return nil, fmt.Errorf("read hours to compare: %w", err)
		}
		hours = append(hours, h)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read hours to compare: %w", err)
	}
	return hours, nil
}

// ClearNeighbours removes the marks whose token is still the one that was seen.
func (r *Register) ClearNeighbours(ctx context.Context, hours []ingest.MarkedHour) error {
	if len(hours) == 0 {
		return nil
	}
	seen := slices.Clone(hours)
	slices.SortFunc(seen, func(a, b ingest.MarkedHour) int { return int(a.Hour - b.Hour) })
	args := make([]any, 0, 2*len(seen))
	for _, h := range seen {
		args = append(args, int64(h.Hour), h.Token)
	}
	remove := statement{
		before: `DELETE FROM neighbour_hour WHERE (hour, token) IN (VALUES `,
		after:  `)`,
		types:  []string{"BIGINT", "BIGINT"},
		width:  2,
	}
	return r.write(ctx, "clear hours to compare", func(tx *sql.Tx) error {
		_, err := remove.exec(ctx, tx, r.dialect, args, 512)
		return err
	})
}

// monthPage is how many blocks MonthBlocks holds at a time, some 2 kB each.
const monthPage = 500

// MonthBlocks calls fn for the stored blocks of a property and month of all
// stations, in order of the ids. A block that cannot be read is left out, with
// a warning: it is computed anew when one of its hours is marked. An error of
// fn ends the walk and is returned as it is. fn may use the register.
func (r *Register) MonthBlocks(ctx context.Context, p reading.Property, m reading.Month, fn func(ingest.VersionedBlock) error) error {
	after := ""
	for {
		packed, err := r.monthPage(ctx, p, m, after)
		if err != nil {
			return fmt.Errorf("read hour blocks of a month: %w", err)
		}
		for _, k := range packed {
			after = k.station
			b, err := DecodeBlock(reading.StationID(k.station), p, m, k.data)
			if errors.Is(err, ErrCorruptBlock) {
				r.options.Log.LogAttrs(ctx, slog.LevelWarn, "a damaged block takes no part in the comparison of neighbours", slog.Any("error", err))
				continue
			}
			if err != nil {
				return err
			}
			if err := fn(ingest.VersionedBlock{Block: b, Version: k.version}); err != nil {
				return err
			}
		}
		if len(packed) < monthPage {
			return nil
		}
	}
}

type packedBlock struct {
	station string
	version int64
	data    []byte
}

func (r *Register) monthPage(ctx context.Context, p reading.Property, m reading.Month, after string) ([]packedBlock, error) {
	rows, err := r.reads.QueryContext(ctx, `SELECT station, version, data FROM hour_block
		WHERE property = $1 AND month = $2 AND station > $3 ORDER BY station LIMIT $4`, string(p), int64(m), after, monthPage)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var packed []packedBlock
	for rows.Next() {
		var k packedBlock
		if err := rows.Scan(&k.station, &k.version, &k.data); err != nil {
			return nil, err
		}
		packed = append(packed, k)
	}
	return packed, rows.Err()
}
