package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

// MaxCalibrations bounds the calibrations of one station.
const MaxCalibrations = 1000

// ErrTooManyCalibrations means that the station has MaxCalibrations of them.
var ErrTooManyCalibrations = errors.New("the station has too many calibrations")

// Calibration is a calibration as it is kept: with who stored it, and when (UTC,
// whole milliseconds).
type Calibration struct {
	calibration.Version
	Made  time.Time
	Actor string
}

// AddCalibration keeps a calibration of a station's sensor. Storing the same one
// again changes nothing, and none is ever overwritten: a better one is a new
// version. The error wraps calibration.ErrVersion, calibration.ErrChanged,
// ErrTooManyCalibrations or the errors of an unknown station.
func (r *Register) AddCalibration(ctx context.Context, v calibration.Version, actor string) error {
	what := "calibrate station"
	if err := v.Verify(); err != nil {
		return fmt.Errorf("%s %s: %w", what, v.Station, err)
	}
	if err := checkText(actor); err != nil {
		return fmt.Errorf("%s %s: the actor %w", what, v.Station, err)
	}
	if !storableTime(v.From) || !v.Until.IsZero() && !storableTime(v.Until) {
		return fmt.Errorf("%s %s: %w: its period lies outside of what can be kept", what, v.Station, calibration.ErrVersion)
	}
	content, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, v.Station, err)
	}
	until := sql.NullInt64{Int64: v.Until.UnixMilli(), Valid: !v.Until.IsZero()}
	return r.change(ctx, what, v.Station, func(tx *sql.Tx) error {
		var same, all int
		err := tx.QueryRowContext(ctx, `SELECT count(*), COALESCE(SUM(CASE WHEN id = $2 THEN 1 ELSE 0 END), 0) FROM station_calibration WHERE station = $1`,
			string(v.Station), v.ID).Scan(&all, &same)
		switch {
		case err != nil || same > 0:
			return err
		case all >= MaxCalibrations:
			return ErrTooManyCalibrations
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO station_calibration (station, id, property, from_ms, until_ms, made_ms, actor, content)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			string(v.Station), v.ID, string(v.Property), v.From.UnixMilli(), until, r.nowMs(), actor, content)
		if err != nil {
			return err
		}
		return r.BumpVersion(ctx, tx)
	})
}

// Calibrations returns the calibrations of a station, by property, the begin of
// their period and id. One whose content is no longer what its id names is an
// error that wraps calibration.ErrChanged or calibration.ErrVersion: nothing may
// be corrected with it.
func (r *Register) Calibrations(ctx context.Context, id reading.StationID) ([]Calibration, error) {
	rows, err := r.reads.QueryContext(ctx, `SELECT id, made_ms, actor, content FROM station_calibration WHERE station = $1 ORDER BY property, from_ms, id`,
		storable(string(id), maxID))
	if err != nil {
		return nil, fmt.Errorf("read the calibrations of %s: %w", id, err)
	}
	var all []Calibration
	err = eachRow(rows, func() error {
		var c Calibration
		var name string
		var made int64
		var content []byte
		if err := rows.Scan(&name, &made, &c.Actor, &content); err != nil {
			return err
		}
		if err := json.Unmarshal(content, &c.Version); err != nil {
			return fmt.Errorf("%s: %w: %w", name, calibration.ErrVersion, err)
		}
		if err := c.Verify(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if c.ID != name || c.Station != id {
			return fmt.Errorf("%s: %w", name, calibration.ErrChanged)
		}
		c.Made = timeOf(made)
		all = append(all, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the calibrations of %s: %w", id, err)
	}
	return all, nil
}
