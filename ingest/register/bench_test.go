package register_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/register/registertest"
)

// benchBoth: go test -run - -bench 'MarkDirty|PutBlocks|Authenticate' ./ingest/register
func benchBoth(b *testing.B, bench func(*testing.B, *register.Register)) {
	b.Run("SQLite", func(b *testing.B) {
		bench(b, open(b, "sqlite:"+filepath.Join(b.TempDir(), "register.db"), register.Options{}))
	})
	b.Run("PostgreSQL", func(b *testing.B) { bench(b, open(b, registertest.Postgres(b), register.Options{})) })
}

func fleet(n int, hour reading.Hour) []reading.StationHour {
	hours := make([]reading.StationHour, n)
	for i := range hours {
		hours[i] = reading.StationHour{Station: reading.StationID(fmt.Sprintf("station-%05d", i*7919%n)), Hour: hour}
	}
	return hours
}

// BenchmarkMarkDirty marks one hour of 5,000 stations: new marks, and marks
// that are there already.
func BenchmarkMarkDirty(b *testing.B) {
	hours := fleet(5000, 0)
	benchBoth(b, func(b *testing.B, r *register.Register) {
		b.Run("new", func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, r.MarkDirty(b.Context(), hours))
				b.StopTimer()
				marked, err := r.DirtyHours(b.Context(), "", len(hours))
				require.NoError(b, err)
				require.NoError(b, r.ClearDirty(b.Context(), marked))
				b.StartTimer()
			}
		})
		b.Run("again", func(b *testing.B) {
			require.NoError(b, r.MarkDirty(b.Context(), hours))
			for b.Loop() {
				require.NoError(b, r.MarkDirty(b.Context(), hours))
			}
		})
	})
}

// BenchmarkMarkOne is the cost of one commit.
func BenchmarkMarkOne(b *testing.B) {
	benchBoth(b, func(b *testing.B, r *register.Register) {
		for i := 0; b.Loop(); i++ {
			require.NoError(b, r.MarkDirty(b.Context(), fleet(1, reading.Hour(i))))
		}
	})
}

// BenchmarkClearDirty clears 1,000 of 20,000 marks and makes them again.
func BenchmarkClearDirty(b *testing.B) {
	benchBoth(b, func(b *testing.B, r *register.Register) {
		require.NoError(b, r.MarkDirty(b.Context(), fleet(20_000, 0)))
		for b.Loop() {
			hours, err := r.DirtyHours(b.Context(), "", 1000)
			require.NoError(b, err)
			require.NoError(b, r.ClearDirty(b.Context(), hours))
			b.StopTimer()
			require.NoError(b, r.MarkDirty(b.Context(), fleet(20_000, 0)))
			b.StartTimer()
		}
	})
}

// BenchmarkPutBlocks stores 500 changed blocks among 5,000.
func BenchmarkPutBlocks(b *testing.B) {
	benchBoth(b, func(b *testing.B, r *register.Register) {
		var all []ingest.VersionedBlock
		for i, h := range fleet(5000, 0) {
			block := walk(uint64(i%16), november2026, 1000)
			block.Station = h.Station
			all = append(all, ingest.VersionedBlock{Block: block})
		}
		require.NoError(b, r.PutBlocks(b.Context(), all))
		for i := range all {
			all[i].Version = 1
		}
		for i := 0; b.Loop(); i++ {
			batch := all[i%10*500:][:500]
			require.NoError(b, r.PutBlocks(b.Context(), batch))
			for j := range batch {
				batch[j].Version++
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/500, "µs/block")
	})
}

// BenchmarkEachBlock reads twelve months of one series.
func BenchmarkEachBlock(b *testing.B) {
	benchBoth(b, func(b *testing.B, r *register.Register) {
		for m := range reading.Month(12) {
			block := walk(uint64(m), november2026+m, 1000)
			require.NoError(b, r.PutBlocks(b.Context(), []ingest.VersionedBlock{{Block: block}}))
		}
		for b.Loop() {
			n := 0
			require.NoError(b, r.EachBlock(b.Context(), "walker", reading.NO2, november2026, november2026+11, func(reading.Block) error {
				n++
				return nil
			}))
			require.Equal(b, 12, n)
		}
	})
}

// BenchmarkAuthenticate is a login that is answered from memory.
func BenchmarkAuthenticate(b *testing.B) {
	benchBoth(b, func(b *testing.B, r *register.Register) {
		token, err := r.AddStation(b.Context(), registertest.Station("one"), reading.SecretPosition{}, "operator")
		require.NoError(b, err)
		for b.Loop() {
			if err := r.Authenticate(b.Context(), "one", token); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkHistories is what the public graph pays for 20,000 stations with five
// events each: Counts at every change of the data, All once, One after an event.
func BenchmarkHistories(b *testing.B) {
	benchBoth(b, func(b *testing.B, r *register.Register) {
		const stations, perStation = 20_000, 5
		require.NoError(b, r.InTx(b.Context(), func(tx *sql.Tx) error {
			const numbers = `WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000) `
			_, err := tx.ExecContext(b.Context(), numbers+`INSERT INTO station (id, title, kind, model, maker, cadence_ms, since_ms, simulated, paused, events)
				SELECT 'station-' || n, 'Meetpunt', 'sensor', 'SDS011', 'bewoners', 60000, 0, FALSE, FALSE, 5 FROM s`)
			for seq := 1; err == nil && seq <= perStation; seq++ {
				_, err = tx.ExecContext(b.Context(), `INSERT INTO station_event (station, seq, at_ms, actor, what, why)
					SELECT id, CAST($1 AS INTEGER), 1700000000000, 'operator', 'paused', 'de sensor is stuk en wordt vervangen' FROM station`, seq)
			}
			return err
		}))
		b.Run("Counts", func(b *testing.B) {
			for b.Loop() {
				counts, err := r.EventCounts(b.Context())
				require.NoError(b, err)
				require.Len(b, counts, stations)
			}
		})
		ids := make([]reading.StationID, stations)
		for i := range ids {
			ids[i] = reading.StationID(fmt.Sprintf("station-%d", i+1))
		}
		for name, some := range map[string][]reading.StationID{"All": ids, "One": ids[:1]} {
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					all, err := r.Histories(b.Context(), some, 200, register.EventTokenRotated)
					require.NoError(b, err)
					require.Len(b, all, len(some))
				}
			})
		}
	})
}
