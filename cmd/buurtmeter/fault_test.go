package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/mqtt"
	"buurtmeter/ingest/mqtt/mqtttest"
	"buurtmeter/ingest/porttest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/register/registertest"
	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/engine"
	"buurtmeter/ingest/series/seriestest"
)

// The fault tests break one part at random moments while stations publish, and
// count after each round: acknowledged readings that are not stored (must be 0)
// and stored readings beyond those published (must be 0). `make fault` runs 20
// rounds of each; a plain test run does a few.
func rounds(t *testing.T) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("BUURTMETER_FAULT_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return 2
}

const faultStations = 10

func faultStation(i int) reading.Station {
	return reading.Station{
		ID: reading.StationID(fmt.Sprintf("fault-%d", i)), Title: fmt.Sprintf("Fault %d", i), Kind: reading.KindSensor, Model: "test", Maker: "test",
		Cadence: time.Minute, Since: faultStart(),
	}
}

func faultStart() time.Time { return time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC) }

// flock is a set of stations that publish without a pause and remember how far
// they were acknowledged. A publication that is not acknowledged is sent again.
type flock struct {
	url    string
	tokens map[string]string
	mu     sync.Mutex
	sent   map[string]int // highest number that was tried
	acked  map[string]int // highest number that was acknowledged; all below are too
	joined map[string]int // connections on which the last message was sent again
	stop   context.CancelFunc
	done   sync.WaitGroup
}

func newFlock(url string, tokens map[string]string) *flock {
	return &flock{url: url, tokens: tokens, sent: map[string]int{}, acked: map[string]int{}, joined: map[string]int{}}
}

func (f *flock) start() {
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	for id, token := range f.tokens {
		f.done.Go(func() { f.publish(ctx, id, token) })
	}
}

// halt stops publishing; what was not acknowledged goes on in the next start.
func (f *flock) halt() {
	f.stop()
	f.done.Wait()
}

func (f *flock) publish(ctx context.Context, id, token string) {
	for ctx.Err() == nil {
		pub, err := mqtt.Dial(ctx, mqtt.PublisherOptions{URL: f.url, Station: reading.StationID(id), Token: token, Timeout: 2 * time.Second})
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		err = f.again(ctx, pub, id)
		for err == nil && ctx.Err() == nil {
			err = f.one(ctx, pub, id)
		}
		pub.Close()
	}
}

func (f *flock) one(ctx context.Context, pub *mqtt.Publisher, id string) error {
	f.mu.Lock()
	n := f.acked[id] + 1
	f.sent[id] = max(f.sent[id], n)
	f.mu.Unlock()
	err := pub.Publish(ctx, faultMessage(n))
	if err == nil {
		f.mu.Lock()
		f.acked[id] = n
		f.mu.Unlock()
	}
	return err
}

// again sends the last message that was acknowledged once more, as devices should
// on every new connection: a broker that acknowledges before it writes may have
// lost it when it was killed, and to us it is the same reading.
func (f *flock) again(ctx context.Context, pub *mqtt.Publisher, id string) error {
	f.mu.Lock()
	n := f.acked[id]
	f.mu.Unlock()
	if n > 0 {
		if err := pub.Publish(ctx, faultMessage(n)); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.joined[id]++
	return nil
}

// allAgain returns a function that tells whether every station has sent its last
// message again since now.
func (f *flock) allAgain() func() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := maps.Clone(f.joined)
	return func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for id := range f.tokens {
			if f.joined[id] == before[id] {
				return false
			}
		}
		return true
	}
}

func faultMessage(n int) []byte {
	at := faultStart().Add(time.Duration(n) * time.Second)
	return fmt.Appendf(nil, `{"time":%q,"interval":1,"values":{"no2":%d.%d,"pm25":%d}}`, at.Format(time.RFC3339), n%90, n%10, n%50)
}

func (f *flock) total() (acked int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.acked {
		acked += n
	}
	return acked
}

// count compares the raw store with what was published: missing are
// acknowledged readings that are not stored, extra are stored ones that nobody
// sent.
func (f *flock) count(t *testing.T, s *series.Store) (missing, extra int) {
	t.Helper()
	for id := range f.tokens {
		got, err := s.Readings(t.Context(), reading.StationID(id), faultStart(), faultStart().AddDate(0, 0, 30))
		require.NoError(t, err)
		seen := map[int]bool{}
		for _, r := range got {
			n := int(r.At.Sub(faultStart()) / time.Second)
			if seen[n] || n < 1 || n > f.sent[id] {
				extra++
			}
			v, ok := r.Value(reading.NO2)
			if _, whole := r.Value(reading.PM25); !ok || !whole {
				continue // a query may see half of a point that is being written; it counts when it is whole
			}
			seen[n] = true
			require.InDelta(t, float64(n%90)+float64(n%10)/10, v.Value, 1e-9, "%s reading %d", id, n)
		}
		for n := 1; n <= f.acked[id]; n++ {
			if !seen[n] {
				missing++
			}
		}
	}
	return missing, extra
}

