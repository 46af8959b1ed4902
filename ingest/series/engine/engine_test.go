package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/engine"
	"buurtmeter/ingest/series/seriestest"
)

func open(t testing.TB, dir string) (*engine.Engine, *series.Store) {
	t.Helper()
	e, err := engine.Open(dir, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	s, err := series.Open(t.Context(), series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
	require.NoError(t, err)
	return e, s
}

func readings(id reading.StationID, from, n int) []reading.Reading {
	rs := make([]reading.Reading, n)
	for i := range rs {
		at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(from+i) * time.Minute)
		rs[i] = reading.Reading{Station: id, At: at, Received: at, Values: []reading.Value{
			{Property: reading.NO2, Value: float64((from + i) % 97)},
			{Property: reading.PM25, Value: float64((from+i)%53) / 10},
		}}
	}
	return rs
}

func TestOpenCloseOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "raw")
	before := runtime.NumGoroutine()
	for i := range 5 {
		e, err := engine.Open(dir, nil)
		require.NoError(t, err)
		s, err := series.Open(t.Context(), series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
		require.NoError(t, err)
		n, err := s.Count(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, i*100, n)
		require.NoError(t, s.Append(t.Context(), readings("x", i*100, 100)))
		require.NoError(t, e.Close())
		require.NoError(t, e.Close(), "a second Close does nothing")
		require.ErrorIs(t, s.Append(t.Context(), readings("x", 0, 1)), engine.ErrClosed)
		require.ErrorIs(t, s.Ping(t.Context()), engine.ErrClosed)
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, 30*time.Second, 20*time.Millisecond,
		"goroutines stay behind after Close")
	e, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NotEmpty(t, e)
	for _, d := range append([]string{dir}, filepath.Join(dir, "data"), filepath.Join(dir, "wal"), filepath.Join(dir, "meta")) {
		info, err := os.Stat(d)
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm(), d)
	}
}

func TestFolderIsOpenedOnce(t *testing.T) {
	dir := t.TempDir()
	e, _ := open(t, dir)
	_, err := engine.Open(dir, nil)
	require.ErrorIs(t, err, engine.ErrLocked)
	require.ErrorContains(t, err, dir)
	require.NoError(t, e.Close())
	open(t, dir)
}

func TestBrokenFolderIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := engine.Open(file, nil)
	require.Error(t, err)

	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "meta"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "meta", "meta.db"), []byte("nonsense"), 0o600))
	_, err = engine.Open(dir, nil)
	require.ErrorContains(t, err, dir)
	// The lock is free again.
	require.NoError(t, os.Remove(filepath.Join(dir, "meta", "meta.db")))
	open(t, dir)
}

