package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"buurtmeter/ingest/reading"
)

// rejectsPerCall bounds one call of PutRejects.
const rejectsPerCall = 1000

// landing is a batch whose readings are stored and whose hours wait for their
// second mark.
type landing struct {
	batch []*item
	plan  *plan
}

// advance takes one step: it marks the hours of the batch that has landed a
// second time together with those of the next batch for the first time, in one
// commit of the register, then answers the one and stores the other. batch may
// be empty when there is nothing to wait for. It returns how many messages were
// not committed because ctx ended; none of them is acknowledged.
func (p *Pipeline) advance(ctx context.Context, batch []*item) (left int) {
	var next *plan
	if len(batch) > 0 {
		pl, err := p.plan(ctx, batch)
		if err != nil {
			left += p.answer(ctx, landing{batch: batch}, err)
			batch = nil
		}
		next = pl
	}
	var hours []reading.StationHour
	if p.landed.plan != nil {
		hours = p.landed.plan.hours
	}
	if next != nil {
		hours = append(hours[:len(hours):len(hours)], next.hours...)
	}
	var err error
	if len(hours) > 0 {
		err = p.insist(ctx, "mark hours", func(ctx context.Context) error { return p.o.Ledger.MarkDirty(ctx, hours) })
	}
	left += p.answer(ctx, p.landed, err)
	p.landed = landing{}
	if next == nil {
		return left
	}
	if err == nil {
		err = p.write(ctx, next)
	}
	if err == nil && len(next.fresh)+len(next.merged) > 0 {
		p.landed = landing{batch, next}
		return left
	}
	return left + p.answer(ctx, landing{batch, next}, err)
}

// answer calls done for each message of a batch that is committed, or could not
// be. It returns how many were not.
func (p *Pipeline) answer(ctx context.Context, l landing, err error) (left int) {
	switch {
	case len(l.batch) == 0:
		return 0
	case err != nil:
		left = len(l.batch)
		err = fmt.Errorf("%w: %w", ErrStopped, err)
		p.o.Log.LogAttrs(ctx, slog.LevelWarn, "ingest: stopped before a batch was committed; its messages stay unacknowledged",
			slog.Int("messages", len(l.batch)), slog.Any("error", err))
	default:
		p.counts.batches.Add(1)
		p.counts.acknowledged.Add(uint64(len(l.batch)))
		p.counts.duplicates.Add(l.plan.duplicates)
		p.health.commit(p.o.Now())
		if len(l.plan.hours) > 0 {
			select {
			case p.wake <- struct{}{}:
			default:
			}
		}
	}
	for _, it := range l.batch {
		it.done(err)
		p.room.Release(it.weight)
		p.counts.queued.Add(-it.weight)
	}
	return left
}

// write stores the readings and rejects of one plan whose hours are marked. Each
// step is repeated until it succeeds and harmless to repeat.
func (p *Pipeline) write(ctx context.Context, pl *plan) error {
	if err := p.store(ctx, pl, "append", p.o.RawStore.Append, pl.fresh); err != nil {
		return err
	}
	if err := p.store(ctx, pl, "rewrite", p.o.RawStore.Rewrite, pl.merged); err != nil {
		return err
	}
	for id, milli := range pl.newest {
		p.newest.raise(id, milli)
	}
	for part := range slices.Chunk(pl.rejects, rejectsPerCall) {
		err := p.insist(ctx, "put rejects", func(ctx context.Context) error { return p.o.Ledger.PutRejects(ctx, part) })
		if err != nil {
			return err
		}
		p.counts.reject(part)
	}
	return nil
}

// store writes readings with Append or Rewrite. Those that the store will never
// take go to the rejects, and the others are written again, since the store
// does not say which of them it took.
func (p *Pipeline) store(ctx context.Context, pl *plan, what string, write func(context.Context, []reading.Reading) error, readings []reading.Reading) error {
	for len(readings) > 0 {
		var refused *RefusedError
		err := p.insist(ctx, what, func(ctx context.Context) error {
			refused = nil
			err := write(ctx, readings)
			if errors.As(err, &refused) && len(refused.Readings) > 0 {
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
		if refused == nil {
			p.counts.stored.Add(uint64(len(readings)))
			return nil
		}
		left := pl.refuse(readings, refused)
		if len(left) == len(readings) {
			// It names none of ours, so taking it at its word would go on for ever.
			return p.insist(ctx, what, func(ctx context.Context) error { return write(ctx, readings) })
		}
		readings = left
	}
	return nil
}

// refuse moves the readings that the store refused to the rejects and returns
// the others.
func (pl *plan) refuse(readings []reading.Reading, refused *RefusedError) []reading.Reading {
	gone := make(map[identity]bool, len(refused.Readings))
	for _, r := range refused.Readings {
		gone[identityOf(r)] = true
	}
	var left []reading.Reading
	for _, r := range readings {
		id := identityOf(r)
		if !gone[id] {
			left = append(left, r)
			continue
		}
		pl.rejects = append(pl.rejects, pl.owner[id].reject(r.Station, CauseStoreRefused,
			"the store of readings does not take this reading: "+refused.Unwrap().Error(), wire(r)))
	}
	return left
}
