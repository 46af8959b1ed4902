package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// tokens is an Authenticator over a fixed list.
type tokens map[reading.StationID]string

func (t tokens) Authenticate(_ context.Context, id reading.StationID, token string) error {
	if want, ok := t[id]; !ok || want != token {
		return register.ErrWrongCredentials
	}
	return nil
}

// journal is an Ingester that commits to memory. before, when set, runs first
// and may refuse.
type journal struct {
	before func(ctx context.Context, m ingest.Message) error

	mu   sync.Mutex
	kept []ingest.Message
}

func (j *journal) Submit(ctx context.Context, m ingest.Message, done func(error)) {
	m.Payload = bytes.Clone(m.Payload) // the broker uses it again
	done(j.take(ctx, m))
}

func (j *journal) take(ctx context.Context, m ingest.Message) error {
	if j.before != nil {
		if err := j.before(ctx, m); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.kept = append(j.kept, m)
	return nil
}

func (j *journal) payloads() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []string
	for _, m := range j.kept {
		out = append(out, string(m.Payload))
	}
	return out
}

var received = time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)

func start(t testing.TB, ing broker.Ingester, change ...func(*broker.Options)) *broker.Broker {
	t.Helper()
	o := broker.Options{
		Listen:     "127.0.0.1:0",
		Auth:       tokens{"noord-1": "geheim-1", "noord-2": "geheim-2"},
		Ingest:     ing,
		Now:        func() time.Time { return received },
		RetryPause: 10 * time.Millisecond,
	}
	for _, c := range change {
		c(&o)
	}
	b, err := broker.Start(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	return b
}

func pahoOptions(b *broker.Broker, station, token, clientID string) *paho.ClientOptions {
	return paho.NewClientOptions().AddBroker("tcp://" + b.Addr()).SetClientID(clientID).
		SetUsername(station).SetPassword(token).SetProtocolVersion(4).
		SetAutoReconnect(false).SetConnectTimeout(5 * time.Second).SetWriteTimeout(5 * time.Second)
}

func dial(t testing.TB, o *paho.ClientOptions) paho.Client {
	t.Helper()
	c := paho.NewClient(o)
	tok := c.Connect()
	require.True(t, tok.WaitTimeout(5*time.Second))
	require.NoError(t, tok.Error())
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

func acked(tok paho.Token, within time.Duration) bool {
	return tok.WaitTimeout(within) && tok.Error() == nil
}

func TestAcknowledgesOnlyAfterTheCommit(t *testing.T) {
	commit, entered := make(chan struct{}), make(chan ingest.Message, 1)
	j := &journal{before: func(ctx context.Context, m ingest.Message) error {
		entered <- m
		select {
		case <-commit:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	b := start(t, j)
	c := dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))

	tok := c.Publish(topic.Readings("noord-1"), 1, false, `{"no2":1}`)
	m := <-entered
	assert.Equal(t, ingest.Message{Station: "noord-1", Payload: []byte(`{"no2":1}`), Received: received, Source: "mqtt"}, m)
	assert.False(t, acked(tok, 200*time.Millisecond), "acknowledged before the commit")
	assert.Zero(t, b.Stats().Committed)
	close(commit)
	assert.True(t, acked(tok, 5*time.Second), "not acknowledged after the commit")
	assert.Equal(t, []string{`{"no2":1}`}, j.payloads())
	assert.Equal(t, uint64(1), b.Stats().Committed)
}

func TestWhatCannotBeStoredIsSentAgainAfterReconnecting(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	var tries atomic.Int32
	j := &journal{before: func(context.Context, ingest.Message) error {
		tries.Add(1)
		if broken.Load() {
			return errors.New("disk full")
		}
		return nil
	}}
	b := start(t, j)
	o := pahoOptions(b, "noord-1", "geheim-1", "kit").SetCleanSession(false).SetAutoReconnect(true).SetMaxReconnectInterval(50 * time.Millisecond)
	c := dial(t, o)
	// The token says nothing here: paho completes it when it sends the message
	// again after a reconnect.
	c.Publish(topic.Readings("noord-1"), 1, false, "a")
	require.Eventually(t, func() bool { return tries.Load() >= 2 }, 20*time.Second, 10*time.Millisecond, "the device must come back with the message")
	assert.Zero(t, b.Stats().Committed)
	broken.Store(false)
	require.Eventually(t, func() bool { return len(j.payloads()) > 0 }, 20*time.Second, 10*time.Millisecond)
	assert.Equal(t, "a", j.payloads()[0])
	assert.Equal(t, uint64(tries.Load()), b.Stats().Received)
}

func TestLoginIsPerStation(t *testing.T) {
	b := start(t, &journal{})
	for name, login := range map[string][2]string{
		"wrong token":       {"noord-1", "geheim-2"},
		"no token":          {"noord-1", ""},
		"unknown station":   {"zuid-1", "geheim-1"},
		"no user":           {"", ""},
		"not a station id":  {"NOORD-1", "geheim-1"},
		"trailing space":    {"noord-1 ", "geheim-1"},
		"longer than an id": {fmt.Sprintf("%0100d", 1), "geheim-1"},
	} {
		t.Run(name, func(t *testing.T) {
			c := paho.NewClient(pahoOptions(b, login[0], login[1], "kit"))
			tok := c.Connect()
			require.True(t, tok.WaitTimeout(5*time.Second))
			assert.ErrorContains(t, tok.Error(), "not Authorized")
		})
	}
	dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))
	assert.Equal(t, uint64(1), b.Stats().Logins)
	assert.Equal(t, uint64(7), b.Stats().LoginsRefused)
}

type slowAuth struct{}

func (slowAuth) Authenticate(context.Context, reading.StationID, string) error {
	return errors.New("the register cannot be reached")
}

func TestALoginThatCannotBeCheckedIsNotCalledWrong(t *testing.T) {
	b := start(t, &journal{}, func(o *broker.Options) { o.Auth = slowAuth{} })
	tok := paho.NewClient(pahoOptions(b, "noord-1", "geheim-1", "kit")).Connect()
	require.True(t, tok.WaitTimeout(5*time.Second))
	require.Error(t, tok.Error())
	assert.NotContains(t, tok.Error().Error(), "not Authorized")
	assert.Zero(t, b.Stats().LoginsRefused)
}

func TestAStationPublishesOnlyOnItsOwnTopic(t *testing.T) {
	j := &journal{}
	b := start(t, j)
	for _, name := range []string{
		topic.Readings("noord-2"), "buurtmeter/v1/noord-1", "buurtmeter/v1/noord-1/readings/x",
		"buurtmeter/v1/noord-1/READINGS", "$SYS/broker/version", "$share/g/" + topic.Readings("noord-1"), "x",
	} {
		t.Run(name, func(t *testing.T) {
			lost := make(chan struct{})
			o := pahoOptions(b, "noord-1", "geheim-1", "kit").SetConnectionLostHandler(func(paho.Client, error) { close(lost) })
			tok := dial(t, o).Publish(name, 1, false, "x")
			select {
			case <-lost:
			case <-time.After(5 * time.Second):
				t.Fatal("a device of MQTT 3 must be disconnected")
			}
			assert.False(t, acked(tok, 50*time.Millisecond))
		})
	}
	assert.Empty(t, j.payloads())
	assert.Equal(t, uint64(7), b.Stats().Refused)
}

func TestAStationSubscribesOnlyBelowItself(t *testing.T) {
	b := start(t, &journal{})
	c := dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))
	granted := func(filter string) bool {
		tok, ok := c.Subscribe(filter, 1, func(paho.Client, paho.Message) {}).(*paho.SubscribeToken)
		require.True(t, ok)
		require.True(t, tok.WaitTimeout(5*time.Second))
		require.NoError(t, tok.Error())
		for _, code := range tok.Result() {
			return code != 0x80
		}
		return false
	}
	assert.True(t, granted("buurtmeter/v1/noord-1/config"))
	for _, filter := range []string{
		"#", "+/#", "buurtmeter/#", "buurtmeter/v1/+/readings", topic.Readings("noord-2"), "$SYS/#",
		topic.Shared("g"), "$share/g/buurtmeter/v1/noord-1/#", "buurtmeter/v1/noord-11/x",
	} {
		assert.False(t, granted(filter), filter)
	}
	allowed := 1
	for i := range 20 {
		if granted(fmt.Sprintf("buurtmeter/v1/noord-1/%d", i)) {
			allowed++
		}
	}
	assert.Equal(t, 8, allowed, "subscriptions of one connection are bounded")
}

