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
	// Withdrawn is when it was taken back; zero while it stands.
	Withdrawn time.Time
}

// ErrUnknownCalibration means that the station has no calibration with the id.
var ErrUnknownCalibration = errors.New("the station has no such calibration")

// AddCalibration keeps a calibration of a station's sensor. Storing the same one
// again changes nothing, and none is ever overwritten: a better one is a new
// version. One that was taken back stands again. The event tells the id and the
// reference; why is public. The error wraps calibration.ErrVersion, calibration.ErrChanged,
// ErrTooManyCalibrations or the errors of an unknown station.
func (r *Register) AddCalibration(ctx context.Context, v calibration.Version, actor, why string) error {
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
		var same, stands, all int
		err := tx.QueryRowContext(ctx, `SELECT count(*), COALESCE(SUM(CASE WHEN id = $2 THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN id = $2 AND withdrawn_ms IS NULL THEN 1 ELSE 0 END), 0) FROM station_calibration WHERE station = $1`,
			string(v.Station), v.ID).Scan(&all, &same, &stands)
		switch {
		case err != nil || stands > 0:
			return err
		case same > 0:
			if _, err := tx.ExecContext(ctx, `UPDATE station_calibration SET withdrawn_ms = NULL WHERE station = $1 AND id = $2`, string(v.Station), v.ID); err != nil {
				return err
			}
			return r.record(ctx, tx, Event{Station: v.Station, Actor: actor, What: EventCalibrated, Why: why, Detail: calibrationDetail(v)})
		case all >= MaxCalibrations:
			return ErrTooManyCalibrations
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO station_calibration (station, id, property, from_ms, until_ms, made_ms, actor, content)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			string(v.Station), v.ID, string(v.Property), v.From.UnixMilli(), until, r.nowMs(), actor, content)
		if err != nil {
			return err
		}
		return r.record(ctx, tx, Event{Station: v.Station, Actor: actor, What: EventCalibrated, Why: why, Detail: calibrationDetail(v)})
	})
}

// calibrationDetail is "id of property beside reference".
func calibrationDetail(v calibration.Version) string {
	detail := fmt.Sprintf("%s of %s", v.ID, v.Property)
	if v.Reference != "" {
		detail += " beside " + string(v.Reference)
	}
	return detail
}

// WithdrawCalibration takes a calibration back: from now on it corrects nothing,
// and what stands corrected of its property is removed with it, to be made anew
// with the calibrations that are left. It stays in the list. Withdrawing it
// again changes nothing. The event tells the id; why is public. The error wraps
// ErrUnknownCalibration or the errors of an unknown station.
func (r *Register) WithdrawCalibration(ctx context.Context, id reading.StationID, version, actor, why string) error {
	version = storable(version, maxID)
	return r.change(ctx, "withdraw a calibration of station", id, func(tx *sql.Tx) error {
		var content []byte
		var withdrawn sql.NullInt64
		err := tx.QueryRowContext(ctx, `SELECT content, withdrawn_ms FROM station_calibration WHERE station = $1 AND id = $2`,
			string(id), version).Scan(&content, &withdrawn)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: %s", ErrUnknownCalibration, version)
		}
		if err != nil || withdrawn.Valid {
			return err
		}
		var v calibration.Version
		if err := json.Unmarshal(content, &v); err != nil { // one that is damaged may be withdrawn, or the station would be stuck
			v = calibration.Version{ID: version}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE station_calibration SET withdrawn_ms = $3 WHERE station = $1 AND id = $2`, string(id), version, r.nowMs()); err != nil {
			return err
		}
		var property string
		if err := tx.QueryRowContext(ctx, `SELECT property FROM station_calibration WHERE station = $1 AND id = $2`, string(id), version).Scan(&property); err != nil {
			return err
		}
		v.ID, v.Property = version, reading.Property(property)
		if err := r.record(ctx, tx, Event{Station: id, Actor: actor, What: EventCalibrationWithdrawn, Why: why, Detail: calibrationDetail(v)}); err != nil {
			return err
		}
		// Behind the raise of the version; see PutCorrected.
		_, err = tx.ExecContext(ctx, `DELETE FROM corrected_block WHERE station = $1 AND property = $2`, string(id), calibration.CorrectedSeries(v.Property))
		return err
	})
}

// Calibrations returns the calibrations of a station, those that were taken back
// too, by property, the begin of
// their period and id. One whose content is no longer what its id names is an
// error that wraps calibration.ErrChanged or calibration.ErrVersion: nothing may
// be corrected with it.
func (r *Register) Calibrations(ctx context.Context, id reading.StationID) ([]Calibration, error) {
	rows, err := r.reads.QueryContext(ctx, `SELECT id, made_ms, actor, withdrawn_ms, content FROM station_calibration WHERE station = $1 ORDER BY property, from_ms, id`,
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
		var withdrawn sql.NullInt64
		if err := rows.Scan(&name, &made, &c.Actor, &withdrawn, &content); err != nil {
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
		if withdrawn.Valid {
			c.Withdrawn = timeOf(withdrawn.Int64)
		}
		all = append(all, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the calibrations of %s: %w", id, err)
	}
	return all, nil
}
