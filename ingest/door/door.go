package door

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/sync/semaphore"

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
// passing fault: the kit is asked to come back.
type Authenticator interface {
	Authenticate(ctx context.Context, id reading.StationID, token string) error
}

// Limit says how often something may happen: Burst times at once, and once more
// after every Every.
type Limit struct {
	Burst int
	Every time.Duration
}

// Options say how the door runs. Auth and Ingest must be set; every other zero
// value stands for the default that is named beside it.
type Options struct {
	// Listen is the address, "127.0.0.1:8081"; ":0" takes a free port.
	Listen string
	// TLS, when set, makes every connection a TLS connection.
	TLS *tls.Config
	// Auth checks logins.
	Auth Authenticator
	// Ingest stores messages.
	Ingest Ingester
	// BrokerSecret, when set, opens the questions of an external broker to who
	// knows it. BrokerUser and BrokerPassword are the login of the ingest process
	// at that broker, which may read the readings of all stations.
	BrokerSecret, BrokerUser, BrokerPassword string
	// Now is the clock that stamps messages and counts for limits (time.Now).
	Now func() time.Time
	// Log receives what an operator must know (nothing is logged when nil).
	Log *slog.Logger
	// Proxies are the addresses whose X-Forwarded-For is believed (none). Behind
	// a proxy that is not named here all kits count as one address.
	Proxies []netip.Prefix

	// MaxBody is the largest body in bytes (1 MiB).
	MaxBody int
	// MaxBuffered bounds the bodies in memory together, in bytes (64 MiB, and at
	// least MaxBody). Only stations that proved themselves take part of it.
	MaxBuffered int64
	// MaxConnections bounds the open connections (4096), MaxPerAddress those of
	// one address that is no proxy (a quarter of it).
	MaxConnections, MaxPerAddress int
	// MaxPerStation bounds the requests of one station at the same time (8).
	MaxPerStation int
	// PerStation limits the requests of one station (120, one more per half
	// second).
	PerStation Limit
	// PerAddress limits the logins from one address (an IPv4 address, an IPv6
	// network of 64 bits) that are not known to be good (1000, one more per 200
	// ms). A wrong login costs 50; a right one costs nothing.
	PerAddress Limit
	// MaxKeys bounds the stations and addresses that are remembered for the
	// limits (50,000 each).
	MaxKeys int

	// ReadTimeout bounds the time from the first byte of a request to its last
	// (20 s), WriteTimeout that of an answer (15 s), IdleTimeout the time between
	// two requests (60 s).
	ReadTimeout, WriteTimeout, IdleTimeout time.Duration
	// CommitTimeout bounds the wait for the login check and for the commit (15 s,
	// below the 20 s after which airrohr gives up).
	CommitTimeout time.Duration
	// Drain is how long Close lets requests finish (5 s).
	Drain time.Duration
}

func (o Options) withDefaults() (Options, error) {
	if o.Auth == nil || o.Ingest == nil {
		return o, errors.New("door: set Auth and Ingest")
	}
	if o.MaxBody < 0 || o.MaxBuffered < 0 || o.MaxConnections < 0 || o.MaxPerAddress < 0 || o.MaxPerStation < 0 || o.MaxKeys < 0 ||
		o.PerStation.Burst < 0 || o.PerAddress.Burst < 0 {
		return o, errors.New("door: limits must not be negative")
	}
	for _, d := range []struct {
		v    *int
		zero int
	}{
		{&o.MaxBody, 1 << 20},
		{&o.MaxConnections, 4096},
		{&o.MaxPerStation, 8},
		{&o.PerStation.Burst, 120},
		{&o.PerAddress.Burst, 1000},
		{&o.MaxKeys, 50_000},
	} {
		if *d.v == 0 {
			*d.v = d.zero
		}
	}
	if o.MaxPerAddress == 0 {
		o.MaxPerAddress = max(1, o.MaxConnections/4)
	}
	if o.MaxBuffered == 0 {
		o.MaxBuffered = 64 << 20
	}
	o.MaxBuffered = max(o.MaxBuffered, int64(o.MaxBody))
	for _, d := range []struct {
		v    *time.Duration
		zero time.Duration
	}{
		{&o.PerStation.Every, 500 * time.Millisecond},
		{&o.PerAddress.Every, 200 * time.Millisecond},
		{&o.ReadTimeout, 20 * time.Second},
		{&o.WriteTimeout, 15 * time.Second},
		{&o.IdleTimeout, time.Minute},
		{&o.CommitTimeout, 15 * time.Second},
		{&o.Drain, 5 * time.Second},
	} {
		if *d.v < 0 {
			return o, fmt.Errorf("door: times must not be negative, got %s", *d.v)
		}
		if *d.v == 0 {
			*d.v = d.zero
		}
	}
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
	// Connections is the number of open connections.
	Connections int
	// Requests counts requests with a readable head; Committed those that ended
	// in a 2xx, Failed those that were not stored through a fault on our side.
	Requests, Committed, Failed uint64
	// WrongLogins counts requests with a wrong secret or none; Limited those that
	// came too often; Refused all others that were not taken.
	WrongLogins, Limited, Refused uint64
}

