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

// maxParticle bounds the declarations of the particle sensor of one station.
const maxParticle = 500

// NoSensorType stands in the detail of an event for a type that is not known.
const NoSensorType = "unknown"

// DeclareParticle declares that the particle sensor of the station is of the type
// from the moment on, until the next declaration or the next board; an empty type
// says that it is not known from then on. A declaration of the same moment is
// replaced, and nothing is recorded when it says the same. What network factors
// corrected of the station goes, to be made anew. The event tells type and moment;
// why is public.
func (r *Register) DeclareParticle(ctx context.Context, id reading.StationID, sensor reading.SensorType, from time.Time, actor, why string) error {
	known, err := reading.ParseSensorType(string(sensor))
	if err == nil && !storableTime(from) {
		err = errors.New("give the moment from which it is, in the years 1970 to 2261")
	}
	if err != nil {
		return fmt.Errorf("declare the particle sensor of station %q: %w", storable(string(id), 80), err)
	}
	return r.change(ctx, "declare the particle sensor of station", id, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM station_particle WHERE station = $1`, string(id)).Scan(&n); err != nil {
			return err
		}
		if n >= maxParticle {
			return fmt.Errorf("its particle sensor was declared %d times already", n)
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO station_particle (station, from_ms, sensor) VALUES ($1, $2, $3)
			ON CONFLICT (station, from_ms) DO UPDATE SET sensor = excluded.sensor WHERE station_particle.sensor <> excluded.sensor`,
			string(id), from.UnixMilli(), string(known))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		name := string(known)
		if name == "" {
			name = NoSensorType
		}
		if err := r.record(ctx, tx, Event{Station: id, Actor: actor, What: EventParticleDeclared, Why: why, Detail: name + " from " + moment(from)}); err != nil {
			return err
		}
		return forgetNetwork(ctx, tx, id)
	})
}

// ParticleSensors returns what was declared of the particle sensor of a station,
// in order of time; none for an unknown station.
func (r *Register) ParticleSensors(ctx context.Context, id reading.StationID) ([]ingest.ParticleSensor, error) {
	rows, err := r.reads.QueryContext(ctx, `SELECT station, from_ms, sensor FROM station_particle WHERE station = $1 ORDER BY from_ms`, storable(string(id), maxID))
	if err != nil {
		return nil, fmt.Errorf("read particle sensors: %w", err)
	}
	all, err := scanParticle(rows)
	return all[id], err
}

// AllParticleSensors is ParticleSensors of every station.
func (r *Register) AllParticleSensors(ctx context.Context) (map[reading.StationID][]ingest.ParticleSensor, error) {
	rows, err := r.reads.QueryContext(ctx, `SELECT station, from_ms, sensor FROM station_particle ORDER BY station, from_ms`)
	if err != nil {
		return nil, fmt.Errorf("read particle sensors: %w", err)
	}
	return scanParticle(rows)
}

func scanParticle(rows *sql.Rows) (map[reading.StationID][]ingest.ParticleSensor, error) {
	all := map[reading.StationID][]ingest.ParticleSensor{}
	err := eachRow(rows, func() error {
		var id reading.StationID
		var s ingest.ParticleSensor
		var from int64
		if err := rows.Scan(&id, &from, &s.Sensor); err != nil {
			return err
		}
		s.From = timeOf(from)
		all[id] = append(all[id], s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read particle sensors: %w", err)
	}
	return all, nil
}
