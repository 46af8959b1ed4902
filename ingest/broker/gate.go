package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

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

// Listener is one more address of the broker. The rules are the same at each.
type Listener struct {
	// Listen is the address, "0.0.0.0:8883"; ":0" takes a free port.
	Listen string
	// TLS, when set, makes every connection a TLS connection. See ServerTLS.
	TLS *tls.Config
	// WebSocket is for programs in browsers, and networks that let nothing else
	// through: MQTT over WebSocket on the path /mqtt.
	WebSocket bool
	// Origins are the sites of which pages may connect to the WebSocket, as
	// "https://example.org"; those of the same host always may. A program that is
	// no browser sends no origin and is not held back.
	Origins []string
}

// door is an open Listener.
type door struct {
	net.Listener
	rules Listener
	// upgrader is set for WebSockets.
	upgrader *websocket.Upgrader
}

// gate accepts connections, bounds their number and knows all of them, so that
// closing it leaves none behind.
type gate struct {
	doors     []door
	limit     int
	timeout   time.Duration
	log       *slog.Logger
	counters  *counters
	addresses *addresses

	mu      sync.Mutex
	conns   map[*conn]struct{}
	closing chan struct{}
	shut    bool
	wg      sync.WaitGroup

	complained atomic.Int64
}

func openGate(ctx context.Context, o Options, n *counters) (*gate, error) {
	perAddress := o.MaxPerAddress
	if perAddress == 0 {
		perAddress = max(o.MaxConnections/4, minPending)
	}
	g := &gate{
		// The head room lets a full broker answer "server unavailable" to a
		// device instead of hanging up on it.
		limit:     o.MaxConnections + o.MaxConnections/4 + 16,
		timeout:   o.ConnectTimeout,
		log:       o.Log,
		counters:  n,
		addresses: newAddresses(perAddress, max(minPending, perAddress/8), o.MaxPerAddress > 0),
		conns:     map[*conn]struct{}{},
		closing:   make(chan struct{}),
	}
	listeners := o.Listeners
	if o.Listen != "" {
		listeners = append([]Listener{{Listen: o.Listen}}, listeners...)
	}
	// A dead connection ends by the keepalive of MQTT. Probes of TCP beside it
	// would cost the data bundle of devices on a mobile network.
	lc := net.ListenConfig{KeepAlive: -1}
	for _, l := range listeners {
		nl, err := lc.Listen(ctx, "tcp", l.Listen)
		if err != nil {
			g.closeDoors()
			return nil, fmt.Errorf("broker: listen on %q (choose another address or stop the other program): %w", l.Listen, err)
		}
		d := door{Listener: nl, rules: l}
		if l.WebSocket {
			d.upgrader = newUpgrader(l.Origins)
		}
		g.doors = append(g.doors, d)
	}
	return g, nil
}

func (g *gate) closeDoors() {
	for _, d := range g.doors {
		_ = d.Close()
	}
}

// serve accepts until the gate is closed and calls handle for each connection
// in its own goroutine.
func (g *gate) serve(handle func(*conn)) {
	var wg sync.WaitGroup
	for i := range g.doors {
		wg.Go(func() { g.accept(&g.doors[i], handle) })
	}
	wg.Wait()
}

// accept serves one door. A fault (no file descriptors left) is waited out.
func (g *gate) accept(d *door, handle func(*conn)) {
	for {
		nc, err := d.Accept()
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
		c := newConn(nc)
		wait, ok := g.enter(c)
		if !ok {
			g.turnedAway()
			_ = nc.Close()
			continue
		}
		go func() {
			defer g.leave(c)
			defer g.survive()
			if !g.wait(spread(wait)) {
				return
			}
			if err := c.open(d, g.timeout); err != nil {
				g.counters.strangers.Add(1)
				g.log.Debug("mqtt: connection closed before login", slog.Any("error", err))
				return
			}
			handle(c)
		}()
	}
}

// survive lets a packet that makes a library panic cost its connection, not the
// program.
func (g *gate) survive() {
	if p := recover(); p != nil {
		g.counters.panics.Add(1)
		g.log.Error("mqtt: a connection was closed because its packet could not be handled; report this with the stack",
			slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
	}
}

// enter counts a connection, and returns how long it must wait before it is
// served; false means that there is no room for it.
func (g *gate) enter(c *conn) (wait time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut || len(g.conns) >= g.limit {
		return 0, false
	}
	if wait, ok = g.addresses.enter(c.address, time.Now()); !ok {
		return 0, false
	}
	g.conns[c] = struct{}{}
	g.wg.Add(1)
	return wait, true
}

// turnedAway counts a connection without a place, and says so in the log now and
// then. Whose it was stays out of the log.
func (g *gate) turnedAway() {
	n := g.counters.connectionsRefused.Add(1)
	now, last := time.Now().UnixNano(), g.complained.Load()
	if now-last < int64(complainEvery) || !g.complained.CompareAndSwap(last, now) {
		return
	}
	g.log.Warn("mqtt: connections are turned away, because the broker or their network address has too many; raise the limits if these are stations, or if a proxy stands in front",
		slog.Uint64("refused", n))
}

// spread makes a wait up to a half shorter or longer, at random. Connections that
// begin to wait together would else go on coming in waves.
func spread(wait time.Duration) time.Duration {
	if wait <= 0 {
		return 0
	}
	return wait/2 + rand.N(wait) //nolint:gosec // no secret
}

// wait waits, and returns false when the gate closes meanwhile.
func (g *gate) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-g.closing:
		return false
	case <-t.C:
		return true
	}
}

func (g *gate) leave(c *conn) {
	_ = c.Close()
	g.settle(c)
	g.addresses.leave(c.address, time.Now())
	g.mu.Lock()
	delete(g.conns, c)
	g.mu.Unlock()
	g.wg.Done()
}

// settle ends the time in which the connection counts as not logged in. It runs
// in the goroutine that serves the connection, as often as one likes.
func (g *gate) settle(c *conn) {
	if !c.settled {
		c.settled = true
		g.addresses.settle(c.address)
	}
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.conns)
}

// all appends the connections to the slice.
func (g *gate) all(to []*conn) []*conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		to = append(to, c)
	}
	return to
}

func (g *gate) disconnect(id reading.StationID) int {
	n := 0
	for _, c := range g.all(nil) {
		if l := c.login.Load(); l != nil && l.station == id {
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
	g.closeDoors()

	said := make(chan struct{})
	go func() {
		defer close(said)
		farewell()
	}()
	select {
	case <-said:
	case <-time.After(goodbye):
	}
	for _, c := range g.all(nil) {
		_ = c.Close()
	}
	<-said
	g.wg.Wait()
}
