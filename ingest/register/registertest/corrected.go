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

const correctedMonth = reading.Month(682)

// correctedBlock returns a month of the corrected NO2 of a station with the value in all hours.
func correctedBlock(id reading.StationID, value int32, inputs int64) ingest.VersionedBlock {
	b := reading.NewBlock(id, reading.Property(calibration.CorrectedSeries(reading.NO2)), correctedMonth)
	for i := range b.Values {
		b.Values[i], b.Capture[i] = value, reading.FullHour
	}
	b.Flags[3] = reading.Extrapolated
	return ingest.VersionedBlock{Block: b, Version: inputs}
}

// corrected tests what is kept of corrected series.
func corrected(t *testing.T, r *register.Register) {
	ctx := t.Context()
	_, err := r.AddStation(ctx, Station("one"), reading.SecretPosition{}, "operator")
	require.NoError(t, err)
	none, err := r.CalibratedStations(ctx)
	require.NoError(t, err)
	require.Empty(t, none)
	raw := reading.NewBlock("one", reading.NO2, correctedMonth)
	raw.Values[0], raw.Capture[0] = 7, reading.FullHour
	require.NoError(t, r.PutBlocks(ctx, []ingest.VersionedBlock{{Block: raw}}))

	v := calibrated(t, "one", 1.5, day(2), time.Time{})
	require.NoError(t, r.AddCalibration(ctx, v, "operator", "beside the station"))
	stations, err := r.CalibratedStations(ctx)
	require.NoError(t, err)
	require.Len(t, stations, 1)
	require.Equal(t, []calibration.Version{v}, stations[0].Versions)
	require.Empty(t, stations[0].Stored)

	put := ingest.CorrectedChange{Station: "one", Events: stations[0].Events, Put: []ingest.VersionedBlock{correctedBlock("one", 5, 99)}}
	require.NoError(t, r.PutCorrected(ctx, put))
	put.Put = []ingest.VersionedBlock{correctedBlock("one", 6, 100)}
	require.NoError(t, r.PutCorrected(ctx, put), "the next one replaces it")
	series := put.Put[0].Property
	b, version, err := r.Block(ctx, "one", series, correctedMonth)
	require.NoError(t, err)
	require.Equal(t, int64(100), version)
	require.Equal(t, put.Put[0].Block, b)
	same, _, err := r.Block(ctx, "one", reading.NO2, correctedMonth)
	require.NoError(t, err)
	require.Equal(t, raw, same, "the raw series is as it was")
	index, err := r.BlockIndex(ctx)
	require.NoError(t, err)
	require.Equal(t, []register.BlockRef{
		{Station: "one", Property: reading.NO2, Month: correctedMonth, Version: 1}, {Station: "one", Property: series, Month: correctedMonth, Version: 100},
	}, index)
	versions, err := r.SeriesVersions(ctx, []reading.StationID{"one"})
	require.NoError(t, err)
	require.Len(t, versions, 1, "what compares raw series never sees a corrected one")

	require.Error(t, r.PutCorrected(ctx, ingest.CorrectedChange{Station: "one", Events: stations[0].Events, Put: []ingest.VersionedBlock{{Block: raw}}}), "no raw block")
	require.Error(t, r.PutBlocks(ctx, []ingest.VersionedBlock{correctedBlock("one", 5, 0)}), "and no corrected one among the raw ones")
}

// withdrawnCalibration tests that a withdrawal takes the corrected series along.
func withdrawnCalibration(t *testing.T, r *register.Register) {
	ctx := t.Context()
	_, err := r.AddStation(ctx, Station("one"), reading.SecretPosition{}, "operator")
	require.NoError(t, err)
	v := calibrated(t, "one", 1.5, day(2), time.Time{})
	require.NoError(t, r.AddCalibration(ctx, v, "operator", "beside the station"))
	stations, err := r.CalibratedStations(ctx)
	require.NoError(t, err)
	put := ingest.CorrectedChange{Station: "one", Events: stations[0].Events, Put: []ingest.VersionedBlock{correctedBlock("one", 5, 99)}}
	require.NoError(t, r.PutCorrected(ctx, put))

	require.ErrorIs(t, r.WithdrawCalibration(ctx, "one", "no2-other", "operator", "x"), register.ErrUnknownCalibration)
	require.ErrorIs(t, r.WithdrawCalibration(ctx, "two", v.ID, "operator", "x"), ingest.ErrUnknownStation)
	require.NoError(t, r.WithdrawCalibration(ctx, "one", v.ID, "keeper", "the inlet was blocked"))
	require.NoError(t, r.WithdrawCalibration(ctx, "one", v.ID, "keeper", "again"), "is no change")
	require.NoError(t, r.PutCorrected(ctx, put), "of before the withdrawal: nothing is stored")
	stations, err = r.CalibratedStations(ctx)
	require.NoError(t, err)
	require.Empty(t, stations)
	all, err := r.Calibrations(ctx, "one")
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.False(t, all[0].Withdrawn.IsZero(), "it stays in the list")
	events, err := r.Events(ctx, "one")
	require.NoError(t, err)
	require.Len(t, events, 3)
	require.Equal(t, []string{register.EventCalibrated, "operator", "beside the station", v.ID + " of no2"}, []string{events[1].What, events[1].Actor, events[1].Why, events[1].Detail})
	require.Equal(t, []string{register.EventCalibrationWithdrawn, "keeper", "the inlet was blocked"}, []string{events[2].What, events[2].Actor, events[2].Why})

	require.NoError(t, r.AddCalibration(ctx, v, "operator", "it was not"), "it stands again")
	stations, err = r.CalibratedStations(ctx)
	require.NoError(t, err)
	require.Len(t, stations, 1)
	put.Events = stations[0].Events
	require.NoError(t, r.PutCorrected(ctx, put))
	require.NoError(t, r.DeleteStation(ctx, "one"))
	index, err := r.BlockIndex(ctx)
	require.NoError(t, err)
	require.Empty(t, index)
	require.ErrorIs(t, r.PutCorrected(ctx, put), ingest.ErrStationDeleted)
}
