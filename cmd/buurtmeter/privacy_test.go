package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// TestNoPublicOutputHoldsThePosition registers a home at a recognisable place
// and looks for its digits in every public answer and in the log.
func TestNoPublicOutputHoldsThePosition(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, "--data", dir, "--mqtt-listen", "127.0.0.1:0", "--log-level", "debug")
	dsn := "sqlite:" + filepath.Join(dir, "register.db")
	out, err := runCommand(t, "station", "add", "--id", "home-1", "--title", "Thuis", "--lon", "4.823791", "--lat", "52.441973", "--register", dsn)
	require.NoError(t, err, out)
	require.NotContains(t, out, "4.8237")
	reg, err := register.Open(t.Context(), dsn, register.Options{Now: time.Now})
	require.NoError(t, err)
	defer func() { _ = reg.Close() }()
	token, err := reg.RotateToken(t.Context(), "home-1", "test")
	require.NoError(t, err)
	publishYear(t, s.MQTT, wayStation{station: reading.Station{ID: "home-1"}, level: 20}, token)
	areas, err := geo.OpenStore(t.Context(), reg)
	require.NoError(t, err)
	of, err := areas.StationAreas(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, of["home-1"], "the secret position gives the area")

	require.Eventually(t, func() bool {
		_, _, body := get(t, s.url("/v1/stations/home-1"), "application/json")
		return strings.Contains(body, string(of["home-1"]))
	}, time.Minute, 200*time.Millisecond)
	code := string(of["home-1"])
	for _, path := range []string{
		"/", "/en/", "/buurt/" + code, "/en/buurt/" + code, "/meetpunt/home-1", "/en/meetpunt/home-1", "/data", "/privacy", "/aansluiten", "/methode",
		"/v1/areas", "/v1/areas?f=geojson", "/v1/areas/" + code, "/v1/areas/" + code + "/verdicts", "/v1/stations", "/v1/stations/home-1",
		"/v1/stations/home-1/hours?property=no2&from=2025-06-01T00:00:00Z&to=2025-06-02T00:00:00Z",
		"/v1/stations/home-1/readings?from=2025-06-01T00:00:00Z&to=2025-06-02T00:00:00Z",
		"/v1/stations/home-1/events", "/v1/campaigns", "/v1/stations/home-1/tubes", "/v1/stations/home-1/assessments", "/v1/stations/home-1/objections",
		"/v1/verdicts", "/v1/quality", "/v1/datasets", "/v1/openapi.json",
		"/v1/datasets/hours/data.csv", "/v1/datasets/hours/data.json", "/v1/datasets/hours/data.geojson",
		"/v1/datasets/verdicts/data.csv", "/v1/datasets/verdicts/data.json", "/v1/datasets/verdicts/data.geojson",
		"/v1/dcat/catalog", "/v1/dcat/catalog.rdf", "/v1/dcat/catalog.jsonld", "/healthz", "/readyz",
	} {
		status, _, body := get(t, s.url(path), "")
		require.Equal(t, 200, status, "%s: %.300s", path, body)
		requireNoPosition(t, path, body)
	}
	requireNoPosition(t, "the log", s.log.String())
	require.NotContains(t, s.log.String(), token)
}

func requireNoPosition(t *testing.T, what, body string) {
	t.Helper()
	// Four decimals are about ten metres: a centre of an area may share fewer.
	require.NotContains(t, body, "4.8237", "%s holds the longitude", what)
	require.NotContains(t, body, "52.4419", "%s holds the latitude", what)
}
