package opendata

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"buurtmeter/geo/norm"
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
	better := &seriesFacts{verdicts: map[VerdictKey]norm.Verdict{k: {HasValue: true, Value: 30}}}
	p := pointOf(s, better, k, raw)
	assert.Equal(t, reading.KindSensorCalibrated, p.Kind)
	assert.InDelta(t, 30, p.Value, 0)
	for _, none := range []*seriesFacts{nil, {}, {verdicts: map[VerdictKey]norm.Verdict{k: {}}}} {
		p = pointOf(s, none, k, raw)
		assert.Equal(t, reading.KindSensor, p.Kind)
		assert.InDelta(t, 50, p.Value, 0)
	}
}