func enrolFlock(t *testing.T, dsn string) map[string]string {
	t.Helper()
	reg, err := register.Open(t.Context(), dsn, register.Options{Now: time.Now})
	require.NoError(t, err)
	defer func() { _ = reg.Close() }()
	tokens := map[string]string{}
	for i := range faultStations {
		st := faultStation(i)
		token, err := reg.AddStation(t.Context(), st, reading.SecretPosition{}, "test")
		require.NoError(t, err)
		tokens[string(st.ID)] = token
	}
	return tokens
}

func randomPause() time.Duration { return time.Duration(200+rand.IntN(900)) * time.Millisecond }

// TestFaultKillEmbedded kills the whole program, embedded broker and stores in
// one process.
func TestFaultKillEmbedded(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.MkdirAll(data, 0o700))
	port := porttest.Addr(t)
	f := newFlock("mqtt://"+port, enrolFlock(t, "sqlite:"+filepath.Join(data, "register.db")))
	for round := range rounds(t) {
		c := startChild(t, "serve", "--data", data, "--http", "127.0.0.1:0", "--mqtt-listen", port)
		f.start()
		time.Sleep(randomPause())
		c.kill()
		f.halt()
		e, err := engine.Open(filepath.Join(data, "influx"), nil)
		require.NoError(t, err)
		s, err := series.Open(t.Context(), series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
		require.NoError(t, err)
		missing, extra := f.count(t, s)
		t.Logf("kill -9 embedded, round %d: acknowledged %d, missing %d, extra %d", round+1, f.total(), missing, extra)
		require.NoError(t, s.Close())
		require.NoError(t, e.Close())
		require.Zero(t, missing)
		require.Zero(t, extra)
	}
	require.Positive(t, f.total())
}

// plant is buurtmeter with Mosquitto, influxd and PostgreSQL.
type plant struct {
	f      *flock
	broker *mqtttest.Broker
	influx *seriestest.Server
	dsn    string
	args   []string
	child  *child
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	p := &plant{dsn: registertest.Postgres(t), influx: seriestest.StartServer(t)}
	tokens := enrolFlock(t, p.dsn)
	p.broker = mqtttest.DurableMosquitto(t, tokens)
	pw := filepath.Join(t.TempDir(), "ingest")
	require.NoError(t, os.WriteFile(pw, []byte(mqtttest.IngestPassword), 0o600))
	p.args = []string{
		"serve", "--http", "127.0.0.1:0", "--register", p.dsn, "--influx-url", p.influx.URL,
		"--mqtt-url", p.broker.URL, "--mqtt-user", mqtttest.IngestUser, "--mqtt-password-file", pw,
	}
	p.f = newFlock(p.broker.URL, tokens)
	p.child = startChild(t, p.args...)
	return p
}

// settle waits until everything that was acknowledged is stored, which the
// parts must reach by themselves, and then counts.
func (p *plant) settle(t *testing.T, what string, round int) {
	t.Helper()
	s, err := series.Open(t.Context(), series.Options{URL: p.influx.URL})
	require.NoError(t, err)
	defer func() { _ = s.Close() }()
	var missing, extra int
	until(90*time.Second, func() bool {
		missing, extra = p.f.count(t, s)
		return missing == 0
	})
	t.Logf("%s, round %d: acknowledged %d, missing %d, extra %d", what, round+1, p.f.total(), missing, extra)
	require.Zero(t, missing, "%s: acknowledged readings stay away; the program says:\n%s", what, p.child.log)
	require.Zero(t, extra)
}

// until calls ok twice a second until it is true or the time is over.
func until(limit time.Duration, ok func() bool) {
	for end := time.Now().Add(limit); !ok() && time.Now().Before(end); {
		time.Sleep(500 * time.Millisecond)
	}
}

// crashPostgres kills a server process with SIGKILL, upon which PostgreSQL drops
// every session and recovers from its log.
func crashPostgres(t *testing.T, dsn string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	var pid int
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'`).Scan(&pid))
	proc, err := os.FindProcess(pid)
	require.NoError(t, err)
	require.NoError(t, proc.Kill())
}

// TestFaultKillServers kills, in turn, each part of an installation with
// servers.
func TestFaultKillServers(t *testing.T) {
	p := newPlant(t)
	whole := t // a child started in one part must live on in the next
	for _, fault := range []struct {
		name   string
		strike func(t *testing.T)
	}{
		{"kill -9 buurtmeter", func(*testing.T) { p.child.kill(); p.child = startChild(whole, p.args...) }},
		{"kill -9 influxd", func(t *testing.T) { p.influx.Kill(); time.Sleep(randomPause()); p.influx.Start(t) }},
		{"kill -9 PostgreSQL", func(t *testing.T) { crashPostgres(t, p.dsn) }},
		{"kill -9 Mosquitto", func(t *testing.T) {
			// Mosquitto writes what it took in one turn of its loop after it has
			// acknowledged it, also with autosave_on_changes: at most one message of
			// each station, which the station sends once more. Decision 0003 says so.
			p.broker.Kill(t)
			back := p.f.allAgain()
			p.broker.Start(t)
			until(time.Minute, back)
		}},
		{"restart of Mosquitto", func(t *testing.T) { p.broker.Restart(t) }},
	} {
		t.Run(fault.name, func(t *testing.T) {
			for round := range rounds(t) {
				p.f.start()
				time.Sleep(randomPause())
				fault.strike(t)
				time.Sleep(randomPause())
				p.f.halt()
				p.settle(t, fault.name, round)
			}
		})
	}
	require.Positive(t, p.f.total())
}

