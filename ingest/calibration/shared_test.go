package calibration_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
)

// sharedRows reads a CSV file of a real campaign that is not part of the
// project, as maps by column, or skips the test.
func sharedRows(t testing.TB, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(conformancetest.Path(t, "data", filepath.FromSlash(name)))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	recs, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	rows := make([]map[string]string, 0, len(recs))
	for _, rec := range recs[1:] {
		row := map[string]string{}
		for i, name := range recs[0] {
			row[name] = rec[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return v
}
