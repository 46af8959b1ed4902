package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// ErrStationExists is returned by AddStation when the id is taken.
var ErrStationExists = errors.New("a station with this id exists already")

const stationColumns = `s.id, s.title, s.kind, s.model, s.maker, s.cadence_ms, s.since_ms, s.simulated, s.paused,
	s.format, s.zone, s.channels, s.siting, EXISTS (SELECT 1 FROM station_position p WHERE p.station = s.id)`

// scanStation reads stationColumns, and more after them into more.
func scanStation(scan func(...any) error, more ...any) (reading.Station, error) {
	var st reading.Station
	var cadence, since int64
	var channels string
	err := scan(append([]any{
		&st.ID, &st.Title, &st.Kind, &st.Model, &st.Maker, &cadence, &since, &st.Simulated, &st.Paused,
		&st.Wire.Format, &st.Wire.Zone, &channels, &st.Siting, &st.HasPosition,
	}, more...)...)
	if err != nil {
		return st, err
	}
	st.Cadence, st.Since = time.Duration(cadence)*time.Millisecond, timeOf(since)
	if st.Wire.Channels, err = decodeChannels(channels); err != nil {
		return st, fmt.Errorf("station %s: %w", st.ID, err)
	}
	return st, nil
}

// AddStation stores a station with its position (zero for none known) and
// returns its token: 256 random bits, of which only the SHA-256 is kept, so
// this is the only time that it can be shown. Cadence and Since are kept to the
// millisecond; HasPosition follows from pos. The error wraps ErrStationExists
// when the id is taken, ingest.ErrStationDeleted when it was.
func (r *Register) AddStation(ctx context.Context, st reading.Station, pos reading.SecretPosition, actor string) (token string, err error) {
	if err := checkStation(st); err != nil {
		return "", err
	}
	channels, err := encodeChannels(st.Wire.Channels)
	if err != nil {
		return "", err
	}
	token, kept, err := newToken()
	if err != nil {
		return "", err
	}
	err = r.write(ctx, "add station "+string(st.ID), func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO station
			(id, title, kind, model, maker, cadence_ms, since_ms, simulated, paused, events, format, zone, channels, siting)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12, '') ON CONFLICT (id) DO NOTHING`,
			string(st.ID), st.Title, string(st.Kind), st.Model, st.Maker,
			st.Cadence.Milliseconds(), st.Since.UnixMilli(), st.Simulated, st.Paused,
			string(st.Wire.Format), st.Wire.Zone, channels)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrStationExists)
		}
		// Asked after the insert, which waits for a deletion that is under way.
		if gone, err := deleted(ctx, tx, st.ID); err != nil || gone {
			return errors.Join(err, ingest.ErrStationDeleted)
		}
		if err := r.storeToken(ctx, tx, st.ID, kept); err != nil {
			return err
		}
		if !pos.IsZero() {
			if err := storePosition(ctx, tx, st.ID, pos); err != nil {
				return err
			}
		}
		if err := r.record(ctx, tx, Event{Station: st.ID, Actor: actor, What: EventAdded}); err != nil {
			return err
		}
		return r.putSiting(ctx, tx, Event{Station: st.ID, Actor: actor}, st.Siting)
	})
	if err != nil {
		return "", err
	}
	r.logins.expire()
	return token, nil
}

func checkStation(st reading.Station) error {
	if _, err := reading.ParseStationID(string(st.ID)); err != nil {
		return err
	}
	if _, err := reading.ParseKind(string(st.Kind)); err != nil {
		return fmt.Errorf("station %s: %w", st.ID, err)
	}
	if _, err := reading.ParseSiting(string(st.Siting)); err != nil {
		return fmt.Errorf("station %s: %w", st.ID, err)
	}
	if st.Cadence < time.Millisecond && st.Kind != reading.KindTube || st.Cadence < 0 {
		return fmt.Errorf("station %s: give the cadence, the expected time between two readings", st.ID)
	}
	for name, s := range map[string]string{"title": st.Title, "model": st.Model, "maker": st.Maker} {
		if err := checkText(s); err != nil {
			return fmt.Errorf("station %s: the %s %w", st.ID, name, err)
		}
	}
	if err := CheckWire(st.Wire); err != nil {
		return fmt.Errorf("station %s: %w", st.ID, err)
	}
	return nil
}

// Station returns the station, or an error that wraps ingest.ErrUnknownStation,
// and ingest.ErrStationDeleted too when there was one. The answer comes from
// memory while no station was changed; a change by another process shows within
// a second. Wire.Channels is shared by all who ask: it must not be changed.
func (r *Register) Station(ctx context.Context, id reading.StationID) (reading.Station, error) {
	l, err := r.login(ctx, id)
	if err != nil {
		return reading.Station{}, fmt.Errorf("look up station: %w", err)
	}
	if !l.known {
		err := ingest.ErrUnknownStation
		if l.deleted {
			err = ingest.ErrStationDeleted
		}
		return reading.Station{}, fmt.Errorf("station %q: %w", storable(string(id), 80), err)
	}
	return l.station, nil
}

// Stations returns all stations in the order of the bytes of their ids.
func (r *Register) Stations(ctx context.Context) ([]reading.Station, error) {
	rows, err := r.reads.QueryContext(ctx, `SELECT `+stationColumns+` FROM station s ORDER BY s.id`)
	if err != nil {
		return nil, fmt.Errorf("read stations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []reading.Station
	for rows.Next() {
		st, err := scanStation(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read stations: %w", err)
		}
		all = append(all, st)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read stations: %w", err)
	}
	return all, nil
}

// SetPosition stores where the station stands; the zero position removes what
// was stored. The event tells that the position changed, never to what; why is
// public, so it must not describe the place. What surrounded a station at its
// place of before says nothing of another one: the siting is unknown from then on.
func (r *Register) SetPosition(ctx context.Context, id reading.StationID, pos reading.SecretPosition, actor, why string) error {
	return r.change(ctx, "set the position of station", id, func(tx *sql.Tx) error {
		var before bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM station_position WHERE station = $1)`, string(id)).Scan(&before)
		if err != nil {
			return err
		}
		what := EventPositionSet
		if pos.IsZero() {
			what = EventPositionRemoved
			if _, err := tx.ExecContext(ctx, `DELETE FROM station_position WHERE station = $1`, string(id)); err != nil {
				return err
			}
		} else if err := storePosition(ctx, tx, id, pos); err != nil {
			return err
		}
		e := Event{Station: id, Actor: actor, What: what, Why: why}
		if err := r.record(ctx, tx, e); err != nil || !before {
			return err
		}
		return r.putSiting(ctx, tx, e, reading.SitingUnknown)
	})
}

