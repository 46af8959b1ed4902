package engine_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/engine"
)

// TestABrokenIndexIsBuiltAnew breaks the lists of the index as a kill in the
// middle of their writing does. No reading may be out of reach after that.
func TestABrokenIndexIsBuiltAnew(t *testing.T) {
	for name, left := range map[string]string{"empty": "", "half": "{\n  \"levels\": [\n    {\n"} {
		for _, all := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "raw")
				e, err := engine.Open(dir, nil)
				require.NoError(t, err)
				s, err := series.Open(t.Context(), series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
				require.NoError(t, err)
				for _, station := range []reading.StationID{"a", "b", "c"} {
					require.NoError(t, s.Append(t.Context(), readings(station, 0, 10)))
				}
				require.NoError(t, e.Close())

				lists, err := filepath.Glob(filepath.Join(dir, "data", "*", "*", "*", "index", "*", "MANIFEST"))
				require.NoError(t, err)
				require.NotEmpty(t, lists)
				if !all {
					lists = lists[:1]
				}
				for _, list := range lists {
					require.NoError(t, os.WriteFile(list, []byte(left), 0o600))
				}
				for range 2 { // and again after a clean stop
					e, err = engine.Open(dir, nil)
					require.NoError(t, err)
					s, err = series.Open(t.Context(), series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
					require.NoError(t, err)
					n, err := s.Count(t.Context())
					require.NoError(t, err)
					require.EqualValues(t, 30, n)
					for _, station := range []reading.StationID{"a", "b", "c"} {
						want := readings(station, 0, 10)
						got, err := s.Readings(t.Context(), want[0].Station, want[0].At, want[9].At.Add(time.Second))
						require.NoError(t, err)
						require.Len(t, got, 10)
					}
					require.NoError(t, s.Append(t.Context(), readings("a", 0, 10)), "writing goes on")
					require.NoError(t, e.Close())
				}
			})
		}
	}
}
