package calibration_test

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
)

// sharedRows reads a CSV file of a real campaign.
func sharedRows(t testing.TB, name string) []map[string]string {
	t.Helper()
	return conformancetest.Rows(t, "data", filepath.FromSlash(name))
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return v
}
