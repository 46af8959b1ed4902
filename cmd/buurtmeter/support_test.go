package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets a test start the program itself as a child process: the test
// binary runs the program when the variable is set.
func TestMain(m *testing.M) {
	if args := os.Getenv("BUURTMETER_TEST_ARGS"); args != "" {
		if err := run(context.Background(), strings.Split(args, "\n"), func(string) string { return "" }, os.Stdout, os.Stderr); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// syncBuffer is a log that several goroutines may write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// running is a server started inside the test process.
type running struct {
	addresses
	log  *syncBuffer
	stop func()
}

func (r *running) url(path string) string { return "http://" + r.HTTP + path }

// startServer runs "serve" with the arguments on free ports and waits until it
// is ready. It is stopped at the end of the test, or earlier by stop.
func startServer(t *testing.T, args ...string) *running {
	t.Helper()
	return startServerAt(t, time.Now, args...)
}

// startServerAt is startServer with a clock of its own.
func startServerAt(t *testing.T, now func() time.Time, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan addresses, 1)
	log := &syncBuffer{}
	p := &program{
		getenv: func(string) string { return "" }, stdout: log, stderr: log, now: now,
		ready: func(a addresses) { ready <- a },
	}
	ended := make(chan error, 1)
	go func() { ended <- p.run(ctx, append([]string{"serve", "--http", "127.0.0.1:0"}, args...)) }()
	r := &running{log: log}
	select {
	case r.addresses = <-ready:
	case err := <-ended:
		cancel()
		require.NoError(t, err, log.String())
		t.Fatal("the server ended before it was ready: " + log.String())
	case <-time.After(time.Minute):
		cancel()
		t.Fatal("the server was not ready within a minute: " + log.String())
	}
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-ended:
				require.NoError(t, err, log.String())
			case <-time.After(time.Minute):
				t.Error("the server did not stop: " + log.String())
			}
		})
	}
	t.Cleanup(r.stop)
	return r
}

// command runs a subcommand to its end and returns what it printed.
func runCommand(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out := &syncBuffer{}
	err := run(t.Context(), args, func(string) string { return "" }, out, out)
	return out.String(), err
}

func get(t *testing.T, url, accept string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(body)
}

// child is the program in a process of its own, to be killed.
type child struct {
	cmd  *exec.Cmd
	http string
	log  *syncBuffer
}

// newChild prepares the test binary to run as the program.
func newChild(t *testing.T, args ...string) *child {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	c := &child{cmd: exec.Command(exe), log: &syncBuffer{}}
	c.cmd.Env = append(os.Environ(), "BUURTMETER_TEST_ARGS="+strings.Join(args, "\n"))
	c.cmd.Stderr = c.log
	return c
}

// startChild starts the test binary as the program and waits for its address.
func startChild(t *testing.T, args ...string) *child {
	t.Helper()
	c := newChild(t, args...)
	stdout, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	t.Cleanup(c.kill)
	found := make(chan string, 1)
	go func() {
		sc := bufio.NewScanner(stdout)
		re := regexp.MustCompile(`http://(\S+)`)
		for sc.Scan() {
			if m := re.FindStringSubmatch(sc.Text()); m != nil {
				found <- m[1]
			}
		}
		close(found)
	}()
	select {
	case addr, ok := <-found:
		require.True(t, ok, "the child ended: %s", c.log)
		c.http = addr
	case <-time.After(time.Minute):
		t.Fatalf("the child was not ready: %s", c.log)
	}
	return c
}

// kill ends the child with SIGKILL.
func (c *child) kill() {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}
}
