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

// conn is one connection of a device. It puts back the few bytes of the login
// packet that were looked at first, gives every write its own time limit
// whatever the keepalive says, and ends its context when it is closed.
type conn struct {
	// Conn is the bare connection: closing it waits for nobody, deadlines work
	// through all layers above it.
	net.Conn
	// stream is what runs over it, TLS and WebSocket taken off. It is set before
	// the first packet is read.
	stream  io.ReadWriter
	address netip.Addr
	settled bool
	head    []byte
	login   atomic.Pointer[login]
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
	var head [5]byte
	length, shift := 0, 0
	for i := range head {
		if _, err := io.ReadFull(c.stream, head[i:i+1]); err != nil {
			return err
		}
		if i == 0 {
			if head[0] != connect {
				return errNotConnect
			}
			continue
		}
		length |= int(head[i]&0x7f) << shift
		shift += 7
		if head[i]&0x80 == 0 {
			if length > maxConnect {
				return errConnectTooLarge
			}
			c.head = append([]byte(nil), head[:i+1]...)
			return nil
		}
	}
	return errConnectTooLarge
}

// Read gives the bytes that readHead took, then those of the stream.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	return c.stream.Read(p)
}

// Write writes within writeTimeout.
func (c *conn) Write(p []byte) (int, error) { return c.stream.Write(p) }

// SetDeadline moves the read deadline only. The keepalive decides how long a
// device may be silent; an acknowledgement that comes after a slow commit must
// still be written.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

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
