package broker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/register/registertest"
)

// declared is what stations declared, as the register would tell it.
type declared map[reading.StationID]reading.Format

func (d declared) Station(_ context.Context, id reading.StationID) (reading.Station, error) {
	f, ok := d[id]
	if !ok {
		return reading.Station{}, ingest.ErrUnknownStation
	}
	return reading.Station{ID: id, Wire: reading.Wire{Format: f}}, nil
}

// kitTopics are topics that are built into kits, with the format that they
// belong to; silent ones bring no readings.
var kitTopics = []struct {
	name   string
	format reading.Format
	silent bool
}{
	{"airgradient/readings/ecda3b1eaaaf", reading.FormatAirGradient, false},
	{"device/sck/a1b2c3/readings", reading.FormatSmartCitizen, false},
	{"device/sck/a1b2c3/readings/raw", reading.FormatSmartCitizen, false},
	{"device/sck/a1b2c3/hello", reading.FormatSmartCitizen, true},
	{"v3/buurt@ttn/devices/kit-1/up", reading.FormatTheThingsStack, false},
	{"v3/buurt@ttn/devices/kit-1/join", reading.FormatTheThingsStack, true},
	{"v1.1/Datastreams(12)/Observations", reading.FormatSensorThings, false},
	{"homeassistant/sensor/pm25/state", reading.FormatHomeAssistant, false},
	{"homeassistant/sensor/pm25/config", reading.FormatHomeAssistant, true},
}

func TestTopicsOfKitsAreForThoseWhoDeclaredThem(t *testing.T) {
	for _, k := range kitTopics {
		t.Run(k.name, func(t *testing.T) {
			j := &journal{}
			b := start(t, j, func(o *broker.Options) { o.Stations = declared{"noord-1": k.format, "noord-2": reading.FormatOwn} })
			kit := dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))
			require.True(t, acked(kit.Publish(k.name, 1, false, "x"), 5*time.Second))
			if k.silent {
				assert.Empty(t, j.payloads())
				assert.Equal(t, uint64(1), b.Stats().Silent)
				assert.Zero(t, b.Stats().Committed)
			} else {
				require.Len(t, j.payloads(), 1)
				assert.Equal(t, ingest.Message{
					Station: "noord-1", Payload: []byte("x"), Received: received, Source: "mqtt", Format: k.format, Topic: k.name,
				}, j.kept[0])
			}
			require.True(t, acked(kit.Publish(topic.Readings("noord-1"), 1, false, "own"), 5*time.Second), "its own topic stays")

			other := dial(t, pahoOptions(b, "noord-2", "geheim-2", "kit"))
			before := len(j.payloads())
			tok := other.Publish(k.name, 1, false, "x")
			require.Eventually(t, func() bool { return !other.IsConnectionOpen() }, 30*time.Second, 5*time.Millisecond)
			assert.False(t, acked(tok, 50*time.Millisecond))
			assert.Len(t, j.payloads(), before)
			assert.Equal(t, uint64(1), b.Stats().Refused)
		})
	}
}

func TestTopicsOfKitsNeedTheRegister(t *testing.T) {
	j := &journal{}
	none := start(t, j)
	c := dial(t, pahoOptions(none, "noord-1", "geheim-1", "kit"))
	tok := c.Publish(kitTopics[0].name, 1, false, "x")
	require.Eventually(t, func() bool { return !c.IsConnectionOpen() }, 30*time.Second, 5*time.Millisecond)
	assert.False(t, acked(tok, 50*time.Millisecond))
	assert.Equal(t, uint64(1), none.Stats().Refused)

	away := start(t, j, func(o *broker.Options) { o.Stations = unreachable{} })
	w, _ := login5(t, away, 30)
	w.send((*packets.Packet).PublishEncode, publishPacket(kitTopics[0].name, 1, "x"))
	gone := w.receive()
	assert.Equal(t, packets.Disconnect, gone.FixedHeader.Type)
	assert.Equal(t, packets.ErrServerUnavailable.Code, gone.ReasonCode, "not the device's fault")
	assert.True(t, w.closed())
	assert.Zero(t, away.Stats().Refused)
	assert.Empty(t, j.payloads())
}

// unreachable is a register that does not answer.
type unreachable struct{}

func (unreachable) Station(context.Context, reading.StationID) (reading.Station, error) {
	return reading.Station{}, errors.New("the register cannot be reached")
}

