package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
)

// NeighboursOptions are what Neighbours works with. Network is required; the
// zero value of every other field means the stated default.
type NeighboursOptions struct {
	Network Network
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Settle is how long an hour must be over before it is compared: most of the
	// neighbours have reported by then. What comes later is compared again.
	// Default 15 minutes.
	Settle time.Duration
	// Every is the pause between two looks at the marks; default 10 s.
	Every time.Duration
	// Limit is how many hours are taken at a time; default 2,000.
	Limit int
	// Log gets faults of the store; default: nothing is logged.
	Log *slog.Logger
}

// Neighbours sets the flags Isolated and Buddy on hours that were marked
// because a station's mean changed, for all stations of the network. They
// depend on the means and on where the stations stand at the time; a station
// that moves keeps the flags of its past hours.
//
// It is idempotent and converges whatever the order in which means come and
// however many run at once: the flags of an hour are computed from all means of
// that hour, whoever changes a mean marks the hour in the same transaction, and
// so does Neighbours itself when it changes a flag. A mark is cleared only by a
// pass that found nothing to change, so a flag that was computed from means of
// before cannot stay.
type Neighbours struct{ o NeighboursOptions }

// NewNeighbours returns a Neighbours. It is used by one goroutine.
func NewNeighbours(o NeighboursOptions) *Neighbours {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Settle <= 0 {
		o.Settle = 15 * time.Minute
	}
	if o.Every <= 0 {
		o.Every = 10 * time.Second
	}
	if o.Limit <= 0 {
		o.Limit = 2000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Neighbours{o: o}
}

// Run compares marked hours until ctx ends. Faults are logged and tried again;
// marks that are left stay in the register for the next start. The error is
// always nil.
func (n *Neighbours) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		began := n.o.Now()
		busy, err := n.Once(ctx)
		if err != nil && ctx.Err() == nil {
			n.o.Log.LogAttrs(ctx, slog.LevelWarn, "neighbours: some hours could not be compared; they stay marked", slog.Any("error", err))
		}
		wait := n.o.Every
		if busy && err == nil {
			wait = min(wait, idleFactor*n.o.Now().Sub(began))
		}
		_ = pause(ctx, max(0, wait))
	}
	return nil
}

// idleFactor is how many times as long as a pass took Run rests after it: while
// a long history comes in, the same hours are marked again and again, and what
// brings them in goes first.
const idleFactor = 4

// Once compares the hours that are marked and over, up to Limit. busy tells
// that there were any: call it again until it is false.
func (n *Neighbours) Once(ctx context.Context) (busy bool, err error) {
	claimed, err := n.o.Network.NeighbourHours(ctx, reading.HourOf(n.o.Now().Add(-n.o.Settle)), n.o.Limit)
	if err != nil {
		return false, fmt.Errorf("list hours to compare: %w", err)
	}
	if len(claimed) == 0 {
		return false, nil
	}
	net, err := n.survey(ctx)
	if err != nil {
		return true, err
	}
	var settled []MarkedHour
	for len(claimed) > 0 {
		m, k := reading.MonthOf(claimed[0].Hour), 1
		most := max(24, maxCells/max(1, len(net.known)))
		for k < min(len(claimed), most) && reading.MonthOf(claimed[k].Hour) == m {
			k++
		}
		changed := make([]bool, k)
		for _, info := range reading.Properties() {
			if !quality.HasBuddies(info.Property) {
				continue
			}
			if err := n.compare(ctx, net, info.Property, m, claimed[:k], changed); err != nil {
				return true, fmt.Errorf("compare %s in %s: %w", info.Property, m, err)
			}
		}
		for i, h := range claimed[:k] {
			if !changed[i] {
				settled = append(settled, h)
			}
		}
		claimed = claimed[k:]
	}
	if err := n.o.Network.ClearNeighbours(ctx, settled); err != nil {
		return true, fmt.Errorf("clear compared hours: %w", err)
	}
	return true, nil
}

// maxCells bounds the means that are held at a time, 8 bytes each.
const maxCells = 2_000_000

// survey is who stands near whom at the moment.
type survey struct {
	index map[reading.StationID]int
	known []bool
	quality.Neighbourhood
}

