package broker_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/mqtt/topic"
)

// entrance is one way to bring bytes to the broker's MQTT.
type entrance struct {
	name string
	open func(t testing.TB) net.Conn
	// frame, when set, puts bytes in what the entrance wants around them.
	frame func([]byte) []byte
}

// entrances are every door, at every layer: below TLS, inside it, below the
// WebSocket, in its frames.
func entrances(b *broker.Broker, p pair) []entrance {
	bare := func(door int) func(testing.TB) net.Conn {
		return func(t testing.TB) net.Conn {
			conn, err := net.Dial("tcp", b.Addrs()[door])
			require.NoError(t, err)
			return conn
		}
	}
	inside := func(t testing.TB) net.Conn {
		conn, err := tls.Dial("tcp", b.Addrs()[doorTLS], p.client(t))
		require.NoError(t, err)
		return conn
	}
	secure := func(t testing.TB) net.Conn {
		d := websocket.Dialer{Subprotocols: []string{"mqtt"}, TLSClientConfig: p.client(t)}
		ws, resp, err := d.Dial("wss://"+b.Addrs()[doorWSS]+"/mqtt", nil)
		require.NoError(t, err)
		_ = resp.Body.Close()
		return ws.NetConn()
	}
	return []entrance{
		{"TCP", bare(doorTCP), nil},
		{"below TLS", bare(doorTLS), nil},
		{"inside TLS", inside, nil},
		{"below WebSocket", bare(doorWS), nil},
		{"frames of WebSocket", func(t testing.TB) net.Conn { return dialSocket(t, b).NetConn() }, nil},
		{"in WebSocket", func(t testing.TB) net.Conn { return dialSocket(t, b).NetConn() }, masked},
		{"in WebSocket over TLS", secure, masked},
	}
}

// masked is one binary message, with a mask of zeros.
func masked(p []byte) []byte {
	head := binary.BigEndian.AppendUint64([]byte{0x82, 0xff}, uint64(len(p)))
	return append(append(head, 0, 0, 0, 0), p...)
}

func (e entrance) pack(p []byte) []byte {
	if e.frame == nil {
		return p
	}
	return e.frame(p)
}

// count is an Ingester that keeps nothing.
type count struct{ n, bytes atomic.Int64 }

func (c *count) Submit(_ context.Context, m ingest.Message, done func(error)) {
	c.n.Add(1)
	c.bytes.Add(int64(len(m.Payload)))
	done(nil)
}

// watchHeap returns the largest heap in use, in bytes, between now and the call
// of the returned function.
func watchHeap() (peak func() uint64) {
	stop, result := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-stop:
				result <- most
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-result
	}
}

func heapAfterGC() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// floodBytes is how much of each kind the flood sends, in bytes: 8 MB, or the
// number of MB in BUURTMETER_FLOOD_MB.
func floodBytes(t *testing.T) int {
	t.Helper()
	s := os.Getenv("BUURTMETER_FLOOD_MB")
	if s == "" {
		return 8 << 20
	}
	mb, err := strconv.Atoi(s)
	require.NoError(t, err, "BUURTMETER_FLOOD_MB is a whole number")
	return mb << 20
}

const (
	// keptBytes is how much more heap may be in use after the flood than before,
	// and peakBytes how much during it. Both hold for broker and attackers together.
	keptBytes, peakBytes = 4 << 20, 64 << 20
)

