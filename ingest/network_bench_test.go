package ingest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

// BenchmarkNetwork corrects PM2.5 of 2,000 sensors of one type with two months
// each, in 40 neighbourhoods of a town of 14 by 11 km with eight official stations,
// on SQLite. first is a pass over everything; running is one after the present
// month of every series changed, as every hour; still is one in which nothing did.
//
//	go test -run xxx -bench Network -benchtime 1x ./ingest
//
// ns/kit-month is the time of a pass by the months of sensors that it computes
// anew: 4,000 in first, 2,000 in running.
func BenchmarkNetwork(b *testing.B) {
	const sensors, months = 2000, 2
	n := newNetwork(b)
	rnd := rand.New(rand.NewPCG(1, 1))
	noise := func(reading.Hour) float64 { return max(1, 20+4*rnd.NormFloat64()) }
	var all []reading.StationID
	for i := range 8 + sensors {
		kind, lon, lat := reading.KindSensor, 4.7+0.025*float64(i%8), 52.36+0.02*float64(i/8%5)
		if i < 8 {
			kind, lat = reading.KindReference, 52.40
		}
		id := n.add(b, fmt.Sprintf("%s-%04d", kind, i), kind, lon, lat, false)
		n.areas[id] = reading.Place{Lon: lon, Lat: lat}
		for m := october - months + 1; m <= october; m++ {
			n.measure(b, id, reading.PM25, m, noise)
		}
		if kind == reading.KindSensor {
			n.declare(b, id, "SDS011", longAgo)
		}
		all = append(all, id)
	}
	pass := func(b *testing.B, computed int, prepare func()) {
		for b.Loop() {
			b.StopTimer()
			prepare()
			b.StartTimer()
			begin := time.Now()
			changed, err := n.corrector().Once(n.ctx)
			require.NoError(b, err)
			require.Equal(b, computed, changed)
			if computed > 0 {
				b.ReportMetric(float64(time.Since(begin).Nanoseconds())/float64(computed), "ns/kit-month")
			}
		}
	}
	b.Run("first", func(b *testing.B) {
		pass(b, sensors*months, func() {
			_, err := n.reg.DB().ExecContext(n.ctx, `DELETE FROM network_block`)
			require.NoError(b, err)
		})
	})
	b.Run("running", func(b *testing.B) {
		pass(b, sensors, func() {
			for _, id := range all {
				n.measure(b, id, reading.PM25, october, noise)
			}
		})
	})
	b.Run("still", func(b *testing.B) { pass(b, 0, func() {}) })
}
