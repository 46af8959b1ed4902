package geo

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkb"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store keeps the boundaries of areas, by vintage, and in which buurt each
// station stands. It keeps no position. The active vintage is the latest year
// of which buurten were imported; before the first import it is the schematic
// cells (year 0), which are drawn and not stored.
//
// It is safe for concurrent use, and several processes may hold one over the
// same register. Calls that change something return after the commit.
type Store struct {
	register *register.Register
	index    holder
}

// vintage names a state of the imported buurten: revision grows with every
// import of that year. The zero value is the schematic cells.
type vintage struct {
	year     int
	revision int64
}

func (v vintage) schematic() bool { return v.revision == 0 }

// OpenStore brings the tables up to date and returns the store. The register
// stays the caller's to close.
func OpenStore(ctx context.Context, r *register.Register) (*Store, error) {
	own, err := fs.Sub(migrations, "migrations")
	if err == nil {
		err = r.Migrate(ctx, "geo", own)
	}
	if err != nil {
		return nil, fmt.Errorf("open the store of areas: %w", err)
	}
	return &Store{register: r}, nil
}

// Active returns the vintage that Areas and StationAreas answer from; schematic
// is true, and year 0, while no buurten were imported.
func (s *Store) Active(ctx context.Context) (year int, schematic bool, err error) {
	v, err := active(ctx, s.register.ReadDB())
	if err != nil {
		return 0, false, err
	}
	return v.year, v.schematic(), nil
}

// queryer is a database handle or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func active(ctx context.Context, q queryer) (v vintage, err error) {
	err = q.QueryRowContext(ctx, `SELECT year, revision FROM area_vintage WHERE level = $1 ORDER BY year DESC LIMIT 1`,
		string(Buurt)).Scan(&v.year, &v.revision)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return vintage{}, fmt.Errorf("read the vintage of the areas: %w", err)
	}
	return v, nil
}

// Areas returns the areas of a level of the active vintage in code order; none
// when that level of it was not imported. The slice is the caller's own.
func (s *Store) Areas(ctx context.Context, level Level) ([]Area, error) {
	v, err := active(ctx, s.register.ReadDB())
	if err != nil {
		return nil, err
	}
	return areasOf(ctx, s.register.ReadDB(), v, level)
}

