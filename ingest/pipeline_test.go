package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/decode"
	"buurtmeter/ingest/reading"
)

// start is the moment of the first reading of most tests; the clock of synctest
// stands at the begin of 2000, so the tests set Received themselves.
func start() time.Time { return time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC) }

func amsterdam() reading.Station {
	return reading.Station{ID: "ams-1", Cadence: 5 * time.Minute, Since: start().AddDate(-1, 0, 0), HasPosition: true}
}

// message is one reading of NO2, n cadences after the start.
func message(n int, no2 float64) ingest.Message {
	at := start().Add(time.Duration(n) * 5 * time.Minute)
	return ingest.Message{
		Station: "ams-1", Source: "mqtt", Received: at.Add(time.Second),
		Payload: fmt.Appendf(nil, `{"time":"%s","values":{"no2":%v}}`, at.Format(time.RFC3339), no2),
	}
}

// rig is a pipeline on a memory, running until stop.
type rig struct {
	*ingest.Pipeline
	mem    *memory
	result chan error
	cancel context.CancelFunc
}

func newRig(t *testing.T, mem *memory, change func(*ingest.Options)) *rig {
	t.Helper()
	o := ingest.Options{Stations: mem, Ledger: mem, RawStore: mem}
	if change != nil {
		change(&o)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &rig{Pipeline: ingest.NewPipeline(o), mem: mem, result: make(chan error, 1), cancel: cancel}
	go func() { r.result <- r.Run(ctx) }()
	return r
}

// stop ends the run and returns its error.
func (r *rig) stop() error {
	r.cancel()
	return <-r.result
}

func TestNothingIsAcknowledgedBeforeTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory(amsterdam())
		r := newRig(t, mem, nil)
		for _, step := range []string{"newest", "mark", "append", "rejects"} {
			hold := make(chan struct{})
			held := false
			mem.setBefore(func(_ context.Context, call string) error {
				if call == step && !held {
					held = true
					<-hold
				}
				return nil
			})
			var acknowledged atomic.Bool
			// A new station each time, so that "newest" is asked; the unknown
			// property makes a reject.
			st := amsterdam()
			st.ID = reading.StationID("at-" + step)
			mem.mu.Lock()
			mem.stations[st.ID] = st
			mem.mu.Unlock()
			m := message(1, 20)
			m.Station, m.Payload = st.ID, []byte(`{"values":{"no2":20,"co2":50}}`)
			r.Submit(t.Context(), m, func(err error) {
				assert.NoError(t, err)
				acknowledged.Store(true)
			})
			synctest.Wait()
			require.True(t, held, step)
			require.False(t, acknowledged.Load(), "acknowledged while %q was not done", step)
			close(hold)
			synctest.Wait()
			require.True(t, acknowledged.Load(), step)
		}
		require.NoError(t, r.stop())
	})
}

func TestHoursAreMarkedBeforeAndAfterTheWrite(t *testing.T) {
	mem := newMemory(amsterdam())
	r := newRig(t, mem, nil)
	require.NoError(t, r.Ingest(t.Context(), message(0, 20)))
	assert.Equal(t, []string{"station", "newest", "mark", "append", "mark"}, mem.tape())

	require.NoError(t, r.Ingest(t.Context(), message(1, 20)))
	assert.Equal(t, []string{"mark", "append", "mark"}, mem.tape(), "a newer reading needs no look at the store")

	require.NoError(t, r.Ingest(t.Context(), message(1, 21)))
	assert.Equal(t, []string{"readings", "mark", "rewrite", "rejects", "mark"}, mem.tape())

	require.NoError(t, r.Ingest(t.Context(), message(1, 21)))
	assert.Equal(t, []string{"readings", "mark", "rejects"}, mem.tape(),
		"a repeated conflict changes nothing in the store; its hour is marked, because what came first may have been killed before its second mark")

	bad := message(2, 0)
	bad.Payload = []byte("{")
	require.NoError(t, r.Ingest(t.Context(), bad))
	assert.Equal(t, []string{"rejects"}, mem.tape())
	assert.Len(t, mem.dirty, 1)
	require.NoError(t, r.stop())
}