func TestATopicMayNameTheFormat(t *testing.T) {
	j := &journal{}
	b := start(t, j)
	c := dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))
	require.True(t, acked(c.Publish(topic.ReadingsIn("noord-1", reading.FormatOwn)+"/rest/of/it", 1, false, "x"), 5*time.Second))
	assert.Equal(t, reading.FormatOwn, j.kept[0].Format)
	assert.Equal(t, "rest/of/it", j.kept[0].Topic)
	tok := c.Publish(topic.ReadingsIn("noord-1", "no-such-format"), 1, false, "x")
	require.Eventually(t, func() bool { return !c.IsConnectionOpen() }, 30*time.Second, 5*time.Millisecond)
	assert.False(t, acked(tok, 50*time.Millisecond))
	assert.Len(t, j.payloads(), 1)
}

// twoHandles opens one SQLite register twice, as two processes do.
func twoHandles(t testing.TB) (server, command *register.Register) {
	t.Helper()
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "register.db")
	open := func() *register.Register {
		r, err := register.Open(t.Context(), dsn, register.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, r.Close()) })
		return r
	}
	return open(), open()
}

func TestWithdrawnLoginsEndTheOpenSession(t *testing.T) {
	server, command := twoHandles(t)
	change := map[string]func(*testing.T, *register.Register, reading.StationID){
		"rotated": func(t *testing.T, r *register.Register, id reading.StationID) {
			_, err := r.RotateToken(t.Context(), id, "keeper")
			require.NoError(t, err)
		},
		"paused": func(t *testing.T, r *register.Register, id reading.StationID) {
			require.NoError(t, r.SetPaused(t.Context(), id, true, "keeper", "weg"))
		},
	}
	var ids []reading.StationID
	secrets := map[reading.StationID]string{}
	for _, id := range []reading.StationID{"rotated-here", "rotated-there", "paused-here", "paused-there", "stays"} {
		token, err := command.AddStation(t.Context(), registertest.Station(id), reading.SecretPosition{}, "operator")
		require.NoError(t, err)
		ids, secrets[id] = append(ids, id), token
	}
	j := &journal{}
	b := start(t, j, func(o *broker.Options) { o.Auth, o.Stations, o.Recheck = server, server, 20*time.Millisecond })
	conns := map[reading.StationID]paho.Client{}
	for _, id := range ids {
		conns[id] = dial(t, pahoOptions(b, string(id), secrets[id], "kit"))
	}
	for _, id := range ids[:4] {
		what, where, _ := strings.Cut(string(id), "-")
		process := map[string]*register.Register{"here": server, "there": command}[where]
		require.True(t, acked(conns[id].Publish(topic.Readings(id), 1, false, "x"), 5*time.Second))
		change[what](t, process, id)
		require.Eventually(t, func() bool { return !conns[id].IsConnectionOpen() }, 30*time.Second, 5*time.Millisecond, "%s goes on", id)
		again := paho.NewClient(pahoOptions(b, string(id), secrets[id], "kit")).Connect()
		require.True(t, again.WaitTimeout(5*time.Second))
		require.ErrorContains(t, again.Error(), "not Authorized")
	}
	assert.Equal(t, uint64(4), b.Stats().Revoked)
	assert.Equal(t, 1, b.Stats().LoggedIn)
	assert.True(t, acked(conns["stays"].Publish(topic.Readings("stays"), 1, false, "x"), 5*time.Second), "the others go on")
}

// moody is an Authenticator that can be out of reach.
type moody struct {
	tokens
	mu     sync.Mutex
	asked  int
	absent bool
}

func (m *moody) Authenticate(ctx context.Context, id reading.StationID, token string) error {
	m.mu.Lock()
	m.asked++
	absent, right := m.absent, m.tokens
	m.mu.Unlock()
	if absent {
		return errors.New("the register cannot be reached")
	}
	return right.Authenticate(ctx, id, token)
}

func TestARegisterOutOfReachEndsNoSession(t *testing.T) {
	auth := &moody{tokens: tokens{"noord-1": "geheim-1"}}
	b := start(t, &journal{}, func(o *broker.Options) { o.Auth, o.Recheck = auth, 5*time.Millisecond })
	c := dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))
	auth.mu.Lock()
	auth.absent, auth.asked = true, 0
	auth.mu.Unlock()
	require.Eventually(t, func() bool {
		auth.mu.Lock()
		defer auth.mu.Unlock()
		return auth.asked > 5
	}, 30*time.Second, 5*time.Millisecond)
	assert.True(t, acked(c.Publish(topic.Readings("noord-1"), 1, false, "x"), 5*time.Second))
	tok := paho.NewClient(pahoOptions(b, "noord-1", "geheim-1", "new")).Connect()
	require.True(t, tok.WaitTimeout(5*time.Second))
	require.Error(t, tok.Error())
	assert.Equal(t, uint64(1), b.Stats().LoginsUnchecked)
	assert.Zero(t, b.Stats().Revoked)
}

