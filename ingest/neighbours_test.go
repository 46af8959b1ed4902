package ingest_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// town is a network in a real register, with raw readings in memory.
type town struct {
	reg    *register.Register
	raw    *memory
	judge  *ingest.Recomputer
	places map[reading.StationID]reading.Place
	first  reading.Hour
	now    time.Time
}

const townHours = 6

func newTown(t *testing.T, rnd *rand.Rand, stations int) *town {
	t.Helper()
	w := &town{raw: newMemory(), places: map[reading.StationID]reading.Place{}}
	// The hours lie on both sides of a month's border.
	w.first = reading.HourOf(time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)) - townHours/2
	w.now = (w.first + townHours + 10).Start()
	var err error
	w.reg, err = register.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "register.db"), register.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.reg.Close()) })
	for i := range stations {
		id := reading.StationID(fmt.Sprintf("s%02d", i))
		p := reading.Place{Lon: 4.80 + rnd.Float64()*0.07, Lat: 52.42 + rnd.Float64()*0.04, Elev: math.NaN()}
		if i%7 == 6 {
			p.Lat += 1 // far away
		}
		pos, err := reading.NewSecretPosition(p.Lon, p.Lat)
		require.NoError(t, err)
		if i%9 == 8 {
			pos = reading.SecretPosition{}
		} else {
			w.places[id] = p
		}
		_, err = w.reg.AddStation(t.Context(), reading.Station{ID: id, Kind: reading.KindSensor, Cadence: time.Hour, Since: w.first.Start().AddDate(-1, 0, 0)}, pos, "test")
		require.NoError(t, err)
	}
	w.judge = ingest.NewRecomputer(ingest.HoursOptions{Blocks: w.reg, Stations: w.reg, RawStore: w.raw})
	return w
}

func (w *town) neighbours(net ingest.Network) *ingest.Neighbours {
	return ingest.NewNeighbours(ingest.NeighboursOptions{Network: net, Now: func() time.Time { return w.now }, Every: time.Millisecond, Limit: 4})
}

// measured is one reading of NO2 of a station.
type measured struct {
	station  reading.StationID
	hour     reading.Hour
	revision uint8
	value    float64
}

func (w *town) take(t *testing.T, ms ...measured) {
	t.Helper()
	for _, x := range ms {
		require.NoError(t, w.raw.Append(t.Context(), []reading.Reading{{
			Station: x.station, At: x.hour.Start(), Interval: time.Hour, Revision: x.revision, Received: w.now,
			Values: []reading.Value{{Property: reading.NO2, Value: x.value}},
		}}))
		require.NoError(t, w.reg.MarkDirty(t.Context(), []reading.StationHour{{Station: x.station, Hour: x.hour}}))
	}
}

// week makes readings of all stations and hours, with corrections.
func (w *town) week(rnd *rand.Rand, stations int) (all []measured) {
	for i := range stations {
		for h := range reading.Hour(townHours) {
			if rnd.IntN(8) == 0 {
				continue
			}
			x := measured{reading.StationID(fmt.Sprintf("s%02d", i)), w.first + h, 0, 15 + 5*rnd.Float64()}
			if rnd.IntN(9) == 0 {
				x.value = 90
			}
			all = append(all, x)
			if rnd.IntN(5) == 0 {
				x.revision, x.value = 1, []float64{17, 95}[rnd.IntN(2)]
				all = append(all, x)
			}
		}
	}
	return all
}

func (w *town) settle(t *testing.T, n *ingest.Neighbours) {
	t.Helper()
	settle(t, w.judge)
	for i := 0; ; i++ {
		busy, err := n.Once(t.Context())
		require.NoError(t, err)
		if !busy {
			return
		}
		require.Less(t, i, 100, "it does not come to rest")
	}
}

