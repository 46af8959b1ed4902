package register_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/register/registertest"
)

func TestEveryChangeOfAnotherProcessShowsWithinASecond(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		server := open(t, dsn, register.Options{Now: func() time.Time { return now }})
		command := open(t, dsn, register.Options{})
		ctx := t.Context()
		token, err := command.AddStation(ctx, registertest.Station("one"), reading.SecretPosition{}, "operator")
		require.NoError(t, err)
		station := func() reading.Station {
			st, err := server.Station(ctx, "one")
			require.NoError(t, err)
			return st
		}
		require.NoError(t, server.Authenticate(ctx, "one", token))
		require.Empty(t, station().Wire.Zone)

		require.NoError(t, command.SetWire(ctx, "one", reading.Wire{Zone: "+01:00", Channels: []reading.Channel{{Key: "87", Property: reading.NO2}}}, "keeper", ""))
		now = now.Add(time.Second)
		require.Equal(t, "+01:00", station().Wire.Zone)
		require.NoError(t, command.AttachBoard(ctx, "one", reading.Board{Model: "nieuw", From: now}, "keeper", ""))
		now = now.Add(time.Second)
		require.Equal(t, "nieuw", station().Model)
		require.NoError(t, server.Authenticate(ctx, "one", token))
		require.NoError(t, command.RevokeToken(ctx, "one", "operator", ""))
		now = now.Add(time.Second)
		require.ErrorIs(t, server.Authenticate(ctx, "one", token), register.ErrWrongCredentials)
		fresh, err := command.Transfer(ctx, "one", "school", "keeper", "")
		require.NoError(t, err)
		require.NoError(t, server.Authenticate(ctx, "one", fresh), "a new token is taken at once")
		now = now.Add(time.Second)
		require.Equal(t, "school", station().Maker)
		require.NoError(t, command.DeleteStation(ctx, "one"))
		now = now.Add(time.Second)
		require.ErrorIs(t, server.Authenticate(ctx, "one", fresh), register.ErrWrongCredentials)
		_, err = server.Station(ctx, "one")
		require.ErrorIs(t, err, ingest.ErrStationDeleted)
	})
}

// A judge that finds the mark of a deletion must find the deletion too, or it
// would clear the mark and leave the readings.
func TestMarksAreNeverNewerThanTheirStations(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) // stands still, so memory stays fresh
		judge := open(t, dsn, register.Options{Now: func() time.Time { return now }})
		command := open(t, dsn, register.Options{})
		for i := range 10 {
			id := reading.StationID(fmt.Sprintf("s%d", i))
			_, err := command.AddStation(t.Context(), registertest.Station(id), reading.SecretPosition{}, "operator")
			require.NoError(t, err)
			_, err = judge.DirtyHours(t.Context(), "", 10)
			require.NoError(t, err)
			_, err = judge.Station(t.Context(), id)
			require.NoError(t, err)
			require.NoError(t, command.DeleteStation(t.Context(), id))
			marks, err := judge.DirtyHours(t.Context(), "", 10)
			require.NoError(t, err)
			require.Len(t, marks, 1)
			_, err = judge.Station(t.Context(), id)
			require.ErrorIs(t, err, ingest.ErrStationDeleted)
			require.NoError(t, judge.ClearDirty(t.Context(), marks))
		}
	})
}

func TestNothingOfADeletedStationStaysInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "register.db")
	r := open(t, "sqlite:"+path, register.Options{})
	ctx := t.Context()
	var secrets []string
	for i := range 30 {
		id := reading.StationID(fmt.Sprintf("s%02d", i))
		st := registertest.Station(id)
		secret := func(what string) string { return fmt.Sprintf("%s-of-%s", what, id) }
		st.Title, st.Maker = secret("title"), secret("maker")
		st.Wire.Channels = []reading.Channel{{Key: secret("key"), Property: reading.NO2}}
		_, err := r.AddStation(ctx, st, reading.SecretPosition{}, secret("actor"))
		require.NoError(t, err)
		require.NoError(t, r.AttachBoard(ctx, id, reading.Board{Hardware: reading.HardwareID(secret("chip")), Model: secret("model"), From: st.Since}, "keeper", secret("why")))
		require.NoError(t, r.PutRejects(ctx, []ingest.Reject{{Station: id, Cause: "json", Detail: secret("detail"), Payload: bytes.Repeat([]byte(secret("payload")), 1000)}}))
		for _, what := range []string{"title", "maker", "key", "actor", "chip", "model", "why", "detail", "payload"} {
			secrets = append(secrets, secret(what))
		}
	}
	found := func() (n int) {
		for _, end := range []string{"", "-wal"} {
			file, err := os.ReadFile(path + end)
			require.NoError(t, err)
			for _, s := range secrets {
				if bytes.Contains(file, []byte(s)) {
					n++
				}
			}
		}
		return n
	}
	require.Positive(t, found())
	for i := range 30 {
		require.NoError(t, r.DeleteStation(ctx, reading.StationID(fmt.Sprintf("s%02d", i))))
	}
	require.Zero(t, found())
}

// A register of the version before comes up with its stations.
func TestARegisterOfBeforeKeepsItsStations(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		ctx := t.Context()
		r, err := register.Open(ctx, dsn, register.Options{})
		require.NoError(t, err)
		token, err := r.AddStation(ctx, registertest.Station("one"), reading.SecretPosition{}, "operator")
		require.NoError(t, err)
		for _, back := range []string{
			`DROP TABLE assessment`, `DROP TABLE assessment_turn`, `ALTER TABLE station DROP COLUMN siting`,
			`DROP TABLE corrected_block`, `DROP TABLE station_calibration`,
			`DROP TABLE network_block`, `DROP TABLE network_error`, `DROP TABLE network_turn`, `DROP TABLE station_particle`,
			`DROP TABLE tube_left_out`,
			`DROP TABLE tube_pair`, `DROP TABLE tube_calibration`, `DROP TABLE tube_place`, `DROP TABLE tube_result`, `DROP TABLE tube_sheet`, `DROP TABLE tube_event`, `DROP TABLE tube_campaign`,
			`DROP TABLE mark_log`, `DROP TABLE objection`, `DROP TABLE neighbour_hour`, `ALTER TABLE station_token DROP COLUMN mosquitto`,
			`ALTER TABLE reject DROP COLUMN format`, `ALTER TABLE reject DROP COLUMN content_type`, `ALTER TABLE reject DROP COLUMN topic`,
			`ALTER TABLE reject DROP COLUMN pin`, `ALTER TABLE reject DROP COLUMN again`, `DROP TABLE station_board`, `DROP TABLE station_withdrawal`, `DROP TABLE station_deleted`,
			`ALTER TABLE station DROP COLUMN format`, `ALTER TABLE station DROP COLUMN zone`, `ALTER TABLE station DROP COLUMN channels`,
			`ALTER TABLE station_event DROP COLUMN detail`, `DELETE FROM goose_register WHERE version_id >= 2`,
		} {
			_, err := r.DB().ExecContext(ctx, back)
			require.NoError(t, err, back)
		}
		require.NoError(t, r.Close())

		r = open(t, dsn, register.Options{})
		require.NoError(t, r.Authenticate(ctx, "one", token))
		st, err := r.Station(ctx, "one")
		require.NoError(t, err)
		require.Equal(t, registertest.Station("one"), st)
		require.NoError(t, r.SetWire(ctx, "one", reading.Wire{Format: reading.FormatSenML}, "keeper", ""))
		events, err := r.Events(ctx, "one")
		require.NoError(t, err)
		require.Len(t, events, 2)
	})
}
