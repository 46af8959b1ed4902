package quality

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func TestCheck(t *testing.T) {
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	st := reading.Station{ID: "s", Since: since, HasPosition: true}
	const no = reading.Flag(0)
	type values = []reading.Value
	for _, c := range []struct {
		name   string
		at     time.Time
		values values
		want   []reading.Flag
	}{
		{"clean", now, values{{Property: reading.NO2, Value: 20}}, []reading.Flag{no}},
		{"bounds belong to the range", now, values{{Property: reading.NO2, Value: 1000}, {Property: reading.PM25, Value: -20}}, []reading.Flag{no, no}},
		{"small negative noise is kept", now, values{{Property: reading.PM25, Value: -0.4}}, []reading.Flag{no}},
		{"above and below", now, values{{Property: reading.NO2, Value: 1000.1}, {Property: reading.Humidity, Value: -0.1}}, []reading.Flag{reading.Range, reading.Range}},
		{"not a number", now, values{{Property: reading.NO2, Value: math.NaN()}, {Property: reading.PM10, Value: math.Inf(1)}}, []reading.Flag{reading.Range, reading.Range}},
		{"unknown property", now, values{{Property: "co2", Value: 1}}, []reading.Flag{reading.Range}},
		{"missing code has no range", now, values{{Property: reading.NO2, Value: -999, Flags: reading.MissingCode}}, []reading.Flag{reading.MissingCode}},
		{"flags that are there stay", now, values{{Property: reading.NO2, Value: -30, Flags: reading.ServerTime}}, []reading.Flag{reading.ServerTime | reading.Range}},
		{"five minutes ahead", now.Add(5 * time.Minute), values{{Property: reading.NO2}}, []reading.Flag{no}},
		{"more ahead", now.Add(5*time.Minute + time.Millisecond), values{{Property: reading.NO2}}, []reading.Flag{reading.ClockFuture}},
		{"a day before the start", since.Add(-24 * time.Hour), values{{Property: reading.NO2}}, []reading.Flag{no}},
		{"longer before the start", since.Add(-24*time.Hour - time.Millisecond), values{{Property: reading.NO2}}, []reading.Flag{reading.ClockPast}},
		{"device without a clock", time.UnixMilli(0).UTC(), values{{Property: reading.NO2}}, []reading.Flag{reading.ClockPast}},
		{"PM2.5 above PM10", now, values{{Property: reading.PM25, Value: 9}, {Property: reading.PM10, Value: 8}, {Property: reading.NO2}}, []reading.Flag{reading.PMOrder, reading.PMOrder, no}},
		{"PM2.5 equal to PM10", now, values{{Property: reading.PM25, Value: 8}, {Property: reading.PM10, Value: 8}}, []reading.Flag{no, no}},
		{"order is not judged with an excluded value", now, values{{Property: reading.PM25, Value: 2000}, {Property: reading.PM10, Value: 8}}, []reading.Flag{reading.Range, no}},
		{"nor with a missing code", now, values{{Property: reading.PM25, Value: 9}, {Property: reading.PM10, Value: -999, Flags: reading.MissingCode}}, []reading.Flag{no, reading.MissingCode}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := reading.Reading{Station: "s", At: c.at, Received: now, Values: c.values}
			for range 2 { // checking twice changes nothing
				Check(&r, st)
				for i, v := range r.Values {
					assert.Equal(t, c.want[i].String(), v.Flags.String(), v.Property)
				}
			}
			nowhere := st
			nowhere.HasPosition = false
			Check(&r, nowhere)
			for i, v := range r.Values {
				assert.Equal(t, (c.want[i] | reading.NoPosition).String(), v.Flags.String(), v.Property)
			}
		})
	}
}

// row builds a row of hour means from parts: n times the same value.
type part struct {
	n int
	v int32
}

func row(parts ...part) []int32 {
	var r []int32
	for _, p := range parts {
		for range p.n {
			r = append(r, p.v)
		}
	}
	return r
}

func TestConstant(t *testing.T) {
	const none = reading.Missing
	for _, c := range []struct {
		name   string
		values []int32
		want   int
	}{
		{"23 hours", row(part{23, 7}), 0},
		{"24 hours", row(part{24, 7}), 24},
		{"24 hours of zero", row(part{24, 0}), 24},
		{"nothing", row(part{100, none}), 0},
		{"between others", row(part{30, 5}, part{1, 6}, part{24, 7}, part{1, 8}), 54},
		{"23 and 1 other and 23", row(part{23, 7}, part{1, 8}, part{23, 7}), 0},
		{"gap of 6", row(part{12, 7}, part{6, none}, part{12, 7}), 24},
		{"gap of 7", row(part{12, 7}, part{7, none}, part{12, 7}), 0},
		{"long gap between two runs", row(part{24, 7}, part{7, none}, part{24, 7}), 48},
		{"missing hours do not count", row(part{18, 7}, part{6, none}, part{5, 7}), 0},
		{"gaps at the ends", row(part{3, none}, part{24, 7}, part{3, none}), 24},
		{"the real run of 377 hours", row(part{50, 7}, part{5, none}, part{300, 7}, part{6, none}, part{27, 7}), 377},
	} {
		t.Run(c.name, func(t *testing.T) {
			flags := make([]reading.Flag, len(c.values))
			for i := range flags {
				flags[i] = reading.Duplicate | reading.Constant // the old answer must not matter
			}
			Constant(c.values, flags)
			marked := 0
			for i, f := range flags {
				require.NotZero(t, f&reading.Duplicate, "other flags stay")
				if f&reading.Constant != 0 {
					require.NotEqual(t, none, c.values[i], "a missing hour is not constant")
					marked++
				}
			}
			assert.Equal(t, c.want, marked)
		})
	}
	Constant(nil, nil)
}

// TestConstantLooksNoFurtherThanItsReach is what the recomputation of month
// blocks relies on: hours farther away than ConstantReach do not matter.
func TestConstantLooksNoFurtherThanItsReach(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const n = 3 * ConstantReach
	for range 300 {
		values := make([]int32, n)
		for i := range values {
			values[i] = 7
			if rnd.IntN(60) == 0 {
				values[i] = 8
			}
			if rnd.IntN(4) > 0 {
				values[i] = reading.Missing
			}
		}
		before, after := make([]reading.Flag, n), make([]reading.Flag, n)
		Constant(values, before)
		at := n/2 + rnd.IntN(5)
		values[at] = []int32{7, 8, reading.Missing}[rnd.IntN(3)]
		Constant(values, after)
		for i := range values {
			if before[i] != after[i] {
				require.LessOrEqual(t, max(i-at, at-i), ConstantReach)
			}
		}
	}
}

// BenchmarkCheck checks one reading of 5 values.
//
//	go test -run xxx -bench . -benchmem ./ingest/quality
func BenchmarkCheck(b *testing.B) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	r := reading.Reading{At: now, Received: now, Values: []reading.Value{
		{Property: reading.NO2, Value: 21},
		{Property: reading.PM25, Value: 8},
		{Property: reading.PM10, Value: 14},
		{Property: reading.Temperature, Value: 7},
		{Property: reading.Humidity, Value: 81},
	}}
	b.ReportAllocs()
	for b.Loop() {
		Check(&r, reading.Station{HasPosition: true})
	}
}

// BenchmarkConstant goes over three months of hours.
func BenchmarkConstant(b *testing.B) {
	values, flags := make([]int32, 2208), make([]reading.Flag, 2208)
	for i := range values {
		values[i] = int32(i * 37 % 400)
	}
	b.ReportAllocs()
	for b.Loop() {
		Constant(values, flags)
	}
}