// TestLoginsThatDidNotChangeAreNotCheckedAgain: a fleet at rest costs one small
// question a round; after a change all are looked at, for some rounds more.
func TestLoginsThatDidNotChangeAreNotCheckedAgain(t *testing.T) {
	auth := &moody{tokens: tokens{"noord-1": "geheim-1"}}
	var version, rounds atomic.Int64
	since := 0 // rounds at version 1
	b := start(t, &journal{}, func(o *broker.Options) {
		o.Auth, o.Recheck = auth, 5*time.Millisecond
		o.LoginsVersion = func(context.Context) (int64, error) {
			rounds.Add(1)
			v := version.Load()
			// The version moves before Auth forgets the old answer.
			if since += int(v); since == 3 {
				auth.mu.Lock()
				auth.tokens = tokens{"noord-1": "another"}
				auth.mu.Unlock()
			}
			return v, nil
		}
	})
	c := dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))
	asked := func() int {
		auth.mu.Lock()
		defer auth.mu.Unlock()
		return auth.asked
	}
	pass := func(n int64) {
		until := rounds.Load() + n
		require.Eventually(t, func() bool { return rounds.Load() > until }, 30*time.Second, time.Millisecond)
	}
	pass(10)
	calm := asked()
	pass(20)
	require.Equal(t, calm, asked(), "nothing changed")

	version.Add(1)
	require.Eventually(t, func() bool { return !c.IsConnectionOpen() }, 30*time.Second, time.Millisecond)
	assert.Equal(t, uint64(1), b.Stats().Revoked)
}

// lockedBuffer is a log that several goroutines may write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestNoTokenIsEverInTheLog(t *testing.T) {
	server, _ := twoHandles(t)
	token, err := server.AddStation(t.Context(), registertest.Station("noord-1"), reading.SecretPosition{}, "operator")
	require.NoError(t, err)
	log := &lockedBuffer{}
	fails := &journal{before: func(context.Context, ingest.Message) error { return io.ErrShortWrite }}
	b, p := startAllDoors(t, fails, func(o *broker.Options) {
		o.Auth, o.Stations, o.MaxPayload, o.Recheck = server, server, 1000, 10*time.Millisecond
		o.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	wrong := token[:len(token)-1] + "_"
	sock := "device/sck/" + token + "/readings"
	connect := func(door int, user, password, client, on string, payload []byte) {
		o := pahoOptions(b, user, password, client).SetTLSConfig(p.client(t))
		o.Servers = nil
		c := paho.NewClient(o.AddBroker(urls(b)[door]))
		if tok := c.Connect(); !tok.WaitTimeout(5*time.Second) || tok.Error() != nil {
			return
		}
		defer c.Disconnect(0)
		c.Publish(on, 1, false, payload).WaitTimeout(100 * time.Millisecond)
	}
	for door := range 4 {
		connect(door, "noord-1", wrong, "kit", "x", nil)
		connect(door, token, "noord-1", "kit", "x", nil) // the two fields swapped
		connect(door, "noord-1", token, token, topic.Readings("noord-1"), []byte(token))
		connect(door, "noord-1", token, "kit", sock, []byte("not its format"))
		connect(door, "noord-1", token, "kit", "a/"+token+"/#/+", []byte("not a topic"))
		connect(door, "noord-1", token, "kit", topic.Readings("noord-1"), bytes.Repeat([]byte(token), 500))
	}
	raw := encoded(t, (*packets.Packet).ConnectEncode, connectPacket("noord-1", token, 30))
	for cut := range raw { // damaged logins
		w := open(t, b)
		_, _ = w.conn.Write(append(bytes.Clone(raw[:cut]), 0xff, 0xff, 0xff))
		_ = w.conn.Close()
	}
	keeps := dial(t, pahoOptions(b, "noord-1", token, "kit"))
	require.NoError(t, server.SetPaused(t.Context(), "noord-1", true, "keeper", "weg"))
	require.Eventually(t, func() bool { return !keeps.IsConnectionOpen() }, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, b.Close())

	all := log.String()
	for _, said := range []string{
		"login refused", "not a station id", "could not be stored", "refused", "message too large", "connection closed before login", "not valid any more",
	} {
		assert.Contains(t, all, said, "the test must have seen it")
	}
	for _, secret := range []string{token, wrong, token[5:25]} {
		assert.NotContains(t, all, secret)
	}
}