// storePosition and Positions are the only places where a position is a number.
// The table has no constraint on the numbers: a database repeats the row that
// breaks one in its error and its log.
func storePosition(ctx context.Context, tx *sql.Tx, id reading.StationID, pos reading.SecretPosition) error {
	lon, lat := pos.Reveal()
	_, err := tx.ExecContext(ctx, `INSERT INTO station_position (station, lon, lat) VALUES ($1, $2, $3)
		ON CONFLICT (station) DO UPDATE SET lon = excluded.lon, lat = excluded.lat`, string(id), lon, lat)
	return err
}

// Positions calls fn for every station with a stored position, in the order of
// the ids. It exists for the assignment of areas only.
func (r *Register) Positions(ctx context.Context, fn func(reading.StationID, reading.SecretPosition) error) error {
	type place struct {
		id  reading.StationID
		pos reading.SecretPosition
	}
	rows, err := r.reads.QueryContext(ctx, `SELECT station, lon, lat FROM station_position ORDER BY station`)
	if err != nil {
		return fmt.Errorf("read positions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var places []place
	for rows.Next() {
		var p place
		var lon, lat float64
		if err := rows.Scan(&p.id, &lon, &lat); err != nil {
			return fmt.Errorf("read positions: %w", err)
		}
		if p.pos, err = reading.NewSecretPosition(lon, lat); err != nil {
			return fmt.Errorf("stored position of station %s: %w (set it again)", p.id, err)
		}
		places = append(places, p)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("read positions: %w", err)
	}
	// The connection is free again before fn runs: fn may write.
	for _, p := range places {
		if err := fn(p.id, p.pos); err != nil {
			return err
		}
	}
	return nil
}

// SetPaused pauses a station, which is then refused at login and shown as
// paused, or resumes it. Nothing is recorded when it was so already.
func (r *Register) SetPaused(ctx context.Context, id reading.StationID, paused bool, actor, why string) error {
	what := EventResumed
	if paused {
		what = EventPaused
	}
	return r.change(ctx, "pause or resume station", id, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE station SET paused = $2 WHERE id = $1 AND paused <> $2`, string(id), paused)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return r.record(ctx, tx, Event{Station: id, Actor: actor, What: what, Why: why})
	})
}

// change runs fn for a station that exists, else it fails with
// ingest.ErrUnknownStation or ingest.ErrStationDeleted. The row of the station
// is locked for the duration.
func (r *Register) change(ctx context.Context, what string, id reading.StationID, fn func(*sql.Tx) error) error {
	if _, err := reading.ParseStationID(string(id)); err != nil {
		return fmt.Errorf("%s: %w: %w", what, ingest.ErrUnknownStation, err)
	}
	err := r.write(ctx, what+" "+string(id), func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE station SET events = events WHERE id = $1`, string(id))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		switch {
		case err != nil:
			return err
		case n > 0:
			return fn(tx)
		}
		gone, err := deleted(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case gone:
			return ingest.ErrStationDeleted
		default:
			return ingest.ErrUnknownStation
		}
	})
	r.logins.expire() // after an error too: the commit may have been done
	return err
}
