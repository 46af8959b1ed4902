package broker_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/gorilla/websocket"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/mqtt/topic"
)

// pair is a certificate of its own in two files.
type pair struct{ cert, key string }

func (p pair) write(t testing.TB, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"broker.example"}, IsCA: true, BasicConstraintsValid: true,
	}, &x509.Certificate{SerialNumber: big.NewInt(serial)}, &key.PublicKey, key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(p.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(p.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
}

func newPair(t testing.TB) pair {
	t.Helper()
	dir := t.TempDir()
	p := pair{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	p.write(t, 1)
	return p
}

// client is a configuration that trusts what the certificate file holds now.
func (p pair) client(t testing.TB) *tls.Config {
	t.Helper()
	b, err := os.ReadFile(p.cert)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(b))
	return &tls.Config{RootCAs: roots, ServerName: "broker.example"}
}

const siteOrigin = "https://kaart.example"

// The doors of startAllDoors, as indexes of Addrs.
const (
	doorTCP = iota
	doorTLS
	doorWS
	doorWSS
)

// startAllDoors starts a broker with every kind of listener.
func startAllDoors(t testing.TB, ing broker.Ingester, change ...func(*broker.Options)) (*broker.Broker, pair) {
	t.Helper()
	p := newPair(t)
	conf, err := broker.ServerTLS(p.cert, p.key, nil)
	require.NoError(t, err)
	doors := func(o *broker.Options) {
		o.Listeners = []broker.Listener{
			{Listen: "127.0.0.1:0", TLS: conf},
			{Listen: "127.0.0.1:0", WebSocket: true, Origins: []string{siteOrigin}},
			{Listen: "127.0.0.1:0", WebSocket: true, TLS: conf},
		}
	}
	return start(t, ing, append([]func(*broker.Options){doors}, change...)...), p
}

// urls are the addresses of all doors as a client writes them.
func urls(b *broker.Broker) []string {
	a := b.Addrs()
	return []string{"tcp://" + a[doorTCP], "ssl://" + a[doorTLS], "ws://" + a[doorWS] + "/mqtt", "wss://" + a[doorWSS] + "/mqtt"}
}

func TestEveryDoorTakesReadingsAndKeepsTheRules(t *testing.T) {
	j := &journal{}
	b, p := startAllDoors(t, j)
	require.Len(t, b.Addrs(), 4)
	var want []string
	for _, url := range urls(b) {
		t.Run(url[:3], func(t *testing.T) {
			options := func(token string) *paho.ClientOptions {
				o := pahoOptions(b, "noord-1", token, "kit-"+url[:3]).SetTLSConfig(p.client(t))
				o.Servers = nil
				return o.AddBroker(url)
			}
			c := dial(t, options("geheim-1"))
			big := strings.Repeat("x", 200_000)
			for _, payload := range []string{url, big} {
				require.True(t, acked(c.Publish(topic.Readings("noord-1"), 1, false, payload), 10*time.Second))
				want = append(want, payload)
			}
			refused := c.Publish(topic.Readings("noord-2"), 1, false, "x")
			require.Eventually(t, func() bool { return !c.IsConnectionOpen() }, 30*time.Second, 5*time.Millisecond)
			assert.False(t, acked(refused, 50*time.Millisecond))

			tok := paho.NewClient(options("geheim-2")).Connect()
			require.True(t, tok.WaitTimeout(5*time.Second))
			assert.ErrorContains(t, tok.Error(), "not Authorized")
		})
	}
	assert.Equal(t, want, j.payloads())
	assert.Equal(t, uint64(4), b.Stats().LoginsRefused)
	require.NoError(t, b.Close())
	for _, addr := range b.Addrs() {
		_, err := net.DialTimeout("tcp", addr, time.Second)
		assert.Error(t, err, "a door is still open")
	}
}

func TestADoorThatCannotOpenClosesTheOthers(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, free.Close())
	_, err = broker.Start(context.Background(), broker.Options{
		Listen: free.Addr().String(), Auth: tokens{}, Ingest: &journal{},
		Listeners: []broker.Listener{{Listen: taken.Addr().String()}},
	})
	require.ErrorContains(t, err, taken.Addr().String())
	again, err := net.Listen("tcp", free.Addr().String())
	require.NoError(t, err)
	require.NoError(t, again.Close())
	_, err = broker.Start(context.Background(), broker.Options{Auth: tokens{}, Ingest: &journal{}})
	require.Error(t, err, "a broker without an address")
}

