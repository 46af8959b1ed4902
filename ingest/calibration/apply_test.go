package calibration_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

// colocated makes a calibration of a sensor that shows gain x the truth + 5 plus
// 0.5 per degree, from the days on after 2026-01-01.
func colocated(t *testing.T, gain float64, day, days int) calibration.Colocation {
	t.Helper()
	from := time.Date(2026, 1, 1+day, 0, 0, 0, 0, time.UTC)
	n := days * 24
	truth, sensor, warmth := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		truth[i] = 25 + 15*math.Sin(float64(i)/5) + 3*math.Sin(float64(i)*1.7)
		warmth[i] = 8 + 6*math.Sin(float64(i)/24*2*math.Pi) + 2*math.Cos(float64(i)/37)
		sensor[i] = gain*truth[i] + 5 + 0.5*warmth[i] + 0.4*math.Sin(float64(i)*2.3)
	}
	truth[7] = math.NaN()
	c, err := calibration.Colocate(calibration.Version{
		Station: "a", Property: reading.NO2, Reference: "r", TrainedFrom: from, TrainedUntil: from.AddDate(0, 0, days), From: from,
	}, reading.HourOf(from), truth, []calibration.Term{{Name: "no2", Values: sensor}, {Name: "temperature", Values: warmth}})
	require.NoError(t, err)
	return c
}

func conditions(no2, temperature float64) func(string) float64 {
	return func(name string) float64 {
		return map[string]float64{"no2": no2, "temperature": temperature}[name]
	}
}

func TestColocateTellsWhatTheSensorIsWorth(t *testing.T) {
	c := colocated(t, 2, 0, 59)
	assert.Equal(t, 59*24-1, c.Version.Model.N)
	assert.InDelta(t, 0.5, c.Version.Model.Coefficients[0], 0.01)
	assert.Equal(t, 2, c.Version.Tested.Months)
	assert.InDelta(t, 1, c.Version.Tested.Slope, 0.02)
	assert.Less(t, c.Version.Tested.Uncertainty["40"], 0.1)
	assert.True(t, c.Contribution.Matters())
	assert.False(t, c.Worthless())
	require.NoError(t, c.Version.Verify())
	assert.Equal(t, c.Version, colocated(t, 2, 0, 59).Version, "the same rows give the same version")
	assert.NotEqual(t, c.Version.Rows, colocated(t, 2.1, 0, 59).Version.Rows)

	one := colocated(t, 2, 0, 20)
	assert.Nil(t, one.Validation)
	assert.Zero(t, one.Version.Tested.Slope, "never tested in another month")
	broken := colocated(t, 0, 0, 59)
	assert.True(t, broken.Worthless(), "a sensor that does not see the gas")
	_, err := calibration.Colocate(calibration.Version{}, 0, make([]float64, 100), []calibration.Term{{Name: "no2", Values: make([]float64, 100)}})
	require.ErrorIs(t, err, calibration.ErrTooFew)
}

func TestHoursNearAndFarOutsideOfTheTraining(t *testing.T) {
	c := colocated(t, 2, 0, 59)
	s := calibration.NewStanding([]calibration.Version{c.Version}, reading.NO2, nil)
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	inside, ok := s.Correct(at, conditions(2*25+5+0.5*8, 8))
	require.True(t, ok)
	assert.InDelta(t, 25, inside.Value, 0.5)
	assert.False(t, inside.Extrapolation.Any())
	near, ok := s.Correct(at, conditions(2*25+5+0.5*18, 18))
	require.True(t, ok)
	assert.Equal(t, []string{"temperature"}, near.Extrapolation.Terms)
	_, ok = s.Correct(at, conditions(2*25+5+0.5*35, 35))
	assert.False(t, ok, "a summer is far from a winter")
	_, ok = s.Correct(at, conditions(50, math.NaN()))
	assert.False(t, ok, "a missing covariate is not guessed")
	_, ok = s.Correct(time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC), conditions(54, 8))
	assert.False(t, ok, "before the calibration began")

	other := calibration.NewStanding([]calibration.Version{c.Version}, reading.NO2, []time.Time{at.AddDate(0, -6, 0), at})
	_, ok = other.Correct(at, conditions(54, 8))
	assert.False(t, ok, "another device")
	_, ok = other.Correct(at.Add(-time.Hour), conditions(54, 8))
	assert.True(t, ok)
}

func TestBetweenTwoCalibrationsTheCorrectionMoves(t *testing.T) {
	before, after := colocated(t, 2, 0, 20).Version, colocated(t, 3, 200, 20).Version
	s := calibration.NewStanding([]calibration.Version{after, before}, reading.NO2, nil)
	middle := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 10)
	value := func(days int) (float64, string) {
		c, ok := s.Correct(middle.AddDate(0, 0, days), conditions(63, 8))
		require.True(t, ok)
		return c.Value, c.Version
	}
	start, id := value(-5)
	assert.Equal(t, before.ID, id)
	half, both := value(100)
	assert.Equal(t, before.ID+"+"+after.ID, both)
	late, still := value(195)
	assert.Equal(t, both, still, "until the middle of the second training")
	end, id := value(205)
	assert.Equal(t, after.ID, id)
	assert.InDelta(t, (start+end)/2, half, 0.2)
	assert.InDelta(t, end, late, 0.5)
	assert.Greater(t, start, half)
}

func TestCorrectedBlockKeepsOutWhatIsKeptOut(t *testing.T) {
	c := colocated(t, 2, 0, 59)
	s := calibration.NewStanding([]calibration.Version{c.Version}, reading.NO2, nil)
	month := reading.MonthOf(reading.HourOf(c.Version.From)) + 1
	raw, warm := reading.NewBlock("a", reading.NO2, month), reading.NewBlock("a", reading.Temperature, month)
	for i := range raw.Values {
		raw.Values[i], raw.Capture[i] = 59*reading.HourScale, reading.FullHour
		warm.Values[i], warm.Capture[i] = 8*reading.HourScale, reading.FullHour
	}
	raw.Flags[1], raw.Flags[2], raw.Capture[3], warm.Values[4] = reading.Constant, reading.Spike, 30, reading.Missing
	warm.Values[5] = 18 * reading.HourScale
	b, ok := s.CorrectBlock(raw, map[string]reading.Block{"temperature": warm})
	require.True(t, ok)
	assert.Equal(t, reading.Property("no2-calibrated"), b.Property)
	for i, valid := range []bool{true, false, true, false, false, true} {
		assert.Equal(t, valid, b.Valid(i), i)
	}
	assert.Equal(t, []reading.Flag{0, 0, reading.Spike, 0, 0, reading.Extrapolated}, b.Flags[:6])
	assert.InDelta(t, 25, reading.Unscaled(b.Values[0]), 0.5)
	assert.Equal(t, int32(59*reading.HourScale), raw.Values[0])
}
