package broker_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/mqtt/topic"
)

// wire speaks MQTT 5 packet by packet, which paho cannot.
type wire struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func open(t testing.TB, b *broker.Broker) *wire {
	t.Helper()
	conn, err := net.DialTimeout("tcp", b.Addr(), 5*time.Second)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	return wireOver(t, conn)
}

func wireOver(t testing.TB, conn net.Conn) *wire { return &wire{t, conn, bufio.NewReader(conn)} }

func (w *wire) send(encode func(*packets.Packet, *bytes.Buffer) error, pk packets.Packet) {
	w.t.Helper()
	pk.ProtocolVersion = 5
	var buf bytes.Buffer
	require.NoError(w.t, encode(&pk, &buf))
	_, err := w.conn.Write(buf.Bytes())
	require.NoError(w.t, err)
}

func (w *wire) receive() packets.Packet {
	w.t.Helper()
	pk := packets.Packet{ProtocolVersion: 5}
	b, err := w.r.ReadByte()
	require.NoError(w.t, err)
	require.NoError(w.t, pk.FixedHeader.Decode(b))
	pk.FixedHeader.Remaining, _, err = packets.DecodeLength(w.r)
	require.NoError(w.t, err)
	body := make([]byte, pk.FixedHeader.Remaining)
	_, err = io.ReadFull(w.r, body)
	require.NoError(w.t, err)
	switch pk.FixedHeader.Type {
	case packets.Connack:
		err = pk.ConnackDecode(body)
	case packets.Puback:
		err = pk.PubackDecode(body)
	case packets.Disconnect:
		err = pk.DisconnectDecode(body)
	default:
		w.t.Fatalf("unexpected packet type %d", pk.FixedHeader.Type)
	}
	require.NoError(w.t, err)
	return pk
}

func (w *wire) closed() bool {
	_, err := w.r.ReadByte()
	return err != nil
}

func connectPacket(user, password string, keepalive uint16) packets.Packet {
	return packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Connect},
		Connect: packets.ConnectParams{
			ProtocolName: []byte("MQTT"), Clean: true, Keepalive: keepalive, ClientIdentifier: "kit",
			UsernameFlag: true, Username: []byte(user), PasswordFlag: true, Password: []byte(password),
		},
	}
}

func publishPacket(name string, qos byte, payload string) packets.Packet {
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: qos}, TopicName: name, Payload: []byte(payload)}
	if qos > 0 {
		pk.PacketID = 7
	}
	return pk
}

func login5(t testing.TB, b *broker.Broker, keepalive uint16) (*wire, packets.Packet) {
	t.Helper()
	w := open(t, b)
	w.send((*packets.Packet).ConnectEncode, connectPacket("noord-1", "geheim-1", keepalive))
	ack := w.receive()
	require.Equal(t, packets.Connack, ack.FixedHeader.Type)
	require.Zero(t, ack.ReasonCode)
	return w, ack
}

func TestMQTT5LoginAndLimits(t *testing.T) {
	b := start(t, &journal{}, func(o *broker.Options) { o.MaxPayload, o.MaxKeepalive = 1000, time.Minute })
	w := open(t, b)
	w.send((*packets.Packet).ConnectEncode, connectPacket("noord-1", "wrong", 30))
	assert.Equal(t, packets.ErrBadUsernameOrPassword.Code, w.receive().ReasonCode)
	assert.True(t, w.closed())

	for _, asked := range []uint16{0, 61, 65535} {
		_, ack := login5(t, b, asked)
		assert.True(t, ack.Properties.ServerKeepAliveFlag)
		assert.Equal(t, uint16(60), ack.Properties.ServerKeepAlive)
		assert.Equal(t, uint32(1000+4096), ack.Properties.MaximumPacketSize)
		assert.Equal(t, byte(1), ack.Properties.MaximumQos)
		assert.True(t, ack.Properties.MaximumQosFlag)
	}
	_, ack := login5(t, b, 20)
	assert.False(t, ack.Properties.ServerKeepAliveFlag)
}

