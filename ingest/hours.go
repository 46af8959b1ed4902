package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"buurtmeter/ingest/reading"
)

// HoursOptions are what a Recomputer works with. Blocks, Stations and RawStore
// are required; the zero value of every other field means the stated default.
type HoursOptions struct {
	Blocks   Blocks
	Stations Stations
	RawStore RawStore
	// Withdrawals, when set, tells which readings do not count because their
	// keeper took them back.
	Withdrawals Withdrawals
	// Lifts, when set, tells which remarks exclude nothing because an objection
	// was accepted.
	Lifts Lifts
	// Erase, when set, removes what is kept outside the register of a station
	// that was deleted: raw readings first of all. A mark on an hour of such a
	// station means that there may be some. Without it such marks are left for
	// another process.
	Erase func(ctx context.Context, id reading.StationID) error
	// Log gets faults of the stores; default: nothing is logged.
	Log *slog.Logger
	// Wake tells that there may be marked hours; see Pipeline.Committed. nil is
	// allowed: then only Every counts.
	Wake <-chan struct{}
	// Every is the longest pause between two looks at the marks; default 500 ms.
	Every time.Duration
	// Limit is how many marked hours are taken at a time; default 10,000.
	Limit int
	// Drain is how long Run goes on after its context ended; default 10 s.
	Drain time.Duration
}

// Recomputer turns marked hours into month blocks. An hour is always computed
// anew from the raw readings and never added to, so the blocks depend on what
// is stored and on nothing else: not on the order of arrival, not on how often
// something came, not on how many recomputers run. Several may run at once, in
// one process or in many.
type Recomputer struct {
	o HoursOptions
	// after is the last station that was handled: the next pass goes on behind
	// it and comes round again, so that neither a station with very many marks
	// nor one that fails holds up the others.
	after reading.StationID
}

// NewRecomputer returns a Recomputer. It is used by one goroutine.
func NewRecomputer(o HoursOptions) *Recomputer {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Every <= 0 {
		o.Every = 500 * time.Millisecond
	}
	if o.Limit <= 0 {
		o.Limit = 10_000
	}
	if o.Drain <= 0 {
		o.Drain = 10 * time.Second
	}
	return &Recomputer{o: o}
}

// Run recomputes marked hours until ctx ends, then those that are still marked,
// for at most Drain. Faults are logged and tried again; marks that are left
// stay in the register for the next start. The error is always nil.
func (r *Recomputer) Run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	release := context.AfterFunc(ctx, func() {
		if pause(work, r.o.Drain) == nil {
			cancel()
		}
	})
	defer release()
	for work.Err() == nil {
		begin := time.Now()
		done, err := r.Once(work)
		wait := time.Duration(0)
		switch {
		case err != nil && work.Err() == nil:
			r.o.Log.LogAttrs(ctx, slog.LevelWarn, "hours: some hours could not be computed; they stay marked", slog.Int("done", done), slog.Any("error", err))
			wait = 4 * r.o.Every
		case done == 0:
			wait = r.o.Every
		case done < r.o.Limit:
			// That was all. Hours that go on getting readings are marked again at
			// once, so the longer a pass takes the less often they are computed.
			r.rest(ctx, min(breather*time.Since(begin), maxBreather), false)
		}
		if ctx.Err() != nil && (err != nil || done == 0) {
			break
		}
		if wait > 0 {
			r.rest(ctx, wait, err == nil)
		}
	}
	return nil
}

const (
	// breather is how many times as long as a pass took is left to others before
	// the next one, at most maxBreather: under a steady stream of readings the
	// recomputation takes a small part of one core and not all there is.
	breather    = 20
	maxBreather = 20 * time.Second
)

// rest waits for d, for the end of ctx, or, if wakeable, for a signal. After a
// signal it waits a little more, so that one pass serves several commits.
func (r *Recomputer) rest(ctx context.Context, d time.Duration, wakeable bool) {
	wake := r.o.Wake
	if !wakeable {
		wake = nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-wake:
		_ = pause(ctx, r.o.Every/5)
	}
}

// maxStationsFailing is after how many failing stations in a row a pass gives
// up: then it is the store that fails and not the station.
const maxStationsFailing = 3

