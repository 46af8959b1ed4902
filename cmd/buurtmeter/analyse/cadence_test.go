package analyse

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shuffled returns a table whose rows are in an order of chance.
func shuffled(table string) string {
	lines := strings.SplitAfter(table, "\n")
	rows := lines[1 : len(lines)-1]
	rand.New(rand.NewPCG(7, 7)).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return strings.Join(lines, "")
}

// twoStations writes two stations row by row beside each other; every tenth
// value is missing.
func twoStations(from time.Time, rows int, step time.Duration, layout string, zone *time.Location) string {
	var b strings.Builder
	b.WriteString("time,s,v\n")
	for i := range rows {
		at := from.Add(time.Duration(i) * step).In(zone).Format(layout)
		fmt.Fprintf(&b, "%s,A,%d\n", at, i%97)
		if i%10 > 0 {
			fmt.Fprintf(&b, "%s,B,%d.5\n", at, i%89)
		} else {
			b.WriteString(at + ",B,\n")
		}
	}
	return b.String()
}

func TestTheOrderOfRowsDoesNotMatter(t *testing.T) {
	from := time.Date(2020, 12, 20, 0, 0, 0, 0, time.UTC)
	for step, valid := range map[time.Duration]int{10 * time.Second: 10, time.Minute: 50, 5 * time.Minute: 250, 10 * time.Minute: 500, 15 * time.Minute: 500, time.Hour: 500} {
		table := twoStations(from, int(time.Duration(valid)*time.Hour/step), step, time.RFC3339, time.UTC)
		for _, stamp := range []string{"begin", "end"} {
			want := hoursOf(t, table, "-station", "s", "-stamp", stamp)
			got := hoursOf(t, shuffled(table), "-station", "s", "-stamp", stamp)
			slices.SortStableFunc(got, func(a, b yearReport) int { return strings.Compare(a.Station, b.Station) }) // they come in the order of the file
			require.Len(t, got, len(want))
			for i := range want {
				require.Equal(t, want[i], got[i], "%s", step)
			}
			hours := 0
			for _, y := range want {
				if y.Station == "A" {
					hours += y.ValidHours
				}
			}
			if stamp == "begin" {
				require.Equal(t, valid, hours, "%s", step)
			}
		}
	}
	require.ErrorContains(t, wrong(t, shuffled(twoStations(from, 300, 24*time.Hour, time.RFC3339, time.UTC)), "-station", "s"), "are a day apart")
}

// Without an order, nothing tells the two passes of 02:00 to 03:00 apart.
func TestLocalTimesOfRowsWithoutOrder(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	require.NoError(t, err)
	from := time.Date(2021, 10, 1, 0, 0, 0, 0, time.UTC)
	flags := []string{"-station", "s", "-zone", "Europe/Amsterdam"}

	table := twoStations(from, 1000, time.Hour, "2006-01-02 15:04", zone)
	want, got := hoursOf(t, table, flags...), hoursOf(t, shuffled(table), flags...)
	for _, y := range got {
		if y.Station == "A" {
			require.Equal(t, []Number{want[0].Mean, want[0].MaxDay, 1000}, []Number{y.Mean, y.MaxDay, Number(y.ValidHours)})
		}
		require.Contains(t, strings.Join(y.Notes, "\n"), "1 local times come twice, when the clock goes back, and the rows are not in order")
	}

	table = twoStations(from, 4000, 15*time.Minute, "2006-01-02 15:04", zone)
	require.Equal(t, 1000, hoursOf(t, table, flags...)[0].ValidHours)
	got = hoursOf(t, shuffled(table), flags...)
	for _, y := range got {
		if y.Station == "A" {
			require.Equal(t, 998, y.ValidHours)
		}
		require.Contains(t, strings.Join(y.Notes, "\n"), "2 hours are left out: local times come twice there")
	}
}

// A clock that wanders stamps every two and a half minutes as 2 or 3, and a
// station of two values takes the cadence of the file.
func TestCadenceOfWanderingClocksAndScatteredValues(t *testing.T) {
	var b strings.Builder
	b.WriteString("time,s,v\n2021-01-01T00:00Z,few,1\n2021-03-01T00:00Z,few,3\n")
	from := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 24 * 48 {
		if i%6 > 0 { // 20 of 24 are there: 50 minutes
			fmt.Fprintf(&b, "%s,fine,5\n", from.Add(time.Duration(i)*150*time.Second+time.Duration(i%7)*time.Second).Format(time.RFC3339))
		}
	}
	y := hoursOf(t, b.String(), "-station", "s", "-interval", "0")
	require.Equal(t, "few", y[0].Station)
	require.Equal(t, 48, y[1].ValidHours)
	b.Reset()
	b.WriteString(twoStations(from, 100, time.Hour, time.RFC3339, time.UTC))
	b.WriteString("2021-01-01T00:00Z,few,1\n2021-03-01T00:00Z,few,3\n")
	y = hoursOf(t, b.String(), "-station", "s")
	require.Equal(t, 2, y[2].ValidHours)
}