// flags returns the flags among neighbours as they are stored.
func (w *town) flags(t *testing.T) map[measured]reading.Flag {
	t.Helper()
	got := map[measured]reading.Flag{}
	stations, err := w.reg.Stations(t.Context())
	require.NoError(t, err)
	for _, st := range stations {
		require.NoError(t, w.reg.EachBlock(t.Context(), st.ID, reading.NO2, 0, 2000, func(b reading.Block) error {
			for i, f := range b.Flags {
				if f &= reading.AmongNeighbours; f != 0 {
					got[measured{station: st.ID, hour: b.Month.First() + reading.Hour(i)}] = f
				}
			}
			return nil
		}))
	}
	return got
}

// want computes them from what was sent alone.
func (w *town) want(all []measured) map[measured]reading.Flag {
	last := map[measured]measured{}
	for _, x := range all {
		k := measured{station: x.station, hour: x.hour}
		if old, ok := last[k]; !ok || x.revision > old.revision {
			last[k] = x
		}
	}
	var ids []reading.StationID
	var places []reading.Place
	for id, p := range w.places {
		ids, places = append(ids, id), append(places, p)
	}
	hood := quality.Neighbourhood{Near: reading.Nearby(places, 3000, math.NaN()), Spot: reading.Nearby(places, 1, math.NaN())}
	want := map[measured]reading.Flag{}
	for h := w.first; h < w.first+townHours; h++ {
		values, known := make([]int32, len(ids)), make([]bool, len(ids))
		for i, id := range ids {
			values[i], known[i] = reading.Missing, true
			if x, ok := last[measured{station: id, hour: h}]; ok {
				values[i], _ = reading.Scaled(x.value)
			}
		}
		for i, f := range quality.Buddies(values, known, hood) {
			if f != 0 {
				want[measured{station: ids[i], hour: h}] = f
			}
		}
	}
	return want
}

// TestNeighboursConvergeInAnyOrder sends the same readings in random orders,
// with recomputations and comparisons at random moments in between.
func TestNeighboursConvergeInAnyOrder(t *testing.T) {
	seen := reading.Flag(0)
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 11))
		const stations = 20
		w := newTown(t, rnd, stations)
		all := w.week(rnd, stations)
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		n := w.neighbours(w.reg)
		for _, x := range all {
			w.take(t, x)
			if rnd.IntN(6) == 0 {
				_, err := w.judge.Once(t.Context())
				require.NoError(t, err)
			}
			if rnd.IntN(12) == 0 {
				_, err := n.Once(t.Context())
				require.NoError(t, err)
			}
		}
		w.settle(t, n)
		want := w.want(all)
		require.Equal(t, want, w.flags(t), "seed %d", seed)
		for _, f := range want {
			seen |= f
		}
		version, _, err := w.reg.DataVersion(t.Context())
		require.NoError(t, err)
		w.take(t, all...) // everything again
		w.settle(t, n)
		again, _, err := w.reg.DataVersion(t.Context())
		require.NoError(t, err)
		require.Equal(t, version, again, "what does not change is not written again")
	}
	assert.Equal(t, reading.AmongNeighbours.String(), seen.String(), "the readings must hold both")
}

// TestNeighboursOfTwoProcessesConverge runs two comparisons, two recomputations
// and the senders at once.
func TestNeighboursOfTwoProcessesConverge(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 12))
	const stations = 20
	w := newTown(t, rnd, stations)
	all := w.week(rnd, stations)
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { assert.NoError(t, w.neighbours(w.reg).Run(ctx)) })
		wg.Go(func() {
			r := ingest.NewRecomputer(ingest.HoursOptions{Blocks: w.reg, Stations: w.reg, RawStore: w.raw, Every: time.Millisecond})
			assert.NoError(t, r.Run(ctx))
		})
	}
	w.take(t, all...)
	cancel()
	wg.Wait()
	w.settle(t, w.neighbours(w.reg))
	require.Equal(t, w.want(all), w.flags(t))
}

