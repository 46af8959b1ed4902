package seriestest

import (
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/series"
)

// deletionHostile deletes ids that are no ids, and looks that each took nothing
// but its own.
func deletionHostile(t *testing.T, s *series.Store) {
	ids := []reading.StationID{"plain", "o'clock", `say "when"`, "a b,c=d", "é", "' OR '1'='1", "'; DROP MEASUREMENT reading; --", "/.*/", "$x"}
	for _, id := range ids {
		require.NoError(t, s.Append(t.Context(), []reading.Reading{at(id, 0, no2(1)), at(id, 500_000, no2(2))}))
	}
	for i, id := range ids {
		require.NoError(t, s.DeleteStation(t.Context(), id))
		n, err := s.Count(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2*(len(ids)-1-i), n, "%q", id)
	}
}

// deletionUnderWay deletes a station again and again while others write it and
// a neighbour: what was acknowledged of the neighbour stays, and a deletion
// after the last write leaves nothing of the station.
func deletionUnderWay(t *testing.T, s *series.Store) {
	const n, batches = 3, 15
	var wg sync.WaitGroup
	writing := make(chan struct{})
	for w := range n {
		wg.Go(func() {
			for b := range batches {
				minute := (w*batches + b) * 10_000 // over many shards
				assert.NoError(t, s.Append(t.Context(), []reading.Reading{at("gone", minute, no2(1)), at("kept", minute, no2(2))}))
			}
		})
	}
	var deleting sync.WaitGroup
	deleting.Go(func() {
		for {
			assert.NoError(t, s.DeleteStation(t.Context(), "gone"))
			select {
			case <-writing:
				return
			default:
			}
		}
	})
	wg.Wait()
	close(writing)
	deleting.Wait()
	require.NoError(t, s.DeleteStation(t.Context(), "gone"))
	require.Empty(t, all(t, s, "gone"))
	_, ok, err := s.Newest(t.Context(), "gone")
	require.NoError(t, err)
	require.False(t, ok)
	kept := all(t, s, "kept")
	require.Len(t, kept, n*batches)
	for i, r := range kept {
		require.Equal(t, at("kept", i*10_000, no2(2)), r, strconv.Itoa(i))
	}
}
