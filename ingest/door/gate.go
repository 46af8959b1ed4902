package door

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// lingerTime and lingerBytes bound how long and how much of an unwanted body
	// is thrown away before its connection is closed. A connection that is closed
	// with bytes unread is reset, and the kit would never see why.
	lingerTime  = time.Second
	lingerBytes = 8 << 20
)

// gate accepts connections, bounds their number and knows all of them, so that
// closing it leaves none behind.
type gate struct {
	tcp     net.Listener
	tls     *tls.Config
	limit   int
	each    int
	proxies []netip.Prefix
	log     *slog.Logger

	mu      sync.Mutex
	conns   map[*conn]struct{}
	from    map[netip.Prefix]int
	closing chan struct{}
	shut    bool
}

func openGate(ctx context.Context, o Options) (*gate, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("door: listen on %q (choose another address or stop the other program): %w", o.Listen, err)
	}
	return &gate{
		tcp: l, tls: o.TLS, limit: o.MaxConnections, each: o.MaxPerAddress, proxies: o.Proxies, log: o.Log,
		conns: map[*conn]struct{}{}, from: map[netip.Prefix]int{}, closing: make(chan struct{}),
	}, nil
}

// listener is what the HTTP server accepts from.
func (g *gate) listener() net.Listener {
	if g.tls != nil {
		return tls.NewListener(bounded{g}, g.tls)
	}
	return bounded{g}
}

// bounded is the gate as a listener.
type bounded struct{ gate *gate }

// Accept returns the next connection that fits the bounds; others are closed. A
// fault of the system (no file descriptors left) is waited out.
func (b bounded) Accept() (net.Conn, error) {
	g := b.gate
	for {
		nc, err := g.tcp.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, io.EOF
		case err != nil:
			g.log.Warn("http door: cannot accept connections, trying again", slog.Any("error", err))
			select {
			case <-g.closing:
				return nil, io.EOF
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		c := &conn{Conn: nc, gate: g, from: network(addrOf(nc.RemoteAddr()))}
		if g.enter(c) {
			return c, nil
		}
		_ = nc.Close()
	}
}

// Close stops accepting.
func (b bounded) Close() error {
	b.gate.refuse()
	return nil
}

// Addr is the address of the listener.
func (b bounded) Addr() net.Addr { return b.gate.tcp.Addr() }

func (g *gate) enter(c *conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut || len(g.conns) >= g.limit {
		return false
	}
	if g.from[c.from] >= g.each && !contains(g.proxies, c.from.Addr()) {
		return false
	}
	g.conns[c] = struct{}{}
	g.from[c.from]++
	return true
}

func (g *gate) leave(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.conns[c]; !ok {
		return
	}
	delete(g.conns, c)
	if g.from[c.from]--; g.from[c.from] <= 0 {
		delete(g.from, c.from)
	}
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.conns)
}

func (g *gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

// refuse stops accepting; open connections live on.
func (g *gate) refuse() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut {
		g.shut = true
		close(g.closing)
		_ = g.tcp.Close()
	}
}

func (g *gate) closeAll() {
	g.mu.Lock()
	all := make([]*conn, 0, len(g.conns))
	for c := range g.conns {
		all = append(all, c)
	}
	g.mu.Unlock()
	for _, c := range all {
		_ = c.Conn.Close()
		g.leave(c)
	}
}

// conn is one connection of a kit.
type conn struct {
	net.Conn
	gate *gate
	from netip.Prefix
	// unread is set when the kit may still be sending what nobody wants.
	unread atomic.Bool
	once   sync.Once
	err    error
}

// Close closes the connection. When the kit may still be sending, what it sends
// is thrown away for a bounded while first.
func (c *conn) Close() error {
	c.once.Do(func() {
		defer c.gate.leave(c)
		if tcp, ok := c.Conn.(*net.TCPConn); ok && c.unread.Load() && tcp.CloseWrite() == nil {
			_ = tcp.SetReadDeadline(time.Now().Add(lingerTime))
			_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{io.LimitReader(tcp, lingerBytes)}, make([]byte, 8<<10))
		}
		c.err = c.Conn.Close()
	})
	return c.err
}

// leftUnread marks the connection under c, which may be wrapped in TLS.
func leftUnread(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if own, ok := c.(*conn); ok {
		own.unread.Store(true)
	}
}

// addrOf returns the IP address of a peer; the zero address when it has none.
func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// network is what counts as one address: an IPv4 address, or the IPv6 network
// that one connection to the internet usually gets.
func network(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
