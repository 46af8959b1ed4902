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
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	server "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"buurtmeter/ingest"
	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

const (
	listenerID = "stations"
	// packetOverhead is what a publication may hold beside its payload: topic,
	// packet id and the properties of MQTT 5.
	packetOverhead = 4 << 10
	// window is how many unacknowledged messages a client may have. More does
	// not help: the messages of one connection are stored one after the other.
	window = 64
	// maxSubscriptions bounds the subscriptions of one connection.
	maxSubscriptions = 8
	// loginTimeout bounds the check of one login.
	loginTimeout = 10 * time.Second
	// complainEvery bounds how often the log repeats that storing fails.
	complainEvery = 10 * time.Second
)

// serveMochi runs the protocol library behind the gate. The library's own log is
// switched off because it writes whole packets, passwords and payloads included.
func serveMochi(ctx context.Context, g *gate, o Options, n *counters) (func() error, error) {
	caps := server.NewDefaultServerCapabilities()
	caps.MaximumClients = int64(o.MaxConnections)
	caps.MaximumClientWritesPending = window // the queue is reserved per client
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
	})
	h := &hook{server: s, options: o, counters: n, sessions: newSessions(o.MaxSessions)}
	if err := s.AddHook(h, nil); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	l := &listener{gate: g, run: func(c *conn, establish listeners.EstablishFn) {
		c.bind(ctx)
		h.run(c, establish)
	}}
	if err := s.AddListener(l); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	if err := s.Serve(); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	return s.Close, nil
}

// listener is the gate in the library's terms.
type listener struct {
	gate *gate
	run  func(*conn, listeners.EstablishFn)
}

func (l *listener) Init(*slog.Logger) error { return nil }
func (l *listener) ID() string              { return listenerID }
func (l *listener) Address() string         { return l.gate.listener.Addr().String() }
func (l *listener) Protocol() string        { return "tcp" }
func (l *listener) Serve(establish listeners.EstablishFn) {
	l.gate.serve(func(c *conn) { l.run(c, establish) })
}

func (l *listener) Close(closeClients listeners.CloseFn) {
	l.gate.close(func() { closeClients(listenerID) })
}

// hook holds the rules of the network: who may log in, publish and subscribe,
// and that storing comes before acknowledging.
type hook struct {
	server.HookBase
	server     *server.Server
	options    Options
	counters   *counters
	sessions   *sessions
	complained atomic.Int64
}

// run serves one connection. A packet that makes the library panic costs that
// connection, not the program.
func (h *hook) run(c *conn, establish listeners.EstablishFn) {
	defer func() {
		if c.left != nil {
			c.left()
		}
	}()
	defer func() {
		if p := recover(); p != nil {
			h.options.Log.Error("mqtt: a connection was closed because its packet could not be handled; report this with the stack",
				slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
		}
	}()
	_ = establish(listenerID, c)
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

// OnConnect bounds the keepalive; a client of MQTT 5 is told.
func (h *hook) OnConnect(cl *server.Client, _ packets.Packet) error {
	limit := uint16(h.options.MaxKeepalive / time.Second)
	if cl.State.Keepalive == 0 || cl.State.Keepalive > limit {
		cl.State.Keepalive = limit
		cl.State.ServerKeepalive = true
	}
	return nil
}

// OnConnectAuthenticate checks the login and makes the client id the station's
// own, so that no station can end the session of another by taking its client id.
func (h *hook) OnConnectAuthenticate(cl *server.Client, pk packets.Packet) bool {
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return false
	}
	id, err := reading.ParseStationID(string(pk.Connect.Username))
	if err != nil {
		return h.refuseLogin("", "the user name is not a station id")
	}
	err = c.within(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, loginTimeout)
		defer cancel()
		return h.options.Auth.Authenticate(ctx, id, string(pk.Connect.Password))
	})
	switch {
	case errors.Is(err, register.ErrWrongCredentials):
		return h.refuseLogin(id, "unknown or paused station, or wrong token")
	case err != nil:
		h.options.Log.Warn("mqtt: a login could not be checked; the device will try again", slog.Any("station", id), slog.Any("error", err))
		cl.Stop(err)
		return false
	}
	cl.ID = string(id) + "/" + cl.ID
	if !h.sessions.enter(id, cl.ID) {
		return h.refuseLogin(id, "too many client ids at the same time: give the device one fixed client id")
	}
	c.station.Store(&id)
	c.left = func() {
		_, kept := h.server.Clients.Get(cl.ID)
		h.sessions.leave(id, cl.ID, kept)
	}
	h.counters.logins.Add(1)
	return true
}