func TestTLSIsNewAndNotOptional(t *testing.T) {
	j := &journal{}
	b, p := startAllDoors(t, j)
	old := p.client(t)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	conn, err := tls.Dial("tcp", b.Addrs()[doorTLS], old)
	if err == nil {
		_ = conn.Close()
	}
	require.ErrorContains(t, err, "protocol version")

	o := pahoOptions(b, "noord-1", "geheim-1", "plain")
	o.Servers = nil
	tok := paho.NewClient(o.AddBroker("tcp://" + b.Addrs()[doorTLS])).Connect()
	require.True(t, tok.WaitTimeout(15*time.Second))
	assert.Error(t, tok.Error(), "MQTT without TLS at the TLS door")
	assert.Zero(t, b.Stats().Logins)
}

func TestARenewedCertificateNeedsNoRestart(t *testing.T) {
	b, p := startAllDoors(t, &journal{})
	serial := func() int64 {
		conn, err := tls.Dial("tcp", b.Addrs()[doorTLS], &tls.Config{InsecureSkipVerify: true})
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	require.Equal(t, int64(1), serial())
	stays := p.client(t)
	o := pahoOptions(b, "noord-1", "geheim-1", "kit").SetTLSConfig(stays)
	o.Servers = nil
	c := dial(t, o.AddBroker(urls(b)[doorTLS]))

	p.write(t, 2)
	require.Equal(t, int64(2), serial())
	require.NoError(t, os.WriteFile(p.key, []byte("half a key"), 0o600))
	require.Equal(t, int64(2), serial(), "a pair that does not fit must not be used")
	require.NoError(t, os.Remove(p.cert))
	require.Equal(t, int64(2), serial())
	p.write(t, 3)
	require.Equal(t, int64(3), serial())
	assert.True(t, acked(c.Publish(topic.Readings("noord-1"), 1, false, "x"), 5*time.Second), "an open connection goes on")
}

func TestServerTLSSaysWhatIsMissing(t *testing.T) {
	p := newPair(t)
	for _, files := range [][2]string{{"", p.key}, {p.cert, ""}, {p.cert, p.cert}, {p.cert + ".not", p.key}} {
		_, err := broker.ServerTLS(files[0], files[1], nil)
		assert.Error(t, err, files)
	}
}

// upgrade asks for a WebSocket and returns the answer.
func upgrade(t *testing.T, addr, path string, change func(http.Header)) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	req, err := http.NewRequest(http.MethodGet, "http://"+addr+path, nil)
	require.NoError(t, err)
	req.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"MDEyMzQ1Njc4OWFiY2RlZg=="}, "Sec-Websocket-Protocol": {"mqtt"},
	}
	if change != nil {
		change(req.Header)
	}
	require.NoError(t, req.Write(conn))
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, ""
	}
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "a refused connection is closed")
	return resp, string(body)
}

func TestWebSocketHandshake(t *testing.T) {
	b, _ := startAllDoors(t, &journal{})
	addr := b.Addrs()[doorWS]
	set := func(name, value string) func(http.Header) {
		return func(h http.Header) { h.Set(name, value) }
	}
	for name, c := range map[string]struct {
		path   string
		change func(http.Header)
		status int
		says   string
	}{
		"no browser":            {"/mqtt", nil, 101, ""},
		"page of the same host": {"/mqtt", set("Origin", "http://127.0.0.1"), 101, ""},
		"same host, other port": {"/mqtt", set("Origin", "http://127.0.0.1:8080"), 101, ""},
		"a named site":          {"/mqtt", set("Origin", siteOrigin), 101, ""},
		"several protocols":     {"/mqtt", set("Sec-WebSocket-Protocol", "mqttv3.1, mqtt"), 101, ""},
		"foreign page":          {"/mqtt", set("Origin", "https://evil.example"), 403, "origin"},
		"other scheme":          {"/mqtt", set("Origin", "http://kaart.example"), 403, "origin"},
		"site as a prefix":      {"/mqtt", set("Origin", siteOrigin+".evil.example"), 403, "origin"},
		"page without origin":   {"/mqtt", set("Origin", "null"), 403, "origin"},
		"two origins":           {"/mqtt", func(h http.Header) { h["Origin"] = []string{siteOrigin, "https://evil.example"} }, 403, "origin"},
		"wrong path":            {"/", nil, 404, "/mqtt"},
		"path below":            {"/mqtt/x", nil, 404, "/mqtt"},
		"no protocol":           {"/mqtt", func(h http.Header) { h.Del("Sec-WebSocket-Protocol") }, 400, "mqtt"},
		"other protocol":        {"/mqtt", set("Sec-WebSocket-Protocol", "wamp"), 400, "mqtt"},
		"old version":           {"/mqtt", set("Sec-WebSocket-Version", "8"), 400, "version"},
		"not an upgrade":        {"/mqtt", func(h http.Header) { h.Del("Upgrade") }, 400, "Upgrade"},
		"no key":                {"/mqtt", func(h http.Header) { h.Del("Sec-WebSocket-Key") }, 400, "Key"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := upgrade(t, addr, c.path, c.change)
			assert.Equal(t, c.status, resp.StatusCode, body)
			if c.status == 101 {
				assert.Equal(t, "mqtt", resp.Header.Get("Sec-WebSocket-Protocol"))
				assert.Empty(t, resp.Header.Get("Sec-WebSocket-Extensions"))
				return
			}
			assert.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
			assert.Contains(t, body, fmt.Sprintf(`"status":%d`, c.status))
			assert.Contains(t, body, c.says)
		})
	}
}

