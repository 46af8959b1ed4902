package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// Ingester takes messages. Submit returns when it has taken the message, after
// which the payload is used for something else; it must return soon after ctx
// ends. It has done called once, in any goroutine: with nil after the commit, which
// means that the message may be acknowledged, or with an error, which means that
// it must not be. What is submitted later may be committed earlier.
type Ingester interface {
	Submit(ctx context.Context, m ingest.Message, done func(error))
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
	// Listen is the address without encryption, "127.0.0.1:1883"; ":0" takes a free
	// port, empty is for none.
	Listen string
	// Listeners are the other addresses; at least one address must be given.
	Listeners []Listener
	// Auth checks logins.
	Auth Authenticator
	// LoginsVersion, when set, returns a number that has changed whenever a login
	// may be worth something else than before. While it stays the same the logins
	// of connected stations are not checked again.
	LoginsVersion func(ctx context.Context) (int64, error)
	// Ingest stores messages.
	Ingest Ingester
	// Stations, when set, tells the declared format of a station, which decides
	// about topics that are built into kits; without it these are refused.
	Stations ingest.Stations
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
	// MaxPerAddress is the number of connections from one network address, an IPv4
	// address or the /64 of an IPv6 one. An eighth of it, at least 64, may be
	// waiting for their login. Raise it when a proxy on another machine stands in
	// front, because then all stations have its address. The default is a quarter
	// of MaxConnections, at least 64, and does not hold for this machine itself.
	MaxPerAddress int
	// MessagesPerSecond is the rate at which one station may publish in the long
	// run (200), over all its connections together; every 4 KiB of payload count as
	// a message. Burst is how many messages it may be ahead (2000). A station that
	// sends more is read more slowly; nothing of it is lost.
	MessagesPerSecond, Burst int
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
	// Recheck is the time between two checks of the logins of connected stations
	// (1 s), which Auth must be able to answer from memory.
	Recheck time.Duration
}

func (o Options) withDefaults() (Options, error) {
	if o.Auth == nil || o.Ingest == nil {
		return o, errors.New("broker: set Auth and Ingest")
	}
	if o.Listen == "" && len(o.Listeners) == 0 {
		return o, errors.New("broker: give an address to listen on")
	}
	for _, d := range []struct {
		v    *int
		zero int
	}{{&o.MaxPayload, 1 << 20}, {&o.MaxConnections, 16384}, {&o.MaxSessions, 8}, {&o.MessagesPerSecond, 200}, {&o.Burst, 2000}, {&o.MaxPerAddress, 0}} { // 0 stays 0: see openGate
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
		{&o.Recheck, time.Second},
	} {
		if *d.v < 0 {
			return o, fmt.Errorf("broker: times must not be negative, got %s", *d.v)
		}
		if *d.v == 0 {
			*d.v = d.zero
		}
	}
	o.MessagesPerSecond = min(o.MessagesPerSecond, int(time.Second))
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

// Stats are counts since the start, except Connections and LoggedIn.
type Stats struct {
	// Connections is the number of open connections, those that have not yet
	// logged in included; LoggedIn is the number of those that have.
	Connections, LoggedIn int
	// ConnectionsRefused counts connections that were turned away because the
	// broker, or their network address, had too many.
	ConnectionsRefused uint64
	// Strangers counts connections that ended before a login packet came: port
	// scans, other protocols, devices without patience, those that stay silent.
	Strangers uint64
	// Logins counts right logins; LoginsRefused wrong ones, and those of a station
	// with too many client ids. LoginsDropped are the refused ones that got no
	// answer because their network address sends so many.
	Logins, LoginsRefused, LoginsDropped uint64
	// LoginsUnchecked counts logins that nobody could check at the time.
	LoginsUnchecked uint64
	// Revoked counts connections that ended because their login was not right any
	// more.
	Revoked uint64
	// Received counts messages on a topic that the station may use. Each ends up
	// in Committed (stored and acknowledged), Failed (neither; the device sends it
	// again) or Silent (what kits say beside their readings: acknowledged and
	// forgotten).
	Received, Committed, Failed, Silent uint64
	// Held counts messages that had to wait because their station was over its
	// rate. They are in the other counts too.
	Held uint64
	// Refused counts publications and subscriptions that a station may not make;
	// they were not stored, and with QoS 1 the connection was ended.
	Refused uint64
	// TooLarge counts connections that ended on a packet over the size limit.
	TooLarge uint64
	// Panics counts connections that ended on a fault in the program. It should
	// stay 0; the log has the stack.
	Panics uint64
}

type counters struct {
	stations                                              atomic.Int64
	connectionsRefused, strangers                         atomic.Uint64
	logins, loginsRefused, loginsDropped, loginsUnchecked atomic.Uint64
	revoked, received, committed, failed, silent, held    atomic.Uint64
	refused, tooLarge, panics                             atomic.Uint64
}

// Broker is a running broker.
type Broker struct {
	gate     *gate
	counters *counters
	shut     func() error
	stop     sync.Once
	err      error
}

// Start opens the addresses and serves until ctx ends or Close is called. The
// context that Submit and Authenticate get ends then too, or earlier when the
// device is gone.
func Start(ctx context.Context, o Options) (*Broker, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	n := new(counters)
	g, err := openGate(ctx, o, n)
	if err != nil {
		return nil, err
	}
	serving, cancel := context.WithCancel(ctx)
	b := &Broker{gate: g, counters: n}
	closeServer, err := serveMochi(serving, g, o, b.counters)
	if err != nil {
		cancel()
		g.closeDoors()
		return nil, err
	}
	b.shut = func() error {
		cancel() // first: no commit that is still on its way may be acknowledged late
		return closeServer()
	}
	context.AfterFunc(ctx, func() { _ = b.Close() })
	return b, nil
}

// Addr is the first address that the broker listens on, with the port that was
// really taken.
func (b *Broker) Addr() string { return b.gate.doors[0].Addr().String() }

// Addrs are all addresses: Options.Listen first when it was set, then those of
// Options.Listeners in their order.
func (b *Broker) Addrs() []string {
	var all []string
	for _, d := range b.gate.doors {
		all = append(all, d.Addr().String())
	}
	return all
}

// Stats returns the counts as they are now.
func (b *Broker) Stats() Stats {
	c := b.counters
	return Stats{
		Connections:        b.gate.count(),
		LoggedIn:           int(c.stations.Load()),
		ConnectionsRefused: c.connectionsRefused.Load(),
		Strangers:          c.strangers.Load(),
		Logins:             c.logins.Load(),
		LoginsRefused:      c.loginsRefused.Load(),
		LoginsDropped:      c.loginsDropped.Load(),
		LoginsUnchecked:    c.loginsUnchecked.Load(),
		Revoked:            c.revoked.Load(),
		Received:           c.received.Load(),
		Committed:          c.committed.Load(),
		Failed:             c.failed.Load(),
		Silent:             c.silent.Load(),
		Held:               c.held.Load(),
		Refused:            c.refused.Load(),
		TooLarge:           c.tooLarge.Load(),
		Panics:             c.panics.Load(),
	}
}

// Disconnect closes every connection of the station and returns how many there
// were. A token that is withdrawn, or a station that is paused, needs no call:
// see Options.Recheck.
func (b *Broker) Disconnect(id reading.StationID) int { return b.gate.disconnect(id) }

// Close ends all connections and returns after the last call of Submit has
// returned. A message whose commit was not finished is not acknowledged. Closing
// twice is harmless.
func (b *Broker) Close() error {
	b.stop.Do(func() { b.err = b.shut() })
	return b.err
}
