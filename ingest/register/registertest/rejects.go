package registertest

import (
	"bytes"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

type sqlTx = sql.Tx

func rejectsCounted(t *testing.T, r *register.Register) {
	ctx := t.Context()
	at := time.Date(2026, 11, 5, 10, 0, 0, 5_000_000, time.UTC)
	reject := func(id reading.StationID, cause, payload string, minutes int) ingest.Reject {
		return ingest.Reject{
			Station: id, Source: "mqtt", Received: at.Add(time.Duration(minutes) * time.Minute), Cause: cause,
			Detail: "give the time as RFC 3339", Payload: []byte(payload),
		}
	}
	require.NoError(t, r.PutRejects(ctx, nil))
	require.NoError(t, r.PutRejects(ctx, []ingest.Reject{
		reject("one", "json", "{", 1), reject("one", "json", "{", 2), reject("one", "time-missing", "{", 3), reject("two", "json", "{", 4),
	}))
	require.NoError(t, r.PutRejects(ctx, []ingest.Reject{reject("one", "json", "{", 0), reject("one", "json", "[", 9)}))
	counts, err := r.RejectCounts(ctx)
	require.NoError(t, err)
	require.Equal(t, []register.RejectCount{{Cause: "json", Distinct: 3, Arrivals: 5}, {Cause: "time-missing", Distinct: 1, Arrivals: 1}}, counts)

	kept, err := r.Rejects(ctx, "one", 10)
	require.NoError(t, err)
	want := []register.KeptReject{
		{Reject: reject("one", "json", "[", 9), First: at.Add(9 * time.Minute), Arrivals: 1},
		{Reject: reject("one", "time-missing", "{", 3), First: at.Add(3 * time.Minute), Arrivals: 1},
		{Reject: reject("one", "json", "{", 2), First: at, Arrivals: 3},
	}
	require.Empty(t, cmp.Diff(want, kept))
	all, err := r.Rejects(ctx, "", 3)
	require.NoError(t, err)
	require.Len(t, all, 3)
	require.Equal(t, reading.StationID("two"), all[1].Station)
}

func rejectsHostile(t *testing.T, r *register.Register) {
	ctx := t.Context()
	payloads := [][]byte{nil, {0}, {0xff, 0xfe, 0}, []byte("'; DROP TABLE reject; --"), bytes.Repeat([]byte{0xc3}, 100_000)}
	var batch []ingest.Reject
	for _, id := range hostileIDs() {
		for _, p := range payloads {
			batch = append(batch, ingest.Reject{
				Station: id, Source: "http\x00\xff", Cause: "station-unknown", Detail: strings.Repeat("\xff\x00€", 900), Payload: p,
				Received: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			})
		}
	}
	require.NoError(t, r.PutRejects(ctx, batch))
	require.NoError(t, r.PutRejects(ctx, batch))
	kept, err := r.Rejects(ctx, "", 10_000)
	require.NoError(t, err)
	distinct := map[string]bool{}
	for _, k := range kept {
		require.True(t, utf8.ValidString(string(k.Station)+k.Source+k.Detail))
		require.LessOrEqual(t, len(k.Payload), 1<<20)
		distinct[string(k.Payload)] = true
	}
	require.Len(t, distinct, len(payloads))
	counts, err := r.RejectCounts(ctx)
	require.NoError(t, err)
	require.Equal(t, []register.RejectCount{{Cause: "station-unknown", Distinct: int64(len(kept)), Arrivals: int64(2 * len(batch))}}, counts)
	for _, id := range hostileIDs()[1:] {
		mine, err := r.Rejects(ctx, id, 100)
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(mine), len(payloads), "%q", id)
	}
}

