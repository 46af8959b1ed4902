package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

func TestObjectionsFromTheCommandLine(t *testing.T) {
	data := t.TempDir()
	objection := func(args ...string) (string, error) {
		return runCommand(t, append([]string{"objection"}, append(args, "--data", data)...)...)
	}
	_, err := runCommand(t, "station", "add", "--id", "zs-001", "--data", data)
	require.NoError(t, err)
	add := []string{
		"add", "--station", "zs-001", "--property", "no2", "--flag", "constant",
		"--from", "2026-11-23T09:00:00+01:00", "--to", "2026-11-24T09:00:00+01:00", "--text", "het stond echt stil",
	}
	out, err := objection(add...)
	require.NoError(t, err)
	assert.Contains(t, out, "zs-001/1")
	out, err = objection("answer", "--id", "zs-001/1", "--accept", "--text", "nagekeken, klopt", "--actor", "GGD")
	require.NoError(t, err)
	assert.Contains(t, out, "accepted")
	out, err = objection(append(add, "--actor", "buur")...)
	require.NoError(t, err)
	assert.Contains(t, out, "zs-001/2")
	out, err = objection("list")
	require.NoError(t, err)
	for _, want := range []string{
		"zs-001/1", "accepted", "constant", "2026-11-23T08:00:00Z to 2026-11-24T08:00:00Z", "keeper: het stond echt stil", "GGD: nagekeken, klopt",
		"zs-001/2", "open", "buur: het stond echt stil",
	} {
		assert.Contains(t, out, want)
	}
	for _, secret := range []string{"het hangt op 52.4388, 4.8265", "mail jan@example.nl", "kastje AA:BB:CC:DD:EE:0F"} {
		out, err = objection(append(add, "--text", secret)...)
		require.ErrorIs(t, err, reading.ErrNotPublic, secret)
		assert.Contains(t, out, "Try:   leave that part out")
		_, err = objection("answer", "--id", "zs-001/2", "--reject", "--text", secret)
		require.ErrorIs(t, err, reading.ErrNotPublic, secret)
	}
	out, err = objection("list")
	require.NoError(t, err)
	assert.NotContains(t, out, "zs-001/3", "nothing of it is kept")
	assert.NotContains(t, out, "4388")
	out, err = objection("list", "--station", "zs-002")
	require.NoError(t, err)
	assert.Empty(t, out)

	reg, err := register.Open(t.Context(), "sqlite:"+filepath.Join(data, "register.db"), register.Options{Now: time.Now})
	require.NoError(t, err)
	defer func() { _ = reg.Close() }()
	lifts, err := reg.Lifts(t.Context(), "zs-001")
	require.NoError(t, err)
	from := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	assert.Equal(t, []ingest.Lift{{Property: reading.NO2, Flag: reading.Constant, Period: ingest.Period{From: from, To: from.Add(24 * time.Hour)}}}, lifts)
	n, err := reg.DirtyCount(t.Context())
	require.NoError(t, err)
	assert.Equal(t, int64(25), n)

	b := reading.NewBlock("zs-001", reading.NO2, reading.MonthOf(reading.HourOf(from)))
	later := reading.NewBlock("zs-001", reading.NO2, b.Month+2) // a month without a block lies between
	i := int(reading.HourOf(from) - b.Month.First())
	b.Flags[i], b.Flags[i+1], later.Flags[0] = reading.Constant, reading.Constant|reading.Lifted, reading.Buddy
	require.NoError(t, reg.PutBlocks(t.Context(), []ingest.VersionedBlock{{Block: b}, {Block: later}}))
	out, err = objection("remarks", "--station", "zs-001")
	require.NoError(t, err)
	assert.Equal(t, []string{
		"no2 constant exclude 2026-11-23T08:00:00Z to 2026-11-23T09:00:00Z rule version 1",
		"no2 constant lifted 2026-11-23T09:00:00Z to 2026-11-23T10:00:00Z rule version 1",
		"no2 buddy note 2027-01-01T00:00:00Z to 2027-01-01T01:00:00Z rule version 2",
	}, squeezed(out))

	for name, args := range map[string][]string{
		"remarks on none": {"remarks"},
		"no command":      {},
		"unknown command": {"withdraw"},
		"no station":      {"add", "--flag", "constant"},
		"unknown station": append(add[:len(add):len(add)], "--station", "zs-009"),
		"unknown flag":    append(add[:len(add):len(add)], "--flag", "peak"),
		"a fact":          append(add[:len(add):len(add)], "--flag", "missing-code"),
		"no zone":         append(add[:len(add):len(add)], "--from", "2026-11-23T09:00:00"),
		"no text":         append(add[:len(add):len(add)], "--text", ""),
		"neither":         {"answer", "--id", "zs-001/1", "--text", "x"},
		"both":            {"answer", "--id", "zs-001/1", "--text", "x", "--accept", "--reject"},
		"no answer":       {"answer", "--id", "zs-001/1", "--accept"},
		"unknown id":      {"answer", "--id", "zs-001/9", "--accept", "--text", "x"},
	} {
		out, err := objection(args...)
		require.Error(t, err, name)
		assert.Contains(t, out, "Error: ", name)
		assert.Contains(t, out, "Try:   ", name)
	}
}

// squeezed gives the lines of a table with one space between the columns.
func squeezed(table string) (lines []string) {
	for line := range strings.Lines(table) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}
