package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"buurtmeter/ingest/decode"
	"buurtmeter/ingest/reading"
)

// ErrStopped is returned for messages that the pipeline did not commit because
// it is stopping. They must not be acknowledged; the station sends them again.
var ErrStopped = errors.New("ingest stopped before the message was committed")

// Options of a Pipeline. Stations, Ledger and RawStore are required; the zero
// value of every other field means the stated default.
type Options struct {
	Stations Stations
	Ledger   Ledger
	RawStore RawStore
	// Decode turns a message into readings; default decode.Decode.
	Decode func(reading.Format, decode.Input) decode.Decoded
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Log gets faults of the stores; default: nothing is logged.
	Log *slog.Logger
	// MaxBatch bounds the readings of one commit; default 5,000. (One message
	// may go over it by itself.)
	MaxBatch int
	// Queue bounds the readings and rejects that wait for or are in a commit;
	// default 20,000. When it is full, Submit blocks.
	Queue int
	// Shared must be set when other processes ingest for the same stations. Then
	// every reading is compared with the store, because another process may have
	// stored the same moment; otherwise a reading that is newer than all of its
	// station goes in without a look.
	Shared bool
	// StationTTL is how long a station's description is remembered; default
	// 400 ms. With the half second of the register's own memory, a pause or
	// deletion is seen within a second.
	StationTTL time.Duration
	// Backoff and MaxBackoff are the first and the longest pause between two
	// attempts at a store that fails; defaults 100 ms and 15 s.
	Backoff, MaxBackoff time.Duration
	// Attempt bounds one call of a store; default 30 s.
	Attempt time.Duration
	// Drain is how long Run goes on committing after its context ended; default 10 s.
	Drain time.Duration
}

