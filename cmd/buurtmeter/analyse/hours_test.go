package analyse

import (
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// ask runs an analysis on files and returns both streams.
func ask(t *testing.T, name string, files []string, flags ...string) (out, errs string, err error) {
	t.Helper()
	for _, c := range Commands() {
		if c.Name != name {
			continue
		}
		fs := flag.NewFlagSet(name, flag.ContinueOnError)
		run := c.New(fs)
		require.NoError(t, fs.Parse(flags))
		var o, e strings.Builder
		err = run(t.Context(), &Terminal{Out: &o, Err: &e, Now: func() time.Time { return time.Time{} }}, files)
		return o.String(), e.String(), err
	}
	t.Fatalf("no analysis %q", name)
	return "", "", nil
}

func written(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.csv")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// hoursOf runs 'analyse hours' on text and returns the JSON answer.
func hoursOf(t *testing.T, content string, flags ...string) []yearReport {
	t.Helper()
	if !slices.Contains(flags, "-time") {
		flags = append([]string{"-time", "time"}, flags...)
	}
	return hoursOfFile(t, written(t, content), append([]string{"-value", "v", "-property", "no2"}, flags...)...)
}

func hoursOfFile(t *testing.T, path string, flags ...string) []yearReport {
	t.Helper()
	out, _, err := ask(t, "hours", []string{path}, append(flags, "-json")...)
	require.NoError(t, err)
	require.NotContains(t, out, "NaN")
	var reports []yearReport
	require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(out, "null", "-12345")), &reports))
	return reports
}

// none is how hoursOf shows null.
const none = Number(-12345)

func wrong(t *testing.T, content string, flags ...string) error {
	t.Helper()
	_, _, err := ask(t, "hours", []string{written(t, content)}, append([]string{"-time", "time", "-value", "v", "-property", "no2"}, flags...)...)
	require.Error(t, err)
	require.NotEmpty(t, try(t, err))
	return err
}

func shared(t *testing.T, name string) string {
	t.Helper()
	return conformancetest.Path(t, "data", filepath.FromSlash(name))
}

// TestHoursAreThoseOfOpenair compares with what the peer program made of the
// same file.
func TestHoursAreThoseOfOpenair(t *testing.T) {
	f, err := os.Open(shared(t, "openair-mydata/expected_aqStats_ugm3.csv"))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	recs, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	column := map[string]int{}
	for i, name := range recs[0] {
		column[name] = i
	}
	file, checked := shared(t, "openair-mydata/mydata.csv"), 0
	for _, pollutant := range []string{"no2", "pm10"} {
		for _, threshold := range []string{"0", "75"} {
			unit, capture := "ug/m3", map[string]string{"0": "0", "75": "0.75"}[threshold]
			if pollutant == "no2" {
				unit = "ppb"
			}
			years := map[string]yearReport{}
			for _, y := range hoursOfFile(t, file, "-time", "date", "-value", pollutant, "-property", pollutant, "-unit", unit,
				"-zone", "UTC", "-stamp", "begin", "-day-basis", "utc", "-day-capture", capture) {
				years[strconv.Itoa(y.Year)] = y
			}
			for _, rec := range recs[1:] {
				if rec[0] != pollutant || rec[column["data.thresh"]] != threshold {
					continue
				}
				y, want := years[rec[1]], func(name string) float64 { return number(t, rec[column[name]]) }
				require.InEpsilon(t, want("mean"), float64(y.Mean), 1e-9)
				require.InDelta(t, want("dat.cap")/100, float64(y.Capture), 1e-9)
				require.InEpsilon(t, want("max"), float64(y.Max), 1e-9)
				require.InEpsilon(t, want("max_daily"), float64(y.MaxDay), 1e-9)
				for key, got := range y.Percentiles {
					require.InEpsilon(t, want("percentile."+key), float64(got), 1e-9, key)
				}
				if s := rec[column["hours"]]; s != "" && pollutant == "no2" {
					require.Equal(t, number(t, s), float64(y.HoursAbove["200"]))
				}
				if s := rec[column["days"]]; s != "" && pollutant == "pm10" {
					require.Equal(t, number(t, s), float64(y.DaysAbove["50"]))
				}
				checked++
			}
		}
	}
	require.Equal(t, 16, checked)
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return v
}

