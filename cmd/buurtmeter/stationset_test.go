package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheSitingOfAStation(t *testing.T) {
	data := t.TempDir()
	station := func(args ...string) (string, error) {
		return runCommand(t, append([]string{"station"}, append(args, "--data", data)...)...)
	}
	events := func(id string) string {
		out, err := station("events", "--id", id)
		require.NoError(t, err)
		return out
	}
	_, err := station("add", "--id", "nl49551", "--kind", "reference", "--siting", "industrial")
	require.NoError(t, err)
	assert.Regexp(t, `operator\tsiting-declared\tindustrial\t\n`, events("nl49551"))
	_, err = station("add", "--id", "zs-001", "--lon", "4.82", "--lat", "52.44")
	require.NoError(t, err)
	out, err := station("set", "--id", "zs-001", "--siting", "roadside", "--by", "keeper", "--why", "hangt aan de Dam")
	require.NoError(t, err)
	assert.Contains(t, out, "zs-001 is a roadside station")
	assert.Regexp(t, `keeper\tsiting-declared\troadside\thangt aan de Dam\n`, events("zs-001"))
	out, err = station("list")
	require.NoError(t, err)
	assert.Regexp(t, `zs-001\t.*\troadside\n`, out)

	out, err = station("move", "--id", "zs-001", "--lon", "4.83", "--lat", "52.44", "--why", "verhuisd")
	require.NoError(t, err)
	assert.Contains(t, out, "station set --id zs-001 --siting")
	assert.Regexp(t, `siting-declared\t\tverhuisd\n$`, events("zs-001"), "nobody said what surrounds the new place")
	_, err = station("move", "--id", "zs-001", "--lon", "4.84", "--lat", "52.44", "--siting", "background", "--why", "terug")
	require.NoError(t, err)
	assert.Regexp(t, `siting-declared\tbackground\tterug\n$`, events("zs-001"))

	for _, c := range [][]string{
		{"set", "--id", "zs-001", "--siting", "street"},
		{"move", "--id", "zs-001", "--lon", "4.85", "--lat", "52.44", "--siting", "street", "--why", "x"},
		{"add", "--id", "zs-002", "--siting", "street"},
	} {
		_, err = station(c...)
		require.ErrorContains(t, err, "use roadside, background or industrial", "%v", c)
	}
	_, err = station("set", "--id", "zs-001")
	require.ErrorContains(t, err, "set wants what to set")
	assert.NotContains(t, events("zs-001"), "4.8", "a place is in no event")
}