// Once takes the marks that are there, up to Limit, recomputes their hours and
// clears them. It returns how many hours are done; 0 without an error means
// that none was marked. On an error the hours that are not done stay marked.
func (r *Recomputer) Once(ctx context.Context) (done int, err error) {
	claimed, err := r.o.Blocks.DirtyHours(ctx, r.after, r.o.Limit)
	if err == nil && len(claimed) == 0 && r.after != "" {
		r.after = ""
		claimed, err = r.o.Blocks.DirtyHours(ctx, "", r.o.Limit)
	}
	if err != nil {
		return 0, fmt.Errorf("list marked hours: %w", err)
	}
	byStation := map[reading.StationID][]DirtyHour{}
	var order []reading.StationID
	for _, h := range claimed {
		if byStation[h.Station] == nil {
			order = append(order, h.Station)
		}
		byStation[h.Station] = append(byStation[h.Station], h)
	}
	var errs []error
	var clear []DirtyHour
	inRow := 0
	for _, id := range order {
		hours := byStation[id]
		r.after = id
		err := r.station(ctx, id, hours)
		if errors.Is(err, errLeft) {
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("station %s: %w", id, err))
			if inRow++; inRow == maxStationsFailing || ctx.Err() != nil {
				break
			}
			continue
		}
		inRow = 0
		clear = append(clear, hours...)
	}
	if len(clear) > 0 {
		if err := r.o.Blocks.ClearDirty(ctx, clear); err != nil {
			return 0, errors.Join(append(errs, fmt.Errorf("clear marks: %w", err))...)
		}
	}
	return len(clear), errors.Join(errs...)
}

// errLeft tells that the marks of a station are for another process.
var errLeft = errors.New("marks are left for another process")

// erase removes what is left of a station that was deleted. The pipeline marks
// after each write, so a reading that was under way during the deletion brings
// us here again.
func (r *Recomputer) erase(ctx context.Context, id reading.StationID) error {
	if r.o.Erase == nil {
		return errLeft
	}
	if err := r.o.Erase(ctx, id); err != nil {
		return fmt.Errorf("erase a deleted station: %w", err)
	}
	r.o.Log.LogAttrs(ctx, slog.LevelInfo, "hours: the readings of a deleted station are erased", slog.String("station", string(id)))
	return nil
}

// lift marks the readings whose excluding remarks are lifted. It must be called
// after the blocks were read, as withdraw, and after withdraw.
func lift(readings []reading.Reading, lifts []Lift) {
	for i := range readings {
		for k := range readings[i].Values {
			v := &readings[i].Values[k]
			if f := liftedAt(lifts, v.Property, readings[i].At); f != 0 {
				v.Flags = v.Flags.Lift(f)
			}
		}
	}
}

// liftedAt returns the flags of a property that are lifted at t.
func liftedAt(lifts []Lift, p reading.Property, t time.Time) (f reading.Flag) {
	for _, l := range lifts {
		if l.Property == p && l.Contains(t) {
			f |= l.Flag
		}
	}
	return f
}

// maxStale bounds the attempts at blocks that others keep changing.
const maxStale = 20

// station recomputes the hours of one station, again when another writer came
// in between.
func (r *Recomputer) station(ctx context.Context, id reading.StationID, hours []DirtyHour) error {
	st, err := r.o.Stations.Station(ctx, id)
	if errors.Is(err, ErrStationDeleted) {
		return r.erase(ctx, id)
	}
	if errors.Is(err, ErrUnknownStation) {
		r.o.Log.LogAttrs(ctx, slog.LevelInfo, "hours: marks of a station that is gone are cleared", slog.String("station", string(id)), slog.Int("hours", len(hours)))
		return nil
	}
	if err != nil {
		return err
	}
	list := make([]reading.Hour, len(hours))
	for i, h := range hours {
		list[i] = h.Hour
	}
	slices.Sort(list)
	list = slices.Compact(list)
	for attempt := range maxStale {
		err = r.rebuild(ctx, st, list)
		if errors.Is(err, ErrStationDeleted) { // meanwhile
			return r.erase(ctx, id)
		}
		if !errors.Is(err, ErrStaleBlock) {
			return err
		}
		if err := pause(ctx, time.Duration(attempt)*5*time.Millisecond); err != nil {
			return err
		}
	}
	return err
}

