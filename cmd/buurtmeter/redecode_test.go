package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/register"
)

// TestRedecodeTakesInWhatAnOlderDecoderRefused puts messages in the table as a
// decoder with a fault would have, and lets the present one read them again.
func TestRedecodeTakesInWhatAnOlderDecoderRefused(t *testing.T) {
	data := t.TempDir()
	token := addStation(t, data, "kit-1")
	s := startServer(t, "--data", data, "--mqtt-listen", "127.0.0.1:0", "--door-listen", "127.0.0.1:0")
	reg, err := register.Open(t.Context(), "sqlite:"+filepath.Join(data, "register.db"), register.Options{})
	require.NoError(t, err)
	defer func() { _ = reg.Close() }()
	at := time.Now().UTC().Truncate(time.Hour).Add(-3 * time.Hour)
	stamp := func(minute int) string { return at.Add(time.Duration(minute) * time.Minute).Format(time.RFC3339) }

	// The neighbour of a refused value was stored at the time.
	require.Equal(t, 202, postJSON(t, s.Door, "kit-1", token, `{"time":"`+stamp(0)+`","values":{"no2":20}}`))
	put := func(cause, payload string) {
		require.NoError(t, reg.PutRejects(t.Context(), []ingest.Reject{{
			Station: "kit-1", Source: "mqtt", Received: at.Add(2 * time.Hour), Cause: cause, Payload: []byte(payload),
		}}))
	}
	put("property-unknown", `{"time":"`+stamp(0)+`","values":{"no2":20,"o3":55}}`)
	put("json", `{"time":"`+stamp(1)+`","values":{"no2":21}}`)
	put("json", `still {no JSON`)
	put("conflict", `{"time":"`+stamp(2)+`","values":{"no2":99}}`)

	out, err := runCommand(t, "redecode", "--since", at.Format(time.DateOnly), "--data", data)
	require.NoError(t, err, out)
	assert.Contains(t, out, "3 rejected messages are decoded again")
	assert.Contains(t, out, "json: 1 understood now, 1 left")
	assert.Contains(t, out, "property-unknown: 1 understood now, 0 left")
	_, _, raw := get(t, s.url("/v1/stations/kit-1/readings?from="+stamp(0)+"&to="+stamp(10)), "application/json")
	assert.Equal(t, 2, strings.Count(raw, `"at":`), raw)
	for _, value := range []string{"55", "21"} {
		assert.Contains(t, raw, value)
	}
	assert.NotContains(t, raw, "duplicate", "the neighbour did not come twice")
	assert.NotContains(t, raw, "99", "two values for one moment are no matter of decoding")

	out, err = runCommand(t, "redecode", "--since", "2100-01-01", "--data", data)
	require.NoError(t, err, out)
	assert.Contains(t, out, "0 rejected messages")
	out, err = runCommand(t, "redecode", "--data", data)
	require.Error(t, err)
	assert.Contains(t, out, "Try:   buurtmeter redecode --since")
	s.stop()
	out, err = runCommand(t, "redecode", "--since", "2020-01-01", "--wait", "300ms", "--data", data)
	require.Error(t, err)
	assert.Contains(t, out, "is a server with the role ingest running")
}
