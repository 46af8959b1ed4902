package analyse

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

// opened reads text as a file with flags.
func opened(t *testing.T, content string, flags ...string) (*Table, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.csv")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	in := InputFlags(fs)
	require.NoError(t, fs.Parse(flags))
	tb, err := in.Open(&Terminal{Out: io.Discard, Err: io.Discard}, path)
	if err == nil {
		t.Cleanup(func() { require.NoError(t, tb.Close()) })
	}
	return tb, err
}

// cells reads all rows as text.
func cells(t *testing.T, tb *Table) (rows [][]string, lines []int) {
	t.Helper()
	for tb.Next() {
		var row []string
		for c := range tb.Header() {
			row = append(row, tb.Text(c))
		}
		rows, lines = append(rows, row), append(lines, tb.Line())
	}
	return rows, lines
}

func try(t *testing.T, err error) string {
	t.Helper()
	var p *InputError
	require.ErrorAs(t, err, &p)
	require.NotEmpty(t, p.Try)
	return p.Try
}

func TestTableReadsWhatPeopleSave(t *testing.T) {
	want := [][]string{{"2021-01-01", "1.5"}, {"2021-01-02", "2.5"}}
	for name, content := range map[string]string{
		"plain":               "date,no2\n2021-01-01,1.5\n2021-01-02,2.5\n",
		"no last line end":    "date,no2\n2021-01-01,1.5\n2021-01-02,2.5",
		"CRLF and BOM":        "\ufeffdate,no2\r\n2021-01-01,1.5\r\n2021-01-02,2.5\r\n",
		"CR alone":            "date,no2\r2021-01-01,1.5\r2021-01-02,2.5\r",
		"semicolon":           "date;no2\n2021-01-01;1.5\n2021-01-02;2.5\n",
		"tab":                 "date\tno2\n2021-01-01\t1.5\n2021-01-02\t2.5\n",
		"pipe":                "date|no2\n2021-01-01|1.5\n2021-01-02|2.5\n",
		"quoted":              "\"date\",\"no2\"\n\"2021-01-01\",\"1.5\"\n2021-01-02 , \"2.5\" \n",
		"blank lines":         "\n\ndate,no2\n\n2021-01-01,1.5\n   \n2021-01-02,2.5\n\n",
		"comma at the end":    "date,no2,\n2021-01-01,1.5,\n2021-01-02,2.5,\n",
		"for Excel":           "sep=;\ndate;no2\n2021-01-01;1.5\n2021-01-02;2.5\n",
		"spaces around names": " date , no2 \n2021-01-01, 1.5\n2021-01-02, 2.5\n",
	} {
		t.Run(name, func(t *testing.T) {
			tb, err := opened(t, content)
			require.NoError(t, err)
			require.Equal(t, []string{"date", "no2"}, tb.Header())
			rows, _ := cells(t, tb)
			require.NoError(t, tb.Err())
			require.Equal(t, want, rows)
			require.Equal(t, 2, tb.Rows())
		})
	}
}

func TestQuotesHoldDelimitersQuotesAndLines(t *testing.T) {
	tb, err := opened(t, "naam,\"NO2, µg/m³\",x\n\"Jan \"\"de\"\" Vries\",\"1\",12\" buis\n\"twee\nregels\",2,\n\"\",\"\"\"\",3\n")
	require.NoError(t, err)
	require.Equal(t, []string{"naam", "NO2, µg/m³", "x"}, tb.Header())
	rows, lines := cells(t, tb)
	require.NoError(t, tb.Err())
	require.Equal(t, [][]string{{`Jan "de" Vries`, "1", `12" buis`}, {"twee\nregels", "2", ""}, {"", `"`, "3"}}, rows)
	require.Equal(t, []int{2, 3, 5}, lines)
}

