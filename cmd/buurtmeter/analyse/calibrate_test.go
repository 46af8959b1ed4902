package analyse

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func calibrated(t *testing.T, content string, flags ...string) (r calibrateReport, raw string) {
	t.Helper()
	raw, _, err := ask(t, "calibrate", []string{written(t, content)}, append([]string{"-reference", "ref", "-sensor", "s", "-json"}, flags...)...)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(raw), &r))
	return r, raw
}

func TestCalibrateByHand(t *testing.T) {
	r, raw := calibrated(t, "ref;s\n1;1\n2;5\n3;6\n4;\nNA;7\n", "-at", "2")
	require.Equal(t, 3, r.N)
	require.Equal(t, 2, r.LeftOut)
	require.InDelta(t, 2.5, float64(r.OLS.Slope), 1e-14)
	require.InDelta(t, -1, float64(r.OLS.Intercept), 1e-14)
	require.InDelta(t, 25.0/28, float64(r.OLS.R2), 1e-14)
	require.InDelta(t, math.Sqrt(0.5), float64(r.OLS.RMSE), 1e-14)
	slope := (12 + math.Sqrt(244)) / 10
	require.InDelta(t, slope, float64(r.Deming.Slope), 1e-14)
	bias := 4 - 2*slope + (slope-1)*2
	rss := 14 - 10*slope + 2*slope*slope
	require.InDelta(t, math.Sqrt(rss+bias*bias), float64(r.Deming.UncertaintyAt["2"]), 1e-13, "2 u / 2")
	require.InDelta(t, 2*math.Sqrt(rss+bias*bias), float64(r.Deming.ExpandedAt["2"]), 1e-13)
	require.Nil(t, r.Model)
	require.NotContains(t, raw, `"model"`)
	require.Contains(t, r.Notes, "2 rows lack a value of the reference or of the sensor; they are left out")
	r, _ = calibrated(t, "ref,s\n1,1\n2,5\n3,6\n")
	require.Contains(t, r.Deming.UncertaintyAt, "20")
	require.Contains(t, r.Deming.UncertaintyAt, "40")
}

// cityYear is a sensor beside a station, with the weather, for so many months.
func cityYear(months int, sensitivity float64) string {
	r := rand.New(rand.NewPCG(11, 12))
	var b strings.Builder
	b.WriteString("time,ref,s,T,RH\n")
	for h := range months * 30 * 12 {
		at := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(2*h) * time.Hour)
		temp := 11 - 9*math.Cos(2*math.Pi*float64(at.YearDay())/365) + 3*r.NormFloat64()
		no2 := math.Max(30+8*r.NormFloat64(), 1)
		fmt.Fprintf(&b, "%s,%.2f,%.2f,%.1f,%.0f\n", at.Format(time.RFC3339), no2, 200+sensitivity*no2+4*temp+5*r.NormFloat64(), temp, 70+10*r.NormFloat64())
	}
	return b.String()
}

func TestCalibrateWithTheWeather(t *testing.T) {
	r, _ := calibrated(t, cityYear(12, 2)+"2021-12-31T00:00:00Z,20,240,,70\n,21,240,5,70\n", "-covariates", "T,RH", "-time", "time")
	m := r.Model
	require.NotNil(t, m)
	require.Equal(t, r.N-1, m.N, "the row without a temperature counts for the lines, not for the model")
	require.Equal(t, "intercept", m.Coefficients[0].Name)
	require.Equal(t, []string{"s", "T", "RH"}, []string{m.Coefficients[1].Name, m.Coefficients[2].Name, m.Coefficients[3].Name})
	require.Greater(t, float64(m.R2), 0.85)
	require.Less(t, float64(m.Coefficients[1].Uncertainty), 0.02)
	require.NotNil(t, m.Coefficients[1].Low)
	require.Nil(t, m.Coefficients[0].Low)
	require.Len(t, m.Validation.Months, 12)
	require.Equal(t, "2021-01", m.Validation.Months[0].Month)
	require.InEpsilon(t, float64(m.RMSE), float64(m.Validation.RMSE), 0.02, "nothing drifts, so unseen months are like the others")
	require.True(t, m.Sensor.Matters)
	require.Contains(t, strings.Join(r.Notes, "\n"), "1 rows have no time")

	r, _ = calibrated(t, cityYear(12, 0), "-covariates", "T", "-time", "time")
	require.False(t, r.Model.Sensor.Matters)
	require.Contains(t, strings.Join(r.Notes, "\n"), "the covariates alone predict")
	r, _ = calibrated(t, cityYear(1, 2), "-covariates", "T")
	require.Nil(t, r.Model.Validation)
	require.Contains(t, strings.Join(r.Notes, "\n"), "--time")

	out, _, err := ask(t, "calibrate", []string{written(t, cityYear(3, 2))}, "-reference", "ref", "-sensor", "s", "-covariates", "T,RH", "-time", "time")
	require.NoError(t, err)
	for _, want := range []string{"Deming", "limits of agreement", "model of ref", "in months that it had not seen", "2021-02", "without the sensor"} {
		require.Contains(t, out, want)
	}
}

