package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	onlyNO2 = "kit_id,date,lat,lon,no2\n"
	allDirt = "kit_id,date,lat,lon,pm10,pm25,no2,temp,rh\n"
)

// TestReplayCountsEveryKindOfDirt replays small files, each with one kind of
// dirt, and looks for the same count in both columns.
func TestReplayCountsEveryKindOfDirt(t *testing.T) {
	data := t.TempDir()
	s := startServer(t, "--data", data, "--mqtt-listen", "127.0.0.1:0")
	far := time.Now().AddDate(1, 0, 0).UTC().Format(replayLayout)
	for name, c := range map[string]struct {
		csv string
		// want are counts, the same for file and platform; nil for no dirt.
		want map[string]int
	}{
		"no dirt at all": {
			onlyNO2 + hoursOf("ID", "52.44,4.82,%d", 3),
			nil,
		},
		"a row twice, NO2 alone": {
			onlyNO2 + "ID,2025-03-01 00:00:00,52.44,4.82,11\nID,2025-03-01 00:00:00,52.44,4.82,11.0\n",
			map[string]int{"hours of NO2 with the same value again": 1},
		},
		"a row three times": {
			onlyNO2 + strings.Repeat("ID,2025-03-01 00:00:00,52.44,4.82,11\n", 3),
			map[string]int{"hours of NO2 with the same value again": 1},
		},
		"a kit at 0,0": {
			onlyNO2 + hoursOf("ID", "0,0,%d", 20),
			map[string]int{"hours of NO2 with a kit without a place": 20, "kits without a place": 1, "kits without a place, at lat 0": 1},
		},
		"a kit at lat 0, with a longitude": {
			onlyNO2 + hoursOf("ID", "0,4.82,%d", 4),
			map[string]int{"hours of NO2 with a kit without a place": 4, "kits without a place, at lat 0": 1},
		},
		"a kit without coordinates": {
			onlyNO2 + hoursOf("ID", "NA,NA,%d", 4),
			map[string]int{"hours of NO2 with a kit without a place": 4, "kits without a place": 1},
		},
		"a kit with one row at lat 0": {
			onlyNO2 + hoursOf("ID", "52.44,4.82,%d", 3) + "ID,2025-03-02 00:00:00,0,0,12\n",
			nil,
		},
		"a kit that is placed late": {
			onlyNO2 + "ID,2025-03-02 00:00:00,0,0,12\n" + hoursOf("ID", "52.44,4.82,%d", 3),
			nil,
		},
		"another value for the same moment": {
			onlyNO2 + "ID,2025-03-01 00:00:00,52.44,4.82,11\nID,2025-03-01 00:00:00,52.44,4.82,12\nID,2025-03-01 00:00:00,52.44,4.82,12\n" +
				"ID,2025-03-01 01:00:00,52.44,4.82,11\n",
			map[string]int{
				"hours of NO2 with two values for one moment": 1, "values against an earlier one of the same moment": 2,
				"different values against an earlier one of the same moment": 1,
			},
		},
		"a conflict of one property, a repetition of the other": {
			"kit_id,date,lat,lon,no2,pm10\nID,2025-03-01 00:00:00,52.44,4.82,11,20\nID,2025-03-01 00:00:00,52.44,4.82,12,20\n",
			map[string]int{"hours of NO2 with two values for one moment": 1, "hours of PM10 with the same value again": 1},
		},
		"two rows that complete each other": {
			"kit_id,date,lat,lon,no2,pm10\nID,2025-03-01 00:00:00,52.44,4.82,11,NA\nID,2025-03-01 00:00:00,52.44,4.82,,20\n",
			nil,
		},
		"a code for no value in every column": {
			allDirt + "ID,2025-03-01 00:00:00,52.44,4.82,-999,12,-999,-999,-1\nID,2025-03-01 01:00:00,52.44,4.82,-1,12,11,-1,50\n",
			map[string]int{
				"hours of PM10 with a code for no value (-999)": 2, "hours of NO2 with a code for no value (-999)": 1,
				"hours of T with a code for no value (-999)": 1, "hours of RH with a value out of range": 1,
			},
		},
		"PM2.5 above PM10, once with a value out of range": {
			allDirt + "ID,2025-03-01 00:00:00,52.44,4.82,10,12,11,NA,NA\nID,2025-03-01 01:00:00,52.44,4.82,10,2000,11,NA,NA\n",
			map[string]int{
				"hours of PM10 with PM2.5 above PM10": 1, "hours of PM2.5 with PM2.5 above PM10": 1, "hours of PM2.5 with a value out of range": 1,
			},
		},
		"rows without a date or without a value": {
			onlyNO2 + "ID,NA,52.44,4.82,11\nID,NA,52.44,4.82,11\nID,,52.44,4.82,12\nID,2025-03-01 00:00:00,52.44,4.82,NA\nID,2025-03-01 01:00:00,52.44,4.82,0\n",
			map[string]int{"rows without a date": 3, "different rows without a date": 2, "rows without any value": 1},
		},
		"nothing but rows without a date": {
			onlyNO2 + "ID,NA,52.44,4.82,11\nID,NA,52.44,4.82,12\n",
			map[string]int{"rows without a date": 2, "different rows without a date": 2},
		},
		"a constant run": {
			onlyNO2 + hoursOf("ID", "52.44,4.82,7", 24) + "ID,2025-03-03 00:00:00,52.44,4.82,8\n",
			map[string]int{"hours of NO2 with a constant run": 24},
		},
		"a run that is too short": {
			onlyNO2 + hoursOf("ID", "52.44,4.82,7", 23),
			nil,
		},
		"several rows in one hour": {
			onlyNO2 + "ID,2025-03-01 00:00:00,52.44,4.82,10\nID,2025-03-01 00:20:00,52.44,4.82,11\nID,2025-03-01 00:40:00,52.44,4.82,10.5\nID,2025-03-01 00:40:00,52.44,4.82,10.5\n",
			map[string]int{"hours of NO2 with the same value again": 1},
		},
		"a row of next year": {
			onlyNO2 + "ID,2025-03-01 00:00:00,52.44,4.82,10\nID," + far + ",52.44,4.82,11\n",
			map[string]int{"rows of the far future": 1},
		},
		"a kit in two spellings": {
			onlyNO2 + "ID,2025-03-01 00:00:00,52.44,4.82,10\nid,2025-03-01 00:00:00,52.44,4.82,10\n",
			map[string]int{"hours of NO2 with the same value again": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			id := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(name), "-")
			out, err := replayText(t, s, data, strings.NewReplacer("ID", strings.ToUpper(id), "id,2025", id+",2025").Replace(c.csv))
			require.NoError(t, err, out)
			for line, n := range c.want {
				assert.Regexp(t, fmt.Sprintf(`(?m)^%s\s+%d\s+%d\s+-\s`, regexp.QuoteMeta(line), n, n), out)
			}
			if c.want == nil {
				assert.NotRegexp(t, `(?m)\sflag [a-z-]+$`, out, "no hour carries one")
			}
			assert.NotContains(t, out, "sent again after an interruption")
		})
	}
}

