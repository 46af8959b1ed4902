package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/mqtt"
	"buurtmeter/ingest/mqtt/mqtttest"
	"buurtmeter/ingest/reading"
)

// TestMosquittoTakesOurPasswordFile lets a real Mosquitto read the file that
// the command writes, and follow the stations.
func TestMosquittoTakesOurPasswordFile(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	one := addStation(t, data, "kit-1")
	secret := filepath.Join(dir, "ingest")
	require.NoError(t, os.WriteFile(secret, []byte(mqtttest.IngestPassword+"\n"), 0o600))
	b := mqtttest.Mosquitto(t, nil)
	write := []string{"mosquitto", "--data", data, "--out", b.PasswordFile, "--mqtt-password-file", secret}
	out, err := runCommand(t, write...)
	require.NoError(t, err, out)
	assert.Contains(t, out, "the logins of 1 stations")
	b.Reload(t)

	login := func(id reading.StationID, token string) error {
		p, err := mqtt.Dial(t.Context(), mqtt.PublisherOptions{URL: b.URL, Station: id, Token: token})
		if err == nil {
			p.Close()
		}
		return err
	}
	require.Eventually(t, func() bool { return login("kit-1", one) == nil }, 20*time.Second, 50*time.Millisecond)
	require.ErrorIs(t, login("kit-1", one+"x"), mqtt.ErrLogin)
	require.NoError(t, login(mqtttest.IngestUser, mqtttest.IngestPassword))

	// Watching: a station that comes later may log in, a replaced token not.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reload := filepath.Join(dir, "reload")
	require.NoError(t, os.WriteFile(reload, []byte("#!/bin/sh\nkill -HUP "+b.PID()+"\n"), 0o700))
	ended := make(chan error, 1)
	log := &syncBuffer{}
	go func() {
		ended <- run(ctx, append(write, "--watch", "--reload", reload), func(string) string { return "" }, log, log)
	}()
	two := addStation(t, data, "kit-2")
	require.Eventually(t, func() bool { return login("kit-2", two) == nil }, 30*time.Second, 100*time.Millisecond, log)
	out, err = runCommand(t, "station", "token", "--id", "kit-1", "--data", data)
	require.NoError(t, err, out)
	require.Eventually(t, func() bool { return login("kit-1", one) != nil }, 30*time.Second, 100*time.Millisecond, log)
	cancel()
	require.NoError(t, <-ended)
	assert.NotContains(t, log.String(), one)

	out, err = runCommand(t, "mosquitto", "--data", data)
	require.Error(t, err)
	assert.Contains(t, out, "Try:   ")
	out, err = runCommand(t, "mosquitto", "--data", data, "--out", filepath.Join(dir, "absent", "passwords"))
	require.Error(t, err)
	assert.Contains(t, out, "Try:   ")
}