type counters struct {
	requests, committed, failed, wrongLogins, limited, refused atomic.Uint64
}

// Door is a running door.
type Door struct {
	o       Options
	app     *fiber.App
	gate    *gate
	logins  *knownLogins
	station *limiter[reading.StationID]
	address *limiter[netip.Prefix]
	busy    *flights
	buffers *semaphore.Weighted
	counts  counters
	// within derives a context from the one that the door serves under.
	within func(time.Duration) (context.Context, context.CancelFunc)
	cancel context.CancelFunc
	served chan struct{}

	stop sync.Once
	err  error
}

// Start opens the address and serves until ctx ends or Close is called.
func Start(ctx context.Context, o Options) (*Door, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	logins, err := newKnownLogins()
	if err != nil {
		return nil, err
	}
	g, err := openGate(ctx, o)
	if err != nil {
		return nil, err
	}
	// Not a child of ctx: Close decides in which order things end.
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d := &Door{
		o: o, gate: g, logins: logins, cancel: cancel,
		station: newLimiter[reading.StationID](o.PerStation, o.MaxKeys, o.Now),
		address: newLimiter[netip.Prefix](o.PerAddress, o.MaxKeys, o.Now),
		busy:    newFlights(o.MaxPerStation),
		buffers: semaphore.NewWeighted(o.MaxBuffered),
		within: func(limit time.Duration) (context.Context, context.CancelFunc) {
			return context.WithTimeout(serving, limit)
		},
		served: make(chan struct{}),
	}
	d.app = d.newApp() //nolint:contextcheck // requests have the context that Close ends
	go func() {
		defer close(d.served)
		if err := d.app.Listener(g.listener()); err != nil && !g.closed() {
			o.Log.Error("http door: stopped serving", slog.Any("error", err))
		}
	}()
	context.AfterFunc(ctx, func() { _ = d.Close() }) //nolint:contextcheck // ctx has ended
	return d, nil
}

// Addr is the address that the door listens on, with the port that was really
// taken.
func (d *Door) Addr() string { return d.gate.tcp.Addr().String() }

// Stats returns the counts as they are now.
func (d *Door) Stats() Stats {
	c := &d.counts
	return Stats{
		Connections: d.gate.count(),
		Requests:    c.requests.Load(),
		Committed:   c.committed.Load(),
		Failed:      c.failed.Load(),
		WrongLogins: c.wrongLogins.Load(),
		Limited:     c.limited.Load(),
		Refused:     c.refused.Load(),
	}
}

// Close refuses new requests, lets those that run finish for at most
// Options.Drain, ends the wait of the others, which answer 503, and returns after
// the last call of Ingest has returned. Closing twice is harmless.
func (d *Door) Close() error {
	d.stop.Do(func() { d.err = d.shut() })
	return d.err
}

// farewell is how long the last answers get to leave.
const farewell = time.Second

func (d *Door) shut() error {
	d.gate.refuse()
	idle := d.busy.close()
	timer := time.NewTimer(d.o.Drain)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
	d.cancel()
	<-idle
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	err := d.app.ShutdownWithContext(ctx)
	d.gate.closeAll()
	<-d.served
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("door: stop serving: %w", err)
	}
	return nil
}
