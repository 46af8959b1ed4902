package mqtt

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/net/proxy"
)

const (
	// readAhead is how much is read from the broker at once. paho reads a packet
	// with four calls, the first three for a byte or two; each was a system call.
	readAhead = 64 << 10
	// linger is how long an acknowledgement waits for others to go out with in one
	// system call. A commit takes longer than that, and frees many at once.
	linger = time.Millisecond
	// maxUnsent bounds what waits while as much is on its way, in bytes; then
	// Write blocks.
	maxUnsent = 64 << 10
	// farewell bounds the writing of what is left when the connection closes.
	farewell = 250 * time.Millisecond
)

// open makes the connection in place of paho's own function, in the same ways,
// and puts a gathering connection around it.
func open(u *url.URL, o paho.ClientOptions) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), o.ConnectTimeout)
	defer cancel()
	var conn net.Conn
	var err error
	switch u.Scheme {
	case "ws", "wss":
		conn, err = paho.NewWebsocket(u.String(), o.TLSConfig, o.ConnectTimeout, o.HTTPHeaders, o.WebsocketOptions)
	default:
		conn, err = proxy.Dial(ctx, "tcp", u.Host)
	}
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "mqtts", "ssl":
		config := o.TLSConfig.Clone()
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if config.ServerName == "" {
			config.ServerName = u.Hostname()
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = secure
	default:
	}
	return newGathering(conn), nil
}

// gathering is a connection that reads ahead, and that gathers small writes and
// sends them together a moment later. Write therefore tells of a fault only at a
// later call; what was lost was an acknowledgement at most, after which the
// broker gives the message again. Close sends what is left.
type gathering struct {
	net.Conn
	in *bufio.Reader

	sending sync.Mutex // held while something is on its way, so that order holds

	mu     sync.Mutex // guards the fields below
	room   sync.Cond
	unsent []byte
	err    error

	wake   chan struct{}
	closed chan struct{}
	close  sync.Once
}

func newGathering(conn net.Conn) *gathering {
	g := &gathering{Conn: conn, in: bufio.NewReaderSize(conn, readAhead), wake: make(chan struct{}, 1), closed: make(chan struct{})}
	g.room.L = &g.mu
	go g.send()
	return g
}

// Read is part of net.Conn.
func (g *gathering) Read(p []byte) (int, error) { return g.in.Read(p) }

// Write takes p for sending. It blocks only while too much is unsent.
func (g *gathering) Write(p []byte) (int, error) {
	g.mu.Lock()
	for g.err == nil && len(g.unsent) > maxUnsent {
		g.room.Wait()
	}
	if err := g.err; err != nil {
		g.mu.Unlock()
		return 0, err
	}
	g.unsent = append(g.unsent, p...)
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (g *gathering) send() {
	var spare []byte
	for {
		select {
		case <-g.wake:
		case <-g.closed:
			return
		}
		time.Sleep(linger)
		spare = g.flush(spare)
	}
}

// flush sends what is unsent, keeping spare as the next buffer, and returns the
// one that is free again.
func (g *gathering) flush(spare []byte) []byte {
	g.sending.Lock()
	defer g.sending.Unlock()
	g.mu.Lock()
	out := g.unsent
	g.unsent = spare[:0]
	g.room.Broadcast()
	g.mu.Unlock()
	if len(out) == 0 {
		return out
	}
	_, err := g.Conn.Write(out)
	g.fail(err)
	if err != nil {
		_ = g.Conn.Close() // the reader must notice too
	}
	return out
}

// fail notes the first fault and lets those go who wait for room.
func (g *gathering) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil && err != nil {
		g.err = err
		g.room.Broadcast()
	}
}

// Close sends what is left and closes the connection.
func (g *gathering) Close() error {
	g.close.Do(func() {
		close(g.closed)
		_ = g.SetWriteDeadline(time.Now().Add(farewell))
		g.flush(nil)
		g.fail(net.ErrClosed)
	})
	return g.Conn.Close()
}
