package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
)

// entry is one block as it is stored and as it will be.
type entry struct {
	stored, block reading.Block
	version       int64
	// corrupt: what is stored cannot be read and must be replaced.
	corrupt bool
}

func (e *entry) changed() bool {
	return e.corrupt || !slices.Equal(e.stored.Values, e.block.Values) || !slices.Equal(e.stored.Capture, e.block.Capture) || !slices.Equal(e.stored.Flags, e.block.Flags)
}

// table holds the blocks of one station that a recomputation touches.
type table struct {
	blocks  Blocks
	station reading.StationID
	// dirty are the months with marked hours, in order.
	dirty []reading.Month
	pages map[page]*entry
	// corrupt are the dirty months with a stored block that cannot be read.
	corrupt []reading.Month
}

func (t *table) load(ctx context.Context, k page) error {
	if t.pages[k] != nil {
		return nil
	}
	b, version, err := t.blocks.Block(ctx, t.station, k.property, k.month)
	corrupt := errors.Is(err, ErrCorruptBlock) && t.isDirty(k.month)
	if corrupt {
		t.corrupt = append(t.corrupt, k.month) // begin from the empty block: all its hours are computed
	} else if err != nil {
		return fmt.Errorf("read block %s %s: %w", k.property, k.month, err)
	}
	if err := b.Check(); err != nil {
		return err
	}
	next := b
	next.Values, next.Capture, next.Flags = slices.Clone(b.Values), slices.Clone(b.Capture), slices.Clone(b.Flags)
	t.pages[k] = &entry{stored: b, block: next, version: version, corrupt: corrupt}
	return nil
}

// fill puts the means of hours of the span into the blocks. An hour without any
// raw reading is left as it is: readings are never deleted one by one, so
// either the hour was never filled or its readings are past their retention,
// and then the block is all that is left of them.
func (t *table) fill(s *span, hours []reading.Hour) {
	for _, info := range reading.Properties() {
		for _, h := range hours {
			if !s.any[h-s.first] {
				continue
			}
			m := reading.MonthOf(h)
			b, i, mean := t.pages[page{info.Property, m}].block, h-m.First(), s.mean(info.Property, h)
			b.Values[i], b.Capture[i], b.Flags[i] = mean.value, mean.capture, mean.flags
		}
	}
}

// constant sets the Constant flag anew in all dirty months, and in the edges of
// their neighbours, since a run may cross the border. Only the edges: what lies
// farther in depends on the neighbour's neighbour and cannot have changed.
func (t *table) constant(ctx context.Context) error {
	for _, info := range reading.Properties() {
		if !quality.HasConstant(info.Property) {
			continue
		}
		months, err := t.neighbourhood(ctx, info.Property)
		if err != nil {
			return err
		}
		for len(months) > 0 {
			n := 1
			for n < len(months) && months[n] == months[n-1]+1 {
				n++
			}
			t.constantRow(info.Property, months[:n])
			months = months[n:]
		}
	}
	return nil
}

// neighbourhood returns the dirty months of a property and those of their
// neighbours that a run could join, all loaded.
func (t *table) neighbourhood(ctx context.Context, p reading.Property) ([]reading.Month, error) {
	var months []reading.Month
	for _, m := range t.dirty {
		e := t.pages[page{p, m}]
		n := len(e.block.Values)
		const edge = quality.ConstantGap + 1
		if anyValue(e.stored.Values[:edge]) || anyValue(e.block.Values[:edge]) {
			months = append(months, m-1)
		}
		months = append(months, m)
		if anyValue(e.stored.Values[n-edge:]) || anyValue(e.block.Values[n-edge:]) {
			months = append(months, m+1)
		}
	}
	slices.Sort(months)
	months = slices.Compact(months)
	for _, m := range months {
		if err := t.load(ctx, page{p, m}); err != nil {
			return nil, err
		}
	}
	return months, nil
}

func anyValue(values []int32) bool {
	return slices.ContainsFunc(values, func(v int32) bool { return v != reading.Missing })
}

// constantRow runs the check over consecutive months.
func (t *table) constantRow(p reading.Property, months []reading.Month) {
	var values []int32
	var flags []reading.Flag
	for _, m := range months {
		b := t.pages[page{p, m}].block
		values = append(values, b.Values...)
		flags = append(flags, b.Flags...)
	}
	quality.Constant(values, flags)
	for _, m := range months {
		b := t.pages[page{p, m}].block
		n := len(b.Flags)
		switch {
		case t.isDirty(m):
			copy(b.Flags, flags)
		default:
			if t.isDirty(m - 1) {
				copy(b.Flags[:quality.ConstantReach], flags)
			}
			if t.isDirty(m + 1) {
				copy(b.Flags[n-quality.ConstantReach:], flags[n-quality.ConstantReach:n])
			}
		}
		flags = flags[n:]
	}
}

func (t *table) isDirty(m reading.Month) bool {
	_, ok := slices.BinarySearch(t.dirty, m)
	return ok
}

// store writes the blocks that changed, all or none. Then it looks whether a
// neighbour that was only read has changed meanwhile: two writers on two sides
// of a month's border each see the other's old block, and the later of them
// finds that out here.
func (t *table) store(ctx context.Context) error {
	var changed []VersionedBlock
	written := map[page]bool{}
	for k, e := range t.pages {
		if e.changed() {
			written[k] = true
			changed = append(changed, VersionedBlock{Block: e.block, Version: e.version})
		}
	}
	if len(changed) == 0 {
		return nil
	}
	// One order for all writers, so that two transactions cannot lock each other out.
	slices.SortFunc(changed, func(a, b VersionedBlock) int {
		return page{a.Property, a.Month}.compare(page{b.Property, b.Month})
	})
	if err := t.blocks.PutBlocks(ctx, changed); err != nil {
		return fmt.Errorf("store blocks: %w", err)
	}
	for k, e := range t.pages {
		if written[k] || (!written[page{k.property, k.month - 1}] && !written[page{k.property, k.month + 1}]) || !quality.HasConstant(k.property) {
			continue
		}
		_, version, err := t.blocks.Block(ctx, t.station, k.property, k.month)
		if err != nil {
			return fmt.Errorf("read block %s %s again: %w", k.property, k.month, err)
		}
		if version != e.version {
			return ErrStaleBlock
		}
	}
	return nil
}
