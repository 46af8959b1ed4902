package register

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// maxBlockRows bounds the blocks in one statement, some 2 kB each.
const maxBlockRows = 64

// Block returns the block and its version; an absent block is empty (all hours
// missing) with version 0. A stored block that cannot be read gives an empty
// block with its version and an error that wraps ErrCorruptBlock, so that the
// caller who computes it anew can replace it.
func (r *Register) Block(ctx context.Context, s reading.StationID, p reading.Property, m reading.Month) (reading.Block, int64, error) {
	var version int64
	var data []byte
	table, column := seriesTable(p)
	err := r.reads.QueryRowContext(ctx, `SELECT `+column+`, data FROM `+table+` WHERE station = $1 AND property = $2 AND month = $3`,
		storable(string(s), maxID), string(p), int64(m)).Scan(&version, &data)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return reading.NewBlock(s, p, m), 0, nil
	case err != nil:
		return reading.Block{}, 0, fmt.Errorf("read hour block: %w", err)
	}
	b, err := DecodeBlock(s, p, m, data)
	if err != nil {
		b = reading.NewBlock(s, p, m)
	}
	return b, version, err
}

// PutBlocks stores the blocks in one transaction if each stored version is
// still the one in Version (0 = absent); the stored version becomes one higher.
// Otherwise nothing is stored and the error wraps ingest.ErrStaleBlock, or
// ingest.ErrStationDeleted when the station of one was deleted. The same block
// may not occur twice. The Hours of the blocks are marked for the comparison
// with neighbours in the same transaction.
func (r *Register) PutBlocks(ctx context.Context, blocks []ingest.VersionedBlock) error {
	if len(blocks) == 0 {
		return nil
	}
	sorted := slices.Clone(blocks) // one order for all writers, as in MarkDirty
	slices.SortFunc(sorted, byBlock)
	var added, changed []any
	for i, b := range sorted {
		if i > 0 && byBlock(sorted[i-1], b) == 0 {
			return fmt.Errorf("store hour blocks: block %s %s %s occurs twice in the call", b.Station, b.Property, b.Month)
		}
		if err := checkBlock(b.Block); err != nil {
			return fmt.Errorf("store hour blocks: %w", err)
		}
		row := []any{string(b.Station), string(b.Property), int64(b.Month), b.Version, EncodeBlock(b.Block)}
		if b.Version == 0 {
			row[3] = int64(1)
			added = append(added, row...)
		} else {
			changed = append(changed, row...)
		}
	}
	return r.write(ctx, "store hour blocks", func(tx *sql.Tx) error {
		n, err := insertBlocks().exec(ctx, tx, r.dialect, added, maxBlockRows)
		if err != nil {
			return err
		}
		m, err := r.updateBlocks().exec(ctx, tx, r.dialect, changed, maxBlockRows)
		if err != nil {
			return err
		}
		if n+m != int64(len(blocks)) {
			return fmt.Errorf("%d of %d: %w", int64(len(blocks))-n-m, len(blocks), ingest.ErrStaleBlock)
		}
		if err := r.markNeighbours(ctx, tx, sorted); err != nil {
			return err
		}
		if _, err = r.bump(ctx, tx, 0, 0); err != nil {
			return err
		}
		// Asked behind the version, which a deletion raises too: either we see it,
		// or it removes what we store.
		gone, err := deletedOf(ctx, tx, r.dialect, stationsOf(sorted))
		if err == nil && len(gone) > 0 {
			err = ingest.ErrStationDeleted
		}
		return err
	})
}

func stationsOf(sorted []ingest.VersionedBlock) []string {
	var ids []string
	for i, b := range sorted {
		if i == 0 || sorted[i-1].Station != b.Station {
			ids = append(ids, string(b.Station))
		}
	}
	return ids
}

func checkBlock(b reading.Block) error {
	if _, err := reading.ParseStationID(string(b.Station)); err != nil {
		return err
	}
	if _, err := reading.ParseProperty(string(b.Property)); err != nil {
		return err
	}
	return b.Check()
}

func byBlock(a, b ingest.VersionedBlock) int {
	return cmp.Or(cmp.Compare(a.Station, b.Station), cmp.Compare(a.Property, b.Property), cmp.Compare(a.Month, b.Month))
}

func insertBlocks() statement {
	return statement{
		before: `INSERT INTO hour_block (station, property, month, version, data) VALUES `,
		after:  ` ON CONFLICT (station, property, month) DO NOTHING`,
		width:  5,
	}
}

func (r *Register) updateBlocks() statement {
	return statement{
		before: `WITH v (station, property, month, version, data) AS (VALUES `,
		after: `) UPDATE hour_block SET version = v.version + 1, data = v.data FROM v
			WHERE hour_block.station = v.station AND hour_block.property = v.property
			AND hour_block.month = v.month AND hour_block.version = v.version`,
		types: []string{"TEXT", "TEXT", "INTEGER", "BIGINT", r.dialect.BlobType()},
		width: 5,
	}
}

// EachBlock calls fn for the stored blocks of a series, raw or corrected, in order of month, from
// and to included. Months without a block are left out. An error of fn ends the
// walk and is returned as it is. fn may use the register.
func (r *Register) EachBlock(ctx context.Context, s reading.StationID, p reading.Property, from, to reading.Month, fn func(reading.Block) error) error {
	type packed struct {
		month reading.Month
		data  []byte
	}
	table, _ := seriesTable(p)
	query := `SELECT month, data FROM ` + table + ` WHERE station = $1 AND property = $2 AND month >= $3 AND month <= $4 ORDER BY month` //nolint:gosec // one of two names of ours
	rows, err := r.reads.QueryContext(ctx, query,
		storable(string(s), maxID), string(p), int64(from), int64(to))
	if err != nil {
		return fmt.Errorf("read hour blocks: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []packed
	for rows.Next() {
		var b packed
		if err := rows.Scan(&b.month, &b.data); err != nil {
			return fmt.Errorf("read hour blocks: %w", err)
		}
		all = append(all, b)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("read hour blocks: %w", err)
	}
	for _, packed := range all {
		b, err := DecodeBlock(s, p, packed.month, packed.data)
		if err != nil {
			return err
		}
		if err := fn(b); err != nil {
			return err
		}
	}
	return nil
}

// BlockRef names one stored block and its version.
type BlockRef struct {
	Station  reading.StationID
	Property reading.Property
	Month    reading.Month
	Version  int64
}

// BlockIndex returns all stored blocks, raw and corrected, without their data,
// ordered by station, property and month; the version of a corrected one is the
// fingerprint of what it was made from. Comparing versions with an earlier index
// tells what changed.
func (r *Register) BlockIndex(ctx context.Context) ([]BlockRef, error) {
	rows, err := r.reads.QueryContext(ctx, `SELECT station, property, month, version FROM hour_block
		UNION ALL SELECT station, property, month, inputs FROM corrected_block
		UNION ALL SELECT station, property, month, inputs FROM network_block ORDER BY station, property, month`)
	if err != nil {
		return nil, fmt.Errorf("read index of hour blocks: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var refs []BlockRef
	for rows.Next() {
		var b BlockRef
		if err := rows.Scan(&b.Station, &b.Property, &b.Month, &b.Version); err != nil {
			return nil, fmt.Errorf("read index of hour blocks: %w", err)
		}
		refs = append(refs, b)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read index of hour blocks: %w", err)
	}
	return refs, nil
}