func TestTheDelimiterIsTheOneOfEveryLine(t *testing.T) {
	tb, err := opened(t, "datum;NO2, ug/m3\n1;2,5\n2;3,5\n")
	require.NoError(t, err)
	require.Equal(t, []string{"datum", "NO2, ug/m3"}, tb.Header())
	tb, err = opened(t, "one column only\n1\n2\n")
	require.NoError(t, err)
	require.Equal(t, []string{"one column only"}, tb.Header())
	tb, err = opened(t, "a;b,c\n1;2,3\n", "-delimiter", "semicolon")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b,c"}, tb.Header())
	tb, err = opened(t, "Source: us\nmade today\na,b\n1,2\n", "-skip", "2")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, tb.Header())
	_, lines := cells(t, tb)
	require.Equal(t, []int{4}, lines)
}

func TestLatin1IsRead(t *testing.T) {
	tb, err := opened(t, "Belgi\xeblei,x\n1,2\n")
	require.NoError(t, err)
	c, err := tb.Column("Belgiëlei")
	require.NoError(t, err)
	require.Zero(t, c)
}

// Excel saves 'Unicode text' as UTF-16 with tabs.
func TestUTF16IsRead(t *testing.T) {
	const content = "plaats\tno2\r\nCafé 𝛼\t12,5\r\n"
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		var b []byte
		for _, u := range utf16.Encode([]rune("\ufeff" + content)) {
			b = order.AppendUint16(b, u)
		}
		tb, err := opened(t, string(b))
		require.NoError(t, err)
		rows, _ := cells(t, tb)
		require.Equal(t, [][]string{{"Café 𝛼", "12,5"}}, rows)
	}
}

func TestGzipIsRead(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte("\ufeffa,b\n1,2\n"))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	tb, err := opened(t, b.String())
	require.NoError(t, err)
	rows, _ := cells(t, tb)
	require.Equal(t, [][]string{{"1", "2"}}, rows)

	tb, err = opened(t, b.String()[:b.Len()-4]) // torn off
	require.NoError(t, err)
	cells(t, tb)
	require.Error(t, tb.Err())
}

func TestColumnsByName(t *testing.T) {
	tb, err := opened(t, "Date,no2,NO2,x,x\n")
	require.NoError(t, err)
	c, err := tb.Column("NO2")
	require.NoError(t, err)
	require.Equal(t, 2, c)
	c, err = tb.Column(" date")
	require.NoError(t, err)
	require.Equal(t, 0, c)
	for name, message := range map[string]string{"pm10": `has no column "pm10"`, "x": "twice", "No2": "twice", "": "no name"} {
		_, err = tb.Column(name)
		require.ErrorContains(t, err, message)
		require.NotEmpty(t, try(t, err))
	}
	_, err = tb.Column("pm10")
	require.Equal(t, `the columns are: "Date", "no2", "NO2", "x", "x"`, try(t, err))
}

func TestNoValueIsNeverZero(t *testing.T) {
	tb, err := opened(t, "v,w\n"+strings.Join([]string{"", "NA", "NaN", "nan", "null", "N/A", "-", "-999", "-999.0", "-9999", "#N/A"}, ",x\n")+",x\n0,x\n-0.5,x\n-998,x\n")
	require.NoError(t, err)
	var got []float64
	missing := 0
	for tb.Next() {
		v, ok, err := tb.Number(0)
		require.NoError(t, err)
		require.Equal(t, !ok, tb.Missing(0))
		if ok {
			got = append(got, v)
		} else {
			missing++
		}
	}
	require.NoError(t, tb.Err())
	require.Equal(t, 11, missing)
	require.Equal(t, []float64{0, -0.5, -998}, got)
	require.Contains(t, tb.Coded(), "-999.0")

	tb, err = opened(t, "v\n-999\nkapot\n", "-missing", "kapot")
	require.NoError(t, err)
	require.True(t, tb.Next())
	require.False(t, tb.Missing(0), "other codes take the place of -999")
	require.True(t, tb.Next())
	require.True(t, tb.Missing(0))
}

