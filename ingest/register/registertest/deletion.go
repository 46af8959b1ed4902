package registertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// full stores a station of which the register holds everything that it can.
func full(t *testing.T, r *register.Register, id reading.StationID) (token string) {
	t.Helper()
	ctx := t.Context()
	st := Station(id)
	st.Wire = reading.Wire{Channels: []reading.Channel{{Key: "87", Property: reading.NO2}}}
	token, err := r.AddStation(ctx, st, place(t, 4.912345, 52.371234), "operator")
	require.NoError(t, err)
	require.NoError(t, r.AttachBoard(ctx, id, reading.Board{Hardware: reading.HardwareID("board-of-" + string(id)), Model: "SDS011", From: day(1)}, "keeper", "eerste"))
	require.NoError(t, r.PutBlocks(ctx, []ingest.VersionedBlock{{Block: block(id, reading.NO2, month, 1)}, {Block: block(id, reading.PM25, month-7, 2)}}))
	require.NoError(t, r.WithdrawPeriod(ctx, id, ingest.Period{From: month.First().Start(), To: (month.First() + 30).Start()}, "keeper", "binnen"))
	assess(t, r, id, assessment(id, id, reading.NO2))
	require.NoError(t, r.PutRejects(ctx, []ingest.Reject{
		{Station: id, Cause: "json", Detail: "personal", Payload: []byte("personal"), Received: day(2)},
		{Station: id, Cause: "json", Payload: []byte("more of it"), Received: day(3)},
	}))
	return token
}

// rowsOf counts what each table holds of the station.
func rowsOf(t *testing.T, r *register.Register, id reading.StationID) map[string]int {
	t.Helper()
	rows := map[string]int{}
	for table, column := range map[string]string{
		"station": "id", "station_token": "station", "station_position": "station", "station_event": "station", "station_board": "station",
		"station_withdrawal": "station", "hour_block": "station", "reject": "station", "dirty_hour": "station", "station_deleted": "station",
		"assessment": "station",
	} {
		var n int
		require.NoError(t, r.ReadDB().QueryRowContext(t.Context(), `SELECT count(*) FROM `+table+` WHERE `+column+` = $1`, string(id)).Scan(&n))
		if n > 0 {
			rows[table] = n
		}
	}
	return rows
}

// requireRejectCount holds the number that is kept against the rows.
func requireRejectCount(t *testing.T, r *register.Register) {
	t.Helper()
	var kept, rows int
	require.NoError(t, r.ReadDB().QueryRowContext(t.Context(), `SELECT rejects, (SELECT count(*) FROM reject) FROM register_state`).Scan(&kept, &rows))
	require.Equal(t, rows, kept)
}

func deletion(t *testing.T, r *register.Register) {
	ctx := t.Context()
	token := full(t, r, "one")
	full(t, r, "two")
	two := rowsOf(t, r, "two")
	require.Len(t, rowsOf(t, r, "one"), 10, "everything but the remains")
	require.NoError(t, r.Authenticate(ctx, "one", token))
	before, _, err := r.DataVersion(ctx)
	require.NoError(t, err)

	hooked := 0
	require.NoError(t, r.DeleteStation(ctx, "one", func(tx *sqlTx) error {
		hooked++
		_, err := tx.ExecContext(ctx, `DELETE FROM station_position WHERE station = 'nobody'`)
		return err
	}))
	require.Equal(t, 1, hooked)
	require.Equal(t, map[string]int{"station_deleted": 1, "dirty_hour": 1}, rowsOf(t, r, "one"))
	require.Equal(t, two, rowsOf(t, r, "two"), "nothing of another")
	requireRejectCount(t, r)
	after, _, err := r.DataVersion(ctx)
	require.NoError(t, err)
	require.Greater(t, after, before)

	require.ErrorIs(t, r.Authenticate(ctx, "one", token), register.ErrWrongCredentials)
	for range 2 { // the second time from memory
		_, err = r.Station(ctx, "one")
		require.ErrorIs(t, err, ingest.ErrStationDeleted)
		require.ErrorIs(t, err, ingest.ErrUnknownStation)
	}
	list, err := r.Events(ctx, "one")
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.WithinDuration(t, time.Now(), list[0].At, time.Minute)
	list[0].At = time.Time{}
	require.Equal(t, register.Event{Station: "one", What: register.EventDeleted}, list[0])
	require.Empty(t, withdrawals(t, r, "one"))
	all, err := r.Stations(ctx)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.NoError(t, r.Positions(ctx, func(id reading.StationID, _ reading.SecretPosition) error {
		require.Equal(t, reading.StationID("two"), id)
		return nil
	}))
	require.ErrorIs(t, r.DeleteStation(ctx, "one"), ingest.ErrStationDeleted)
	for name, err := range everyChange(ctx, r, "one", place(t, 5, 52)) {
		require.ErrorIs(t, err, ingest.ErrStationDeleted, name)
	}
	require.Equal(t, map[string]int{"station_deleted": 1, "dirty_hour": 1}, rowsOf(t, r, "one"), "the refused changes left nothing")
	for _, id := range append(hostileIDs(), "three") {
		err := r.DeleteStation(ctx, id)
		require.ErrorIs(t, err, ingest.ErrUnknownStation)
		require.NotErrorIs(t, err, ingest.ErrStationDeleted)
	}
}

