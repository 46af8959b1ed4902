package geo

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paulmach/orb/encoding/wkb"
)

// Origin says where boundaries came from, for the list of vintages.
type Origin struct {
	// Source is the address or the name of the file.
	Source string
	// At is the moment of the import.
	At time.Time
}

// Imported is what an import did.
type Imported struct {
	// Unchanged tells that the very same areas were there already: nothing was
	// written.
	Unchanged bool
	// Before is the number of areas that were replaced, by level.
	Before map[Level]int
}

// Import is ImportFrom without an origin.
func (s *Store) Import(ctx context.Context, areas []Area, year int) error {
	_, err := s.ImportFrom(ctx, areas, year, Origin{})
	return err
}

// ImportFrom stores the areas as the boundaries of the year. Each level that
// occurs among them is replaced whole, other levels and years stay; readers see
// the old boundaries or the new ones with every station assigned, nothing
// between. Areas that are the same as those that are stored, to the last digit,
// change nothing. An error means that nothing was stored, unless it comes from
// the assignment of stations that were added during the import, which says so.
func (s *Store) ImportFrom(ctx context.Context, areas []Area, year int, from Origin) (Imported, error) {
	levels, err := checkImport(areas, year)
	if err != nil {
		return Imported{}, fmt.Errorf("import areas: %w", err)
	}
	digests := map[Level]string{}
	for _, level := range levels {
		if digests[level], err = digestOf(ofLevel(areas, level)); err != nil {
			return Imported{}, fmt.Errorf("import areas of %d: %w", year, err)
		}
	}
	done := Imported{Before: map[Level]int{}}
	err = s.register.InTx(ctx, func(tx *sql.Tx) error {
		var changed []Level
		for _, level := range levels {
			same, err := beginLevel(ctx, tx, year, level, digests[level], from)
			if err != nil {
				return err
			}
			if !same {
				changed = append(changed, level)
			}
		}
		if done.Unchanged = len(changed) == 0; done.Unchanged {
			return nil
		}
		for _, level := range changed {
			if done.Before[level], err = replace(ctx, tx, ofLevel(areas, level), year, level); err != nil {
				return err
			}
		}
		if slices.Contains(changed, Buurt) {
			if err := s.assignYear(ctx, tx, year); err != nil {
				return err
			}
		}
		return s.register.BumpVersion(ctx, tx)
	})
	if err != nil {
		return Imported{}, fmt.Errorf("import areas of %d: %w", year, err)
	}
	// A station that was added since the positions were read is not assigned yet.
	if err := s.AssignAll(ctx); err != nil {
		return done, fmt.Errorf("the areas of %d are imported, but not every station may be assigned; import again: %w", year, err)
	}
	return done, nil
}

// beginLevel writes the row of the vintage first: it makes two imports of the
// same year wait for each other. same tells that it holds what is imported.
func beginLevel(ctx context.Context, tx *sql.Tx, year int, level Level, digest string, from Origin) (same bool, err error) {
	_, err = tx.ExecContext(ctx, `INSERT INTO area_vintage (year, level, revision) VALUES ($1, $2, 0)
		ON CONFLICT (year, level) DO UPDATE SET revision = area_vintage.revision`, year, string(level))
	if err != nil {
		return false, err
	}
	var held string
	err = tx.QueryRowContext(ctx, `SELECT digest FROM area_vintage WHERE year = $1 AND level = $2`, year, string(level)).Scan(&held)
	if err != nil || held == digest {
		return err == nil, err
	}
	var at int64
	if !from.At.IsZero() {
		at = from.At.UnixMilli()
	}
	_, err = tx.ExecContext(ctx, `UPDATE area_vintage SET revision = revision + 1, digest = $3, origin = $4, imported = $5, boxed = 1
		WHERE year = $1 AND level = $2`, year, string(level), digest, storable(from.Source), at)
	return false, err
}

// replace puts the areas in the place of the level's and returns how many those
// were.
func replace(ctx context.Context, tx *sql.Tx, areas []Area, year int, level Level) (before int, err error) {
	gone, err := tx.ExecContext(ctx, `DELETE FROM area WHERE year = $1 AND level = $2`, year, string(level))
	if err != nil {
		return 0, err
	}
	n, err := gone.RowsAffected()
	if err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM area_fact WHERE year = $1 AND level = $2`, year, string(level)); err != nil {
		return 0, err
	}
	shapes, err := tx.PrepareContext(ctx, `INSERT INTO area (year, level, code, name, parent, lon, lat, source, geometry)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`)
	if err != nil {
		return 0, err
	}
	defer func() { _ = shapes.Close() }()
	facts, err := tx.PrepareContext(ctx, `INSERT INTO area_fact (year, level, code, west, south, east, north, inhabitants, households, density)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`)
	if err != nil {
		return 0, err
	}
	defer func() { _ = facts.Close() }()
	for _, a := range areas {
		shape, err := wkb.Marshal(a.Geometry)
		if err != nil {
			return 0, fmt.Errorf("geometry of %s: %w", a.Code, err)
		}
		_, err = shapes.ExecContext(ctx, year, string(level), string(a.Code), storable(a.Name), string(a.Parent),
			a.Center[0], a.Center[1], storable(a.Source), shape)
		if err != nil {
			return 0, fmt.Errorf("store %s: %w", a.Code, err)
		}
		b := a.Geometry.Bound()
		_, err = facts.ExecContext(ctx, year, string(level), string(a.Code), b.Min[0], b.Min[1], b.Max[0], b.Max[1],
			a.Figures.Inhabitants, a.Figures.Households, a.Figures.Density)
		if err != nil {
			return 0, fmt.Errorf("store %s: %w", a.Code, err)
		}
	}
	return int(n), nil
}

// digestOf names the content of areas, whatever their order.
func digestOf(areas []Area) (string, error) {
	areas = slices.Clone(areas)
	slices.SortFunc(areas, func(a, b Area) int { return cmp.Compare(a.Code, b.Code) })
	h := sha256.New()
	write := func(b []byte) {
		_ = binary.Write(h, binary.LittleEndian, int64(len(b))) // a hash takes everything
		_, _ = h.Write(b)
	}
	for _, a := range areas {
		for _, s := range []string{string(a.Code), a.Name, string(a.Parent), a.Source} {
			write([]byte(s))
		}
		for _, f := range []*int{a.Figures.Inhabitants, a.Figures.Households, a.Figures.Density} {
			n := int64(-1)
			if f != nil {
				n = int64(*f)
			}
			_ = binary.Write(h, binary.LittleEndian, n)
		}
		_ = binary.Write(h, binary.LittleEndian, a.Center)
		shape, err := wkb.Marshal(a.Geometry)
		if err != nil {
			return "", fmt.Errorf("geometry of %s: %w", a.Code, err)
		}
		write(shape)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Digest names the content of the vintage, of all its levels; empty when nothing
// of the year was imported, or before contents were named.
func (s *Store) Digest(ctx context.Context, year int) (string, error) {
	rows, err := s.register.ReadDB().QueryContext(ctx, `SELECT level, digest FROM area_vintage WHERE year = $1 ORDER BY level`, year)
	if err != nil {
		return "", fmt.Errorf("read the vintages of areas: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all strings.Builder
	for rows.Next() {
		var level, digest string
		if err := rows.Scan(&level, &digest); err != nil {
			return "", fmt.Errorf("read the vintages of areas: %w", err)
		}
		if digest == "" {
			return "", errors.Join(rows.Err(), rows.Close())
		}
		all.WriteString(level + " " + digest + "\n")
	}
	return all.String(), errors.Join(rows.Err(), rows.Close())
}
