package ingest_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/decode"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

func TestWithdrawnKeepsAValueOutOfMeans(t *testing.T) {
	require.True(t, reading.Withdrawn.Excluded())
	require.Equal(t, []string{"withdrawn"}, reading.Withdrawn.Keys())
	for i, f := range reading.FlagTable() {
		require.Equal(t, reading.Flag(1)<<i, f.Flag)
		require.Equal(t, f.Flag.Excluded(), f.Excludes, f.Key)
	}
}

// work runs a pipeline and two judges over the real stores until stop, which
// waits until no hour is marked.
func (r *real) work(t *testing.T, o ingest.HoursOptions) (p *ingest.Pipeline, stop func()) {
	t.Helper()
	p = ingest.NewPipeline(r.options())
	ctx, cancel := context.WithCancel(t.Context())
	judge, end := context.WithCancel(t.Context())
	var running, judging sync.WaitGroup
	running.Go(func() { assert.NoError(t, p.Run(ctx)) })
	o.Blocks, o.Stations, o.RawStore, o.Withdrawals, o.Wake, o.Every = r.reg, r.reg, r.raw, r.reg, p.Committed(), 5*time.Millisecond
	for range 2 {
		judging.Go(func() { assert.NoError(t, ingest.NewRecomputer(o).Run(judge)) })
	}
	return p, func() {
		cancel()
		running.Wait()
		require.Eventually(t, func() bool {
			left, err := r.reg.DirtyCount(t.Context())
			return err == nil && left == 0
		}, time.Minute, 20*time.Millisecond, "hours stay marked")
		end()
		judging.Wait()
	}
}

// TestBlocksFollowWithdrawalsWheneverTheyCome withdraws and restores random
// periods while readings come in and judges work, and compares every hour with
// the naive computation under the periods that are withdrawn in the end.
func TestBlocksFollowWithdrawalsWheneverTheyCome(t *testing.T) {
	seen := reading.Flag(0)
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 21))
		stations, all := generate(rnd)
		r := openReal(t, t.TempDir())
		for _, st := range stations {
			r.add(t, st)
		}
		p, stop := r.work(t, ingest.HoursOptions{})
		ms := messages(rnd, all)
		results := make(chan error, len(ms))
		begin := stations[0].Since
		periods := map[reading.StationID][]ingest.Period{}
		change := func() {
			id := stations[rnd.IntN(len(stations))].ID
			if n := len(periods[id]); n > 0 && rnd.IntN(3) == 0 {
				i := rnd.IntN(n)
				require.NoError(t, r.reg.RestorePeriod(t.Context(), id, periods[id][i], "keeper", "toch goed"))
				periods[id] = slices.Delete(periods[id], i, i+1)
				return
			}
			from := begin.Add(time.Duration(rnd.IntN(10*24*3600)) * time.Second)
			period := ingest.Period{From: from, To: from.Add(time.Duration(1+rnd.IntN(2*24*3600)) * time.Second)}
			require.NoError(t, r.reg.WithdrawPeriod(t.Context(), id, period, "keeper", "hing binnen"))
			periods[id] = append(periods[id], period)
		}
		for _, m := range ms {
			p.Submit(t.Context(), m, func(err error) { results <- err })
			if rnd.IntN(max(1, len(ms)/12)) == 0 {
				change()
			}
		}
		for range ms {
			require.NoError(t, <-results)
		}
		for range 4 {
			change()
		}
		stop()
		withdrawn := func(id reading.StationID, at time.Time) bool {
			return slices.ContainsFunc(periods[id], func(p ingest.Period) bool { return p.Contains(at) })
		}
		requireBlocks(t, naiveBlocksWithout(all, withdrawn), r.blocks(t, stations))

		public := ingest.PublicReadings{Raw: r.raw, Withdrawals: r.reg}
		for _, st := range stations {
			stored, err := r.raw.Readings(t.Context(), st.ID, begin.AddDate(0, -1, 0), begin.AddDate(0, 1, 0))
			require.NoError(t, err)
			shown, err := public.Readings(t.Context(), st.ID, begin.AddDate(0, -1, 0), begin.AddDate(0, 1, 0))
			require.NoError(t, err)
			require.Len(t, shown, len(stored), "nothing is removed")
			for i := range shown {
				for k, v := range shown[i].Values {
					require.Zero(t, stored[i].Values[k].Flags&reading.Withdrawn)
					require.Equal(t, withdrawn(st.ID, shown[i].At), v.Flags&reading.Withdrawn != 0)
					seen |= v.Flags
				}
			}
		}
		r.close(t)
	}
	require.NotZero(t, seen&reading.Withdrawn)
}