// everyChange tries every change of a station but its deletion and returns what each said.
func everyChange(ctx context.Context, r *register.Register, id reading.StationID, pos reading.SecretPosition) map[string]error {
	period := ingest.Period{From: day(1), To: day(2)}
	_, added := r.AddStation(ctx, Station(id), pos, "a")
	_, rotated := r.RotateToken(ctx, id, "a")
	_, moved := r.Transfer(ctx, id, "", "a", "b")
	return map[string]error{
		"add": added, "rotate": rotated, "transfer": moved,
		"revoke":   r.RevokeToken(ctx, id, "a", "b"),
		"position": r.SetPosition(ctx, id, pos, "a", "b"),
		"pause":    r.SetPaused(ctx, id, true, "a", "b"),
		"wire":     r.SetWire(ctx, id, reading.Wire{Zone: "UTC"}, "a", "b"),
		"attach":   r.AttachBoard(ctx, id, reading.Board{From: day(20)}, "a", "b"),
		"replace":  r.ReplaceBoard(ctx, id, reading.Board{From: day(21)}, "a", "b"),
		"detach":   r.DetachBoard(ctx, id, day(22), "a", "b"),
		"withdraw": r.WithdrawPeriod(ctx, id, period, "a", "b"),
		"restore":  r.RestorePeriod(ctx, id, period, "a", "b"),
		"blocks":   r.PutBlocks(ctx, []ingest.VersionedBlock{{Block: block(id, reading.O3, month, 1)}}),
	}
}

// deletionLeavesWork holds the mark against a judge that is at work, and what
// devices go on sending against the promise that nothing of it is kept.
func deletionLeavesWork(t *testing.T, r *register.Register) {
	ctx := t.Context()
	full(t, r, "one")
	claim := dirty(t, r, 1000)
	require.NotEmpty(t, claim)
	require.NoError(t, r.DeleteStation(ctx, "one"))
	require.NoError(t, r.ClearDirty(ctx, claim))
	left := dirty(t, r, 10)
	require.Len(t, left, 1, "the claim of before does not clear it")
	_, err := r.Station(ctx, left[0].Station)
	require.ErrorIs(t, err, ingest.ErrStationDeleted)
	require.NoError(t, r.ClearDirty(ctx, left))
	late := []reading.StationHour{{Station: "one", Hour: hour}}
	require.NoError(t, r.MarkDirty(ctx, late), "of a reading that was under way")
	require.Equal(t, late[0], dirty(t, r, 10)[0].StationHour)

	sent := []ingest.Reject{
		{Station: "one", Cause: "json", Detail: "52.371234 is no time", Payload: []byte("personal"), Received: day(4)},
		{Station: "one", Cause: "json", Payload: []byte("personal too"), Received: day(5)},
		{Station: "two", Cause: "json", Payload: []byte("of another"), Received: day(6)},
	}
	require.NoError(t, r.PutRejects(ctx, sent))
	require.NoError(t, r.PutRejects(ctx, sent))
	kept, err := r.Rejects(ctx, "one", 10)
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Empty(t, kept[0].Payload)
	require.NotContains(t, kept[0].Detail, "52.37")
	require.Equal(t, int64(4), kept[0].Arrivals, "counted all the same")
	kept, err = r.Rejects(ctx, "two", 10)
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Equal(t, "of another", string(kept[0].Payload))
	requireRejectCount(t, r)
}

