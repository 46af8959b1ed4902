package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/ingest/mqtt"
	"buurtmeter/ingest/mqtt/mqtttest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/register/registertest"
	"buurtmeter/ingest/series/seriestest"
)

// The whole way once: publish -> hour -> verdict -> page -> feed, with the
// embedded parts and again with Mosquitto, influxd and PostgreSQL. The numbers
// must be the same in both.
func TestWholeWayIsTheSameOnEmbeddedAndServers(t *testing.T) {
	embedded := func(t *testing.T) facts {
		dir := t.TempDir()
		s := startServer(t, "--data", dir, "--mqtt-listen", "127.0.0.1:0")
		return wholeWay(t, s, s.MQTT, "sqlite:"+filepath.Join(dir, "register.db"), nil)
	}
	servers := func(t *testing.T) facts {
		dsn := registertest.Postgres(t)
		influx := seriestest.Influxd(t)
		users := map[string]string{}
		for _, w := range wayStations() {
			users[string(w.station.ID)] = "password-of-" + string(w.station.ID)
		}
		broker := mqtttest.Mosquitto(t, users)
		pw := filepath.Join(t.TempDir(), "ingest")
		require.NoError(t, os.WriteFile(pw, []byte(mqtttest.IngestPassword+"\n"), 0o600))
		s := startServer(t, "--register", dsn, "--influx-url", influx, "--mqtt-url", broker.URL,
			"--mqtt-user", mqtttest.IngestUser, "--mqtt-password-file", pw)
		return wholeWay(t, s, broker.URL, dsn, users)
	}
	var a, b facts
	require.True(t, t.Run("embedded", func(t *testing.T) { a = embedded(t) }))
	require.True(t, t.Run("servers", func(t *testing.T) { b = servers(t) }))
	require.Equal(t, a.verdicts, b.verdicts, "verdicts differ between embedded and servers")
	require.Equal(t, a.hours, b.hours, "hours differ between embedded and servers")
	require.Equal(t, a.page, b.page, "the page differs between embedded and servers")
	require.Equal(t, a.feed, b.feed, "the feed differs between embedded and servers")
}

// facts are what a reader sees at the end of the way.
type facts struct{ verdicts, hours, page, feed string }

const wayYear = 2025

type wayStation struct {
	station reading.Station
	at      geo.Code
	level   float64
}

// wayStations are three points in one buurt: one far above 40 µg/m³, one near
// it, one far below, so that more than one outcome must show.
func wayStations() []wayStation {
	mk := func(id string, kind reading.Kind, level float64) wayStation {
		return wayStation{reading.Station{
			ID: reading.StationID(id), Title: "Meetpunt " + id, Kind: kind, Model: "test", Maker: "bewoner",
			Cadence: time.Hour, Since: time.Date(wayYear-1, 12, 1, 0, 0, 0, 0, time.UTC),
		}, "BU04791110", level}
	}
	return []wayStation{
		mk("way-high", reading.KindReference, 70), mk("way-near", reading.KindSensorCalibrated, 38), mk("way-low", reading.KindReference, 8),
	}
}

func wholeWay(t *testing.T, s *running, broker, dsn string, users map[string]string) facts {
	ctx := t.Context()
	reg, err := register.Open(ctx, dsn, register.Options{Now: time.Now})
	require.NoError(t, err)
	defer func() { _ = reg.Close() }()
	areas, err := geo.OpenStore(ctx, reg)
	require.NoError(t, err)
	for _, w := range wayStations() {
		pos := centreOf(t, areas, w.at)
		token, err := reg.AddStation(ctx, w.station, pos, "test")
		require.NoError(t, err)
		require.NoError(t, areas.Assign(ctx, w.station.ID, pos))
		if users != nil {
			token = users[string(w.station.ID)]
		}
		publishYear(t, broker, w, token)
	}
	awaitGraph(t, s, reg)
	return readFacts(t, s)
}

// awaitGraph waits until all hours are computed and compared, and the graph that everybody
// reads is of that state of the data.
func awaitGraph(t *testing.T, s *running, reg *register.Register) {
	t.Helper()
	require.Eventually(t, func() bool {
		n, err := reg.DirtyCount(t.Context())
		if err != nil || n > 0 {
			return false
		}
		marked, err := reg.NeighbourHours(t.Context(), reading.HourOf(time.Now()), 1)
		if err != nil || len(marked) > 0 {
			return false
		}
		version, _, err := reg.DataVersion(t.Context())
		if err != nil {
			return false
		}
		_, head, _ := get(t, s.url("/v1/stations"), "application/json")
		return strings.Contains(head.Get("ETag"), fmt.Sprintf("\"%d-", version))
	}, 3*time.Minute, 200*time.Millisecond, "the graph does not catch up\n%s", s.log)
}

