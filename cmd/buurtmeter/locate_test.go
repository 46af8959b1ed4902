package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLocateWritesTheFileWithItsAreas runs the program as people do.
func TestLocateWritesTheFileWithItsAreas(t *testing.T) {
	dir := t.TempDir()
	points, areas := filepath.Join(dir, "points.csv"), filepath.Join(dir, "areas.geojson")
	require.NoError(t, os.WriteFile(points, []byte("naam;lon;lat\n\"a;b\";4,5;51,5\nc;9,0;51,5\n"), 0o600))
	require.NoError(t, os.WriteFile(areas, []byte(`{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"statcode":"BU04791110"},
		"geometry":{"type":"Polygon","coordinates":[[[4,51],[5,51],[5,52],[4,52],[4,51]]]}}]}`), 0o600))
	none := func(string) string { return "" }
	var out, errs strings.Builder
	require.NoError(t, run(t.Context(), []string{"locate", points, "--areas", areas, "--area-id", "statcode"}, none, &out, &errs), errs.String())
	require.Equal(t, "naam;lon;lat;statcode\n\"a;b\";4,5;51,5;BU04791110\nc;9,0;51,5;\n", out.String())
	require.Contains(t, errs.String(), "1 point outside every area, the first on line 3")

	out.Reset()
	errs.Reset()
	require.Error(t, run(t.Context(), []string{"locate", points, "--areas", areas, "--area-id", "statcode", "--lon", "x"}, none, &out, &errs))
	require.Equal(t, "Error: points.csv has no column \"x\"\nTry:   the columns are: \"naam\", \"lon\", \"lat\"\n", errs.String())
	require.Empty(t, out.String())
}
