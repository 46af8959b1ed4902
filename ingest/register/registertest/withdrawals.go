package registertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

func withdrawals(t *testing.T, r *register.Register, id reading.StationID) []ingest.Period {
	t.Helper()
	periods, err := r.Withdrawals(t.Context(), id)
	require.NoError(t, err)
	return periods
}

func periods(t *testing.T, r *register.Register) {
	ctx := t.Context()
	add(t, r, "one")
	require.Empty(t, withdrawals(t, r, "one"))
	a, b := ingest.Period{From: day(1), To: day(3)}, ingest.Period{From: day(2), To: day(4)}
	require.NoError(t, r.WithdrawPeriod(ctx, "one", b, "keeper", "sensor hing binnen"))
	require.NoError(t, r.WithdrawPeriod(ctx, "one", a, "keeper", "overlapt"))
	require.Equal(t, []ingest.Period{a, b}, withdrawals(t, r, "one"))
	require.Equal(t, register.Event{
		Station: "one", Actor: "keeper", What: register.EventWithdrawn, Why: "overlapt",
		Detail: "2026-03-01T12:30:00.005Z/2026-03-03T12:30:00.005Z",
	}, last(t, r, "one"))
	n := eventCount(t, r, "one")
	require.NoError(t, r.WithdrawPeriod(ctx, "one", a, "keeper", "nog eens"))
	require.Equal(t, n, eventCount(t, r, "one"))
	require.Empty(t, dirty(t, r, 10), "nothing was measured, so nothing is computed")

	require.ErrorIs(t, r.RestorePeriod(ctx, "one", ingest.Period{From: day(1), To: day(4)}, "keeper", ""), register.ErrNoPeriod)
	require.NoError(t, r.RestorePeriod(ctx, "one", a, "keeper", "toch goed"))
	require.Equal(t, []ingest.Period{b}, withdrawals(t, r, "one"))
	require.Equal(t, register.EventRestored, last(t, r, "one").What)
	require.ErrorIs(t, r.RestorePeriod(ctx, "one", a, "keeper", ""), register.ErrNoPeriod)

	for name, p := range map[string]ingest.Period{
		"empty":    {},
		"backward": {From: day(3), To: day(2)},
		"nothing":  {From: day(3), To: day(3).Add(time.Microsecond)},
		"year 1":   {To: day(3)},
		"far":      {From: day(3), To: time.Date(5000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		require.Error(t, r.WithdrawPeriod(ctx, "one", p, "keeper", ""), name)
		require.Error(t, r.RestorePeriod(ctx, "one", p, "keeper", ""), name)
	}
	for _, id := range append(hostileIDs(), "two") {
		require.ErrorIs(t, r.WithdrawPeriod(ctx, id, a, "a", "b"), ingest.ErrUnknownStation)
		require.ErrorIs(t, r.RestorePeriod(ctx, id, a, "a", "b"), ingest.ErrUnknownStation)
		require.Empty(t, withdrawals(t, r, id))
	}
}

// periodsMark withdraws periods over months with and without data and compares
// the marks with a plain rule: the hours of the period and the next one of which
// a block tells anything, and what was marked already.
func periodsMark(t *testing.T, r *register.Register) {
	ctx := t.Context()
	add(t, r, "one")
	add(t, r, "two")
	no2, pm := block("one", reading.NO2, month, 1), reading.NewBlock("one", reading.PM25, month+2)
	pm.Flags[5] = reading.Range // a remark alone is data: its reading may be restored
	require.NoError(t, r.PutBlocks(ctx, []ingest.VersionedBlock{
		{Block: no2},
		{Block: pm},
		{Block: block("two", reading.NO2, month, 2)},
	}))
	data := func(h reading.Hour) bool {
		i := int(h - month.First())
		return i >= 0 && i < len(no2.Values) && (no2.Values[i] != reading.Missing || no2.Flags[i] != 0 || no2.Capture[i] != 0) || h == (month+2).First()+5
	}
	begin := month.First()
	for name, c := range map[string]struct{ from, to time.Time }{
		"within an hour":   {(begin + 9).Start().Add(10 * time.Minute), (begin + 9).Start().Add(11 * time.Minute)},
		"up to the hour":   {(begin + 9).Start(), (begin + 12).Start()},
		"a moment more":    {(begin + 9).Start(), (begin + 12).Start().Add(time.Millisecond)},
		"end of the month": {(begin + 700).Start(), (month + 1).First().Start()},
		"everything":       {time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2261, 1, 1, 0, 0, 0, 0, time.UTC)},
		"nothing there":    {(begin - 500).Start(), (begin - 400).Start()},
	} {
		p := ingest.Period{From: c.from, To: c.to}
		var want []reading.Hour
		for h := begin - 600; h <= (month+2).First()+100; h++ {
			if data(h) && h.Start().Add(time.Hour).After(p.From) && (h - 1).Start().Before(p.To) {
				want = append(want, h)
			}
		}
		for _, change := range []func(context.Context, reading.StationID, ingest.Period, string, string) error{r.WithdrawPeriod, r.RestorePeriod} {
			require.NoError(t, change(ctx, "one", p, "keeper", ""), name)
			claim := dirty(t, r, 10_000)
			var got []reading.Hour
			for _, d := range claim {
				require.Equal(t, reading.StationID("one"), d.Station)
				got = append(got, d.Hour)
			}
			require.Equal(t, want, got, name)
			require.NoError(t, r.ClearDirty(ctx, claim))
		}
	}

	// A judge may have taken a mark and not stored its hours yet.
	waiting := []reading.StationHour{{Station: "one", Hour: begin - 1000}, {Station: "one", Hour: begin - 3000}, {Station: "two", Hour: begin - 1000}}
	require.NoError(t, r.MarkDirty(ctx, waiting))
	claim := dirty(t, r, 10)
	require.NoError(t, r.WithdrawPeriod(ctx, "one", ingest.Period{From: (begin - 2000).Start(), To: (begin - 900).Start()}, "keeper", ""))
	require.NoError(t, r.ClearDirty(ctx, claim))
	left := dirty(t, r, 10)
	require.Len(t, left, 1)
	require.Equal(t, waiting[0], left[0].StationHour, "the claim of before does not clear it")

	// A block that cannot be read hides nothing.
	_, err := r.DB().ExecContext(ctx, `UPDATE hour_block SET data = CAST('damaged' AS `+r.Dialect().BlobType()+`)`)
	require.NoError(t, err)
	require.NoError(t, r.WithdrawPeriod(ctx, "one", ingest.Period{From: begin.Start(), To: (begin + 3).Start()}, "keeper", ""))
	require.Len(t, dirty(t, r, 10), 1+4)
}

// periodsWhole ends the context while the change is made: all of it is stored or
// nothing.
func periodsWhole(t *testing.T, r *register.Register) {
	add(t, r, "one")
	require.NoError(t, r.PutBlocks(t.Context(), []ingest.VersionedBlock{{Block: block("one", reading.NO2, month, 1)}}))
	stored := 0
	for i := range 30 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*300*time.Microsecond)
		p := ingest.Period{From: month.First().Start(), To: (month.First() + 24).Start().Add(time.Duration(i) * time.Millisecond)}
		err := r.WithdrawPeriod(ctx, "one", p, "keeper", "")
		cancel()
		kept := len(withdrawals(t, r, "one"))
		require.Equal(t, kept, eventCount(t, r, "one")-1, "an event for each")
		marks := dirty(t, r, 100)
		switch {
		case err == nil:
			require.Equal(t, stored+1, kept)
			require.NotEmpty(t, marks)
		case kept == stored:
			require.Empty(t, marks)
		}
		stored = kept
		require.NoError(t, r.ClearDirty(t.Context(), marks))
	}
}

func periodsBounded(t *testing.T, r *register.Register) {
	add(t, r, "one")
	_, err := r.DB().ExecContext(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
		INSERT INTO station_withdrawal (station, from_ms, to_ms) SELECT 'one', i, i + 1000 FROM n`)
	require.NoError(t, err)
	err = r.WithdrawPeriod(t.Context(), "one", ingest.Period{From: day(1), To: day(2)}, "keeper", "")
	require.ErrorContains(t, err, "500 periods", fmt.Sprint(err))
	require.Len(t, withdrawals(t, r, "one"), 500)
}