func TestStoreGoneThenBackLosesNothing(t *testing.T) {
	for _, step := range []string{"station", "newest", "mark", "append", "rejects", "readings", "rewrite"} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mem := newMemory(amsterdam())
				mem.torn = true
				r := newRig(t, mem, nil)
				if step == "readings" || step == "rewrite" {
					for i := range 50 {
						require.NoError(t, r.Ingest(t.Context(), message(i, float64(i))))
					}
				}
				before := r.Stats().Acknowledged
				mem.setBefore(func(_ context.Context, call string) error {
					if call == step {
						return errAway
					}
					return nil
				})
				if step == "station" {
					time.Sleep(time.Minute) // the description is forgotten by now
				}
				results := make(chan error, 50)
				for i := range 50 {
					m := message(i, float64(i))
					m.Payload = []byte(strings.Replace(string(m.Payload), `"no2"`, `"co2":1,"no2"`, 1))
					go func() { results <- r.Ingest(t.Context(), m) }()
				}
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				require.Equal(t, before, r.Stats().Acknowledged)
				require.Empty(t, results)
				require.ErrorIs(t, r.Ready(), errAway)
				assert.InDelta(t, 300, time.Since(r.Health().FailingSince).Seconds(), 1)

				mem.setBefore(nil)
				for range 50 {
					require.NoError(t, <-results)
				}
				require.NoError(t, r.Ready())
				assert.Positive(t, r.Stats().Retries)
				require.Equal(t, 50, mem.pointCount())
				for i := range 50 {
					p, ok := mem.point("ams-1", start().Add(time.Duration(i)*5*time.Minute), 0)
					require.True(t, ok)
					require.InDelta(t, float64(i), p.Values[0].Value, 0)
					if before == 0 {
						require.Zero(t, p.Values[0].Flags, "a repeated attempt is not a repeated reading")
					}
				}
				assert.Equal(t, 50, mem.causes()["property-unknown"])
				assert.Zero(t, r.Stats().Queue)
				require.NoError(t, r.stop())
			})
		})
	}
}

func TestAHangingStoreIsGivenUpAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory(amsterdam())
		r := newRig(t, mem, nil)
		hung := false
		mem.setBefore(func(ctx context.Context, call string) error {
			if call == "append" && !hung {
				hung = true
				<-ctx.Done()
			}
			return nil
		})
		require.NoError(t, r.Ingest(t.Context(), message(0, 20)))
		require.NoError(t, r.stop())
	})
}

func TestTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory(amsterdam())
		hold := make(chan struct{})
		mem.setBefore(func(_ context.Context, call string) error {
			if call == "append" {
				<-hold
			}
			return nil
		})
		r := newRig(t, mem, func(o *ingest.Options) { o.Queue, o.MaxBatch, o.Attempt = 64, 8, time.Hour })
		var submitted, done atomic.Int64
		for i := range 500 {
			go func() {
				r.Submit(t.Context(), message(i, 20), func(err error) {
					assert.NoError(t, err)
					done.Add(1)
				})
				submitted.Add(1)
			}()
		}
		// A message heavier than the whole queue must get through as well.
		heavy := message(0, 0)
		heavy.Payload = []byte("[" + strings.Repeat(`{"values":{}},`, 999) + `{"values":{}}]`)
		go r.Submit(t.Context(), heavy, func(error) { done.Add(1) })
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.LessOrEqual(t, r.Stats().Queue, int64(64))
		assert.LessOrEqual(t, submitted.Load(), int64(64), "a full queue must block the senders")
		assert.LessOrEqual(t, done.Load(), int64(1), "only the message without readings needs no append")

		// A sender that gives up while it waits is told so, at once.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.Ingest(ctx, message(1000, 1)), context.DeadlineExceeded)

		close(hold)
		synctest.Wait()
		assert.Equal(t, int64(501), done.Load())
		assert.Equal(t, 500, mem.pointCount())
		assert.Zero(t, r.Stats().Queue)
		require.NoError(t, r.stop())
	})
}

