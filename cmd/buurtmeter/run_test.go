package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHelpListsEveryCommand(t *testing.T) {
	out, err := runCommand(t)
	require.NoError(t, err)
	for _, c := range commands() {
		assert.Contains(t, out, c.usage)
	}
}

func TestMistakesSayWhatToDo(t *testing.T) {
	for name, args := range map[string][]string{
		"unknown command": {"servee"},
		"unknown role":    {"serve", "--roles", "ingest,cook"},
		"split embedded":  {"serve", "--roles", "api", "--data", t.TempDir()},
		"unknown flag":    {"serve", "--htpp", "x"},
		"extra argument":  {"serve", "now"},
		"no file":         {"areas", "import", "--year", "2016"},
		"no year":         {"areas", "import", "x.geojson"},
		"absent file":     {"areas", "import", "absent.geojson", "--year", "2016"},
		"nothing to play": {"replay"},
		"absent replay":   {"replay", "--kits", "absent.csv"},
		"login in url":    {"serve", "--mqtt-url", "mqtt://ingest:secret@127.0.0.1:1", "--data", t.TempDir()},
		"bad register":    {"station", "list", "--register", "mysql://x"},
		"bad level":       {"serve", "--log-level", "loud"},
		"day to come":     {"demo", "--backfill-from", "2130-01-01", "--data", t.TempDir()},
		"speed below 0":   {"replay", "--kits", "kits.csv", "--speed", "-1"},
		"no speed":        {"replay", "--kits", "kits.csv", "--speed", "NaN"},
		"endless speed":   {"replay", "--kits", "kits.csv", "--speed", "Inf"},
		"absent config":   {"serve", "--config", "absent.conf"},
		"TLS, no cert":    {"serve", "--mqtt-tls-listen", "127.0.0.1:0", "--data", t.TempDir()},
		"wss, no key":     {"serve", "--mqtt-wss-listen", "127.0.0.1:0", "--tls-cert", "cert.pem", "--data", t.TempDir()},
		"cert, no TLS":    {"serve", "--tls-cert", "cert.pem", "--tls-key", "key.pem", "--data", t.TempDir()},
		"absent cert":     {"serve", "--http", "127.0.0.1:0", "--mqtt-tls-listen", "127.0.0.1:0", "--tls-cert", "absent.pem", "--tls-key", "absent.pem", "--data", t.TempDir()},
		"two brokers":     {"serve", "--mqtt-url", "mqtt://127.0.0.1:1", "--mqtt-ws-listen", "127.0.0.1:0", "--data", t.TempDir()},
		"negative limit":  {"serve", "--mqtt-max-connections", "-1", "--data", t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := runCommand(t, args...)
			require.Error(t, err)
			assert.Contains(t, out, "Error: ")
			assert.Contains(t, out, "Try:   ")
		})
	}
}

func TestFlagBeatsEnvironmentBeatsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "buurtmeter.conf")
	require.NoError(t, os.WriteFile(file, []byte("log-level loud-from-file\n"), 0o600))
	out := &syncBuffer{}
	env := func(v string) func(string) string {
		return func(name string) string {
			if name == "BUURTMETER_LOG_LEVEL" {
				return v
			}
			return ""
		}
	}
	require.Error(t, run(t.Context(), []string{"serve", "--config", file}, env(""), out, out))
	assert.Contains(t, out.String(), "loud-from-file")
	out = &syncBuffer{}
	require.Error(t, run(t.Context(), []string{"serve", "--config", file}, env("loud-from-env"), out, out))
	assert.Contains(t, out.String(), "loud-from-env")
	out = &syncBuffer{}
	require.Error(t, run(t.Context(), []string{"serve", "--config", file, "--log-level", "loud-from-flag"}, env("loud-from-env"), out, out))
	assert.Contains(t, out.String(), "loud-from-flag")

	require.NoError(t, os.WriteFile(file, []byte("log-levle info\n"), 0o600))
	out = &syncBuffer{}
	require.Error(t, run(t.Context(), []string{"serve", "--config", file}, env(""), out, out))
	assert.Contains(t, out.String(), "log-levle", "a typo in the file is an error")
}

func TestTheSiteShowsTheAddressThatStationsUse(t *testing.T) {
	s := &server{mqttAddr: "tcp://127.0.0.1:1883"}
	assert.Equal(t, "tcp://127.0.0.1:1883", s.mqttPublic())
	s.config.mqttPublic = "mqtts://mqtt.example.nl:8883"
	assert.Equal(t, "mqtts://mqtt.example.nl:8883", s.mqttPublic(), "what the operator says goes first")
	s = &server{config: serveConfig{mqttURL: "tcp://broker:1883"}}
	assert.Equal(t, "tcp://broker:1883", s.mqttPublic(), "a process without ingest shows the broker of the others")
	assert.Empty(t, (&server{}).mqttPublic())
}
