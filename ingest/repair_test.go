package ingest_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// A block that was damaged on disk is computed anew from the raw readings, the
// whole month of it, as soon as one of its hours is marked.
func TestADamagedBlockIsComputedAnew(t *testing.T) {
	reg, err := register.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "register.db"), register.Options{Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, reg.Close()) })
	st := amsterdam()
	st.Kind = reading.KindSensor
	_, err = reg.AddStation(t.Context(), st, reading.SecretPosition{}, "test")
	require.NoError(t, err)
	raw := newMemory(st)
	first := reading.HourOf(time.Date(2026, 6, 3, 0, 0, 0, 0, time.UTC))
	var marks []reading.StationHour
	for i := range reading.Hour(48) {
		at := (first + i).Start()
		require.NoError(t, raw.Append(t.Context(), []reading.Reading{{
			Station: st.ID, At: at, Interval: time.Hour, Received: at, Values: []reading.Value{{Property: reading.NO2, Value: 10 + float64(i)}},
		}}))
		marks = append(marks, reading.StationHour{Station: st.ID, Hour: first + i})
	}
	require.NoError(t, reg.MarkDirty(t.Context(), marks))
	judge := ingest.NewRecomputer(ingest.HoursOptions{Blocks: reg, Stations: reg, RawStore: raw})
	_, err = judge.Once(t.Context())
	require.NoError(t, err)
	month := reading.MonthOf(first)
	whole, _, err := reg.Block(t.Context(), st.ID, reading.NO2, month)
	require.NoError(t, err)

	_, err = reg.DB().ExecContext(t.Context(), `UPDATE hour_block SET data = $1`, []byte("not a block"))
	require.NoError(t, err)
	_, _, err = reg.Block(t.Context(), st.ID, reading.NO2, month)
	require.ErrorIs(t, err, ingest.ErrCorruptBlock)
	require.NoError(t, reg.MarkDirty(t.Context(), marks[:1]))
	_, err = judge.Once(t.Context())
	require.NoError(t, err)
	again, _, err := reg.Block(t.Context(), st.ID, reading.NO2, month)
	require.NoError(t, err)
	assert.Equal(t, whole, again)
}
