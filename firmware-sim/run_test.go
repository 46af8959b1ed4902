package firmwaresim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	server "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	firmwaresim "buurtmeter/firmware-sim"
	"buurtmeter/ingest/porttest"
)

// desk is a broker that knows the tokens of stations and writes down what it
// acknowledged. drop, when set, ends the connection instead.
type desk struct {
	server.HookBase
	tokens map[string]string
	drop   func(n int) bool

	mu       sync.Mutex
	arrived  int
	messages map[string][][]byte
}

func (d *desk) ID() string { return "desk" }

func (d *desk) Provides(b byte) bool {
	return b == server.OnConnectAuthenticate || b == server.OnACLCheck || b == server.OnPublish
}

func (d *desk) OnConnectAuthenticate(_ *server.Client, pk packets.Packet) bool {
	want, ok := d.tokens[string(pk.Connect.Username)]
	return ok && want == string(pk.Connect.Password)
}

func (d *desk) OnACLCheck(cl *server.Client, topic string, write bool) bool {
	own := "buurtmeter/v1/" + string(cl.Properties.Username) + "/readings"
	return write && (topic == own || strings.HasPrefix(topic, own+"/"))
}

func (d *desk) OnPublish(cl *server.Client, pk packets.Packet) (packets.Packet, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.arrived++
	if pk.FixedHeader.Qos != 1 || pk.FixedHeader.Retain {
		return pk, packets.ErrRejectPacket
	}
	if d.drop != nil && d.drop(d.arrived) {
		cl.Stop(packets.ErrServerUnavailable)
		return pk, packets.ErrRejectPacket
	}
	id := string(cl.Properties.Username)
	d.messages[id] = append(d.messages[id], bytes.Clone(pk.Payload))
	return pk, nil
}

func (d *desk) start(t testing.TB, addr string) string {
	t.Helper()
	if d.messages == nil {
		d.messages = map[string][][]byte{}
	}
	s := server.New(&server.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, s.AddHook(d, nil))
	l := listeners.NewTCP(listeners.Config{ID: "t", Address: addr})
	require.NoError(t, s.AddListener(l))
	require.NoError(t, s.Serve())
	t.Cleanup(func() { _ = s.Close() })
	return l.Address()
}

// count returns the acknowledged readings of a device by their wire text.
func (d *desk) count(t testing.TB, id string) map[string]int {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[string]int{}
	for _, raw := range d.messages[id] {
		var m struct {
			Readings []json.RawMessage `json:"readings"`
		}
		require.NoError(t, json.Unmarshal(raw, &m))
		if m.Readings == nil {
			m.Readings = []json.RawMessage{raw}
		}
		for _, r := range m.Readings {
			out[string(r)]++
		}
	}
	return out
}

func withTokens(devices []firmwaresim.Device) map[string]string {
	tokens := map[string]string{}
	for i := range devices {
		devices[i].Token = "token-" + devices[i].ID
		tokens[devices[i].ID] = devices[i].Token
	}
	return tokens
}

func TestRunSendsTheWholeHistoryOnceEachAcknowledged(t *testing.T) {
	devices := firmwaresim.Fleet(4, 6)
	d := &desk{tokens: withTokens(devices)}
	addr := d.start(t, "127.0.0.1:0")
	now := begin.AddDate(0, 2, 0).Add(25 * time.Minute)
	var last firmwaresim.Progress
	require.NoError(t, firmwaresim.Run(t.Context(), firmwaresim.Options{
		Broker: "mqtt://" + addr, Devices: devices, BackfillFrom: begin, Parallel: 3,
		Now: func() time.Time { return now }, Report: func(p firmwaresim.Progress) { last = p },
	}))
	total := 0
	for _, dev := range devices {
		want := map[string]int{}
		for _, s := range dev.Samples(begin, now.Truncate(time.Hour), time.Hour) {
			want[string(firmwaresim.AppendReading(nil, s))]++
			total++
		}
		assert.Equal(t, want, d.count(t, dev.ID))
	}
	assert.Equal(t, 6, last.Backfilled)
	assert.Equal(t, uint64(total), last.Readings)
	assert.Equal(t, last.Published, last.Acknowledged)
	assert.Zero(t, last.Resent)
	assert.Zero(t, last.Connected)
	assert.Positive(t, last.P50)
	assert.GreaterOrEqual(t, last.P99, last.P50)
}

