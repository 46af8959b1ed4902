package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"buurtmeter/ingest/reading"
)

var (
	errNotConnect      = errors.New("first packet is not a login")
	errConnectTooLarge = errors.New("login packet is too large")
)

// conn is one connection of a device. It gives the protocol library one packet at
// a time, so that plain publications can be served before it (see shortcut),
// gives every write its own time limit whatever the keepalive says, and ends its
// context when it is closed.
type conn struct {
	// Conn is the bare connection: closing it waits for nobody, deadlines work
	// through all layers above it.
	net.Conn
	// stream is what runs over it, TLS and WebSocket taken off. It is set before
	// the first packet is read.
	stream  io.ReadWriter
	address netip.Addr
	settled bool
	login   atomic.Pointer[login]
	packets shortcut
	// five tells that the device speaks MQTT 5; patience is how long it may be
	// silent, 0 without end.
	five     bool
	patience time.Duration
	// qos and route say how the publication that is being handled was sent, and
	// where it goes.
	qos   byte
	route route
	// within runs f with the context of this connection.
	within func(f func(context.Context) error) error
	// cancel ends that context.
	cancel atomic.Pointer[context.CancelFunc]
	closed atomic.Bool
	// left, when set, is called once when the connection has been served.
	left func()
}

// login is who logged in. check does the same check again; the token is known
// to that function only, which no log can print.
type login struct {
	station reading.StationID
	check   func(context.Context) error
}

func newConn(nc net.Conn) *conn {
	return &conn{Conn: nc, stream: timed{nc}, address: addressOf(nc.RemoteAddr())}
}

// station is who logged in; empty before the login.
func (c *conn) station() reading.StationID {
	if l := c.login.Load(); l != nil {
		return l.station
	}
	return ""
}

// bind ties a new context to the life of the connection.
func (c *conn) bind(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	c.within = func(f func(context.Context) error) error { return f(ctx) }
	c.cancel.Store(&cancel)
	if c.closed.Load() {
		cancel()
	}
}

// open goes through the layers of the door up to the head of the login packet,
// all within the timeout.
func (c *conn) open(d *door, timeout time.Duration) error {
	until := time.Now().Add(timeout)
	if err := c.SetReadDeadline(until); err != nil {
		return err
	}
	var layer net.Conn = timed{c.Conn}
	if d.rules.TLS != nil {
		layer = tls.Server(layer, d.rules.TLS)
	}
	c.stream = layer
	if d.upgrader != nil {
		s, err := openWebSocket(layer, d.upgrader)
		if err != nil {
			return err
		}
		c.stream = s
		// The library has lifted the limit.
		if err := c.SetReadDeadline(until); err != nil {
			return err
		}
	}
	return c.readHead()
}

// readHead reads the fixed header of the first packet, which must be a login
// of bounded size.
func (c *conn) readHead() error {
	const connect = 0x10
	in := &c.packets
	in.small = make([]byte, readBuffer)
	in.buf = in.small
	for {
		if err := in.fill(c.stream); err != nil {
			return err
		}
		switch h := in.header(); {
		case h.kind != connect:
			return errNotConnect
		case h.endless || h.length > maxConnect:
			return errConnectTooLarge
		case h.whole:
			in.pass = h.size + h.length
			return nil
		}
	}
}

// Read gives the protocol library the packets that are for it, one at a time.
func (c *conn) Read(p []byte) (int, error) {
	for c.packets.pass == 0 {
		if err := c.nextPacket(); err != nil {
			return 0, err
		}
	}
	return c.packets.read(c.stream, p)
}

// nextPacket serves the plain publications that have come, or finds out that the
// next packet is for the library, or reads more.
func (c *conn) nextPacket() error {
	in := &c.packets
	if c.closed.Load() {
		return net.ErrClosed
	}
	switch h := in.header(); {
	case h.endless:
		in.pass = h.size // the library will end the connection
		return nil
	case !h.whole, in.likely(h) && in.w-in.r < h.size+h.length:
		return in.fill(c.stream)
	default:
		if _, ok := in.next(c.five); !ok {
			in.pass = h.size + h.length
			return nil
		}
	}
	if err := c.within(in.serve); err != nil || c.patience == 0 {
		return err
	}
	return c.SetReadDeadline(time.Now().Add(c.patience))
}

// Write writes within writeTimeout.
func (c *conn) Write(p []byte) (int, error) { return c.stream.Write(p) }

// SetDeadline moves the read deadline only. The keepalive decides how long a
// device may be silent; an acknowledgement that comes after a slow commit must
// still be written.
func (c *conn) SetDeadline(t time.Time) error {
	c.patience = 0
	if !t.IsZero() {
		c.patience = time.Until(t)
	}
	return c.SetReadDeadline(t)
}

// Close closes the connection and ends its context.
func (c *conn) Close() error {
	c.closed.Store(true)
	if cancel := c.cancel.Load(); cancel != nil {
		(*cancel)()
	}
	return c.Conn.Close()
}

// timed gives every write its time limit, those of the layers above included.
type timed struct{ net.Conn }

// Write writes within writeTimeout.
func (t timed) Write(p []byte) (int, error) {
	if err := t.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return t.Conn.Write(p)
}
