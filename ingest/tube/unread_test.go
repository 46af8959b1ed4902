package tube_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/tube"
)

// csvSheet is a lab sheet with the rows "code;place;result", after what stands
// above its table.
func csvSheet(t *testing.T, above string, rows ...string) *tube.Sheet {
	t.Helper()
	var b strings.Builder
	b.WriteString(above + "code;locatie;start;eind;NO2 [µg/m³];opmerking\n")
	for _, r := range rows {
		f := strings.Split(r, ";")
		fmt.Fprintf(&b, "%s;%s;29-01-2021;26-02-2021;%s;\n", f[0], f[1], f[2])
	}
	s, err := tube.ReadSheet("blad.csv", []byte(b.String()), amsterdam(t))
	require.NoError(t, err)
	return s
}

func codes(s *tube.Sheet) string {
	var all []string
	for _, e := range s.Tubes {
		all = append(all, e.Code)
	}
	return strings.Join(all, " ")
}

func TestRowsThatCannotBeReadAreLeftOutOnlyByDecision(t *testing.T) {
	s := csvSheet(t, "", "1;a;10", "2;a;veel", "3;b;<15", ";b;11", "4;b;-3")
	require.Len(t, s.Problems, 3)
	require.Empty(t, s.LeftOut)
	require.Equal(t, "1 3", codes(s))
	require.NoError(t, s.LeaveOut())
	require.Empty(t, s.Problems)
	require.Len(t, s.LeftOut, 3)
	require.Equal(t, 3, tube.UnreadRows(s.LeftOut))
	require.Equal(t, "1 3", codes(s))

	whole := csvSheet(t, "", "1;a;10")
	require.NoError(t, whole.LeaveOut(), "nothing to leave out")
	require.Empty(t, whole.LeftOut)
	none := csvSheet(t, "", "1;a;veel", "2;a;weinig")
	require.ErrorIs(t, none.LeaveOut(), tube.ErrWhole)
	require.Len(t, none.Problems, 2)
}

// A row with two problems is one row, and everything that can be read is read
// however many rows cannot.
func TestNoRowIsLostBehindTheBoundOfProblems(t *testing.T) {
	rows := []string{"=x;@y;veel"}
	for i := range 1500 {
		rows = append(rows, fmt.Sprintf("%d;a;veel", i))
	}
	s := csvSheet(t, "", append(rows, "last;a;10")...)
	require.Len(t, s.Problems, 1000)
	require.Equal(t, 503, s.MoreProblems, "three cells of the first row, one of each other")
	require.Equal(t, 998, tube.UnreadRows(s.Problems))
	require.Equal(t, "last", codes(s))
	require.ErrorIs(t, s.LeaveOut(), tube.ErrWhole, "they cannot all be named")
}

func TestOfRowsWithOneCodeOnlyACopyIsKeptOnce(t *testing.T) {
	s := csvSheet(t, "", "1;a;10", "1;a;10", "2;a;10", "2;b;10", "3;a;10")
	require.Equal(t, "1 3", codes(s))
	var rows []int
	for _, p := range s.Problems {
		rows = append(rows, p.Row)
	}
	require.Equal(t, []int{3, 4, 5}, rows, "in the order of the sheet")
}

func TestSheetNamesItsLaboratory(t *testing.T) {
	for name, c := range map[string]struct {
		above string
		want  tube.Lab
		notes int
	}{
		"labels":           {"Laboratorium: Buro X;;\nAnalysemethode: Saltzman, 20 % TEA\nLOD: 1,2 µg/m³\n", tube.Lab{Name: "Buro X", Method: "Saltzman, 20 % TEA", Limit: "1,2 µg/m³"}, 0},
		"cells beside":     {"Laboratory;Gradko\nMethod:;UV\nDetection limit (LOD);;< 0.5\n", tube.Lab{Name: "Gradko", Method: "UV", Limit: "< 0.5"}, 0},
		"a limit alone":    {"Detectielimiet 2,5 µg/m³\n", tube.Lab{Limit: "2,5 µg/m³"}, 0},
		"headings":         {"Lab;Methode;Datum\n", tube.Lab{}, 0},
		"a person":         {"Geanalyseerd door: J. Jansen\n", tube.Lab{}, 0},
		"two laboratories": {"Lab: A\nLab: B\n", tube.Lab{Name: "A"}, 1},
		"the same twice":   {"Lab: A\nLab: A\n", tube.Lab{Name: "A"}, 0},
		"an address":       {"Lab: info@lab.nl\nLab: A\n", tube.Lab{Name: "A"}, 1},
		"a formula":        {"Lab: =1+1\n", tube.Lab{}, 1},
		"nothing":          {"Lab:\n", tube.Lab{}, 0},
	} {
		s := csvSheet(t, c.above, "1;a;10")
		require.Empty(t, s.Problems, name)
		require.Equal(t, c.want, s.Lab, name)
		require.Len(t, s.Notes, c.notes, "%s: %q", name, s.Notes)
	}
	below := csvSheet(t, "", "1;a;10")
	require.Zero(t, below.Lab)
	s, err := tube.ReadSheet("b.csv", []byte("Blauw code;locatie;start;eind;NO2 [ug/m3]\n1;a;29-01-2021;26-02-2021;10\nLaboratorium: Ander lab;;;;\n"), amsterdam(t))
	require.NoError(t, err)
	require.Equal(t, tube.Lab{Name: "Ander lab"}, s.Lab, "the sheet's own word goes before the form of its table")
}

func TestLabIsFitToBePublished(t *testing.T) {
	require.NoError(t, tube.Lab{Name: "Buro Blauw B.V.", Method: "Saltzman", Limit: "<1 µg/m³"}.Check())
	for _, bad := range []tube.Lab{{Name: "+31 6 12345678"}, {Method: "@x"}, {Limit: "1\x00"}, {Name: strings.Repeat("x", 201)}, {Name: " x"}} {
		require.Error(t, bad.Check(), "%+v", bad)
	}
	require.ErrorIs(t, tube.Lab{Name: "lab@example.org"}.Check(), reading.ErrNotPublic)
	require.Equal(t, "not told", tube.Lab{}.String())
	require.Equal(t, "A, limit of detection 1", tube.Lab{Name: "A"}.Or(tube.Lab{Name: "B", Limit: "1"}).String())
}