func dataVersion(t *testing.T, r *register.Register) {
	ctx := t.Context()
	last, modified, err := r.DataVersion(ctx)
	require.NoError(t, err)
	require.True(t, modified.IsZero())
	grew := func(what string, want bool) {
		t.Helper()
		version, modified, err := r.DataVersion(ctx)
		require.NoError(t, err)
		require.Equal(t, want, version > last, what)
		if want {
			require.WithinDuration(t, time.Now(), modified, time.Minute)
		}
		last = version
	}
	grew("nothing", false)
	_, err = r.AddStation(ctx, Station("one"), place(t, 4.9, 52.3), "operator")
	require.NoError(t, err)
	grew("station added", true)
	require.NoError(t, r.MarkDirty(ctx, []reading.StationHour{{Station: "one", Hour: hour}}))
	grew("hour marked", false)
	require.NoError(t, r.PutBlocks(ctx, []ingest.VersionedBlock{{Block: block("one", reading.NO2, month, 1)}}))
	grew("block stored", true)
	require.ErrorIs(t, r.PutBlocks(ctx, []ingest.VersionedBlock{{Block: block("one", reading.NO2, month, 1)}}), ingest.ErrStaleBlock)
	grew("stale block refused", false)
	require.NoError(t, r.SetPosition(ctx, "one", place(t, 4.8, 52.3), "keeper", ""))
	grew("position set", true)
	require.NoError(t, r.SetPaused(ctx, "one", true, "keeper", ""))
	grew("paused", true)
	_, err = r.RotateToken(ctx, "one", "keeper")
	require.NoError(t, err)
	grew("token rotated", true)
	require.NoError(t, r.PutRejects(ctx, []ingest.Reject{{Station: "one", Cause: "json"}}))
	grew("reject arrived", true)
	require.NoError(t, r.InTx(ctx, func(tx *sqlTx) error { return r.BumpVersion(ctx, tx) }))
	grew("bumped by another owner", true)
}

func transactions(t *testing.T, r *register.Register) {
	ctx := t.Context()
	before, _, err := r.DataVersion(ctx)
	require.NoError(t, err)
	fault := errors.New("fault")
	require.ErrorIs(t, r.InTx(ctx, func(tx *sqlTx) error {
		require.NoError(t, r.BumpVersion(ctx, tx))
		return fault
	}), fault)
	require.Panics(t, func() {
		_ = r.InTx(ctx, func(tx *sqlTx) error {
			require.NoError(t, r.BumpVersion(ctx, tx))
			panic("fault")
		})
	})
	require.NoError(t, r.InTx(ctx, func(*sqlTx) error { return nil }), "the connection is free again")
	after, _, err := r.DataVersion(ctx)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.NoError(t, r.Ping(ctx))
}

func migrations(t *testing.T, r *register.Register) {
	ctx := t.Context()
	files := fstest.MapFS{"00001_area.sql": {Data: []byte("-- +goose Up\nCREATE TABLE area (code {{key}} PRIMARY KEY, shape {{blob}}){{clustered}};\nINSERT INTO area (code) VALUES ('a_b'), ('a-b'), ('ab');\n")}}
	require.NoError(t, r.Migrate(ctx, "geo", files))
	require.NoError(t, r.Migrate(ctx, "geo", files))
	files["00002_more.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nUPDATE area SET code = code || '2';\n")}
	require.NoError(t, r.Migrate(ctx, "geo", files))
	require.NoError(t, r.Migrate(ctx, "geo", files))
	rows, err := r.ReadDB().QueryContext(ctx, `SELECT code FROM area ORDER BY code`)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var codes []string
	for rows.Next() {
		var c string
		require.NoError(t, rows.Scan(&c))
		codes = append(codes, c)
	}
	require.NoError(t, rows.Err())
	require.Equal(t, []string{"a-b2", "a_b2", "ab2"}, codes)

	files["00003_wrong.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE half (a BIGINT);\nCREATE TABLE oops (a {{colour}});\n")}
	require.ErrorContains(t, r.Migrate(ctx, "geo", files), "{{colour}}")
	files["00003_wrong.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE half (a BIGINT);\nINSERT INTO nowhere VALUES (1);\n")}
	require.Error(t, r.Migrate(ctx, "geo", files))
	files["00003_wrong.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE half (a BIGINT);\n")}
	require.NoError(t, r.Migrate(ctx, "geo", files), "the failed one left nothing behind")
	require.Error(t, r.Migrate(ctx, "geo; drop", files))
}
