package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheSettingOfAnOfficialStation(t *testing.T) {
	data := t.TempDir()
	station := func(args ...string) (string, error) {
		return runCommand(t, append([]string{"station"}, append(args, "--data", data)...)...)
	}
	_, err := station("add", "--id", "nl49551", "--kind", "reference")
	require.NoError(t, err)
	_, err = station("add", "--id", "zs-001")
	require.NoError(t, err)
	_, err = station("setting", "--id", "nl49551", "--setting", "street", "--why", "lijst van de GGD")
	require.NoError(t, err)
	out, err := station("events", "--id", "nl49551")
	require.NoError(t, err)
	assert.Contains(t, out, "setting-declared")
	assert.Contains(t, out, "street")
	_, err = station("setting", "--id", "nl49551", "--setting", "park")
	require.ErrorContains(t, err, "use background, street or industry")
	_, err = station("setting", "--id", "zs-001", "--setting", "street")
	require.ErrorContains(t, err, "official stations only")
}
