package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"sync/atomic"
	"time"

	server "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
)

const (
	listenerID = "stations"
	// packetOverhead is what a publication may hold beside its payload: topic,
	// packet id and the properties of MQTT 5.
	packetOverhead = 4 << 10
	// window is how many messages of one connection are stored at the same time,
	// and how many unacknowledged ones a client of MQTT 5 may have.
	window = 64
	// readBuffer is the read buffer of one connection, in bytes; largeBuffer takes
	// its place while the device sends more at a time.
	readBuffer, largeBuffer = 512, 4 << 10
	// writesPending is the queue of messages for one client, which is reserved for
	// each. Nothing is passed on to clients, so that it stays empty.
	writesPending = 1
	// maxSubscriptions bounds the subscriptions of one connection.
	maxSubscriptions = 8
	// complainEvery bounds how often the log repeats that storing fails.
	complainEvery = 10 * time.Second
)

// serveMochi runs the protocol library behind the gate. The library's own log is
// switched off because it writes whole packets, passwords and payloads included.
func serveMochi(ctx context.Context, g *gate, o Options, n *counters) (func() error, error) {
	caps := server.NewDefaultServerCapabilities()
	caps.MaximumClients = int64(o.MaxConnections)
	caps.MaximumClientWritesPending = writesPending
	caps.MaximumSessionExpiryInterval = uint32(min(o.SessionExpiry/time.Second, math.MaxUint32))
	caps.MaximumPacketSize = uint32(min(o.MaxPayload+packetOverhead, math.MaxInt32))
	caps.ReceiveMaximum = window
	caps.MaximumInflight = window
	caps.TopicAliasMaximum = 0 // the library checks rights before it resolves an alias
	caps.SharedSubAvailable = 0
	caps.RetainAvailable = 0
	caps.MaximumQos = 1
	caps.Compatibilities.NoInheritedPropertiesOnAck = true

	s := server.New(&server.Options{
		Capabilities:           caps,
		Logger:                 slog.New(slog.DiscardHandler),
		SysTopicResendInterval: int64((24 * time.Hour).Seconds()),
		// The smallest that there is: the connection has a buffer of its own, from
		// which the library reads straight into place.
		ClientNetReadBufferSize: 16,
	})
	h := &hook{
		server: s, gate: g, options: o, counters: n,
		pace: newPace(o.MessagesPerSecond, o.Burst), sessions: newSessions(o.MaxSessions),
	}
	if err := s.AddHook(h, nil); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	l := &listener{
		gate:     g,
		farewell: h.farewell,
		run: func(c *conn, establish listeners.EstablishFn) {
			c.bind(ctx)
			h.run(c, establish)
		},
	}
	if err := s.AddListener(l); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	if err := s.Serve(); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	checking := make(chan struct{})
	go func() {
		defer close(checking)
		h.recheck(ctx, o.Recheck)
	}()
	return func() error {
		err := s.Close()
		<-checking
		return err
	}, nil
}

// listener is the gate in the library's terms.
type listener struct {
	gate     *gate
	farewell func()
	run      func(*conn, listeners.EstablishFn)
}

func (l *listener) Init(*slog.Logger) error { return nil }
func (l *listener) ID() string              { return listenerID }
func (l *listener) Address() string         { return l.gate.doors[0].Addr().String() }
func (l *listener) Protocol() string        { return "tcp" }
func (l *listener) Serve(establish listeners.EstablishFn) {
	l.gate.serve(func(c *conn) { l.run(c, establish) })
}

// Close does without the library's own way to close clients, which waits for
// ever when a client comes or goes at that moment: it takes a read lock twice.
func (l *listener) Close(listeners.CloseFn) { l.gate.close(l.farewell) }

// hook holds the rules of the network: who may log in, publish and subscribe,
// and that storing comes before acknowledging.
type hook struct {
	server.HookBase
	server     *server.Server
	gate       *gate
	pace       *pace
	options    Options
	counters   *counters
	sessions   *sessions
	complained atomic.Int64
}

// run serves one connection.
func (h *hook) run(c *conn, establish listeners.EstablishFn) {
	defer func() {
		if c.left != nil {
			c.left()
		}
	}()
	_ = establish(listenerID, c)
}

