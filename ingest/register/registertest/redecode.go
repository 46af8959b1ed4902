package registertest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

func rejectsAgain(t *testing.T, r *register.Register) {
	ctx := t.Context()
	at := time.Date(2026, 11, 5, 10, 0, 0, 0, time.UTC)
	reject := func(cause, payload string, minutes int) ingest.Reject {
		return ingest.Reject{
			Station: "one", Source: "http", Received: at.Add(time.Duration(minutes) * time.Minute), Cause: cause, Payload: []byte(payload),
			Format: reading.FormatSensorCommunity, ContentType: "application/json", Topic: "v1/push-sensor-data", Pin: "1",
		}
	}
	early, late, again := reject("json", "early", 0), reject("json", "late", 10), reject("json", "late", 20)
	require.NoError(t, r.PutRejects(ctx, []ingest.Reject{
		early, late, reject(ingest.CauseConflict, "conflict", 15), reject("unit-unknown", "unit", 12),
	}))
	require.NoError(t, r.PutRejects(ctx, []ingest.Reject{again}))

	waiting, err := r.WaitingRejects(ctx, 10)
	require.NoError(t, err)
	require.Empty(t, waiting)
	n, err := r.RedecodeSince(ctx, at.Add(5*time.Minute), "json")
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	n, err = r.RedecodeSince(ctx, at.Add(5*time.Minute), "")
	require.NoError(t, err)
	require.EqualValues(t, 2, n, "a conflict is no matter of decoding")
	n, err = r.RedecodeSince(ctx, at.Add(5*time.Minute), ingest.CauseConflict)
	require.NoError(t, err)
	require.Zero(t, n)

	waiting, err = r.WaitingRejects(ctx, 1)
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	w := waiting[0]
	require.Equal(t, late.Received, w.First, "the first arrival counts")
	w.Received = late.Received
	require.Empty(t, cmp.Diff(late, w.Reject))
	require.NoError(t, r.SettleReject(ctx, waiting[0], true))
	left, err := r.WaitingCount(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, left)
	waiting, err = r.WaitingRejects(ctx, 10)
	require.NoError(t, err)
	require.NoError(t, r.SettleReject(ctx, waiting[0], false))
	require.NoError(t, r.SettleReject(ctx, waiting[0], false), "twice is harmless")
	left, err = r.WaitingCount(ctx)
	require.NoError(t, err)
	require.Zero(t, left)
	counts, err := r.RejectCounts(ctx)
	require.NoError(t, err)
	require.Equal(t, []register.RejectCount{
		{Cause: "conflict", Distinct: 1, Arrivals: 1}, {Cause: "json", Distinct: 1, Arrivals: 1}, {Cause: "unit-unknown", Distinct: 1, Arrivals: 1},
	}, counts)
}

func brokerLogins(t *testing.T, r *register.Register) {
	ctx := t.Context()
	before, err := r.StationsVersion(ctx)
	require.NoError(t, err)
	add(t, r, "two")
	add(t, r, "one")
	logins, without, err := r.BrokerLogins(ctx)
	require.NoError(t, err)
	require.Zero(t, without)
	require.Len(t, logins, 2)
	require.Equal(t, reading.StationID("one"), logins[0].Station)
	require.Regexp(t, `^\$6\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/]{86}==$`, logins[0].Hash)

	_, err = r.RotateToken(ctx, "one", "keeper")
	require.NoError(t, err)
	require.NoError(t, r.SetPaused(ctx, "two", true, "keeper", ""))
	changed, _, err := r.BrokerLogins(ctx)
	require.NoError(t, err)
	require.Len(t, changed, 1, "a paused station may not log in")
	require.NotEqual(t, logins[0].Hash, changed[0].Hash)
	after, err := r.StationsVersion(ctx)
	require.NoError(t, err)
	require.GreaterOrEqual(t, after, before+4)
	_, err = r.DB().ExecContext(ctx, `UPDATE station_token SET mosquitto = ''`)
	require.NoError(t, err)
	logins, without, err = r.BrokerLogins(ctx)
	require.NoError(t, err)
	require.Empty(t, logins)
	require.Equal(t, 1, without)
}
