package register

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// TakeAssessmentTurn tells whether the caller may assess now: one caller in
// every, whatever its process. A turn that lies ahead by more than that, of a
// clock that was wrong, does not count.
func (r *Register) TakeAssessmentTurn(ctx context.Context, every time.Duration) (bool, error) {
	return r.takeTurn(ctx, "assessing", `UPDATE assessment_turn SET taken_ms = $1 WHERE taken_ms <= $2 OR taken_ms > $3`, every)
}

// takeTurn takes the turn at some work when nobody has in every. update sets the
// moment of the turn, of which it is given the new one and the bounds of the old.
func (r *Register) takeTurn(ctx context.Context, work, update string, every time.Duration) (bool, error) {
	mine := false
	err := r.write(ctx, "take a turn at "+work, func(tx *sql.Tx) error {
		now := r.nowMs()
		res, err := tx.ExecContext(ctx, update, now, now-every.Milliseconds(), now+every.Milliseconds())
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		mine = n > 0
		return err
	})
	return mine && err == nil, err
}

// AssessedStations returns all stations in the order of their ids, with what
// the comparison of sensors with official stations needs.
func (r *Register) AssessedStations(ctx context.Context) ([]ingest.AssessedStation, error) {
	// The counts of events come with the stations, before all else: what is
	// recorded after that is noticed when the assessments are stored.
	rows, err := r.reads.QueryContext(ctx,
		`SELECT `+stationColumns+`, s.events FROM station s ORDER BY s.id`)
	if err != nil {
		return nil, fmt.Errorf("read stations to assess: %w", err)
	}
	var all []ingest.AssessedStation
	err = eachRow(rows, func() error {
		var a ingest.AssessedStation
		var err error
		a.Station, err = scanStation(rows.Scan, &a.Events)
		all = append(all, a)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read stations to assess: %w", err)
	}
	index := make(map[reading.StationID]int, len(all))
	for i, a := range all {
		index[a.ID] = i
	}
	if err := r.addChanges(ctx, all, index); err != nil {
		return nil, fmt.Errorf("read stations to assess: %w", err)
	}
	return all, nil
}

// addChanges fills in the latest change of device or place, and what was
// withdrawn.
func (r *Register) addChanges(ctx context.Context, all []ingest.AssessedStation, index map[reading.StationID]int) error {
	rows, err := r.reads.QueryContext(ctx,
		`SELECT station, max(from_ms) FROM station_board GROUP BY station
		UNION ALL SELECT station, max(at_ms) FROM station_event WHERE what = $1 GROUP BY station`, EventPositionSet)
	if err != nil {
		return err
	}
	err = eachRow(rows, func() error {
		var id reading.StationID
		var ms int64
		if err := rows.Scan(&id, &ms); err != nil {
			return err
		}
		if i, ok := index[id]; ok {
			all[i].Since = max(all[i].Since, reading.HourOf(timeOf(ms).Add(time.Hour-time.Millisecond)))
		}
		return nil
	})
	if err != nil {
		return err
	}
	rows, err = r.reads.QueryContext(ctx, `SELECT station, from_ms, to_ms FROM station_withdrawal ORDER BY station, from_ms, to_ms`)
	if err != nil {
		return err
	}
	return eachRow(rows, func() error {
		var id reading.StationID
		var from, to int64
		if err := rows.Scan(&id, &from, &to); err != nil {
			return err
		}
		if i, ok := index[id]; ok {
			all[i].Withdrawn = append(all[i].Withdrawn, ingest.Period{From: timeOf(from), To: timeOf(to)})
		}
		return nil
	})
}

// inList returns the placeholders and arguments of the ids.
func (r *Register) inList(ids []reading.StationID) (marks string, args []any) {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = r.dialect.placeholder(i + 1)
		args = append(args, storable(string(id), maxID))
	}
	return strings.Join(list, ", "), args
}

