package geo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"buurtmeter/ingest/reading"
)

// AssignAll works out anew in which buurt of the active vintage every station
// stands. It brings the assignments in line whatever happened before, and
// changes nothing when they are.
func (s *Store) AssignAll(ctx context.Context) error {
	err := s.underActive(ctx, func(tx *sql.Tx, v vintage, index *Index) error {
		places, err := s.places(ctx)
		if err != nil {
			return err
		}
		before, err := assignments(ctx, tx, v.year)
		if err != nil {
			return err
		}
		if same(before, index, places) {
			return nil
		}
		if err := assignAll(ctx, tx, v.year, index, places); err != nil {
			return err
		}
		return s.register.BumpVersion(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("assign stations: %w", err)
	}
	return nil
}

// Assign stores in which buurt of the active vintage the position lies; in none
// when it is zero or outside every buurt. What was known of the station under
// other vintages is dropped, since its place may have changed. Only the area is
// stored.
func (s *Store) Assign(ctx context.Context, id reading.StationID, pos reading.SecretPosition) error {
	err := s.underActive(ctx, func(tx *sql.Tx, v vintage, index *Index) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM station_area WHERE station = $1`, string(id)); err != nil {
			return err
		}
		if code, ok := locate(index, pos); ok {
			if err := put(ctx, tx, v.year, id, code); err != nil {
				return err
			}
		}
		return s.register.BumpVersion(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("assign station %s: %w", id, err)
	}
	return nil
}

// Forget returns what removes the station's areas of every vintage, to be done
// in the transaction that deletes the station. An import of boundaries that runs
// at that moment assigns anew by the positions that are left.
func (s *Store) Forget(ctx context.Context, id reading.StationID) func(*sql.Tx) error {
	return func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM station_area WHERE station = $1`, string(id)); err != nil {
			return fmt.Errorf("areas of station %s: %w", id, err)
		}
		return nil
	}
}

// underActive runs fn in a transaction during which the boundaries of the
// active vintage stand still. When an import came in between, it starts again.
func (s *Store) underActive(ctx context.Context, fn func(*sql.Tx, vintage, *Index) error) error {
	const attempts = 5
	for range attempts {
		v, index, err := s.activeIndex(ctx)
		if err != nil {
			return err
		}
		err = s.register.InTx(ctx, func(tx *sql.Tx) error {
			if err := hold(ctx, tx, v); err != nil {
				return err
			}
			return fn(tx, v, index)
		})
		if !errors.Is(err, errMoved) {
			return err
		}
	}
	return fmt.Errorf("%w %d times in a row; try again later", errMoved, attempts)
}

// errMoved tells that the active vintage is not the one that was prepared for.
var errMoved = errors.New("the boundaries were replaced meanwhile")

// hold makes imports of the vintage wait until tx ends; errMoved when it is no
// longer the active one.
func hold(ctx context.Context, tx *sql.Tx, v vintage) error {
	// Writing the row without changing it locks it in either database.
	_, err := tx.ExecContext(ctx, `UPDATE area_vintage SET revision = revision WHERE year = $1 AND level = $2`, v.year, string(Buurt))
	if err != nil {
		return err
	}
	now, err := active(ctx, tx)
	if err != nil {
		return err
	}
	if now != v {
		return errMoved
	}
	return nil
}

// StationAreas returns the buurt of every station that stands in one, under the
// active vintage.
func (s *Store) StationAreas(ctx context.Context) (map[reading.StationID]Code, error) {
	v, err := active(ctx, s.register.ReadDB())
	if err != nil {
		return nil, err
	}
	return assignments(ctx, s.register.ReadDB(), v.year)
}

// PublicPlaces returns for every station with an area the point that is published
// of that area: the same for all stations in it.
func (s *Store) PublicPlaces(ctx context.Context) (map[reading.StationID]reading.Place, error) {
	areaOf, err := s.StationAreas(ctx)
	if err != nil {
		return nil, err
	}
	areas, err := s.Areas(ctx, Buurt)
	if err != nil {
		return nil, err
	}
	points := make(map[Code]reading.Place, len(areas))
	for _, a := range areas {
		points[a.Code] = reading.Place{Lon: a.Center[0], Lat: a.Center[1], Elev: math.NaN()}
	}
	places := make(map[reading.StationID]reading.Place, len(areaOf))
	for id, code := range areaOf {
		if p, ok := points[code]; ok { // else the areas were replaced meanwhile
			places[id] = p
		}
	}
	return places, nil
}

// activeIndex returns the index of the active buurten, from memory while the
// vintage stands.
func (s *Store) activeIndex(ctx context.Context) (vintage, *Index, error) {
	v, err := active(ctx, s.register.ReadDB())
	if err != nil {
		return vintage{}, nil, err
	}
	index, err := s.index.of(v, func() (*Index, error) {
		areas, err := areasOf(ctx, s.register.ReadDB(), v, Buurt)
		if err != nil {
			return nil, err
		}
		return NewIndex(areas), nil
	})
	return v, index, err
}

func locate(index *Index, pos reading.SecretPosition) (Code, bool) {
	if pos.IsZero() {
		return "", false
	}
	return index.Locate(pos.Reveal())
}

func same(before map[reading.StationID]Code, index *Index, places map[reading.StationID]reading.SecretPosition) bool {
	found := 0
	for id, pos := range places {
		c, ok := locate(index, pos)
		if !ok {
			continue
		}
		found++
		if before[id] != c {
			return false
		}
	}
	return found == len(before)
}

func assignAll(ctx context.Context, tx *sql.Tx, year int, index *Index, places map[reading.StationID]reading.SecretPosition) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM station_area WHERE year = $1`, year); err != nil {
		return err
	}
	for id, pos := range places {
		if c, ok := locate(index, pos); ok {
			if err := put(ctx, tx, year, id, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func put(ctx context.Context, tx *sql.Tx, year int, id reading.StationID, c Code) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO station_area (year, station, area) VALUES ($1, $2, $3)
		ON CONFLICT (year, station) DO UPDATE SET area = excluded.area`, year, string(id), string(c))
	return err
}

func assignments(ctx context.Context, q queryer, year int) (map[reading.StationID]Code, error) {
	rows, err := q.QueryContext(ctx, `SELECT station, area FROM station_area WHERE year = $1`, year)
	if err != nil {
		return nil, fmt.Errorf("read the areas of stations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	areas := map[reading.StationID]Code{}
	for rows.Next() {
		var id reading.StationID
		var c Code
		if err := rows.Scan(&id, &c); err != nil {
			return nil, fmt.Errorf("read the areas of stations: %w", err)
		}
		areas[id] = c
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the areas of stations: %w", err)
	}
	return areas, nil
}
