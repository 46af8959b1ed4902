package decode

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"buurtmeter/ingest/reading"
)

const benchMessage = `{"time":"2026-11-23T08:00:00Z","interval":300,"values":{"no2":21.41,"pm25":8.13,"pm10":14.92,"temperature":7.83,"humidity":81.2},"units":{"no2":"µg/m³"}}`

// BenchmarkJSON decodes one message of 150 bytes with 5 values, ours and with
// encoding/json into a struct of pointers (which misses most of the checks).
//
//	go test -run xxx -bench JSON -benchmem ./ingest/decode
func BenchmarkJSON(b *testing.B) {
	payload, now := []byte(benchMessage), time.Date(2026, 11, 23, 8, 0, 5, 0, time.UTC)
	st := reading.Station{ID: "ams-1"}
	b.Run("ours", func(b *testing.B) {
		b.SetBytes(int64(len(payload)))
		b.ReportAllocs()
		for b.Loop() {
			if d := JSON(payload, st, now); len(d.Readings) != 1 || len(d.Readings[0].Values) != 5 {
				b.Fatal(d)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(payload)))
		b.ReportAllocs()
		for b.Loop() {
			var m struct {
				Time     *time.Time          `json:"time"`
				Interval *int                `json:"interval"`
				Rev      *int                `json:"rev"`
				Values   map[string]*float64 `json:"values"`
				Units    map[string]string   `json:"units"`
			}
			if err := json.Unmarshal(payload, &m); err != nil || len(m.Values) != 5 {
				b.Fatal(err)
			}
		}
	})
	b.Run("batch-5000", func(b *testing.B) {
		one := make([]string, MaxReadings)
		for i := range one {
			one[i] = fmt.Sprintf(`{"time":%d,"values":{"no2":21.41,"pm25":8.13}}`, 1795420800+i)
		}
		batch := []byte("[" + strings.Join(one, ",") + "]")
		b.SetBytes(int64(len(batch)))
		b.ReportAllocs()
		for b.Loop() {
			if d := JSON(batch, st, now); len(d.Readings) != MaxReadings {
				b.Fatal(len(d.Readings))
			}
		}
	})
}
