package registertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// calibrated returns a calibration of a sensor with the slope.
func calibrated(t *testing.T, id reading.StationID, slope float64, from, until time.Time) calibration.Version {
	t.Helper()
	var c, we []float64
	for i := range 12 {
		we = append(we, 200+float64(i))
		c = append(c, slope*float64(i)+0.1*float64(i%3))
	}
	m, err := calibration.Fit(c, []calibration.Term{{Name: "WE", Values: we}})
	require.NoError(t, err)
	v, err := calibration.Version{
		Station: id, Property: reading.NO2, Method: calibration.MethodModel,
		TrainedFrom: from.AddDate(0, 0, -8), TrainedUntil: from, From: from, Until: until, Model: *m,
	}.Sealed()
	require.NoError(t, err)
	return v
}

func calibrations(t *testing.T, r *register.Register) {
	ctx := t.Context()
	for _, id := range []reading.StationID{"one", "two"} {
		_, err := r.AddStation(ctx, Station(id), reading.SecretPosition{}, "operator")
		require.NoError(t, err)
	}
	none, err := r.Calibrations(ctx, "one")
	require.NoError(t, err)
	require.Empty(t, none)
	winter, summer := calibrated(t, "one", 1.5, day(2), time.Time{}), calibrated(t, "one", 1.9, day(1), day(20))
	before, _, err := r.DataVersion(ctx)
	require.NoError(t, err)
	require.NoError(t, r.AddCalibration(ctx, winter, "keeper", "beside the station"))
	require.NoError(t, r.AddCalibration(ctx, summer, "keeper", "beside the station"))
	require.NoError(t, r.AddCalibration(ctx, calibrated(t, "two", 1, day(1), time.Time{}), "keeper", "beside the station"))
	after, _, err := r.DataVersion(ctx)
	require.NoError(t, err)
	require.Equal(t, before+3, after)
	require.NoError(t, r.AddCalibration(ctx, winter, "somebody else", "beside the station"), "the same again is no change")
	again, _, err := r.DataVersion(ctx)
	require.NoError(t, err)
	require.Equal(t, after, again)

	all, err := r.Calibrations(ctx, "one")
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, []calibration.Version{summer, winter}, []calibration.Version{all[0].Version, all[1].Version}, "to the digit")
	require.Equal(t, "keeper", all[1].Actor)
	require.False(t, all[1].Made.IsZero())

	bad := winter
	bad.Model.Intercept++
	require.ErrorIs(t, r.AddCalibration(ctx, bad, "keeper", "beside the station"), calibration.ErrChanged)
	bad.Method = ""
	require.ErrorIs(t, r.AddCalibration(ctx, bad, "keeper", "beside the station"), calibration.ErrVersion)
	require.ErrorIs(t, r.AddCalibration(ctx, calibrated(t, "three", 1, day(1), time.Time{}), "keeper", "beside the station"), ingest.ErrUnknownStation)
	require.Error(t, r.AddCalibration(ctx, calibrated(t, "one", 1.1, day(1), time.Time{}), "a\x00b", "beside the station"))

	// Who changes the stored content changes no corrected value unseen.
	require.NoError(t, r.InTx(ctx, func(tx *sqlTx) error {
		_, err := tx.ExecContext(ctx, `UPDATE station_calibration SET content = (SELECT content FROM station_calibration WHERE station = 'one' AND id = $1) WHERE station = 'one' AND id = $2`, summer.ID, winter.ID)
		return err
	}))
	_, err = r.Calibrations(ctx, "one")
	require.ErrorIs(t, err, calibration.ErrChanged)

	require.NoError(t, r.DeleteStation(ctx, "one"))
	gone, err := r.Calibrations(ctx, "one")
	require.NoError(t, err)
	require.Empty(t, gone)
	require.ErrorIs(t, r.AddCalibration(ctx, winter, "keeper", "beside the station"), ingest.ErrStationDeleted)
	other, err := r.Calibrations(ctx, "two")
	require.NoError(t, err)
	require.Len(t, other, 1)
}
