package seriestest

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/series"
)

func withCancel(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

// writers lets several goroutines write and read at once.
func writers(t *testing.T, s *series.Store) {
	const n, batches, size = 4, 5, 50
	var wg sync.WaitGroup
	errs := make([]error, n)
	for w := range n {
		wg.Go(func() {
			id := reading.StationID("writer-" + string(rune('a'+w)))
			for b := range batches {
				rs := make([]reading.Reading, size)
				for i := range rs {
					rs[i] = at(id, b*size+i, no2(float64(w)))
				}
				if errs[w] = s.Append(t.Context(), rs); errs[w] != nil {
					return
				}
				if _, _, errs[w] = s.Newest(t.Context(), id); errs[w] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	total, err := s.Count(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, n*batches*size, total)
}