func TestAPoisonReadingIsSetApart(t *testing.T) {
	mem := newMemory(amsterdam())
	mem.refuse = func(r reading.Reading) bool { v, _ := r.Value(reading.NO2); return v.Value == 13 }
	r := newRig(t, mem, nil)
	m := message(0, 0)
	m.Payload = []byte(`[{"time":"2026-11-23T08:00:00Z","values":{"no2":12}},{"time":"2026-11-23T08:05:00Z","interval":60,"values":{"no2":13,"pm25":1}},{"time":"2026-11-23T08:10:00Z","values":{"no2":14}}]`)
	require.NoError(t, r.Ingest(t.Context(), m))
	assert.Equal(t, 2, mem.pointCount())
	require.Len(t, mem.rejects, 1)
	assert.Equal(t, ingest.CauseStoreRefused, mem.rejects[0].Cause)
	assert.JSONEq(t, `{"time":"2026-11-23T08:05:00Z","interval":60,"values":{"no2":13,"pm25":1}}`, string(mem.rejects[0].Payload))
	assert.Equal(t, uint64(2), r.Stats().Stored)

	// All of a batch poisoned, and on the way over the rewrite.
	require.NoError(t, r.Ingest(t.Context(), message(9, 13)))
	mem.refuse = func(reading.Reading) bool { return true }
	require.NoError(t, r.Ingest(t.Context(), message(0, 99)))
	assert.Equal(t, map[string]int{"store-refused": 3, "conflict": 1}, mem.causes())
	require.NoError(t, r.stop())
}

func TestRejectsAreKeptAndAcknowledged(t *testing.T) {
	mem := newMemory(amsterdam())
	r := newRig(t, mem, nil)
	unknown := message(0, 1)
	unknown.Station = "nowhere"
	require.NoError(t, r.Ingest(t.Context(), unknown))
	large := message(0, 1)
	large.Payload = []byte(strings.Repeat(" ", decode.MaxPayload+1))
	require.NoError(t, r.Ingest(t.Context(), large))
	many := message(0, 1)
	many.Payload = []byte("[" + strings.Repeat(`7,`, 3000) + `7]`)
	require.NoError(t, r.Ingest(t.Context(), many))

	assert.Equal(t, map[string]int{"station-unknown": 1, "too-large": 1, "json": 3001}, mem.causes())
	assert.Equal(t, map[string]uint64{"station-unknown": 1, "too-large": 1, "json": 3001}, r.Stats().Rejected)
	for _, rej := range mem.rejects {
		assert.LessOrEqual(t, len(rej.Payload), ingest.MaxRejectPayload)
		assert.NotEmpty(t, rej.Detail)
		assert.Equal(t, "mqtt", rej.Source)
		assert.False(t, rej.Received.IsZero())
	}
	assert.Equal(t, reading.StationID("nowhere"), mem.rejects[0].Station)

	// A station that is registered now may report at once.
	st := amsterdam()
	st.ID = "nowhere"
	mem.mu.Lock()
	mem.stations[st.ID] = st
	mem.mu.Unlock()
	require.NoError(t, r.Ingest(t.Context(), unknown))
	assert.Equal(t, 1, mem.pointCount())
	require.NoError(t, r.stop())
}

func TestThePayloadMayBeReusedAfterSubmit(t *testing.T) {
	mem := newMemory(amsterdam())
	r := ingest.NewPipeline(ingest.Options{Stations: mem, Ledger: mem, RawStore: mem})
	m := message(0, 20)
	m.Payload = []byte(`{"time":"2026-11-23T08:00:00Z","values":{"no2":20,"co2":7}}`)
	want := string(m.Payload)
	done := make(chan error, 1)
	r.Submit(t.Context(), m, func(err error) { done <- err })
	clear(m.Payload)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _ = r.Run(ctx) }()
	require.NoError(t, <-done)
	cancel()
	assert.Equal(t, want, string(mem.rejects[0].Payload))
	p, _ := mem.point("ams-1", start(), 0)
	assert.Equal(t, reading.NO2, p.Values[0].Property)
}

func TestStoppingDrainsWhatWasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory(amsterdam())
		mem.setBefore(func(_ context.Context, call string) error {
			if call == "append" {
				time.Sleep(time.Second)
			}
			return nil
		})
		r := newRig(t, mem, func(o *ingest.Options) { o.MaxBatch = 10 })
		var good, bad atomic.Int64
		for i := range 60 {
			r.Submit(t.Context(), message(i, 20), func(err error) {
				if err == nil {
					good.Add(1)
				} else {
					bad.Add(1)
				}
			})
		}
		require.NoError(t, r.stop())
		assert.Equal(t, int64(60), good.Load())
		assert.Zero(t, bad.Load())
		assert.Equal(t, 60, mem.pointCount())
		require.ErrorIs(t, r.Ingest(t.Context(), message(99, 1)), ingest.ErrStopped)
		require.Error(t, r.Ready())
		require.Error(t, r.Run(t.Context()), "a second run")
	})
}

func TestStoppingWaitsForASenderThatIsStillDecoding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory(amsterdam())
		r := newRig(t, mem, func(o *ingest.Options) {
			o.Decode = func(f reading.Format, in decode.Input) decode.Decoded {
				time.Sleep(time.Second)
				return decode.Decode(f, in)
			}
		})
		result := make(chan error, 1)
		go r.Submit(t.Context(), message(0, 20), func(err error) { result <- err })
		synctest.Wait()
		require.NoError(t, r.stop())
		require.NoError(t, <-result)
		assert.Equal(t, 1, mem.pointCount())
	})
}

func TestStoppingWhileTheStoreIsAwayAcknowledgesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory(amsterdam())
		r := newRig(t, mem, func(o *ingest.Options) { o.Queue, o.MaxBatch, o.Drain = 20, 5, 3*time.Second })
		require.NoError(t, r.Ingest(t.Context(), message(0, 1)))
		mem.setBefore(func(_ context.Context, call string) error {
			if call == "append" || call == "station" {
				return errAway
			}
			return nil
		})
		results := make(chan error, 100)
		for i := range 50 { // some in a commit, some in the queue, some waiting for room
			go r.Submit(t.Context(), message(i+1, 1), func(err error) { results <- err })
		}
		synctest.Wait()
		time.Sleep(time.Minute) // the station is forgotten: the last ones wait for the register
		for i := range 50 {
			go r.Submit(t.Context(), message(i+51, 1), func(err error) { results <- err })
		}
		synctest.Wait()
		begin := time.Now()
		require.ErrorIs(t, r.stop(), ingest.ErrStopped)
		assert.InDelta(t, 3, time.Since(begin).Seconds(), 0.5)
		for range 100 {
			require.ErrorIs(t, <-results, ingest.ErrStopped)
		}
		synctest.Wait()
		assert.Empty(t, results, "done is called once")
		assert.Equal(t, uint64(1), r.Stats().Acknowledged)
	})
}

func TestASenderThatGivesUpIsHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory(amsterdam())
		hold := make(chan struct{})
		mem.setBefore(func(_ context.Context, call string) error {
			if call == "append" {
				<-hold
			}
			return nil
		})
		r := newRig(t, mem, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.Ingest(ctx, message(0, 20)), context.DeadlineExceeded)
		close(hold)
		require.NoError(t, r.Ingest(t.Context(), message(0, 20)))
		p, _ := mem.point("ams-1", start(), 0)
		assert.Equal(t, "duplicate", p.Values[0].Flags.String())
		require.NoError(t, r.stop())
	})
}

func TestErrorsOfTheRegisterAreNotUnknownStations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemory()
		fails := 3
		mem.setBefore(func(_ context.Context, call string) error {
			if call == "station" && fails > 0 {
				fails--
				return errors.New("database is locked")
			}
			return nil
		})
		r := newRig(t, mem, nil)
		require.NoError(t, r.Ingest(t.Context(), message(0, 20)))
		assert.Equal(t, map[string]int{"station-unknown": 1}, mem.causes(), "asked until there was an answer")
		require.NoError(t, r.Ready())
		require.NoError(t, r.stop())
	})
}