// farewell tells the clients of MQTT 5 that the broker closes, and ends all
// connections.
func (h *hook) farewell() {
	for _, cl := range h.server.Clients.GetAll() {
		if !cl.Closed() {
			_ = h.server.DisconnectClient(cl, packets.ErrServerShuttingDown)
		}
	}
}

// ID names the hook to the library.
func (h *hook) ID() string { return "buurtmeter" }

// Provides lists the methods that the library must call.
func (h *hook) Provides(b byte) bool {
	return bytes.IndexByte([]byte{
		server.OnConnect, server.OnConnectAuthenticate, server.OnACLCheck, server.OnPacketRead,
		server.OnPacketEncode, server.OnPublish, server.OnDisconnect, server.OnClientExpired,
	}, b) >= 0
}

// OnPacketRead takes wills off (retaining is switched off as a whole), and ends
// the connection of a client that publishes in a way that could never be
// acknowledged correctly.
func (h *hook) OnPacketRead(cl *server.Client, pk packets.Packet) (packets.Packet, error) {
	switch pk.FixedHeader.Type {
	case packets.Connect:
		pk.Connect.WillFlag = false
		pk.Connect.WillQos, pk.Connect.WillRetain = 0, false
		pk.Connect.WillTopic, pk.Connect.WillPayload = "", nil
		pk.Connect.WillProperties = packets.Properties{}
	case packets.Publish:
		if c, ok := cl.Net.Conn.(*conn); ok {
			c.qos = pk.FixedHeader.Qos
		}
		if pk.FixedHeader.Qos > topic.QoS {
			return pk, h.refusePublish(cl, packets.ErrQosNotSupported, "set the device to QoS 1")
		}
		if !server.IsValidFilter(pk.TopicName, true) {
			return pk, h.refusePublish(cl, packets.ErrTopicNameInvalid, "publish on "+topic.Readings(stationOf(cl)))
		}
	}
	return pk, nil
}

func (h *hook) refusePublish(cl *server.Client, code packets.Code, hint string) error {
	h.counters.refused.Add(1)
	h.options.Log.Warn("mqtt: publication refused", slog.Any("station", stationOf(cl)),
		slog.String("reason", code.Reason), slog.String("hint", hint))
	h.hangUp(cl, code)
	return packets.ErrRejectPacket
}

// hangUp ends the connection; MQTT 3 has no way to say why.
func (h *hook) hangUp(cl *server.Client, code packets.Code) {
	if cl.Properties.ProtocolVersion >= 5 {
		_ = h.server.DisconnectClient(cl, code)
		return
	}
	cl.Stop(code)
}

// OnPacketEncode tells clients of MQTT 5 how large a packet may be, and counts
// those whom the library refuses because the broker is full.
func (h *hook) OnPacketEncode(cl *server.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type != packets.Connack {
		return pk
	}
	full := packets.Err3ServerUnavailable.Code
	if cl.Properties.ProtocolVersion >= 5 {
		full = packets.ErrServerBusy.Code
		pk.Properties.MaximumPacketSize = h.server.Options.Capabilities.MaximumPacketSize
	}
	if pk.ReasonCode == full {
		h.counters.connectionsRefused.Add(1)
	}
	return pk
}

// OnDisconnect logs why a connection ended when the device did not end it. The
// session that is kept does not keep acknowledgements that could not be written:
// a device that forgot what it sent numbers from 1 again, and would take the old
// one for that of a message that is not stored yet.
func (h *hook) OnDisconnect(cl *server.Client, err error, _ bool) {
	cl.ClearInflights()
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, packets.ErrRejectPacket):
		return
	case errors.Is(err, packets.ErrPacketTooLarge):
		h.counters.tooLarge.Add(1)
		h.options.Log.Warn("mqtt: message too large; the device will go on sending it: let it send smaller batches",
			slog.Any("station", stationOf(cl)), slog.Int("limit", h.options.MaxPayload))
	default:
		h.options.Log.Debug("mqtt: connection ended", slog.Any("station", stationOf(cl)), slog.Any("error", err))
	}
}

// OnClientExpired gives the place of a kept session free.
func (h *hook) OnClientExpired(cl *server.Client) {
	if id, err := reading.ParseStationID(string(cl.Properties.Username)); err == nil {
		h.sessions.expire(id, cl.ID)
	}
}

func stationOf(cl *server.Client) reading.StationID {
	if c, ok := cl.Net.Conn.(*conn); ok {
		return c.station()
	}
	return ""
}
