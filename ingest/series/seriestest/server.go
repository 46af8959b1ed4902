package seriestest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/porttest"
	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/engine"
)

// RequireServers is the environment variable that, when "1", makes a missing
// server program fail the test instead of skipping it.
const RequireServers = "BUURTMETER_REQUIRE_SERVERS"

// Engine returns a store on the embedded engine in a fresh folder. Both are
// closed when the test ends.
func Engine(t testing.TB) *series.Store {
	t.Helper()
	e, err := engine.Open(t.TempDir(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	s, err := series.Open(t.Context(), series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// Influxd starts a real influxd 1.8 on free ports of 127.0.0.1 and returns its
// URL. It stops when the test ends. Without the program the test is skipped,
// or fails when RequireServers is set.
func Influxd(t testing.TB) (url string) {
	t.Helper()
	return StartServer(t).URL
}

// Server is an influxd process on a folder of its own.
type Server struct {
	URL string

	program string
	config  string
	cmd     *exec.Cmd
	ended   chan struct{}
	output  *tail
}

// StartServer starts an influxd as Influxd does, for tests that must kill and
// restart it.
func StartServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{program: program(t)}
	dir := t.TempDir()
	httpAddr, rpcAddr := porttest.Addr(t), porttest.Addr(t)
	s.URL = "http://" + httpAddr
	s.config = filepath.Join(dir, "influxdb.conf")
	require.NoError(t, os.WriteFile(s.config, fmt.Appendf(nil, config, rpcAddr, dir, httpAddr), 0o600))
	t.Cleanup(s.Kill)
	s.Start(t)
	return s
}

// config is the server's: as in production, without what a test does not use.
const config = `reporting-disabled = true
bind-address = "%s"
[meta]
  dir = "%[2]s/meta"
[data]
  dir = "%[2]s/data"
  wal-dir = "%[2]s/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[http]
  bind-address = "%[3]s"
  flux-enabled = false
  log-enabled = false
  max-body-size = 0
`

// Start starts the stopped server again on the same folder and address and
// returns when it answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.output = &tail{}
	s.cmd = exec.Command(s.program, "run", "-config", s.config) //nolint:noctx // a test's own program, stopped by Kill
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	require.NoError(t, s.cmd.Start())
	ended := make(chan struct{})
	s.ended = ended
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait()
		close(ended)
	}(s.cmd)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/ping", nil)
		require.NoError(t, err)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			require.NoError(t, resp.Body.Close())
			return
		}
		select {
		case <-ended:
			require.FailNow(t, "influxd ended at start", s.output.String())
		case <-ctx.Done():
			require.FailNow(t, "influxd does not answer", s.output.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Kill ends the server at once (SIGKILL), as a crash would, and waits until it
// is gone. Killing a stopped server does nothing.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.ended
	s.cmd = nil
}

// Pause stops the server from running (SIGSTOP) without closing its
// connections, as a machine does that hangs. Kill ends it all the same.
func (s *Server) Pause(t testing.TB) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGSTOP))
}

// program finds influxd on the PATH or where go install puts it.
func program(t testing.TB) string {
	t.Helper()
	if p, err := exec.LookPath("influxd"); err == nil {
		return p
	}
	if out, err := exec.CommandContext(t.Context(), "go", "env", "GOPATH").Output(); err == nil {
		p := filepath.Join(strings.TrimSpace(string(out)), "bin", "influxd")
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	const what = "influxd is not installed: run deploy/test-deps.sh influxd"
	if os.Getenv(RequireServers) == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
	return ""
}

// tail keeps the last part of what a process prints.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write is part of io.Writer.
func (o *tail) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.buf.Len() > 64<<10 {
		o.buf.Reset()
	}
	return o.buf.Write(p)
}

func (o *tail) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
