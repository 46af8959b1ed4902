package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

func newRecomputer(mem *memory) *ingest.Recomputer {
	return ingest.NewRecomputer(ingest.HoursOptions{Blocks: mem, Stations: mem, RawStore: mem})
}

// settle recomputes until no mark is left.
func settle(t *testing.T, r *ingest.Recomputer) {
	t.Helper()
	for {
		done, err := r.Once(t.Context())
		require.NoError(t, err)
		if done == 0 {
			return
		}
	}
}

// requireBlocks compares the stored blocks with the naive ones; blocks without
// any content need not be stored.
func requireBlocks(t *testing.T, want map[blockKey]reading.Block, got map[blockKey]reading.Block) {
	t.Helper()
	for k, b := range want {
		g, ok := got[k]
		if !ok {
			g = reading.NewBlock(k.station, k.property, k.month)
		}
		for i := range b.Values {
			require.Equal(t, fmt.Sprint(b.Values[i], b.Capture[i], b.Flags[i]), fmt.Sprint(g.Values[i], g.Capture[i], g.Flags[i]),
				"%s %s %s: value, capture, flags", k.station, k.property, (k.month.First() + reading.Hour(i)).Start())
		}
	}
	for k := range got {
		require.Contains(t, want, k, "a block out of nothing")
	}
}

func (m *memory) blockMap() map[blockKey]reading.Block {
	m.mu.Lock()
	defer m.mu.Unlock()
	got := map[blockKey]reading.Block{}
	for k, b := range m.blocks {
		got[k] = b.block
	}
	return got
}

// TestBlocksDependOnlyOnWhatWasSent sends random streams in random orders and
// groupings, recomputes at random moments in between, and compares every hour
// with the naive computation.
func TestBlocksDependOnlyOnWhatWasSent(t *testing.T) {
	flags := reading.Flag(0)
	for seed := range uint64(25) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			stations, all := generate(rnd)
			want := naiveBlocks(all)
			for range 2 {
				mem := newMemory(stations...)
				p := newRig(t, mem, func(o *ingest.Options) { o.Shared = rnd.IntN(2) == 0; o.MaxBatch = 1 + rnd.IntN(200) })
				rec := newRecomputer(mem)
				results := make(chan error, len(all))
				ms := messages(rnd, all)
				for _, m := range ms {
					p.Submit(t.Context(), m, func(err error) { results <- err })
					if rnd.IntN(20) == 0 {
						_, err := rec.Once(t.Context())
						require.NoError(t, err)
					}
				}
				for range ms {
					require.NoError(t, <-results)
				}
				require.NoError(t, p.stop())
				settle(t, rec)
				requireBlocks(t, want, mem.blockMap())
			}
			for _, b := range want {
				for i := range b.Flags {
					flags |= b.Flags[i]
				}
			}
		})
	}
	all := reading.MissingCode | reading.Range | reading.Conflict | reading.Constant | reading.PMOrder | reading.Duplicate | reading.Revised | reading.Spike | reading.HumiditySuspect
	assert.Equal(t, all.String(), (flags & all).String(), "the streams must hold everything that the test is about")
}

// TestTwoRecomputersAndManySendersAtOnce does the same with everything at the
// same time, and with stores that fail now and then.
func TestTwoRecomputersAndManySendersAtOnce(t *testing.T) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 8))
		stations, all := generate(rnd)
		mem := newMemory(stations...)
		mem.torn = true
		calls := 0
		var mu sync.Mutex
		mem.setBefore(func(_ context.Context, call string) error {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls%17 == 0 {
				return errAway
			}
			return nil
		})
		p := newRig(t, mem, func(o *ingest.Options) { o.MaxBatch, o.Backoff, o.MaxBackoff = 60, time.Millisecond, time.Millisecond })
		ctx, cancel := context.WithCancel(t.Context())
		var recomputers, senders sync.WaitGroup
		for range 2 {
			recomputers.Go(func() {
				r := ingest.NewRecomputer(ingest.HoursOptions{
					Blocks: mem, Stations: mem, RawStore: mem, Wake: p.Committed(), Every: 2 * time.Millisecond, Limit: 30,
				})
				assert.NoError(t, r.Run(ctx))
			})
		}
		ms := messages(rnd, all)
		queue := make(chan ingest.Message)
		for range 8 {
			senders.Go(func() {
				for m := range queue {
					assert.NoError(t, p.Ingest(t.Context(), m))
				}
			})
		}
		for _, m := range ms {
			queue <- m
		}
		close(queue)
		senders.Wait()
		require.NoError(t, p.stop())
		mem.setBefore(nil)
		cancel() // the recomputers drain
		recomputers.Wait()
		require.Empty(t, mem.dirty)
		requireBlocks(t, naiveBlocks(all), mem.blockMap())
	}
}

