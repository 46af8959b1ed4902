package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/porttest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// TestReplayAgreesAfterInterruptions interrupts replays of a file with every
// kind of dirt in three ways, twice each, and goes on. The platform then holds
// the same means as after a replay in one go, and the comparison explains what
// came twice.
func TestReplayAgreesAfterInterruptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kits.csv")
	require.NoError(t, os.WriteFile(file, dirtyFile(6, 160), 0o600))
	const pace = "40" // hours of data per second: four seconds for the whole file

	oneGo := replayServer(t)
	out, err := runCommand(t, oneGo.replay(file)...)
	require.NoError(t, err, out)
	require.NotContains(t, out, "sent again after an interruption")
	for _, dirt := range []string{
		"rows without a date", "rows without any value", "kits without a place, at lat 0", "rows at lat 0 of kits with a place",
		"hours of NO2 with a code for no value", "hours of PM10 with a code for no value", "hours of NO2 with a value out of range",
		"hours of PM10 with two values for one moment", "hours of PM10 with a constant run", "hours of PM2.5 with PM2.5 above PM10",
		"hours of NO2 with the same value again",
	} {
		require.Contains(t, out, "\n"+dirt, "the file has every kind of dirt")
	}
	want := oneGo.means(t, file)
	require.Len(t, want, 3)

	for name, interrupt := range map[string]func(t *testing.T, s *replayTarget, args []string){
		"kill -9 of the server": func(t *testing.T, s *replayTarget, args []string) {
			ended := make(chan error, 1)
			go func() {
				_, err := runCommand(t, args...)
				ended <- err
			}()
			s.awaitProgress(t)
			s.child.kill()
			require.Error(t, <-ended, "the broker is gone")
			s.child = startChild(t, s.serve...)
		},
		"kill -9 of the replay": func(t *testing.T, s *replayTarget, args []string) {
			c := newChild(t, args...)
			require.NoError(t, c.cmd.Start())
			t.Cleanup(c.kill)
			s.awaitProgress(t)
			c.kill()
			require.False(t, c.cmd.ProcessState.Exited(), "the replay ended by itself: %s", c.log)
		},
		"a cancelled replay": func(t *testing.T, s *replayTarget, args []string) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- run(ctx, args, func(string) string { return "" }, &syncBuffer{}, &syncBuffer{}) }()
			s.awaitProgress(t)
			cancel()
			require.ErrorIs(t, <-ended, context.Canceled)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := replayServer(t)
			for range 2 {
				interrupt(t, s, append(s.replay(file), "--speed", pace))
			}
			out, err := runCommand(t, s.replay(file)...)
			require.NoError(t, err, out)
			t.Log(regexp.MustCompile(`(?m)^.*sent again.*$`).FindAllString(out, -1))
			if name != "a cancelled replay" { // which may have had nothing under way
				assert.Contains(t, out, "sent again after an interruption")
			}
			assert.Equal(t, want, s.means(t, file))
			again, err := runCommand(t, s.replay(file)...)
			require.NoError(t, err, "nothing is left to send, and the explanation stays: %s", again)
		})
	}
}

// replayTarget is a server in a process of its own, with the state of a replay.
type replayTarget struct {
	child       *child
	serve       []string
	data, state string
	port        string
	seen        int // acknowledged rows when progress was last seen
}

func replayServer(t *testing.T) *replayTarget {
	t.Helper()
	dir := t.TempDir()
	s := &replayTarget{data: filepath.Join(dir, "data"), state: filepath.Join(dir, "state.json"), port: porttest.Addr(t)}
	s.serve = []string{"serve", "--data", s.data, "--http", "127.0.0.1:0", "--mqtt-listen", s.port}
	s.child = startChild(t, s.serve...)
	return s
}

func (s *replayTarget) replay(file string) []string {
	return []string{"replay", "--kits", file, "--data", s.data, "--mqtt", "tcp://" + s.port, "--state", s.state}
}

// awaitProgress waits until more rows are known to be acknowledged than at the
// last call, and a random while longer.
func (s *replayTarget) awaitProgress(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return total(readAcked(t, s.state)) > s.seen }, time.Minute, 10*time.Millisecond)
	s.seen = total(readAcked(t, s.state))
	time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
}

// means sums up the hours that take part in means, from the blocks themselves.
func (s *replayTarget) means(t *testing.T, file string) map[reading.Property]tally {
	t.Helper()
	reg, err := register.Open(t.Context(), "sqlite:"+filepath.Join(s.data, "register.db"), register.Options{Now: time.Now})
	require.NoError(t, err)
	defer func() { _ = reg.Close() }()
	kits, _, err := readReplay(file, reading.KindSensor)
	require.NoError(t, err)
	got := map[reading.Property]tally{}
	for _, k := range kits {
		for _, info := range reading.Properties() {
			err := reg.EachBlock(t.Context(), k.station.ID, info.Property, 0, 800, func(b reading.Block) error {
				for i, v := range b.Values {
					if b.Valid(i) {
						x := got[info.Property]
						got[info.Property] = tally{n: x.n + 1, sum: x.sum + int64(v)}
					}
				}
				return nil
			})
			require.NoError(t, err)
		}
	}
	return got
}

