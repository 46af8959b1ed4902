package wire_test

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	server "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/firmware-sim/wire"
	"buurtmeter/ingest/mqtt/mqtttest"
)

// desk is a broker that notes what it takes.
type desk struct {
	server.HookBase
	mu       sync.Mutex
	topics   []string
	payloads [][]byte
}

func (d *desk) ID() string { return "desk" }

func (d *desk) Provides(b byte) bool {
	return b == server.OnConnectAuthenticate || b == server.OnACLCheck || b == server.OnPublish
}

func (d *desk) OnConnectAuthenticate(_ *server.Client, pk packets.Packet) bool {
	return string(pk.Connect.Username) == "a" && string(pk.Connect.Password) == "right"
}

func (d *desk) OnACLCheck(*server.Client, string, bool) bool { return true }

func (d *desk) OnPublish(_ *server.Client, pk packets.Packet) (packets.Packet, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.topics = append(d.topics, pk.TopicName)
	d.payloads = append(d.payloads, bytes.Clone(pk.Payload))
	return pk, nil
}

func start(t *testing.T) (*desk, string) {
	t.Helper()
	d := &desk{}
	s := server.New(&server.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, s.AddHook(d, nil))
	l := listeners.NewTCP(listeners.Config{ID: "t", Address: "127.0.0.1:0"})
	require.NoError(t, s.AddListener(l))
	require.NoError(t, s.Serve())
	t.Cleanup(func() { _ = s.Close() })
	return d, "mqtt://" + l.Address()
}

func TestWhatIsPublishedArrivesInOrderAndIsAcknowledged(t *testing.T) {
	d, url := start(t)
	c, err := wire.Dial(t.Context(), wire.Options{Broker: url, ClientID: "c", Username: "a", Password: "right"})
	require.NoError(t, err)
	defer c.Close()
	// Lengths around where MQTT needs one more byte to write them.
	want := []int{0, 1, 118, 119, 120, 16_373, 16_374, 16_375, 100_000}
	for i, n := range want {
		id, err := c.Publish("t/x", bytes.Repeat([]byte{byte('a' + i)}, n))
		require.NoError(t, err)
		assert.Equal(t, uint16(i+1), id)
	}
	c.Ping()
	require.NoError(t, c.Flush())
	for i := range want {
		id, err := c.Ack()
		require.NoError(t, err)
		assert.Equal(t, uint16(i+1), id)
	}
	c.Ping()
	require.NoError(t, c.Flush())
	require.NoError(t, c.Pong()) // the first, which nobody read
	d.mu.Lock()
	defer d.mu.Unlock()
	require.Len(t, d.payloads, len(want))
	for i, n := range want {
		assert.Equal(t, "t/x", d.topics[i])
		assert.Equal(t, strings.Repeat(string(rune('a'+i)), n), string(d.payloads[i]))
	}
}

func TestMosquittoTakesItToo(t *testing.T) {
	b := mqtttest.Mosquitto(t, map[string]string{"a": "right"})
	c, err := wire.Dial(t.Context(), wire.Options{Broker: b.URL, ClientID: "c", Username: "a", Password: "right", KeepAlive: time.Minute})
	require.NoError(t, err)
	defer c.Close()
	for range 1000 {
		_, err := c.Publish("buurtmeter/v1/a/readings", []byte("{}"))
		require.NoError(t, err)
	}
	require.NoError(t, c.Flush())
	for i := range 1000 {
		id, err := c.Ack()
		require.NoError(t, err)
		require.Equal(t, uint16(i+1), id)
	}
}

func TestAWrongLoginIsRefused(t *testing.T) {
	_, url := start(t)
	for _, o := range []wire.Options{
		{Broker: url, ClientID: "c", Username: "a", Password: "wrong"},
		{Broker: url, ClientID: "c"},
	} {
		_, err := wire.Dial(t.Context(), o)
		require.ErrorIs(t, err, wire.ErrRefused)
	}
	for _, url := range []string{"http://x", "mqtt://127.0.0.1:1", "::"} {
		_, err := wire.Dial(t.Context(), wire.Options{Broker: url, ClientID: "c"})
		require.Error(t, err)
		require.NotErrorIs(t, err, wire.ErrRefused)
	}
}

// TestOneThatIsNoBrokerEndsTheConnection: nonsense and silence are errors.
func TestOneThatIsNoBrokerEndsTheConnection(t *testing.T) {
	for _, says := range []string{"HTTP/1.1 400 Bad Request\r\n\r\n", "\x20\x02\x00\x03", "\x40\x02\x00\x01", "\x20", ""} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, _ = c.Write([]byte(says))
				time.Sleep(300 * time.Millisecond)
				_ = c.Close()
			}
		}()
		_, err = wire.Dial(t.Context(), wire.Options{Broker: "mqtt://" + l.Addr().String(), ClientID: "c", Timeout: 200 * time.Millisecond})
		require.Error(t, err, "%q", says)
		require.NotErrorIs(t, err, wire.ErrRefused)
		_ = l.Close()
	}
}