func TestNothingIsPassedOnRetainedOrLeftAsWill(t *testing.T) {
	j := &journal{}
	b := start(t, j)
	var got atomic.Int32
	listen := func() paho.Client {
		c := dial(t, pahoOptions(b, "noord-1", "geheim-1", "listener"))
		tok := c.Subscribe("buurtmeter/v1/noord-1/#", 1, func(paho.Client, paho.Message) { got.Add(1) })
		require.True(t, acked(tok, 5*time.Second))
		return c
	}
	first := listen()
	o := pahoOptions(b, "noord-1", "geheim-1", "kit").SetWill(topic.Readings("noord-1"), "gone", 1, true)
	c := dial(t, o)
	require.True(t, acked(c.Publish(topic.Readings("noord-1"), 1, true, "retained"), 5*time.Second))
	require.Equal(t, 1, b.Disconnect("noord-1")-1, "both connections of the station, the will's included")
	require.Eventually(t, func() bool { return !first.IsConnectionOpen() }, 30*time.Second, 5*time.Millisecond)
	again := listen()
	require.True(t, acked(again.Subscribe("buurtmeter/v1/noord-1/x", 0, nil), 5*time.Second))
	time.Sleep(100 * time.Millisecond)
	assert.Zero(t, got.Load())
	assert.Equal(t, []string{"retained"}, j.payloads())
}