func TestDecimals(t *testing.T) {
	for in, want := range map[string]Decimal{
		"12": {12, 0, false}, "-0.50": {-50, 2, false}, ".5": {5, 1, false}, "+7.": {7, 0, false}, "1e3": {1000, 0, false},
		"1.5E-2": {15, 3, false}, "0.000": {0, 0, false}, "123456789012345678": {123456789012345678, 0, false},
		"0.1234567890123456789": {123456789012345679, 18, true}, "1.10000000000000000000": {110000000000000000, 17, false},
		"24.241910631741142": {24241910631741142, 15, false}, "1e-30": {0, 0, true},
	} {
		d, ok := parseDecimal([]byte(in), '.')
		require.True(t, ok, in)
		if in == "1e-30" {
			require.Zero(t, d.Unscaled)
			require.True(t, d.Cut)
			continue
		}
		require.Equal(t, want, d, in)
	}
	for _, in := range []string{"", "-", ".", "1.2.3", "1,2", "abc", "0x10", "1e", "e5", "1 2", "Inf", "1234567890123456789", "1e30", "--1", "1e99999999999999999999"} {
		_, ok := parseDecimal([]byte(in), '.')
		require.False(t, ok, in)
	}
	d, ok := parseDecimal([]byte("24.241910631741142"), '.')
	require.True(t, ok)
	require.Equal(t, 24.241910631741142, d.Float())
	require.Equal(t, 0.1, Decimal{Unscaled: 1, Places: 1}.Float())
}

func TestOneDecimalMarkPerFile(t *testing.T) {
	tb, err := opened(t, "a;b\n1,5;x\n2;x\n2.5;x\n")
	require.NoError(t, err)
	require.True(t, tb.Next())
	v, ok, err := tb.Number(0)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 1.5, v)
	require.True(t, tb.Next())
	_, _, err = tb.Number(0)
	require.NoError(t, err)
	require.True(t, tb.Next())
	_, _, err = tb.Number(0)
	require.EqualError(t, err, `file.csv line 4, column "a": "2.5" has another decimal mark than line 2`)
	require.NotEmpty(t, try(t, err))

	for content, message := range map[string]string{
		"a;b\n1.234,5;x\n":   "between the thousands",
		"a,b\n\"1,234\",x\n": "may be a thousand",
		"a;b\n<15;x\n":       `"<15" is not a number`,
		"a;b\n12 µg;x\n":     "is not a number",
	} {
		tb, err = opened(t, content)
		require.NoError(t, err)
		require.True(t, tb.Next())
		_, _, err = tb.Number(0)
		require.ErrorContains(t, err, message)
		require.ErrorContains(t, err, `line 2, column "a"`)
		require.NotEmpty(t, try(t, err))
	}
	tb, err = opened(t, "a,b\n\"1,234\",x\n1.5,x\n", "-decimal", "comma")
	require.NoError(t, err)
	require.True(t, tb.Next())
	v, _, err = tb.Number(0)
	require.NoError(t, err)
	require.Equal(t, 1.234, v)
	require.True(t, tb.Next())
	_, _, err = tb.Number(0)
	require.ErrorContains(t, err, "--decimal")
}

func TestFilesThatAreNoTable(t *testing.T) {
	for name, c := range map[string]struct{ content, message string }{
		"empty":        {"", "is empty"},
		"blank":        {"\n \n\n", "is empty"},
		"spreadsheet":  {"PK\x03\x04rest", "spreadsheet"},
		"half UTF-16":  {"\xff\xfea\x00,\x00b", "half a character"},
		"open heading": {"a,\"b\n1,2\n", "line 1: the quote is not closed"},
		"too long":     {strings.Repeat("x", 2*maxRecord), "longer than"},
	} {
		_, err := opened(t, c.content)
		require.ErrorContains(t, err, c.message, name)
		require.NotEmpty(t, try(t, err))
	}
	for name, c := range map[string]struct{ content, message string }{
		"short row":    {"a,b\n1,2\n3\n", "line 3 has 1 fields, the heading has 2"},
		"long row":     {"a,b\n1,2\n3,4,5\n", "line 3 has 3 fields, the heading has 2"},
		"open quote":   {"a,b\n1,2\n\"3,4\n5,6\n", "line 3: the quote is not closed"},
		"endless":      {"a,b\n\"" + strings.Repeat("x\n", maxRecord), "line 2: the quote is not closed"},
		"after quotes": {"a,b\n\"1\"2,3\n", "line 2: field 1: a closing quote is followed by '2'"},
		"long line":    {"a,b\n1,2\n" + strings.Repeat("x", 2*maxRecord), "line 3: the line is longer than"},
	} {
		tb, err := opened(t, c.content)
		require.NoError(t, err, name)
		cells(t, tb)
		require.ErrorContains(t, tb.Err(), c.message, name)
		require.NotEmpty(t, try(t, tb.Err()))
		require.False(t, tb.Next(), "nothing is read behind an error")
	}
	_, err := (&Input{}).Open(&Terminal{}, filepath.Join(t.TempDir(), "absent.csv"))
	require.ErrorIs(t, err, os.ErrNotExist)
	for _, flags := range [][]string{{"-delimiter", "x"}, {"-decimal", "x"}, {"-skip", "-1"}, {"-skip", "9"}} {
		_, err := opened(t, "a,b\n1,2\n", flags...)
		require.Error(t, err)
		require.NotEmpty(t, try(t, err))
	}
}