// TestCalibrateAntwerp takes the tubes one by one, not averaged: the bias is
// that of the pairs.
func TestCalibrateAntwerp(t *testing.T) {
	out, _, err := ask(t, "calibrate", []string{shared(t, "rol-antwerp-2021/rol_measurements_calibration.csv")}, "-reference", "no2_reference", "-sensor", "no2", "-json")
	require.NoError(t, err)
	var r calibrateReport
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	require.Equal(t, 60, r.N)
	require.InDelta(t, -1.7384266, float64(r.Agreement.MBE), 1e-7)
}

func TestCalibrateMistakes(t *testing.T) {
	content := "ref,s,T\n1,1,5\n2,5,5\n3,6,5\n4,7,5\n5,9,5\n6,9,5\n"
	for name, flags := range map[string][]string{
		"column": {"-reference", "x"}, "sensor": {"-sensor", "x"}, "covariate": {"-covariates", "T,x"}, "at": {"-at", "20,x"}, "at 0": {"-at", "0"},
		"lambda": {"-lambda", "0"}, "uncertainty": {"-reference-uncertainty", "-1"}, "time": {"-time", "T"}, "zone": {"-time", "T", "-zone", "Mars"}, "stuck": {"-sensor", "T"},
		"twice": {"-sensor", "ref"}, "reference again": {"-covariates", "ref"}, "sensor again": {"-covariates", "s"}, "lambda inf": {"-lambda", "inf"},
	} {
		_, _, err := ask(t, "calibrate", []string{written(t, content)}, append([]string{"-reference", "ref", "-sensor", "s"}, flags...)...)
		require.Error(t, err, name)
		require.NotEmpty(t, try(t, err), name)
	}
	_, _, err := ask(t, "calibrate", []string{written(t, "ref,s\n1,2\n2,veel\n")}, "-reference", "ref", "-sensor", "s")
	require.ErrorContains(t, err, `line 3, column "s"`)
	_, _, err = ask(t, "calibrate", []string{written(t, "ref,s\n1,2\n2,3\n")}, "-reference", "ref", "-sensor", "s")
	require.ErrorContains(t, err, "at least 3 pairs")
	r, _ := calibrated(t, "ref,s\n1,9\n2,7\n3,6\n4,2\n", "-reference", "ref", "-sensor", "s")
	require.Contains(t, strings.Join(r.Notes, "\n"), "the sensor falls where the reference rises")
	_, _, err = ask(t, "calibrate", nil, "-reference", "ref", "-sensor", "s")
	require.Error(t, err)
}

// Covariates that make no model do not take the lines away, and those that can
// hardly be told apart are named.
func TestCovariatesThatSayTheSame(t *testing.T) {
	var b strings.Builder
	b.WriteString("ref,s,T,same,close,k\n")
	r := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		temp := math.Round(200*r.Float64()) / 10
		fmt.Fprintf(&b, "%.2f,%.2f,%.1f,%.1f,%.2f,5\n", 50*r.Float64(), 60*r.Float64(), temp, 2*temp+1, temp+0.1*r.Float64())
	}
	plain, _ := calibrated(t, b.String())
	for _, covariates := range []string{"T,same", "k"} {
		got, raw := calibrated(t, b.String(), "-covariates", covariates)
		require.Equal(t, plain.OLS, got.OLS)
		require.NotContains(t, raw, `"model"`)
		require.Contains(t, strings.Join(got.Notes, "\n"), "there is no model: "+covariates[strings.LastIndexByte(covariates, ',')+1:]+": the term is constant, or follows from the other terms")
	}
	got, _ := calibrated(t, b.String(), "-covariates", "T", "-covariates", "close")
	require.Len(t, got.Model.Coefficients, 4, "a flag that is given again adds")
	require.Contains(t, got.Notes, "T, close follow from each other for the greater part: the model may predict well, but their coefficients cannot be told apart")
	got, _ = calibrated(t, b.String(), "-covariates", "T")
	require.NotContains(t, strings.Join(got.Notes, "\n"), "follow from each other")
}
