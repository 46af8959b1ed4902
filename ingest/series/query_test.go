package series

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func raws(rows ...string) []json.RawMessage {
	var out []json.RawMessage
	for _, r := range rows {
		out = append(out, json.RawMessage(r))
	}
	return out
}

func TestQuoting(t *testing.T) {
	assert.Equal(t, `'it\'s a \\ \n line'`, quoteString("it's a \\ \n line"))
	assert.Equal(t, `"a\"b"`, quoteIdent(`a"b`))
}

// 2.x has no CREATE DATABASE: Open must say how to make the bucket. The
// answers are those of the 2.7 documentation; no 2.x server is at hand in tests.
func TestMissingBucketOn2(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Influxdb-Version", "v2.7.12")
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /query", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Token secret-token" {
			http.Error(w, `{"code":"unauthorized","message":"unauthorized access"}`, http.StatusUnauthorized)
			return
		}
		assert.Equal(t, "SHOW DATABASES", r.FormValue("q"))
		_, _ = w.Write([]byte(`{"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["_monitoring"]]}]}]}`))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	_, err := Open(t.Context(), Options{URL: server.URL, Token: "secret-token", Org: "buurt"})
	require.ErrorContains(t, err, "influx bucket create --name buurtmeter --retention 0")
	assert.NotContains(t, err.Error(), "secret-token")

	_, err = Open(t.Context(), Options{URL: server.URL, Token: "wrong", Org: "buurt"})
	require.ErrorContains(t, err, "check the token")
	require.ErrorContains(t, err, "unauthorized access")
}
