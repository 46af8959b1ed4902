package register

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
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

// TestAStandingMarkIsNotStoredAgain: until somebody asks for it.
func TestAStandingMarkIsNotStoredAgain(t *testing.T) {
	path := "sqlite:" + filepath.Join(t.TempDir(), "register.db")
	r, err := Open(t.Context(), path, Options{OnlyJudge: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	rows := func() (n int) {
		require.NoError(t, r.reads.QueryRowContext(t.Context(), `SELECT count(*) FROM mark_log`).Scan(&n))
		return n
	}
	a, b := reading.StationHour{Station: "a", Hour: 5}, reading.StationHour{Station: "b", Hour: 5}
	require.NoError(t, r.MarkDirty(t.Context(), []reading.StationHour{a}))
	require.NoError(t, r.MarkDirty(t.Context(), []reading.StationHour{a, a}))
	require.Equal(t, 1, rows())
	require.NoError(t, r.MarkDirty(t.Context(), []reading.StationHour{a, b}))
	require.Equal(t, 2, rows())

	claim, err := r.DirtyHours(t.Context(), "", 1)
	require.NoError(t, err)
	require.Len(t, claim, 1)
	require.NoError(t, r.MarkDirty(t.Context(), []reading.StationHour{a, b}))
	require.Equal(t, 1, rows(), "both may have been in the answer")
	require.NoError(t, r.ClearDirty(t.Context(), claim))
	claim, err = r.DirtyHours(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, claim, 2, "who asked before must not clear what was marked after")

	_, asked := r.standing.missing([]reading.StationHour{a})
	r.standing.ask()
	r.standing.add([]reading.StationHour{a}, asked)
	missing, _ := r.standing.missing([]reading.StationHour{a})
	require.Equal(t, []reading.StationHour{a}, missing, "stored while somebody asked")
	for i := range 3 * maxStanding {
		r.standing.add([]reading.StationHour{{Station: "a", Hour: reading.Hour(i)}}, asked+1)
	}
	require.LessOrEqual(t, len(r.standing.marks), maxStanding)
}

// TestEveryWriteIsFollowedByARecomputation has several writers mark, write and
// mark again, as the pipeline does, while a judge asks, reads and clears.
func TestEveryWriteIsFollowedByARecomputation(t *testing.T) {
	r, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "register.db"), Options{OnlyJudge: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	const writers, hours, writes = 4, 3, 60
	var raw [hours]atomic.Int64
	var computed [hours]int64
	pass := func() (n int) {
		claim, err := r.DirtyHours(t.Context(), "", 10)
		require.NoError(t, err)
		for _, d := range claim {
			computed[d.Hour] = raw[d.Hour].Load()
		}
		require.NoError(t, r.ClearDirty(t.Context(), claim))
		return len(claim)
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range writes {
				h := (w + i) % hours
				mark := []reading.StationHour{{Station: "a", Hour: reading.Hour(h)}}
				assert.NoError(t, r.MarkDirty(t.Context(), mark))
				raw[h].Add(1)
				assert.NoError(t, r.MarkDirty(t.Context(), mark))
			}
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			pass()
		}
	}
	for pass() > 0 {
	}
	for h := range raw {
		require.Equal(t, raw[h].Load(), computed[h], "hour %d", h)
	}
}