// slow is a network in which something happens between the reading of the
// means and the writing of the flags.
type slow struct {
	ingest.Network
	before func()
}

func (s *slow) PutBlocks(ctx context.Context, blocks []ingest.VersionedBlock) error {
	if f := s.before; f != nil {
		s.before = nil
		f()
	}
	return s.Network.PutBlocks(ctx, blocks)
}

// TestFlagsFromOldMeansDoNotStay lets a neighbour's mean change, and another
// process compare the hour and clear its mark, while the first still holds the
// means of before. What it writes then is found wrong by the next pass.
func TestFlagsFromOldMeansDoNotStay(t *testing.T) {
	w := newTown(t, rand.New(rand.NewPCG(5, 5)), 0)
	var all []measured
	add := func(id reading.StationID, value float64) {
		p := reading.Place{Lon: 4.8, Lat: 52.42 + float64(len(w.places))*0.001, Elev: math.NaN()}
		pos, err := reading.NewSecretPosition(p.Lon, p.Lat)
		require.NoError(t, err)
		_, err = w.reg.AddStation(t.Context(), reading.Station{ID: id, Kind: reading.KindSensor, Cadence: time.Hour}, pos, "test")
		require.NoError(t, err)
		w.places[id] = p
		all = append(all, measured{id, w.first, 0, value})
	}
	for i := range 6 {
		add(reading.StationID(fmt.Sprintf("s%d", i)), 20)
	}
	all[5].value = 60 // far from the others
	w.take(t, all...)
	settle(t, w.judge)
	net := &slow{Network: w.reg}
	net.before = func() {
		var more []measured
		for _, x := range all[:5] { // now it is like the others
			x.revision, x.value = 1, 58
			more = append(more, x)
		}
		all = append(all, more...)
		w.take(t, more...)
		w.settle(t, w.neighbours(w.reg))
		assert.Empty(t, w.flags(t))
	}
	busy, err := w.neighbours(net).Once(t.Context())
	require.NoError(t, err)
	require.True(t, busy)
	require.Nil(t, net.before, "the race took place")
	w.settle(t, w.neighbours(w.reg))
	assert.Empty(t, w.flags(t))
}

func TestAnHourThatIsNotOverIsNotCompared(t *testing.T) {
	w := newTown(t, rand.New(rand.NewPCG(5, 5)), 2)
	w.take(t, measured{"s00", w.first, 0, 20})
	settle(t, w.judge)
	end := (w.first + 1).Start()
	for _, c := range []struct {
		now  time.Time
		busy bool
	}{{end.Add(-time.Minute), false}, {end.Add(15*time.Minute - time.Millisecond), false}, {end.Add(15 * time.Minute), true}} {
		w.now = c.now
		busy, err := w.neighbours(w.reg).Once(t.Context())
		require.NoError(t, err)
		assert.Equal(t, c.busy, busy, c.now)
	}
	w.settle(t, w.neighbours(w.reg))
	assert.Equal(t, map[measured]reading.Flag{{station: "s00", hour: w.first}: reading.Isolated}, w.flags(t))
}

func TestSimulatedStationsAreNoNeighboursOfRealOnes(t *testing.T) {
	w := newTown(t, rand.New(rand.NewPCG(5, 5)), 0)
	for i := range 12 {
		pos, err := reading.NewSecretPosition(4.8, 52.42+float64(i)*0.001)
		require.NoError(t, err)
		id := reading.StationID(fmt.Sprintf("s%02d", i))
		_, err = w.reg.AddStation(t.Context(), reading.Station{ID: id, Kind: reading.KindSensor, Cadence: time.Hour, Simulated: i >= 5}, pos, "test")
		require.NoError(t, err)
		w.take(t, measured{id, w.first, 0, 20})
	}
	w.settle(t, w.neighbours(w.reg))
	assert.Len(t, w.flags(t), 5, "five real ones have four neighbours; seven simulated ones have six")
}
