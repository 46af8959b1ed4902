package ingest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// BenchmarkAssess assesses 1,000 sensors of NO2 with four months each beside two
// of twelve official stations, on SQLite. first is a pass over everything;
// running is one after every series of the present month changed, as every hour;
// still is one in which nothing changed.
//
//	go test -run xxx -bench Assess -benchtime 1x ./ingest
//
// ns/kit-month is the time of a pass by the months that it computes anew for one
// sensor and one official station: 8,000 in first, 2,000 in running.
func BenchmarkAssess(b *testing.B) {
	const sensors, months = 1000, 4
	n := newNetwork(b)
	rnd := rand.New(rand.NewPCG(1, 1))
	noise := func(reading.Hour) float64 { return 20 + 4*rnd.NormFloat64() }
	var kits []reading.StationID
	fill := func(kind reading.Kind, count int) (ids []reading.StationID) {
		for i := range count {
			id := n.add(b, fmt.Sprintf("%s-%04d", kind, i), kind, 4.7+rnd.Float64()*0.1, 52.4+rnd.Float64()*0.05, false)
			for m := october - months + 1; m <= october; m++ {
				n.measure(b, id, reading.NO2, m, noise)
			}
			ids = append(ids, id)
		}
		return ids
	}
	officials := fill(reading.KindReference, 12)
	kits = fill(reading.KindSensor, sensors)
	var stored []ingest.Assessment
	pass := func(b *testing.B, computed int, prepare func()) {
		for b.Loop() {
			b.StopTimer()
			prepare()
			b.StartTimer()
			begin := time.Now()
			_, err := n.assessor(n.reg).Once(n.ctx)
			require.NoError(b, err)
			if computed > 0 {
				b.ReportMetric(float64(time.Since(begin).Nanoseconds())/float64(computed), "ns/kit-month")
			}
		}
		stored = n.stored(b, kits...)
		require.Len(b, stored, 2*sensors)
	}
	b.Run("first", func(b *testing.B) {
		pass(b, 2*sensors*months, func() {
			_, err := n.reg.DB().ExecContext(n.ctx, `DELETE FROM assessment`)
			require.NoError(b, err)
		})
	})
	b.Run("running", func(b *testing.B) {
		pass(b, 2*sensors, func() {
			for _, id := range append(officials, kits...) {
				n.measure(b, id, reading.NO2, october, noise)
			}
		})
	})
	b.Run("still", func(b *testing.B) { pass(b, 0, func() {}) })
}
