package ingest

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"buurtmeter/ingest/reading"
)

// identity is what makes two readings the same.
type identity struct {
	station  reading.StationID
	milli    int64
	revision uint8
}

func identityOf(r reading.Reading) identity {
	return identity{r.Station, r.At.UnixMilli(), r.Revision}
}

// arrival is one reading of one message.
type arrival struct {
	item    *item
	reading reading.Reading
}

// moment is everything that is known of one identity: what the store holds and
// what arrived, in order of arrival.
type moment struct {
	id       identity
	stored   *reading.Reading
	arrivals []arrival
}

// plan is what one batch will write.
type plan struct {
	// fresh readings are not in the store; merged ones are, and change.
	fresh, merged []reading.Reading
	hours         []reading.StationHour
	rejects       []Reject
	duplicates    uint64
	// owner is the message that first brought each identity.
	owner map[identity]*item
	// newest is the latest time of each station in the batch, in milliseconds.
	newest map[reading.StationID]int64
}

// plan compares the batch with the store and with itself. It is made once per
// batch: after a write that failed half-way, a second look at the store would
// take the batch's own readings for repetitions.
func (p *Pipeline) plan(ctx context.Context, batch []*item) (*plan, error) {
	moments, byStation := group(batch)
	if err := p.lookUp(ctx, byStation); err != nil {
		return nil, err
	}
	pl := &plan{owner: make(map[identity]*item, len(moments)), newest: make(map[reading.StationID]int64, len(byStation))}
	for _, it := range batch {
		pl.rejects = append(pl.rejects, it.rejects...)
	}
	marked := map[reading.StationHour]bool{}
	for _, m := range moments {
		pl.settle(m, marked)
	}
	return pl, nil
}

// group sorts the readings of the batch by identity, in order of arrival.
func group(batch []*item) (moments []*moment, byStation map[reading.StationID][]*moment) {
	n := 0
	for _, it := range batch {
		n += len(it.readings)
	}
	// Nearly every reading has a moment for itself, so there is room for that.
	byID := make(map[identity]*moment, n)
	byStation = make(map[reading.StationID][]*moment, min(n, len(batch)))
	moments, room, first := make([]*moment, 0, n), make([]moment, n), make([]arrival, n)
	for _, it := range batch {
		for _, r := range it.readings {
			id := identityOf(r)
			m := byID[id]
			if m == nil {
				k := len(moments)
				m = &room[k]
				m.id, m.arrivals = id, first[k:k:k+1]
				byID[id] = m
				moments = append(moments, m)
				byStation[r.Station] = append(byStation[r.Station], m)
			}
			m.arrivals = append(m.arrivals, arrival{it, r})
		}
	}
	return moments, byStation
}

// settle folds the arrivals of one moment into what is stored.
func (pl *plan) settle(m *moment, marked map[reading.StationHour]bool) {
	first := m.arrivals[0]
	pl.owner[m.id] = first.item
	if latest, ok := pl.newest[m.id.station]; !ok || m.id.milli > latest {
		pl.newest[m.id.station] = m.id.milli
	}
	rest, changed := m.arrivals, false
	var state reading.Reading
	if m.stored != nil {
		state = *m.stored
		state.Values = slices.Clone(state.Values)
	} else {
		state, rest, changed = first.reading, m.arrivals[1:], true
	}
	for _, a := range rest {
		c, duplicates, losers := merge(&state, a.reading)
		changed = changed || c
		pl.duplicates += duplicates
		for _, v := range losers {
			pl.rejects = append(pl.rejects, a.item.conflict(a.reading, v))
		}
	}
	cadence := first.item.station.Cadence
	hours := hoursOf(state, cadence)
	if m.stored != nil {
		// Marked also when nothing changes: the write that made it so may have
		// been killed between the store and its second mark.
		if changed {
			pl.merged = append(pl.merged, state)
		}
		// A stated interval may be shorter than the cadence that stood in for
		// it, so the hours that are no longer reached count too.
		hours = append(hours, hoursOf(*m.stored, cadence)...)
	} else {
		pl.fresh = append(pl.fresh, state)
	}
	for _, h := range hours {
		if !marked[h] {
			marked[h] = true
			pl.hours = append(pl.hours, h)
		}
	}
}

// merge folds src into dst, which has the same identity. The outcome does not
// depend on the order of several merges, except for which of two conflicting
// values stays, and both of those are excluded:
//
//   - the flags of a value are those of all its arrivals together;
//   - the same value again adds Duplicate;
//   - another value adds Conflict, for good, and takes Duplicate away, because
//     who repeated whom would depend on the order;
//   - the longest stated interval and the first receipt count.
//
// It returns whether anything changed that must be stored, how many values were
// repetitions, and the values of src that lost.
func merge(dst *reading.Reading, src reading.Reading) (changed bool, duplicates uint64, losers []reading.Value) {
	if src.Interval > dst.Interval {
		dst.Interval, changed = src.Interval, true
	}
	if src.Received.Before(dst.Received) {
		dst.Received = src.Received // alone not worth a write
	}
	for _, v := range src.Values {
		i := slices.IndexFunc(dst.Values, func(w reading.Value) bool { return w.Property == v.Property })
		if i < 0 {
			dst.Values = append(dst.Values, v)
			changed = true
			continue
		}
		w := &dst.Values[i]
		flags := w.Flags | v.Flags
		if v.Value == w.Value {
			duplicates++
			flags |= reading.Duplicate
		} else {
			losers = append(losers, v)
			flags |= reading.Conflict
		}
		if flags&reading.Conflict != 0 {
			flags &^= reading.Duplicate
		}
		if flags != w.Flags {
			w.Flags, changed = flags, true
		}
	}
	return changed, duplicates, losers
}