// dirtyFile has every kind of dirt, spread over all kits and hours.
func dirtyFile(kits, hours int) []byte {
	var b bytes.Buffer
	b.WriteString("kit_id,date,lat,lon,pm10,pm25,no2\n")
	start := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	for h := range hours {
		date := start.Add(time.Duration(h) * time.Hour).Format(replayLayout)
		for k := range kits {
			place := "52.44,4.82"
			switch {
			case k == 1:
				place = "0,0"
			case k == 2:
				place = "NA,NA"
			case h%50 == 7:
				place = "0,0" // no fix for a moment
			}
			row := func(date, pm10, pm25, no2 string) {
				_, _ = fmt.Fprintf(&b, "dirty_%d,%s,%s,%s,%s,%s\n", k, date, place, pm10, pm25, no2)
			}
			pm10, pm25, no2 := fmt.Sprintf("%d.5", 20+(h*7+k)%30), fmt.Sprintf("%d.25", 5+(h*3+k)%14), strconv.Itoa(10+(h*11+k)%40)
			switch n := (h + 5*k) % 40; {
			case k == 3 && h >= 100 && h < 140:
				row(date, "33.3", pm25, no2) // stuck
			case n == 3:
				row(date, pm10, pm25, no2)
				row(date, pm10, pm25, no2)
			case n == 6:
				row("NA", pm10, pm25, no2)
				row("NA", "1", pm25, no2)
				row("NA", "1", pm25, no2)
			case n == 9:
				row(date, "-999", pm25, "-999")
			case n == 12:
				row(date, pm10, pm25, "2000")
			case n == 15:
				row(date, pm10, "60.1", no2)
			case n == 18:
				row(date, pm10, pm25, no2)
				row(date, "99", pm25, no2)
			case n == 21:
				row(date, "NA", "", "NA")
			default:
				row(date, pm10, pm25, no2)
			}
		}
	}
	return b.Bytes()
}

// TestReplayReadsAStateWithoutABound goes on from a state of an earlier version,
// which does not tell how far rows were sent.
func TestReplayReadsAStateWithoutABound(t *testing.T) {
	data := t.TempDir()
	s := startServer(t, "--data", data, "--mqtt-listen", "127.0.0.1:0")
	csv := onlyNO2 + hoursOf("old", "52.44,4.82,%d", 30)
	state := filepath.Join(t.TempDir(), "state.json")
	out, err := replayText(t, s, data, csv, "--state", state)
	require.NoError(t, err, out)
	// In this order: a state that is written by hand after rows came twice would
	// no longer explain them.
	for _, c := range []struct {
		acked int
		again string
	}{{30, ""}, {20, "10 rows were, or may have been, sent again"}} {
		require.NoError(t, os.WriteFile(state, []byte(`{"acked":{"old":`+strconv.Itoa(c.acked)+`}}`), 0o600))
		out, err = replayText(t, s, data, csv, "--state", state)
		require.NoError(t, err, out)
		assert.Contains(t, out, c.again)
	}
}

// TestReplayStateIsAheadOfWhatIsSent looks at the file between any two
// publications, as a kill would leave it.
func TestReplayStateIsAheadOfWhatIsSent(t *testing.T) {
	c := replayConfig{state: filepath.Join(t.TempDir(), "state.json")}
	kits := []*replayKit{{station: reading.Station{ID: "k"}, rows: make([]replayRow, 200)}}
	open := func() *replayState {
		s, err := openReplayState(c, kits)
		require.NoError(t, err)
		return s
	}
	onDisk := func() *replayState {
		b, err := os.ReadFile(c.state)
		require.NoError(t, err)
		s := &replayState{}
		require.NoError(t, json.Unmarshal(b, s))
		return s
	}
	s := open()
	from, err := s.resume("k")
	require.NoError(t, err)
	require.Zero(t, from)
	for n := 1; n <= 100; n++ {
		require.NoError(t, s.reserve("k", n, 200))
		require.GreaterOrEqual(t, onDisk().Sent["k"], n)
		require.Less(t, onDisk().Sent["k"], n+sentStep, "no more is in doubt than a step")
		s.ack("k", n)
	}
	// Killed here: the file knows of no acknowledgement since the last write.
	acked, sent := onDisk().Acked["k"], onDisk().Sent["k"]
	require.Less(t, acked, 100)
	s = open()
	from, err = s.resume("k")
	require.NoError(t, err)
	require.Equal(t, acked, from)
	require.Equal(t, []rowSpan{{acked, sent}}, onDisk().Resent["k"], "on disk before the first row is sent again")

	// An end in order takes back what was reserved and not sent.
	require.NoError(t, s.reserve("k", from+1, 200))
	s.ack("k", from+1)
	require.NoError(t, s.settle())
	require.Equal(t, []rowSpan{{from, from + 1}}, onDisk().Resent["k"])
	require.Equal(t, sent, onDisk().Sent["k"], "the earlier run may have sent up to here")
	s = open()
	from, err = s.resume("k")
	require.NoError(t, err)
	for n := from + 1; n <= 200; n++ {
		require.NoError(t, s.reserve("k", n, 200))
		s.ack("k", n)
	}
	require.NoError(t, s.settle())
	require.Equal(t, []rowSpan{{acked, acked + 1}, {acked + 1, sent}}, onDisk().Resent["k"])
	require.Equal(t, 200, onDisk().Sent["k"])

	require.NoError(t, os.WriteFile(c.state, []byte("{"), 0o600))
	_, err = openReplayState(c, kits)
	require.ErrorContains(t, err, "state of the replay")
}
