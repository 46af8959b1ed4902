package analyse

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What spreadsheets and other countries write.
func TestTimesOfOtherHabits(t *testing.T) {
	for s, want := range map[string]string{
		"28-Mar-2021 14:00":           "2021-03-28T14:00:00Z",
		"28-mrt-2021 2.30":            "2021-03-28T02:30:00Z",
		"28/OCT/2021 02.30.15":        "2021-10-28T02:30:15Z",
		"1-mei-2021":                  "2021-05-01T00:00:00Z",
		"28-3-2021 12:30 AM":          "2021-03-28T00:30:00Z",
		"28-3-2021 12:30:10 pm":       "2021-03-28T12:30:10Z",
		"28-3-2021 1 p.m.":            "2021-03-28T13:00:00Z",
		"2021-03-28 02:00 CET":        "2021-03-28T01:00:00Z",
		"2021-03-28 03:00 CEST":       "2021-03-28T01:00:00Z",
		"2021-03-28 02:00 UTC+1":      "2021-03-28T01:00:00Z",
		"2021-03-28 02:00 +01:00":     "2021-03-28T01:00:00Z",
		"20210328 24":                 "2021-03-29T00:00:00Z",
		"28-3-2021 11:00 PM GMT-0130": "2021-03-29T00:30:00Z",
	} {
		w, err := clock{}.parse(s)
		require.NoError(t, err, s)
		require.Equal(t, want, w.at.Format(time.RFC3339), s)
	}
	w, err := clock{monthFirst: true}.parse("28-Mar-2021 14:00")
	require.NoError(t, err)
	require.Equal(t, time.March, w.at.Month())
	for _, s := range []string{"28-3-2021 18.5", "28-3-2021 13:00 PM", "28-3-2021 0:30 AM", "28-3-2021 AM", "28-xyz-2021 1:00", "2021-03-28 02:00 EST", "2021-03-28 2.30.1"} {
		_, err := clock{}.parse(s)
		require.Error(t, err, s)
	}
}

// Date and time of day in two columns, as the network of the United Kingdom and
// the KNMI give them out, or year, month, day and hour in four.
func TestTheTimeInTwoColumns(t *testing.T) {
	y := hoursOf(t, "YYYYMMDD,HH,v,Date,Time\n20210101,1,1,01-01-2021,01.00.00\n20210101,24,2,01-01-2021,24.00.00\n20210102,,9,,1.00.00\n",
		"-time", "YYYYMMDD", "-time", "HH", "-zone", "UTC", "-stamp", "end", "-day-basis", "utc")
	require.Equal(t, []Number{1.5, 2, 2}, []Number{y[0].Mean, y[0].Max, Number(y[0].ValidHours)})
	require.Contains(t, strings.Join(y[0].Notes, "\n"), "1 rows have no time")
	y = hoursOf(t, "year,month,day,hour,min,v\n2021,1,1,0,0,1\n2021,1,1,23,30,2\n2021,12,31,23,0,4\n", "-time", "year", "-time", "month", "-time", "day", "-time", "hour", "-zone", "UTC", "-day-basis", "utc")
	require.Equal(t, []Number{4, 3}, []Number{y[0].Max, Number(y[0].ValidHours)})
	y = hoursOf(t, "year,month,day,hour,min,v\n2021,1,1,0,0,1\n2021,1,1,0,30,2\n", "-time", "year", "-time", "month", "-time", "day", "-time", "hour", "-time", "min", "-zone", "UTC")
	require.Equal(t, []Number{1.5, 1}, []Number{y[0].Mean, Number(y[0].ValidHours)})
	wrong(t, "time,v\n2021-01-01T00:00Z,5\n", "-time", "time")
}

func TestTimesInEverySpelling(t *testing.T) {
	want := time.Date(2021, 3, 28, 1, 0, 0, 0, time.UTC)
	c := clock{zone: time.UTC}
	for _, s := range []string{
		"2021-03-28T01:00:00Z", "2021-03-28T03:00:00+02:00", "2021-03-28 03:00:00+02:00", "2021-03-28 02:00 +0100", "2021-03-28 01:00",
		"2021-03-28 01:00:00.000", "2021/03/28 1:00", "28-03-2021 01:00", "28/3/2021 1:00", "28.03.2021 01:00:00", "20210328 01:00", "2021-03-28T01",
		"1616893200", "1616893200000", "1616893200.0", "2021-03-28 01:00 UTC", "2021-03-27 20:30:00-04:30",
	} {
		w, err := c.parse(s)
		require.NoError(t, err, s)
		require.True(t, want.Equal(w.at), "%s: %s", s, w.at)
	}
	w, err := c.parse("2021-03-28 24:00")
	require.NoError(t, err)
	require.True(t, time.Date(2021, 3, 29, 0, 0, 0, 0, time.UTC).Equal(w.at))
	w, err = clock{monthFirst: true}.parse("3/4/2021 1:00")
	require.NoError(t, err)
	require.Equal(t, time.March, w.at.Month())
	for _, s := range []string{"", "x", "2021-13-01", "2021-02-29 00:00", "28-03-21 01:00", "2021-03-28 25:00", "2021-03-28 24:01", "2021-03-28 1:60", "03:00", "2021-03-28 01:00+99:00", "12345", "2021032801", "99999999999999"} {
		_, err := c.parse(s)
		require.Error(t, err, s)
	}
	_, err = c.parse("3/28/2021 01:00")
	require.ErrorContains(t, err, "month come first")
}

func TestZonesBySpelling(t *testing.T) {
	at := time.Date(2021, 7, 1, 0, 0, 0, 0, time.UTC)
	for name, hours := range map[string]int{"UTC": 0, "utc": 0, "UTC+1": 1, "gmt-2": -2, "+01:00": 1, "Etc/GMT-1": 1, "Europe/Amsterdam": 2, "GMT": 0} {
		zone, err := parseZone(name)
		require.NoError(t, err, name)
		_, offset := at.In(zone).Zone()
		require.Equal(t, hours*3600, offset, name)
	}
	for _, name := range []string{"", "Local", "Amsterdam", "UTC+25", "+1:2"} {
		_, err := parseZone(name)
		require.Error(t, err, name)
	}
}
