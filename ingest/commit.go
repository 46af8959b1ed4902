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

// commit writes one batch and calls done for each of its messages. It returns
// false when ctx ended first; then nothing of the batch is acknowledged.
func (p *Pipeline) commit(ctx context.Context, batch []*item) bool {
	pl, err := p.plan(ctx, batch)
	if err == nil {
		err = p.write(ctx, pl)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrStopped, err)
		p.o.Log.LogAttrs(ctx, slog.LevelWarn, "ingest: stopped before a batch was committed; its messages stay unacknowledged",
			slog.Int("messages", len(batch)), slog.Any("error", err))
	} else {
		p.counts.batches.Add(1)
		p.counts.acknowledged.Add(uint64(len(batch)))
		p.counts.duplicates.Add(pl.duplicates)
		p.health.commit(p.o.Now())
	}
	for _, it := range batch {
		it.done(err)
		p.room.Release(it.weight)
		p.counts.queued.Add(-it.weight)
	}
	return err == nil
}

// write makes one plan durable: marks, readings, marks, rejects. Each step is
// repeated until it succeeds and harmless to repeat.
func (p *Pipeline) write(ctx context.Context, pl *plan) error {
	mark := func(ctx context.Context) error { return p.o.Ledger.MarkDirty(ctx, pl.hours) }
	if len(pl.hours) > 0 {
		if err := p.insist(ctx, "mark hours", mark); err != nil {
			return err
		}
		if err := p.store(ctx, pl, "append", p.o.RawStore.Append, pl.fresh); err != nil {
			return err
		}
		if err := p.store(ctx, pl, "rewrite", p.o.RawStore.Rewrite, pl.merged); err != nil {
			return err
		}
		if len(pl.fresh)+len(pl.merged) > 0 {
			if err := p.insist(ctx, "mark hours again", mark); err != nil {
				return err
			}
		}
		for id, milli := range pl.newest {
			p.newest.raise(id, milli)
		}
		select {
		case p.wake <- struct{}{}:
		default:
		}
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