// survey reads the stations and their places. Simulated stations are neighbours
// of each other only.
func (n *Neighbours) survey(ctx context.Context) (*survey, error) {
	stations, err := n.o.Network.Stations(ctx)
	if err != nil {
		return nil, err
	}
	s := &survey{index: make(map[reading.StationID]int, len(stations)), known: make([]bool, len(stations))}
	for i, st := range stations {
		s.index[st.ID] = i
	}
	positions := make([]reading.SecretPosition, len(stations))
	err = n.o.Network.Positions(ctx, func(id reading.StationID, p reading.SecretPosition) error {
		if i, ok := s.index[id]; ok {
			positions[i], s.known[i] = p, true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	own := func(near [][]int) [][]int {
		for i, js := range near {
			kept := js[:0]
			for _, j := range js {
				if stations[i].Simulated == stations[j].Simulated {
					kept = append(kept, j)
				}
			}
			near[i] = kept
		}
		return near
	}
	s.Near = own(reading.NearbySecret(positions, quality.BuddyRadius))
	s.Spot = own(reading.NearbySecret(positions, quality.SameSpot))
	return s, nil
}

// column is one hour of one property at all stations.
type column struct {
	values []int32
	flags  []reading.Flag // as stored, those among neighbours only
}

// compare brings the flags of hours of one property in one month up to date and
// tells in changed which hours had others than are right.
func (n *Neighbours) compare(ctx context.Context, net *survey, p reading.Property, m reading.Month, hours []MarkedHour, changed []bool) error {
	columns := make([]column, len(hours))
	for i := range columns {
		columns[i] = column{make([]int32, len(net.known)), make([]reading.Flag, len(net.known))}
		for s := range columns[i].values {
			columns[i].values[s] = reading.Missing
		}
	}
	versions := make([]int64, len(net.known))
	ids := make([]reading.StationID, len(net.known))
	err := n.o.Network.MonthBlocks(ctx, p, m, func(b VersionedBlock) error {
		s, ok := net.index[b.Station]
		if !ok {
			return nil // added after the survey: its hours are marked again
		}
		versions[s], ids[s] = b.Version, b.Station
		for i, h := range hours {
			at := int(h.Hour - m.First())
			columns[i].flags[s] = b.Flags[at] & reading.AmongNeighbours
			if b.Valid(at) {
				columns[i].values[s] = b.Values[at]
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	wrong := map[int]map[reading.Hour]reading.Flag{} // by station: the right flags of hours that have others
	for i, c := range columns {
		for s, f := range quality.Buddies(c.values, net.known, net.Neighbourhood) {
			if f == c.flags[s] {
				continue
			}
			changed[i] = true
			if wrong[s] == nil {
				wrong[s] = map[reading.Hour]reading.Flag{}
			}
			wrong[s][hours[i].Hour] = f
		}
	}
	var batch []VersionedBlock
	for s, flags := range wrong {
		b, version, err := n.o.Network.Block(ctx, ids[s], p, m)
		if err != nil {
			return err
		}
		if version != versions[s] {
			continue // the hours stay marked and are compared anew
		}
		next := VersionedBlock{Block: b, Version: version}
		for h, f := range flags {
			next.Flags[h-m.First()] = next.Flags[h-m.First()]&^reading.AmongNeighbours | f
			next.Hours = append(next.Hours, h)
		}
		if batch = append(batch, next); len(batch) == maxCorrected {
			if err := n.correct(ctx, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	return n.correct(ctx, batch)
}

// maxCorrected bounds the blocks in one transaction.
const maxCorrected = 64

// correct stores blocks with other flags, as far as they are still at the
// version from which they were computed. Hours of the others stay marked.
func (n *Neighbours) correct(ctx context.Context, blocks []VersionedBlock) error {
	err := n.o.Network.PutBlocks(ctx, blocks)
	if !errors.Is(err, ErrStaleBlock) {
		return err
	}
	if len(blocks) == 1 {
		return nil
	}
	for i := range blocks { // one is stale: the others are not held up by it
		if err := n.correct(ctx, blocks[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}