// rebuild recomputes sorted hours of one station and stores the blocks that
// changed. The blocks are read before the raw readings: a block that is still
// at the version that was read cannot then hold newer readings than we do.
func (r *Recomputer) rebuild(ctx context.Context, st reading.Station, hours []reading.Hour) error {
	t := &table{blocks: r.o.Blocks, station: st.ID, kind: st.Kind, pages: map[page]*entry{}, dirty: monthsOf(hours)}
	for _, info := range reading.Properties() {
		for _, m := range t.dirty {
			if err := t.load(ctx, page{info.Property, m}); err != nil {
				return err
			}
		}
	}
	if len(t.corrupt) > 0 {
		r.o.Log.LogAttrs(ctx, slog.LevelWarn, "hours: a block cannot be read and is computed anew from the raw readings", slog.String("station", string(st.ID)), slog.Any("months", t.corrupt))
		hours = withMonths(hours, t.corrupt)
	}
	t.hours = hours
	withdrawn, lifts, err := r.decisions(ctx, st.ID)
	if err != nil {
		return err
	}
	for len(hours) > 0 {
		n := spanLength(hours, st.Cadence)
		first, last := hours[0], hours[n-1]
		raw, err := r.o.RawStore.Readings(ctx, st.ID, (first - 1).Start(), (last + 1).Start())
		if err != nil {
			return fmt.Errorf("raw readings: %w", err)
		}
		withdraw(raw, withdrawn)
		lift(raw, lifts)
		t.fill(sumUp(raw, first, int(last-first)+1, st.Cadence), hours[:n])
		hours = hours[n:]
	}
	if err := t.check(ctx, lifts); err != nil {
		return err
	}
	return t.store(ctx)
}

// decisions returns what people decided about the readings of a station.
func (r *Recomputer) decisions(ctx context.Context, id reading.StationID) (withdrawn []Period, lifts []Lift, err error) {
	if r.o.Withdrawals != nil {
		if withdrawn, err = r.o.Withdrawals.Withdrawals(ctx, id); err != nil {
			return nil, nil, err
		}
	}
	if r.o.Lifts != nil {
		if lifts, err = r.o.Lifts.Lifts(ctx, id); err != nil {
			return nil, nil, err
		}
	}
	return withdrawn, lifts, nil
}

const (
	// spanGap is how many unmarked hours are fetched along rather than asking
	// twice.
	spanGap = 24
	// spanReadings and spanHours bound one query.
	spanReadings = 50_000
	spanHours    = 31 * 24
)

// spanLength returns how many of the hours, from the first on, are fetched with
// one query.
func spanLength(hours []reading.Hour, cadence time.Duration) int {
	longest := reading.Hour(spanHours)
	if cadence > 0 {
		longest = min(longest, max(24, reading.Hour(spanReadings*cadence/time.Hour)))
	}
	n := 1
	for n < len(hours) && hours[n]-hours[n-1] <= spanGap && hours[n]-hours[0] < longest {
		n++
	}
	return n
}

// withMonths adds all hours of the months to sorted hours.
func withMonths(hours []reading.Hour, months []reading.Month) []reading.Hour {
	hours = slices.Clone(hours)
	for _, m := range months {
		for h := m.First(); h < (m + 1).First(); h++ {
			hours = append(hours, h)
		}
	}
	slices.Sort(hours)
	return slices.Compact(hours)
}

func monthsOf(hours []reading.Hour) []reading.Month {
	var months []reading.Month
	for _, h := range hours {
		if m := reading.MonthOf(h); len(months) == 0 || months[len(months)-1] != m {
			months = append(months, m)
		}
	}
	return months
}

// page names one block of the station at hand.
type page struct {
	property reading.Property
	month    reading.Month
}

func (a page) compare(b page) int {
	return cmp.Or(cmp.Compare(a.property, b.property), cmp.Compare(a.month, b.month))
}
