package broker_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/mqtt/topic"
)

// Two machines of one network, as the broker sees them. All of 127/8 is this
// machine on Linux; elsewhere the second one may be missing.
const (
	house     = "127.0.0.1"
	otherside = "127.0.0.2"
)

func from(t testing.TB, host string) *net.Dialer {
	t.Helper()
	d := &net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil && os.Getenv("BUURTMETER_REQUIRE_MACHINE") == "1" {
		t.Fatalf("this machine has no second address: %v", err)
	}
	if err != nil {
		t.Skipf("this machine has no second address: %v", err)
	}
	_ = l.Close()
	return d
}

// dialFrom opens a connection from the host and returns it with what its end
// says: closed is true when the broker has hung up.
func dialFrom(t testing.TB, b *broker.Broker, host string) *wire {
	t.Helper()
	conn, err := from(t, host).Dial("tcp", b.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	return wireOver(t, conn)
}

// login logs in with MQTT 5 and tells whether the broker took it.
func (w *wire) login(station, token, client string) bool {
	w.t.Helper()
	pk := connectPacket(station, token, 30)
	pk.Connect.ClientIdentifier = client
	pk.ProtocolVersion = 5
	var buf bytes.Buffer
	require.NoError(w.t, pk.ConnectEncode(&buf))
	if _, err := w.conn.Write(buf.Bytes()); err != nil {
		return false
	}
	ack := make([]byte, 4)
	if _, err := io.ReadFull(w.r, ack); err != nil {
		return false
	}
	return ack[3] == 0
}

func TestConnectionsOfOneAddressAreBounded(t *testing.T) {
	log := &lockedBuffer{}
	b := start(t, &journal{}, func(o *broker.Options) {
		o.MaxPerAddress, o.Log = 3, slog.New(slog.NewTextHandler(log, nil))
	})
	var in []*wire
	for i := range 3 {
		in = append(in, dialFrom(t, b, house))
		require.True(t, in[i].login("noord-1", "geheim-1", fmt.Sprint("kit-", i)))
	}
	assert.False(t, dialFrom(t, b, house).login("noord-1", "geheim-1", "one-more"))
	assert.Equal(t, uint64(1), b.Stats().ConnectionsRefused)
	assert.Contains(t, log.String(), "turned away")
	assert.NotContains(t, log.String(), house, "who it was is nobody's business")
	assert.Equal(t, 3, b.Stats().LoggedIn)
	assert.True(t, dialFrom(t, b, otherside).login("noord-2", "geheim-2", "kit"), "another address has room of its own")
	require.NoError(t, in[0].conn.Close())
	require.Eventually(t, func() bool { return b.Stats().LoggedIn == 3 }, 30*time.Second, 5*time.Millisecond)
	require.Eventually(t, func() bool { return dialFrom(t, b, house).login("noord-1", "geheim-1", "again") }, 30*time.Second, 5*time.Millisecond)
}

func TestConnectionsThatWaitForTheirLoginAreBounded(t *testing.T) {
	const pending = 64
	b := start(t, &journal{}, func(o *broker.Options) { o.ConnectTimeout, o.MaxPerAddress = time.Hour, 400 })
	for i := range 5 {
		require.True(t, dialFrom(t, b, house).login("noord-1", "geheim-1", fmt.Sprint("kit-", i)), "a station that is in waits no more")
	}
	var silent []*wire
	for range pending * 4 {
		silent = append(silent, dialFrom(t, b, house))
	}
	require.Eventually(t, func() bool { return b.Stats().ConnectionsRefused > 0 }, 30*time.Second, 5*time.Millisecond)
	assert.True(t, silent[len(silent)-1].closed(), "the last one must be turned away")
	assert.True(t, dialFrom(t, b, otherside).login("noord-2", "geheim-2", "kit"), "another address must not suffer")
	for _, w := range silent {
		_ = w.conn.Close()
	}
	require.Eventually(t, func() bool { return dialFrom(t, b, house).login("noord-1", "geheim-1", "again") }, 30*time.Second, 10*time.Millisecond)
}

// TestSlowSendersGetNoMoreTimeThanOthers sends a right login byte by byte, at
// each door, and with each layer of it slow. Whoever gets to the end has more
// patience than the limit allows.
func TestSlowSendersGetNoMoreTimeThanOthers(t *testing.T) {
	b, p := startAllDoors(t, &journal{}, func(o *broker.Options) { o.ConnectTimeout = 200 * time.Millisecond })
	login := connectPacket("noord-1", "geheim-1", 30)
	login.Connect.ClientIdentifier = strings.Repeat("x", 4000)
	slow := encoded(t, (*packets.Packet).ConnectEncode, login)
	dialTCP := func(door int) net.Conn {
		conn, err := net.Dial("tcp", b.Addrs()[door])
		require.NoError(t, err)
		return conn
	}
	for name, conn := range map[string]func() (net.Conn, []byte){
		"login": func() (net.Conn, []byte) { return dialTCP(doorTCP), slow },
		"login inside TLS": func() (net.Conn, []byte) {
			conn, err := tls.Dial("tcp", b.Addrs()[doorTLS], p.client(t))
			require.NoError(t, err)
			return conn, slow
		},
		"TLS hello": func() (net.Conn, []byte) {
			return dialTCP(doorTLS), append([]byte{22, 3, 1, 15, 0, 1, 0, 14, 252, 3, 3}, make([]byte, 4000)...)
		},
		"WebSocket request": func() (net.Conn, []byte) {
			return dialTCP(doorWS), []byte("GET /mqtt HTTP/1.1\r\nX-Slow: " + strings.Repeat("x", 4000))
		},
		"WebSocket frames": func() (net.Conn, []byte) {
			ws := dialSocket(t, b).NetConn()
			return ws, append([]byte{0x82, 0xfe, 0x0f, 0xff, 0, 0, 0, 0}, slow...)
		},
		"WebSocket pings": func() (net.Conn, []byte) {
			return dialSocket(t, b).NetConn(), bytes.Repeat([]byte{0x89, 0x80, 0, 0, 0, 0}, 700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, bytewise := conn()
			defer func() { _ = c.Close() }()
			for i := range bytewise {
				if _, err := c.Write(bytewise[i : i+1]); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Error("the broker had the patience for all of it")
		})
	}
	t.Cleanup(func() {
		assert.Zero(t, b.Stats().Logins)
		assert.Positive(t, b.Stats().Strangers)
	})
}

func TestAStationOverItsRateIsSlowedAndLosesNothing(t *testing.T) {
	const each = 15
	j := &journal{}
	b := start(t, j, func(o *broker.Options) { o.MessagesPerSecond, o.Burst = 20, 5 })
	var wg sync.WaitGroup
	for _, kit := range []string{"a", "b"} { // the rate is the station's, not the connection's
		c := dial(t, pahoOptions(b, "noord-1", "geheim-1", kit))
		wg.Go(func() {
			var toks []paho.Token
			for i := range each {
				toks = append(toks, c.Publish(topic.Readings("noord-1"), 1, false, fmt.Sprint(kit, i)))
			}
			for _, tok := range toks {
				assert.True(t, acked(tok, 60*time.Second))
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, p := range j.payloads() {
		assert.False(t, seen[p], "stored twice")
		seen[p] = true
	}
	assert.Len(t, seen, 2*each)
	s := b.Stats()
	assert.Positive(t, s.Held)
	assert.Equal(t, s.Received, s.Committed)
	assert.Zero(t, s.Failed)
}

func TestAMessageOverTheLimitIsCounted(t *testing.T) {
	j := &journal{}
	b, p := startAllDoors(t, j, func(o *broker.Options) { o.MaxPayload = 1000 })
	for i, url := range urls(b) {
		o := pahoOptions(b, "noord-1", "geheim-1", fmt.Sprint("kit", i)).SetTLSConfig(p.client(t))
		o.Servers = nil
		c := dial(t, o.AddBroker(url))
		require.True(t, acked(c.Publish(topic.Readings("noord-1"), 1, false, make([]byte, 1000)), 5*time.Second))
		tok := c.Publish(topic.Readings("noord-1"), 1, false, make([]byte, 100_000))
		require.Eventually(t, func() bool { return !c.IsConnectionOpen() }, 30*time.Second, 5*time.Millisecond)
		assert.False(t, acked(tok, 50*time.Millisecond))
	}
	assert.Len(t, j.payloads(), 4)
	require.Eventually(t, func() bool { return b.Stats().TooLarge == 4 }, 30*time.Second, 5*time.Millisecond)
}

// TestWrongLoginsDoNotKeepRightOnesOut sends wrong logins from one address, and
// right ones from there and from elsewhere.
func TestWrongLoginsDoNotKeepRightOnesOut(t *testing.T) {
	const wrong, attackers = 2000, 200
	b := start(t, &journal{})
	var left atomic.Int64
	left.Store(wrong)
	var wg sync.WaitGroup
	for range attackers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				w := dialFrom(t, b, otherside)
				assert.False(t, w.login("noord-1", "geheim-2", "attack"))
				_ = w.conn.Close()
			}
		})
	}
	right := uint64(0)
	for left.Load() > 0 || right == 0 {
		for _, host := range []string{house, house, house, house, otherside} {
			w := dialFrom(t, b, host)
			assert.True(t, w.login("noord-2", "geheim-2", fmt.Sprint("kit-", right%4)), host)
			_ = w.conn.Close()
			right++
		}
	}
	wg.Wait()
	s := b.Stats()
	assert.Equal(t, right, s.Logins)
	assert.Equal(t, uint64(wrong), s.LoginsRefused)
	assert.Positive(t, s.LoginsDropped, "not every wrong login deserves an answer")
	assert.Zero(t, s.ConnectionsRefused)
}
