package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/tube"
)

// Set is one set of tubes: the version of its sheet that counts.
type Set struct {
	Name    string
	Version int64
	// Title is the name of the file.
	Title string
	// Imported is when, UTC.
	Imported time.Time
	// Lab is the laboratory and how it measured, as far as that is known.
	Lab tube.Lab
	// Tubes as reported, field blanks among them, in the order of the sheet, under
	// the names of their places.
	Tubes []tube.Exposure
	// LeftOut are the cells for which rows were left out, without what to do. What
	// is wrong with them may repeat what stands there, which is not public.
	LeftOut []tube.Problem
}

// Sets returns the sets of a campaign in the order of their names.
func (s *Store) Sets(ctx context.Context, campaign string) ([]Set, error) {
	var all []Set
	at := map[string]int{}
	rows, err := s.reg.ReadDB().QueryContext(ctx, `SELECT tube_set, version, title, at_ms, laboratory, lab_method, detection_limit FROM tube_sheet WHERE campaign = $1 ORDER BY tube_set, version`, campaign)
	err = each(rows, err, func(scan func(...any) error) error {
		var x Set
		var ms int64
		err := scan(&x.Name, &x.Version, &x.Title, &ms, &x.Lab.Name, &x.Lab.Method, &x.Lab.Limit)
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
	if err == nil {
		rows, fault := s.reg.ReadDB().QueryContext(ctx, `SELECT tube_set, version, sheet, sheet_row, sheet_column, what FROM tube_left_out WHERE campaign = $1 ORDER BY tube_set, version, seq`, campaign)
		err = each(rows, fault, func(scan func(...any) error) error {
			var set string
			var version int64
			var p tube.Problem
			err := scan(&set, &version, &p.Sheet, &p.Row, &p.Column, &p.What)
			if i, ok := at[set]; ok && all[i].Version == version {
				all[i].LeftOut = append(all[i].LeftOut, p)
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

// Locations returns the places of all sheets as they stand there, also of
// versions that no longer count, in order.
func (s *Store) Locations(ctx context.Context, campaign string) ([]string, error) {
	var all []string
	rows, err := s.reg.ReadDB().QueryContext(ctx, `SELECT DISTINCT location FROM tube_result WHERE campaign = $1 ORDER BY location`, campaign)
	err = each(rows, err, func(scan func(...any) error) error {
		var l string
		err := scan(&l)
		all = append(all, l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the locations of a campaign: %w", err)
	}
	return all, nil
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
