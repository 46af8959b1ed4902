package ingest_test

import (
	"cmp"
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
	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
)

// hourRows are hour values by name, property and hour.
type hourRows map[string]map[reading.Property]map[reading.Hour]float64

// readHours reads a file of the RIVM tool: hours by their begin, in UTC+1. The
// first row of a name and hour counts; -999 and the like are no value. places
// are the latest known ones.
func readHours(t testing.TB, path, name string, columns map[string]reading.Property) (rows hourRows, places map[string][2]float64) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	all, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	rows, places = hourRows{}, map[string][2]float64{}
	at := func(row []string, column string) string {
		if i := slices.Index(all[0], column); i >= 0 {
			return row[i]
		}
		return ""
	}
	for _, row := range all[1:] {
		id := strings.ReplaceAll(strings.ToLower(at(row, name)), "_", "-")
		lat, err1 := strconv.ParseFloat(at(row, "lat"), 64)
		lon, err2 := strconv.ParseFloat(at(row, "lon"), 64)
		if err1 == nil && err2 == nil && lat > 50 && lon > 3 {
			places[id] = [2]float64{lon, lat}
		}
		when, err := time.Parse(time.DateTime, at(row, "date"))
		if err != nil {
			continue
		}
		h := reading.HourOf(when.Add(-time.Hour))
		for column, p := range columns {
			v, err := strconv.ParseFloat(at(row, column), 64)
			if err != nil || v <= -20 {
				continue
			}
			if rows[id] == nil {
				rows[id] = map[reading.Property]map[reading.Hour]float64{}
			}
			if rows[id][p] == nil {
				rows[id][p] = map[reading.Hour]float64{}
			}
			if _, ok := rows[id][p][h]; !ok {
				rows[id][p][h] = v
			}
		}
	}
	return rows, places
}

// ijmond are the official stations of the example: about where they stand, from
// memory, not verified. Only the choice of the nearest depends on it.
func ijmond() map[string][2]float64 {
	return map[string][2]float64{
		"nl49551": {4.601, 52.463}, "nl49553": {4.602, 52.494}, "nl49570": {4.641, 52.489}, "nl49572": {4.629, 52.475},
		"nl49573": {4.601, 52.466}, "nl49701": {4.832, 52.421}, "nl49704": {4.770, 52.428},
	}
}

// TestKitsOfRIVMBesideLuchtmeetnet compares the resident kits of the RIVM example
// with its official stations. The two files of the pair are an hour apart, which
// must be found: in the hour medians of all, and kit by kit.
func TestKitsOfRIVMBesideLuchtmeetnet(t *testing.T) {
	kits, places := readHours(t, conformancetest.Path(t, "data", "rivm-hollandseluchten", "Voorbeeld_HLL_sensoren.csv"), "kit_id",
		map[string]reading.Property{"pm25": reading.PM25, "pm10": reading.PM10, "no2": reading.NO2})
	officials, _ := readHours(t, conformancetest.Path(t, "data", "rivm-hollandseluchten", "Voorbeeld_HLL_LML.csv"), "station_number",
		map[string]reading.Property{"pm25": reading.PM25, "pm10": reading.PM10, "NO2": reading.NO2})

	lags := pairLags(t, kits, officials, reading.PM25)
	t.Logf("the pair, PM2.5, medians per hour: best at %+d h, r %.3f against %.3f unmoved", lags.Best, lags.Correlation, lags.Unmoved)
	assert.Equal(t, 1, lags.Best)
	assert.True(t, lags.Shifted())
	assert.InDelta(t, 0.943, lags.Correlation, 0.01)
	assert.InDelta(t, 0.835, lags.Unmoved, 0.02)

	n := newNetwork(t)
	store := func(rows hourRows, kind reading.Kind, where map[string][2]float64) (ids []reading.StationID) {
		for name, properties := range rows {
			place, ok := where[name]
			if !ok {
				continue // no place, nothing near
			}
			id := n.add(t, name, kind, place[0], place[1], false)
			ids = append(ids, id)
			for p, values := range properties {
				for m := reading.Month(599); m <= 600; m++ {
					n.measure(t, id, p, m, func(h reading.Hour) float64 {
						if v, ok := values[h]; ok {
							return v
						}
						return math.NaN()
					})
				}
			}
		}
		return ids
	}
	store(officials, reading.KindReference, ijmond())
	ids := store(kits, reading.KindSensor, places)
	n.pass(t)
	type tally struct{ pairs, compared, correlate, agree, later, late, early int }
	count := map[reading.Property]*tally{}
	for _, a := range n.stored(t, ids...) {
		c := count[a.Property]
		if c == nil {
			c = &tally{}
			count[a.Property] = c
		}
		c.pairs++
		v := a.Verdict()
		if v == quality.NotCompared {
			continue
		}
		c.compared++
		if v != quality.Unlike {
			c.correlate++
		}
		if v == quality.Agrees {
			c.agree++
		}
		if a.Lags.Best > 0 {
			c.later++
		}
		switch {
		case a.Lags.Shifted() && a.Lags.Best > 0:
			c.late++
		case a.Lags.Shifted():
			c.early++
		}
	}
	for _, p := range []reading.Property{reading.NO2, reading.PM25, reading.PM10} {
		t.Logf("%s: %+v", p, *cmp.Or(count[p], &tally{}))
	}
	pm := count[reading.PM25]
	require.NotNil(t, pm)
	assert.Greater(t, pm.compared, 80)
	assert.Greater(t, pm.correlate, pm.compared*9/10, "particles are much the same all over a town")
	assert.Greater(t, pm.later, pm.compared/2, "most kits fit best when the official stations of the pair are moved to a later time")
	assert.Greater(t, pm.late, pm.compared/3, "and many so much better that it is remarked on")
	assert.Zero(t, pm.early)
}

// pairLags scans the median of all kits against the mean of all official
// stations.
func pairLags(t testing.TB, kits, officials hourRows, p reading.Property) quality.Lags {
	t.Helper()
	byHour := func(rows hourRows) map[reading.Hour][]float64 {
		out := map[reading.Hour][]float64{}
		for _, properties := range rows {
			for h, v := range properties[p] {
				out[h] = append(out[h], v)
			}
		}
		return out
	}
	mine, theirs := byHour(kits), byHour(officials)
	first, last := reading.Hour(math.MaxInt64), reading.Hour(0)
	for h := range mine {
		first, last = min(first, h), max(last, h)
	}
	values, reference := make([]int32, last-first+1), make([]int32, int(last-first)+1+2*quality.LagReach)
	for i := range values {
		values[i] = reading.Missing
		if v := mine[first+reading.Hour(i)]; len(v) > 0 {
			slices.Sort(v)
			values[i], _ = reading.Scaled(v[len(v)/2])
		}
	}
	for i := range reference {
		reference[i] = reading.Missing
		if v := theirs[first-quality.LagReach+reading.Hour(i)]; len(v) > 0 {
			sum := 0.0
			for _, x := range v {
				sum += x
			}
			reference[i], _ = reading.Scaled(sum / float64(len(v)))
		}
	}
	return quality.ScanLags(values, reference)
}
