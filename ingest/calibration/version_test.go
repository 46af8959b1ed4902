package calibration_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

func day(month, d int) time.Time {
	return time.Date(2026, time.Month(month), d, 0, 0, 0, 0, time.UTC)
}

func version(t *testing.T, slope float64, trained, from, until time.Time) calibration.Version {
	t.Helper()
	var c, we []float64
	for i := range 20 {
		we = append(we, float64(200+i))
		c = append(c, slope*float64(i)+0.1*float64(i%3))
	}
	m, err := calibration.Fit(c, []calibration.Term{{Name: "WE", Values: we}})
	require.NoError(t, err)
	v, err := calibration.Version{
		Station: "zs-001", Property: reading.NO2, Method: calibration.MethodModel, TrainedFrom: trained, TrainedUntil: trained.AddDate(0, 0, 8),
		From: from, Until: until, Model: *m,
	}.Sealed()
	require.NoError(t, err)
	return v
}

// A corrected series is never one that a station writes.
func TestCorrectedSeriesAreNeverRaw(t *testing.T) {
	for _, info := range reading.Properties() {
		name := calibration.CorrectedSeries(info.Property)
		_, err := reading.ParseProperty(name)
		require.Error(t, err, "%s would overwrite a raw series", name)
		p, ok := calibration.RawOf(name)
		require.True(t, ok)
		require.Equal(t, info.Property, p)
		_, ok = calibration.RawOf(string(info.Property))
		require.False(t, ok)
	}
	_, ok := calibration.RawOf("lead-calibrated")
	require.False(t, ok)
}

func TestVersionNamesItsContent(t *testing.T) {
	v := version(t, 1.5, day(1, 1), day(1, 9), time.Time{})
	require.Regexp(t, `^no2-20260109-[0-9a-f]{12}$`, v.ID)
	require.NoError(t, v.Verify())
	require.Equal(t, v.ID, version(t, 1.5, day(1, 1), day(1, 9), time.Time{}).ID)
	require.NotEqual(t, v.ID, version(t, 1.6, day(1, 1), day(1, 9), time.Time{}).ID)

	b, err := json.Marshal(v)
	require.NoError(t, err)
	var back calibration.Version
	require.NoError(t, json.Unmarshal(b, &back))
	require.NoError(t, back.Verify(), "what is stored is read back to the digit")
	back.Model.Coefficients[0] += 1e-15
	require.ErrorIs(t, back.Verify(), calibration.ErrChanged)

	for name, spoil := range map[string]func(*calibration.Version){
		"property": func(v *calibration.Version) { v.Property = "lead" },
		"station":  func(v *calibration.Version) { v.Station = "" },
		"method":   func(v *calibration.Version) { v.Method = "" },
		"begin":    func(v *calibration.Version) { v.From = time.Time{} },
		"end":      func(v *calibration.Version) { v.Until = v.From },
		"training": func(v *calibration.Version) { v.TrainedUntil = v.TrainedFrom },
		"model":    func(v *calibration.Version) { v.Model = calibration.Model{} },
		"hull":     func(v *calibration.Version) { v.Model.Hull.Inverse = nil },
		"number":   func(v *calibration.Version) { v.Model.Intercept = math.NaN() },
	} {
		bad := version(t, 1.5, day(1, 1), day(1, 9), time.Time{})
		spoil(&bad)
		_, err := bad.Sealed()
		require.ErrorIs(t, err, calibration.ErrVersion, name)
		require.ErrorIs(t, bad.Verify(), calibration.ErrVersion, name)
	}
}

func TestCorrectWithinThePeriodOnly(t *testing.T) {
	v := version(t, 1.5, day(1, 1), day(1, 9), day(6, 1))
	c, ok := v.Correct(day(2, 1), []float64{210})
	require.True(t, ok)
	require.InDelta(t, 15, c.Value, 0.3)
	require.Equal(t, v.ID, c.Version)
	require.False(t, c.Extrapolation.Any())
	c, ok = v.Correct(day(2, 1), []float64{400})
	require.True(t, ok, "flagged, not dropped")
	require.Equal(t, []string{"WE"}, c.Extrapolation.Terms)
	for _, at := range []time.Time{day(1, 8), day(6, 1)} {
		_, ok = v.Correct(at, []float64{210})
		require.False(t, ok)
	}
	_, ok = v.Correct(day(2, 1), []float64{math.NaN()})
	require.False(t, ok, "missing stays missing")
	_, ok = v.Correct(day(2, 1), nil)
	require.False(t, ok)
}

func TestTheLatestVersionIsInForce(t *testing.T) {
	old := version(t, 1, day(1, 1), day(1, 9), time.Time{})
	summer := version(t, 2, day(5, 1), day(5, 9), day(9, 1))
	again := version(t, 3, day(5, 3), day(5, 9), day(9, 1))
	all := []calibration.Version{again, old, summer}
	for at, want := range map[time.Time]string{day(2, 1): old.ID, day(6, 1): again.ID, day(9, 1): old.ID} {
		v, ok := calibration.InForce(all, "zs-001", reading.NO2, at)
		require.True(t, ok)
		require.Equal(t, want, v.ID)
	}
	_, ok := calibration.InForce(all, "zs-001", reading.NO2, day(1, 1))
	require.False(t, ok)
	_, ok = calibration.InForce(all, "zs-002", reading.NO2, day(6, 1))
	require.False(t, ok)
	_, ok = calibration.InForce(all, "zs-001", reading.PM25, day(6, 1))
	require.False(t, ok)

	m, err := calibration.BetweenVersions(old, summer, day(3, 6))
	require.NoError(t, err)
	require.InDelta(t, 1.5, m.Coefficients[0], 0.05)
	_, err = calibration.BetweenVersions(summer, old, day(3, 6))
	require.ErrorIs(t, err, calibration.ErrVersion)
}