func TestQoS0IsStoredToo(t *testing.T) {
	j := &journal{}
	b := start(t, j)
	c := dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))
	require.True(t, acked(c.Publish(topic.Readings("noord-1"), 0, false, "x"), time.Second))
	require.Eventually(t, func() bool { return len(j.payloads()) == 1 }, 30*time.Second, 5*time.Millisecond)
}

func TestQoS2IsRefused(t *testing.T) {
	j := &journal{}
	b := start(t, j)
	c := dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))
	tok := c.Publish(topic.Readings("noord-1"), 2, false, "x")
	require.Eventually(t, func() bool { return !c.IsConnectionOpen() }, 30*time.Second, 5*time.Millisecond)
	assert.False(t, acked(tok, 50*time.Millisecond))
	assert.Empty(t, j.payloads())
}

func TestAMessageThatIsTooLargeEndsTheConnection(t *testing.T) {
	j := &journal{}
	b := start(t, j, func(o *broker.Options) { o.MaxPayload = 1000 })
	c := dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))
	require.True(t, acked(c.Publish(topic.Readings("noord-1"), 1, false, make([]byte, 1000)), 5*time.Second))
	tok := c.Publish(topic.Readings("noord-1"), 1, false, make([]byte, 10_000))
	require.Eventually(t, func() bool { return !c.IsConnectionOpen() }, 30*time.Second, 5*time.Millisecond)
	assert.False(t, acked(tok, 50*time.Millisecond))
	assert.Len(t, j.payloads(), 1)
	dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))
}

func TestClientIDsOfStationsAreApart(t *testing.T) {
	b := start(t, &journal{})
	one := dial(t, pahoOptions(b, "noord-1", "geheim-1", "same"))
	two := dial(t, pahoOptions(b, "noord-2", "geheim-2", "same"))
	require.True(t, acked(one.Publish(topic.Readings("noord-1"), 1, false, "x"), 5*time.Second))
	require.True(t, acked(two.Publish(topic.Readings("noord-2"), 1, false, "x"), 5*time.Second))
	assert.True(t, one.IsConnectionOpen(), "another station took the client id and ended this connection")

	again := dial(t, pahoOptions(b, "noord-1", "geheim-1", "same"))
	require.Eventually(t, func() bool { return !one.IsConnectionOpen() }, 30*time.Second, 5*time.Millisecond, "the station itself may take its session over")
	assert.True(t, again.IsConnectionOpen())
	assert.True(t, two.IsConnectionOpen())
}

func TestSessionsOfOneStationAreBounded(t *testing.T) {
	b := start(t, &journal{}, func(o *broker.Options) { o.MaxSessions, o.SessionExpiry = 3, time.Second })
	for i := range 3 {
		c := dial(t, pahoOptions(b, "noord-1", "geheim-1", fmt.Sprint("kept-", i)).SetCleanSession(false))
		c.Disconnect(100)
	}
	connect := func(id string) error {
		c := paho.NewClient(pahoOptions(b, "noord-1", "geheim-1", id))
		tok := c.Connect()
		require.True(t, tok.WaitTimeout(5*time.Second))
		if tok.Error() == nil {
			c.Disconnect(100)
		}
		return tok.Error()
	}
	require.Error(t, connect("one-more"))
	require.NoError(t, connect("kept-1"), "a known client id may come back")
	dial(t, pahoOptions(b, "noord-2", "geheim-2", "other"))
	require.Eventually(t, func() bool { return connect("later") == nil }, 10*time.Second, 200*time.Millisecond, "kept sessions expire")
}