// outage is how long a store stays away: short in a plain run, a minute in make
// fault. What an hour would show is the same: after some seconds every queue is
// full, and from then on nothing may grow.
func outage() time.Duration {
	if rounds, err := strconv.Atoi(os.Getenv("BUURTMETER_FAULT_ROUNDS")); err == nil && rounds > 5 {
		return time.Minute
	}
	return 8 * time.Second
}

// TestFaultStoreGone takes a store away for a while, as for an hour: no reading
// that was acknowledged is lost, memory stays bounded, /readyz says so, and
// everything catches up by itself.
func TestFaultStoreGone(t *testing.T) {
	p := newPlant(t)
	for _, store := range []struct {
		name       string
		away, back func()
	}{
		{"influxd gone", func() { p.influx.Kill() }, func() { p.influx.Start(t) }},
		{"PostgreSQL hangs", func() { signalPostgres(t, p.dsn, syscall.SIGSTOP) }, func() { signalPostgres(t, p.dsn, syscall.SIGCONT) }},
	} {
		p.f.start()
		time.Sleep(500 * time.Millisecond)
		store.away()
		readyz(t, p.child, 503)
		time.Sleep(3 * time.Second)
		before := residentKB(t, p.child.cmd.Process.Pid)
		time.Sleep(outage())
		after := residentKB(t, p.child.cmd.Process.Pid)
		store.back()
		require.Less(t, after, before+64*1024, "%s: memory grows while the store is away: %d kB to %d kB", store.name, before, after)
		p.f.halt()
		p.settle(t, fmt.Sprintf("%s for %s, memory %+d kB", store.name, outage(), after-before), 0)
		readyz(t, p.child, 200)
	}
}

// postgresPIDs are the processes of the server by its address, so that it can be
// told to go on without being asked.
var postgresPIDs = map[string][]int{}

// signalPostgres sends a signal to every process of the server, which belongs to
// this test binary alone.
func signalPostgres(t *testing.T, dsn string, sig syscall.Signal) {
	t.Helper()
	if postgresPIDs[dsn] == nil {
		db, err := sql.Open("pgx", dsn)
		require.NoError(t, err)
		defer func() { _ = db.Close() }()
		var backend int
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT pg_backend_pid()`).Scan(&backend))
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", backend))
		require.NoError(t, err)
		_, rest, _ := strings.Cut(string(stat), ") ")
		var state string
		var parent int
		_, err = fmt.Sscan(rest, &state, &parent)
		require.NoError(t, err)
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
		require.NoError(t, err)
		for _, text := range strings.Fields(string(children)) {
			pid, err := strconv.Atoi(text)
			require.NoError(t, err)
			postgresPIDs[dsn] = append(postgresPIDs[dsn], pid)
		}
		postgresPIDs[dsn] = append(postgresPIDs[dsn], parent)
		t.Cleanup(func() { // or the next test waits for ever
			for _, pid := range postgresPIDs[dsn] {
				_ = syscall.Kill(pid, syscall.SIGCONT)
			}
		})
	}
	for _, pid := range postgresPIDs[dsn] {
		_ = syscall.Kill(pid, sig) // a session may have ended meanwhile
	}
}

// TestFaultClockBack sets the clock of the program back an hour and on again
// while stations publish: nothing is lost and nothing is there twice.
func TestFaultClockBack(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.MkdirAll(data, 0o700))
	port := porttest.Addr(t)
	f := newFlock("mqtt://"+port, enrolFlock(t, "sqlite:"+filepath.Join(data, "register.db")))
	var off atomic.Int64
	// Without the monotonic part, which would hide the step.
	now := func() time.Time { return time.Now().Add(time.Duration(off.Load())).Round(0) }
	for round := range rounds(t) {
		off.Store(0)
		s := startServerAt(t, now, "--data", data, "--mqtt-listen", port)
		f.start()
		steps := 0
		for _, step := range []time.Duration{-time.Hour, time.Minute, -2 * time.Hour} {
			time.Sleep(randomPause())
			before := f.total()
			off.Store(int64(step))
			require.Eventually(t, func() bool { return f.total() > before+faultStations }, time.Minute, 20*time.Millisecond,
				"nothing is acknowledged after a step of %s: %s", step, s.log)
			steps++
		}
		f.halt()
		s.stop()
		missing, extra := countIn(t, f, data)
		t.Logf("clock back, round %d: acknowledged %d over %d steps, missing %d, extra %d", round+1, f.total(), steps, missing, extra)
		require.Zero(t, missing)
		require.Zero(t, extra)
	}
}

func residentKB(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	require.NoError(t, err)
	var size, resident int
	_, err = fmt.Sscan(string(b), &size, &resident)
	require.NoError(t, err)
	return resident * os.Getpagesize() / 1024
}