// TestDayBasisChangesACount: one street, one year, two answers.
func TestDayBasisChangesACount(t *testing.T) {
	file := shared(t, "rol-antwerp-2021/vmm-no2.csv")
	for basis, want := range map[string]Number{"utc": 17, "utc+1": 17, "civil:Europe/Brussels": 18} {
		out, _, err := ask(t, "hours", []string{file}, "-time", "timestamp", "-value", "42R802 - Borgerhout", "-value", "42R803 - Antwerpen (Park Spoor Noord)",
			"-property", "no2", "-day-basis", basis, "-json")
		require.NoError(t, err)
		var reports []yearReport
		require.NoError(t, json.Unmarshal([]byte(out), &reports))
		found := 0
		for _, y := range reports {
			if y.Year == 2021 && y.Station == "42R802 - Borgerhout" {
				require.Equal(t, want, y.DaysAbove["50"], basis)
				require.Equal(t, basis, y.DayBasis)
				found++
			}
			if y.Year == 2021 && y.Station == "42R803 - Antwerpen (Park Spoor Noord)" {
				found++
			}
		}
		require.Equal(t, 2, found)
	}
}

// hourly makes rows of one hour each from a moment on.
func hourly(layout string, from time.Time, values ...string) string {
	var b strings.Builder
	b.WriteString("time,v\n")
	for i, v := range values {
		fmt.Fprintf(&b, "%s,%s\n", from.Add(time.Duration(i)*time.Hour).Format(layout), v)
	}
	return b.String()
}

func times(n int, v string) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = v
	}
	return s
}

var newYear = time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)

func TestEqualToTheLimitIsNotAboveIt(t *testing.T) {
	// 24 values whose mean is exactly 50, in decimals that no float64 holds.
	values := append(times(23, "50.1"), "47.7")
	y := hoursOf(t, hourly(time.RFC3339, newYear, values...), "-day-basis", "utc")
	require.Len(t, y, 1)
	require.EqualValues(t, 0, y[0].DaysAbove["50"])
	require.EqualValues(t, 1, y[0].DaysAbove["45"])
	require.EqualValues(t, 50, y[0].MaxDay)
	values[23] = "47.7000001"
	y = hoursOf(t, hourly(time.RFC3339, newYear, values...), "-day-basis", "utc")
	require.EqualValues(t, 1, y[0].DaysAbove["50"])
}

func TestRoundingIsAPolicyWithAName(t *testing.T) {
	content := hourly(time.RFC3339, newYear, times(24, "50.5")...)
	for rounding, want := range map[string]Number{"none": 1, "half-even": 0, "half-up": 1} {
		y := hoursOf(t, content, "-day-basis", "utc", "-rounding", rounding, "-limits", "50.5, 50")
		require.EqualValues(t, want, y[0].DaysAbove["50"], rounding)
		require.Equal(t, rounding, y[0].Rounding)
		require.Contains(t, y[0].HoursAbove, "50.5")
		require.EqualValues(t, want*24, y[0].HoursAbove["50"], rounding)
	}
}

// A file of several pollutants, one value a row.
func TestRowsThatAreMeant(t *testing.T) {
	const content = "time,parameter,validity,v\n2021-05-01T00:00Z,no2,1,10\n2021-05-01T00:00Z,pm10,1,90\n2021-05-01T01:00Z,no2,2,20\n2021-05-01T02:00Z,no2,-1,-9\n2021-05-01T02:00Z,o3,1,x\n"
	y := hoursOf(t, content, "-where", "parameter=no2", "-where", "validity=1", "-where", "validity = 2")
	require.Equal(t, []Number{15, 20, 2}, []Number{y[0].Mean, y[0].Max, Number(y[0].ValidHours)})
	_, notes, err := ask(t, "hours", []string{written(t, content)}, "-time", "time", "-value", "v", "-property", "no2", "-where", "parameter=no2")
	require.NoError(t, err)
	require.Contains(t, notes, "file.csv: 3 of 5 rows fit --where")
	err = wrong(t, content, "-where", "parameter=NO2", "-where", "validity=1")
	require.EqualError(t, err, "file.csv: none of 5 rows fits --where")
	require.Equal(t, "other rows have parameter=no2, parameter=pm10, parameter=o3", try(t, err))
	wrong(t, content, "-where", "pollutant=no2")
}

