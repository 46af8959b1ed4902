package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"buurtmeter/ingest"
	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

// seriesTable returns the table and the column of versions of a series: corrected
// ones have tables of their own, one for each way to correct.
func seriesTable(p reading.Property) (table, version string) {
	if _, ok := calibration.NetworkOf(string(p)); ok {
		return "network_block", "inputs"
	}
	if _, ok := calibration.RawOf(string(p)); ok {
		return "corrected_block", "inputs"
	}
	return "hour_block", "version"
}

// CalibratedStations returns the stations with a calibration or with corrected
// hours, in order of their ids. A calibration that is not what its id names
// corrects nothing; it is left out, with a warning.
func (r *Register) CalibratedStations(ctx context.Context) ([]ingest.CalibratedStation, error) {
	// The counts of events come first: what is recorded after that is noticed when
	// the corrected hours are stored.
	rows, err := r.reads.QueryContext(ctx,
		`SELECT id, events FROM station WHERE id IN (SELECT station FROM station_calibration WHERE withdrawn_ms IS NULL)
		OR id IN (SELECT station FROM corrected_block) ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("read calibrated stations: %w", err)
	}
	var all []ingest.CalibratedStation
	if err := eachRow(rows, func() error {
		var s ingest.CalibratedStation
		err := rows.Scan(&s.Station, &s.Events)
		all = append(all, s)
		return err
	}); err != nil {
		return nil, fmt.Errorf("read calibrated stations: %w", err)
	}
	for i := range all {
		if err := r.addCalibrated(ctx, &all[i]); err != nil {
			return nil, fmt.Errorf("read calibrated station %s: %w", all[i].Station, err)
		}
	}
	return all, nil
}

func (r *Register) addCalibrated(ctx context.Context, s *ingest.CalibratedStation) error {
	calibrations, err := r.Calibrations(ctx, s.Station)
	switch {
	case errors.Is(err, calibration.ErrChanged) || errors.Is(err, calibration.ErrVersion):
		r.options.Log.LogAttrs(ctx, slog.LevelError, "a stored calibration is damaged: nothing of the station is corrected", slog.Any("error", err))
	case err != nil:
		return err
	}
	for _, c := range calibrations {
		if c.Withdrawn.IsZero() {
			s.Versions = append(s.Versions, c.Version)
		}
	}
	boards, err := r.Boards(ctx, s.Station)
	if err != nil {
		return err
	}
	for _, b := range boards {
		s.Devices = append(s.Devices, b.From)
	}
	rows, err := r.reads.QueryContext(ctx,
		`SELECT property, month, inputs FROM corrected_block WHERE station = $1 ORDER BY property, month`, string(s.Station))
	if err != nil {
		return err
	}
	return eachRow(rows, func() error {
		v := ingest.SeriesVersion{Station: s.Station}
		err := rows.Scan(&v.Property, &v.Month, &v.Version)
		s.Stored = append(s.Stored, v)
		return err
	})
}

// PutCorrected stores corrected blocks and removes others, in one transaction; see
// ingest.CorrectedChange for when nothing is. The error wraps the errors of an
// unknown station.
func (r *Register) PutCorrected(ctx context.Context, c ingest.CorrectedChange) error {
	var args []any
	put := slices.Clone(c.Put) // one order for all writers
	slices.SortFunc(put, byBlock)
	for _, b := range put {
		if p, ok := calibration.RawOf(string(b.Property)); !ok || calibration.CorrectedSeries(p) != string(b.Property) || b.Station != c.Station {
			return fmt.Errorf("store corrected hours of %s: %s %s is no corrected series of it", c.Station, b.Station, b.Property)
		}
		if err := b.Check(); err != nil {
			return fmt.Errorf("store corrected hours: %w", err)
		}
		args = append(args, string(b.Station), string(b.Property), int64(b.Month), b.Version, EncodeBlock(b.Block))
	}
	insert := statement{
		before: `INSERT INTO corrected_block (station, property, month, inputs, data) VALUES `,
		after:  ` ON CONFLICT (station, property, month) DO UPDATE SET inputs = excluded.inputs, data = excluded.data`,
		width:  5,
	}
	return r.change(ctx, "store corrected hours of", c.Station, func(tx *sql.Tx) error {
		// The version is raised first: whoever withdraws a calibration removes what it
		// corrected behind its own raise, so either we see its event, or it removes what
		// we store.
		if err := r.BumpVersion(ctx, tx); err != nil {
			return err
		}
		events, err := r.eventsOf(ctx, tx, []reading.StationID{c.Station})
		if err != nil || events[c.Station] != c.Events {
			return err
		}
		for _, v := range c.Remove {
			if _, err := tx.ExecContext(ctx, `DELETE FROM corrected_block WHERE station = $1 AND property = $2 AND month = $3`,
				string(c.Station), string(v.Property), int64(v.Month)); err != nil {
				return err
			}
		}
		_, err = insert.exec(ctx, tx, r.dialect, args, maxBlockRows)
		return err
	})
}