// TestADeletedStationIsErasedWhateverIsUnderWay deletes a station while its
// readings come in from all sides, with an eraser that fails half-way, and looks
// for anything that is left, also after a restart.
func TestADeletedStationIsErasedWhateverIsUnderWay(t *testing.T) {
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 22))
		stations, all := generate(rnd)
		gone := stations[0].ID
		dir := t.TempDir()
		r := openReal(t, dir)
		for _, st := range stations {
			r.add(t, st)
		}
		var attempts atomic.Int64
		p, stop := r.work(t, ingest.HoursOptions{Erase: func(ctx context.Context, id reading.StationID) error {
			if id != gone {
				return errors.New("the wrong station")
			}
			switch attempts.Add(1) {
			case 1: // before the work
				return errors.New("the store is away")
			case 2: // after it, so that it is done twice
				return errors.Join(r.raw.DeleteStation(ctx, id), errors.New("the answer was lost"))
			}
			return r.raw.DeleteStation(ctx, id)
		}})
		ms := messages(rnd, all)
		queue := make(chan ingest.Message)
		var senders sync.WaitGroup
		for range 8 {
			senders.Go(func() {
				for m := range queue {
					assert.NoError(t, p.Ingest(t.Context(), m))
				}
			})
		}
		for i, m := range ms {
			if i == len(ms)/2 {
				senders.Go(func() { assert.NoError(t, r.reg.DeleteStation(t.Context(), gone)) })
			}
			queue <- m
		}
		late := message(0, 20)
		late.Station, late.Payload = gone, []byte(`{"time":"personal"}`)
		close(queue)
		senders.Wait()
		require.Eventually(t, func() bool { // until the pipeline forgets it
			require.NoError(t, p.Ingest(t.Context(), late))
			counts, err := r.reg.RejectCounts(t.Context())
			require.NoError(t, err)
			return slices.ContainsFunc(counts, func(c register.RejectCount) bool { return c.Cause == ingest.CauseStationDeleted })
		}, 30*time.Second, 50*time.Millisecond)
		stop()
		require.GreaterOrEqual(t, attempts.Load(), int64(3))

		for range 2 {
			left, err := r.raw.Readings(t.Context(), gone, time.Unix(0, 0), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))
			require.NoError(t, err)
			require.Empty(t, left)
			_, ok, err := r.raw.Newest(t.Context(), gone)
			require.NoError(t, err)
			require.False(t, ok)
			rejects, err := r.reg.Rejects(t.Context(), gone, 100)
			require.NoError(t, err)
			require.NotEmpty(t, rejects)
			for _, j := range rejects {
				require.Empty(t, j.Payload)
			}
			var others []sent
			for _, s := range all {
				if s.station.ID != gone {
					others = append(others, s)
				}
			}
			requireBlocks(t, naiveBlocks(others), r.blocks(t, stations))
			r.close(t)
			r = openReal(t, dir)
		}
		r.close(t)
	}
}

// A judge without the means to erase leaves the mark for one that has them.
func TestMarksOfADeletedStationWaitForWhoCanErase(t *testing.T) {
	r := openReal(t, t.TempDir())
	defer r.close(t)
	st := amsterdam()
	r.add(t, st)
	require.NoError(t, r.raw.Append(t.Context(), []reading.Reading{{Station: st.ID, At: st.Since, Received: st.Since, Values: []reading.Value{{Property: reading.NO2, Value: 1}}}}))
	require.NoError(t, r.reg.DeleteStation(t.Context(), st.ID))
	settle(t, ingest.NewRecomputer(ingest.HoursOptions{Blocks: r.reg, Stations: r.reg, RawStore: r.raw}))
	n, err := r.reg.DirtyCount(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(1), n)
	settle(t, ingest.NewRecomputer(ingest.HoursOptions{Blocks: r.reg, Stations: r.reg, RawStore: r.raw, Erase: r.raw.DeleteStation}))
	n, err = r.reg.DirtyCount(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
	points, err := r.raw.Count(t.Context())
	require.NoError(t, err)
	require.Zero(t, points)
}

// The pipeline keeps nothing of a message for a deleted station, also when the
// register was away at first.
func TestNothingIsKeptOfAMessageForADeletedStation(t *testing.T) {
	for _, faults := range []int{0, 2} {
		mem := newMemory(amsterdam())
		looked := 0
		mem.setBefore(func(_ context.Context, call string) error {
			if call != "station" {
				return nil
			}
			if looked++; looked <= faults {
				return errAway
			}
			return ingest.ErrStationDeleted
		})
		decoded := false
		p := newRig(t, mem, func(o *ingest.Options) {
			o.Decode = func(reading.Format, decode.Input) decode.Decoded { decoded = true; return decode.Decoded{} }
		})
		require.NoError(t, p.Ingest(t.Context(), message(0, 20)))
		require.NoError(t, p.stop())
		require.False(t, decoded)
		require.Len(t, mem.rejects, 1)
		require.Equal(t, ingest.CauseStationDeleted, mem.rejects[0].Cause)
		require.Empty(t, mem.rejects[0].Payload)
		require.Empty(t, mem.points)
	}
}
