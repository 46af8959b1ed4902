package ingest_test

import (
	"encoding/csv"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
	"buurtmeter/ingest/reading"
)

// realPM are hours of PM2.5 by station, in the 1/10,000 µg/m³ that are stored.
type realPM map[reading.StationID]map[reading.Hour]float64

func (r realPM) note(t testing.TB, id, date, value string, later time.Duration) {
	t.Helper()
	if date == "NA" || value == "NA" {
		return
	}
	at, err := time.Parse("2006-01-02 15:04:05 -0700", date+" +0100")
	require.NoError(t, err)
	v, err := strconv.ParseFloat(value, 64)
	require.NoError(t, err)
	s := reading.StationID(id)
	if r[s] == nil {
		r[s] = map[reading.Hour]float64{}
	}
	h := reading.HourOf(at.Add(later))
	if _, twice := r[s][h]; !twice {
		r[s][h] = math.Round(v*reading.HourScale) / reading.HourScale
	}
}

// officialPlaces are where the official stations stand (lon, lat), from memory to
// some 200 m: not verified at the source. What is tested holds for any places.
func officialPlaces() map[reading.StationID][2]float64 {
	return map[reading.StationID][2]float64{
		"nl49551": {4.601, 52.463}, "nl49553": {4.602, 52.494}, "nl49570": {4.641, 52.489}, "nl49572": {4.629, 52.475},
		"nl49573": {4.580, 52.474}, "nl49701": {4.817, 52.448}, "nl49704": {4.773, 52.428},
	}
}

// realNetwork reads RIVM's kits (begin of the hour, UTC+1) and the official
// stations, whose hours fit best an hour later (see TestNetworkFactorOfRIVM).
func realNetwork(t *testing.T) (kits, officials realPM, at map[reading.StationID]reading.Place) {
	t.Helper()
	read := func(name string, row func(map[string]string)) {
		f, err := os.Open(conformancetest.Path(t, "data", "rivm-hollandseluchten", name))
		require.NoError(t, err)
		defer func() { require.NoError(t, f.Close()) }()
		all, err := csv.NewReader(f).ReadAll()
		require.NoError(t, err)
		for _, cells := range all[1:] {
			m := map[string]string{}
			for i, name := range all[0] {
				m[name] = cells[i]
			}
			row(m)
		}
	}
	kits, officials, at = realPM{}, realPM{}, map[reading.StationID]reading.Place{}
	read("Voorbeeld_HLL_sensoren.csv", func(r map[string]string) {
		lon, errLon := strconv.ParseFloat(r["lon"], 64)
		lat, errLat := strconv.ParseFloat(r["lat"], 64)
		if errLon != nil || errLat != nil || lat == 0 {
			return // its place is not known
		}
		id := strings.ToLower(r["kit_id"])
		at[reading.StationID(id)] = reading.Place{Lon: lon, Lat: lat, Elev: math.NaN()}
		kits.note(t, id, r["date"], r["pm25"], 0)
	})
	for id, p := range officialPlaces() {
		at[id] = reading.Place{Lon: p[0], Lat: p[1], Elev: math.NaN()}
	}
	read("Voorbeeld_HLL_LML.csv", func(r map[string]string) {
		officials.note(t, "nl"+r["station_number"][2:], r["date"], r["pm25"], time.Hour)
	})
	return kits, officials, at
}

// naiveMetres is the distance in steps of 500 m, by the law of cosines.
func naiveMetres(a, b reading.Place) float64 {
	const rad = math.Pi / 180
	cos := math.Sin(a.Lat*rad)*math.Sin(b.Lat*rad) + math.Cos(a.Lat*rad)*math.Cos(b.Lat*rad)*math.Cos((a.Lon-b.Lon)*rad)
	return 500 * max(1, math.Ceil(6_371_000*math.Acos(min(1, cos))/500))
}

// naiveGroup is the mean of the sensors without outliers: more than 5 times the
// median deviation, at least 1, from the median. NaN below three.
func naiveGroup(values []float64) float64 {
	mid := func(v []float64) float64 {
		s := slices.Clone(v)
		slices.Sort(s)
		if len(s)%2 == 1 {
			return s[len(s)/2]
		}
		return (s[len(s)/2-1] + s[len(s)/2]) / 2
	}
	if len(values) < 3 {
		return math.NaN()
	}
	var off []float64
	for _, v := range values {
		off = append(off, math.Abs(v-mid(values)))
	}
	sum, n := 0.0, 0
	for i, v := range values {
		if off[i] <= 5*max(1, mid(off)) {
			sum, n = sum+v, n+1
		}
	}
	if n < 3 || sum/float64(n) < 1 {
		return math.NaN()
	}
	return sum / float64(n)
}

// factorHour are the means of the sensors around each official station with a
// factor in an hour, and its value.
type factorHour map[reading.StationID]struct{ group, reference float64 }

func naiveNetwork(kits, officials realPM, at map[reading.StationID]reading.Place, h reading.Hour) factorHour {
	out := factorHour{}
	for k, hours := range officials {
		reference, ok := hours[h]
		if !ok || reference < 1 {
			continue
		}
		var around []float64
		for id, own := range kits {
			if v, ok := own[h]; ok && naiveMetres(at[id], at[k]) <= 5000 {
				around = append(around, v)
			}
		}
		if g := naiveGroup(around); reference/g >= 0.1 && reference/g <= 10 {
			out[k] = struct{ group, reference float64 }{g, reference}
		}
	}
	return out
}