// hourly sends one value for each of n hours from a time on.
func hourly(t *testing.T, p *rig, from time.Time, n int, value string) {
	t.Helper()
	for i := range n {
		m := message(0, 0)
		m.Received = from.AddDate(1, 0, 0)
		m.Payload = fmt.Appendf(nil, `{"time":%d,"interval":3600,"values":{"no2":%s,"temperature":7}}`, from.Add(time.Duration(i)*time.Hour).Unix(), value)
		require.NoError(t, p.Ingest(t.Context(), m))
	}
}

func constantHours(mem *memory, p reading.Property) (n int) {
	for k, b := range mem.blockMap() {
		for _, f := range b.Flags {
			if k.property == p && f&reading.Constant != 0 {
				n++
			}
		}
	}
	return n
}

func TestARunAcrossTheMonthIsFoundAndLostAgain(t *testing.T) {
	october := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	september := october.Add(-12 * time.Hour)
	for name, c := range map[string]struct{ first, second, corrected time.Time }{
		"backward, corrected before": {october, september, october.Add(-time.Hour)},
		"forward, corrected after":   {september, october, october},
	} {
		t.Run(name, func(t *testing.T) {
			mem := newMemory(amsterdam())
			p, rec := newRig(t, mem, nil), newRecomputer(mem)
			hourly(t, p, c.first, 12, "20")
			settle(t, rec)
			assert.Zero(t, constantHours(mem, reading.NO2))
			hourly(t, p, c.second, 12, "20")
			settle(t, rec)
			assert.Equal(t, 24, constantHours(mem, reading.NO2), "12 hours on both sides of the border")
			assert.Zero(t, constantHours(mem, reading.Temperature), "temperature may stand still")

			m := message(0, 0)
			m.Payload = fmt.Appendf(nil, `{"time":%d,"interval":3600,"rev":1,"values":{"no2":21}}`, c.corrected.Unix())
			require.NoError(t, p.Ingest(t.Context(), m))
			settle(t, rec)
			assert.Zero(t, constantHours(mem, reading.NO2), "a correction ends the run on both sides")
			require.NoError(t, p.stop())
		})
	}
}

func TestWhatDoesNotChangeIsNotWrittenAgain(t *testing.T) {
	mem := newMemory(amsterdam())
	p, rec := newRig(t, mem, nil), newRecomputer(mem)
	hourly(t, p, start(), 3, "20")
	settle(t, rec)
	assert.Equal(t, 2, mem.puts, "two properties, one month")
	require.NoError(t, mem.MarkDirty(t.Context(), []reading.StationHour{{Station: "ams-1", Hour: reading.HourOf(start())}, {Station: "ams-1", Hour: 0}}))
	mem.tape()
	settle(t, rec)
	assert.Equal(t, 2, mem.puts)
	assert.NotContains(t, mem.tape(), "put")
	assert.Empty(t, mem.dirty)
	require.NoError(t, p.stop())
}