func TestRunSendsAgainWhatIsNotAcknowledged(t *testing.T) {
	devices := firmwaresim.Fleet(4, 4)
	d := &desk{tokens: withTokens(devices), drop: func(n int) bool { return n%4 == 0 }}
	addr := d.start(t, "127.0.0.1:0")
	now := begin.AddDate(0, 1, 0)
	var last firmwaresim.Progress
	require.NoError(t, firmwaresim.Run(t.Context(), firmwaresim.Options{
		Broker: "mqtt://" + addr, Devices: devices, BackfillFrom: begin,
		Now: func() time.Time { return now }, Report: func(p firmwaresim.Progress) { last = p },
	}))
	for _, dev := range devices {
		got := d.count(t, dev.ID)
		for _, s := range dev.Samples(begin, now, time.Hour) {
			require.Positive(t, got[string(firmwaresim.AppendReading(nil, s))])
		}
	}
	assert.Positive(t, last.Resent)
	assert.Equal(t, last.Published, last.Acknowledged)
}

func TestARefusedDeviceDoesNotStopTheOthers(t *testing.T) {
	devices := firmwaresim.Fleet(4, 3)
	d := &desk{tokens: withTokens(devices)}
	addr := d.start(t, "127.0.0.1:0")
	devices[1].Token = "stolen"
	var last firmwaresim.Progress
	err := firmwaresim.Run(t.Context(), firmwaresim.Options{
		Broker: "mqtt://" + addr, Devices: devices, BackfillFrom: begin,
		Now: func() time.Time { return begin.AddDate(0, 0, 3) }, Report: func(p firmwaresim.Progress) { last = p },
	})
	require.ErrorIs(t, err, firmwaresim.ErrRefused)
	assert.Equal(t, 1, last.Refused)
	assert.Equal(t, 2, last.Backfilled)
	assert.Empty(t, d.messages[devices[1].ID])
	assert.NotEmpty(t, d.messages[devices[0].ID])
}

func TestLiveReadingsOutliveABroker(t *testing.T) {
	devices := firmwaresim.Fleet(4, 5)
	d := &desk{tokens: withTokens(devices)}
	addr := porttest.Addr(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	var last firmwaresim.Progress
	go func() {
		done <- firmwaresim.Run(ctx, firmwaresim.Options{
			Broker: "mqtt://" + addr, Devices: devices, Live: 50 * time.Millisecond, LiveFor: 3 * time.Second, Steady: true,
			Report: func(p firmwaresim.Progress) { last = p },
		})
	}()
	time.Sleep(500 * time.Millisecond) // the devices are there before the broker
	d.start(t, addr)
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(20 * time.Second):
		t.Fatal("does not end")
	}
	assert.Equal(t, last.Published, last.Acknowledged)
	assert.InDelta(t, 5*3000/50, float64(last.Readings), 5*4, "readings of the time without a broker come later")
	for _, dev := range devices {
		for text, n := range d.count(t, dev.ID) {
			assert.Equal(t, 1, n, text)
			assert.False(t, strings.Contains(text, `"interval"`), "an interval below a second is not sent")
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	fleet := firmwaresim.Fleet(1, 2)
	twin := firmwaresim.Fleet(1, 2)
	twin[1].ID = twin[0].ID
	for name, o := range map[string]firmwaresim.Options{
		"no broker":       {Devices: fleet, Live: time.Second},
		"no devices":      {Broker: "mqtt://x", Live: time.Second},
		"nothing to send": {Broker: "mqtt://x", Devices: fleet},
		"twins":           {Broker: "mqtt://x", Devices: twin, Live: time.Second},
		"no such kit":     {Broker: "mqtt://x", Devices: []firmwaresim.Device{{ID: "a", Kind: "toaster"}}, Live: time.Second},
		"live too slow":   {Broker: "mqtt://x", Devices: fleet, Live: 2 * time.Hour},
	} {
		assert.Error(t, firmwaresim.Run(t.Context(), o), name)
	}
}