// A list that is given in parts is one list, whatever its order.
func TestLimitsInParts(t *testing.T) {
	for _, flags := range [][]string{{"-limits", "35.5,30"}, {"-limits", "30", "-limits", "35.5"}} {
		y := hoursOf(t, hourly(time.RFC3339, newYear, times(24, "31")...), append(flags, "-day-basis", "utc", "-property", "PM2.5")...)
		require.Equal(t, []Number{24, 0, 1, 0}, []Number{y[0].HoursAbove["30"], y[0].HoursAbove["35.5"], y[0].DaysAbove["30"], y[0].DaysAbove["35.5"]})
		require.Equal(t, reading.PM25, y[0].Property)
	}
}

// The clock is set in March and in October; a whole local year has 8760 hours.
func TestALocalYearIsComplete(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	require.NoError(t, err)
	var up, down strings.Builder
	var rows []string
	for h := time.Date(2021, 1, 1, 0, 0, 0, 0, zone); h.Year() == 2021; h = h.Add(time.Hour) {
		rows = append(rows, h.Format("2006-01-02 15:04")+","+strconv.Itoa(h.UTC().Hour())+"\n")
		h = h.In(zone)
	}
	up.WriteString("time,v\n")
	down.WriteString("time,v\n")
	for i := range rows {
		up.WriteString(rows[i])
		down.WriteString(rows[len(rows)-1-i])
	}
	for _, content := range []string{up.String(), down.String()} {
		y := hoursOf(t, content, "-zone", "Europe/Amsterdam", "-day-basis", "civil:Europe/Amsterdam")
		require.Len(t, y, 1)
		require.EqualValues(t, 1, y[0].Capture)
		require.Equal(t, 365, y[0].ValidDays)
		require.Contains(t, y[0].Notes, "1 local times come twice, when the clock goes back; they were told apart by their order")
		require.InDelta(t, 11.5, float64(y[0].Mean), 0.001, "each hour of UTC stands where it belongs")
	}
	err = wrong(t, "time,v\n2021-03-28 01:00,1\n2021-03-28 02:00,2\n", "-zone", "Europe/Amsterdam")
	require.EqualError(t, err, `file.csv line 3, column "time": the time "2021-03-28 02:00" does not exist in Europe/Amsterdam: the clock goes forward over it`)
	require.Contains(t, try(t, err), "--zone UTC+1")
	err = wrong(t, "time,v\n2021-03-28 01:00,1\n")
	require.ErrorContains(t, err, "names no zone")
	y := hoursOf(t, "time,v\n2021-10-31 02:00,5\n2021-10-31 04:00,5\n", "-zone", "Europe/Amsterdam", "-interval", "1h")
	require.Contains(t, strings.Join(y[0].Notes, "\n"), "stand in the file once")
}

// The end of an hour in UTC and the begin of one in UTC+1 are the same digits.
func TestStampsAtTheEnd(t *testing.T) {
	var end, begin strings.Builder
	end.WriteString("time,v\n")
	begin.WriteString("time,v\n")
	for h := range 24 {
		fmt.Fprintf(&end, "2020-12-31 %02d:00,%d\n", h+1, 10+h)
		fmt.Fprintf(&begin, "2020-12-31 %02d:00,%d\n", h, 10+h)
	}
	a := hoursOf(t, end.String(), "-zone", "UTC", "-stamp", "end", "-day-basis", "utc")
	b := hoursOf(t, begin.String(), "-zone", "UTC", "-day-basis", "utc")
	require.Len(t, a, 1)
	require.Equal(t, 1, a[0].ValidDays)
	require.Equal(t, b[0].Mean, a[0].Mean)
	require.Equal(t, "end", a[0].Stamp)
	// The same digits, read as begins in UTC+1, are the same hours.
	c := hoursOf(t, strings.ReplaceAll(end.String(), "24:00", "24:00"), "-zone", "UTC+1", "-day-basis", "utc")
	require.Equal(t, a[0].Mean, c[0].Mean)
	require.Equal(t, a[0].ValidHours, c[0].ValidHours)
}

