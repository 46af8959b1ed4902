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

// The noise of floats behind the point does not keep ppb from being compared:
// what does not fit is rounded off and told.
func TestMoreDecimalsThanCanBeCompared(t *testing.T) {
	for property, want := range map[string]float64{"so2": 0.30000000000000004 * 2.6632, "benzene": 0.30000000000000004 * 3.2472, "co": 0.30000000000000004 * 1.1644 / 1000} {
		y := hoursOf(t, hourly(time.RFC3339, newYear, "0.30000000000000004", "0.1", "0.7"), "-property", property, "-unit", "ppb")
		require.InEpsilon(t, want, float64(y[0].Percentiles["50"]), 1e-6, property)
		require.Contains(t, strings.Join(y[0].Notes, "\n"), "1 values have more decimals than can be kept")
	}
}
