package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

// TestTheServerCorrectsParticlesByTheNetwork starts the whole program on a register
// with two official stations and sensors around them that show too much, of a type
// that is declared on the command line. What it publishes must be the same wherever
// in its neighbourhood a home stands.
func TestTheServerCorrectsParticlesByTheNetwork(t *testing.T) {
	data := t.TempDir()
	air := func(h reading.Hour) float64 { return 20 + 6*math.Sin(float64(h)/4) }
	for _, id := range []string{"west", "east", "w1", "w2", "w3", "e1", "e2", "e3", "bare"} {
		kind, lon, times := "sensor", "4.8471", 2.0
		switch id {
		case "west", "east":
			kind, times = "reference", 1
		case "w2": // at the other end of the neighbourhood
			lon = "4.8521"
		}
		if strings.HasPrefix(id, "e") {
			lon = "4.9896"
		}
		out, err := runCommand(t, "station", "add", "--id", id, "--kind", kind, "--lon", lon, "--lat", "52.4368", "--data", data)
		require.NoError(t, err, out)
		putMonth(t, data, reading.StationID(id), reading.PM25, 681, func(h reading.Hour) float64 { return times * air(h) })
		if kind == "reference" || id == "bare" {
			continue
		}
		out, err = runCommand(t, "station", "particle", "--id", id, "--sensor", "sds011", "--from", "2026-01-01", "--why", "staat op de sensor", "--data", data)
		require.NoError(t, err, out)
		assert.Contains(t, out, "is a SDS011 from 2026-01-01T00:00:00Z")
	}
	out, err := runCommand(t, "station", "particle", "--id", "w1", "--data", data)
	require.NoError(t, err)
	assert.Equal(t, "2026-01-01T00:00:00Z\tSDS011\n", out)
	_, err = runCommand(t, "station", "particle", "--id", "w1", "--sensor", "SDS 011", "--data", data)
	require.ErrorContains(t, err, "SDS011")
	s := startServer(t, "--data", data, "--mqtt-listen", "127.0.0.1:0")

	body := func(path string) string {
		status, _, body := get(t, s.url(path), "application/json")
		require.Equal(t, 200, status, body)
		return body
	}
	hours := func(id string) string {
		return strings.ReplaceAll(body("/v1/stations/"+id+"/hours?property=pm25-network&from=2026-10-10T00:00:00Z&to=2026-10-11T00:00:00Z"), id, "home")
	}
	require.Eventually(t, func() bool { return strings.Contains(body("/v1/stations/w1"), `"method":"network"`) }, time.Minute, 100*time.Millisecond)
	assert.Contains(t, body("/v1/stations/w1"), `"series":"pm25-network"`)
	assert.Contains(t, body("/v1/stations/w1"), `"particleSensors":[{"sensor":"SDS011","from":"2026-01-01T00:00:00Z"}]`)
	assert.NotContains(t, body("/v1/stations/bare"), "pm25-network")
	first := fmt.Sprintf("%.2f", air(reading.HourOf(time.Date(2026, 10, 10, 0, 0, 0, 0, time.UTC))))
	assert.Contains(t, hours("w1"), `"values":[`+first[:4])
	assert.Equal(t, hours("w1"), hours("w2"), "nothing tells which end of the neighbourhood a home stands at")

	var off struct {
		Errors []struct {
			Property, Sensor, Month string
			Stations                int
			RawBias, Bias, RMSE     float64
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body("/v1/network-errors")), &off))
	require.Len(t, off.Errors, 1)
	e := off.Errors[0]
	assert.Equal(t, []any{"pm25", "SDS011", "2026-10", 2}, []any{e.Property, e.Sensor, e.Month, e.Stations})
	assert.InDelta(t, 20, e.RawBias, 1)
	assert.InDelta(t, 0, e.RMSE, 1e-3, "the factors of both are the same")
	checkNetworkPages(t, s)

	out, err = runCommand(t, "station", "delete", "--id", "w1", "--yes", "--data", data)
	require.NoError(t, err, out)
	status, _, _ := get(t, s.url("/v1/stations/w2"), "application/json")
	require.Equal(t, 200, status)
}

func checkNetworkPages(t *testing.T, s *running) {
	t.Helper()
	_, _, page := get(t, s.url("/meetpunt/w1"), "text/html")
	for _, said := range []string{"Fijnstof bijgesteld met het meetnet", "PM2,5, bijgesteld met het meetnet", "type SDS011 vanaf 1 januari 2026", "Opgegeven van welk type de fijnstofsensor is"} {
		assert.Contains(t, strings.ReplaceAll(page, "PM₂,₅", "PM2,5"), said)
	}
	_, _, method := get(t, s.url("/en/method"), "text/html")
	if !strings.Contains(method, "type SDS011, 2026-10 to 2026-10") {
		_, _, method = get(t, s.url("/methode"), "text/html")
		assert.Contains(t, method, "type SDS011, 2026-10 tot en met 2026-10; meetpunten: 2")
	}
	_, _, verdicts := get(t, s.url("/v1/verdicts?norm=eu2008-pm25-y&year=2026"), "application/json")
	assert.Contains(t, verdicts, `"station":"w1","kind":"sensor-network"`)
	assert.Contains(t, verdicts, `"series":"network","calibration":"network-1"`)
	assert.Contains(t, verdicts, `"station":"bare","kind":"sensor","siting"`)
}