func (h *hook) refuseLogin(id reading.StationID, why string) bool {
	h.counters.loginsRefused.Add(1)
	h.options.Log.Info("mqtt: login refused", slog.Any("station", id), slog.String("reason", why))
	return false
}

// OnACLCheck lets a station publish on its readings topic, and subscribe inside
// its own subtree.
func (h *hook) OnACLCheck(cl *server.Client, name string, write bool) bool {
	id := stationOf(cl)
	if id == "" {
		return false
	}
	if write {
		if name == topic.Readings(id) {
			return true
		}
	} else if strings.HasPrefix(name, topic.Subtree(id)) && cl.State.Subscriptions.Len() < maxSubscriptions {
		return true
	}
	h.counters.refused.Add(1)
	h.options.Log.Info("mqtt: station may publish only on its readings topic and subscribe only below it; refused",
		slog.Any("station", id), slog.Bool("publish", write))
	return false
}

// OnPacketRead takes wills off (retaining is switched off as a whole), and ends the connection of a
// client that publishes in a way that could never be acknowledged correctly.
func (h *hook) OnPacketRead(cl *server.Client, pk packets.Packet) (packets.Packet, error) {
	switch pk.FixedHeader.Type {
	case packets.Connect:
		pk.Connect.WillFlag = false
		pk.Connect.WillQos, pk.Connect.WillRetain = 0, false
		pk.Connect.WillTopic, pk.Connect.WillPayload = "", nil
		pk.Connect.WillProperties = packets.Properties{}
	case packets.Publish:
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

// OnPacketEncode tells clients of MQTT 5 how large a packet may be.
func (h *hook) OnPacketEncode(cl *server.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type == packets.Connack && cl.Properties.ProtocolVersion >= 5 {
		pk.Properties.MaximumPacketSize = h.server.Options.Capabilities.MaximumPacketSize
	}
	return pk
}

// OnPublish stores the message and only then lets the library acknowledge it.
// When storing fails there is no acknowledgement and the connection ends, since
// devices send again what is unacknowledged when they reconnect.
func (h *hook) OnPublish(cl *server.Client, pk packets.Packet) (packets.Packet, error) {
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return pk, packets.ErrRejectPacket
	}
	id := stationOf(cl)
	h.counters.received.Add(1)
	err := c.within(func(ctx context.Context) error {
		err := h.options.Ingest.Ingest(ctx, ingest.Message{
			Station: id, Payload: pk.Payload, Received: h.options.Now(), Source: "mqtt",
		})
		if err != nil {
			h.counters.failed.Add(1)
			h.complain(ctx, id, err)
			pause(ctx, h.options.RetryPause)
		}
		return err
	})
	if err != nil {
		h.hangUp(cl, packets.ErrServerUnavailable)
		return pk, packets.ErrRejectPacket
	}
	h.counters.committed.Add(1)
	return pk, packets.CodeSuccessIgnore // acknowledged, not passed on
}

func (h *hook) complain(ctx context.Context, id reading.StationID, err error) {
	if ctx.Err() != nil {
		return // the device left or the broker closes: nothing is wrong
	}
	now, last := h.options.Now().UnixNano(), h.complained.Load()
	if now-last < int64(complainEvery) || !h.complained.CompareAndSwap(last, now) {
		return
	}
	h.options.Log.Warn("mqtt: a message could not be stored and was not acknowledged; the device will send it again",
		slog.Any("station", id), slog.Any("error", err), slog.Uint64("failed", h.counters.failed.Load()))
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// OnDisconnect logs why a connection ended when the device did not end it.
func (h *hook) OnDisconnect(cl *server.Client, err error, _ bool) {
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, packets.ErrRejectPacket):
		return
	case errors.Is(err, packets.ErrPacketTooLarge):
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
		if id := c.station.Load(); id != nil {
			return *id
		}
	}
	return ""
}