// conflict is the reject for a value that lost. Its payload is the value in our
// own wire format, so that it can be taken in again as a correction.
func (it *item) conflict(r reading.Reading, v reading.Value) Reject {
	r.Values = []reading.Value{v}
	it = &item{source: it.source, received: it.received, wire: Message{Format: reading.FormatOwn}}
	return it.reject(r.Station, CauseConflict, fmt.Sprintf(
		"%s at %s, revision %d: another value came for the same moment, so neither counts: send the right one with a higher rev",
		v.Property, r.At.Format(time.RFC3339Nano), r.Revision), wire(r))
}

// wire writes a reading in our own wire format.
func wire(r reading.Reading) []byte {
	b := append([]byte(`{"time":"`), r.At.UTC().Format("2006-01-02T15:04:05.999Z07:00")...)
	b = append(b, '"')
	if r.Interval > 0 {
		b = append(b, `,"interval":`...)
		b = strconv.AppendInt(b, int64(r.Interval/time.Second), 10)
	}
	if r.Revision > 0 {
		b = append(b, `,"rev":`...)
		b = strconv.AppendInt(b, int64(r.Revision), 10)
	}
	b = append(b, `,"values":{`...)
	for i, v := range r.Values {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, string(v.Property))
		b = append(b, ':')
		b = strconv.AppendFloat(b, v.Value, 'g', -1, 64)
	}
	return append(b, "}}"...)
}

const (
	// lookupChain bounds the moments that are fetched with one query.
	lookupChain = 1000
	// lookupGap is how many cadences apart two moments may lie to be fetched
	// with one query: what lies between them is read along, so a sparse chain
	// over a dense store would read, and hold, far more than was asked for.
	lookupGap = 3
)

// lookUp fills in what is stored for the moments that are not plainly new.
func (p *Pipeline) lookUp(ctx context.Context, byStation map[reading.StationID][]*moment) error {
	// A handful at a time: after a restart every station is asked for at once.
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for id, moments := range byStation {
		if p.plainlyNew(id, moments) {
			continue
		}
		group.Go(func() error { return p.lookUpStation(ctx, id, moments) })
	}
	return group.Wait()
}

// plainlyNew tells from memory that all moments are later than what is stored of
// the station: nearly always, so that it must cost nothing.
func (p *Pipeline) plainlyNew(id reading.StationID, moments []*moment) bool {
	newest, known := p.newest.get(id)
	return known && !p.o.Shared && !slices.ContainsFunc(moments, func(m *moment) bool { return m.id.milli <= newest })
}

// lookUpStation asks the store for the moments of one station up to its newest.
func (p *Pipeline) lookUpStation(ctx context.Context, id reading.StationID, moments []*moment) error {
	if !p.o.Shared {
		newest, err := p.newestOf(ctx, id)
		if err != nil {
			return err
		}
		moments = slices.DeleteFunc(moments, func(m *moment) bool { return m.id.milli > newest })
	}
	slices.SortFunc(moments, func(a, b *moment) int { return cmp.Compare(a.id.milli, b.id.milli) })
	for len(moments) > 0 {
		gap := lookupGap * moments[0].arrivals[0].item.station.Cadence.Milliseconds()
		n := 1
		for n < min(len(moments), lookupChain) && moments[n].id.milli-moments[n-1].id.milli <= gap {
			n++
		}
		if err := p.fetch(ctx, id, moments[:n]); err != nil {
			return err
		}
		moments = moments[n:]
	}
	return nil
}

// newestOf returns the time of the station's latest stored reading in
// milliseconds, from memory when it is known there.
func (p *Pipeline) newestOf(ctx context.Context, id reading.StationID) (int64, error) {
	if milli, ok := p.newest.get(id); ok {
		return milli, nil
	}
	var at time.Time
	var any bool
	err := p.insist(ctx, "newest reading", func(ctx context.Context) (err error) {
		at, any, err = p.o.RawStore.Newest(ctx, id)
		return err
	})
	if err != nil {
		return 0, err
	}
	milli := int64(math.MinInt64)
	if any {
		milli = at.UnixMilli()
	}
	p.newest.set(id, milli)
	return milli, nil
}

// fetch fills in the stored readings of moments in order of time.
func (p *Pipeline) fetch(ctx context.Context, id reading.StationID, moments []*moment) error {
	from, to := time.UnixMilli(moments[0].id.milli).UTC(), time.UnixMilli(moments[len(moments)-1].id.milli+1).UTC()
	wanted := make(map[identity]*moment, len(moments))
	for _, m := range moments {
		wanted[m.id] = m
	}
	return p.insist(ctx, "stored readings", func(ctx context.Context) error {
		stored, err := p.o.RawStore.Readings(ctx, id, from, to)
		for i := range stored {
			if m := wanted[identityOf(stored[i])]; m != nil {
				m.stored = &stored[i]
			}
		}
		return err
	})
}

// maxNewestTimes bounds the memory of newest times; past it, all are forgotten
// and asked for again.
const maxNewestTimes = 100_000

// newestTimes remembers the time of each station's latest stored reading, in
// milliseconds.
type newestTimes struct {
	mu    sync.Mutex
	milli map[reading.StationID]int64
}

func (n *newestTimes) get(id reading.StationID) (int64, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	milli, ok := n.milli[id]
	return milli, ok
}

func (n *newestTimes) set(id reading.StationID, milli int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.milli) >= maxNewestTimes {
		clear(n.milli)
	}
	n.milli[id] = milli
}

// raise follows a commit. A station that was forgotten stays so: its newest
// reading may be later than the one that was committed now.
func (n *newestTimes) raise(id reading.StationID, milli int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if old, ok := n.milli[id]; ok && milli > old {
		n.milli[id] = milli
	}
}
