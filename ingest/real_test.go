package ingest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/engine"
	"buurtmeter/ingest/series/seriestest"
)

// real is a register in a SQLite file and a raw store in the in-process engine.
type real struct {
	reg *register.Register
	eng *engine.Engine
	raw *series.Store
}

func openReal(t testing.TB, dir string) *real {
	t.Helper()
	ctx := context.Background()
	reg, err := register.Open(ctx, "sqlite:"+filepath.Join(dir, "register.db"), register.Options{})
	require.NoError(t, err)
	eng, err := engine.Open(filepath.Join(dir, "series"), nil)
	require.NoError(t, err)
	raw, err := series.Open(ctx, series.Options{URL: "http://embedded", HTTPClient: eng.HTTPClient()})
	require.NoError(t, err)
	return &real{reg, eng, raw}
}

func (r *real) close(t testing.TB) {
	t.Helper()
	require.NoError(t, r.raw.Close())
	require.NoError(t, r.eng.Close())
	require.NoError(t, r.reg.Close())
}

func (r *real) add(t testing.TB, st reading.Station) {
	t.Helper()
	st.Kind, st.Title = reading.KindSensor, "Meetpunt "+string(st.ID)
	pos, err := reading.NewSecretPosition(4.9, 52.4)
	require.NoError(t, err)
	_, err = r.reg.AddStation(context.Background(), st, pos, "test")
	require.NoError(t, err)
}

func (r *real) options() ingest.Options {
	return ingest.Options{Stations: r.reg, Ledger: r.reg, RawStore: r.raw}
}

// TestRealStoresGiveTheNaiveBlocks runs random streams through the pipeline,
// the real register and the real engine, with a restart of everything half-way.
func TestRealStoresGiveTheNaiveBlocks(t *testing.T) {
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		stations, all := generate(rnd)
		dir := t.TempDir()
		ms := messages(rnd, all)
		for part, half := range [][]ingest.Message{ms[:len(ms)/2], ms[len(ms)/2:]} {
			r := openReal(t, dir)
			if part == 0 {
				for _, st := range stations {
					r.add(t, st)
				}
			}
			p := ingest.NewPipeline(r.options())
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { assert.NoError(t, p.Run(ctx)) })
			recompute, stop := context.WithCancel(t.Context())
			var computing sync.WaitGroup
			for range 2 {
				computing.Go(func() {
					rec := ingest.NewRecomputer(ingest.HoursOptions{Blocks: r.reg, Stations: r.reg, RawStore: r.raw, Wake: p.Committed(), Every: 20 * time.Millisecond})
					assert.NoError(t, rec.Run(recompute))
				})
			}
			results := make(chan error, len(half))
			for _, m := range half {
				p.Submit(t.Context(), m, func(err error) { results <- err })
			}
			for range half {
				require.NoError(t, <-results)
			}
			cancel()
			wg.Wait()
			stop()
			computing.Wait()
			left, err := r.reg.DirtyCount(t.Context())
			require.NoError(t, err)
			require.Zero(t, left)
			if part == 1 {
				requireBlocks(t, naiveBlocks(all), r.blocks(t, stations))
			}
			r.close(t)
		}
	}
}

// blocks reads every stored block.
func (r *real) blocks(t testing.TB, stations []reading.Station) map[blockKey]reading.Block {
	t.Helper()
	got := map[blockKey]reading.Block{}
	for _, st := range stations {
		for _, info := range reading.Properties() {
			err := r.reg.EachBlock(t.Context(), st.ID, info.Property, 0, 2000, func(b reading.Block) error {
				got[blockKey{b.Station, b.Property, b.Month}] = cloneBlock(b)
				return nil
			})
			require.NoError(t, err)
		}
	}
	return got
}

// TestInfluxdKilledAndRestartedLosesNothing sends a random stream while the
// real server is killed again and again in the middle of writes, and hangs once. Every message must be acknowledged in the end, and the blocks must be
// those of the whole stream.
func TestInfluxdKilledAndRestartedLosesNothing(t *testing.T) {
	server := seriestest.StartServer(t)
	reg, err := register.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "register.db"), register.Options{})
	require.NoError(t, err)
	raw, err := series.Open(t.Context(), series.Options{URL: server.URL})
	require.NoError(t, err)
	r := &real{reg: reg, raw: raw}
	rnd := rand.New(rand.NewPCG(5, 10))
	stations, all := generate(rnd)
	for _, st := range stations {
		r.add(t, st)
	}
	o := r.options()
	o.MaxBatch, o.Backoff, o.MaxBackoff, o.Attempt = 20, 10*time.Millisecond, 100*time.Millisecond, 2*time.Second
	p := ingest.NewPipeline(o)
	ctx, cancel := context.WithCancel(t.Context())
	var running, senders sync.WaitGroup
	running.Go(func() { assert.NoError(t, p.Run(ctx)) })
	queue := make(chan ingest.Message)
	for range 8 {
		senders.Go(func() {
			for m := range queue {
				assert.NoError(t, p.Ingest(t.Context(), m))
			}
		})
	}
	outages := make(chan bool) // whether the server hangs before it is killed
	senders.Go(func() {
		for hangs := range outages {
			if hangs {
				server.Pause(t)
				time.Sleep(3 * time.Second)
			}
			server.Kill()
			time.Sleep(200 * time.Millisecond)
			server.Start(t)
		}
	})
	ms := messages(rnd, all)
	for i, m := range ms {
		if i > 0 && i%(len(ms)/5) == 0 {
			outages <- i/(len(ms)/5) == 2
		}
		queue <- m
	}
	close(outages)
	close(queue)
	senders.Wait()
	cancel()
	running.Wait()
	assert.Positive(t, p.Stats().Retries, "the server was never missed")
	assert.Equal(t, uint64(len(ms)), p.Stats().Acknowledged)
	rec := ingest.NewRecomputer(ingest.HoursOptions{Blocks: reg, Stations: reg, RawStore: raw})
	settle(t, rec)
	requireBlocks(t, naiveBlocks(all), r.blocks(t, stations))
	require.NoError(t, raw.Close())
	require.NoError(t, reg.Close())
}