// SeriesVersions returns the versions of all blocks of the stations, in order of
// station, property and month.
func (r *Register) SeriesVersions(ctx context.Context, ids []reading.StationID) ([]ingest.SeriesVersion, error) {
	var all []ingest.SeriesVersion
	sorted := slices.Sorted(slices.Values(ids))
	for part := range slices.Chunk(sorted, 512) {
		marks, args := r.inList(part)
		rows, err := r.reads.QueryContext(ctx,
			`SELECT station, property, month, version FROM hour_block WHERE station IN (`+marks+`) ORDER BY station, property, month`, args...) //nolint:gosec // placeholders only
		if err != nil {
			return nil, fmt.Errorf("read versions of hour blocks: %w", err)
		}
		err = eachRow(rows, func() error {
			var v ingest.SeriesVersion
			err := rows.Scan(&v.Station, &v.Property, &v.Month, &v.Version)
			all = append(all, v)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read versions of hour blocks: %w", err)
		}
	}
	return all, nil
}

// Assessments returns what is stored of the stations, in order of station,
// property and reference. One that cannot be read is left out, with a warning:
// the Assessor makes it anew.
func (r *Register) Assessments(ctx context.Context, ids []reading.StationID) ([]ingest.Assessment, error) {
	var all []ingest.Assessment
	sorted := slices.Sorted(slices.Values(ids))
	for part := range slices.Chunk(sorted, 512) {
		marks, args := r.inList(part)
		rows, err := r.reads.QueryContext(ctx,
			`SELECT station, property, reference, inputs, data FROM assessment WHERE station IN (`+marks+`) ORDER BY station, property, reference`, args...) //nolint:gosec // placeholders only
		if err != nil {
			return nil, fmt.Errorf("read assessments: %w", err)
		}
		err = eachRow(rows, func() error {
			var a ingest.Assessment
			var data []byte
			if err := rows.Scan(&a.Station, &a.Property, &a.Reference, &a.Inputs, &data); err != nil {
				return err
			}
			if err := unpackAssessment(data, &a); err != nil {
				r.options.Log.LogAttrs(ctx, slog.LevelWarn, "an assessment cannot be read; the next pass makes it anew", slog.Any("error", err))
				return nil
			}
			all = append(all, a)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read assessments: %w", err)
		}
	}
	return all, nil
}

// PutAssessments replaces all that is stored of each of the kits, in one
// transaction; see ingest.AssessmentStore for the kits that it leaves alone.
func (r *Register) PutAssessments(ctx context.Context, seen map[reading.StationID]int64, kits []ingest.KitAssessments) error {
	if len(kits) == 0 {
		return nil
	}
	kits = slices.Clone(kits)
	slices.SortFunc(kits, func(a, b ingest.KitAssessments) int { return strings.Compare(string(a.Station), string(b.Station)) }) // one order for all writers
	involved := map[reading.StationID]bool{}
	for _, k := range kits {
		involved[k.Station] = true
		for _, a := range k.Assessments {
			if a.Station != k.Station {
				return fmt.Errorf("store assessments: one of %s stands with station %s", a.Station, k.Station)
			}
			involved[a.Reference] = true
		}
	}
	return r.write(ctx, "store assessments", func(tx *sql.Tx) error {
		// The version is raised first: whoever removes assessments does so behind its
		// own raise, so either we see its event, or it removes what we store.
		if _, err := r.bump(ctx, tx, 0, 0); err != nil {
			return err
		}
		events, err := r.eventsOf(ctx, tx, slices.Sorted(maps.Keys(involved)))
		if err != nil {
			return err
		}
		unchanged := func(id reading.StationID) bool {
			n, ok := events[id]
			was, known := seen[id]
			return ok && known && n == was
		}
		var args []any
		for _, k := range kits {
			if !unchanged(k.Station) || slices.ContainsFunc(k.Assessments, func(a ingest.Assessment) bool { return !unchanged(a.Reference) }) {
				continue
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM assessment WHERE station = $1`, string(k.Station)); err != nil {
				return err
			}
			for _, a := range k.Assessments {
				data, err := packAssessment(a)
				if err != nil {
					return err
				}
				args = append(args, string(a.Station), string(a.Property), string(a.Reference), a.Inputs, data)
			}
		}
		insert := statement{before: `INSERT INTO assessment (station, property, reference, inputs, data) VALUES `, width: 5}
		_, err = insert.exec(ctx, tx, r.dialect, args, 64)
		return err
	})
}

// eventsOf returns how many events the stations have had.
func (r *Register) eventsOf(ctx context.Context, tx *sql.Tx, ids []reading.StationID) (map[reading.StationID]int64, error) {
	events := map[reading.StationID]int64{}
	for part := range slices.Chunk(ids, 512) {
		marks, args := r.inList(part)
		rows, err := tx.QueryContext(ctx, `SELECT id, events FROM station WHERE id IN (`+marks+`)`, args...) //nolint:gosec,sqlclosecheck // placeholders only; eachRow closes
		if err != nil {
			return nil, err
		}
		err = eachRow(rows, func() error {
			var id reading.StationID
			var n int64
			err := rows.Scan(&id, &n)
			events[id] = n
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return events, nil
}

// forgetAssessments removes the assessments of a station and those against it.
// It comes behind the raise of the version; see PutAssessments.
func forgetAssessments(ctx context.Context, tx *sql.Tx, id reading.StationID) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM assessment WHERE station = $1 OR reference = $1`, string(id)); err != nil {
		return fmt.Errorf("assessment: %w", err)
	}
	return nil
}