// TestAFloodLeavesTheBrokerHealthy streams random bytes, with and without a
// login before them, and messages of 100 MB to every door, while a good station
// publishes.
func TestAFloodLeavesTheBrokerHealthy(t *testing.T) {
	ing, flood := &count{}, floodBytes(t)
	b, p := startAllDoors(t, ing)
	good := dial(t, pahoOptions(b, "noord-2", "geheim-2", "good"))
	require.True(t, acked(good.Publish(topic.Readings("noord-2"), 1, false, "before"), 5*time.Second))
	login := encoded(t, (*packets.Packet).ConnectEncode, connectPacket("noord-1", "geheim-1", 30))
	before := heapAfterGC()
	peak := watchHeap()
	for i, e := range entrances(b, p) {
		t.Run("random bytes: "+e.name, func(t *testing.T) {
			src := rand.NewChaCha8([32]byte{byte(i)})
			chunk := make([]byte, 64<<10)
			for sent := 0; sent < flood; {
				conn := e.open(t)
				for range 8 {
					_, _ = src.Read(chunk)
					n, err := conn.Write(e.pack(chunk))
					sent += n
					if err != nil {
						break
					}
				}
				sent += 1 << 10 // a refusal costs something too
				_ = conn.Close()
			}
		})
		if strings.HasPrefix(e.name, "below") {
			continue // nobody can log in here
		}
		t.Run("random bytes after login: "+e.name, func(t *testing.T) {
			src := rand.NewChaCha8([32]byte{byte(i), 1})
			chunk := make([]byte, 64<<10)
			for sent := 0; sent < flood; {
				conn := e.open(t)
				_, err := conn.Write(masklessOr(e, login))
				require.NoError(t, err)
				_, _ = src.Read(chunk)
				n, _ := conn.Write(e.pack(chunk))
				sent += n + len(login)
				_ = conn.Close()
			}
		})
		t.Run("a message of 100 MB: "+e.name, func(t *testing.T) {
			conn := e.open(t)
			defer func() { _ = conn.Close() }()
			_, err := conn.Write(masklessOr(e, login))
			require.NoError(t, err)
			_, err = conn.Read(make([]byte, 64))
			require.NoError(t, err)
			name := topic.Readings("noord-1")
			head := binary.AppendUvarint([]byte{0x32}, 100<<20) // MQTT counts as a varint does
			head = append(binary.BigEndian.AppendUint16(head, uint16(len(name))), name...)
			_, err = conn.Write(masklessOr(e, append(head, 0, 1)))
			require.NoError(t, err)
			chunk := masklessOr(e, make([]byte, 1<<20))
			sent := 0
			for ; sent < 100 && err == nil; sent++ {
				_, err = conn.Write(chunk)
			}
			assert.Less(t, sent, 100, "the broker takes it all in")
		})
	}
	most := peak()
	assert.True(t, good.IsConnectionOpen())
	require.True(t, acked(good.Publish(topic.Readings("noord-2"), 1, false, "after"), 5*time.Second))
	require.Eventually(t, func() bool { return b.Stats().Connections == 1 }, 30*time.Second, 10*time.Millisecond, "connections are left behind")
	assert.Equal(t, int64(2), ing.n.Load(), "only the good station was heard")
	assert.Zero(t, b.Stats().Panics)
	after := heapAfterGC()
	t.Logf("heap in use: %d KiB before, %d KiB at most, %d KiB after", before>>10, most>>10, after>>10)
	assert.LessOrEqual(t, after, before+keptBytes)
	assert.LessOrEqual(t, most, before+peakBytes)
}

// masklessOr packs MQTT bytes for an entrance whose random bytes are not packed.
func masklessOr(e entrance, p []byte) []byte {
	if e.name == "frames of WebSocket" {
		return masked(p)
	}
	return e.pack(p)
}

// TestManyLargeMessagesAtOnceAreBounded has every session of two stations send
// messages of the largest size at the same time.
func TestManyLargeMessagesAtOnceAreBounded(t *testing.T) {
	ing := &count{}
	b := start(t, ing, func(o *broker.Options) { o.MessagesPerSecond, o.Burst = 1e6, 1e6 })
	before := heapAfterGC()
	peak := watchHeap()
	const messages = 5
	payload := bytes.Repeat([]byte("x"), 1<<20)
	var wg sync.WaitGroup
	for _, station := range []string{"1", "2"} {
		for kit := range 8 {
			c := dial(t, pahoOptions(b, "noord-"+station, "geheim-"+station, fmt.Sprint("kit-", kit)))
			wg.Go(func() {
				for range messages {
					assert.True(t, acked(c.Publish("buurtmeter/v1/noord-"+station+"/readings", 1, false, payload), 2*time.Minute))
				}
			})
		}
	}
	wg.Wait()
	most := peak()
	assert.Equal(t, int64(2*8*messages), ing.n.Load())
	assert.Equal(t, int64(2*8*messages)<<20, ing.bytes.Load())
	t.Logf("heap in use: %d KiB before, %d KiB at most", before>>10, most>>10)
	assert.LessOrEqual(t, most, before+4*peakBytes)
}