func TestMQTT5ReasonCodes(t *testing.T) {
	j := &journal{}
	b := start(t, j)
	w, _ := login5(t, b, 30)
	w.send((*packets.Packet).PublishEncode, publishPacket(topic.Readings("noord-2"), 1, "x"))
	gone := w.receive()
	assert.Equal(t, packets.Disconnect, gone.FixedHeader.Type, "an acknowledgement, even one with an error code, would make the device drop the message")
	assert.Equal(t, packets.ErrNotAuthorized.Code, gone.ReasonCode)
	assert.True(t, w.closed())
	assert.Empty(t, j.payloads())

	w, _ = login5(t, b, 30)
	w.send((*packets.Packet).PublishEncode, publishPacket(topic.Readings("noord-2"), 0, "x"))
	w.send((*packets.Packet).PublishEncode, publishPacket(topic.Readings("noord-1"), 1, "x"))
	ack := w.receive()
	assert.Equal(t, packets.Puback, ack.FixedHeader.Type)
	assert.Zero(t, ack.ReasonCode)
	assert.Equal(t, uint16(7), ack.PacketID)
	assert.Equal(t, []string{"x"}, j.payloads())

	w.send((*packets.Packet).PublishEncode, publishPacket(topic.Readings("noord-1"), 2, "x"))
	gone = w.receive()
	assert.Equal(t, packets.Disconnect, gone.FixedHeader.Type)
	assert.Equal(t, packets.ErrQosNotSupported.Code, gone.ReasonCode)
	assert.True(t, w.closed())
	assert.Len(t, j.payloads(), 1)
}

func TestMQTT5WhatCannotBeStoredEndsTheConnectionWithoutAck(t *testing.T) {
	j := &journal{before: func(context.Context, ingest.Message) error { return io.ErrShortWrite }}
	b := start(t, j)
	w, _ := login5(t, b, 30)
	w.send((*packets.Packet).PublishEncode, publishPacket(topic.Readings("noord-1"), 1, "x"))
	gone := w.receive()
	assert.Equal(t, packets.Disconnect, gone.FixedHeader.Type, "an acknowledgement, even one with an error code, would make the device drop the message")
	assert.Equal(t, packets.ErrServerUnavailable.Code, gone.ReasonCode)
	assert.True(t, w.closed())
}

func TestMQTT5TopicAliasCannotPassTheRights(t *testing.T) {
	j := &journal{}
	b := start(t, j)
	w, _ := login5(t, b, 30)
	pk := publishPacket(topic.Readings("noord-2"), 1, "x")
	pk.Properties.TopicAlias, pk.Properties.TopicAliasFlag = 1, true
	w.send((*packets.Packet).PublishEncode, pk)
	gone := w.receive()
	assert.Equal(t, packets.Disconnect, gone.FixedHeader.Type)
	assert.Equal(t, packets.ErrTopicAliasInvalid.Code, gone.ReasonCode)
	assert.Empty(t, j.payloads())
}

func TestATopicThatIsNotUTF8EndsTheConnection(t *testing.T) {
	j := &journal{}
	b := start(t, j)
	w, _ := login5(t, b, 30)
	w.send((*packets.Packet).PublishEncode, publishPacket("buurtmeter/v1/\xff\xfe/readings", 1, "x"))
	assert.True(t, w.closed())
	assert.Empty(t, j.payloads())
	login5(t, b, 30)
}

func TestBeforeLoginNothingBigAndNothingSlow(t *testing.T) {
	quick := start(t, &journal{}, func(o *broker.Options) { o.ConnectTimeout = 300 * time.Millisecond })
	patient := start(t, &journal{}, func(o *broker.Options) { o.ConnectTimeout = time.Hour })
	for name, c := range map[string]struct {
		first  []byte
		atOnce bool
	}{
		"silence":             {nil, false},
		"half a header":       {[]byte{0x10}, false},
		"header only":         {[]byte{0x10, 0x20}, false},
		"a login of 900 kB":   {[]byte{0x10, 0xa0, 0xf7, 0x36}, true},
		"a login of 256 MB":   {[]byte{0x10, 0xff, 0xff, 0xff, 0x7f}, true},
		"length without end":  {[]byte{0x10, 0xff, 0xff, 0xff, 0xff, 0xff}, true},
		"publish before that": {[]byte{0x30, 0x02, 0x00, 0x00}, true},
		"http":                {[]byte("GET / HTTP/1.1\r\n\r\n"), true},
		"tls hello":           {[]byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01}, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := quick
			if c.atOnce { // long before the time for a login is over
				b = patient
			}
			w := open(t, b)
			_, err := w.conn.Write(c.first)
			require.NoError(t, err)
			assert.True(t, w.closed())
		})
	}
	require.Eventually(t, func() bool { return quick.Stats().Connections+patient.Stats().Connections == 0 }, 30*time.Second, 5*time.Millisecond)
}

