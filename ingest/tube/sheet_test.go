package tube_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
	"buurtmeter/ingest/tube"
)

func amsterdam(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	require.NoError(t, err)
	return zone
}

// The sheet of the laboratory and the published table of the same tubes agree,
// but for the spelling of the places.
func TestBuroBlauwSheetIsThePublishedTable(t *testing.T) {
	b, err := os.ReadFile(conformancetest.Path(t, "data", "tubes-lab-sheet", "buro-blauw-sheet.xlsx"))
	require.NoError(t, err)
	s, err := tube.ReadSheet("/some/where/buro-blauw-sheet.xlsx", b, amsterdam(t))
	require.NoError(t, err)
	require.Empty(t, s.Problems)
	require.Equal(t, "034a", s.Set)
	require.Equal(t, tube.Lab{Name: "Buro Blauw"}, s.Lab, "by the form of its table: it names no laboratory, method or limit")
	require.Len(t, s.Tubes, 51)
	blanks := tube.BlankOf(s.Tubes)
	require.Equal(t, 3, blanks.N)
	require.Zero(t, blanks.Found, "all of them are <1")
	got := map[string]tube.Exposure{}
	for _, e := range s.Tubes {
		got[e.Code] = e
		require.Equal(t, len(e.Code) > 4 && e.Code[3] == 'V', e.Blank, e.Code)
	}
	require.Equal(t, tube.Result{Text: "<1", Value: 1, Known: true, Below: true}, got["34-VB1"].Result)
	n := 0
	for _, e := range exposuresOf(t, antwerp(t, "rol_measurements.csv")) {
		if e.Period != "2" {
			continue
		}
		n++
		require.Equal(t, e.Result, got[e.Code].Result, e.Code)
		require.WithinDuration(t, e.Start, got[e.Code].Start, 0, e.Code)
		require.WithinDuration(t, e.End, got[e.Code].End, 0, e.Code)
	}
	require.Equal(t, 48, n)
	require.Equal(t, []string{"the sheet does not name its laboratory; its table has the form of Buro Blauw, which is taken for it"}, s.Notes)
}
