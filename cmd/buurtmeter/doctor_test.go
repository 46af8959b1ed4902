package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/mqtt/mqtttest"
	"buurtmeter/ingest/series/seriestest"
)

func TestDoctorFindsWhatLosesMessages(t *testing.T) {
	data := t.TempDir()
	addStation(t, data, "kit-1")
	secret := filepath.Join(t.TempDir(), "ingest")
	require.NoError(t, os.WriteFile(secret, []byte(mqtttest.IngestPassword), 0o600))
	args := func(url, conf string) []string {
		return []string{
			"doctor", "--data", data, "--influx-url", seriestest.Influxd(t), "--mqtt-url", url, "--mqtt-password-file", secret,
			"--mosquitto-conf", conf, "--keep", "1500",
		}
	}
	good := mqtttest.DurableMosquitto(t, nil)
	out, err := runCommand(t, args(good.URL, good.Config)...)
	require.NoError(t, err, out)
	assert.Contains(t, out, "the broker kept all of 1500 messages")
	assert.NotContains(t, out, "WRONG")

	plain := mqtttest.PlainMosquitto(t, nil)
	out, err = runCommand(t, args(plain.URL, plain.Config)...)
	require.Error(t, err)
	assert.Regexp(t, `WRONG  the broker acknowledged 1500 messages while ingest was away and lost [345]\d\d of them\n\s+Mosquitto: max_queued_messages`, out)
	assert.Contains(t, out, "gives out only 20 messages")
	assert.Contains(t, out, "autosave_on_changes true")
	assert.Contains(t, out, "Error: 3 things are wrong")

	out, err = runCommand(t, args("tcp://127.0.0.1:1", "absent.conf")...)
	require.Error(t, err)
	assert.Contains(t, out, "WRONG  the broker cannot be examined")
	assert.Contains(t, out, "Try:   name the file with --mosquitto-conf")
	out, err = runCommand(t, "doctor", "--data", data, "--influx-url", "http://127.0.0.1:1")
	require.Error(t, err)
	assert.Contains(t, out, "WRONG  the time series do not answer")
	assert.NotContains(t, out, mqtttest.IngestPassword)
}
