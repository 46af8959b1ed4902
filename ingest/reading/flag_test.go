package reading_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func TestFlagKeys(t *testing.T) {
	for i, f := range reading.FlagTable() {
		assert.Equal(t, reading.Flag(1)<<i, f.Flag)
		got, err := reading.ParseFlag(f.Key)
		require.NoError(t, err)
		assert.Equal(t, f.Flag, got)
	}
	assert.Equal(t, "clock-shift", reading.ClockShift.String(), "the table reaches to the last flag")
	_, err := reading.ParseFlag("peak")
	require.ErrorContains(t, err, "humidity-suspect")
}

func TestLift(t *testing.T) {
	const c, r, m, w, l, n = reading.Constant, reading.Range, reading.MissingCode, reading.Withdrawn, reading.Lifted, reading.Spike
	for _, x := range []struct{ flags, lifted, value, hour reading.Flag }{
		{0, r, 0, 0},
		{r, 0, r, r},
		{r, r, r | l, r | l},
		{r | l, 0, r, r}, // what was lifted and is no longer
		{r | n, r, r | n | l, r | n | l},
		{n, n, n, n}, // a note keeps nothing out
		{r | m, r, r | m, r | m | l},
		{r | m, r | m, r | m, r | m | l},
		{r | c, r, r | c, r | c},
		{r | c, c, r | c, r | c | l},
		{r | c, c | r, r | c | l, r | c | l},
		{w, w, w, w},
		{m, m, m, m},
	} {
		assert.Equal(t, x.value, x.flags.Lift(x.lifted), "value %s, lifted %s", x.flags, x.lifted)
		assert.Equal(t, x.hour, x.flags.LiftHour(x.lifted), "hour %s, lifted %s", x.flags, x.lifted)
	}
	assert.False(t, (r | l).Excluded())
	assert.True(t, r.Excluded())
	b := reading.NewBlock("s", reading.NO2, 0)
	b.Values[0], b.Capture[0], b.Flags[0] = 1, 60, c
	assert.False(t, b.Valid(0))
	b.Flags[0] |= l
	assert.True(t, b.Valid(0))
}
