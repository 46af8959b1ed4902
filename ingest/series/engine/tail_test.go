package engine_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/engine"
)

// TestATornEndCostsNothingAcknowledgedLater: what is written behind a torn end
// of the write-ahead log must be there after the next crash too.
func TestATornEndCostsNothingAcknowledgedLater(t *testing.T) {
	for name, torn := range map[string][]byte{
		"in the head":    {1, 0, 0},
		"in the body":    {1, 0, 0, 4, 0, 'x', 'y', 'z'},
		"a hole":         make([]byte, 4096),
		"whole nonsense": {1, 0, 0, 0, 3, 0xff, 0xff, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "raw")
			e, err := engine.Open(dir, nil)
			require.NoError(t, err)
			s, err := series.Open(t.Context(), series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
			require.NoError(t, err)
			require.NoError(t, s.Append(t.Context(), readings("a", 0, 10)))
			require.NoError(t, e.Close())

			logs, err := filepath.Glob(filepath.Join(dir, "wal", "*", "*", "*", "*.wal"))
			require.NoError(t, err)
			require.Len(t, logs, 1)
			f, err := os.OpenFile(logs[0], os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.Write(torn)
			require.NoError(t, err)
			require.NoError(t, f.Close())

			_, s = open(t, dir)
			require.NoError(t, s.Append(t.Context(), readings("a", 10, 10)))
			// A crash leaves the files as they are now.
			crashed := filepath.Join(t.TempDir(), "raw")
			require.NoError(t, os.CopyFS(crashed, os.DirFS(dir)))
			_, s = open(t, crashed)
			n, err := s.Count(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 20, n)
		})
	}
}