// mixed writes half a year of hours, and then rows of 10 minutes of which the
// hours divisible by 5 lack one of six and those divisible by 7 two. Times are
// those of the begin plus shift hours or ten minutes.
func mixed(ends bool) (table string, hours int, sum int64) {
	var b strings.Builder
	b.WriteString("time,v\n")
	from, shift := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC), time.Duration(0)
	row := func(at time.Time, every time.Duration, v int) {
		if ends {
			shift = every
		}
		fmt.Fprintf(&b, "%s,%d\n", at.Add(shift).Format(time.RFC3339), v)
	}
	for i := range 200 * 24 {
		at := from.Add(time.Duration(i) * time.Hour)
		if i < 100*24 || i >= 150*24 {
			if i%11 != 7 { // some are missing
				row(at, time.Hour, i%50)
				hours, sum = hours+1, sum+int64(i%50)*60
			}
			continue
		}
		rows, total := int64(0), int64(0)
		for j := range 6 {
			if i%5 > 0 && i%7 > 0 || i%7 == 0 && j > 1 || i%7 > 0 && j != 3 {
				row(at.Add(time.Duration(j)*10*time.Minute), 10*time.Minute, i%40+j)
				rows, total = rows+1, total+int64(i%40+j)
			}
		}
		if rows >= 5 {
			hours, sum = hours+1, sum+total*60/rows
		}
	}
	return b.String(), hours, sum
}

// A station that goes from hours to ten minutes and back keeps its hours, and
// its ten minutes need five of six.
func TestTheCadenceChanges(t *testing.T) {
	for _, stamp := range []string{"begin", "end"} {
		table, hours, sum := mixed(stamp == "end")
		for _, text := range []string{table, shuffled(table)} {
			y := hoursOf(t, text, "-stamp", stamp, "-day-basis", "utc")[0]
			require.Equal(t, hours, y.ValidHours, stamp)
			require.InDelta(t, float64(sum)/60/float64(hours), float64(y.Mean), 1e-6, stamp)
			notes := strings.Join(y.Notes, "\n")
			require.Contains(t, notes, "the time between rows changes: an hour, 10 minutes from 2021-04-11 00:0")
			require.Contains(t, notes, "172 hours of the year have values for less than 45 minutes")
			require.NotContains(t, notes, "left out: the time between rows changes")
		}
	}
	// A cadence that is named holds for all rows.
	table, _, _ := mixed(false)
	require.Contains(t, strings.Join(hoursOf(t, table, "-interval", "10m")[0].Notes, "\n"), "have values for less than 45 minutes")
}

// Means of a day before the hours begin are told: they are no hours.
func TestDaysBeforeTheHours(t *testing.T) {
	var days strings.Builder
	days.WriteString("time,v\n")
	for i := range 30 {
		days.WriteString(newYear.AddDate(0, 0, i).Format(time.RFC3339) + ",5\n")
	}
	_, hours, _ := strings.Cut(hourly(time.RFC3339, newYear.AddDate(0, 0, 30), times(500, "6")...), "\n")
	require.Contains(t, strings.Join(hoursOf(t, days.String()+hours)[0].Notes, "\n"), "30 rows come a day after the one before them")
	require.NotContains(t, strings.Join(hoursOf(t, "time,v\n"+hours)[0].Notes, "\n"), "come a day after")
}

// Rows that a sensor of 5 minutes loses are no change of its cadence: an hour
// with one of twelve is no hour.
func TestLostRowsAreNoOtherCadence(t *testing.T) {
	var b strings.Builder
	b.WriteString("time,v\n")
	from, want := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC), 0
	chance := rand.New(rand.NewPCG(1, 2))
	for i := range 1500 {
		lost := []float64{0.05, 0.5, 0.9}[i/500]
		rows := 0
		for j := range 12 {
			if chance.Float64() >= lost {
				fmt.Fprintf(&b, "%s,5\n", from.Add(time.Duration(12*i+j)*5*time.Minute).Format(time.RFC3339))
				rows++
			}
		}
		if rows >= 9 {
			want++
		}
	}
	y := hoursOf(t, b.String(), "-day-basis", "utc")[0]
	require.Equal(t, want, y.ValidHours)
	require.NotContains(t, strings.Join(y.Notes, "\n"), "changes")
}

// 3/4/2021 alone does not tell whether it is in March or in April.
func TestDatesOfEitherOrder(t *testing.T) {
	notes := func(table string, flags ...string) string {
		return strings.Join(hoursOf(t, "time,v\n"+table, append(flags, "-zone", "UTC")...)[0].Notes, "\n")
	}
	require.Contains(t, notes("4/4/2021 1:00,5\n3/4/2021 1:00,5\n"), "dates such as 3/4/2021 1:00 were taken for day/month")
	require.NotContains(t, notes("3/4/2021 1:00,5\n3/4/2021 2:00,5\n", "-month-first"), "day/month")
	require.NotContains(t, notes("3/4/2021 1:00,5\n13/4/2021 1:00,5\n"), "day/month")
	require.NotContains(t, notes("03-04-2021 1:00,5\n2021/3/4 1:00,5\n"), "day/month")
}

// Two values far apart are no proof of a file of days, three regular ones are.
func TestTwoValuesAreHours(t *testing.T) {
	y := hoursOf(t, "time,v\n2021-05-01T00:00Z,\n2022-05-01T00:00Z,7\n")
	require.Equal(t, []Number{none, 7}, []Number{y[0].Mean, y[1].Mean})
	require.ErrorContains(t, wrong(t, "time,v\n2021-05-01T00:00Z,1\n2021-05-08T00:00Z,7\n2021-05-15T00:00Z,7\n"), "7 days apart")
}
