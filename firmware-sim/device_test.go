package firmwaresim_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	firmwaresim "buurtmeter/firmware-sim"
)

var (
	begin = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	end   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// year calls f for every hour of 2025 that the device measured.
func year(d firmwaresim.Device, f func(t time.Time, v map[string]float64)) {
	for t := begin; t.Before(end); t = t.Add(time.Hour) {
		if v, ok := d.Reading(t); ok {
			f(t, v)
		}
	}
}

type mean struct{ sum, n float64 }

func (m *mean) add(v float64)  { m.sum, m.n = m.sum+v, m.n+1 }
func (m *mean) value() float64 { return m.sum / m.n }

func TestSameSeedSameData(t *testing.T) {
	a, b := firmwaresim.Fleet(7, 20), firmwaresim.Fleet(7, 20)
	for i := range a {
		require.Empty(t, cmp.Diff(a[i].Samples(begin, begin.AddDate(0, 1, 0), time.Hour), b[i].Samples(begin, begin.AddDate(0, 1, 0), time.Hour)))
	}
	// Asked backwards and one by one it is the same too.
	for ts := begin.AddDate(0, 0, 9); ts.After(begin); ts = ts.Add(-time.Hour) {
		v, ok := a[3].Reading(ts)
		w, ok2 := b[3].Reading(ts)
		require.Equal(t, ok, ok2)
		require.Equal(t, v, w)
	}
	other := firmwaresim.Fleet(8, 20)
	assert.NotEmpty(t, cmp.Diff(a[0].Samples(begin, begin.AddDate(0, 0, 2), time.Hour), other[0].Samples(begin, begin.AddDate(0, 0, 2), time.Hour)))
	// The login does not take part.
	named := b[0]
	named.ID, named.Token = "noord-1", "geheim"
	require.Empty(t, cmp.Diff(a[0].Samples(begin, begin.AddDate(0, 0, 2), time.Hour), named.Samples(begin, begin.AddDate(0, 0, 2), time.Hour)))
}

func TestYearlyMeansSpanEveryVerdict(t *testing.T) {
	for _, n := range []int{10, 60} {
		lowest, highest := math.Inf(1), math.Inf(-1)
		for _, d := range firmwaresim.Fleet(1, n) {
			var no2 mean
			year(d, func(_ time.Time, v map[string]float64) {
				if v[firmwaresim.NO2] != -999 {
					no2.add(v[firmwaresim.NO2])
				}
			})
			assert.InDelta(t, d.Level, no2.value(), 3+0.1*d.Level, "%s %s", d.ID, d.Site)
			lowest, highest = min(lowest, no2.value()), max(highest, no2.value())
		}
		assert.InDelta(t, 8, lowest, 4, "n=%d", n)
		assert.InDelta(t, 58, highest, 6, "n=%d", n)
	}
}

func TestTheDayHasTwoPeaksAndTheWeekendFewerCars(t *testing.T) {
	busy := find(t, firmwaresim.BusyRoad)
	var work, weekend [24]mean
	var jan, jul mean
	year(busy, func(ts time.Time, v map[string]float64) {
		hour := ts.Add(time.Hour).Hour() // winter time
		if ts.Month() >= time.April && ts.Month() <= time.September {
			hour = (hour + 1) % 24
		}
		switch ts.Weekday() {
		case time.Saturday, time.Sunday:
			weekend[hour].add(v[firmwaresim.NO2])
		default:
			work[hour].add(v[firmwaresim.NO2])
		}
		switch ts.Month() {
		case time.December, time.January, time.February:
			jan.add(v[firmwaresim.NO2])
		case time.June, time.July, time.August:
			jul.add(v[firmwaresim.NO2])
		default:
		}
	})
	assert.Greater(t, work[8].value(), 1.2*work[12].value())
	assert.Greater(t, work[18].value(), 1.2*work[12].value())
	assert.Greater(t, work[12].value(), 1.3*work[3].value())
	assert.Greater(t, work[8].value(), 1.4*weekend[8].value())
	assert.Greater(t, jan.value(), 1.2*jul.value())
}

func find(t *testing.T, site firmwaresim.Site) firmwaresim.Device {
	t.Helper()
	fleet := firmwaresim.Fleet(1, 30)
	i := slices.IndexFunc(fleet, func(d firmwaresim.Device) bool { return d.Site == site })
	require.GreaterOrEqual(t, i, 0)
	return fleet[i]
}

func TestValuesArePlausibleAndRounded(t *testing.T) {
	var pm25, pm10, temperature mean
	codes, readings := 0, 0
	for _, d := range firmwaresim.Fleet(3, 15) {
		year(d, func(ts time.Time, v map[string]float64) {
			readings++
			if len(v) != 5 {
				t.Fatalf("%s: %d values at %s", d.ID, len(v), ts)
			}
			for name, x := range v {
				if x == -999 {
					codes++
					continue
				}
				lo, hi := -20.0, 500.0
				switch name {
				case firmwaresim.Temperature:
					lo, hi = -25, 45
				case firmwaresim.Humidity:
					lo, hi = 0, 100
				}
				if x < lo || x > hi || math.Round(x*10)/10 != x {
					t.Fatalf("%s %s %v at %s", d.ID, name, x, ts)
				}
			}
			if v[firmwaresim.PM10] < v[firmwaresim.PM25] {
				t.Fatalf("%s: more fine dust than dust at %s", d.ID, ts)
			}
			if v[firmwaresim.PM25] != -999 {
				pm25.add(v[firmwaresim.PM25])
				pm10.add(v[firmwaresim.PM10])
			}
			temperature.add(v[firmwaresim.Temperature])
		})
	}
	assert.InDelta(t, 10, pm25.value(), 5)
	assert.InDelta(t, 18, pm10.value(), 7)
	assert.InDelta(t, 12, temperature.value(), 3)
	assert.Positive(t, codes, "-999 now and then")
	assert.Less(t, codes, readings/500)
}

func TestEveryFaultOccursInAYear(t *testing.T) {
	var gaps, late, ahead, lost, twice, conflicts, stuck int
	const n = 60
	for _, d := range firmwaresim.Fleet(5, n) {
		var last float64
		run := 0
		longest := 0
		for ts := begin; ts.Before(end); ts = ts.Add(time.Hour) {
			v, ok := d.Reading(ts)
			if !ok {
				gaps++
				continue
			}
			if d.Offline(ts) {
				late++
			}
			switch stamp := d.Stamp(ts); {
			case stamp.After(ts):
				ahead++
				require.LessOrEqual(t, stamp.Sub(ts), 5*time.Hour)
			case stamp.Before(ts):
				lost++
				require.Equal(t, 1970, stamp.Year())
			}
			if v[firmwaresim.NO2] == last {
				run++
				longest = max(longest, run)
			} else {
				run = 0
			}
			last = v[firmwaresim.NO2]
		}
		if longest > 36 {
			stuck++
		}
		samples := d.Samples(begin, end, time.Hour)
		for i := 1; i < len(samples); i++ {
			if samples[i].At.Equal(samples[i-1].At) {
				if cmp.Equal(samples[i-1], samples[i]) {
					twice++
				} else {
					conflicts++ // the clock was put right and an hour came again
				}
			}
		}
	}
	hours := n * 365 * 24
	assert.Greater(t, gaps, hours/500)
	assert.Less(t, gaps, hours/10)
	assert.Greater(t, late, hours/500)
	assert.Greater(t, ahead, hours/5000)
	assert.Less(t, ahead, hours/20)
	assert.Positive(t, lost)
	assert.Greater(t, twice, n)
	assert.Positive(t, conflicts)
	assert.Positive(t, stuck)
	assert.Less(t, stuck, n/4)
}

func TestMessagesAreTheWireFormat(t *testing.T) {
	d := firmwaresim.Fleet(1, 1)[0]
	samples := d.Samples(begin, begin.Add(30*24*time.Hour), time.Hour)
	one := firmwaresim.Messages(samples[:1], 10)
	require.Len(t, one, 1)
	var single struct {
		Time     time.Time          `json:"time"`
		Interval int                `json:"interval"`
		Values   map[string]float64 `json:"values"`
	}
	require.NoError(t, json.Unmarshal(one[0], &single))
	assert.Equal(t, samples[0].At, single.Time)
	assert.Equal(t, 3600, single.Interval)
	assert.Equal(t, samples[0].Values, single.Values)

	var got []firmwaresim.Sample
	for _, raw := range firmwaresim.Messages(samples, 168) {
		var batch struct {
			Readings []struct {
				Time     time.Time          `json:"time"`
				Interval int                `json:"interval"`
				Values   map[string]float64 `json:"values"`
			} `json:"readings"`
		}
		require.NoError(t, json.Unmarshal(raw, &batch))
		require.LessOrEqual(t, len(batch.Readings), 168)
		for _, r := range batch.Readings {
			got = append(got, firmwaresim.Sample{At: r.Time, Interval: time.Duration(r.Interval) * time.Second, Values: r.Values})
		}
	}
	require.Empty(t, cmp.Diff(samples, got))
	assert.Equal(t, `{"time":"2026-11-03T08:00:00Z","interval":3600,"values":{"no2":21.5,"pm25":-999}}`,
		string(firmwaresim.AppendReading(nil, firmwaresim.Sample{
			At: time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC), Interval: time.Hour,
			Values: map[string]float64{"no2": 21.5, "pm25": -999},
		})))
	for _, m := range firmwaresim.Messages(d.Samples(begin, begin.AddDate(2, 0, 0), time.Hour), 1_000_000) {
		assert.Less(t, len(m), 1<<20, "a full batch must fit the largest payload")
	}
}

// BenchmarkPayload makes week messages of hourly history, measuring and writing
// included; readings/s is what one core generates.
//
//	go test -run '^$' -bench Payload -count 6 ./firmware-sim
func BenchmarkPayload(b *testing.B) {
	fleet := firmwaresim.Fleet(1, 50)
	readings, size := 0, 0
	at, i := begin, 0
	for b.Loop() {
		samples := fleet[i%len(fleet)].Samples(at, at.Add(7*24*time.Hour), time.Hour)
		for _, m := range firmwaresim.Messages(samples, 168) {
			size += len(m)
		}
		readings += len(samples)
		i, at = i+1, at.Add(7*24*time.Hour)
	}
	b.ReportMetric(float64(readings)/b.Elapsed().Seconds(), "readings/s")
	b.ReportMetric(float64(size)/float64(readings), "B/reading")
}