// endless is a file without end, of one line again and again.
type endless struct {
	line []byte
	left int
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, e.line[e.at:])
	if e.at += n; e.at == len(e.line) {
		e.at, e.left = 0, e.left-1
	}
	return n, nil
}

// A long file tells how far it is, and takes no memory per row.
func TestLongFilesAreStreamed(t *testing.T) {
	clock := time.Unix(0, 0)
	var errs strings.Builder
	term := &Terminal{Out: io.Discard, Err: &errs, Now: func() time.Time { clock = clock.Add(time.Second); return clock }}
	tb, err := (&Input{}).open(term, "long.csv", io.MultiReader(strings.NewReader("a,b\n"), &endless{line: []byte("12.5,-3\n"), left: 200_000}))
	require.NoError(t, err)
	sum := int64(0)
	perRun := testing.AllocsPerRun(1, func() {
		for range 50_000 {
			require.True(t, tb.Next())
			d, ok, err := tb.Decimal(0)
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			sum += d.Unscaled
		}
	})
	require.Less(t, perRun, 300_000.0)
	for tb.Next() {
	}
	require.NoError(t, tb.Err())
	require.Equal(t, 200_000, tb.Rows())
	require.Equal(t, int64(100_000*125), sum)
	require.Contains(t, errs.String(), "long.csv: ")
	require.Contains(t, errs.String(), " rows\n")
}

func TestNumberIsNullNotNaN(t *testing.T) {
	var b bytes.Buffer
	term := &Terminal{Out: &b}
	require.NoError(t, term.WriteJSON([]Number{1.5, None(), 0}))
	require.Equal(t, "[\n  1.5,\n  null,\n  0\n]\n", b.String())
	require.Equal(t, noNumber, None().Text(2))
	require.Equal(t, "1.50", Number(1.5).Text(2))
	require.Equal(t, "0.0", Number(-0.01).Text(1))
	b.Reset()
	require.NoError(t, term.WriteTable([]string{"naam", "n"}, [][]string{{"Jan", "5"}, {"Bomenbuurt", "12"}, {"x", noNumber}}))
	require.Equal(t, "naam         n\nJan          5\nBomenbuurt  12\nx            –\n", b.String())
}

func FuzzTable(f *testing.F) {
	f.Add("a,b\n1,\"2\n\"\n")
	f.Add("a;b\r\n\"\"\"\";1,5\r\n")
	f.Fuzz(func(t *testing.T, content string) {
		tb, err := (&Input{}).open(&Terminal{Out: io.Discard, Err: io.Discard}, "x", strings.NewReader(content))
		for err == nil && tb.Next() {
			for c := range tb.Header() {
				_ = tb.Text(c)
				_, ok, e := tb.Decimal(c)
				if ok && e != nil {
					t.Fatal("a value and an error")
				}
			}
		}
		if err == nil {
			err = tb.Err()
		}
		var p *InputError
		if err != nil && (!errors.As(err, &p) || p.Try == "") {
			t.Fatalf("%v says nothing about what to do", err)
		}
	})
}
