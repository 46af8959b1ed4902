package ingest_test

import (
	"context"
	"database/sql"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

const no2Calibrated reading.Property = "no2-calibrated"

// warmth is the temperature of an hour in October.
func warmth(h reading.Hour) float64 { return 12 + 6*math.Sin(float64(h)/7.3) }

// shows returns what a sensor shows of the air: too much of it, and more when warm.
func shows(h reading.Hour) float64 { return 2*wave(h) + 0.5*warmth(h) + 3 }

// calibrate fits a calibration of the kit to the hours of October from which it
// stood beside an official station that measured the air times a factor.
func (n *network) calibrate(t testing.TB, id reading.StationID, factor float64) calibration.Version {
	t.Helper()
	sensor, temperature := calibration.Term{Name: "no2"}, calibration.Term{Name: "temperature"}
	var target []float64
	for h := october.First(); h < (october + 1).First(); h++ {
		sensor.Values, temperature.Values = append(sensor.Values, shows(h)), append(temperature.Values, warmth(h))
		target = append(target, factor*wave(h))
	}
	m, err := calibration.Fit(target, []calibration.Term{sensor, temperature})
	require.NoError(t, err)
	v, err := calibration.Version{
		Station: id, Property: reading.NO2, Method: calibration.MethodModel, Reference: "official", Model: *m,
		TrainedFrom: october.First().Start(), TrainedUntil: (october + 1).First().Start(), From: october.First().Start(),
	}.Sealed()
	require.NoError(t, err)
	require.NoError(t, n.reg.AddCalibration(n.ctx, v, "operator", ""))
	return v
}

// beside is a register with one kit and its hours of October and November.
func beside(t testing.TB) (*network, reading.StationID) {
	t.Helper()
	n := newNetwork(t)
	kit := n.add(t, "kit", reading.KindSensor, 4.80, 52.40, false)
	for m := october; m <= october+1; m++ {
		n.measure(t, kit, reading.NO2, m, shows)
		n.measure(t, kit, reading.Temperature, m, warmth)
	}
	return n, kit
}

func (n *network) onceCorrected(t testing.TB, store ingest.CorrectedStore) (changed int) {
	t.Helper()
	changed, err := ingest.NewCorrector(ingest.CorrectOptions{Store: store}).Once(n.ctx)
	require.NoError(t, err)
	return changed
}

// calibrated returns the hours that a calibration corrected in a month.
func (n *network) calibrated(t testing.TB, id reading.StationID, m reading.Month) []float64 {
	t.Helper()
	return n.hoursOf(t, id, no2Calibrated, m)
}

func TestACorrectedBlockFollowsAllThatItIsMadeOf(t *testing.T) {
	n, kit := beside(t)
	c := ingest.NewCorrector(ingest.CorrectOptions{Store: n.reg})
	once := func() int {
		t.Helper()
		changed, err := c.Once(n.ctx)
		require.NoError(t, err)
		return changed
	}
	assert.Zero(t, once(), "no calibration")
	first := n.calibrate(t, kit, 1)
	assert.Equal(t, 2, once())
	for m := october; m <= october+1; m++ {
		for i, v := range n.calibrated(t, kit, m) {
			require.InDelta(t, wave(m.First()+reading.Hour(i)), v, 2e-3)
		}
	}
	assert.Zero(t, once(), "nothing changed")

	// Another covariate in one month: that month only, the others as they were.
	n.measure(t, kit, reading.Temperature, october+1, func(h reading.Hour) float64 {
		if h == (october + 1).First() {
			return math.NaN()
		}
		return warmth(h) + 1
	})
	assert.Equal(t, 1, once())
	november := n.calibrated(t, kit, october+1)
	assert.True(t, math.IsNaN(november[0]), "a missing covariate makes a missing hour")
	assert.InDelta(t, wave((october+1).First()+30)-0.25, november[30], 2e-3)
	assert.InDelta(t, wave(october.First()+30), n.calibrated(t, kit, october)[30], 2e-3)

	// Another calibration of the same hours stands beside it: it was sealed later and
	// trained as late, and the one with the later id is taken.
	second := n.calibrate(t, kit, 3)
	assert.Equal(t, 2, once())
	both := n.calibrated(t, kit, october)[30]
	require.NoError(t, n.reg.WithdrawCalibration(n.ctx, kit, first.ID, "keeper", "het was een andere plek"))
	_, version, err := n.reg.Block(n.ctx, kit, no2Calibrated, october)
	require.NoError(t, err)
	assert.Zero(t, version, "gone with the withdrawal")
	assert.Equal(t, 2, once())
	assert.InDelta(t, 3*wave(october.First()+30), n.calibrated(t, kit, october)[30], 5e-3)
	assert.Contains(t, []int{1, 3}, int(math.Round(both/wave(october.First()+30))), "one of the two, not both")
	require.NoError(t, n.reg.WithdrawCalibration(n.ctx, kit, second.ID, "keeper", "ook"))
	assert.Zero(t, once(), "the withdrawal itself took it away")
	for _, v := range n.calibrated(t, kit, october) {
		require.True(t, math.IsNaN(v))
	}
}

func TestADamagedBlockCorrectsNothingUntilItIsMadeAnew(t *testing.T) {
	for _, damaged := range []reading.Property{reading.NO2, reading.Temperature} {
		t.Run(string(damaged), func(t *testing.T) {
			n, kit := beside(t)
			n.calibrate(t, kit, 1)
			db, err := sql.Open("sqlite", filepath.Join(n.dir, "register.db"))
			require.NoError(t, err)
			_, err = db.ExecContext(n.ctx, `UPDATE hour_block SET data = x'00' WHERE property = ? AND month = ?`, string(damaged), int64(october))
			require.NoError(t, err)
			require.NoError(t, db.Close())
			assert.Equal(t, 2, n.onceCorrected(t, n.reg), "the other month is corrected all the same")
			for _, v := range n.calibrated(t, kit, october) {
				require.True(t, math.IsNaN(v), "never the raw hour, and none guessed")
			}
			assert.InDelta(t, wave((october + 1).First()), n.calibrated(t, kit, october+1)[0], 2e-3)
		})
	}
}

// TestTwoCorrectorsAtOnce: one stores what it made from hours that were replaced
// meanwhile, after the other has stored what follows from the new ones. The next
// pass of any of them puts it right.
func TestTwoCorrectorsAtOnce(t *testing.T) {
	n, kit := beside(t)
	n.calibrate(t, kit, 1)
	late := latecomer{CorrectedStore: n.reg, meanwhile: func() {
		n.measure(t, kit, reading.NO2, october, func(h reading.Hour) float64 { return shows(h) + 2 })
		assert.Equal(t, 2, n.onceCorrected(t, n.reg))
		assert.InDelta(t, wave(october.First())+1, n.calibrated(t, kit, october)[0], 2e-3)
	}}
	n.onceCorrected(t, &late)
	assert.InDelta(t, wave(october.First()), n.calibrated(t, kit, october)[0], 2e-3, "the late one stood last, or this test tests nothing")
	assert.Equal(t, 1, n.onceCorrected(t, n.reg))
	assert.InDelta(t, wave(october.First())+1, n.calibrated(t, kit, october)[0], 2e-3)

	done := make(chan error, 4)
	n.measure(t, kit, reading.NO2, october, shows)
	for range cap(done) {
		go func() {
			_, err := ingest.NewCorrector(ingest.CorrectOptions{Store: n.reg}).Once(n.ctx)
			done <- err
		}()
	}
	for range cap(done) {
		require.NoError(t, <-done)
	}
	assert.Zero(t, n.onceCorrected(t, n.reg))
	assert.InDelta(t, wave(october.First()), n.calibrated(t, kit, october)[0], 2e-3)
}

// latecomer lets something happen between what was read and what is stored.
type latecomer struct {
	ingest.CorrectedStore
	meanwhile func()
}

func (s *latecomer) PutCorrected(ctx context.Context, c ingest.CorrectedChange) error {
	if s.meanwhile != nil {
		do := s.meanwhile
		s.meanwhile = nil
		do()
	}
	return s.CorrectedStore.PutCorrected(ctx, c)
}

// TestACalibrationWithdrawnWhileACorrectorWorks: what it made is not stored.
func TestACalibrationWithdrawnWhileACorrectorWorks(t *testing.T) {
	n, kit := beside(t)
	v := n.calibrate(t, kit, 1)
	late := latecomer{CorrectedStore: n.reg, meanwhile: func() {
		require.NoError(t, n.reg.WithdrawCalibration(n.ctx, kit, v.ID, "keeper", "de inlaat zat dicht"))
	}}
	n.onceCorrected(t, &late)
	_, version, err := n.reg.Block(n.ctx, kit, no2Calibrated, october)
	require.NoError(t, err)
	assert.Zero(t, version)
}
