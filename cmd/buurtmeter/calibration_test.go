package main

import (
	"encoding/json"
	"math"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// Two stations side by side: the truth, and a sensor that shows 1.8 times it, 6 more and
// 0.6 for every degree.
func truthAt(h reading.Hour) float64 {
	return 27 + 14*math.Sin(float64(h)/5) + 4*math.Sin(float64(h)*1.7)
}

func warmthAt(h reading.Hour) float64 {
	return 8 + 5*math.Sin(float64(h)/24*2*math.Pi) + 2*math.Cos(float64(h)/37)
}

func shownAt(h reading.Hour) float64 {
	return 1.8*truthAt(h) + 6 + 0.6*warmthAt(h) + 0.5*math.Sin(float64(h)*2.3)
}

// putMonth stores one month of hours of a series, over what is there.
func putMonth(t *testing.T, data string, id reading.StationID, p reading.Property, m reading.Month, at func(reading.Hour) float64) {
	t.Helper()
	reg, err := register.Open(t.Context(), "sqlite:"+filepath.Join(data, "register.db"), register.Options{Now: time.Now})
	require.NoError(t, err)
	defer func() { require.NoError(t, reg.Close()) }()
	b, version, err := reg.Block(t.Context(), id, p, m)
	require.NoError(t, err)
	for i := range b.Values {
		b.Values[i], _ = reading.Scaled(at(m.First() + reading.Hour(i)))
		b.Capture[i] = reading.FullHour
	}
	b.Flags[9] |= reading.Constant
	require.NoError(t, reg.PutBlocks(t.Context(), []ingest.VersionedBlock{{Block: b, Version: version}}))
}

// hoursOfDay asks the API for a day of a series.
func hoursOfDay(t *testing.T, s *running, id, property string) (values []*float64, flags [][]string) {
	t.Helper()
	status, _, body := get(t, s.url("/v1/stations/"+id+"/hours?property="+property+"&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z"), "application/json")
	require.Equal(t, 200, status, body)
	var a struct {
		Series []struct {
			Unit   string
			Values []*float64
			Flags  [][]string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &a), body)
	require.Len(t, a.Series, 1)
	assert.Equal(t, "µg/m³", a.Series[0].Unit)
	return a.Series[0].Values, a.Series[0].Flags
}

func TestACalibratedSensorHasASecondSeries(t *testing.T) {
	data := t.TempDir()
	for id, kind := range map[string]string{"kit": "sensor", "official": "reference"} {
		out, err := runCommand(t, "station", "add", "--id", id, "--kind", kind, "--lon", "4.8471", "--lat", "52.4368", "--data", data)
		require.NoError(t, err, out)
	}
	for m := reading.Month(672); m <= 674; m++ { // January to March 2026
		putMonth(t, data, "kit", reading.NO2, m, shownAt)
		putMonth(t, data, "kit", reading.Temperature, m, warmthAt)
		if m < 674 {
			putMonth(t, data, "official", reading.NO2, m, truthAt)
		}
	}
	s := startServer(t, "--data", data, "--mqtt-listen", "127.0.0.1:0")
	raw, _ := hoursOfDay(t, s, "kit", "no2")
	near := func(shift float64) bool {
		values, _ := hoursOfDay(t, s, "kit", "no2-calibrated")
		for i, v := range values {
			h := reading.Month(674).First() + reading.Hour(i)
			if i == 9 {
				assert.Nil(t, v, "an hour that is kept out stays out")
			} else if v == nil || math.Abs(*v-truthAt(h)-shift) > 1 {
				return false
			}
		}
		return true
	}
	fit := []string{
		"calibration", "fit", "--station", "kit", "--property", "no2", "--reference", "official", "--from", "2026-01-01", "--to", "2026-03-01",
		"--covariates", "temperature", "--why", "hing twee maanden naast het meetstation", "--data", data,
	}
	out, err := runCommand(t, append(fit, "--dry-run")...)
	require.NoError(t, err, out)
	assert.Contains(t, out, "n = 1414 hours")
	assert.Contains(t, out, "the sensor matters")
	assert.Contains(t, out, "nothing is stored")
	out, err = runCommand(t, fit...)
	require.NoError(t, err, out)
	version := regexp.MustCompile(`no2-20260101-[0-9a-f]+`).FindString(out)
	require.NotEmpty(t, version, out)
	require.Eventually(t, func() bool { return near(0) }, time.Minute, 100*time.Millisecond)
	same, _ := hoursOfDay(t, s, "kit", "no2")
	assert.Equal(t, raw, same, "the raw hours are as they were")

	putMonth(t, data, "kit", reading.NO2, 674, func(h reading.Hour) float64 { return shownAt(h) + 1.8*3 })
	require.Eventually(t, func() bool { return near(3) }, time.Minute, 100*time.Millisecond, "raw hours that change are corrected anew")
	putMonth(t, data, "kit", reading.Temperature, 674, func(reading.Hour) float64 { return 17 })
	require.Eventually(t, func() bool {
		_, flags := hoursOfDay(t, s, "kit", "no2-calibrated")
		return len(flags[0]) > 0
	}, time.Minute, 100*time.Millisecond)
	_, flags := hoursOfDay(t, s, "kit", "no2-calibrated")
	assert.Equal(t, []string{"extrapolated"}, flags[0])

	checkCalibratedPages(t, s, version)
	_, err = runCommand(t, fit...)
	require.Error(t, err, "a second one of the same days")
	out, err = runCommand(t, "calibration", "withdraw", "--station", "kit", "--version", version, "--why", "de inlaat zat dicht", "--data", data)
	require.NoError(t, err, out)
	values, _ := hoursOfDay(t, s, "kit", "no2-calibrated")
	for _, v := range values {
		assert.Nil(t, v, "gone with the withdrawal")
	}
	out, err = runCommand(t, "calibration", "list", "--station", "kit", "--data", data)
	require.NoError(t, err, out)
	assert.Contains(t, out, version+"  withdrawn")
	require.Eventually(t, func() bool {
		_, _, page := get(t, s.url("/meetpunt/kit"), "text/html")
		return !regexp.MustCompile(`gekalibreerd`).MatchString(page) && regexp.MustCompile(`IJking ingetrokken`).MatchString(page)
	}, time.Minute, 100*time.Millisecond)
}

// checkCalibratedPages looks at what the site and the API say of both series.
func checkCalibratedPages(t *testing.T, s *running, version string) {
	t.Helper()
	require.Eventually(t, func() bool { // the pages follow the hours within seconds
		_, _, station := get(t, s.url("/v1/stations/kit"), "application/json")
		return regexp.MustCompile(`"series":"no2-calibrated"`).MatchString(station)
	}, time.Minute, 100*time.Millisecond)
	_, _, page := get(t, s.url("/meetpunt/kit"), "text/html")
	for _, said := range []string{"NO₂, zelf gemeten, ruw", "NO₂, gekalibreerd", "gekalibreerd met official, versie " + version, "Sensor geijkt", "hing twee maanden naast het meetstation"} {
		assert.Contains(t, page, said)
	}
	_, _, verdicts := get(t, s.url("/v1/verdicts?norm=eu2008-no2-y&year=2026"), "application/json")
	var list struct {
		Verdicts []struct {
			Points []struct {
				Station, Kind, Series string
				Calibration           *string
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(verdicts), &list), verdicts)
	seen := 0
	for _, v := range list.Verdicts {
		for _, p := range v.Points {
			if p.Station != "kit" {
				continue
			}
			seen++
			assert.Equal(t, "sensor-calibrated", p.Kind)
			assert.Equal(t, "calibrated", p.Series)
			if assert.NotNil(t, p.Calibration) {
				assert.Equal(t, version, *p.Calibration)
			}
		}
	}
	assert.Equal(t, 1, seen, "the station counts once in its area")
}