func TestNothingIsLostInSilence(t *testing.T) {
	y := hoursOf(t, "time,v,w\n2021-01-01T00:00Z,10,\n2021-01-01T00:00Z,10.0,\n2021-01-01T01:00Z,20,\n2021-01-01T01:00Z,99,\n2021-01-01T02:00Z,NA,\n2021-01-01T02:00Z,-999,\n,5,\nNA,5,\n2021-01-01T00:00Z,11,\n2021-01-01T03:00Z,5000,\n", "-day-basis", "utc")
	require.Len(t, y, 1)
	require.Equal(t, 3, y[0].ValidHours)
	require.InDelta(t, 5030.0/3, float64(y[0].Mean), 1e-9)
	notes := strings.Join(y[0].Notes, "\n")
	for _, want := range []string{
		"1 rows repeat the time and the value of an earlier one; they count once",
		"2 rows have the time of an earlier one and another value; the first counts (first lines: 5, 10)",
		"2 rows have no time; they are left out", "1 values -999 were read as 'no value'", "2 rows have no value",
		"1 hours of the year lie outside -20 to 1000",
	} {
		require.Contains(t, notes, want)
	}
	_, errs, err := ask(t, "hours", []string{written(t, "time,v\n2021-01-01T00:00Z,1\n2021-01-01T00:00Z,2\n")}, "-time", "time", "-value", "v", "-property", "no2")
	require.NoError(t, err)
	require.Contains(t, errs, "Note:  file.csv: v: 1 rows have the time of an earlier one and another value")
}

// Missing is never 0: a year without a value has no mean and no counts.
func TestAYearWithoutValues(t *testing.T) {
	y := hoursOf(t, "time,v\n2021-01-01T05:00Z,\n2021-01-01T06:00Z,NaN\n")
	require.Len(t, y, 1)
	require.Equal(t, []Number{none, none, none, none, none, none}, []Number{y[0].Mean, y[0].Max, y[0].MaxDay, y[0].HoursAbove["200"], y[0].DaysAbove["50"], y[0].Percentiles["98"]})
	require.EqualValues(t, 0, y[0].Capture)
	require.NotEmpty(t, y[0].Verdicts)
	for _, v := range y[0].Verdicts {
		require.Equal(t, norm.CannotTell.String(), v.Outcome)
		require.Equal(t, none, v.Low)
		require.Equal(t, none, v.Probability)
	}
	y = hoursOf(t, "time,v\n2021-01-01T05:00Z,60\n")
	require.EqualValues(t, 0, y[0].HoursAbove["200"])
	require.Equal(t, none, y[0].DaysAbove["50"], "hours, but not one valid day")
}

func TestMinutesBecomeHours(t *testing.T) {
	row := func(h, m int, v string) string { return fmt.Sprintf("2021-01-01T%02d:%02d:00Z,%s\n", h, m, v) }
	var b strings.Builder
	b.WriteString("time,v\n")
	for h := range 4 {
		for m := 0; m < 60; m += 15 {
			if h == 1 && m == 30 || h == 2 && m >= 30 {
				continue // 45 minutes are enough, 30 are not
			}
			b.WriteString(row(h, m, strconv.Itoa(10*h+m/15)))
		}
	}
	y := hoursOf(t, b.String())
	require.Equal(t, 3, y[0].ValidHours)
	require.InDelta(t, (1.5+34.0/3+31.5)/3, float64(y[0].Mean), 1e-4)
	require.Contains(t, y[0].Notes, "hour means of values of 15 minutes each; an hour counts with values for 45 minutes or more")
	require.Contains(t, y[0].Notes, "1 hours of the year have values for less than 45 minutes; they do not count")
	y = hoursOf(t, b.String(), "-interval", "1h")
	require.Equal(t, 4, y[0].ValidHours)

	// Ten seconds, backwards, at the end of their time.
	b.Reset()
	b.WriteString("time,v\n")
	end := time.Date(2021, 5, 1, 2, 0, 0, 0, time.UTC)
	for i := range 720 {
		fmt.Fprintf(&b, "%s,%d\n", end.Add(time.Duration(-10*i)*time.Second).Format(time.RFC3339), 1+i/360)
	}
	y = hoursOf(t, b.String(), "-stamp", "end")
	require.Equal(t, 2, y[0].ValidHours)
	require.InDelta(t, 1.5, float64(y[0].Mean), 1e-9)
	require.EqualValues(t, 2, y[0].Max)

	err := wrong(t, "time,v\n2021-01-01,5\n2021-01-02,5\n2021-01-03,5\n", "-zone", "UTC")
	require.ErrorContains(t, err, "most rows of \"v\" are a day apart")
}