func TestAnHourWhoseReadingsAreGoneKeepsItsMean(t *testing.T) {
	mem := newMemory(amsterdam())
	p, rec := newRig(t, mem, nil), newRecomputer(mem)
	hourly(t, p, start(), 1, "20")
	settle(t, rec)
	want := mem.blockMap()
	clear(mem.points)
	require.NoError(t, mem.MarkDirty(t.Context(), []reading.StationHour{{Station: "ams-1", Hour: reading.HourOf(start())}}))
	settle(t, rec)
	if diff := cmp.Diff(want, mem.blockMap(), cmp.AllowUnexported(blockKey{})); diff != "" {
		t.Fatal(diff)
	}
	require.NoError(t, p.stop())
}

func TestAReadingThatLandsDuringARecomputationIsNotLost(t *testing.T) {
	mem := newMemory(amsterdam())
	rec := newRecomputer(mem)
	// The recomputation takes the first mark and reads the raw store just
	// before the write lands.
	mem.setBefore(func(_ context.Context, call string) error {
		if call == "append" {
			settle(t, rec)
		}
		return nil
	})
	p := newRig(t, mem, nil)
	hourly(t, p, start(), 1, "20")
	mem.setBefore(nil)
	settle(t, rec)
	b, _, err := mem.Block(t.Context(), "ams-1", reading.NO2, reading.MonthOf(reading.HourOf(start())))
	require.NoError(t, err)
	assert.Equal(t, int32(200_000), b.Values[reading.HourOf(start())-b.Month.First()])
	require.NoError(t, p.stop())
}

// TestWritersOnBothSidesOfABorder lets one recomputer write September between
// the moment that another has read it and the moment that the other writes
// October. Neither write is stale, yet together they make a run.
func TestWritersOnBothSidesOfABorder(t *testing.T) {
	october := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	mem := newMemory(amsterdam())
	p := newRig(t, mem, nil)
	hourly(t, p, october, 12, "20")
	other := ingest.NewRecomputer(ingest.HoursOptions{Blocks: marksBefore{mem, reading.HourOf(october)}, Stations: mem, RawStore: mem})
	nested := false
	mem.setBefore(func(_ context.Context, call string) error {
		if call == "put" && !nested {
			nested = true
			hourly(t, p, october.Add(-12*time.Hour), 12, "20")
			settle(t, other)
			assert.Zero(t, constantHours(mem, reading.NO2))
		}
		return nil
	})
	settle(t, newRecomputer(mem))
	require.True(t, nested)
	assert.Equal(t, 24, constantHours(mem, reading.NO2))
	require.NoError(t, p.stop())
}

// marksBefore is a memory that shows only the marks before an hour.
type marksBefore struct {
	*memory
	end reading.Hour
}

func (m marksBefore) DirtyHours(ctx context.Context, after reading.StationID, limit int) ([]ingest.DirtyHour, error) {
	hours, err := m.memory.DirtyHours(ctx, after, limit)
	return slices.DeleteFunc(hours, func(h ingest.DirtyHour) bool { return h.Hour >= m.end }), err
}

func TestAnHourThatIsNoLongerReachedIsRecomputed(t *testing.T) {
	for name, second := range map[string]string{
		"a stated interval for the cadence": `{"time":"2026-11-23T08:50:00Z","interval":60,"values":{"no2":20}}`,
		"a correction":                      `{"time":"2026-11-23T08:50:00Z","interval":60,"rev":1,"values":{"no2":20}}`,
		"a conflict":                        `{"time":"2026-11-23T08:50:00Z","values":{"no2":21}}`,
	} {
		t.Run(name, func(t *testing.T) {
			st := amsterdam()
			st.Cadence = 30 * time.Minute
			mem := newMemory(st)
			p, rec := newRig(t, mem, nil), newRecomputer(mem)
			capture := func() uint8 {
				settle(t, rec)
				h := reading.HourOf(start()) + 1
				b, _, err := mem.Block(t.Context(), st.ID, reading.NO2, reading.MonthOf(h))
				require.NoError(t, err)
				return b.Capture[h-b.Month.First()]
			}
			for _, payload := range []string{`{"time":"2026-11-23T08:50:00Z","values":{"no2":20}}`, `{"time":"2026-11-23T09:20:00Z","values":{"no2":20}}`} {
				m := message(50, 0) // received later than all of them
				m.Payload = []byte(payload)
				require.NoError(t, p.Ingest(t.Context(), m))
			}
			require.Equal(t, uint8(50), capture(), "20 minutes from before the hour and 30 in it")
			m := message(50, 0) // received later than all of them
			m.Payload = []byte(second)
			require.NoError(t, p.Ingest(t.Context(), m))
			require.Equal(t, uint8(30), capture())
			require.NoError(t, p.stop())
		})
	}
}

