package main

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// TestReplayOfResidentKits replays the RIVM example set against a running
// server with the real boundaries, and compares the unflagged hours with sums
// that are computed here from the file alone.
func TestReplayOfResidentKits(t *testing.T) {
	folder := conformancetest.Path(t, "data", "rivm-hollandseluchten")
	boundaries := conformancetest.Path(t, "geo", "buurten_GM0479_zaanstad_2016.geojson")
	data := t.TempDir()
	s := startServer(t, "--data", data, "--mqtt-listen", "127.0.0.1:0")
	out, err := runCommand(t, "areas", "import", boundaries, "--year", "2016", "--data", data)
	require.NoError(t, err, out)
	require.Contains(t, out, "imported 50 buurten")
	out, err = runCommand(t, "replay", "--dir", folder, "--data", data, "--mqtt", s.MQTT)
	require.NoError(t, err, out)
	t.Log(out)

	reg, err := register.Open(t.Context(), "sqlite:"+filepath.Join(data, "register.db"), register.Options{Now: time.Now})
	require.NoError(t, err)
	defer func() { _ = reg.Close() }()
	want := independent(t, filepath.Join(folder, "Voorbeeld_HLL_sensoren.csv"))
	got := map[reading.Property]tally{}
	kits, _, err := readReplay(filepath.Join(folder, "Voorbeeld_HLL_sensoren.csv"), reading.KindSensor)
	require.NoError(t, err)
	for _, k := range kits {
		for _, info := range reading.Properties() {
			err := reg.EachBlock(t.Context(), k.station.ID, info.Property, 0, 800, func(b reading.Block) error {
				x := got[info.Property]
				for i, v := range b.Values {
					if b.Flags[i]&reading.Constant != 0 {
						x.stuck++
					}
					if b.Flags[i]&reading.Spike != 0 {
						x.spikes++
					}
					if b.Flags[i]&reading.HumiditySuspect != 0 {
						x.humid++
					}
					// The notes that come from looking at other hours and stations are
					// counted by themselves, or come later than this test looks.
					if v != reading.Missing && b.Flags[i]&^(reading.Spike|reading.HumiditySuspect|reading.AmongNeighbours) == 0 {
						x.n++
						x.sum += int64(v)
					}
				}
				got[info.Property] = x
				return nil
			})
			require.NoError(t, err)
		}
	}
	for _, p := range []reading.Property{reading.NO2, reading.PM10, reading.PM25} {
		t.Logf("%s: %d unflagged hours, sum %.4f; from the file %d, %.4f; %d spikes, %d humid hours", p, got[p].n, float64(got[p].sum)/reading.HourScale, want[p].n, float64(want[p].sum)/reading.HourScale, want[p].spikes, want[p].humid)
		require.NotZero(t, want[p].n)
		require.Equal(t, want[p], got[p], "unflagged hours of %s", p)
	}

	// Official stations without a position have no area, and that is shown.
	_, _, body := get(t, s.url("/v1/stations/nl49553"), "application/json")
	assert.Contains(t, body, `"noPosition":true`)
	status, _, body := get(t, s.url("/meetpunt/nl49553"), "text/html")
	require.Equal(t, 200, status)
	assert.Contains(t, strings.ToLower(body), "plaats onbekend")

	again, err := runCommand(t, "replay", "--dir", folder, "--data", data, "--mqtt", s.MQTT)
	require.NoError(t, err, "a second replay resumes after the last row and still agrees: %s", again)
}

// tally is a count and an exact sum in 1/10,000 unit.
type tally struct {
	n     int
	sum   int64
	stuck int // hours flagged constant
	// hours flagged spike, and humidity-suspect
	spikes, humid int
}

type fileHour struct {
	at     time.Time
	placed bool
	value  map[reading.Property]float64
}

