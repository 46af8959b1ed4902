package mqtt_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/mqtt"
	"buurtmeter/ingest/mqtt/mqtttest"
	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
)

// store commits in its own goroutine, as the pipeline does. refuse, when set,
// decides over each message.
type store struct {
	refuse func(ingest.Message) error

	mu    sync.Mutex
	tries int
	kept  map[string]int
	last  ingest.Message
}

func (s *store) Submit(_ context.Context, m ingest.Message, done func(error)) {
	go func() {
		s.mu.Lock()
		s.tries++
		var err error
		if s.refuse != nil {
			err = s.refuse(m)
		}
		if err == nil {
			if s.kept == nil {
				s.kept = map[string]int{}
			}
			s.kept[string(m.Payload)]++
			s.last = m
		}
		s.mu.Unlock()
		done(err)
	}()
}

func (s *store) seen() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for k, n := range s.kept {
		out[k] = n
	}
	return out
}

func (s *store) tried() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

var received = time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)

func source(t testing.TB, b *mqtttest.Broker, sub mqtt.Submitter, change ...func(*mqtt.Options)) *mqtt.Source {
	t.Helper()
	o := mqtt.Options{
		URL: b.URL, Username: mqtttest.IngestUser, Password: mqtttest.IngestPassword, ClientID: "ingest-1",
		Submitter: sub, Now: func() time.Time { return received },
		RetryMin: 20 * time.Millisecond, RetryMax: 100 * time.Millisecond,
	}
	for _, c := range change {
		c(&o)
	}
	s, err := mqtt.Start(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func connected(t testing.TB, s *mqtt.Source) {
	t.Helper()
	require.Eventually(t, s.Connected, 20*time.Second, 5*time.Millisecond, "not connected: %v", s.LastError())
}

func publisher(t testing.TB, b *mqtttest.Broker, station string) *mqtt.Publisher {
	t.Helper()
	p, err := mqtt.Dial(t.Context(), mqtt.PublisherOptions{URL: b.URL, Station: reading.StationID(station), Token: users[station], Timeout: 5 * time.Second})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

var users = map[string]string{"noord-1": "geheim-1", "noord-2": "geheim-2"}

// publishAll publishes until every payload is acknowledged, however often the
// broker goes away, and returns the payloads.
func publishAll(t testing.TB, p *mqtt.Publisher, name string, n int) []string {
	t.Helper()
	var all []string
	for i := range n {
		payload := fmt.Sprint(name, i)
		for {
			err := p.Publish(t.Context(), []byte(payload))
			if err == nil {
				break
			}
			require.ErrorIs(t, err, mqtt.ErrNotAcknowledged)
			time.Sleep(20 * time.Millisecond)
		}
		all = append(all, payload)
	}
	return all
}

func requireAll(t testing.TB, want []string, stores ...*store) {
	t.Helper()
	var missing []string
	assert.Eventually(t, func() bool {
		have := map[string]int{}
		for _, s := range stores {
			for k, n := range s.seen() {
				have[k] += n
			}
		}
		missing = nil
		for _, p := range want {
			if have[p] == 0 {
				missing = append(missing, p)
			}
		}
		return len(missing) == 0
	}, 30*time.Second, 20*time.Millisecond)
	require.Empty(t, missing, "lost messages")
}

func TestTakesCommitsAndAcknowledges(t *testing.T) {
	b := mqtttest.Mosquitto(t, users)
	st := &store{}
	s := source(t, b, st)
	connected(t, s)
	require.NoError(t, publisher(t, b, "noord-1").Publish(t.Context(), []byte(`{"no2":1}`)))
	requireAll(t, []string{`{"no2":1}`}, st)
	st.mu.Lock()
	assert.Equal(t, ingest.Message{Station: "noord-1", Payload: []byte(`{"no2":1}`), Received: received, Source: "mqtt"}, st.last)
	st.mu.Unlock()
	time.Sleep(100 * time.Millisecond) // the acknowledgement is on its way
	require.NoError(t, s.Close())
	again := &store{}
	connected(t, source(t, b, again))
	time.Sleep(200 * time.Millisecond)
	assert.Empty(t, again.seen(), "an acknowledged message was given again")
}

func TestWhatIsNotCommittedIsGivenAgain(t *testing.T) {
	b := mqtttest.Mosquitto(t, users)
	broken := &store{refuse: func(ingest.Message) error { return errors.New("disk full") }}
	s := source(t, b, broken)
	connected(t, s)
	want := publishAll(t, publisher(t, b, "noord-1"), "m", 20)
	require.Eventually(t, func() bool { return broken.tried() > 40 }, 10*time.Second, 5*time.Millisecond, "the source must try again by itself")
	assert.ErrorContains(t, s.LastError(), "disk full")
	require.NoError(t, s.Close())
	good := &store{}
	source(t, b, good)
	requireAll(t, want, good)
}

func TestACommitThatFailsForAWhileNeedsNoReconnect(t *testing.T) {
	b := mqtttest.Mosquitto(t, users)
	var broken atomic.Bool
	broken.Store(true)
	st := &store{refuse: func(ingest.Message) error {
		if broken.Load() {
			return errors.New("disk full")
		}
		return nil
	}}
	connected(t, source(t, b, st))
	want := publishAll(t, publisher(t, b, "noord-1"), "m", 20)
	require.Eventually(t, func() bool { return st.tried() > 20 }, 10*time.Second, 5*time.Millisecond)
	require.Empty(t, st.seen())
	broken.Store(false)
	requireAll(t, want, st)
	for payload, n := range st.seen() {
		assert.Equal(t, 1, n, payload)
	}
}

func TestTheSourceOutlivesABrokerRestart(t *testing.T) {
	b := mqtttest.Mosquitto(t, users)
	var slow atomic.Bool
	slow.Store(true)
	st := &store{refuse: func(ingest.Message) error {
		if slow.Load() {
			return errors.New("not yet")
		}
		return nil
	}}
	s := source(t, b, st)
	connected(t, s)
	p := publisher(t, b, "noord-1")
	want := publishAll(t, p, "before", 200)
	b.Stop(t)
	require.Eventually(t, func() bool { return !s.Connected() }, 10*time.Second, 5*time.Millisecond)
	require.Error(t, s.LastError())
	b.Start(t)
	slow.Store(false)
	want = append(want, publishAll(t, p, "after", 200)...)
	connected(t, s)
	requireAll(t, want, st)
}

func TestMessagesOfTheTimeAwayAreKept(t *testing.T) {
	b := mqtttest.Mosquitto(t, users)
	s := source(t, b, &store{})
	connected(t, s)
	require.NoError(t, s.Close())
	want := publishAll(t, publisher(t, b, "noord-1"), "away", 500)
	b.Restart(t)
	st := &store{}
	source(t, b, st)
	requireAll(t, want, st)
}

func TestTwoSourcesShareTheWork(t *testing.T) {
	b := mqtttest.Mosquitto(t, users)
	one, two := &store{}, &store{}
	connected(t, source(t, b, one, shared))
	connected(t, source(t, b, two, shared, func(o *mqtt.Options) { o.ClientID = "ingest-2" }))
	want := append(publishAll(t, publisher(t, b, "noord-1"), "a", 300), publishAll(t, publisher(t, b, "noord-2"), "b", 300)...)
	requireAll(t, want, one, two)
	assert.NotEmpty(t, one.seen())
	assert.NotEmpty(t, two.seen())
	assert.Len(t, one.seen(), 600-len(two.seen()), "each message goes to one of them")
}

func shared(o *mqtt.Options) { o.Group = topic.DefaultGroup }

func TestASharedSubscriptionComesBackAfterABrokerRestart(t *testing.T) {
	b := mqtttest.Mosquitto(t, users)
	var broken atomic.Bool
	broken.Store(true)
	st := &store{refuse: func(ingest.Message) error {
		if broken.Load() {
			return errors.New("not yet")
		}
		return nil
	}}
	s := source(t, b, st, shared)
	connected(t, s)
	p := publisher(t, b, "noord-1")
	want := publishAll(t, p, "before", 50)
	b.Stop(t)
	require.Eventually(t, func() bool { return !s.Connected() }, 10*time.Second, 5*time.Millisecond)
	b.Start(t)
	connected(t, s)
	broken.Store(false)
	want = append(want, publishAll(t, p, "after", 50)...)
	requireAll(t, want, st)
}

func TestASlowStoreBoundsWhatIsInHand(t *testing.T) {
	b := mqtttest.Mosquitto(t, users)
	open := make(chan struct{})
	st := &blocking{open: open}
	connected(t, source(t, b, st, func(o *mqtt.Options) { o.MaxInflight = 5 }))
	p := publisher(t, b, "noord-1")
	for i := range 100 {
		require.NoError(t, p.Publish(t.Context(), fmt.Append(nil, i)))
	}
	time.Sleep(200 * time.Millisecond)
	assert.Equal(t, int64(5), st.inHand.Load())
	close(open)
	require.Eventually(t, func() bool { return st.done.Load() == 100 }, 20*time.Second, 5*time.Millisecond)
}

type blocking struct {
	open         chan struct{}
	inHand, done atomic.Int64
}

func (b *blocking) Submit(ctx context.Context, _ ingest.Message, done func(error)) {
	b.inHand.Add(1)
	go func() {
		select {
		case <-b.open:
			b.done.Add(1)
			done(nil)
		case <-ctx.Done():
			done(ctx.Err())
		}
	}()
}

func TestATopicOfNoStationIsHandedOnAsSuch(t *testing.T) {
	// Mosquitto's rules of an installation keep such topics out; a login whose
	// name is no station id gets one through.
	b := mqtttest.Mosquitto(t, map[string]string{"NOORD": "geheim"})
	st := &store{}
	connected(t, source(t, b, st))
	c := paho.NewClient(paho.NewClientOptions().AddBroker(b.URL).SetClientID("x").SetUsername("NOORD").SetPassword("geheim"))
	tok := c.Connect()
	require.True(t, tok.WaitTimeout(5*time.Second))
	require.NoError(t, tok.Error())
	defer c.Disconnect(100)
	tok = c.Publish(topic.Readings("NOORD"), 1, false, "who am i")
	require.True(t, tok.WaitTimeout(5*time.Second))
	requireAll(t, []string{"who am i"}, st)
	st.mu.Lock()
	defer st.mu.Unlock()
	assert.Empty(t, st.last.Station)
}

func TestAWrongIngestLoginIsReported(t *testing.T) {
	b := mqtttest.Mosquitto(t, users)
	s := source(t, b, &store{}, func(o *mqtt.Options) { o.Password = "wrong" })
	require.Eventually(t, func() bool { return s.LastError() != nil }, 10*time.Second, 5*time.Millisecond)
	assert.ErrorContains(t, s.LastError(), "cannot connect")
	assert.False(t, s.Connected())
}

func TestTheBrokerMayComeLater(t *testing.T) {
	b := mqtttest.Mosquitto(t, users)
	b.Stop(t)
	st := &store{}
	s := source(t, b, st)
	time.Sleep(100 * time.Millisecond)
	assert.False(t, s.Connected())
	b.Start(t)
	connected(t, s)
	require.NoError(t, publisher(t, b, "noord-1").Publish(t.Context(), []byte("x")))
	requireAll(t, []string{"x"}, st)
}

func TestOptionsAreChecked(t *testing.T) {
	good := mqtt.Options{URL: "mqtt://localhost:1883", ClientID: "x", Submitter: &store{}}
	for name, change := range map[string]func(*mqtt.Options){
		"no submitter": func(o *mqtt.Options) { o.Submitter = nil },
		"no client id": func(o *mqtt.Options) { o.ClientID = "" },
		"no url":       func(o *mqtt.Options) { o.URL = "" },
		"no host":      func(o *mqtt.Options) { o.URL = "mqtt://" },
		"group":        func(o *mqtt.Options) { o.Group = "a/b" },
		"http":         func(o *mqtt.Options) { o.URL = "http://localhost" },
	} {
		o := good
		change(&o)
		_, err := mqtt.Start(t.Context(), o)
		assert.Error(t, err, name)
	}
}
