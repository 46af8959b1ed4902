package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/tube"
)

// Imported tells what an import did.
type Imported struct {
	// Made tells that the campaign is new.
	Made bool
	// Version is the version of the set that counts now, from 1.
	Version int64
	// Same tells that this very file was imported before; nothing changed.
	Same bool
	// Tubes counts the tubes of the sheet, field blanks among them.
	Tubes int
}

// Import stores a lab sheet with its bytes, raw, in the campaign, which is made
// when there is none of its name; an existing one must have the same rules. The
// same bytes twice change nothing. Other bytes of a set that is there already
// are a correction: a new version, which counts from then on; the old one stays,
// and why says what was wrong. A sheet with problems is refused. Errors wrap
// ErrCampaign, ErrNeedsWhy, ErrCodeTaken or ErrProblems.
func (s *Store) Import(ctx context.Context, c Campaign, sheet *tube.Sheet, raw []byte, actor, why string) (Imported, error) {
	var done Imported
	if err := c.Check(); err != nil {
		return done, err
	}
	if len(sheet.Problems) > 0 {
		return done, fmt.Errorf("%w: %d problems", ErrProblems, len(sheet.Problems))
	}
	if err := checkName(sheet.Set); err != nil {
		return done, fmt.Errorf("%w: the name of the set %w", ErrCampaign, err)
	}
	if len(sheet.Tubes) == 0 {
		return done, fmt.Errorf("%w: it holds no tubes", ErrProblems)
	}
	done.Tubes = len(sheet.Tubes)
	err := s.reg.InTx(ctx, func(tx *sql.Tx) (err error) {
		if done.Made, err = s.create(ctx, tx, c, actor); err != nil {
			return err
		}
		return s.changeIn(ctx, tx, c.Name, func(tx *sql.Tx) (Event, error) {
			if done.Version, err = s.next(ctx, tx, c.Name, sheet); err != nil {
				return Event{}, err
			}
			e := Event{Actor: actor, What: EventImported, Why: why, Detail: fmt.Sprintf("set %s version %d, %d tubes, sha256 %s", sheet.Set, done.Version, len(sheet.Tubes), hex.EncodeToString(sheet.SHA256[:]))}
			if done.Version > 1 {
				e.What = EventCorrected
				if why == "" {
					return Event{}, ErrNeedsWhy
				}
			}
			return e, s.put(ctx, tx, c.Name, sheet, done.Version, raw)
		})
	})
	if errors.Is(err, errSame) {
		done.Same, err = true, nil
	}
	if err != nil {
		return Imported{}, fmt.Errorf("import a lab sheet: %w", err)
	}
	return done, nil
}

// next is the version that the sheet gets, or that it has with errSame.
func (s *Store) next(ctx context.Context, tx *sql.Tx, campaign string, sheet *tube.Sheet) (int64, error) {
	type current struct {
		set     string
		version int64
		sum     []byte
	}
	var all []current
	rows, err := tx.QueryContext(ctx, `SELECT tube_set, version, sha256 FROM tube_sheet WHERE campaign = $1 ORDER BY tube_set, version`, campaign)
	err = each(rows, err, func(scan func(...any) error) error {
		var c current
		err := scan(&c.set, &c.version, &c.sum)
		if n := len(all); n > 0 && all[n-1].set == c.set {
			all = all[:n-1] // the highest version counts
		}
		all = append(all, c)
		return err
	})
	if err != nil {
		return 0, err
	}
	version := int64(1)
	for _, c := range all {
		same := bytes.Equal(c.sum, sheet.SHA256[:])
		switch {
		case same && c.set == sheet.Set:
			return c.version, errSame
		case same:
			return 0, fmt.Errorf("%w: this file was imported as set %s", ErrCodeTaken, quoted(c.set))
		case c.set == sheet.Set:
			version = c.version + 1
		}
	}
	return version, s.free(ctx, tx, campaign, sheet)
}

// free reports a tube of the sheet that stands in another set.
func (s *Store) free(ctx context.Context, tx *sql.Tx, campaign string, sheet *tube.Sheet) error {
	taken := map[string]string{}
	rows, err := tx.QueryContext(ctx, currentResults, campaign)
	err = each(rows, err, func(scan func(...any) error) error {
		set, e, err := scanResult(scan)
		if set != sheet.Set {
			taken[e.Code] = set
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, e := range sheet.Tubes {
		if set, ok := taken[e.Code]; ok {
			return fmt.Errorf("%w: %s, in row %d, is in set %s", ErrCodeTaken, quoted(e.Code), e.Row, quoted(set))
		}
	}
	return nil
}

func (s *Store) put(ctx context.Context, tx *sql.Tx, campaign string, sheet *tube.Sheet, version int64, raw []byte) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO tube_sheet (campaign, tube_set, version, sha256, title, at_ms, raw) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		campaign, sheet.Set, version, sheet.SHA256[:], clean(sheet.Name), s.now().UnixMilli(), raw)
	if err != nil {
		return err
	}
	stmt, err := tx.PrepareContext(ctx, `INSERT INTO tube_result (campaign, tube_set, version, code, sheet_row, location, period, start_ms, end_ms, reported, blank, remark)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`)
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Close() }()
	for _, e := range sheet.Tubes {
		_, err := stmt.ExecContext(ctx, campaign, sheet.Set, version, e.Code, e.Row, e.Location, e.Period,
			e.Start.UnixMilli(), e.End.UnixMilli(), clean(e.Result.Text), e.Blank, clean(e.Remark))
		if err != nil {
			return fmt.Errorf("row %d: %w", e.Row, err)
		}
	}
	return nil
}

