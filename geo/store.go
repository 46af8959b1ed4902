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
//
// No index of a whole vintage is kept: a station is compared with the areas whose
// boxes reach its surroundings, so that a country costs no more than a town.
type Store struct {
	register *register.Register
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
	return areasWhere(ctx, q, v, level, "")
}

// areasWhere returns the areas of a level for which the condition holds; it
// begins with AND and numbers its arguments from $3.
func areasWhere(ctx context.Context, q queryer, v vintage, level Level, condition string, args ...any) ([]Area, error) {
	if v.schematic() {
		return slices.DeleteFunc(Schematic(), func(a Area) bool { return a.Level != level }), nil
	}
	rows, err := q.QueryContext(ctx, `SELECT a.code, a.name, a.parent, a.lon, a.lat, a.source, f.inhabitants, f.households, f.density, a.geometry
		FROM area a LEFT JOIN area_fact f ON f.year = $1 AND f.level = $2 AND f.code = a.code
		WHERE a.year = $1 AND a.level = $2 `+condition+` ORDER BY a.code`, append([]any{v.year, string(level)}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read areas: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var areas []Area
	for rows.Next() {
		a := Area{Level: level, Year: v.year}
		var shape []byte
		err := rows.Scan(&a.Code, &a.Name, &a.Parent, &a.Center[0], &a.Center[1], &a.Source,
			&a.Figures.Inhabitants, &a.Figures.Households, &a.Figures.Density, &shape)
		if err != nil {
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

// AreasIn returns the areas of a level of the active vintage that lie in the
// gemeente, in code order. Others are not read.
func (s *Store) AreasIn(ctx context.Context, level Level, gemeente Code) ([]Area, error) {
	v, err := active(ctx, s.register.ReadDB())
	if err != nil {
		return nil, err
	}
	prefix := map[Level]string{Buurt: "BU", Wijk: "WK", Gemeente: "GM"}[level] + strings.TrimPrefix(string(gemeente), "GM")
	if v.schematic() {
		areas, err := areasOf(ctx, s.register.ReadDB(), v, level)
		return slices.DeleteFunc(areas, func(a Area) bool { return GemeenteOf(a.Code) != gemeente }), err
	}
	// Codes are digits and capitals, all of them below the tilde.
	return areasWhere(ctx, s.register.ReadDB(), v, level, `AND a.code >= $3 AND a.code < $4`, prefix, prefix+"~")
}

// Area returns one area of the active vintage; ok is false when there is none.
func (s *Store) Area(ctx context.Context, c Code) (a Area, ok bool, err error) {
	level, known := LevelOf(c)
	if !known {
		return Area{}, false, nil
	}
	v, err := active(ctx, s.register.ReadDB())
	if err != nil {
		return Area{}, false, err
	}
	areas, err := areasWhere(ctx, s.register.ReadDB(), v, level, `AND a.code = $3`, string(c))
	for _, a := range areas { // the schematic cells come all
		if a.Code == c {
			return a, true, nil
		}
	}
	return Area{}, false, err
}

// OnlyGemeente returns the gemeente of all buurten of the active vintage; empty
// when they are of several. It costs the same for a country as for a town.
func (s *Store) OnlyGemeente(ctx context.Context) (Code, error) {
	v, err := active(ctx, s.register.ReadDB())
	if err != nil {
		return "", err
	}
	if v.schematic() {
		return townCode, nil
	}
	var first, last Code
	err = s.register.ReadDB().QueryRowContext(ctx, `SELECT
		(SELECT code FROM area WHERE year = $1 AND level = $2 ORDER BY code LIMIT 1),
		(SELECT code FROM area WHERE year = $1 AND level = $2 ORDER BY code DESC LIMIT 1)`, v.year, string(Buurt)).Scan(&first, &last)
	if err != nil {
		return "", fmt.Errorf("read gemeenten: %w", err)
	}
	if GemeenteOf(first) != GemeenteOf(last) {
		return "", nil
	}
	return GemeenteOf(first), nil
}

// HasGemeente tells whether the active vintage has buurten of the gemeente.
func (s *Store) HasGemeente(ctx context.Context, gemeente Code) (bool, error) {
	v, err := active(ctx, s.register.ReadDB())
	if err != nil {
		return false, err
	}
	if level, ok := LevelOf(gemeente); !ok || level != Gemeente || v.schematic() {
		return gemeente == townCode && v.schematic(), nil
	}
	prefix := "BU" + string(gemeente[2:])
	var n int
	err = s.register.ReadDB().QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM area
		WHERE year = $1 AND level = $2 AND code >= $3 AND code < $4 LIMIT 1) found`, v.year, string(Buurt), prefix, prefix+"~").Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read gemeenten: %w", err)
	}
	return n > 0, nil
}

// Gemeenten returns the gemeenten that the buurten of the active vintage lie in,
// in code order.
func (s *Store) Gemeenten(ctx context.Context) ([]Code, error) {
	v, err := active(ctx, s.register.ReadDB())
	if err != nil {
		return nil, err
	}
	if v.schematic() {
		return []Code{townCode}, nil
	}
	rows, err := s.register.ReadDB().QueryContext(ctx, `SELECT DISTINCT substr(code, 3, 4) FROM area WHERE year = $1 AND level = $2 ORDER BY 1`, v.year, string(Buurt))
	if err != nil {
		return nil, fmt.Errorf("read gemeenten: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var codes []Code
	for rows.Next() {
		var c Code
		if err := rows.Scan(&c); err != nil {
			return nil, fmt.Errorf("read gemeenten: %w", err)
		}
		codes = append(codes, "GM"+c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read gemeenten: %w", err)
	}
	return codes, nil
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
