package geo_test

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
)

// boundaries reads a file of real boundaries that is not part of the project,
// or skips the test.
func boundaries(t testing.TB, name string, year int) ([]geo.Area, []geo.Problem) {
	t.Helper()
	f, err := os.Open(filepath.Join(sharedFolder(t), "geo", name))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		r, err = gzip.NewReader(f)
		require.NoError(t, err)
	}
	areas, problems, err := geo.ReadGeoJSON(r, year)
	require.NoError(t, err)
	return areas, problems
}

func sharedFolder(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("BUURTMETER_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		require.NotEqual(t, up, dir, "no go.mod above the test")
		dir = up
	}
	dir = filepath.Join(filepath.Dir(dir), "shared")
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	const message = "real boundaries are not here: set BUURTMETER_SHARED to the folder that holds geo/*.geojson"
	if os.Getenv("BUURTMETER_REQUIRE_SHARED") == "1" {
		t.Fatal(message)
	}
	t.Skip(message)
	return ""
}
