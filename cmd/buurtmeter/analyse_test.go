package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAnalyseTakesFilesBeforeAndAfterFlags runs the program as people do.
func TestAnalyseTakesFilesBeforeAndAfterFlags(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lucht.csv")
	require.NoError(t, os.WriteFile(path, []byte("datum;no2\n2021-01-01 00:00;12,5\n2021-01-01 01:00;13,5\n"), 0o600))
	flags := []string{"--time", "datum", "--value", "no2", "--property", "no2", "--zone", "UTC", "--json"}
	none := func(string) string { return "" }
	var answers []string
	for _, args := range [][]string{append([]string{"analyse", "hours", path}, flags...), append(append([]string{"analyse", "hours"}, flags...), path)} {
		var out, errs strings.Builder
		require.NoError(t, run(t.Context(), args, none, &out, &errs), errs.String())
		answers = append(answers, out.String())
	}
	require.Equal(t, answers[0], answers[1])
	var years []struct{ Mean float64 }
	require.NoError(t, json.Unmarshal([]byte(answers[0]), &years))
	require.Len(t, years, 1)
	require.InDelta(t, 13, years[0].Mean, 1e-12)

	var out, errs strings.Builder
	require.Error(t, run(t.Context(), []string{"analyse", "hours", path, "--time", "date", "--value", "no2", "--property", "no2"}, none, &out, &errs))
	require.Equal(t, "Error: lucht.csv has no column \"date\"\nTry:   the columns are: \"datum\", \"no2\"\n", errs.String())
	errs.Reset()
	require.Error(t, run(t.Context(), []string{"analyse", "everything", path}, none, &out, &errs))
	require.Contains(t, errs.String(), "use one of: hours, tubes, calibrate, points")
	out.Reset()
	require.NoError(t, run(t.Context(), []string{"analyse"}, none, &out, &errs))
	require.Contains(t, out.String(), "hours FILE --time COL")
	for _, name := range []string{"hours", "tubes", "calibrate", "points"} {
		out.Reset()
		errs.Reset()
		_ = run(t.Context(), []string{"analyse", name, "-h"}, none, &out, &errs)
		require.Contains(t, out.String()+errs.String(), "E.g. buurtmeter analyse "+name+" ")
	}
}
