package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"buurtmeter/ingest/reading"
)

const (
	// maxConnect bounds the login packet, in bytes. Before the login nobody can
	// make the broker reserve more than this.
	maxConnect = 16 << 10
	// writeTimeout bounds one write to a device that does not read.
	writeTimeout = 30 * time.Second
	// goodbye is the time that devices get to take the farewell at shutdown.
	goodbye = time.Second
)

var (
	errNotConnect      = errors.New("first packet is not a login")
	errConnectTooLarge = errors.New("login packet is too large")
)

// gate accepts connections, bounds their number and knows all of them, so that
// closing it leaves none behind.
type gate struct {
	listener net.Listener
	limit    int
	timeout  time.Duration
	log      *slog.Logger

	mu      sync.Mutex
	conns   map[*conn]struct{}
	closing chan struct{}
	shut    bool
	wg      sync.WaitGroup
}

func openGate(ctx context.Context, o Options) (*gate, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("broker: listen on %q (choose another address or stop the other program): %w", o.Listen, err)
	}
	if o.TLS != nil {
		l = tls.NewListener(l, o.TLS)
	}
	return &gate{
		listener: l,
		// The head room lets a full broker answer "server unavailable" to a
		// device instead of hanging up on it.
		limit:   o.MaxConnections + o.MaxConnections/4 + 16,
		timeout: o.ConnectTimeout,
		log:     o.Log,
		conns:   map[*conn]struct{}{},
		closing: make(chan struct{}),
	}, nil
}

// serve accepts until the gate is closed and calls handle for each connection
// in its own goroutine. A fault of accept (no file descriptors left) is waited
// out.
func (g *gate) serve(handle func(*conn)) {
	for {
		nc, err := g.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			g.log.Warn("mqtt: cannot accept connections, trying again", slog.Any("error", err))
			select {
			case <-g.closing:
				return
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		c := &conn{Conn: nc}
		if !g.enter(c) {
			_ = nc.Close()
			continue
		}
		go func() {
			defer g.leave(c)
			if err := c.readHead(g.timeout); err != nil {
				g.log.Debug("mqtt: connection closed before login", slog.Any("error", err))
				return
			}
			handle(c)
		}()
	}
}

func (g *gate) enter(c *conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut || len(g.conns) >= g.limit {
		return false
	}
	g.conns[c] = struct{}{}
	g.wg.Add(1)
	return true
}

func (g *gate) leave(c *conn) {
	_ = c.Close()
	g.mu.Lock()
	delete(g.conns, c)
	g.mu.Unlock()
	g.wg.Done()
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.conns)
}

func (g *gate) all() []*conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]*conn, 0, len(g.conns))
	for c := range g.conns {
		all = append(all, c)
	}
	return all
}

func (g *gate) disconnect(id reading.StationID) int {
	n := 0
	for _, c := range g.all() {
		if s := c.station.Load(); s != nil && *s == id {
			_ = c.Close()
			n++
		}
	}
	return n
}

// close stops accepting, runs farewell for a bounded time, closes what is left
// and waits for every handler.
func (g *gate) close(farewell func()) {
	g.mu.Lock()
	if g.shut {
		g.mu.Unlock()
		return
	}
	g.shut = true
	close(g.closing)
	g.mu.Unlock()
	_ = g.listener.Close()

	said := make(chan struct{})
	go func() {
		defer close(said)
		farewell()
	}()
	select {
	case <-said:
	case <-time.After(goodbye):
	}
	for _, c := range g.all() {
		_ = c.Close()
	}
	<-said
	g.wg.Wait()
}

// conn is one connection of a device. It puts back the few bytes of the login
// packet that were looked at first, gives every write its own time limit
// whatever the keepalive says, and ends its context when it is closed.
type conn struct {
	net.Conn
	head    []byte
	station atomic.Pointer[reading.StationID]
	// within runs f with the context of this connection.
	within func(f func(context.Context) error) error
	// cancel ends that context.
	cancel atomic.Pointer[context.CancelFunc]
	closed atomic.Bool
	// left, when set, is called once when the connection has been served.
	left func()
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

// readHead reads the fixed header of the first packet, which must be a login
// of bounded size, within the timeout.
func (c *conn) readHead(timeout time.Duration) error {
	const connect = 0x10
	if err := c.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	var head [5]byte
	length, shift := 0, 0
	for i := range head {
		if _, err := io.ReadFull(c.Conn, head[i:i+1]); err != nil {
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

// Read gives the bytes that readHead took, then those of the network.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// Write writes within writeTimeout.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

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