func TestParallelPublishers(t *testing.T) {
	const publishers, each = 200, 20
	auth := tokens{}
	for i := range publishers {
		auth[reading.StationID(fmt.Sprint("s", i))] = fmt.Sprint("t", i)
	}
	j := &journal{}
	b := start(t, j, func(o *broker.Options) { o.Auth = auth })
	var wg sync.WaitGroup
	for i := range publishers {
		c := dial(t, pahoOptions(b, fmt.Sprint("s", i), fmt.Sprint("t", i), "kit"))
		wg.Go(func() {
			var toks []paho.Token
			for n := range each {
				toks = append(toks, c.Publish(topic.Readings(reading.StationID(fmt.Sprint("s", i))), 1, false, fmt.Sprint(i, ":", n)))
			}
			for _, tok := range toks {
				assert.True(t, acked(tok, 30*time.Second))
			}
		})
	}
	wg.Wait()
	seen := map[string]int{}
	for _, p := range j.payloads() {
		seen[p]++
	}
	assert.Len(t, seen, publishers*each)
	assert.Equal(t, uint64(publishers*each), b.Stats().Committed)
	assert.Equal(t, publishers, b.Stats().Connections)
}

func TestCloseWhilePublishingAcknowledgesNothingUncommitted(t *testing.T) {
	j := &journal{before: func(ctx context.Context, _ ingest.Message) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
			return nil
		}
	}}
	b := start(t, j)
	var ackedN atomic.Int64
	var wg sync.WaitGroup
	for i := range 10 {
		c := dial(t, pahoOptions(b, "noord-1", "geheim-1", fmt.Sprint("kit-", i%8)))
		wg.Go(func() {
			for c.IsConnectionOpen() {
				if acked(c.Publish(topic.Readings("noord-1"), 1, false, "x"), time.Second) {
					ackedN.Add(1)
				}
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	done := make(chan error, 1)
	go func() { done <- b.Close() }()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("Close hangs")
	}
	committed := len(j.payloads())
	wg.Wait()
	assert.Positive(t, ackedN.Load())
	assert.LessOrEqual(t, int(ackedN.Load()), committed)
	assert.Equal(t, committed, len(j.payloads()), "stored after Close returned")
	_, err := net.DialTimeout("tcp", b.Addr(), time.Second)
	assert.Error(t, err)
	assert.NoError(t, b.Close(), "closing twice is harmless")
}

func TestTheContextOfIngestEndsWithTheBrokerAndWithTheDevice(t *testing.T) {
	entered, left := make(chan struct{}, 4), make(chan error, 4)
	j := &journal{before: func(ctx context.Context, _ ingest.Message) error {
		entered <- struct{}{}
		<-ctx.Done()
		left <- ctx.Err()
		return ctx.Err()
	}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b, err := broker.Start(ctx, broker.Options{Listen: "127.0.0.1:0", Auth: tokens{"noord-1": "geheim-1"}, Ingest: j})
	require.NoError(t, err)
	first := dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))
	first.Publish(topic.Readings("noord-1"), 1, false, "x")
	<-entered
	second := dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))
	require.ErrorIs(t, <-left, context.Canceled, "the device came back: the old commit is given up")
	second.Publish(topic.Readings("noord-1"), 1, false, "x")
	<-entered
	cancel()
	require.ErrorIs(t, <-left, context.Canceled)
	require.NoError(t, b.Close())
	assert.Zero(t, b.Stats().Connections)
}

func TestAFullBrokerRefusesPolitely(t *testing.T) {
	b := start(t, &journal{}, func(o *broker.Options) { o.MaxConnections = 1 })
	dial(t, pahoOptions(b, "noord-1", "geheim-1", "kit"))
	tok := paho.NewClient(pahoOptions(b, "noord-2", "geheim-2", "kit")).Connect()
	require.True(t, tok.WaitTimeout(5*time.Second))
	assert.ErrorContains(t, tok.Error(), "Unavailable")
}

// TestCloseWhileDevicesComeAndGo closes brokers at the worst moment: everybody
// is on the way out, and some come back.
func TestCloseWhileDevicesComeAndGo(t *testing.T) {
	const devices = 300
	auth := tokens{}
	for i := range devices {
		auth[reading.StationID(fmt.Sprint("s", i))] = "t"
	}
	for range 2 {
		b := start(t, &journal{}, func(o *broker.Options) { o.Auth = auth })
		var out sync.WaitGroup
		leave := make(chan struct{})
		for i := range devices {
			w := open(t, b)
			require.True(t, w.login(fmt.Sprint("s", i), "t", "kit"))
			out.Go(func() {
				<-leave
				_ = w.conn.Close()
				if conn, err := net.Dial("tcp", b.Addr()); err == nil {
					wireOver(t, conn).login(fmt.Sprint("s", i), "t", "kit")
					_ = conn.Close()
				}
			})
		}
		done := make(chan error, 1)
		close(leave)
		go func() { done <- b.Close() }()
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(time.Minute):
			t.Fatal("Close hangs")
		}
		out.Wait()
	}
}
