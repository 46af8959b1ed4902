package analyse

import (
	"encoding/json"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A year that is not over cannot comply, however much of it was measured, and
// rows from after the clock of this machine are rows.
func TestTheYearIsNotOver(t *testing.T) {
	path := written(t, hourly(time.RFC3339, newYear, times(8300, "5")...))
	at := func(now time.Time) yearReport {
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		run := hoursCommand().New(fs)
		require.NoError(t, fs.Parse([]string{"-time", "time", "-value", "v", "-property", "no2", "-json"}))
		var out strings.Builder
		require.NoError(t, run(t.Context(), &Terminal{Out: &out, Err: io.Discard, Now: func() time.Time { return now }}, []string{path}))
		var y []yearReport
		require.NoError(t, json.Unmarshal([]byte(out.String()), &y))
		return y[0]
	}
	over := at(newYear.AddDate(1, 0, 0))
	require.Equal(t, "complies", over.Verdicts[1].Outcome)
	for _, now := range []time.Time{newYear.AddDate(0, 11, 20), newYear.AddDate(0, 1, 0)} {
		y := at(now)
		require.Equal(t, []string{"cannot-tell", "running"}, []string{y.Verdicts[1].Outcome, y.Verdicts[1].Reason})
		y.Verdicts, over.Verdicts = nil, nil
		require.Equal(t, over, y, "all figures are the same")
	}
}
