package analyse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Hour means of five and six values are exact: a day whose mean is the limit is
// not above it, although no decimal holds a sixth.
func TestMeansOfSeveralValuesAreExact(t *testing.T) {
	var b strings.Builder
	b.WriteString("time,v\n")
	for h := range 24 {
		for j := range 6 {
			v := 50
			switch {
			case h < 2 && j == 0, h == 3 && j == 1:
				v = 51 // sixths and a fifth above
			case h == 2 && j < 2, h == 4 && j == 1:
				v = 49
			}
			if (h == 3 || h == 4) && j == 0 {
				continue
			}
			fmt.Fprintf(&b, "%s,%d\n", newYear.Add(time.Duration(60*h+10*j)*time.Minute).Format(time.RFC3339), v)
		}
	}
	y := hoursOf(t, b.String(), "-day-basis", "utc")[0]
	require.Equal(t, []Number{24, 0, 50, 50}, []Number{Number(y.ValidHours), y.DaysAbove["50"], y.MaxDay, y.Mean})
	require.InDelta(t, 50.2, float64(y.Max), 1e-15)
}

// All digits of the file are in what is shown, also those that do not fit beside
// the largest value.
func TestFiguresKeepAllDigits(t *testing.T) {
	var b strings.Builder
	b.WriteString("time,v\n")
	const third = 100.0 / 3
	for h := range 48 {
		v := third + float64(h)
		if h == 30 {
			v = 20000 // only 5 decimals fit beside it
		}
		fmt.Fprintf(&b, "%s,%.14f\n", newYear.Add(time.Duration(h)*time.Hour).Format(time.RFC3339), v)
	}
	y := hoursOf(t, b.String(), "-day-basis", "utc", "-unit", "ppb")[0]
	require.InEpsilon(t, (47*third+48*47/2-30+20000)/48*1.9125, float64(y.Mean), 1e-14)
	require.InEpsilon(t, (third+23)*1.9125, float64(y.Percentiles["50"])-0.5*1.9125, 1e-14)
	require.InEpsilon(t, 20000*1.9125, float64(y.Max), 1e-15)
	require.InEpsilon(t, (23*third+36*24-12-30+20000)/24*1.9125, float64(y.MaxDay), 1e-14)

	// Sixty values a minute make sevenths and elevenths that no scale holds.
	b.Reset()
	b.WriteString("time,v\n")
	sum := 0.0
	for h := range 15 {
		n, total := 46+h, 0
		for m := range n {
			fmt.Fprintf(&b, "%s,%d\n", newYear.Add(time.Duration(60*h+m)*time.Minute).Format(time.RFC3339), m%7+h)
			total += m%7 + h
		}
		sum += float64(total) / float64(n)
	}
	y = hoursOf(t, b.String(), "-day-basis", "utc", "-interval", "1m")[0]
	require.Equal(t, 15, y.ValidHours)
	require.InEpsilon(t, sum/15, float64(y.Mean), 1e-14)
}

// The noise of floats behind the point does not keep ppb from being compared:
// what does not fit is rounded off and told.
func TestMoreDecimalsThanCanBeCompared(t *testing.T) {
	for property, want := range map[string]float64{"so2": 0.30000000000000004 * 2.6632, "benzene": 0.30000000000000004 * 3.2472, "co": 0.30000000000000004 * 1.1644 / 1000} {
		y := hoursOf(t, hourly(time.RFC3339, newYear, "0.30000000000000004", "0.1", "0.7"), "-property", property, "-unit", "ppb")
		require.InEpsilon(t, want, float64(y[0].Percentiles["50"]), 1e-6, property)
		require.Contains(t, strings.Join(y[0].Notes, "\n"), "1 values have more decimals than can be kept")
	}
}
