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

// particles tests what is declared of particle sensors.
func particles(t *testing.T, r *register.Register) {
	ctx := t.Context()
	add(t, r, "one")
	require.NoError(t, r.DeclareParticle(ctx, "one", "sds011", day(2), "operator", "staat op de sensor"))
	require.NoError(t, r.DeclareParticle(ctx, "one", "SDS011", day(2), "operator", "nog eens"), "is no change")
	require.NoError(t, r.DeclareParticle(ctx, "one", "", day(4), "keeper", "kapot"))
	require.NoError(t, r.DeclareParticle(ctx, "one", "SPS30", day(3), "keeper", "vervangen"))
	require.NoError(t, r.DeclareParticle(ctx, "one", "PMS5003", day(3), "keeper", "toch deze"))
	declared, err := r.ParticleSensors(ctx, "one")
	require.NoError(t, err)
	require.Equal(t, []ingest.ParticleSensor{{Sensor: "SDS011", From: day(2)}, {Sensor: "PMS5003", From: day(3)}, {Sensor: "", From: day(4)}}, declared)
	events, err := r.Events(ctx, "one")
	require.NoError(t, err)
	require.Len(t, events, 5)
	require.Equal(t, []string{register.EventParticleDeclared, "operator", "staat op de sensor", "SDS011 from " + day(2).Format(time.RFC3339Nano)},
		[]string{events[1].What, events[1].Actor, events[1].Why, events[1].Detail})
	require.Equal(t, register.NoSensorType+" from "+day(4).Format(time.RFC3339Nano), events[2].Detail)

	require.ErrorContains(t, r.DeclareParticle(ctx, "one", "SDS 011", day(2), "operator", ""), "SDS011")
	require.Error(t, r.DeclareParticle(ctx, "one", "SDS011", time.Time{}, "operator", ""))
	require.ErrorIs(t, r.DeclareParticle(ctx, "none", "SDS011", day(2), "operator", ""), ingest.ErrUnknownStation)
	require.ErrorIs(t, r.DeclareParticle(ctx, "one", "SDS011", day(9), "operator", "bel 06-12345678"), reading.ErrNotPublic)
	require.NoError(t, r.DeleteStation(ctx, "one"))
	all, err := r.AllParticleSensors(ctx)
	require.NoError(t, err)
	require.Empty(t, all)
}

// networkStations tests what a pass of network factors is told of the stations.
func networkStations(t *testing.T, r *register.Register) {
	ctx := t.Context()
	for id, kind := range map[reading.StationID]reading.Kind{"ref": reading.KindReference, "kit": reading.KindSensor, "bare": reading.KindSensor, "done": reading.KindSensorCalibrated} {
		st := Station(id)
		st.Kind = kind
		_, err := r.AddStation(ctx, st, place(t, 4.8, 52.4), "operator")
		require.NoError(t, err)
		if id == "kit" || id == "done" {
			require.NoError(t, r.DeclareParticle(ctx, id, "SDS011", day(2), "operator", ""))
		}
	}
	all, err := r.NetworkStations(ctx)
	require.NoError(t, err)
	require.Len(t, all, 2, "no sensor without a type, and none whose values are calibrated already")
	require.Equal(t, []reading.StationID{"kit", "ref"}, []reading.StationID{all[0].ID, all[1].ID})
	require.Equal(t, []ingest.ParticleSensor{{Sensor: "SDS011", From: day(2)}}, all[0].Sensors)
	require.Zero(t, all[0].Placed)
	require.Empty(t, all[0].Devices)

	require.NoError(t, r.AttachBoard(ctx, "kit", reading.Board{From: day(5)}, "keeper", ""))
	require.NoError(t, r.SetPosition(ctx, "kit", place(t, 4.9, 52.4), "keeper", "verhuisd"))
	all, err = r.NetworkStations(ctx)
	require.NoError(t, err)
	require.Equal(t, []time.Time{day(5)}, all[0].Devices)
	require.NotZero(t, all[0].Placed)
}

// networkBlock returns a month of the PM2.5 that network factors corrected.
func networkBlock(id reading.StationID, value int32, inputs int64) ingest.VersionedBlock {
	b := correctedBlock(id, value, inputs)
	b.Property, b.Flags[3] = calibration.NetworkSeries(reading.PM25), 0
	return b
}