// deletionWhole makes the deletion fail at every moment that can be had: nothing
// is deleted then, and the next one does it all.
func deletionWhole(t *testing.T, r *register.Register) {
	token := full(t, r, "one")
	want := rowsOf(t, r, "one")
	same := func(why string) {
		t.Helper()
		require.Equal(t, want, rowsOf(t, r, "one"), why)
		require.NoError(t, r.Authenticate(t.Context(), "one", token), why)
		requireRejectCount(t, r)
	}
	fault := errors.New("fault")
	require.ErrorIs(t, r.DeleteStation(t.Context(), "one", func(*sqlTx) error { return nil }, func(*sqlTx) error { return fault }), fault)
	same("another package fails")
	ctx, cancel := context.WithCancel(t.Context())
	require.Error(t, r.DeleteStation(ctx, "one", func(*sqlTx) error { cancel(); return nil }))
	same("the context ends half-way")
	require.Error(t, r.DeleteStation(ctx, "one"))
	same("the context ended before")
	require.Panics(t, func() { _ = r.DeleteStation(t.Context(), "one", func(*sqlTx) error { panic("fault") }) })
	same("a panic")
	for i := range 40 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*200*time.Microsecond)
		err := r.DeleteStation(ctx, "one")
		cancel()
		if rows := rowsOf(t, r, "one"); rows["station_deleted"] > 0 {
			require.Equal(t, map[string]int{"station_deleted": 1, "dirty_hour": 1}, rows, "%v", err)
			return
		}
		require.Error(t, err)
		same(fmt.Sprint("a deadline of ", i))
	}
	require.NoError(t, r.DeleteStation(t.Context(), "one"))
	require.Equal(t, map[string]int{"station_deleted": 1, "dirty_hour": 1}, rowsOf(t, r, "one"))
}

// deletionConcurrent deletes while others store all that can be stored for the
// station. Whoever is later is refused; nothing is left but marks, which bring
// the judge, and counts.
func deletionConcurrent(t *testing.T, r *register.Register) {
	for round := range 6 {
		id := reading.StationID(fmt.Sprintf("s%d", round))
		full(t, r, id)
		pos := place(t, 5, 52)
		begin := make(chan struct{})
		var wg sync.WaitGroup
		run := func(n int, fn func(i int)) {
			wg.Go(func() {
				<-begin
				for i := range n {
					fn(i)
				}
			})
		}
		allowed := func(what string, err error, others ...error) {
			for _, o := range append(others, ingest.ErrStationDeleted, nil) {
				if errors.Is(err, o) {
					return
				}
			}
			assert.NoError(t, err, what)
		}
		run(20, func(i int) {
			month := reading.Month(600 + i)
			allowed("new block", r.PutBlocks(t.Context(), []ingest.VersionedBlock{{Block: block(id, reading.O3, month, 1)}}), ingest.ErrStaleBlock)
		})
		run(20, func(i int) {
			_, version, err := r.Block(t.Context(), id, reading.NO2, month)
			allowed("read block", err)
			allowed("block", r.PutBlocks(t.Context(), []ingest.VersionedBlock{{Block: block(id, reading.NO2, month, uint64(i)), Version: version}}), ingest.ErrStaleBlock)
		})
		run(20, func(i int) {
			allowed("reject", r.PutRejects(t.Context(), []ingest.Reject{{Station: id, Cause: "json", Payload: fmt.Appendf(nil, "personal %d", i)}, {Station: "other", Cause: "json", Payload: []byte{byte(i)}}}))
		})
		run(20, func(i int) {
			allowed("mark", r.MarkDirty(t.Context(), []reading.StationHour{{Station: id, Hour: hour + reading.Hour(i)}, {Station: "other", Hour: hour}}))
		})
		run(20, func(int) {
			counts, err := r.EventCounts(t.Context())
			allowed("counts", err)
			allowed("assessment", r.PutAssessments(t.Context(), counts, []ingest.KitAssessments{{Station: id, Assessments: []ingest.Assessment{assessment(id, id, reading.NO2)}}}))
		})
		run(4, func(int) {
			for what, err := range everyChange(t.Context(), r, id, pos) {
				allowed(what, err, register.ErrStationExists, register.ErrBoardOverlap, register.ErrNoBoard, register.ErrNoPeriod, ingest.ErrStaleBlock)
			}
		})
		close(begin)
		if round > 0 {
			time.Sleep(time.Duration(round) * 7 * time.Millisecond)
		}
		require.NoError(t, r.DeleteStation(t.Context(), id))
		wg.Wait()
		rows := rowsOf(t, r, id)
		require.Positive(t, rows["dirty_hour"])
		delete(rows, "dirty_hour")
		delete(rows, "reject")
		require.Equal(t, map[string]int{"station_deleted": 1}, rows)
		kept, err := r.Rejects(t.Context(), id, 100)
		require.NoError(t, err)
		for _, k := range kept {
			require.Empty(t, k.Payload)
		}
		requireRejectCount(t, r)
	}
}

// deletionOnce lets several delete the same station: one of them did it.
func deletionOnce(t *testing.T, r *register.Register) {
	full(t, r, "one")
	errs := make([]error, 6)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = r.DeleteStation(t.Context(), "one") })
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
			continue
		}
		assert.ErrorIs(t, err, ingest.ErrStationDeleted)
	}
	require.Equal(t, 1, done)
}
