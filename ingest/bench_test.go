package ingest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// nowhere takes everything and holds nothing: what is left is the pipeline.
type nowhere struct{ *memory }

func (nowhere) Station(_ context.Context, id reading.StationID) (reading.Station, error) {
	return reading.Station{ID: id, Cadence: 5 * time.Minute, HasPosition: true}, nil
}
func (nowhere) MarkDirty(context.Context, []reading.StationHour) error { return nil }
func (nowhere) PutRejects(context.Context, []ingest.Reject) error      { return nil }
func (nowhere) Append(context.Context, []reading.Reading) error        { return nil }
func (nowhere) Newest(context.Context, reading.StationID) (at time.Time, ok bool, err error) {
	return at, false, nil
}

// BenchmarkPipeline commits messages of one reading of 5 values, from 1,000
// stations in turn, with stores that cost nothing.
//
//	go test -run xxx -bench Pipeline -benchmem ./ingest
func BenchmarkPipeline(b *testing.B) {
	p := ingest.NewPipeline(ingest.Options{Stations: nowhere{}, Ledger: nowhere{}, RawStore: nowhere{}})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = p.Run(ctx) }()
	var wg sync.WaitGroup
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		at := start().Add(time.Duration(i/1000) * 5 * time.Minute)
		wg.Add(1)
		p.Submit(ctx, ingest.Message{
			Station: reading.StationID(fmt.Sprintf("s%03d", i%1000)), Received: at,
			Payload: fmt.Appendf(nil, `{"time":%d,"values":{"no2":21.41,"pm25":8.13,"pm10":14.92,"temperature":7.83,"humidity":81.2}}`, at.Unix()),
		}, func(err error) {
			if err != nil {
				b.Error(err)
			}
			wg.Done()
		})
		i++
	}
	wg.Wait()
	b.ReportMetric(float64(p.Stats().Acknowledged)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkHours recomputes a month of 5-minute readings of one station from
// memory, 3 properties.
func BenchmarkHours(b *testing.B) {
	mem := newMemory(amsterdam())
	p := ingest.NewPipeline(ingest.Options{Stations: mem, Ledger: mem, RawStore: mem})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = p.Run(ctx) }()
	begin := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	var rs []string
	for n := range 12 * 24 * 31 {
		rs = append(rs, fmt.Sprintf(`{"time":%d,"values":{"no2":%d,"pm25":%d,"pm10":%d}}`, begin.Unix()+int64(n)*300, n*7%50, n%10, 10+n%10))
		if len(rs) == 4464 {
			require.NoError(b, p.Ingest(ctx, ingest.Message{Station: "ams-1", Received: start(), Payload: []byte("[" + strings.Join(rs, ",") + "]")}))
			rs = nil
		}
	}
	var marks []reading.StationHour
	for h := range reading.Hour(24 * 31) {
		marks = append(marks, reading.StationHour{Station: "ams-1", Hour: reading.HourOf(begin) + h})
	}
	rec := newRecomputer(mem)
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, mem.MarkDirty(ctx, marks))
		done, err := rec.Once(ctx)
		require.NoError(b, err)
		require.Equal(b, len(marks), done)
	}
	b.ReportMetric(float64(len(marks)*b.N)/b.Elapsed().Seconds(), "hours/s")
}
