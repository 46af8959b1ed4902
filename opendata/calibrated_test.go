package opendata

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest"
	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

func TestACorrectedSeriesIsJudgedByWhatItsCalibrationShowed(t *testing.T) {
	day := func(year, month int) time.Time { return time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC) }
	good := calibration.Version{ID: "good", From: day(2025, 2), Tested: calibration.Tested{Slope: 1, Random: 2}}
	poor := calibration.Version{ID: "poor", From: day(2026, 3), Tested: calibration.Tested{Slope: 1, Random: 6}}
	untested := calibration.Version{ID: "untested", From: day(2027, 3)}
	f := &seriesFacts{kind: reading.KindSensor, standing: []calibration.Version{good, poor, untested}}
	k, n := seriesKey{"a", "no2-calibrated"}, norm.Norm{Property: reading.NO2, Value: 40}

	m := f.method(k, n, 2025)
	assert.Equal(t, norm.Method{Version: norm.MethodVersion, Kind: reading.KindSensorCalibrated, Calibration: "good", Shown: norm.Shown{Random: 2, Slope: 1}}, m)
	m = f.method(k, n, 2026)
	assert.Equal(t, "good+poor", m.Calibration)
	assert.InDelta(t, 6, m.Shown.Random, 0, "of several the largest uncertainty")
	m = f.method(k, n, 2027)
	assert.Equal(t, norm.Method{Version: norm.MethodVersion, Kind: reading.KindSensor, Calibration: "good+poor+untested"}, m, "one was never tested")
	assert.Equal(t, norm.MethodFor(reading.KindSensor), f.method(seriesKey{"a", reading.NO2}, n, 2026), "the raw series")
}

func TestAStationCountsOnceInItsArea(t *testing.T) {
	s, k := &Station{ID: "a", Kind: reading.KindSensor}, VerdictKey{Norm: "x", Year: 2026}
	raw := norm.Verdict{HasValue: true, Value: 50}
	of := func(network bool, v norm.Verdict) *seriesFacts {
		return &seriesFacts{network: network, verdicts: map[VerdictKey]norm.Verdict{k: v}}
	}
	calibrated, network, none := of(false, norm.Verdict{HasValue: true, Value: 30}), of(true, norm.Verdict{HasValue: true, Value: 40}), of(false, norm.Verdict{})
	for _, c := range []struct {
		series []*seriesFacts
		kind   reading.Kind
		value  float64
	}{
		{[]*seriesFacts{calibrated}, reading.KindSensorCalibrated, 30},
		{[]*seriesFacts{calibrated, network}, reading.KindSensorCalibrated, 30},
		{[]*seriesFacts{none, network}, reading.KindSensorNetwork, 40},
		{[]*seriesFacts{{}, none}, reading.KindSensor, 50},
		{nil, reading.KindSensor, 50},
	} {
		p := pointOf(s, c.series, k, raw)
		assert.Equal(t, c.kind, p.Kind)
		assert.InDelta(t, c.value, p.Value, 0)
	}
}

func TestANetworkSeriesKeepsTheUncertaintyOfASensor(t *testing.T) {
	f := &seriesFacts{kind: reading.KindSensor, network: true}
	n, ok := norm.ByID("eu2008-pm25-y")
	require.True(t, ok)
	m := f.method(seriesKey{"a", "pm25-network"}, n, 2026)
	assert.Equal(t, norm.Method{Version: norm.MethodVersion, Kind: reading.KindSensorNetwork, Calibration: "network-1"}, m)
	assert.Equal(t, norm.Relative(reading.KindSensor, reading.PM25, norm.Yearly), norm.Relative(m.Kind, reading.PM25, norm.Yearly))
	assert.Equal(t, norm.Of(reading.PM25), normsOf("pm25-network"))
}

func TestErrorsOfMonthsArePooledByTheirHours(t *testing.T) {
	e := func(p reading.Property, m reading.Month, hours int, bias, rmse float64, simulated bool) ingest.NetworkError {
		return ingest.NetworkError{Property: p, Sensor: "SDS011", Simulated: simulated, Month: m, NetworkFigures: ingest.NetworkFigures{
			Stations: 2, Hours: hours, Reference: 10, RawBias: 2 * bias, RawRMSE: 2 * rmse, Bias: bias, RMSE: rmse,
		}}
	}
	g := &Graph{}
	assert.Empty(t, g.NetworkSummaries())
	for m := reading.Month(600); m < 612; m++ {
		g.NetworkErrors = append(g.NetworkErrors, e(reading.PM10, m, 100, 50, 50, false))
	}
	g.NetworkErrors = append(g.NetworkErrors, e(reading.PM10, 612, 300, -2, 4, false), e(reading.PM25, 600, 10, 1, 1, false), e(reading.PM25, 601, 10, 7, 9, true))
	all := g.NetworkSummaries()
	require.Len(t, all, 3)
	assert.Equal(t, []any{reading.Month(601), reading.Month(612), 1400}, []any{all[0].From, all[0].To, all[0].Hours}, "twelve months at most")
	assert.InDelta(t, (1100*50-300*2)/1400.0, all[0].Bias, 1e-9)
	assert.InDelta(t, math.Sqrt((1100*2500+300*16)/1400.0), all[0].RMSE, 1e-9)
	assert.InDelta(t, 2*all[0].Bias, all[0].RawBias, 1e-9)
	assert.InDelta(t, 2*all[0].RMSE, all[0].RawRMSE, 1e-9)
	assert.InDelta(t, 1, all[1].RMSE, 1e-9)
	assert.True(t, all[2].Simulated)
}