func areasOf(ctx context.Context, q queryer, v vintage, level Level) ([]Area, error) {
	if v.schematic() {
		return slices.DeleteFunc(Schematic(), func(a Area) bool { return a.Level != level }), nil
	}
	rows, err := q.QueryContext(ctx, `SELECT code, name, parent, lon, lat, source, geometry
		FROM area WHERE year = $1 AND level = $2 ORDER BY code`, v.year, string(level))
	if err != nil {
		return nil, fmt.Errorf("read areas: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var areas []Area
	for rows.Next() {
		a := Area{Level: level, Year: v.year}
		var shape []byte
		if err := rows.Scan(&a.Code, &a.Name, &a.Parent, &a.Center[0], &a.Center[1], &a.Source, &shape); err != nil {
			return nil, fmt.Errorf("read areas: %w", err)
		}
		g, err := wkb.Unmarshal(shape)
		if err != nil {
			return nil, fmt.Errorf("stored geometry of %s of %d cannot be read (import the boundaries again): %w", a.Code, v.year, err)
		}
		var ok bool
		if a.Geometry, ok = g.(orb.MultiPolygon); !ok {
			return nil, fmt.Errorf("stored geometry of %s of %d is a %s (import the boundaries again)", a.Code, v.year, g.GeoJSONType())
		}
		areas = append(areas, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read areas: %w", err)
	}
	return areas, nil
}

// Import stores the areas as the boundaries of the year. Each level that occurs
// among them is replaced whole, other levels and years stay; readers see the
// old boundaries or the new ones with every station assigned, nothing between.
// An error means that nothing was stored, unless it comes from the assignment
// of stations that were added during the import, which says so.
func (s *Store) Import(ctx context.Context, areas []Area, year int) error {
	levels, err := checkImport(areas, year)
	if err != nil {
		return fmt.Errorf("import areas: %w", err)
	}
	err = s.register.InTx(ctx, func(tx *sql.Tx) error {
		for _, level := range levels {
			if err := replace(ctx, tx, areas, year, level); err != nil {
				return err
			}
		}
		if slices.Contains(levels, Buurt) {
			places, err := s.places(ctx)
			if err != nil {
				return err
			}
			// Of an older vintage than the active one too, so that no assignment
			// outlives the boundaries that it was made with.
			if err := assignAll(ctx, tx, year, NewIndex(ofLevel(areas, Buurt)), places); err != nil {
				return err
			}
		}
		return s.register.BumpVersion(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("import areas of %d: %w", year, err)
	}
	// A station that was added since the positions were read is not assigned yet.
	if err := s.AssignAll(ctx); err != nil {
		return fmt.Errorf("the areas of %d are imported, but not every station may be assigned; import again: %w", year, err)
	}
	return nil
}

func checkImport(areas []Area, year int) (levels []Level, err error) {
	if year <= 0 {
		return nil, fmt.Errorf("year %d: give the vintage of the boundaries", year)
	}
	if len(areas) == 0 {
		return nil, ErrNoAreas
	}
	seen := map[Code]bool{}
	for _, a := range areas {
		level, ok := LevelOf(a.Code)
		switch {
		case !ok || level != a.Level:
			return nil, fmt.Errorf("area %.20q is no %s", string(a.Code), a.Level)
		case seen[a.Code]:
			return nil, fmt.Errorf("area %s stands twice in the import", a.Code)
		case len(a.Geometry) == 0:
			return nil, fmt.Errorf("area %s has no geometry", a.Code)
		case a.Schematic:
			return nil, fmt.Errorf("area %s is a schematic cell: import real boundaries", a.Code)
		}
		seen[a.Code] = true
		if !slices.Contains(levels, level) {
			levels = append(levels, level)
		}
	}
	slices.Sort(levels) // the same order in every import, so that two never wait for each other
	return levels, nil
}

func ofLevel(areas []Area, level Level) []Area {
	var found []Area
	for _, a := range areas {
		if a.Level == level {
			found = append(found, a)
		}
	}
	return found
}

func replace(ctx context.Context, tx *sql.Tx, areas []Area, year int, level Level) error {
	// The row of the vintage is written first: it makes two imports of the same
	// year wait for each other.
	_, err := tx.ExecContext(ctx, `INSERT INTO area_vintage (year, level, revision) VALUES ($1, $2, 1)
		ON CONFLICT (year, level) DO UPDATE SET revision = area_vintage.revision + 1`, year, string(level))
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM area WHERE year = $1 AND level = $2`, year, string(level)); err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO area (year, level, code, name, parent, lon, lat, source, geometry)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`)
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	for _, a := range ofLevel(areas, level) {
		shape, err := wkb.Marshal(a.Geometry)
		if err != nil {
			return fmt.Errorf("geometry of %s: %w", a.Code, err)
		}
		_, err = insert.ExecContext(ctx, year, string(level), string(a.Code), storable(a.Name), string(a.Parent),
			a.Center[0], a.Center[1], storable(a.Source), shape)
		if err != nil {
			return fmt.Errorf("store %s: %w", a.Code, err)
		}
	}
	return nil
}

// storable makes text fit for both databases; PostgreSQL refuses NUL.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// places returns where every station stands. It stays inside this package and
// goes no further than the point index. Inside a transaction it is read after
// the vintage was locked: a station that moves later is assigned later.
func (s *Store) places(ctx context.Context) (map[reading.StationID]reading.SecretPosition, error) {
	places := map[reading.StationID]reading.SecretPosition{}
	err := s.register.Positions(ctx, func(id reading.StationID, pos reading.SecretPosition) error {
		places[id] = pos
		return nil
	})
	return places, err
}
