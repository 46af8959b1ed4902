package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/porttest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// TestKillDuringReplay kills the server with SIGKILL at random moments of a
// replay. After each restart every row that was acknowledged before the kill
// must be there; at the end, after resuming, all rows are there, once.
func TestKillDuringReplay(t *testing.T) {
	const kits, hours, rounds = 12, 700, 4
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	file := filepath.Join(dir, "kits.csv")
	require.NoError(t, os.WriteFile(file, killFile(kits, hours), 0o600))
	port := porttest.Addr(t)
	serve := []string{"serve", "--data", data, "--http", "127.0.0.1:0", "--mqtt-listen", port}
	state := filepath.Join(dir, "state.json")
	replay := []string{"replay", "--kits", file, "--data", data, "--mqtt", "tcp://" + port, "--state", state}

	for round := range rounds {
		c := startChild(t, serve...)
		ended := make(chan error, 1)
		go func() {
			// All rows may be acknowledged by then; nobody computes hours any more.
			_, err := runCommand(t, append(replay, "--settle", "2s")...)
			ended <- err
		}()
		time.Sleep(time.Duration(300+rand.IntN(900)) * time.Millisecond)
		c.kill()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Fatal("the replay did not notice that the broker was gone")
		}
		acked := readAcked(t, state)
		c = startChild(t, serve...)
		missing := missingRows(t, c, acked)
		t.Logf("round %d: acknowledged %d rows, missing %d", round+1, total(acked), missing)
		require.Zero(t, missing, "acknowledged rows are missing after kill -9")
		c.kill()
	}
	startChild(t, serve...)
	out, err := runCommand(t, replay...)
	require.NoError(t, err, out)
	reg, err := register.Open(t.Context(), "sqlite:"+filepath.Join(data, "register.db"), register.Options{Now: time.Now})
	require.NoError(t, err)
	defer func() { _ = reg.Close() }()
	for k := range kits {
		n, sum := 0, int64(0)
		err := reg.EachBlock(t.Context(), killKit(k), reading.NO2, 0, reading.MonthOf(reading.HourOf(time.Now())), func(b reading.Block) error {
			for i, v := range b.Values {
				if v != reading.Missing && !b.Flags[i].Excluded() {
					n++
					sum += int64(v)
				}
			}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, hours, n, "hours of kit %d", k)
		want := int64(0)
		for h := range hours {
			want += int64(killValue(k, h)*10) * reading.HourScale / 10
		}
		require.Equal(t, want, sum, "sum of kit %d", k)
	}
}

func killKit(k int) reading.StationID { return reading.StationID(fmt.Sprintf("kill_%d", k)) }

func killValue(k, h int) float64 { return float64(10+k) + float64(h%37)/10 }

func killFile(kits, hours int) []byte {
	var b bytes.Buffer
	b.WriteString(`"kit_id","date","lat","lon","no2"` + "\n")
	start := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	for h := range hours {
		for k := range kits {
			_, _ = fmt.Fprintf(&b, "%q,%s,52.44,4.82,%.1f\n", killKit(k), start.Add(time.Duration(h)*time.Hour).Format(replayLayout), killValue(k, h))
		}
	}
	return b.Bytes()
}

func readAcked(t *testing.T, path string) map[reading.StationID]int {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	var s replayState
	require.NoError(t, json.Unmarshal(b, &s))
	return s.Acked
}

func total(acked map[reading.StationID]int) (n int) {
	for _, v := range acked {
		n += v
	}
	return n
}

// missingRows asks the running server for the raw readings of every kit and
// counts the acknowledged rows that are not there.
func missingRows(t *testing.T, c *child, acked map[reading.StationID]int) (missing int) {
	t.Helper()
	for id, n := range acked {
		if n == 0 {
			continue
		}
		from := time.Date(2025, 2, 28, 0, 0, 0, 0, time.UTC)
		q := url.Values{"from": {from.Format(time.RFC3339)}, "to": {from.AddDate(0, 0, 31).Format(time.RFC3339)}}
		status, _, body := get(t, "http://"+c.http+"/v1/stations/"+string(id)+"/readings?"+q.Encode(), "application/json")
		require.Equal(t, 200, status, body)
		missing += max(0, n-strings.Count(body, `"at":`))
	}
	return missing
}
