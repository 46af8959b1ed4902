package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

type platform struct{ committed atomic.Int64 }

func (p *platform) Submit(_ context.Context, _ ingest.Message, done func(error)) {
	p.committed.Add(1)
	done(nil)
}

func (p *platform) Ingest(context.Context, ingest.Message) error {
	p.committed.Add(1)
	return nil
}

func (*platform) Authenticate(_ context.Context, id reading.StationID, token string) error {
	if token != "token-"+string(id) {
		return register.ErrWrongCredentials
	}
	return nil
}

func start(t *testing.T) (*platform, string) {
	t.Helper()
	p := &platform{}
	b, err := broker.Start(t.Context(), broker.Options{Listen: "127.0.0.1:0", Auth: p, Ingest: p})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	return p, "mqtt://" + b.Addr()
}

func credentials(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stations.csv")
	require.NoError(t, os.WriteFile(path, []byte(lines), 0o600))
	return path
}

func noEnv(string) string { return "" }

func report(t *testing.T, text string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for line := range bytes.Lines([]byte(text)) {
		var name string
		var v float64
		if n, _ := fmt.Sscanf(string(line), "%s %g", &name, &v); n == 2 {
			out[name] = v
		}
	}
	return out
}

func TestRunReportsWhatWasAcknowledged(t *testing.T) {
	p, url := start(t)
	file := credentials(t, "id,token\n# the fleet\na,token-a\nb,token-b\nc,token-c\n")
	var out, log bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-broker", url, "-credentials", file, "-rate", "60", "-duration", "2s", "-backfill", "7"}, noEnv, &out, &log))
	got := report(t, out.String())
	assert.Equal(t, 3.0, got["devices"], out.String())
	assert.Equal(t, got["published"], got["acked"])
	assert.Equal(t, float64(p.committed.Load()), got["acked"])
	assert.Greater(t, got["readings"], 3*7*24+60.0)
	assert.Zero(t, got["refused"])
	assert.Contains(t, log.String(), "connected 3/3")
}

func TestAWrongTokenIsReportedAndAnError(t *testing.T) {
	_, url := start(t)
	env := func(name string) string {
		if name == "FIRMWARE_SIM_BROKER" {
			return url
		}
		return ""
	}
	var out, log bytes.Buffer
	err := run(t.Context(), []string{"-credentials", credentials(t, "a,token-a\nb,stolen\n"), "-rate", "20", "-duration", "1s"}, env, &out, &log)
	require.Error(t, err)
	assert.Contains(t, log.String(), "1 of 2 devices")
	got := report(t, out.String())
	assert.Equal(t, 1.0, got["refused"])
	assert.Positive(t, got["acked"])
}

// TestAFleetIsEnrolled: the fleet registers itself, logs
// in at a broker with that register, and a second run takes its stations over.
func TestAFleetIsEnrolled(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "register.db")
	reg, err := register.Open(t.Context(), dsn, register.Options{Now: time.Now})
	require.NoError(t, err)
	defer func() { _ = reg.Close() }()
	p := &platform{}
	b, err := broker.Start(t.Context(), broker.Options{Listen: "127.0.0.1:0", Auth: reg, Ingest: p})
	require.NoError(t, err)
	defer func() { assert.NoError(t, b.Close()) }()
	for range 2 {
		var out, log bytes.Buffer
		args := []string{"-broker", "mqtt://" + b.Addr(), "-enrol", dsn, "-stations", "40", "-rate", "80", "-duration", "2s", "-json"}
		require.NoError(t, run(t.Context(), args, noEnv, &out, &log), log.String())
		var r struct{ Devices, Published, Acked, Refused int }
		require.NoError(t, json.Unmarshal(out.Bytes(), &r))
		assert.Equal(t, 40, r.Devices)
		assert.Equal(t, r.Published, r.Acked)
		assert.Greater(t, r.Acked, 40)
		assert.Zero(t, r.Refused)
	}
	stations, err := reg.Stations(t.Context())
	require.NoError(t, err)
	require.Len(t, stations, 40)
	assert.True(t, stations[0].Simulated)

	_, err = reg.AddStation(t.Context(), reading.Station{
		ID: "sim-0041", Title: "Echt", Kind: reading.KindSensor, Model: "m", Maker: "m", Cadence: time.Minute, Since: time.Now(),
	}, reading.SecretPosition{}, "test")
	require.NoError(t, err)
	var out, log bytes.Buffer
	require.Error(t, run(t.Context(), []string{"-enrol", dsn, "-stations", "41"}, noEnv, &out, &log))
	assert.Contains(t, log.String(), "not simulated")
}

func TestWrongCallsSayWhatToDo(t *testing.T) {
	for want, args := range map[string][]string{
		"-credentials":           {},
		"no such file":           {"-credentials", "/does/not/exist"},
		"id,token":               {"-credentials", credentials(t, "a,b,c\n")},
		"there are none":         {"-credentials", credentials(t, "id,token\n")},
		"must not be negative":   {"-credentials", "x", "-rate", "-1"},
		"unexpected argument":    {"-credentials", "x", "y"},
		"flag provided but not":  {"-colour", "red"},
		"say with -stations":     {"-enrol", "sqlite:x"},
		"asks for 3":             {"-credentials", credentials(t, "a,b\n"), "-stations", "3"},
		"no kind of kit":         {"-credentials", credentials(t, "a,b\n"), "-kinds", "toaster"},
		"Door must be":           {"-credentials", credentials(t, "a,b\n"), "-kinds", "airrohr-http", "-door", "127.0.0.1:8081"},
		"nothing to send":        {"-credentials", credentials(t, "a,b\n"), "-rate", "0"},
		"is empty or there twic": {"-credentials", credentials(t, "a,b\na,c\n")},
	} {
		var out, log bytes.Buffer
		require.Error(t, run(t.Context(), args, noEnv, &out, &log), want)
		assert.Contains(t, log.String(), want)
		assert.Empty(t, out.String())
	}
}