// Every decimal of the file is kept, as far as an int32 goes.
func TestDecimalsOfTheFile(t *testing.T) {
	y := hoursOf(t, "time,v\n2021-01-01T00:00Z,0.12345\n2021-01-01T01:00Z,1\n2021-01-01T02:00Z,-0.5\n")
	require.Equal(t, 0.62345/3, float64(y[0].Mean))
	y = hoursOf(t, "time,v\n2021-01-01T00:00Z,24.241910631741142\n2021-01-01T01:00Z,210000.5\n")
	require.InEpsilon(t, (24.241910631741142+210000.5)/2, float64(y[0].Mean), 1e-9)
	require.Contains(t, strings.Join(y[0].Notes, "\n"), "counts and verdicts go by 4 of them")
	err := wrong(t, "time,v\n2021-01-01T00:00Z,3000000000\n")
	require.ErrorContains(t, err, `line 2, column "v"`)
}

func TestUnitsOfGases(t *testing.T) {
	content := "time,v\n2021-01-01T00:00Z,2.5\n"
	for _, c := range []struct {
		property, unit, conditions string
		want                       float64
	}{
		{"no2", "ppb", "20C", 2.5 * 1.9125},
		{"no2", "ug/m3", "20C", 2.5},
		{"no2", "µg/m³", "20C", 2.5},
		{"no2", "mg/m3", "20C", 2500},
		{"no2", "ppb", "25C", 2.5 * 1.8804},
		{"o3", "ppb", "openair", 2.5 * 1.9957},
		{"co", "mg/m3", "20C", 2.5},
		{"co", "ug/m3", "20C", 0.0025},
		{"co", "ppm", "20C", 2.5 * 1.1644},
		{"no2", "", "20C", 2.5},
	} {
		y := hoursOf(t, content, "-property", c.property, "-unit", c.unit, "-conditions", c.conditions)
		require.InEpsilon(t, c.want, float64(y[0].Mean), 1e-14, "%v", c)
	}
	for _, flags := range [][]string{{"-property", "pm10", "-unit", "ppb"}, {"-unit", "furlong"}, {"-unit", "ppb", "-conditions", "warm"}} {
		wrong(t, content, flags...)
	}
}

func TestStationsOfOneFileInAnyOrder(t *testing.T) {
	content := "s;time;v\nB;2021-01-01 01:00;2,5\nA;2021-01-01 00:00;1,5\nB;2021-01-01 00:00;3,5\nA;2020-12-31 23:00;9\n;2021-01-01 00:00;7\n"
	y := hoursOf(t, content, "-station", "s", "-zone", "UTC", "-day-basis", "utc", "-kind", "sensor")
	require.Len(t, y, 3)
	require.Equal(t, []any{"B", 2021, "A", 2020, "A", 2021}, []any{y[0].Station, y[0].Year, y[1].Station, y[1].Year, y[2].Station, y[2].Year})
	require.EqualValues(t, 3, y[0].Mean)
	require.EqualValues(t, 9, y[1].Mean)
	require.Equal(t, reading.KindSensor, y[0].Kind)
	require.Contains(t, y[0].Notes, "1 rows name no station; they are left out")
}