// dialSocket opens a WebSocket that knows nothing of MQTT.
func dialSocket(t testing.TB, b *broker.Broker) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"mqtt"}, HandshakeTimeout: 5 * time.Second, WriteBufferSize: 16} // so that messages go in many frames
	ws, resp, err := d.Dial("ws://"+b.Addrs()[doorWS]+"/mqtt", nil)
	require.NoError(t, err)
	_ = resp.Body.Close()
	t.Cleanup(func() { _ = ws.Close() })
	require.NoError(t, ws.SetReadDeadline(time.Now().Add(10*time.Second)))
	return ws
}

func encoded(t testing.TB, encode func(*packets.Packet, *bytes.Buffer) error, pk packets.Packet) []byte {
	t.Helper()
	pk.ProtocolVersion = 4
	var buf bytes.Buffer
	require.NoError(t, encode(&pk, &buf))
	return buf.Bytes()
}

func TestPacketsAndWebSocketMessagesNeedNotFit(t *testing.T) {
	j := &journal{}
	b, _ := startAllDoors(t, j)
	ws := dialSocket(t, b)
	login := encoded(t, (*packets.Packet).ConnectEncode, connectPacket("noord-1", "geheim-1", 30))
	publish := encoded(t, (*packets.Packet).PublishEncode, publishPacket(topic.Readings("noord-1"), 1, "in pieces"))
	ping := encoded(t, (*packets.Packet).PingreqEncode, packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingreq}})

	ponged := make(chan string, 1)
	ws.SetPongHandler(func(s string) error { ponged <- s; return nil })
	for i := range login { // one byte for each message, empty ones and pings in between
		require.NoError(t, ws.WriteMessage(websocket.BinaryMessage, login[i:i+1]))
		require.NoError(t, ws.WriteMessage(websocket.BinaryMessage, nil))
	}
	require.NoError(t, ws.WriteControl(websocket.PingMessage, []byte("there?"), time.Now().Add(time.Second)))
	kind, ack, err := ws.ReadMessage()
	require.NoError(t, err)
	assert.Equal(t, websocket.BinaryMessage, kind)
	assert.Equal(t, []byte{0x20, 2, 0, 0}, ack)

	// One message in several frames, holding two publications and a ping.
	w, err := ws.NextWriter(websocket.BinaryMessage)
	require.NoError(t, err)
	all := append(append(bytes.Clone(publish), publish...), ping...)
	_, err = w.Write(all[:10])
	require.NoError(t, err)
	_, err = w.Write(bytes.Clone(all[10:]))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	var got []byte
	for len(got) < 10 {
		_, part, err := ws.ReadMessage()
		require.NoError(t, err)
		got = append(got, part...)
	}
	assert.Equal(t, []byte{0x40, 2, 0, 7, 0x40, 2, 0, 7, 0xd0, 0}, got)
	assert.Equal(t, []string{"in pieces", "in pieces"}, j.payloads())
	assert.Equal(t, "there?", <-ponged)

	require.NoError(t, ws.WriteMessage(websocket.TextMessage, ping))
	_, _, err = ws.ReadMessage()
	assert.Error(t, err, "text is not MQTT")
	require.Eventually(t, func() bool { return b.Stats().Connections == 0 }, 30*time.Second, 5*time.Millisecond)
}

func TestFramesWithoutMaskEndTheConnection(t *testing.T) {
	b, _ := startAllDoors(t, &journal{})
	for name, frame := range map[string][]byte{
		"no mask":             {0x82, 0x02, 0x10, 0x00},
		"reserved bit":        {0xc2, 0x81, 0, 0, 0, 0, 0x10},
		"long ping":           {0x89, 0xfe, 0x00, 0x7e, 0, 0, 0, 0},
		"continues nothing":   {0x80, 0x81, 0, 0, 0, 0, 0x10},
		"unknown kind":        {0x83, 0x81, 0, 0, 0, 0, 0x10},
		"length beyond count": {0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x10},
		"a close":             {0x88, 0x80, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			raw := dialSocket(t, b).NetConn()
			require.NoError(t, raw.SetDeadline(time.Now().Add(8*time.Second)))
			_, err := raw.Write(frame)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, raw) // a close frame may come first
			if err != nil {
				assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection stays open")
			}
		})
	}
}
