package register

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func TestPackedMarksComeBack(t *testing.T) {
	for _, marks := range [][]reading.StationHour{
		nil,
		{{Station: "a", Hour: 0}},
		{{Station: "a", Hour: -1}, {Station: "a", Hour: 1}, {Station: "ab", Hour: math.MinInt32}, {Station: "b", Hour: math.MaxInt32}},
		{{Station: reading.StationID(strings.Repeat("x", 63)), Hour: 5}, {Station: reading.StationID(strings.Repeat("x", 62) + "y"), Hour: 5}},
	} {
		got, err := unpackMarks(nil, packMarks(marks))
		require.NoError(t, err)
		require.Equal(t, marks, got)
	}
	var town []reading.StationHour
	for i := range 1000 {
		town = append(town, reading.StationHour{Station: reading.StationID(fmt.Sprintf("zs-%05d", i)), Hour: 498_432})
	}
	packed := packMarks(town)
	require.Less(t, len(packed), 6*len(town))
	got, err := unpackMarks(nil, packed)
	require.NoError(t, err)
	require.Equal(t, town, got)
	for i := range packed { // cut anywhere: fewer marks, or an error
		got, err := unpackMarks(nil, packed[:i])
		if err == nil {
			require.Empty(t, cmp.Diff(town[:len(got)], got, cmpopts.EquateEmpty()))
		}
	}
}

func FuzzUnpackMarks(f *testing.F) {
	f.Add(packMarks([]reading.StationHour{{Station: "a", Hour: 7}, {Station: "abc", Hour: 3}}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, packed []byte) {
		if marks, err := unpackMarks(nil, packed); err == nil {
			again, err := unpackMarks(nil, packMarks(marks))
			require.NoError(t, err)
			require.Equal(t, marks, again)
		}
	})
}

// TestTheMarkLogStaysShort: also where nobody ever asks for marked hours.
func TestTheMarkLogStaysShort(t *testing.T) {
	r, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "register.db"), Options{Now: time.Now})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	length := func() (n int) {
		require.NoError(t, r.reads.QueryRowContext(t.Context(), `SELECT count(*) FROM mark_log`).Scan(&n))
		return n
	}
	for i := range foldAfter - 1 {
		require.NoError(t, r.MarkDirty(t.Context(), []reading.StationHour{{Station: "a", Hour: reading.Hour(i % 50)}}))
	}
	require.Equal(t, foldAfter-1, length())
	require.NoError(t, r.MarkDirty(t.Context(), []reading.StationHour{{Station: "b", Hour: 1}}))
	require.Zero(t, length())
	n, err := r.DirtyCount(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(51), n)
}

// TestAMarkInTheLogOutlivesAClaim: a claim of before it does not clear it.
func TestAMarkInTheLogOutlivesAClaim(t *testing.T) {
	r, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "register.db"), Options{Now: time.Now})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	mark := []reading.StationHour{{Station: "a", Hour: 1}}
	require.NoError(t, r.MarkDirty(t.Context(), mark))
	claim, err := r.DirtyHours(t.Context(), "", 10)
	require.NoError(t, err)
	require.NoError(t, r.MarkDirty(t.Context(), mark)) // stays in the log
	require.NoError(t, r.ClearDirty(t.Context(), claim))
	left, err := r.DirtyHours(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, left, 1)
}
