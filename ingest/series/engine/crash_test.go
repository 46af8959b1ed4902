package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/engine"
)

// crashDir tells the test binary, started once more as a child, to write into
// that folder until it is killed.
const crashDir = "BUURTMETER_TEST_CRASH_DIR"

// deleteDir does the same for a child that deletes.
const deleteDir = "BUURTMETER_TEST_DELETE_DIR"

const crashBatch = 50

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Println("error", writeUntilKilled(dir))
		os.Exit(1)
	}
	if dir := os.Getenv(deleteDir); dir != "" {
		fmt.Println("error", deleteUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// deleteUntilKilled writes a station that stays and one that goes, deletes that
// one, says so, and begins again with the next.
func deleteUntilKilled(dir string) error {
	e, err := engine.Open(dir, nil)
	if err != nil {
		return err
	}
	s, err := series.Open(context.Background(), series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
	if err != nil {
		return err
	}
	for i := 1; ; i++ {
		id := reading.StationID(fmt.Sprintf("d%d-%d", os.Getpid(), i))
		for part := range 4 { // over several shards
			if err := s.Append(context.Background(), append(readings(id, part*200_000, crashBatch), readings("stays", (i*4+part)*crashBatch, crashBatch)...)); err != nil {
				return err
			}
		}
		if err := s.DeleteStation(context.Background(), id); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// What was deleted, and answered so, stays deleted when the process dies. What
// was half deleted can be deleted again.
func TestKilledProcessKeepsDeletions(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		done, pid := killedChild(t, deleteDir, dir)
		require.Positive(t, done)
		e, s := openOnce(t, dir)
		from, to := time.Unix(0, 0), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := 1; i <= done; i++ {
			left, err := s.Readings(t.Context(), reading.StationID(fmt.Sprintf("d%d-%d", pid, i)), from, to)
			require.NoError(t, err)
			require.Empty(t, left, "deleted and back again")
		}
		half := reading.StationID(fmt.Sprintf("d%d-%d", pid, done+1))
		require.NoError(t, s.DeleteStation(t.Context(), half))
		left, err := s.Readings(t.Context(), half, from, to)
		require.NoError(t, err)
		require.Empty(t, left)
		stays, err := s.Readings(t.Context(), "stays", from, to)
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(stays), done*4*crashBatch)
		require.NoError(t, e.Close())
		t.Logf("%d deletions held", done)
	}
}

func writeUntilKilled(dir string) error {
	e, err := engine.Open(dir, nil)
	if err != nil {
		return err
	}
	s, err := series.Open(context.Background(), series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
	if err != nil {
		return err
	}
	n, err := s.Count(context.Background())
	if err != nil {
		return err
	}
	for i := int(n); ; i += crashBatch {
		if err := s.Append(context.Background(), readings("x", i, crashBatch)); err != nil {
			return err
		}
		fmt.Println(i + crashBatch)
	}
}

// What Append has acknowledged survives the death of the process at any
// moment, also several times in a row on the same folder.
func TestKilledProcessLosesNothing(t *testing.T) {
	dir := t.TempDir()
	acked := 0
	for range 4 {
		n, _ := killedChild(t, crashDir, dir)
		acked = max(acked, n)
		e, s := openOnce(t, dir)
		got, err := s.Readings(t.Context(), "x", time.Unix(0, 0), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(got), acked, "acknowledged readings are gone")
		assert.LessOrEqual(t, len(got), acked+crashBatch, "more than one batch beyond the last acknowledgement")
		assert.Equal(t, readings("x", 0, len(got)), got)
		acked = len(got)
		require.NoError(t, e.Close())
		t.Logf("%d acknowledged and found", acked)
	}
}

// openOnce opens and closes again before the next child needs the folder.
func openOnce(t *testing.T, dir string) (*engine.Engine, *series.Store) {
	t.Helper()
	e, err := engine.Open(dir, nil)
	require.NoError(t, err)
	s, err := series.Open(t.Context(), series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
	require.NoError(t, err)
	return e, s
}

// killedChild lets a child, told what to do by the variable, work for a random
// time, kills it and returns the last acknowledgement that it printed.
func killedChild(t *testing.T, variable, dir string) (last, pid int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), variable+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	first := make(chan struct{})
	printed := make(chan int, 1)
	go func() {
		n := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			k, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Errorf("child: %s", lines.Text())
				break
			}
			if n == 0 {
				close(first)
			}
			n = k
		}
		printed <- n
	}()
	select {
	case <-first:
	case <-time.After(30 * time.Second):
		t.Error("the child acknowledged nothing in 30 s")
	}
	time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	n := <-printed
	require.Error(t, cmd.Wait(), "killed")
	return n, cmd.Process.Pid
}