// A real influxd answers each request below; the engine must answer alike.
func TestAnswersAsTheServerDoes(t *testing.T) {
	server := seriestest.Influxd(t)
	e, _ := open(t, t.TempDir())
	_, err := series.Open(t.Context(), series.Options{URL: server})
	require.NoError(t, err)

	var lines strings.Builder
	for i := range 250 {
		fmt.Fprintf(&lines, "m,s=a v=%d %d\nm,s=b v=0.5,w=\"<t>\" %d\n", i, i, i)
	}
	q := func(q string, more ...string) string {
		v := url.Values{"db": {"buurtmeter"}, "q": {q}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return "/query?" + v.Encode()
	}
	const write = "/api/v2/write?bucket=buurtmeter&precision=ms"
	for _, c := range []struct{ method, path, body string }{
		{"POST", write, lines.String()},
		{"POST", write, "m,s=a v=\"text\" 1\nm,s=c v=1 1"},
		{"POST", write, "m,s=a v=1 1\nbroken\nm,s=d v=1 1"},
		{"POST", write, "broken"},
		{"POST", write, "m v=NaN 1"},
		{"POST", write, "m v=1 99999999999999999"},
		{"POST", "/api/v2/write?bucket=nobody", "m v=1"},
		{"POST", "/api/v2/write?bucket=buurtmeter/nobody", "m v=1"},
		{"GET", q("SELECT * FROM m", "epoch", "ms"), ""},
		{"GET", q("SELECT * FROM m"), ""},
		{"GET", q("SELECT v FROM m GROUP BY s", "epoch", "ms", "chunked", "true", "chunk_size", "100"), ""},
		{"GET", q("SELECT mean(v) FROM m WHERE time < 1s GROUP BY time(100ms), s", "epoch", "s"), ""},
		{"GET", q("SELECT v FROM m LIMIT 2; SELECT v FROM nobody; SHOW DATABASES"), ""},
		{"GET", q("SELECT v FROM nobody..m"), ""},
		{"GET", q("SELECT v FROM m LIMIT 1; SELECT nonsense(v) FROM m; SELECT v FROM m"), ""},
		{"GET", q("SELECT FROM"), ""},
		{"GET", q(""), ""},
		{"GET", q("CREATE DATABASE other"), ""},
		{"POST", q("DROP SERIES FROM m WHERE s = 'a'"), ""},
		{"POST", q("SELECT count(v) FROM m"), ""},
		{"GET", "/ping", ""},
		{"HEAD", "/ping", ""},
	} {
		want := ask(t, http.DefaultClient, server, c.method, c.path, c.body)
		got := ask(t, e.HTTPClient(), engine.URL, c.method, c.path, c.body)
		assert.Equal(t, want, got, "%s %s %.60s", c.method, c.path, c.body)
	}
	assert.Contains(t, ask(t, e.HTTPClient(), engine.URL, "GET", "/health", ""), `"status":"pass"`)
	assert.True(t, strings.HasPrefix(ask(t, e.HTTPClient(), engine.URL, "GET", "/debug/pprof", ""), "404"))
	assert.True(t, strings.HasPrefix(ask(t, e.HTTPClient(), engine.URL, "GET", write, ""), "405"))
}

// ask returns status, error header and body of one request.
func ask(t *testing.T, c *http.Client, base, method, path, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	require.NoError(t, err)
	resp, err := c.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return fmt.Sprintf("%d %s\n%s", resp.StatusCode, resp.Header.Get("X-Influxdb-Error"), b)
}

// An answer that nobody reads on must neither hold Close nor the context.
func TestUnreadAnswer(t *testing.T) {
	e, s := open(t, t.TempDir())
	require.NoError(t, s.Append(t.Context(), readings("x", 0, 30000)))
	start := func(ctx context.Context) *http.Response {
		v := url.Values{"db": {"buurtmeter"}, "chunked": {"true"}, "chunk_size": {"10"}, "q": {"SELECT * FROM reading"}}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, engine.URL+"/query?"+v.Encode(), nil)
		require.NoError(t, err)
		resp, err := e.HTTPClient().Do(req)
		require.NoError(t, err)
		_, err = io.ReadFull(resp.Body, make([]byte, 100))
		require.NoError(t, err)
		return resp
	}
	start(t.Context()).Body.Close()

	ctx, cancel := context.WithCancel(t.Context())
	cut := start(ctx)
	cancel()
	_, err := io.ReadAll(cut.Body)
	require.ErrorIs(t, err, context.Canceled)

	open := start(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Close() }()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("Close waits for an answer that nobody reads")
	}
	_, err = io.ReadAll(open.Body)
	require.ErrorIs(t, err, engine.ErrClosed)
}

func TestCloseUnderLoad(t *testing.T) {
	dir := t.TempDir()
	e, s := open(t, dir)
	acked := make(chan int, 1)
	started := make(chan struct{})
	go func() {
		n := 0
		for s.Append(context.Background(), readings("x", n, 20)) == nil {
			if n += 20; n == 200 {
				close(started)
			}
		}
		acked <- n
	}()
	<-started
	require.NoError(t, e.Close())
	want := <-acked
	_, again := open(t, dir)
	n, err := again.Count(t.Context())
	require.NoError(t, err)
	assert.GreaterOrEqual(t, n, int64(want))
}

// The engine's own messages reach slog, the routine ones at debug level.
func TestLog(t *testing.T) {
	run := func(level slog.Level) string {
		var out bytes.Buffer
		e, err := engine.Open(t.TempDir(), slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level})))
		require.NoError(t, err)
		s, err := series.Open(t.Context(), series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
		require.NoError(t, err)
		require.NoError(t, s.Append(t.Context(), readings("x", 0, 10)))
		require.NoError(t, e.Close())
		return out.String()
	}
	assert.Empty(t, run(slog.LevelInfo))
	assert.Contains(t, run(slog.LevelDebug), "influxdb engine: ")
}