// TestWhatWasRefusedIsInTheRegister follows rejects into the real table.
func TestWhatWasRefusedIsInTheRegister(t *testing.T) {
	r := openReal(t, t.TempDir())
	defer r.close(t)
	r.add(t, amsterdam())
	p := ingest.NewPipeline(r.options())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = p.Run(ctx) }()
	for range 3 {
		m := message(0, 20)
		m.Payload = []byte("{\"time\":\"NA\",\"x\":\"\x00")
		require.NoError(t, p.Ingest(t.Context(), m))
		unknown := message(0, 20)
		unknown.Station = "Niet een station; \x00"
		require.NoError(t, p.Ingest(t.Context(), unknown))
	}
	require.NoError(t, p.Ingest(t.Context(), message(0, 20)))
	require.NoError(t, p.Ingest(t.Context(), message(0, 21)))
	counts, err := r.reg.RejectCounts(t.Context())
	require.NoError(t, err)
	arrivals := map[string]int64{}
	for _, c := range counts {
		arrivals[c.Cause] += c.Arrivals
	}
	assert.Equal(t, map[string]int64{"json": 3, "station-unknown": 3, "conflict": 1}, arrivals)
}

// BenchmarkBackfill sends a year of hourly readings of 50 stations through the
// pipeline into the real stores, and then recomputes all its hours.
//
//	go test -run xxx -bench Backfill -benchtime 1x ./ingest
func BenchmarkBackfill(b *testing.B) {
	const stations, hours = 50, 8760
	begin := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		r := openReal(b, b.TempDir())
		for n := range stations {
			r.add(b, reading.Station{ID: reading.StationID(fmt.Sprintf("s%02d", n)), Cadence: time.Hour, Since: begin})
		}
		o := r.options()
		o.MaxBatch = 20_000
		p := ingest.NewPipeline(o)
		ctx, cancel := context.WithCancel(context.Background())
		go func() { _ = p.Run(ctx) }()
		t0 := time.Now()
		backfill(b, p, begin, stations, hours)
		t1 := time.Now()
		rec := ingest.NewRecomputer(ingest.HoursOptions{Blocks: r.reg, Stations: r.reg, RawStore: r.raw})
		total := 0
		for {
			done, err := rec.Once(ctx)
			require.NoError(b, err)
			if done == 0 {
				break
			}
			total += done
		}
		require.Equal(b, stations*hours, total)
		b.ReportMetric(stations*hours/t1.Sub(t0).Seconds(), "readings/s")
		b.ReportMetric(t1.Sub(t0).Seconds(), "s/ingest")
		b.ReportMetric(time.Since(t1).Seconds(), "s/recompute")
		cancel()
		r.close(b)
	}
}

// backfill sends batches of 1,000 hourly readings per station.
func backfill(b *testing.B, p *ingest.Pipeline, begin time.Time, stations, hours int) {
	b.Helper()
	var wg sync.WaitGroup
	for from := 0; from < hours; from += 1000 {
		for n := range stations {
			var rs []string
			for h := from; h < min(hours, from+1000); h++ {
				rs = append(rs, fmt.Sprintf(`{"time":%d,"values":{"no2":%d.%d,"pm25":%d.5,"pm10":%d}}`, begin.Unix()+int64(h)*3600, h*7%50, h%10, h*3%20, 10+h*3%30))
			}
			wg.Add(1)
			p.Submit(context.Background(), ingest.Message{
				Station: reading.StationID(fmt.Sprintf("s%02d", n)), Received: begin.AddDate(2, 0, 0), Source: "replay",
				Payload: []byte("[" + strings.Join(rs, ",") + "]"),
			}, func(err error) {
				if err != nil {
					b.Error(err)
				}
				wg.Done()
			})
		}
	}
	wg.Wait()
}
