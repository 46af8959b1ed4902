package reading_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"buurtmeter/ingest/reading"
)

// TestPpbFactorsFollowFromTheGasLaw computes every factor from molar mass,
// pressure, gas constant and temperature, to the last digit that is kept.
func TestPpbFactorsFollowFromTheGasLaw(t *testing.T) {
	type state struct{ kPa, kelvin float64 }
	states := map[reading.Conditions]state{
		reading.At20C: {101.325, 293.15}, reading.At293K: {101.3, 293}, reading.At25C: {101.325, 298.15},
	}
	seen := 0
	for _, f := range reading.PpbTable() {
		s, ok := states[f.At]
		if !ok {
			assert.Equal(t, reading.OpenAir, f.At)
			assert.Zero(t, f.Molar, "a figure taken over follows from nothing")
			continue
		}
		seen++
		assert.InDelta(t, math.Round(f.Molar*s.kPa/(8.314462618*s.kelvin)*reading.PpbParts), f.Num, 0, "%s at %s", f.Gas, f.At)
	}
	assert.Equal(t, 18, seen)
}

func TestPpbFactorsByName(t *testing.T) {
	for _, tt := range []struct {
		gas  reading.Property
		at   reading.Conditions
		want int64
	}{
		{reading.NO2, "", 1_9125},
		{reading.NO2, reading.At20C, 1_9125},
		{reading.NO2, reading.At293K, 1_9130},
		{reading.NO2, reading.At25C, 1_8804},
		{reading.NO2, reading.OpenAir, 1_9125},
		{reading.O3, "", 1_9953},
		{reading.O3, reading.OpenAir, 1_9957},
		{"no", "", 1_2474},
		{reading.SO2, "", 2_6632},
		{reading.CO, "", 1_1644},
		{"benzene", "", 3_2472},
	} {
		f, ok := reading.PerPpbOf(tt.gas, tt.at)
		assert.True(t, ok)
		assert.Equal(t, tt.want, f.Num, "%s at %q", tt.gas, tt.at)
	}
	for _, c := range reading.AllConditions() {
		_, ok := reading.PerPpbOf(reading.PM10, c)
		assert.False(t, ok, "particles have no ppb")
		_, ok = reading.PerPpbOf(reading.NO2, c)
		assert.True(t, ok, c)
	}
	_, ok := reading.PerPpbOf(reading.NO2, "0C")
	assert.False(t, ok)
}
