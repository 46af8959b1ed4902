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

// toCompare returns the hours that other stations may judge differently now:
// those with another valid mean than is stored.
func (e *entry) toCompare() (hours []reading.Hour) {
	if !quality.HasBuddies(e.block.Property) {
		return nil
	}
	for i, v := range e.block.Values {
		now := e.block.Valid(i)
		if now != e.stored.Valid(i) || now && v != e.stored.Values[i] {
			hours = append(hours, e.block.Month.First()+reading.Hour(i))
		}
	}
	return hours
}

// table holds the blocks of one station that a recomputation touches.
type table struct {
	blocks  Blocks
	station reading.StationID
	kind    reading.Kind
	// hours are the marked ones and dirty the months that hold them, in order.
	hours []reading.Hour
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
		humid := quality.HasHumidity(info.Property, t.kind)
		for _, h := range hours {
			if !s.any[h-s.first] {
				continue
			}
			m := reading.MonthOf(h)
			b, i, mean := t.pages[page{info.Property, m}].block, h-m.First(), s.mean(info.Property, h)
			if mean.value != reading.Missing {
				// What the neighbours say stays until they were asked again.
				mean.flags |= b.Flags[i] & reading.AmongNeighbours
				if humid && quality.Humid(s.mean(reading.Humidity, h).value) {
					mean.flags |= reading.HumiditySuspect
				}
			}
			b.Values[i], b.Capture[i], b.Flags[i] = mean.value, mean.capture, mean.flags
		}
	}
}

// check runs the checks that look at a row of hours: Constant anew in all dirty
// months, and in the edges of their neighbours, since a run may cross the
// border. Only the edges: what lies farther in depends on the neighbour's
// neighbour and cannot have changed. Spike anew within its reach of each marked
// hour. Then what was lifted is marked as such.
func (t *table) check(ctx context.Context, lifts []Lift) error {
	for _, info := range reading.Properties() {
		if !quality.HasConstant(info.Property) && !quality.HasSpike(info.Property) {
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
			t.checkRow(info.Property, months[:n])
			months = months[n:]
		}
	}
	for k, e := range t.pages {
		t.lift(k, e.block, lifts)
	}
	return nil
}

// neighbourhood returns the dirty months of a property, as far as they have
// values, and those of their neighbours that a run or a spike's window could
// join, all loaded.
func (t *table) neighbourhood(ctx context.Context, p reading.Property) ([]reading.Month, error) {
	var months []reading.Month
	for _, m := range t.dirty {
		e := t.pages[page{p, m}]
		if !anyValue(e.stored.Values) && !anyValue(e.block.Values) {
			continue
		}
		n := len(e.block.Values)
		const edge, far = quality.ConstantGap + 1, 2 * quality.SpikeReach
		first, last := t.marked(m)
		if first < far || anyValue(e.stored.Values[:edge]) || anyValue(e.block.Values[:edge]) {
			months = append(months, m-1)
		}
		months = append(months, m)
		if last >= n-far || anyValue(e.stored.Values[n-edge:]) || anyValue(e.block.Values[n-edge:]) {
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

// marked returns the first and the last marked hour of a dirty month, counted
// from its begin.
func (t *table) marked(m reading.Month) (first, last int) {
	from, _ := slices.BinarySearch(t.hours, m.First())
	to, _ := slices.BinarySearch(t.hours, (m + 1).First())
	return int(t.hours[from] - m.First()), int(t.hours[to-1] - m.First())
}

func anyValue(values []int32) bool {
	return slices.ContainsFunc(values, func(v int32) bool { return v != reading.Missing })
}

// checkRow runs the checks over consecutive months.
func (t *table) checkRow(p reading.Property, months []reading.Month) {
	var values []int32
	var flags []reading.Flag
	for _, m := range months {
		b := t.pages[page{p, m}].block
		values = append(values, b.Values...)
		flags = append(flags, b.Flags...)
	}
	if quality.HasConstant(p) {
		quality.Constant(values, flags)
	}
	if quality.HasSpike(p) {
		first := months[0].First()
		for _, r := range t.around(quality.SpikeReach) {
			quality.Spike(p, values, flags, int(r[0]-first), int(r[1]-first))
		}
	}
	for _, m := range months {
		b := t.pages[page{p, m}].block
		n := len(b.Flags)
		for i := range n {
			edge := t.isDirty(m) || i < quality.ConstantReach && t.isDirty(m-1) || i >= n-quality.ConstantReach && t.isDirty(m+1)
			if !edge { // the row may not hold all of a run in here
				flags[i] = flags[i]&^reading.Constant | b.Flags[i]&reading.Constant
			}
			b.Flags[i] = flags[i]
		}
		flags = flags[n:]
	}
}

// around returns the stretches of hours [from, to) at most reach hours away
// from a marked one, in order and without overlap.
func (t *table) around(reach reading.Hour) [][2]reading.Hour {
	var out [][2]reading.Hour
	for _, h := range t.hours {
		if k := len(out) - 1; k >= 0 && h-reach <= out[k][1] {
			out[k][1] = h + reach + 1
			continue
		}
		out = append(out, [2]reading.Hour{h - reach, h + reach + 1})
	}
	return out
}

// lift sets Lifted anew on the hours of a block. It is a function of the other
// flags and of the lifts alone.
func (t *table) lift(k page, b reading.Block, lifts []Lift) {
	if len(lifts) == 0 && !slices.ContainsFunc(b.Flags, func(f reading.Flag) bool { return f&reading.Lifted != 0 }) {
		return
	}
	for i, f := range b.Flags {
		if f != 0 {
			b.Flags[i] = f.LiftHour(liftedAt(lifts, k.property, (k.month.First() + reading.Hour(i)).Start()))
		}
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
			changed = append(changed, VersionedBlock{Block: e.block, Version: e.version, Hours: e.toCompare()})
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
		if written[k] || (!written[page{k.property, k.month - 1}] && !written[page{k.property, k.month + 1}]) || !quality.HasConstant(k.property) && !quality.HasSpike(k.property) {
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