// networkBlocks tests what is kept of series that network factors corrected.
func networkBlocks(t *testing.T, r *register.Register) {
	ctx := t.Context()
	add(t, r, "one")
	add(t, r, "two")
	seen := map[reading.StationID]int64{"one": 1, "two": 1}
	put := ingest.NetworkChange{Put: []ingest.VersionedBlock{networkBlock("two", 5, 98), networkBlock("one", 5, 99)}}
	raw := reading.NewBlock("one", reading.PM25, correctedMonth)
	require.NoError(t, r.PutBlocks(ctx, []ingest.VersionedBlock{{Block: raw}}))
	require.NoError(t, r.PutNetwork(ctx, seen, put))
	put.Put = []ingest.VersionedBlock{networkBlock("one", 6, 100)}
	require.NoError(t, r.PutNetwork(ctx, seen, put), "the next one replaces it")
	b, version, err := r.Block(ctx, "one", put.Put[0].Property, correctedMonth)
	require.NoError(t, err)
	require.Equal(t, int64(100), version)
	require.Equal(t, put.Put[0].Block, b)
	var versions []ingest.SeriesVersion
	require.NoError(t, r.NetworkVersions(ctx, func(v ingest.SeriesVersion) { versions = append(versions, v) }))
	series := put.Put[0].Property
	require.Equal(t, []ingest.SeriesVersion{
		{Station: "one", Property: reading.PM25, Month: correctedMonth, Version: 1},
		{Station: "one", Property: series, Month: correctedMonth, Version: 100},
		{Station: "two", Property: series, Month: correctedMonth, Version: 98},
	}, versions)
	index, err := r.BlockIndex(ctx)
	require.NoError(t, err)
	require.Len(t, index, 3)
	stations, err := r.CalibratedStations(ctx)
	require.NoError(t, err)
	require.Empty(t, stations, "they are no business of calibrations")
	wrong := ingest.NetworkChange{Put: []ingest.VersionedBlock{correctedBlock("one", 5, 1)}}
	require.Error(t, r.PutNetwork(ctx, seen, wrong), "no calibrated series")
	require.Error(t, r.PutCorrected(ctx, ingest.CorrectedChange{Station: "one", Events: 1, Put: put.Put}), "and none among the calibrated ones")

	mine, err := r.TakeNetworkTurn(ctx, time.Hour)
	require.NoError(t, err)
	require.True(t, mine)
	mine, err = r.TakeNetworkTurn(ctx, time.Hour)
	require.NoError(t, err)
	require.False(t, mine)
	require.NoError(t, r.WithdrawPeriod(ctx, "one", ingest.Period{From: day(1), To: day(2)}, "keeper", "binnen"))
	mine, err = r.TakeNetworkTurn(ctx, time.Hour)
	require.NoError(t, err)
	require.True(t, mine, "what others were corrected by may rest on it")
	require.NoError(t, r.PutNetwork(ctx, seen, put), "of before the withdrawal: nothing is stored")
	require.NoError(t, r.PutNetwork(ctx, seen, ingest.NetworkChange{Remove: []ingest.SeriesVersion{{Station: "two", Property: series, Month: correctedMonth}}}))
	index, err = r.BlockIndex(ctx)
	require.NoError(t, err)
	require.Equal(t, []register.BlockRef{{Station: "one", Property: reading.PM25, Month: correctedMonth, Version: 1}}, index)

	seen["one"]++
	require.NoError(t, r.PutNetwork(ctx, seen, put))
	require.NoError(t, r.DeleteStation(ctx, "one"))
	require.NoError(t, r.PutNetwork(ctx, seen, put), "gone meanwhile")
	index, err = r.BlockIndex(ctx)
	require.NoError(t, err)
	require.Empty(t, index)
	mine, err = r.TakeNetworkTurn(ctx, time.Hour)
	require.NoError(t, err)
	require.True(t, mine)
}

// networkErrors tests what is kept of the errors of network factors.
func networkErrors(t *testing.T, r *register.Register) {
	ctx := t.Context()
	e := func(sensor reading.SensorType, simulated bool, rmse float64) ingest.NetworkError {
		return ingest.NetworkError{Property: reading.PM25, Sensor: sensor, Simulated: simulated, Month: correctedMonth, Inputs: 7, NetworkFigures: ingest.NetworkFigures{
			Stations: 2, Hours: 700, Reference: 9.5, RawBias: -0.5, RawRMSE: 4, Bias: 0.25, RMSE: rmse,
		}}
	}
	require.NoError(t, r.PutNetworkErrors(ctx, []ingest.NetworkError{e("SPS30", true, 1), e("SPS30", false, 2), e("SDS011", false, 3)}, nil))
	require.NoError(t, r.PutNetworkErrors(ctx, []ingest.NetworkError{e("SDS011", false, 4)}, []ingest.NetworkError{e("SPS30", false, 0)}))
	all, err := r.NetworkErrors(ctx)
	require.NoError(t, err)
	require.Equal(t, []ingest.NetworkError{e("SDS011", false, 4), e("SPS30", true, 1)}, all)
}
