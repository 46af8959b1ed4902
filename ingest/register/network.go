package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"buurtmeter/ingest"
	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

// TakeNetworkTurn tells whether the caller may correct by network factors now: one
// caller in every, whatever its process, and at once after a change that the
// factors must follow; see forgetNetwork. A turn that lies ahead by more than
// that, of a clock that was wrong, does not count.
func (r *Register) TakeNetworkTurn(ctx context.Context, every time.Duration) (bool, error) {
	return r.takeTurn(ctx, "network factors", `UPDATE network_turn SET taken_ms = $1 WHERE taken_ms <= $2 OR taken_ms > $3`, every)
}

// forgetNetwork removes what network factors corrected of a station, and lets the
// next pass begin at once: the factors around it may rest on what was changed. It
// comes behind the raise of the version; see PutNetwork.
func forgetNetwork(ctx context.Context, tx *sql.Tx, id reading.StationID) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM network_block WHERE station = $1`, string(id)); err != nil {
		return fmt.Errorf("network_block: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE network_turn SET taken_ms = 0`); err != nil {
		return fmt.Errorf("network_turn: %w", err)
	}
	return nil
}

// NetworkStations returns the official stations and the sensors whose type was
// ever declared, in the order of their ids.
func (r *Register) NetworkStations(ctx context.Context) ([]ingest.NetworkStation, error) {
	all, err := r.AssessedStations(ctx) // the counts of events come before all else
	if err != nil {
		return nil, err
	}
	sensors, err := r.AllParticleSensors(ctx)
	if err != nil {
		return nil, err
	}
	var out []ingest.NetworkStation
	index := map[reading.StationID]int{}
	for _, st := range all {
		if st.Kind != reading.KindReference && (st.Kind != reading.KindSensor || sensors[st.ID] == nil) {
			continue
		}
		index[st.ID] = len(out)
		out = append(out, ingest.NetworkStation{AssessedStation: st, Sensors: sensors[st.ID]})
	}
	rows, err := r.reads.QueryContext(ctx,
		`SELECT station, 0, max(at_ms) FROM station_event WHERE what = $1 GROUP BY station
		UNION ALL SELECT station, 1, from_ms FROM station_board ORDER BY 1, 2, 3`, EventPositionSet)
	if err != nil {
		return nil, fmt.Errorf("read stations of the network: %w", err)
	}
	err = eachRow(rows, func() error {
		var id reading.StationID
		var device bool
		var ms int64
		if err := rows.Scan(&id, &device, &ms); err != nil {
			return err
		}
		i, ok := index[id]
		switch {
		case !ok:
		case device:
			out[i].Devices = append(out[i].Devices, timeOf(ms))
		default:
			out[i].Placed = reading.HourOf(timeOf(ms).Add(time.Hour - time.Millisecond))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read stations of the network: %w", err)
	}
	return out, nil
}

// NetworkVersions calls fn for every raw block of particulate matter with its
// version, and for every block that network factors corrected with its
// fingerprint, in order of station, property and month. fn must not use the
// register.
func (r *Register) NetworkVersions(ctx context.Context, fn func(ingest.SeriesVersion)) error {
	rows, err := r.reads.QueryContext(ctx,
		`SELECT station, property, month, version FROM hour_block WHERE property IN ($1, $2)
		UNION ALL SELECT station, property, month, inputs FROM network_block ORDER BY station, property, month`,
		string(reading.PM10), string(reading.PM25))
	if err != nil {
		return fmt.Errorf("read versions of particulate matter: %w", err)
	}
	err = eachRow(rows, func() error {
		var v ingest.SeriesVersion
		err := rows.Scan(&v.Station, &v.Property, &v.Month, &v.Version)
		if err == nil {
			fn(v)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read versions of particulate matter: %w", err)
	}
	return nil
}

// PutNetwork stores and removes blocks that network factors corrected, in one
// transaction; see ingest.NetworkStore for those that it leaves alone.
func (r *Register) PutNetwork(ctx context.Context, seen map[reading.StationID]int64, c ingest.NetworkChange) error {
	if len(c.Put)+len(c.Remove) == 0 {
		return nil
	}
	put := slices.Clone(c.Put) // one order for all writers
	slices.SortFunc(put, byBlock)
	involved := map[reading.StationID]bool{}
	for _, b := range put {
		if _, ok := calibration.NetworkOf(string(b.Property)); !ok {
			return fmt.Errorf("store hours corrected by network factors: %s is no such series", b.Property)
		}
		if err := b.Check(); err != nil {
			return fmt.Errorf("store hours corrected by network factors: %w", err)
		}
		involved[b.Station] = true
	}
	insert := statement{
		before: `INSERT INTO network_block (station, property, month, inputs, data) VALUES `,
		after:  ` ON CONFLICT (station, property, month) DO UPDATE SET inputs = excluded.inputs, data = excluded.data`,
		width:  5,
	}
	return r.write(ctx, "store hours corrected by network factors", func(tx *sql.Tx) error {
		// The version is raised first: whoever withdraws or deletes removes blocks
		// behind its own raise, so either we see its event, or it removes what we store.
		if _, err := r.bump(ctx, tx, 0, 0); err != nil {
			return err
		}
		events, err := r.eventsOf(ctx, tx, slices.Sorted(maps.Keys(involved)))
		if err != nil {
			return err
		}
		for _, v := range c.Remove {
			if _, err := tx.ExecContext(ctx, `DELETE FROM network_block WHERE station = $1 AND property = $2 AND month = $3`,
				string(v.Station), string(v.Property), int64(v.Month)); err != nil {
				return err
			}
		}
		var args []any
		for _, b := range put {
			if n, ok := events[b.Station]; !ok || n != seen[b.Station] {
				continue
			}
			args = append(args, string(b.Station), string(b.Property), int64(b.Month), b.Version, EncodeBlock(b.Block))
		}
		_, err = insert.exec(ctx, tx, r.dialect, args, maxBlockRows)
		return err
	})
}

// NetworkErrors returns how far the factors are off, by property, type of sensor
// and month, those of simulated stations last. One that cannot be read is left
// out, with a warning: the next pass makes it anew.
func (r *Register) NetworkErrors(ctx context.Context) ([]ingest.NetworkError, error) {
	rows, err := r.reads.QueryContext(ctx,
		`SELECT property, sensor, simulated, month, inputs, data FROM network_error ORDER BY simulated, property, sensor, month`)
	if err != nil {
		return nil, fmt.Errorf("read errors of network factors: %w", err)
	}
	var all []ingest.NetworkError
	err = eachRow(rows, func() error {
		var e ingest.NetworkError
		var data []byte
		if err := rows.Scan(&e.Property, &e.Sensor, &e.Simulated, &e.Month, &e.Inputs, &data); err != nil {
			return err
		}
		if err := json.Unmarshal(data, &e.NetworkFigures); err != nil {
			r.options.Log.LogAttrs(ctx, slog.LevelWarn, "the error of a network factor cannot be read; the next pass makes it anew", slog.Any("error", err))
			return nil
		}
		all = append(all, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read errors of network factors: %w", err)
	}
	return all, nil
}

// PutNetworkErrors replaces errors of network factors and removes others, in one
// transaction.
func (r *Register) PutNetworkErrors(ctx context.Context, put, remove []ingest.NetworkError) error {
	if len(put)+len(remove) == 0 {
		return nil
	}
	return r.write(ctx, "store errors of network factors", func(tx *sql.Tx) error {
		if _, err := r.bump(ctx, tx, 0, 0); err != nil {
			return err
		}
		for _, e := range slices.Concat(remove, put) {
			if _, err := tx.ExecContext(ctx, `DELETE FROM network_error WHERE property = $1 AND sensor = $2 AND simulated = $3 AND month = $4`,
				string(e.Property), string(e.Sensor), e.Simulated, int64(e.Month)); err != nil {
				return err
			}
		}
		for _, e := range put {
			data, err := json.Marshal(e.NetworkFigures)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO network_error (property, sensor, simulated, month, inputs, data) VALUES ($1, $2, $3, $4, $5, $6)`,
				string(e.Property), string(e.Sensor), e.Simulated, int64(e.Month), e.Inputs, data); err != nil {
				return err
			}
		}
		return nil
	})
}