// independent computes count and sum of the hours that deserve no flag, from
// the file alone and by the plainest means: dated, at a place, a number, not
// -999, within bounds, PM2.5 not above PM10, not in a constant run of 24 or
// more hours (gaps up to six hours belong to the run).
func independent(t *testing.T, path string) map[reading.Property]tally {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	col := map[string]int{}
	for i, h := range rows[0] {
		col[h] = i
	}
	kits := map[string][]fileHour{}
	for _, r := range rows[1:] {
		if r[col["date"]] == "NA" {
			continue
		}
		at, err := time.Parse("2006-01-02 15:04:05", r[col["date"]])
		require.NoError(t, err)
		lat := r[col["lat"]]
		h := fileHour{at: at, placed: lat != "0" && lat != "NA", value: map[reading.Property]float64{}}
		for p, c := range map[reading.Property]string{reading.NO2: "no2", reading.PM10: "pm10", reading.PM25: "pm25", reading.Humidity: "rh"} {
			if v, err := strconv.ParseFloat(r[col[c]], 64); err == nil {
				h.value[p] = v
			}
		}
		kits[r[col["kit_id"]]] = append(kits[r[col["kit_id"]]], h)
	}
	out := map[reading.Property]tally{}
	for _, hours := range kits {
		sort.Slice(hours, func(i, j int) bool { return hours[i].at.Before(hours[j].at) })
		for _, p := range []reading.Property{reading.NO2, reading.PM10, reading.PM25} {
			x := out[p]
			x.spikes += spikes(hours, p)
			for i, h := range hours {
				v, ok := h.value[p]
				if !ok || v == -999 || v < -20 || v > 1000 {
					continue
				}
				if rh, ok := h.value[reading.Humidity]; ok && p != reading.NO2 && rh >= 85 && rh <= 100 {
					x.humid++
				}
				if stuck(hours, i, p) {
					x.stuck++
					continue
				}
				if !h.placed {
					continue
				}
				fine, has2 := h.value[reading.PM25]
				coarse, has10 := h.value[reading.PM10]
				if p != reading.NO2 && has2 && has10 && fine > coarse && fine <= 1000 && coarse <= 1000 {
					continue
				}
				x.n++
				x.sum += int64(math.Round(v * 10_000))
			}
			out[p] = x
		}
	}
	return out
}

// stuck walks both ways from hour i as long as the value stays the same.
func stuck(hours []fileHour, i int, p reading.Property) bool {
	v := hours[i].value[p]
	n := 1
	for _, step := range []int{-1, 1} {
		last := hours[i].at
		for j := i + step; j >= 0 && j < len(hours); j += step {
			w, ok := hours[j].value[p]
			if !ok || w == -999 {
				continue
			}
			gap := hours[j].at.Sub(last).Abs()
			if w != v || gap > 7*time.Hour {
				break
			}
			last = hours[j].at
			n++
		}
	}
	return n >= 24
}

// spikes counts the hours that are part of a spike by the words of the rule.
func spikes(hours []fileHour, p reading.Property) (n int) {
	values := map[int64]float64{}
	for _, h := range hours {
		if v, ok := h.value[p]; ok && v != -999 && v >= -20 && v <= 1000 {
			values[h.at.Unix()/3600] = v
		}
	}
	odd := func(h int64) bool {
		var window []float64
		for x := h - 180; x <= h+180; x++ {
			if v, ok := values[x]; ok {
				window = append(window, v)
			}
		}
		if len(window) < 90 {
			return false
		}
		sort.Float64s(window)
		median := window[(len(window)-1)/2]
		for i, v := range window {
			window[i] = math.Abs(v - median)
		}
		sort.Float64s(window)
		return math.Abs(values[h]-median) > 10*max(2, window[(len(window)-1)/2])+1e-9
	}
	spike := func(first, last int64) bool {
		before, okBefore := values[first-1]
		after, okAfter := values[last+1]
		if !okBefore || !okAfter {
			return false
		}
		for h := first; h <= last; h++ {
			v, ok := values[h]
			if !ok || math.Abs(v-before) <= 20+1e-9 || math.Abs(v-after) <= 20+1e-9 || !odd(h) {
				return false
			}
		}
		return !odd(first-1) && !odd(last+1)
	}
	for h := range values {
		if spike(h, h) || spike(h-1, h) || spike(h, h+1) {
			n++
		}
	}
	return n
}