// TestHostileBytesLeaveTheBrokerHealthy sends broken variations of real packets
// from many connections, before and after login, while a good station publishes.
func TestHostileBytesLeaveTheBrokerHealthy(t *testing.T) {
	j := &journal{}
	b := start(t, j, func(o *broker.Options) { o.ConnectTimeout, o.MaxPayload = 200*time.Millisecond, 2000 })
	rng := rand.New(rand.NewPCG(1, 2))
	good := dial(t, pahoOptions(b, "noord-2", "geheim-2", "good"))
	seeds := hostileSeeds(t)
	for range 600 {
		w := open(t, b)
		if rng.IntN(2) == 0 {
			login := connectPacket("noord-1", "geheim-1", 30)
			login.Connect.ClientIdentifier = string(rune('a' + rng.IntN(5)))
			w.send((*packets.Packet).ConnectEncode, login)
		}
		for range 1 + rng.IntN(4) {
			raw := bytes.Clone(seeds[rng.IntN(len(seeds))])
			for range rng.IntN(6) {
				raw[rng.IntN(len(raw))] = byte(rng.Uint32())
			}
			if rng.IntN(4) == 0 {
				raw = raw[:rng.IntN(len(raw))+1]
			}
			if _, err := w.conn.Write(raw); err != nil {
				break
			}
		}
		_ = w.conn.Close()
	}
	require.True(t, acked(good.Publish(topic.Readings("noord-2"), 1, false, "still here"), 5*time.Second))
	require.True(t, good.IsConnectionOpen())
	assert.Contains(t, j.payloads(), "still here")
	j.mu.Lock()
	for _, m := range j.kept {
		assert.Contains(t, []string{"noord-1", "noord-2"}, string(m.Station))
	}
	j.mu.Unlock()
	require.Eventually(t, func() bool { return b.Stats().Connections == 1 }, 10*time.Second, 10*time.Millisecond, "connections are left behind")
}

func hostileSeeds(t testing.TB) [][]byte {
	t.Helper()
	var seeds [][]byte
	add := func(encode func(*packets.Packet, *bytes.Buffer) error, pk packets.Packet) {
		for _, v := range []byte{4, 5} {
			pk.ProtocolVersion = v
			var buf bytes.Buffer
			require.NoError(t, encode(&pk, &buf))
			seeds = append(seeds, buf.Bytes())
		}
	}
	head := func(kind, qos byte) packets.FixedHeader { return packets.FixedHeader{Type: kind, Qos: qos} }
	login := connectPacket("noord-1", "geheim-1", 30)
	login.Connect.WillFlag, login.Connect.WillTopic, login.Connect.WillPayload = true, "x", []byte("y")
	add((*packets.Packet).ConnectEncode, login)
	for qos := range byte(3) {
		pk := publishPacket(topic.Readings("noord-1"), qos, "x")
		pk.Properties.User = []packets.UserProperty{{Key: "a", Val: "b"}}
		pk.Properties.MessageExpiryInterval = 5
		add((*packets.Packet).PublishEncode, pk)
	}
	add((*packets.Packet).SubscribeEncode, packets.Packet{
		FixedHeader: head(packets.Subscribe, 1), PacketID: 3,
		Filters: packets.Subscriptions{{Filter: "buurtmeter/v1/noord-1/#", Qos: 1}, {Filter: "$share/g/#"}},
	})
	add((*packets.Packet).UnsubscribeEncode, packets.Packet{
		FixedHeader: head(packets.Unsubscribe, 1), PacketID: 3, Filters: packets.Subscriptions{{Filter: "#"}},
	})
	add((*packets.Packet).PubackEncode, packets.Packet{FixedHeader: head(packets.Puback, 0), PacketID: 3})
	add((*packets.Packet).PubrecEncode, packets.Packet{FixedHeader: head(packets.Pubrec, 0), PacketID: 3})
	add((*packets.Packet).PubrelEncode, packets.Packet{FixedHeader: head(packets.Pubrel, 1), PacketID: 3})
	add((*packets.Packet).PubcompEncode, packets.Packet{FixedHeader: head(packets.Pubcomp, 0), PacketID: 3})
	add((*packets.Packet).PingreqEncode, packets.Packet{FixedHeader: head(packets.Pingreq, 0)})
	add((*packets.Packet).DisconnectEncode, packets.Packet{FixedHeader: head(packets.Disconnect, 0), ReasonCode: 4})
	add((*packets.Packet).AuthEncode, packets.Packet{FixedHeader: head(packets.Auth, 0), ReasonCode: 0x18})
	return seeds
}
