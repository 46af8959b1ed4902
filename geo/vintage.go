package geo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paulmach/orb"
)

// ErrNoVintage is wrapped by the error of Remove for a year that was not
// imported.
var ErrNoVintage = errors.New("no boundaries of this year were imported")

// Vintage is one imported year of boundaries.
type Vintage struct {
	Year int
	// Count is the number of areas by level.
	Count map[Level]int
	// Inhabited, Households and Dense count the buurten of which that figure is
	// known; Inhabitants adds those up that are.
	Inhabited, Households, Dense, Inhabitants int
	// Origin of the buurten, or of the first other level without them; zero for
	// boundaries that were imported before it was kept.
	Origin Origin
	// Active tells that stations are assigned, and pages drawn, by this year.
	Active bool
}

// Vintages returns what was imported, the oldest year first; none before the
// first import.
func (s *Store) Vintages(ctx context.Context) ([]Vintage, error) {
	now, err := active(ctx, s.register.ReadDB())
	if err != nil {
		return nil, err
	}
	rows, err := s.register.ReadDB().QueryContext(ctx, `SELECT v.year, v.level, v.origin, v.imported,
			(SELECT COUNT(*) FROM area a WHERE a.year = v.year AND a.level = v.level),
			COUNT(f.inhabitants), COUNT(f.households), COUNT(f.density), CAST(COALESCE(SUM(f.inhabitants), 0) AS BIGINT)
		FROM area_vintage v LEFT JOIN area_fact f ON f.year = v.year AND f.level = v.level
		GROUP BY v.year, v.level, v.origin, v.imported ORDER BY v.year, v.level`)
	if err != nil {
		return nil, fmt.Errorf("read the vintages of areas: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Vintage
	for rows.Next() {
		row := Vintage{Count: map[Level]int{}, Active: !now.schematic()}
		var n int
		var at int64
		var level Level
		err := rows.Scan(&row.Year, &level, &row.Origin.Source, &at, &n, &row.Inhabited, &row.Households, &row.Dense, &row.Inhabitants)
		if err != nil {
			return nil, fmt.Errorf("read the vintages of areas: %w", err)
		}
		if at > 0 {
			row.Origin.At = time.UnixMilli(at).UTC()
		}
		row.Active = row.Active && row.Year == now.year
		if level != Buurt { // which comes first
			row.Inhabited, row.Households, row.Dense, row.Inhabitants = 0, 0, 0, 0
		}
		if len(all) == 0 || all[len(all)-1].Year != row.Year {
			all = append(all, row)
		}
		all[len(all)-1].Count[level] = n
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the vintages of areas: %w", err)
	}
	return all, nil
}

// Remove takes the boundaries of the year out, with the assignments that were
// made by them; the latest year that is left becomes the active one, or else
// the schematic cells, and every station is assigned by it. The error wraps
// ErrNoVintage when there is nothing of that year.
func (s *Store) Remove(ctx context.Context, year int) error {
	err := s.register.InTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM area_vintage WHERE year = $1`, year)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrNoVintage)
		}
		for _, remove := range []string{
			`DELETE FROM area WHERE year = $1`, `DELETE FROM area_fact WHERE year = $1`, `DELETE FROM station_area WHERE year = $1`,
		} {
			if _, err := tx.ExecContext(ctx, remove, year); err != nil {
				return err
			}
		}
		return s.register.BumpVersion(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("remove the areas of %d: %w", year, err)
	}
	if err := s.AssignAll(ctx); err != nil {
		return fmt.Errorf("the areas of %d are removed, but not every station may be assigned; import the boundaries again: %w", year, err)
	}
	return nil
}

// GemeenteOf returns the code of the gemeente that the area lies in, or is; it is
// empty for a text that is no CBS code.
func GemeenteOf(c Code) Code {
	if _, ok := LevelOf(c); !ok {
		return ""
	}
	return "GM" + c[2:6]
}

// Gemeenten returns the codes of the gemeenten that the areas lie in, in code
// order, each once.
func Gemeenten(areas []Area) []Code {
	var codes []Code
	for _, a := range areas {
		if c := GemeenteOf(a.Code); c != "" {
			codes = append(codes, c)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// Town returns the gemeente of buurten that were imported without it: its code
// is a part of theirs, its name is known for the gemeente of the schematic
// cells and is else its code, its centre is the middle of the box around them,
// and it has no geometry. The zero Area is returned for no buurten.
func Town(buurten []Area) Area {
	if len(buurten) == 0 {
		return Area{}
	}
	first := buurten[0]
	town := Area{Code: GemeenteOf(first.Code), Level: Gemeente, Year: first.Year, Source: first.Source}
	town.Name = string(town.Code)
	if town.Code == townCode {
		town.Name = townName
	}
	var box orb.Bound
	for i, a := range buurten {
		if i == 0 {
			box = a.Geometry.Bound()
		}
		box = box.Union(a.Geometry.Bound())
	}
	town.Center = box.Center()
	return town
}