// currentResults reads the tubes of the versions that count, with the names of
// their places.
const currentResults = `SELECT r.tube_set, r.code, r.sheet_row, COALESCE(p.place, r.location), r.period, r.start_ms, r.end_ms, r.reported, r.blank, r.remark
	FROM tube_result r LEFT JOIN tube_place p ON p.campaign = r.campaign AND p.location = r.location
	WHERE r.campaign = $1 AND r.version = (SELECT max(v.version) FROM tube_sheet v WHERE v.campaign = r.campaign AND v.tube_set = r.tube_set)
	ORDER BY r.tube_set, r.sheet_row, r.code`

func scanResult(scan func(...any) error) (set string, e tube.Exposure, err error) {
	var start, end int64
	var reported string
	if err = scan(&set, &e.Code, &e.Row, &e.Location, &e.Period, &start, &end, &reported, &e.Blank, &e.Remark); err != nil {
		return set, e, err
	}
	e.Start, e.End = time.UnixMilli(start).UTC(), time.UnixMilli(end).UTC()
	e.Result, err = tube.ParseResult(reported)
	return set, e, err
}

// Set is one set of tubes: the version of its sheet that counts.
type Set struct {
	Name    string
	Version int64
	// Title is the name of the file.
	Title string
	// Imported is when, UTC.
	Imported time.Time
	// Tubes as reported, field blanks among them, in the order of the sheet, under
	// the names of their places.
	Tubes []tube.Exposure
}

// Sets returns the sets of a campaign in the order of their names.
func (s *Store) Sets(ctx context.Context, campaign string) ([]Set, error) {
	var all []Set
	at := map[string]int{}
	rows, err := s.reg.ReadDB().QueryContext(ctx, `SELECT tube_set, version, title, at_ms FROM tube_sheet WHERE campaign = $1 ORDER BY tube_set, version`, campaign)
	err = each(rows, err, func(scan func(...any) error) error {
		var x Set
		var ms int64
		err := scan(&x.Name, &x.Version, &x.Title, &ms)
		x.Imported = time.UnixMilli(ms).UTC()
		if i, ok := at[x.Name]; ok {
			all[i] = x
			return err
		}
		at[x.Name] = len(all)
		all = append(all, x)
		return err
	})
	if err == nil {
		rows, fault := s.reg.ReadDB().QueryContext(ctx, currentResults, campaign)
		err = each(rows, fault, func(scan func(...any) error) error {
			set, e, err := scanResult(scan)
			if i, ok := at[set]; ok {
				all[i].Tubes = append(all[i].Tubes, e)
			}
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read the sets of a campaign: %w", err)
	}
	return all, nil
}

// Raw returns the bytes of a sheet as they were imported. They are not public: a
// spreadsheet names who made it.
func (s *Store) Raw(ctx context.Context, campaign, set string, version int64) ([]byte, error) {
	var raw []byte
	err := s.reg.ReadDB().QueryRowContext(ctx, `SELECT raw FROM tube_sheet WHERE campaign = $1 AND tube_set = $2 AND version = $3`, campaign, set, version).Scan(&raw)
	if err != nil {
		return nil, fmt.Errorf("read a lab sheet: %w", err)
	}
	return raw, nil
}

// Place says that a location of the sheets is called place, and that it is the
// station, if any. The station must be one of the kind tube. It is an event.
func (s *Store) Place(ctx context.Context, campaign, location, place string, station reading.StationID, actor, why string) error {
	for _, name := range []string{location, place} {
		if err := checkName(name); err != nil {
			return fmt.Errorf("%w: the name of a place %w", ErrCampaign, err)
		}
	}
	detail := fmt.Sprintf("%s is %s", location, place)
	var id any
	if station != "" {
		st, err := s.reg.Station(ctx, station)
		if err != nil {
			return err
		}
		if st.Kind != reading.KindTube {
			return fmt.Errorf("%w: station %s is of the kind %s, not %s", ErrCampaign, station, st.Kind, reading.KindTube)
		}
		id, detail = string(station), detail+", station "+string(station)
	}
	err := s.change(ctx, campaign, func(tx *sql.Tx) (Event, error) {
		var n int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM tube_result WHERE campaign = $1 AND location = $2`, campaign, location).Scan(&n)
		if err != nil {
			return Event{}, err
		}
		if n == 0 {
			return Event{}, fmt.Errorf("%w: no tube of %s hung at %s", ErrCampaign, quoted(campaign), quoted(location))
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO tube_place (campaign, location, place, station_id) VALUES ($1, $2, $3, $4)
			ON CONFLICT (campaign, location) DO UPDATE SET place = excluded.place, station_id = excluded.station_id`, campaign, location, place, id)
		return Event{Actor: actor, What: EventPlaced, Why: why, Detail: detail}, err
	})
	if err != nil {
		return fmt.Errorf("name a location: %w", err)
	}
	return nil
}
