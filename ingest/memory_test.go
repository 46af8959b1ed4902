package ingest_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// errAway is what the memory answers while a fault is switched on.
var errAway = errors.New("the store is away")

type pointKey struct {
	station  reading.StationID
	at       int64
	revision uint8
}

type blockKey struct {
	station  reading.StationID
	property reading.Property
	month    reading.Month
}

type storedBlock struct {
	block   reading.Block
	version int64
}

// memory implements all interfaces of the package in memory, for the tests of
// faults that cannot be had from a real store at will. It merges field by field
// as the real raw store does.
type memory struct {
	mu       sync.Mutex
	stations map[reading.StationID]reading.Station
	points   map[pointKey]reading.Reading
	dirty    map[reading.StationHour]int64
	token    int64
	blocks   map[blockKey]storedBlock
	puts     int
	rejects  []ingest.Reject
	calls    []string

	// before runs ahead of every call, outside the lock, and may wait or fail it.
	before func(ctx context.Context, call string) error
	// refuse names readings that are never taken.
	refuse func(reading.Reading) bool
	// torn makes a failing Append store the first half all the same.
	torn bool
}

func newMemory(stations ...reading.Station) *memory {
	m := &memory{
		stations: map[reading.StationID]reading.Station{}, points: map[pointKey]reading.Reading{},
		dirty: map[reading.StationHour]int64{}, blocks: map[blockKey]storedBlock{},
	}
	for _, s := range stations {
		m.stations[s.ID] = s
	}
	return m
}

