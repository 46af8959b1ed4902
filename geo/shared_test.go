package geo_test

import (
	"compress/gzip"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
	"buurtmeter/geo"
)

// boundaries reads a file of real boundaries that is not part of the project,
// or skips the test.
func boundaries(t testing.TB, name string, year int) ([]geo.Area, []geo.Problem) {
	t.Helper()
	f, err := os.Open(conformancetest.Path(t, "geo", name))
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