// factorAt is the factor of the hour at a place; NaN for none.
func (n factorHour) factorAt(at map[reading.StationID]reading.Place, place reading.Place, without reading.StationID) float64 {
	sum, weights := 0.0, 0.0
	for k, v := range n {
		if d := naiveMetres(at[k], place); k != without && d <= 30_000 {
			sum, weights = sum+v.reference/v.group/d/d, weights+1/d/d
		}
	}
	return sum / weights
}

// offBy collects differences.
type offBy []float64

func (o offBy) bias() float64 { return o.mean(func(v float64) float64 { return v }) }
func (o offBy) rmse() float64 { return math.Sqrt(o.mean(func(v float64) float64 { return v * v })) }

func (o offBy) mean(of func(float64) float64) float64 {
	sum := 0.0
	for _, v := range o {
		sum += of(v)
	}
	return sum / float64(len(o))
}

// typical is the median of the absolute differences.
func (o offBy) typical() float64 {
	var s []float64
	for _, v := range o {
		s = append(s, math.Abs(v))
	}
	slices.Sort(s)
	return s[len(s)/2]
}

// TestTheNetworkOfRIVMIsCorrectedAsANaiveProgramDoes runs real sensors and official
// stations through the register and the corrector and compares every hour with a
// second implementation that was written apart from it.
func TestTheNetworkOfRIVMIsCorrectedAsANaiveProgramDoes(t *testing.T) {
	kits, officials, at := realNetwork(t)
	n := newNetwork(t)
	months := []reading.Month{599, 600} // December 2019, January 2020
	n.areas = at
	fill := func(all realPM, kind reading.Kind) {
		for id, hours := range all {
			n.add(t, string(id), kind, at[id].Lon, at[id].Lat, false)
			for _, m := range months {
				n.measure(t, id, reading.PM25, m, func(h reading.Hour) float64 {
					if v, ok := hours[h]; ok {
						return v
					}
					return math.NaN()
				})
			}
			if kind == reading.KindSensor {
				n.declare(t, id, "SDS011", months[0].First().Start())
			}
		}
	}
	fill(kits, reading.KindSensor)
	fill(officials, reading.KindReference)
	n.correct(t)

	hours := map[reading.Hour]factorHour{}
	for h := months[0].First(); h < (months[1] + 1).First(); h++ {
		hours[h] = naiveNetwork(kits, officials, at, h)
	}
	var raw, corrected offBy
	same, missing := 0, 0
	for id, own := range kits {
		for _, m := range months {
			for i, got := range n.corrected(t, id, m) {
				h := m.First() + reading.Hour(i)
				v, measured := own[h]
				want := hours[h].factorAt(at, at[id], "") * v
				if !measured || math.IsNaN(want) || want < -20 || want > 1000 {
					require.True(t, math.IsNaN(got), "%s %d: %v", id, h, got)
					missing++
					continue
				}
				require.InDelta(t, want, got, 1.01/reading.HourScale, "%s %d", id, h)
				same++
				near, best := reading.StationID(""), 5500.0
				for k := range hours[h] {
					if d := naiveMetres(at[k], at[id]); d < best || d == best && k < near {
						near, best = k, d
					}
				}
				if near != "" {
					raw = append(raw, v-officials[near][h])
					corrected = append(corrected, got-officials[near][h])
				}
			}
		}
	}
	require.Greater(t, same, 20_000)
	assert.Less(t, corrected.rmse(), raw.rmse())
	assert.Less(t, corrected.typical(), raw.typical())
	t.Logf("%d sensors: %d hours corrected as the naive program does, %d missing in both", len(kits), same, missing)
	t.Logf("against the nearest official station within 5 km (which has a part in the factor), %d hours: raw bias %.2f RMSE %.2f median %.2f, corrected bias %.2f RMSE %.2f median %.2f",
		len(raw), raw.bias(), raw.rmse(), raw.typical(), corrected.bias(), corrected.rmse(), corrected.typical())

	stored, err := n.reg.NetworkErrors(n.ctx)
	require.NoError(t, err)
	require.Len(t, stored, 2)
	for i, m := range months {
		var before, after offBy
		for h := m.First(); h < (m + 1).First(); h++ {
			for k, v := range hours[h] {
				if f := hours[h].factorAt(at, at[k], k); !math.IsNaN(f) {
					before = append(before, v.group-v.reference)
					after = append(after, f*v.group-v.reference)
				}
			}
		}
		e := stored[i]
		require.Len(t, after, e.Hours)
		require.InDelta(t, before.bias(), e.RawBias, 1e-4)
		require.InDelta(t, before.rmse(), e.RawRMSE, 1e-4)
		require.InDelta(t, after.bias(), e.Bias, 1e-4)
		require.InDelta(t, after.rmse(), e.RMSE, 1e-4)
		t.Logf("%s, each of %d stations left out, %d hours of mean %.2f: raw bias %.2f RMSE %.2f, predicted bias %.2f RMSE %.2f",
			m, e.Stations, e.Hours, e.Reference, e.RawBias, e.RawRMSE, e.Bias, e.RMSE)
	}
}