func TestMarksOfAStationThatIsGoneAreCleared(t *testing.T) {
	mem := newMemory()
	require.NoError(t, mem.MarkDirty(t.Context(), []reading.StationHour{{Station: "gone", Hour: 1}}))
	done, err := newRecomputer(mem).Once(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, done)
	assert.Empty(t, mem.dirty)
}

func TestABrokenStationDoesNotHoldUpTheOthers(t *testing.T) {
	broken, well := amsterdam(), amsterdam()
	broken.ID, well.ID = "a", "b"
	mem := newMemory(broken, well)
	for h := range reading.Hour(20) {
		require.NoError(t, mem.MarkDirty(t.Context(), []reading.StationHour{{Station: "a", Hour: h}, {Station: "b", Hour: h}}))
	}
	fault := errors.New("a file of this station is damaged")
	rec := ingest.NewRecomputer(ingest.HoursOptions{Blocks: mem, RawStore: damaged{mem, fault}, Stations: mem, Limit: 5})
	failed := 0
	for range 20 {
		if _, err := rec.Once(t.Context()); err != nil {
			require.ErrorIs(t, err, fault)
			failed++
		}
	}
	require.Positive(t, failed)
	for h := range mem.dirty {
		assert.Equal(t, reading.StationID("a"), h.Station)
	}
	assert.Len(t, mem.dirty, 20)
}

func TestManyMarksOfOneStationDoNotHoldUpTheOthers(t *testing.T) {
	busy, other := amsterdam(), amsterdam()
	busy.ID, other.ID = "a", "b"
	mem := newMemory(busy, other)
	rec := ingest.NewRecomputer(ingest.HoursOptions{Blocks: mem, RawStore: mem, Stations: mem, Limit: 5})
	require.NoError(t, mem.MarkDirty(t.Context(), []reading.StationHour{{Station: "b", Hour: 1}}))
	for range 4 {
		for h := range reading.Hour(5) { // as many as one pass takes, again and again
			require.NoError(t, mem.MarkDirty(t.Context(), []reading.StationHour{{Station: "a", Hour: h}}))
		}
		_, err := rec.Once(t.Context())
		require.NoError(t, err)
	}
	for h := range mem.dirty {
		assert.NotEqual(t, reading.StationID("b"), h.Station)
	}
}

// damaged is a memory that cannot read station "a".
type damaged struct {
	*memory
	fault error
}

func (d damaged) Readings(ctx context.Context, id reading.StationID, from, to time.Time) ([]reading.Reading, error) {
	if id == "a" {
		return nil, d.fault
	}
	return d.memory.Readings(ctx, id, from, to)
}

func TestTheRecomputerSurvivesAStoreThatIsAway(t *testing.T) {
	mem := newMemory(amsterdam())
	p := newRig(t, mem, nil)
	hourly(t, p, start(), 2, "20")
	require.NoError(t, p.stop())
	for _, call := range []string{"dirty", "station", "block", "readings", "put", "clear"} {
		mem.setBefore(func(_ context.Context, c string) error {
			if c == call {
				return errAway
			}
			return nil
		})
		_, err := newRecomputer(mem).Once(t.Context())
		require.ErrorIs(t, err, errAway, call)
		require.Len(t, mem.dirty, 2, call)
		mem.setBefore(nil)
	}
	settle(t, newRecomputer(mem))
	assert.Empty(t, mem.dirty)
}
