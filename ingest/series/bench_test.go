package series_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/series/seriestest"
)

// network returns n readings of five values: minute after minute, the stations
// of a network of 500 in turn.
func network(step, n int) []reading.Reading {
	props := []reading.Property{reading.NO2, reading.PM25, reading.PM10, reading.Temperature, reading.Humidity}
	rs := make([]reading.Reading, n)
	values := make([]reading.Value, n*len(props))
	for i := range rs {
		k := step*n + i
		at := time.Date(2026, 1, 1, 0, k/500, 0, 0, time.UTC)
		v := values[i*len(props) : (i+1)*len(props)]
		for p := range v {
			v[p] = reading.Value{Property: props[p], Value: float64((k*7919+p*31)%400) / 10}
		}
		rs[i] = reading.Reading{Station: reading.StationID(fmt.Sprintf("buurt-%03d", k%500)), At: at, Received: at, Values: v}
	}
	return rs
}

// BenchmarkAppend measures durable writes to the embedded engine:
//
//	go test -run '^$' -bench Append -benchtime 2s ./ingest/series
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 100, 5000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s := seriestest.Engine(b)
			step := 0
			for b.Loop() {
				b.StopTimer()
				rs := network(step, n)
				step++
				b.StartTimer()
				require.NoError(b, s.Append(b.Context(), rs))
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "readings/s")
		})
	}
}

// BenchmarkReadings measures reading one station-month of minute data (44,640
// readings of five values) from the embedded engine.
func BenchmarkReadings(b *testing.B) {
	const month = 31 * 24 * 60
	s := seriestest.Engine(b)
	rs := make([]reading.Reading, 0, month)
	for i := range month {
		r := network(i, 1)[0]
		r.Station = "x"
		r.At = time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC)
		r.Received = r.At
		rs = append(rs, r)
	}
	require.NoError(b, s.Append(b.Context(), rs))
	b.ReportAllocs()
	for b.Loop() {
		got, err := s.Readings(b.Context(), "x", rs[0].At, rs[month-1].At.Add(1))
		require.NoError(b, err)
		require.Len(b, got, month)
	}
	b.ReportMetric(month*float64(b.N)/b.Elapsed().Seconds(), "readings/s")
}
