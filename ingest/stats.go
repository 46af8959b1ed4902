package ingest

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Stats are the pipeline's counts since it was made.
type Stats struct {
	// Received counts the messages that were submitted, unknown ones too.
	Received uint64
	// Acknowledged counts the messages that were committed.
	Acknowledged uint64
	// Stored counts the readings that were written, merged ones too.
	Stored uint64
	// Duplicates counts the values that were stored already with the same number.
	Duplicates uint64
	// Rejected counts the rejects that were stored, by cause.
	Rejected map[string]uint64
	// Batches counts the commits.
	Batches uint64
	// Retries counts the failed calls of stores.
	Retries uint64
	// Queue is the number of readings and rejects in the queue or in a commit.
	Queue int64
}

type counters struct {
	received, acknowledged, stored, duplicates, batches, retries atomic.Uint64

	queued atomic.Int64

	mu       sync.Mutex
	rejected map[string]uint64
}

func (c *counters) reject(rejects []Reject) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rejects {
		c.rejected[r.Cause]++
	}
}

// Stats returns the counts. The map is the caller's own.
func (p *Pipeline) Stats() Stats {
	c := &p.counts
	c.mu.Lock()
	rejected := maps.Clone(c.rejected)
	c.mu.Unlock()
	return Stats{
		Received: c.received.Load(), Acknowledged: c.acknowledged.Load(), Stored: c.stored.Load(),
		Duplicates: c.duplicates.Load(), Rejected: rejected, Batches: c.batches.Load(),
		Retries: c.retries.Load(), Queue: c.queued.Load(),
	}
}

// Health tells how the stores answer.
type Health struct {
	// Running is true from the start of Run to its return.
	Running bool
	// FailingSince is the first of the failures that still last; zero when the
	// last call of a store succeeded.
	FailingSince time.Time
	// LastError is the newest failure, also after the store came back.
	LastError error
	// LastCommit is when a batch was last committed.
	LastCommit time.Time
}

type healthState struct {
	mu sync.Mutex
	h  Health
}

func (s *healthState) run(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.h.Running = on
}

func (s *healthState) fail(err error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.h.LastError = err
	if s.h.FailingSince.IsZero() {
		s.h.FailingSince = now
	}
}

func (s *healthState) succeed(time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.h.FailingSince = time.Time{}
}

func (s *healthState) commit(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.h.FailingSince, s.h.LastCommit = time.Time{}, now
}

// Health returns the state of the stores as the pipeline sees it.
func (p *Pipeline) Health() Health {
	p.health.mu.Lock()
	defer p.health.mu.Unlock()
	return p.health.h
}

// Ready returns nil when messages are being committed, else an error that says
// what fails and since when.
func (p *Pipeline) Ready() error {
	h := p.Health()
	switch {
	case !h.Running:
		return errors.New("ingest does not run")
	case !h.FailingSince.IsZero():
		return fmt.Errorf("ingest cannot commit since %s: %w", h.FailingSince.UTC().Format(time.RFC3339), h.LastError)
	}
	return nil
}
