package geo

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math"

	"buurtmeter/ingest/reading"
)

// AssignAll works out anew in which buurt every station stands, under every
// vintage that was imported. It brings the assignments in line whatever happened
// before, and changes nothing when they are.
func (s *Store) AssignAll(ctx context.Context) error {
	err := s.underVintages(ctx, func(tx *sql.Tx, vintages []stored) error {
		changed := false
		for _, v := range vintages {
			found, err := s.assign(ctx, tx, v)
			if err != nil {
				return err
			}
			changed = changed || found
		}
		if !changed {
			return nil
		}
		return s.register.BumpVersion(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("assign stations: %w", err)
	}
	return nil
}

// Assign stores in which buurt the position lies, under every vintage that was
// imported; in none when it is zero or outside every buurt. What was known of the
// station before is dropped, since its place may have changed. Only the area is
// stored.
func (s *Store) Assign(ctx context.Context, id reading.StationID, pos reading.SecretPosition) error {
	err := s.underVintages(ctx, func(tx *sql.Tx, vintages []stored) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM station_area WHERE station = $1`, string(id)); err != nil {
			return err
		}
		for _, v := range vintages {
			code, ok, err := newLocator(tx, v).locate(ctx, pos)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
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

// underVintages runs fn in a transaction during which the boundaries of the
// imported vintages stand still; before the first import they are the schematic
// cells. A vintage that another process is importing for the first time is not
// among them: that import assigns the stations itself when it has committed.
func (s *Store) underVintages(ctx context.Context, fn func(*sql.Tx, []stored) error) error {
	return s.register.InTx(ctx, func(tx *sql.Tx) error {
		before, err := vintages(ctx, tx)
		if err != nil {
			return err
		}
		for _, v := range before { // in the order of years, so that two never wait for each other
			// Writing the row without changing it locks it in either database.
			_, err := tx.ExecContext(ctx, `UPDATE area_vintage SET revision = revision WHERE year = $1 AND level = $2`, v.year, string(Buurt))
			if err != nil {
				return err
			}
		}
		// What was replaced or removed before the lock is seen now.
		held, err := vintages(ctx, tx)
		if err != nil {
			return err
		}
		if len(held) == 0 {
			held = []stored{{}}
		}
		return fn(tx, held)
	})
}

// stored is a vintage, and whether the boxes around its areas are stored.
type stored struct {
	vintage
	boxed bool
}

// vintages returns those with buurten, the oldest first.
func vintages(ctx context.Context, q queryer) ([]stored, error) {
	rows, err := q.QueryContext(ctx, `SELECT year, revision, boxed FROM area_vintage WHERE level = $1 ORDER BY year`, string(Buurt))
	if err != nil {
		return nil, fmt.Errorf("read the vintages of areas: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []stored
	for rows.Next() {
		var v stored
		var boxed int
		if err := rows.Scan(&v.year, &v.revision, &boxed); err != nil {
			return nil, fmt.Errorf("read the vintages of areas: %w", err)
		}
		v.boxed = boxed != 0
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the vintages of areas: %w", err)
	}
	return all, nil
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

// AreasOfStation returns the buurt of the station by the year of each imported
// vintage in which it stands in one; by year 0 before the first import.
func (s *Store) AreasOfStation(ctx context.Context, id reading.StationID) (map[int]Code, error) {
	rows, err := s.register.ReadDB().QueryContext(ctx, `SELECT year, area FROM station_area WHERE station = $1
		AND (year IN (SELECT year FROM area_vintage WHERE level = $2) OR NOT EXISTS (SELECT 1 FROM area_vintage WHERE level = $2))`, string(id), string(Buurt))
	if err != nil {
		return nil, fmt.Errorf("read the areas of station %s: %w", id, err)
	}
	defer func() { _ = rows.Close() }()
	areas := map[int]Code{}
	for rows.Next() {
		var year int
		var c Code
		if err := rows.Scan(&year, &c); err != nil {
			return nil, fmt.Errorf("read the areas of station %s: %w", id, err)
		}
		areas[year] = c
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the areas of station %s: %w", id, err)
	}
	return areas, nil
}

// PublicPlaces returns for every station with an area the point that is published
// of that area: the same for all stations in it.
func (s *Store) PublicPlaces(ctx context.Context) (map[reading.StationID]reading.Place, error) {
	v, err := active(ctx, s.register.ReadDB())
	if err != nil {
		return nil, err
	}
	areaOf, err := assignments(ctx, s.register.ReadDB(), v.year)
	if err != nil {
		return nil, err
	}
	points, err := centers(ctx, s.register.ReadDB(), v)
	if err != nil {
		return nil, err
	}
	places := make(map[reading.StationID]reading.Place, len(areaOf))
	for id, code := range areaOf {
		if p, ok := points[code]; ok { // else the areas were replaced meanwhile
			places[id] = p
		}
	}
	return places, nil
}

// centers returns the public points of the buurten that hold a station.
func centers(ctx context.Context, q queryer, v vintage) (map[Code]reading.Place, error) {
	points := map[Code]reading.Place{}
	if v.schematic() {
		for _, a := range Schematic() {
			points[a.Code] = reading.Place{Lon: a.Center[0], Lat: a.Center[1], Elev: math.NaN()}
		}
		return points, nil
	}
	rows, err := q.QueryContext(ctx, `SELECT code, lon, lat FROM area WHERE year = $1 AND level = $2
		AND code IN (SELECT area FROM station_area WHERE year = $1)`, v.year, string(Buurt))
	if err != nil {
		return nil, fmt.Errorf("read the centres of areas: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var c Code
		p := reading.Place{Elev: math.NaN()}
		if err := rows.Scan(&c, &p.Lon, &p.Lat); err != nil {
			return nil, fmt.Errorf("read the centres of areas: %w", err)
		}
		points[c] = p
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the centres of areas: %w", err)
	}
	return points, nil
}

// assignYear works out anew in which buurt of the year every station stands. The
// caller holds the vintage.
func (s *Store) assignYear(ctx context.Context, tx *sql.Tx, year int) error {
	all, err := vintages(ctx, tx)
	if err != nil {
		return err
	}
	for _, v := range all {
		if v.year == year {
			_, err := s.assign(ctx, tx, v)
			return err
		}
	}
	return fmt.Errorf("the vintage %d is not there", year)
}

// assign brings the assignments under the vintage in line with the positions.
func (s *Store) assign(ctx context.Context, tx *sql.Tx, v stored) (changed bool, err error) {
	places, err := s.places(ctx)
	if err != nil {
		return false, err
	}
	found := map[reading.StationID]Code{}
	at := newLocator(tx, v)
	for id, pos := range places {
		c, ok, err := at.locate(ctx, pos)
		if err != nil {
			return false, err
		}
		if ok {
			found[id] = c
		}
	}
	before, err := assignments(ctx, tx, v.year)
	if err != nil || maps.Equal(before, found) {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM station_area WHERE year = $1`, v.year); err != nil {
		return false, err
	}
	for id, c := range found {
		if err := put(ctx, tx, v.year, id, c); err != nil {
			return false, err
		}
	}
	return true, nil
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

// locator finds the buurt of positions under one vintage. It reads the areas
// around a position from the database, by cells of a tenth of a degree (7 by
// 11 km): no more than that of a position reaches the database, whose log may
// hold what it is asked.
type locator struct {
	q     queryer
	v     stored
	cells map[[2]int]*Index
}

func newLocator(q queryer, v stored) *locator { return &locator{q, v, map[[2]int]*Index{}} }

const cellsPerDegree = 10

func (l *locator) locate(ctx context.Context, pos reading.SecretPosition) (c Code, ok bool, err error) {
	if pos.IsZero() {
		return "", false, nil
	}
	lon, lat := pos.Reveal()
	cell := [2]int{int(math.Floor(lon * cellsPerDegree)), int(math.Floor(lat * cellsPerDegree))}
	whole := l.v.schematic() || !l.v.boxed
	if whole {
		cell = [2]int{}
	}
	index := l.cells[cell]
	if index == nil {
		var areas []Area
		if whole {
			areas, err = areasOf(ctx, l.q, l.v.vintage, Buurt)
		} else {
			areas, err = around(ctx, l.q, l.v.vintage, cell)
		}
		if err != nil {
			return "", false, err
		}
		index = NewIndex(areas)
		l.cells[cell] = index
	}
	c, ok = index.Locate(lon, lat)
	return c, ok, nil
}

// around returns the buurten whose boxes reach the cell, which is taken a little
// larger than it is, for rounding.
func around(ctx context.Context, q queryer, v vintage, cell [2]int) ([]Area, error) {
	const margin = 1e-6
	west, south := float64(cell[0])/cellsPerDegree-margin, float64(cell[1])/cellsPerDegree-margin
	east, north := float64(cell[0]+1)/cellsPerDegree+margin, float64(cell[1]+1)/cellsPerDegree+margin
	return areasWhere(ctx, q, v, Buurt, `AND f.west <= $3 AND f.east >= $4 AND f.south <= $5 AND f.north >= $6`, east, west, north, south)
}
