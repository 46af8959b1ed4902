// Package mqtttest runs a real Mosquitto broker for tests, with the logins and
// access rules that an installation has.
package mqtttest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/porttest"
)

// The login of the ingest process: it may read every station's readings.
const (
	IngestUser     = "ingest"
	IngestPassword = "ingest-password"
)

// Broker is a running Mosquitto.
type Broker struct {
	// URL is the address, "mqtt://127.0.0.1:port". It stays the same after a
	// restart.
	URL string
	// PasswordFile holds the logins; see Reload.
	PasswordFile string
	// Config is its configuration file.
	Config string

	bin, log string
	addr     string
	cmd      *exec.Cmd
}

// Mosquitto starts a broker on a free port of the loopback. users are the logins
// of stations with their tokens; each may write its own readings topic and
// nothing else. It keeps its messages on disk, so that a restart loses none. The
// broker stops with the test. Without Mosquitto the test is skipped, or fails
// when BUURTMETER_REQUIRE_SERVERS is 1.
func Mosquitto(t testing.TB, users map[string]string) *Broker {
	t.Helper()
	// A stopping broker writes everything.
	return mosquitto(t, users, append(roomy(), "autosave_interval 1800")...)
}

// PlainMosquitto is Mosquitto with the limits that it has by itself, and the
// settings that are given.
func PlainMosquitto(t testing.TB, users map[string]string, settings ...string) *Broker {
	t.Helper()
	return mosquitto(t, users, settings...)
}

// roomy are the limits of an installation.
func roomy() []string {
	return []string{"max_inflight_messages 1000", "max_queued_messages 1000000", "max_queued_bytes 0"}
}

// DurableMosquitto is Mosquitto that writes every change to disk at once, as an
// installation must when a crash of the broker may lose nothing.
func DurableMosquitto(t testing.TB, users map[string]string) *Broker {
	t.Helper()
	return mosquitto(t, users, append(roomy(), "autosave_on_changes true", "autosave_interval 1")...)
}

func mosquitto(t testing.TB, users map[string]string, settings ...string) *Broker {
	t.Helper()
	bin, passwd := find(t, "mosquitto"), find(t, "mosquitto_passwd")
	dir := t.TempDir()
	b := &Broker{bin: bin, Config: filepath.Join(dir, "mosquitto.conf"), log: filepath.Join(dir, "mosquitto.log"), addr: porttest.Addr(t)}
	b.URL = "mqtt://" + b.addr

	logins := []string{IngestUser + ":" + IngestPassword}
	for user, token := range users {
		logins = append(logins, user+":"+token)
	}
	b.PasswordFile = filepath.Join(dir, "passwords")
	passwords, rules := filepath.Join(dir, "passwords"), filepath.Join(dir, "acl")
	write(t, passwords, strings.Join(logins, "\n")+"\n")
	out, err := exec.CommandContext(t.Context(), passwd, "-U", passwords).CombinedOutput()
	require.NoError(t, err, string(out))
	write(t, rules, "pattern write buurtmeter/v1/%u/readings\npattern write buurtmeter/v1/%u/readings/#\n\nuser "+IngestUser+"\ntopic read buurtmeter/v1/+/readings/#\ntopic readwrite buurtmeter/v1/doctor/probe\n")
	host, port, err := net.SplitHostPort(b.addr)
	require.NoError(t, err)
	config := []string{
		"listener " + port + " " + host,
		"allow_anonymous false",
		"password_file " + passwords,
		"acl_file " + rules,
		"persistence true",
		"persistence_location " + dir + "/",
	}
	config = append(config, settings...)
	if os.Geteuid() == 0 {
		config = append(config, "user root") // else it becomes a user that may not read the folder
	}
	write(t, b.Config, strings.Join(config, "\n")+"\n")
	b.Start(t)
	t.Cleanup(func() { b.Stop(t) })
	return b
}

// Restart stops the broker in the orderly way and starts it again on the same
// address with what it kept.
func (b *Broker) Restart(t testing.TB) {
	t.Helper()
	b.Stop(t)
	b.Start(t)
}

// Start starts a broker that was stopped and waits until it accepts connections.
func (b *Broker) Start(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(b.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer func() { _ = log.Close() }()
	b.cmd = exec.CommandContext(context.Background(), b.bin, "-c", b.Config)
	b.cmd.Stdout, b.cmd.Stderr = log, log
	require.NoError(t, b.cmd.Start())
	require.Eventually(t, func() bool {
		c, err := net.DialTimeout("tcp", b.addr, time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond, "mosquitto does not start:\n%s", lazy(func() string { return b.Log(t) }))
}

// Reload makes the running broker read its password file again.
func (b *Broker) Reload(t testing.TB) {
	t.Helper()
	require.NoError(t, b.cmd.Process.Signal(syscall.SIGHUP))
}

// PID is the process of the running broker.
func (b *Broker) PID() string { return strconv.Itoa(b.cmd.Process.Pid) }

// Stop stops the broker in the orderly way; stopping a stopped one is harmless.
func (b *Broker) Stop(t testing.TB) { b.end(t, syscall.SIGTERM) }

// Kill ends the broker as a crash would: what it had only in memory is lost.
func (b *Broker) Kill(t testing.TB) { b.end(t, syscall.SIGKILL) }

func (b *Broker) end(t testing.TB, sig os.Signal) {
	t.Helper()
	if b.cmd == nil {
		return
	}
	require.NoError(t, b.cmd.Process.Signal(sig))
	_ = b.cmd.Wait()
	b.cmd = nil
}

// Log returns what the broker wrote.
func (b *Broker) Log(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile(b.log)
	require.NoError(t, err)
	return string(raw)
}

type lazy func() string

func (l lazy) String() string { return l() }

func find(t testing.TB, name string) string {
	t.Helper()
	for _, place := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(place); err == nil {
			return path
		}
	}
	msg := name + " is not installed: install the packages mosquitto and mosquitto-clients to run this test"
	if os.Getenv("BUURTMETER_REQUIRE_SERVERS") == "1" {
		t.Fatal(msg)
	}
	t.Skip(msg)
	return ""
}

func write(t testing.TB, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}