func centreOf(t *testing.T, areas *geo.Store, code geo.Code) reading.SecretPosition {
	t.Helper()
	all, err := areas.Areas(t.Context(), geo.Buurt)
	require.NoError(t, err)
	for _, a := range all {
		if a.Code == code {
			pos, err := reading.NewSecretPosition(a.Center[0], a.Center[1])
			require.NoError(t, err)
			return pos
		}
	}
	t.Fatalf("no buurt %s", code)
	return reading.SecretPosition{}
}

// publishYear sends a year of hours in batches, as a kit does after an outage.
func publishYear(t *testing.T, broker string, w wayStation, token string) {
	t.Helper()
	pub, err := mqtt.Dial(t.Context(), mqtt.PublisherOptions{URL: broker, Station: w.station.ID, Token: token})
	require.NoError(t, err)
	defer pub.Close()
	from := time.Date(wayYear-1, 12, 31, 23, 0, 0, 0, time.UTC) // 1 January in UTC+1
	const hours, batch = 8760, 730
	for start := 0; start < hours; start += batch {
		var b strings.Builder
		b.WriteString(`{"readings":[`)
		for i := start; i < start+batch; i++ {
			if i > start {
				b.WriteByte(',')
			}
			value := w.level + float64(i%24)/4 - 3
			_, _ = fmt.Fprintf(&b, `{"time":%q,"interval":3600,"values":{"no2":%.2f,"pm25":%.1f}}`,
				from.Add(time.Duration(i)*time.Hour).Format(time.RFC3339), value, value/4)
		}
		b.WriteString(`]}`)
		require.NoError(t, pub.Publish(t.Context(), []byte(b.String())))
	}
}

func readFacts(t *testing.T, s *running) facts {
	var f facts
	status, head, body := get(t, s.url("/v1/areas/BU04791110/verdicts"), "application/json")
	require.Equal(t, 200, status, body)
	require.NotEmpty(t, head.Get("ETag"))
	f.verdicts = stable(t, s, body)
	assert.Contains(t, body, `"exceeds"`, "a reference station at 70 is above 40")

	status, _, body = get(t, s.url("/v1/datasets/hours/data.csv?year=2025"), "")
	require.Equal(t, 200, status)
	require.Greater(t, strings.Count(body, "\n"), 3*2*8700, "three stations, two properties, a year of hours")
	f.hours = body

	status, _, body = get(t, s.url("/buurt/BU04791110?jaar=2025"), "text/html")
	require.Equal(t, 200, status)
	assert.Contains(t, strings.ToLower(body), "overschrijdt")
	assert.NotContains(t, strings.ToLower(body), "buurt voldoet")
	f.page = stable(t, s, body)

	status, head, body = get(t, s.url("/v1/dcat/catalog"), "text/turtle")
	require.Equal(t, 200, status)
	assert.Contains(t, head.Get("Content-Type"), "text/turtle")
	assert.Contains(t, body, "dcat:Dataset")
	f.feed = stable(t, s, body)

	for _, path := range []string{"/healthz", "/readyz", "/", "/en/", "/v1/openapi.json", "/v1/norms", "/v1/stations", "/v1/areas"} {
		status, _, body := get(t, s.url(path), "")
		require.Equal(t, 200, status, "%s: %s", path, body)
	}
	status, head, _ = get(t, s.url("/v1/areas/BU00000000"), "application/json")
	require.Equal(t, 404, status)
	assert.Contains(t, head.Get("Content-Type"), "application/problem+json")
	return f
}

// stable takes out what differs between two runs by nature: the address, and
// the moments and versions of the data.
func stable(t *testing.T, s *running, body string) string {
	t.Helper()
	body = strings.ReplaceAll(body, s.HTTP, "HOST")
	body = regexp.MustCompile(`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z`).ReplaceAllString(body, "TIME")
	body = regexp.MustCompile(`\d{1,2} [a-z]+ \d{4}, \d{2}:\d{2}`).ReplaceAllString(body, "MOMENT")
	body = regexp.MustCompile(`\b\d+-\d{6}\b`).ReplaceAllString(body, "VERSION")
	if json.Valid([]byte(body)) {
		var v any
		require.NoError(t, json.Unmarshal([]byte(body), &v))
		b, err := json.Marshal(v)
		require.NoError(t, err)
		return string(b)
	}
	return body
}