// The target for ozone is a mean over three years, the last one of which names it.
func TestOzoneOverThreeYears(t *testing.T) {
	var b strings.Builder
	b.WriteString("time,v\n")
	for h := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC); h.Year() < 2022; h = h.Add(time.Hour) {
		v := 60
		if h.Month() == time.July && h.Day() <= 30 && h.Hour() >= 10 && h.Hour() < 20 {
			v = 180 // 30 days a year above 120
		}
		fmt.Fprintf(&b, "%s,%d\n", h.Format(time.RFC3339), v)
	}
	y := hoursOf(t, b.String(), "-property", "o3", "-day-basis", "utc")
	require.Len(t, y, 3)
	for i, want := range []string{"cannot-tell", "cannot-tell", "exceeds"} { // 30 and 60 are not more than 3 times 25
		at := slices.IndexFunc(y[i].Verdicts, func(v verdictReport) bool { return v.Norm == "eu2008-o3-8h" })
		require.GreaterOrEqual(t, at, 0)
		v := y[i].Verdicts[at]
		require.Equal(t, want, v.Outcome, y[i].Year)
		require.EqualValues(t, 30, v.Value)
		require.Equal(t, 3, v.Years)
	}
}

func TestMistakesSayWhatToDo(t *testing.T) {
	content := "time,v\n2021-01-01T00:00Z,5\n"
	for _, flags := range [][]string{
		{"-property", ""},
		{"-property", "lead"},
		{"-time", ""},
		{"-time", "date"},
		{"-value", "v"},
		{"-value", "w"},
		{"-stamp", "middle"},
		{"-zone", "Mars"},
		{"-day-basis", "tuesday"},
		{"-day-basis", "civil:Mars"},
		{"-day-capture", "75"},
		{"-kind", "toy"},
		{"-rounding", "up"},
		{"-limits", "x"},
		{"-limits", "1.00001"},
		{"-interval", "2h"},
		{"-station", "x"},
	} {
		wrong(t, content, flags...)
	}
	err := wrong(t, "time,v\n2021-01-01T00:00Z,5\n2021-01-01T01:00Z,veel\n")
	require.EqualError(t, err, `file.csv line 3, column "v": "veel" is not a number`)
	err = wrong(t, "time,v\n2021-01-01T00:00Z,5\ngisteren,6\n")
	require.EqualError(t, err, `file.csv line 3, column "time": the time cannot be read: "gisteren"`)
	wrong(t, "time,v\n")
	_, _, err = ask(t, "hours", nil)
	require.ErrorContains(t, err, "wants one file")
}

func TestTheTableOfAYear(t *testing.T) {
	out, _, err := ask(t, "hours", []string{written(t, hourly(time.RFC3339, newYear, times(8000, "60")...))}, "-time", "time", "-value", "v", "-property", "no2")
	require.NoError(t, err)
	require.Contains(t, out, "NO2 in µg/m³ (file: µg/m³), instrument: reference, days by utc+1 with at least 75 % of their hours")
	require.Regexp(t, `(?m)^v +2021 +91\.3 % +60\.00`, out)
	require.Regexp(t, `(?m)eu2008-no2-y +year mean at most 40 µg/m³ +60\.0 .*exceeds`, out)
	require.Regexp(t, `(?m)eu2030-no2-y .*would exceed, in force from 2030-01-01`, out)
	require.Regexp(t, `(?m)who2005-no2-calendaryear .* exceeds  `, out)

	// The same in JSON, in a field of its own.
	labels := map[norm.ID]verdictReport{}
	for _, v := range hoursOf(t, hourly(time.RFC3339, newYear, times(8760, "15")...))[0].Verdicts {
		labels[v.Norm] = v
	}
	require.Equal(t, "would comply", labels["eu2030-no2-y"].Label)
	require.Equal(t, []any{false, "2030-01-01", "complies"}, []any{labels["eu2030-no2-y"].InForce, labels["eu2030-no2-y"].From, labels["eu2030-no2-y"].Outcome})
	require.Equal(t, "complies", labels["eu2008-no2-y"].Label)
	require.True(t, labels["eu2008-no2-y"].InForce)
	require.Equal(t, "exceeds", labels["who2021-no2-calendaryear"].Label)
}

// A wrong century costs a page of hours, not all hours until then.
func TestAWrongCenturyCostsAPage(t *testing.T) {
	y := hoursOf(t, "time,v\n1901-01-01T00:00Z,1\n2021-01-01T00:00Z,2\n9999-01-01T00:00Z,3\n", "-interval", "1h")
	require.Len(t, y, 3)
	s := newHourSet("x")
	for _, year := range []int{1901, 2021, 9999} {
		require.NoError(t, s.add(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), Decimal{Unscaled: 1}, 2))
	}
	require.Len(t, s.pages, 3)
}
