package tube_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"buurtmeter/ingest/tube"
)

// workbook is an XLSX file with one sheet "Blad" of the rows.
func workbook(t testing.TB, rows [][]any, change func(*excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer func() { require.NoError(t, f.Close()) }()
	require.NoError(t, f.SetSheetName("Sheet1", "Blad"))
	for i, r := range rows {
		require.NoError(t, f.SetSheetRow("Blad", fmt.Sprintf("A%d", i+1), &r))
	}
	if change != nil {
		change(f)
	}
	var b bytes.Buffer
	require.NoError(t, f.Write(&b))
	return b.Bytes()
}

func heading() []any {
	return []any{"Opm.", "Buiscode", "Meetpunt", "Begindatum", "Begintijd", "Einddatum", "Eindtijd", "NO2 (µg/m³)", "Opmerkingen"}
}

func TestSheetIsReadByItsHeadingsWhateverStandsAround(t *testing.T) {
	b := workbook(t, [][]any{
		{"Gemeente", nil, "rapport"},
		{},
		{nil, "Analyse set 12-b"},
		heading(),
		{nil, "k-1", "Kerkstraat", "29 januari 2021", "11.32 uur", "26-02-2021", "14:05", "38,5"},
		{nil, "k-2", nil, 44225, 0.5, 44253, 0.25, "<15", "buis hing scheef"},
		{},
		heading(),
		{nil, "k-3", "Dorp", "29-1-21", "09u05", "2021-02-26", "10:00:30", "kwijt"},
		{nil, "k-VB1", "Dorp", "29-01-2021", "11:32", "26-02-2021", "14:05", "<1"},
		{nil, nil, "Detectielimiet 1 µg/m³"},
		{nil, "k-4", "Dorp", "29-01-2021", "11:32", "31-01-2021", "11:32", 22.125},
	}, func(f *excelize.File) {
		require.NoError(t, f.MergeCell("Blad", "C5", "C6")) // one name for two tubes
		_, err := f.NewSheet("Toelichting")
		require.NoError(t, err)
		require.NoError(t, f.SetCellStr("Toelichting", "A1", "niets"))
		require.NoError(t, f.SetCellFormula("Blad", "I12", `HYPERLINK("http://x","y")`))
	})
	s, err := tube.ReadSheet("blad.xlsx", b, amsterdam(t))
	require.NoError(t, err)
	require.Empty(t, s.Problems)
	require.Equal(t, "12-b", s.Set)
	require.Equal(t, tube.Lab{Limit: "1 µg/m³"}, s.Lab)
	require.Len(t, s.Tubes, 5)
	first, second, lost := s.Tubes[0], s.Tubes[1], s.Tubes[2]
	require.Equal(t, "2021-01-29T11:32:00+01:00", first.Start.Format("2006-01-02T15:04:05Z07:00"))
	require.Equal(t, tube.Result{Text: "38,5", Value: 38.5, Known: true}, first.Result)
	require.Equal(t, "Kerkstraat", second.Location, "from the merged cell")
	require.Equal(t, "2021-02-26T06:00:00+01:00", second.End.Format("2006-01-02T15:04:05Z07:00"))
	require.Equal(t, "buis hing scheef", second.Remark)
	require.Equal(t, 6, second.Row)
	require.False(t, lost.Result.Known)
	require.Equal(t, "2021-02-26T10:00:30+01:00", lost.End.Format("2006-01-02T15:04:05Z07:00"))
	require.True(t, s.Tubes[3].Blank)
	require.Equal(t, "22.125", s.Tubes[4].Result.Text)
	require.Equal(t, []string{
		`sheet "Blad": the column "Opm." is not used`,
		`sheet "Blad", row 8: the headings again`,
		`sheet "Blad", row 11 is no tube: "Detectielimiet 1 µg/m³"`,
		`sheet "Blad", row 12: tube "k-4" hung for 2.0 days; the method is for 1 to 4 weeks (EN 16339)`,
		`sheet "Toelichting" has no table of tubes and was not read`,
	}, s.Notes)
}

func TestSheetExplainsEveryRowThatItCannotRead(t *testing.T) {
	row := func(code, place, start, end, result string) []any {
		return []any{nil, code, place, start, "12:00", end, "12:00", result}
	}
	b := workbook(t, [][]any{
		heading(),
		row("", "a", "29-01-2021", "26-02-2021", "1"),
		row("2", "a", "31-02-2021", "26-03-2021", "1"),
		row("3", "a", "29-01-2021", "", "1"),
		row("4", "a", "26-02-2021", "29-01-2021", "1"),
		row("5", "a", "29-01-2021", "29-01-2022", "1"),
		row("6", "a", "29-01-2021", "26-02-2021", "veel"),
		row("=7", "a", "29-01-2021", "26-02-2021", "1"),
		row("8", "@SUM(A1)", "29-01-2021", "26-02-2021", "1"),
		row("9", "a", "01/29/2021", "26-02-2021", "1"),
		{nil, "10", "a", "28-03-2021", "02:30", "26-04-2021", "12:00", 1},
		{nil, "11", "a", "01-10-2021", "12:00", "31-10-2021", "02:30", 1},
		{nil, "12", "a", "01-10-2021", "25:00", "31-10-2021", "12:00", 1},
		row("13", "a", "29-01-2021", "26-02-2021", "1"),
		row("13", "a", "29-01-2021", "26-02-2021", "2"),
	}, nil)
	s, err := tube.ReadSheet("blad.xlsx", b, amsterdam(t))
	require.NoError(t, err)
	var got []string
	for _, p := range s.Problems {
		got = append(got, fmt.Sprintf("%d %s %s", p.Row, p.Column, p.What))
		require.NotEmpty(t, p.Do)
	}
	require.Equal(t, []string{
		`2 B the tube has no code`,
		`3 D "31-02-2021" is not a date: write 29-01-2021 (day, month, year) or 2021-01-29`,
		`4 F there is no date`,
		`5 F the tube was closed before it was opened`,
		`6 F the tube hung for 365 days`,
		`7 H "veel" is not a concentration`,
		`8 B "=7" begins like a formula`,
		`9 C "@SUM(A1)" begins like a formula`,
		`10 D "01/29/2021" is not a date: write 29-01-2021 (day, month, year) or 2021-01-29`,
		`11 D 28-03-2021 02:30 does not exist: the clock goes forward then`,
		`12 F 31-10-2021 02:30 comes twice: the clock goes back then; write it with its zone, as 2021-10-31T02:30:00+01:00`,
		`13 D "25:00" is not a time of day: write 11:32`,
		`14 B the code "13" also stands in row 15`,
		`15 B the code "13" also stands in row 14`,
	}, got)
	require.Empty(t, s.Tubes, "of two rows that differ nobody can tell which is right")
	require.Equal(t, 14, tube.UnreadRows(s.Problems))
}

func TestSheetInAnotherUnitIsRefused(t *testing.T) {
	s, err := tube.ReadSheet("blad.csv", []byte("code;locatie;start;eind;no2 [ppb]\n1;a;29-01-2021;26-02-2021;12\n"), amsterdam(t))
	require.NoError(t, err)
	require.Len(t, s.Problems, 1)
	require.Contains(t, s.Problems[0].String(), `sheet "blad.csv", row 1, column E: the results are not in µg/m³`)
	require.ErrorIs(t, s.LeaveOut(), tube.ErrWhole)
	require.Len(t, s.Problems, 1, "a unit is not left out")
}

func TestCSVSheets(t *testing.T) {
	for name, text := range map[string]string{
		"semicolons, Latin-1":    "code;locatie;start;eind;no2\n1;Belgi\xeblei;29-01-2021 11:30;26-02-2021 12:00;12,5\n",
		"mark of UTF-8, commas":  "\ufeffcode,locatie,start,eind,no2\n1,Belgiëlei,2021-01-29T11:30:00+01:00,2021-02-26 12:00,\"12,5\"\n",
		"tabs and carriage feed": "code\tlocatie\tstart\teind\tno2\r\n1\tBelgiëlei\t2021-01-29 11:30\t2021-02-26 12:00\t12.5\r\n",
	} {
		s, err := tube.ReadSheet("blad.csv", []byte(text), amsterdam(t))
		require.NoError(t, err, name)
		require.Empty(t, s.Problems, name)
		require.Len(t, s.Tubes, 1, name)
		require.Equal(t, "Belgiëlei", s.Tubes[0].Location, name)
		require.Equal(t, 12.5, s.Tubes[0].Result.Value, name)
		require.Equal(t, "2021-01-29T11:30", s.Tubes[0].Start.Format("2006-01-02T15:04"), name)
	}
}

// zipped is an archive with the parts.
func zipped(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range parts {
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = w.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

// rewritten is a workbook with a text in its first sheet replaced.
func rewritten(t testing.TB, b []byte, from, to string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	parts := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		part, err := io.ReadAll(r)
		require.NoError(t, err)
		parts[f.Name] = string(part)
	}
	const first = "xl/worksheets/sheet1.xml"
	require.Contains(t, parts[first], from)
	parts[first] = strings.Replace(parts[first], from, to, 1)
	return zipped(t, parts)
}

func TestMergedCellsOfAnySizeAreBounded(t *testing.T) {
	b := workbook(t, [][]any{heading(), {nil, "k", "p", 44225, 0.5, 44253, 0.5, "<15"}, {nil, "l", nil, 44225, 0.5, 44253, 0.5, "3"}}, nil)
	s, err := tube.ReadSheet("x.xlsx", rewritten(t, b, "</sheetData>", `</sheetData><mergeCells count="2"><mergeCell ref="C2:C3"/><mergeCell ref="K1:XFD1048576"/></mergeCells>`), amsterdam(t))
	require.NoError(t, err)
	require.Empty(t, s.Problems)
	require.Len(t, s.Tubes, 2)
	require.Equal(t, "p", s.Tubes[1].Location)
	_, err = tube.ReadSheet("x.xlsx", rewritten(t, b, "</sheetData>", "</sheetData><mergeCells>"+strings.Repeat(`<mergeCell ref="A1:A2"/>`, 5001)+"</mergeCells>"), amsterdam(t))
	require.ErrorIs(t, err, tube.ErrFile)
	for _, far := range []string{`<row r="1048576"/>`, `<row r="2000000000"><c r="A2000000000"><v>1</v></c></row>`, `<row r="-5"/>`} {
		s, err := tube.ReadSheet("x.xlsx", rewritten(t, b, "</sheetData>", far+"</sheetData>"), amsterdam(t))
		require.ErrorIs(t, err, tube.ErrFile, "%s %+v", far, s)
	}
}

func TestFilesThatAreNoLabSheetAreRefused(t *testing.T) {
	good := workbook(t, [][]any{heading()}, nil)
	many := map[string]string{}
	for i := range 501 {
		many[fmt.Sprintf("xl/part%d.xml", i)] = "x"
	}
	bomb := zipped(t, map[string]string{"xl/workbook.xml": strings.Repeat("0", 25<<20)})
	require.Less(t, len(bomb), 1<<20)
	for name, b := range map[string][]byte{
		"nothing":       {},
		"text":          []byte("dit is geen tabel"),
		"no headings":   []byte("a;b;c\n1;2;3\n"),
		"damaged":       good[:len(good)/2],
		"an archive":    zipped(t, map[string]string{"readme.txt": "x"}),
		"many parts":    zipped(t, many),
		"a bomb":        bomb,
		"old Excel":     {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1},
		"PDF":           []byte("%PDF-1.7"),
		"UTF-16":        {0xff, 0xfe, 'c', 0},
		"binary":        []byte("code\x00;"),
		"too large":     bytes.Repeat([]byte("x"), tube.MaxSheetBytes+1),
		"many lines":    []byte(strings.Repeat("\n", 20_001) + "code;x\n"),
		"many columns":  []byte(strings.Repeat("code;", 200) + "\n"),
		"an open quote": []byte("code;\"x\n"),
		"far away":      workbook(t, nil, func(f *excelize.File) { require.NoError(t, f.SetCellStr("Blad", "XFD3", "code")) }),
		"a tall hole":   workbook(t, [][]any{heading()}, func(f *excelize.File) { require.NoError(t, f.SetCellStr("Blad", "B20001", "k-1")) }),
	} {
		s, err := tube.ReadSheet("blad.xlsx", b, amsterdam(t))
		require.ErrorIs(t, err, tube.ErrFile, name)
		require.Nil(t, s, name)
	}
}

func FuzzReadSheet(f *testing.F) {
	f.Add([]byte("code;locatie;start;eind;no2\n1;a;29-01-2021 11:30;26-02-2021 12:00;12,5\n"))
	f.Add([]byte("Resultaten set 1\ncode;omschrijving;startdatum;starttijd;einddatum;eindtijd;concentratie NO2 [µg/m3];opmerking\nVB1;Dorpsplein;01-01-2025;12:00;02-04-2025;12:00;<1;\n"))
	f.Add(workbook(f, [][]any{heading(), {nil, "k", "p", 44225, 0.5, 44253, 0.5, "<15"}}, nil))
	zone := amsterdam(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 16<<10 {
			return // larger ones show nothing that smaller ones do not, and take long
		}
		s, err := tube.ReadSheet("f", b, zone)
		if err != nil {
			require.ErrorIs(t, err, tube.ErrFile)
			return
		}
		require.NoError(t, s.Lab.Check())
		codes := map[string]bool{}
		for _, e := range s.Tubes {
			require.False(t, codes[e.Code], "a code stands once among the tubes")
			codes[e.Code] = true
			require.NotEmpty(t, e.Code)
			require.NotEmpty(t, e.Location)
			require.True(t, e.End.After(e.Start))
			require.NotContains(t, "=+@", e.Code[:1])
			again, err := tube.ParseResult(e.Result.Text)
			require.NoError(t, err)
			require.Equal(t, e.Result, again, "the text tells all")
		}
	})
}