func (o *Options) defaults() {
	if o.Decode == nil {
		o.Decode = decode.Decode
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxBatch <= 0 {
		o.MaxBatch = 5000
	}
	if o.Queue <= 0 {
		o.Queue = 20_000
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.StationTTL, 400 * time.Millisecond},
		{&o.Backoff, 100 * time.Millisecond},
		{&o.MaxBackoff, 15 * time.Second},
		{&o.Attempt, 30 * time.Second},
		{&o.Drain, 10 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
}

// Pipeline takes messages from any number of goroutines, decodes and checks
// them there, and commits them in groups from one loop. What it promises:
//
//   - a message is acknowledged only after everything in it is durable: its
//     readings in the raw store, its faults in the reject table, and the marks on
//     its hours both before and after the readings were written;
//   - nothing is dropped while a store is away: the same batch is tried again
//     and the queue fills up, until Submit blocks;
//   - the same message may come any number of times, in any order with others,
//     and leads to the same hour means.
//
// The mark before the write survives a crash between the two; the mark after it
// is for a recomputation that took the first one and read the raw store just
// before the write landed.
type Pipeline struct {
	o     Options
	queue chan *item
	room  *semaphore.Weighted

	mu       sync.RWMutex
	closed   bool
	senders  sync.WaitGroup
	stopping chan struct{}
	running  atomic.Bool

	// landed is used by the loop of Run alone.
	landed landing

	stations stationCache
	newest   newestTimes
	counts   counters
	health   healthState
	wake     chan struct{}
}

// NewPipeline returns a pipeline that takes messages at once and commits them
// while Run runs.
func NewPipeline(o Options) *Pipeline {
	o.defaults()
	return &Pipeline{
		o:        o,
		queue:    make(chan *item, o.Queue),
		room:     semaphore.NewWeighted(int64(o.Queue)),
		stopping: make(chan struct{}),
		stations: stationCache{known: map[reading.StationID]knownStation{}},
		newest:   newestTimes{milli: map[reading.StationID]int64{}},
		counts:   counters{rejected: map[string]uint64{}},
		wake:     make(chan struct{}, 1),
	}
}

// item is one message on its way: decoded, checked, waiting for its commit. It
// holds no part of the payload except copies in the rejects.
type item struct {
	source   string
	received time.Time
	// wire is what the decoder was given beside the payload.
	wire     Message
	station  reading.Station
	readings []reading.Reading
	rejects  []Reject
	weight   int64
	done     func(error)
}

// Committed gives a signal after commits that marked hours: the moment to look
// for dirty hours. Signals are merged; there is one channel for one listener.
func (p *Pipeline) Committed() <-chan struct{} { return p.wake }

// Ingest commits one message and returns when that is done: nil means that the
// message may be acknowledged, any error that it must not be. When ctx ends
// first, the message may still be committed later, which is harmless. The
// payload may be reused after the return.
func (p *Pipeline) Ingest(ctx context.Context, m Message) error {
	result := make(chan error, 1)
	p.Submit(ctx, m, func(err error) { result <- err })
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Submit decodes and checks the message, waits for room in the queue, and
// returns. done is called exactly once: with nil after the commit, or with an
// error when the message was not committed (ctx ended while it waited for room,
// or the pipeline stopped). It may be called before Submit returns and runs in
// the committing loop, so it must not block. The payload may be reused after
// the return.
func (p *Pipeline) Submit(ctx context.Context, m Message, done func(error)) {
	if !p.enter() {
		done(ErrStopped)
		return
	}
	defer p.senders.Done()
	p.counts.received.Add(1)
	it, err := p.prepare(ctx, m)
	if err == nil {
		err = p.waitForRoom(ctx, it.weight)
	}
	if err != nil {
		done(err)
		return
	}
	it.done = done
	p.counts.queued.Add(it.weight)
	p.queue <- it // has a place for every unit of room, so this never blocks
}

// enter counts the caller among the senders unless the pipeline is closed.
func (p *Pipeline) enter() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return false
	}
	p.senders.Add(1)
	return true
}

func (p *Pipeline) waitForRoom(ctx context.Context, weight int64) error {
	if p.room.TryAcquire(weight) {
		return nil
	}
	ctx, cancel := p.untilStopping(ctx)
	defer cancel()
	if err := p.room.Acquire(ctx, weight); err != nil {
		return p.stopError(err)
	}
	return nil
}

// untilStopping derives a context that also ends when the pipeline stops.
func (p *Pipeline) untilStopping(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-p.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// stopError tells an end by stopping from an end of the caller's own context.
func (p *Pipeline) stopError(err error) error {
	select {
	case <-p.stopping:
		return ErrStopped
	default:
		return err
	}
}

// Run commits what is submitted until ctx ends. Then it refuses new messages,
// goes on for at most Options.Drain with those that were taken, and returns:
// nil when all of them are committed. It runs once.
func (p *Pipeline) Run(ctx context.Context) error {
	if !p.running.CompareAndSwap(false, true) {
		return errors.New("ingest: this pipeline runs or ran already: make a new one")
	}
	p.health.run(true)
	defer p.health.run(false)
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	release := context.AfterFunc(ctx, func() {
		p.close()
		late := time.NewTimer(p.o.Drain)
		defer late.Stop()
		select {
		case <-late.C:
			cancel()
		case <-work.Done():
		}
	})
	defer release()
	for ctx.Err() == nil {
		if p.landed.plan != nil { // it must not wait for a next batch
			p.advance(work, p.gather())
			continue
		}
		select {
		case it := <-p.queue:
			p.advance(work, p.gather(it))
		case <-ctx.Done():
		}
	}
	p.close()
	p.senders.Wait()
	left := 0
	for len(p.queue) > 0 || p.landed.plan != nil {
		left += p.advance(work, p.gather())
	}
	if left > 0 {
		return fmt.Errorf("%w: %d messages were left unacknowledged after %s; they will be sent again", ErrStopped, left, p.o.Drain)
	}
	return nil
}

// close refuses new messages and wakes the senders that wait.
func (p *Pipeline) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed = true
		close(p.stopping)
	}
}

// gather adds what is queued already to the batch, up to MaxBatch.
func (p *Pipeline) gather(batch ...*item) []*item {
	size := 0
	for _, it := range batch {
		size += max(1, len(it.readings))
	}
	for size < p.o.MaxBatch {
		select {
		case it := <-p.queue:
			batch = append(batch, it)
			size += max(1, len(it.readings))
		default:
			return batch
		}
	}
	return batch
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// insist calls f until it succeeds or ctx ends, with growing pauses. Nothing is
// acknowledged meanwhile, which is the whole point.
func (p *Pipeline) insist(ctx context.Context, what string, f func(context.Context) error) error {
	for wait := p.o.Backoff; ; wait = min(2*wait, p.o.MaxBackoff) {
		attempt, cancel := context.WithTimeout(ctx, p.o.Attempt)
		err := f(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		p.health.fail(fmt.Errorf("%s: %w", what, err), p.o.Now())
		p.counts.retries.Add(1)
		p.o.Log.LogAttrs(ctx, slog.LevelWarn, "ingest: a store failed; nothing is acknowledged until it answers",
			slog.String("step", what), slog.Duration("again_in", wait), slog.Any("error", err))
		if pause(ctx, wait) != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}
