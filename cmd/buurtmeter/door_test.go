package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// addStation registers a station from the command line and returns its token.
func addStation(t *testing.T, data, id string) string {
	t.Helper()
	out, err := runCommand(t, "station", "add", "--id", id, "--title", id, "--lon", "4.82", "--lat", "52.44", "--data", data)
	require.NoError(t, err, out)
	for _, word := range strings.Fields(out) {
		if len(word) == 43 { // 256 bits in base64url
			return word
		}
	}
	t.Fatal("no token in: " + out)
	return ""
}

// postJSON sends a message in our own format to the HTTP door.
func postJSON(t *testing.T, door, id, token, body string) int {
	t.Helper()
	return postTo(t, http.DefaultClient, door, id, token, body)
}

func postTo(t *testing.T, client *http.Client, door, id, token, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, door+"/readings", strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(id, token)
	res, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}

func TestTheDoorEncrypts(t *testing.T) {
	data := t.TempDir()
	token := addStation(t, data, "kit-1")
	cert, key, trust := certificate(t)
	s := startServer(t, "--data", data, "--mqtt-listen", "127.0.0.1:0", "--door-listen", "127.0.0.1:0", "--door-tls", "--tls-cert", cert, "--tls-key", key)
	require.True(t, strings.HasPrefix(s.Door, "https://"), "the site tells kits the encrypted address: %s", s.Door)
	safe := &http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}}
	body := `{"values":{"no2":21.5}}`
	require.Equal(t, http.StatusAccepted, postTo(t, safe, s.Door, "kit-1", token, body))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http"+strings.TrimPrefix(s.Door, "https")+"/readings", strings.NewReader(body))
	require.NoError(t, err)
	_, err = http.DefaultClient.Do(req)
	require.Error(t, err, "without encryption nothing is heard")

	for _, args := range [][]string{
		{"--door-tls", "--door-listen", "127.0.0.1:0"},
		{"--door-tls", "--tls-cert", cert, "--tls-key", key},
		{"--door-tls", "--door-listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", cert},
	} {
		out, err := runCommand(t, append([]string{"serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"}, args...)...)
		require.Error(t, err, out)
		assert.Contains(t, out, "Try:", args)
	}
}

func TestAnOpenDoorWithoutEncryptionIsWarnedOf(t *testing.T) {
	s := startServer(t, "--data", t.TempDir(), "--mqtt-listen", "127.0.0.1:0", "--door-listen", "0.0.0.0:0")
	assert.Contains(t, s.log.String(), "the HTTP door is open to the network without encryption")
}

func TestReadingsComeInOverHTTP(t *testing.T) {
	data := t.TempDir()
	token := addStation(t, data, "kit-1")
	s := startServer(t, "--data", data, "--mqtt-listen", "127.0.0.1:0", "--door-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0")
	at := time.Now().UTC().Truncate(time.Minute).Add(-time.Hour)
	body := `{"time":"` + at.Format(time.RFC3339) + `","values":{"no2":21.5,"pm25":8}}`
	require.Equal(t, http.StatusAccepted, postJSON(t, s.Door, "kit-1", token, body))
	require.Equal(t, http.StatusAccepted, postJSON(t, s.Door, "kit-1", token, body), "a repeated message is no error")
	require.Equal(t, http.StatusAccepted, postJSON(t, s.Door, "kit-1", token, "not JSON"), "kept as a reject: sending it again would not help")

	// Acknowledged is stored: it is there at once, once.
	status, _, raw := get(t, s.url("/v1/stations/kit-1/readings?from="+at.Add(-time.Minute).Format(time.RFC3339)+"&to="+at.Add(time.Minute).Format(time.RFC3339)), "application/json")
	require.Equal(t, http.StatusOK, status, raw)
	assert.Equal(t, 1, strings.Count(raw, `"at":`), raw)
	assert.Contains(t, raw, "21.5")

	_, _, text := get(t, "http://"+s.Metrics+"/metrics", "")
	for _, line := range []string{
		"buurtmeter_messages_acknowledged_total 3", "buurtmeter_readings_stored_total 2", "buurtmeter_values_duplicate_total 2",
		`buurtmeter_rejects_total{cause="json"} 1`, `buurtmeter_door_messages_total{door="http",result="committed"} 3`, "buurtmeter_ready 1",
	} {
		assert.Contains(t, text, line+"\n")
	}
	assert.NotContains(t, text, "kit-1", "metrics name no station")
	status, _, raw = get(t, s.url("/v1/quality"), "application/json")
	require.Equal(t, http.StatusOK, status)
	require.True(t, json.Valid([]byte(raw)))
	assert.NotContains(t, s.log.String(), token)
}

func TestTheHTTPDoorIsOptional(t *testing.T) {
	out, err := runCommand(t, "serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0", "--door-proxies", "here")
	require.Error(t, err)
	assert.Contains(t, out, "Try:   give a list such as")
	first := startServer(t, "--data", t.TempDir(), "--mqtt-listen", "127.0.0.1:0", "--door-listen", "127.0.0.1:0")
	out, err = runCommand(t, "serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0", "--door-listen", strings.TrimPrefix(first.Door, "http://"))
	require.Error(t, err, "an address that was asked for is not left out in silence")
	assert.Contains(t, out, "Try:   choose a free address with --door-listen")
	closed := startServer(t, "--data", t.TempDir(), "--mqtt-listen", "127.0.0.1:0", "--door-listen", "-")
	assert.Empty(t, closed.Door)
}