func (m *memory) enter(ctx context.Context, call string) error {
	m.mu.Lock()
	before := m.before
	m.calls = append(m.calls, call)
	m.mu.Unlock()
	if before != nil {
		if err := before(ctx, call); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (m *memory) setBefore(f func(ctx context.Context, call string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before = f
}

func (m *memory) Station(ctx context.Context, id reading.StationID) (reading.Station, error) {
	if err := m.enter(ctx, "station"); err != nil {
		return reading.Station{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	st, ok := m.stations[id]
	if !ok {
		return st, ingest.ErrUnknownStation
	}
	return st, nil
}

func (m *memory) MarkDirty(ctx context.Context, hours []reading.StationHour) error {
	if err := m.enter(ctx, "mark"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.token++
	for _, h := range hours {
		m.dirty[h] = m.token
	}
	return nil
}

func (m *memory) PutRejects(ctx context.Context, rejects []ingest.Reject) error {
	if err := m.enter(ctx, "rejects"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rejects = append(m.rejects, rejects...)
	return nil
}

func (m *memory) Append(ctx context.Context, readings []reading.Reading) error {
	return m.put(ctx, "append", readings, false)
}

func (m *memory) Rewrite(ctx context.Context, readings []reading.Reading) error {
	return m.put(ctx, "rewrite", readings, true)
}

func (m *memory) put(ctx context.Context, call string, readings []reading.Reading, explicit bool) error {
	away := m.enter(ctx, call)
	m.mu.Lock()
	defer m.mu.Unlock()
	if away != nil {
		if !m.torn {
			return away
		}
		readings = readings[:(len(readings)+1)/2]
	}
	var refused []reading.Reading
	for _, r := range readings {
		if m.refuse != nil && m.refuse(r) {
			refused = append(refused, r)
			continue
		}
		k := pointKey{r.Station, r.At.UnixMilli(), r.Revision}
		old, known := m.points[k]
		r.Values = slices.Clone(r.Values)
		if known {
			r = overlay(old, r, explicit)
		}
		m.points[k] = r
	}
	if away == nil && refused != nil {
		return &ingest.RefusedError{Readings: refused, Err: errors.New("a value that no store takes")}
	}
	return away
}

// overlay writes r over old, field by field.
func overlay(old, r reading.Reading, explicit bool) reading.Reading {
	for i, v := range r.Values {
		if w, ok := old.Value(v.Property); ok && v.Flags == 0 && !explicit {
			r.Values[i].Flags = w.Flags
		}
	}
	for _, w := range old.Values {
		if _, ok := r.Value(w.Property); !ok {
			r.Values = append(r.Values, w)
		}
	}
	if r.Interval == 0 && !explicit {
		r.Interval = old.Interval
	}
	return r
}

func (m *memory) Readings(ctx context.Context, id reading.StationID, from, to time.Time) ([]reading.Reading, error) {
	if err := m.enter(ctx, "readings"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var rs []reading.Reading
	for k, r := range m.points {
		if k.station == id && !r.At.Before(from) && r.At.Before(to) {
			r.Values = slices.Clone(r.Values)
			rs = append(rs, r)
		}
	}
	slices.SortFunc(rs, func(a, b reading.Reading) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Revision, b.Revision))
	})
	return rs, nil
}

func (m *memory) Newest(ctx context.Context, id reading.StationID) (at time.Time, ok bool, err error) {
	if err := m.enter(ctx, "newest"); err != nil {
		return at, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, r := range m.points {
		if k.station == id && (!ok || r.At.After(at)) {
			at, ok = r.At, true
		}
	}
	return at, ok, nil
}

func (m *memory) DirtyHours(ctx context.Context, after reading.StationID, limit int) ([]ingest.DirtyHour, error) {
	if err := m.enter(ctx, "dirty"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var hours []ingest.DirtyHour
	for h, token := range m.dirty {
		if h.Station > after {
			hours = append(hours, ingest.DirtyHour{StationHour: h, Token: token})
		}
	}
	slices.SortFunc(hours, func(a, b ingest.DirtyHour) int {
		return cmp.Or(cmp.Compare(a.Station, b.Station), cmp.Compare(a.Hour, b.Hour))
	})
	return hours[:min(limit, len(hours))], nil
}

func (m *memory) ClearDirty(ctx context.Context, hours []ingest.DirtyHour) error {
	if err := m.enter(ctx, "clear"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range hours {
		if m.dirty[h.StationHour] == h.Token {
			delete(m.dirty, h.StationHour)
		}
	}
	return nil
}

func (m *memory) Block(ctx context.Context, s reading.StationID, p reading.Property, month reading.Month) (reading.Block, int64, error) {
	if err := m.enter(ctx, "block"); err != nil {
		return reading.Block{}, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.blocks[blockKey{s, p, month}]
	if !ok {
		return reading.NewBlock(s, p, month), 0, nil
	}
	return cloneBlock(b.block), b.version, nil
}

func (m *memory) PutBlocks(ctx context.Context, blocks []ingest.VersionedBlock) error {
	if err := m.enter(ctx, "put"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range blocks {
		if m.blocks[blockKey{b.Station, b.Property, b.Month}].version != b.Version {
			return ingest.ErrStaleBlock
		}
	}
	for _, b := range blocks {
		m.blocks[blockKey{b.Station, b.Property, b.Month}] = storedBlock{cloneBlock(b.Block), b.Version + 1}
		m.puts++
	}
	return nil
}

func cloneBlock(b reading.Block) reading.Block {
	b.Values, b.Capture, b.Flags = slices.Clone(b.Values), slices.Clone(b.Capture), slices.Clone(b.Flags)
	return b
}

func (m *memory) pointCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.points)
}

// point returns the stored reading of revision 0 at a time.
func (m *memory) point(id reading.StationID, at time.Time, revision uint8) (reading.Reading, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.points[pointKey{id, at.UnixMilli(), revision}]
	return r, ok
}

func (m *memory) causes() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	causes := map[string]int{}
	for _, r := range m.rejects {
		causes[r.Cause]++
	}
	return causes
}

// tape returns the calls so far and forgets them.
func (m *memory) tape() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.calls
	m.calls = nil
	return t
}

var (
	_ ingest.Stations = (*memory)(nil)
	_ ingest.Ledger   = (*memory)(nil)
	_ ingest.RawStore = (*memory)(nil)
	_ ingest.Blocks   = (*memory)(nil)
)