// hoursOf gives rows of successive hours; %d in the columns after the date is
// another number in each.
func hoursOf(id, columns string, n int) string {
	var b strings.Builder
	start := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	for h := range n {
		_, _ = fmt.Fprintf(&b, "%s,%s,%s\n", id, start.Add(time.Duration(h)*time.Hour).Format(replayLayout), strings.ReplaceAll(columns, "%d", strconv.Itoa(10+h%7)))
	}
	return b.String()
}

// replayText replays the text of a file.
func replayText(t *testing.T, s *running, data, csv string, more ...string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kits.csv")
	require.NoError(t, os.WriteFile(file, []byte(csv), 0o600))
	return runCommand(t, append([]string{"replay", "--kits", file, "--data", data, "--mqtt", s.MQTT}, more...)...)
}

// TestReplayNoticesALoss makes the platform miss rows, or get them more often
// than the file has them, in ways that only the comparison can find.
func TestReplayNoticesALoss(t *testing.T) {
	data := t.TempDir()
	s := startServer(t, "--data", data, "--mqtt-listen", "127.0.0.1:0")
	for name, c := range map[string]struct {
		csv, state, want string
	}{
		// The state claims that the first row was acknowledged.
		"a row": {
			onlyNO2 + hoursOf("loss-a", "52.44,4.82,%d", 5), `{"acked":{"loss-a":1},"sent":{"loss-a":1}}`,
			"hours of NO2 that take part in means (first at loss-a: 5 in the file, 4 on the platform)",
		},
		"a row, and others may have been sent again": {
			onlyNO2 + hoursOf("loss-b", "52.44,4.82,%d", 5), `{"acked":{"loss-b":1},"sent":{"loss-b":5}}`,
			"hours of NO2 that take part in means (first at loss-b: 5 in the file, 4 on the platform)",
		},
		"a row without a date": {
			onlyNO2 + "loss-c,NA,52.44,4.82,1\nloss-c,NA,52.44,4.82,2\nloss-c,NA,52.44,4.82,2\n" + hoursOf("loss-c", "52.44,4.82,%d", 2),
			`{"acked":{"loss-c":1},"sent":{"loss-c":5}}`,
			"different rows without a date (first at loss-c: 2 in the file, 1 on the platform)",
		},
		"the conflict": {
			onlyNO2 + "loss-d,2025-03-02 00:00:00,52.44,4.82,1\nloss-d,2025-03-02 00:00:00,52.44,4.82,2\n" + hoursOf("loss-d", "52.44,4.82,%d", 2),
			`{"acked":{"loss-d":1},"sent":{"loss-d":4}}`,
			"hours of NO2 with two values for one moment (first at loss-d: 1 in the file, 0 on the platform)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			state := filepath.Join(t.TempDir(), "state.json")
			require.NoError(t, os.WriteFile(state, []byte(c.state), 0o600))
			out, err := replayText(t, s, data, c.csv, "--state", state)
			require.Error(t, err, out)
			assert.Contains(t, out, c.want)
			assert.Contains(t, out, "Try:   ")
		})
	}

	t.Run("everything twice without an interruption", func(t *testing.T) {
		csv := onlyNO2 + hoursOf("twice", "52.44,4.82,%d", 5)
		out, err := replayText(t, s, data, csv, "--state", filepath.Join(t.TempDir(), "first.json"))
		require.NoError(t, err, out)
		out, err = replayText(t, s, data, csv, "--state", filepath.Join(t.TempDir(), "second.json"))
		require.Error(t, err, out)
		assert.Contains(t, out, "hours of NO2 with the same value again (first at twice: 0 in the file, 5 on the platform)")
	})
}

func TestReplayRefusesAFileItCannotUnderstand(t *testing.T) {
	for name, csv := range map[string]string{
		"two columns of one property": "kit_id,date,no2,NO2\nx,2025-03-01 00:00:00,1,2\n",
		"no rows":                     onlyNO2,
		"a date of another form":      onlyNO2 + "x,01-03-2025,52.44,4.82,1\n",
		"a name that is no id":        onlyNO2 + "één,2025-03-01 00:00:00,52.44,4.82,1\n",
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			out, err := runCommand(t, "station", "add", "--id", "a", "--data", data)
			require.NoError(t, err, out)
			file := filepath.Join(t.TempDir(), "kits.csv")
			require.NoError(t, os.WriteFile(file, []byte(csv), 0o600))
			out, err = runCommand(t, "replay", "--kits", file, "--data", data, "--mqtt", "tcp://127.0.0.1:1")
			require.Error(t, err)
			assert.Contains(t, out, "Try:   ")
			assert.NotContains(t, out, "broker answers")
		})
	}
}
