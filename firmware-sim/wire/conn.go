// Package wire speaks as much MQTT 3.1.1 as a device needs that only publishes:
// log in, publish with QoS 1, read acknowledgements, stay alive. It keeps a few
// hundred bytes for each connection and no goroutine of its own, so that one
// process can play tens of thousands of devices.
package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// ErrRefused is wrapped by the error of Dial when the broker refuses the login
// for good: a wrong name or password, or no right to connect.
var ErrRefused = errors.New("login refused")

// errProtocol is wrapped when the other side does not speak MQTT as agreed.
var errProtocol = errors.New("unexpected packet from the broker")

// The packets of MQTT 3.1.1 that are used here, as first bytes.
const (
	connect    = 0x10
	connack    = 0x20
	publishQ1  = 0x32
	puback     = 0x40
	pingreq    = 0xc0
	pingresp   = 0xd0
	disconnect = 0xe0
)

// maxRemaining is the largest length that MQTT can write.
const maxRemaining = 1<<28 - 1

// Options of a connection. Broker and ClientID must be set.
type Options struct {
	// Broker is "mqtt://host:port" or "mqtts://host:port"; tcp and ssl mean the
	// same.
	Broker string
	// TLS is used for mqtts; nil means the system's own roots.
	TLS *tls.Config
	// ClientID names the session, which begins empty each time.
	ClientID string
	// Username and Password are the login; both empty: none.
	Username, Password string
	// KeepAlive is the longest silence that the broker must accept, at most 18
	// hours; 0 means no limit.
	KeepAlive time.Duration
	// Timeout bounds the connecting (10 s).
	Timeout time.Duration
}

// Conn is one connection. One goroutine may write (Publish, Ping, Flush) while
// another reads (Ack).
type Conn struct {
	net  net.Conn
	in   *bufio.Reader
	out  []byte
	last uint16
}

// Dial connects and logs in.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	raw, err := dial(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	// 64 bytes hold sixteen acknowledgements; a device has few on their way.
	c := &Conn{net: raw, in: bufio.NewReaderSize(raw, 64)}
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	err = c.login(o)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("log in at the broker: %w", err)
	}
	return c, nil
}

func dial(ctx context.Context, o Options) (net.Conn, error) {
	u, err := url.Parse(o.Broker)
	if err != nil {
		return nil, fmt.Errorf("address of the broker: %w", err)
	}
	switch u.Scheme {
	case "mqtt", "tcp":
		return (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	case "mqtts", "ssl":
		return (&tls.Dialer{Config: o.TLS}).DialContext(ctx, "tcp", u.Host)
	}
	return nil, fmt.Errorf("address of the broker: %q is not mqtt:// or mqtts://", u.Scheme)
}

func (c *Conn) login(o Options) error {
	flags := byte(0x02) // a clean session
	body := appendText(nil, "MQTT")
	if o.Username != "" || o.Password != "" {
		flags |= 0xc0
	}
	seconds := min(max(o.KeepAlive, 0)/time.Second, 1<<16-1)
	body = append(body, 4, flags)
	body = binary.BigEndian.AppendUint16(body, uint16(seconds))
	body = appendText(body, o.ClientID)
	if flags&0xc0 != 0 {
		body = appendText(appendText(body, o.Username), o.Password)
	}
	if _, err := c.net.Write(append(appendLength([]byte{connect}, len(body)), body...)); err != nil {
		return err
	}
	kind, answer, err := c.packet()
	switch {
	case err != nil:
		return err
	case kind != connack:
		return fmt.Errorf("%w: %#x instead of an answer to the login", errProtocol, kind)
	}
	const badLogin, notAuthorized = 4, 5
	switch code := byte(answer); code {
	case 0:
		return nil
	case badLogin, notAuthorized:
		return fmt.Errorf("%w (code %d)", ErrRefused, code)
	default:
		return fmt.Errorf("the broker does not take the connection (code %d)", code)
	}
}

// Publish queues one message and returns its packet id, which Ack will name. It
// goes out with the next Flush. Up to 65,535 messages may be on their way.
func (c *Conn) Publish(topic string, payload []byte) (id uint16, err error) {
	length := 2 + len(topic) + 2 + len(payload)
	if length > maxRemaining || len(topic) > 1<<16-1 {
		return 0, errors.New("publish: the message is too large for MQTT")
	}
	if c.last++; c.last == 0 {
		c.last = 1
	}
	c.out = appendLength(append(c.out, publishQ1), length)
	c.out = appendText(c.out, topic)
	c.out = binary.BigEndian.AppendUint16(c.out, c.last)
	c.out = append(c.out, payload...)
	return c.last, nil
}

// Ping queues a sign of life. Ack passes over its answer.
func (c *Conn) Ping() { c.out = append(c.out, pingreq, 0) }

// keepBuffer is how large a buffer a silent connection may keep, in bytes.
const keepBuffer = 1 << 10

// Flush sends what is queued.
func (c *Conn) Flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.net.Write(c.out)
	if c.out = c.out[:0]; cap(c.out) > keepBuffer {
		c.out = nil
	}
	if err != nil {
		return fmt.Errorf("send to the broker: %w", err)
	}
	return nil
}

// Ack waits for the next acknowledgement and returns its packet id.
func (c *Conn) Ack() (id uint16, err error) {
	for {
		kind, id, err := c.packet()
		switch {
		case err != nil:
			return 0, fmt.Errorf("wait for an acknowledgement: %w", err)
		case kind == puback:
			return id, nil
		case kind != pingresp:
			return 0, fmt.Errorf("%w: %#x", errProtocol, kind)
		}
	}
}

// Pong waits for the answer to Ping, when nothing else is on its way.
func (c *Conn) Pong() error {
	kind, _, err := c.packet()
	if err == nil && kind != pingresp {
		err = fmt.Errorf("%w: %#x", errProtocol, kind)
	}
	return err
}

// Acked reports whether an acknowledgement can be read without waiting.
func (c *Conn) Acked() bool { return c.in.Buffered() >= 4 }

// SetDeadline bounds everything that waits for the network from now on; the
// zero time takes the bound away.
func (c *Conn) SetDeadline(t time.Time) error { return c.net.SetDeadline(t) }

// Close ends the connection, in the orderly way when that takes no waiting.
func (c *Conn) Close() {
	_ = c.net.SetDeadline(time.Now().Add(100 * time.Millisecond))
	_, _ = c.net.Write([]byte{disconnect, 0})
	_ = c.net.Close()
}

// packet reads one packet of those that a publisher may get: none has more than
// two bytes behind its length.
func (c *Conn) packet() (kind byte, value uint16, err error) {
	var head [4]byte
	if _, err := readFull(c.in, head[:2]); err != nil {
		return 0, 0, err
	}
	switch head[1] {
	case 0:
		return head[0] & 0xf0, 0, nil
	case 2:
		if _, err := readFull(c.in, head[2:]); err != nil {
			return 0, 0, err
		}
		return head[0] & 0xf0, binary.BigEndian.Uint16(head[2:]), nil
	}
	return 0, 0, fmt.Errorf("%w: %#x with %d bytes", errProtocol, head[0], head[1])
}

// readFull is io.ReadFull without its detour over an interface, which would
// move head to the heap for every packet.
func readFull(r *bufio.Reader, dst []byte) (n int, err error) {
	for n < len(dst) {
		b, err := r.ReadByte()
		if err != nil {
			return n, err
		}
		dst[n] = b
		n++
	}
	return n, nil
}

func appendText(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

func appendLength(dst []byte, n int) []byte {
	for n > 0x7f {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}
