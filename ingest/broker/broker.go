package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// Ingester takes one message and returns after it is committed. Nil means that
// the message may be acknowledged; an error means that it must not be. It must
// return soon after ctx ends.
type Ingester interface {
	Ingest(ctx context.Context, m ingest.Message) error
}

// Authenticator checks a station's login. Nil lets the station in. An error
// that wraps register.ErrWrongCredentials refuses it. Any other error is a
// passing fault: the connection is closed without an answer, so that the device
// tries again and does not give up for good.
type Authenticator interface {
	Authenticate(ctx context.Context, id reading.StationID, token string) error
}

// Options say how the broker runs. Auth and Ingest must be set; every other
// zero value stands for the default that is named beside it.
type Options struct {
	// Listen is the address, "127.0.0.1:1883"; ":0" takes a free port.
	Listen string
	// TLS, when set, makes every connection a TLS connection.
	TLS *tls.Config
	// Auth checks logins.
	Auth Authenticator
	// Ingest stores messages.
	Ingest Ingester
	// Now is the clock that stamps messages (time.Now).
	Now func() time.Time
	// Log receives what an operator must know (nothing is logged when nil).
	Log *slog.Logger
	// MaxPayload is the largest payload in bytes (1 MiB). A client that sends
	// more is disconnected.
	MaxPayload int
	// MaxConnections is the number of stations that may be connected at once
	// (16384).
	MaxConnections int
	// MaxSessions is the number of client ids that one station may use at the
	// same time, kept sessions included (8).
	MaxSessions int
	// ConnectTimeout is the time in which a connection must have logged in (10 s).
	ConnectTimeout time.Duration
	// MaxKeepalive bounds the time without a packet after which a connection
	// counts as dead (1 h; the broker waits one and a half times as long). It
	// holds for devices that ask for more or for no limit too.
	MaxKeepalive time.Duration
	// SessionExpiry is how long the session of a device that is away is kept
	// (24 h).
	SessionExpiry time.Duration
	// RetryPause is how long a device whose message could not be stored is held
	// before it is disconnected, so that it does not come back at once (5 s).
	RetryPause time.Duration
}

func (o Options) withDefaults() (Options, error) {
	if o.Auth == nil || o.Ingest == nil {
		return o, errors.New("broker: set Auth and Ingest")
	}
	for _, d := range []struct {
		v    *int
		zero int
	}{{&o.MaxPayload, 1 << 20}, {&o.MaxConnections, 16384}, {&o.MaxSessions, 8}} {
		if *d.v < 0 {
			return o, fmt.Errorf("broker: limits must not be negative, got %d", *d.v)
		}
		if *d.v == 0 {
			*d.v = d.zero
		}
	}
	for _, d := range []struct {
		v    *time.Duration
		zero time.Duration
	}{
		{&o.ConnectTimeout, 10 * time.Second},
		{&o.MaxKeepalive, time.Hour},
		{&o.SessionExpiry, 24 * time.Hour},
		{&o.RetryPause, 5 * time.Second},
	} {
		if *d.v < 0 {
			return o, fmt.Errorf("broker: times must not be negative, got %s", *d.v)
		}
		if *d.v == 0 {
			*d.v = d.zero
		}
	}
	// One and a half times the keepalive must fit the sixteen bits that the
	// protocol gives it.
	o.MaxKeepalive = min(max(o.MaxKeepalive, time.Second), 12*time.Hour)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Stats are counts since the start, except Connections.
type Stats struct {
	// Connections is the number of open connections, those that have not yet
	// logged in included.
	Connections int
	// Logins and LoginsRefused count answered logins.
	Logins, LoginsRefused uint64
	// Received counts messages on a station's own topic; each of them ends up in
	// Committed or in Failed.
	Received, Committed, Failed uint64
	// Refused counts publications and subscriptions that a station may not make.
	Refused uint64
}

type counters struct {
	logins, loginsRefused, received, committed, failed, refused atomic.Uint64
}

// Broker is a running broker.
type Broker struct {
	gate     *gate
	counters *counters
	shut     func() error
	stop     sync.Once
	err      error
}

// Start opens the address and serves until ctx ends or Close is called. The
// context that Ingest and Authenticate get ends then too, or earlier when the
// device is gone.
func Start(ctx context.Context, o Options) (*Broker, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	g, err := openGate(ctx, o)
	if err != nil {
		return nil, err
	}
	serving, cancel := context.WithCancel(ctx)
	b := &Broker{gate: g, counters: new(counters)}
	closeServer, err := serveMochi(serving, g, o, b.counters)
	if err != nil {
		cancel()
		_ = g.listener.Close()
		return nil, err
	}
	b.shut = func() error {
		cancel() // first: no commit that is still on its way may be acknowledged late
		return closeServer()
	}
	context.AfterFunc(ctx, func() { _ = b.Close() })
	return b, nil
}

// Addr is the address that the broker listens on, with the port that was
// really taken.
func (b *Broker) Addr() string { return b.gate.listener.Addr().String() }

// Stats returns the counts as they are now.
func (b *Broker) Stats() Stats {
	c := b.counters
	return Stats{
		Connections:   b.gate.count(),
		Logins:        c.logins.Load(),
		LoginsRefused: c.loginsRefused.Load(),
		Received:      c.received.Load(),
		Committed:     c.committed.Load(),
		Failed:        c.failed.Load(),
		Refused:       c.refused.Load(),
	}
}

// Disconnect closes every connection of the station and returns how many there
// were. Call it when a station's token is withdrawn or the station is paused:
// logins are checked only when a device connects.
func (b *Broker) Disconnect(id reading.StationID) int { return b.gate.disconnect(id) }

// Close ends all connections and returns after the last call of Ingest has
// returned. A message whose commit was not finished is not acknowledged. Closing
// twice is harmless.
func (b *Broker) Close() error {
	b.stop.Do(func() { b.err = b.shut() })
	return b.err
}
