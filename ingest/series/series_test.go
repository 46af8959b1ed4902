package series_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/seriestest"
)

func TestContractEngine(t *testing.T) { seriestest.Run(t, seriestest.Engine) }

func TestContractInfluxd(t *testing.T) {
	url := seriestest.Influxd(t)
	n := 0
	seriestest.Run(t, func(t testing.TB) *series.Store {
		n++
		return openServer(t, url, fmt.Sprintf("air_%d", n))
	})
}

func openServer(t testing.TB, url, database string) *series.Store {
	t.Helper()
	s, err := series.Open(t.Context(), series.Options{URL: url, Database: database})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}
