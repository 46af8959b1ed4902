package analyse

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// Input says how files are read.
type Input struct {
	missing, delimiter, decimal string
	skip                        int
	where                       []string
}

// InputFlags declares the flags of Input.
func InputFlags(fs *flag.FlagSet) *Input {
	in := &Input{}
	list(fs, &in.missing, "missing", "-999,-9999", "codes that mean 'no value', beside empty, NA, NaN, null and the like; with commas between them")
	fs.StringVar(&in.delimiter, "delimiter", "", "what stands between fields: comma, semicolon, tab or pipe (default: found out)")
	fs.StringVar(&in.decimal, "decimal", "", "decimal mark: point or comma (default: found out)")
	fs.IntVar(&in.skip, "skip", 0, "lines above the heading")
	return in
}

// Table is a CSV file that is read row by row. Its first line names the
// columns.
type Table struct {
	name    string
	term    *Terminal
	file    io.Closer
	split   splitter
	header  []string
	err     error
	rows    int
	codes   []Decimal
	words   map[string]bool
	coded   map[string]int
	decimal byte // 0 until the file shows it
	decided int  // the line that did

	read *countingReader
	size int64
	told time.Time
}

// Open opens a CSV file, plain or gzip, and reads its heading. The caller
// closes the table.
func (in *Input) Open(t *Terminal, path string) (*Table, error) {
	f, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, problem(err, "check the name of the file")
	}
	tb, err := in.open(t, path, f)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	tb.file = f
	if info, err := f.Stat(); err == nil {
		tb.size = info.Size()
	}
	return tb, nil
}

func (in *Input) open(t *Terminal, path string, r io.Reader) (*Table, error) {
	tb := &Table{name: filepath.Base(path), term: t, read: &countingReader{r: r}, coded: map[string]int{}, words: map[string]bool{}}
	if t.Now != nil {
		tb.told = t.Now()
	}
	if err := tb.settings(in); err != nil {
		return nil, err
	}
	tb.split = splitter{r: bufio.NewReaderSize(tb.read, maxRecord), next: 1, eol: '\n'}
	if err := tb.begin(); err != nil {
		return nil, err
	}
	for range in.skip {
		if _, err := tb.split.readLine(); err != nil {
			return nil, problem(fmt.Errorf("%s has not %d lines to skip", tb.name, in.skip), "give a smaller --skip")
		}
	}
	if err := tb.delimiter(in.delimiter); err != nil {
		return nil, err
	}
	return tb, tb.heading()
}

// settings reads the flags.
func (tb *Table) settings(in *Input) error {
	for _, w := range []string{"", "na", "nan", "null", "none", "n/a", "#n/a", "-", "--", ".", "nodata", "no data", "missing"} {
		tb.words[w] = true
	}
	for code := range strings.SplitSeq(in.missing, ",") {
		code = strings.TrimSpace(code)
		if d, ok := parseDecimal([]byte(code), '.'); ok {
			tb.codes = append(tb.codes, d)
		} else {
			tb.words[strings.ToLower(code)] = true
		}
	}
	switch in.decimal {
	case "":
	case "point", ".":
		tb.decimal = '.'
	case "comma", ",":
		tb.decimal = ','
	default:
		return problem(fmt.Errorf("--decimal %q is no decimal mark", in.decimal), "give point or comma")
	}
	if in.skip < 0 {
		return problem(fmt.Errorf("--skip %d is no number of lines", in.skip), "give the number of lines above the heading, e.g. --skip 3")
	}
	return nil
}

// begin looks at the first bytes: a mark of the encoding, gzip, a spreadsheet.
func (tb *Table) begin() error {
	head, _ := tb.split.r.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(tb.split.r)
		if err != nil {
			return problem(fmt.Errorf("%s: %w", tb.name, err), "unpack the file first")
		}
		tb.split.r = bufio.NewReaderSize(z, maxRecord)
		head, _ = tb.split.r.Peek(4)
	case bytes.HasPrefix(head, []byte("PK")):
		return problem(fmt.Errorf("%s is a spreadsheet or an archive, not CSV", tb.name), "open it and save the sheet as 'CSV UTF-8'")
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		_, _ = tb.split.r.Discard(3)
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		_, _ = tb.split.r.Discard(2)
		tb.split.r = bufio.NewReaderSize(&utf16Reader{r: tb.split.r, big: head[0] == 0xfe}, maxRecord)
	}
	sample, _ := tb.split.r.Peek(sampleSize)
	if bytes.IndexByte(sample, '\n') < 0 && bytes.IndexByte(sample, '\r') >= 0 {
		tb.split.eol = '\r'
	}
	return nil
}

// sampleSize is how much of the file is looked at to find the delimiter.
const sampleSize = 64 << 10

func (tb *Table) delimiter(name string) error {
	sample, err := tb.split.r.Peek(sampleSize)
	if len(bytes.TrimSpace(sample)) == 0 {
		if err != nil && !errors.Is(err, io.EOF) {
			return problem(fmt.Errorf("%s: %w", tb.name, err), "can the file be read, and is it whole?")
		}
		return problem(fmt.Errorf("%s is empty", tb.name), "give a CSV file whose first line names the columns")
	}
	if rest, ok := bytes.CutPrefix(sample, []byte("sep=")); ok && len(rest) > 0 { // a line for Excel
		tb.split.comma = rest[0]
		_, err := tb.split.readLine()
		return err
	}
	switch name {
	case "":
		tb.split.comma = guessComma(sample, tb.split.eol)
	case "comma", ",":
		tb.split.comma = ','
	case "semicolon", ";":
		tb.split.comma = ';'
	case "tab", "\t", `\t`:
		tb.split.comma = '\t'
	case "pipe", "|":
		tb.split.comma = '|'
	default:
		return problem(fmt.Errorf("--delimiter %q is not known", name), "give comma, semicolon, tab or pipe")
	}
	return nil
}

func (tb *Table) heading() error {
	if err := tb.split.read(); err != nil {
		return tb.fault(err)
	}
	for _, f := range tb.split.fields {
		tb.header = append(tb.header, strings.TrimSpace(text(f)))
	}
	for n := len(tb.header); n > 1 && tb.header[n-1] == ""; n-- {
		tb.header = tb.header[:n-1] // a delimiter at the end of every line
	}
	return nil
}

// Close closes the file.
func (tb *Table) Close() error {
	if tb.file == nil {
		return nil
	}
	return tb.file.Close()
}

// Name is the name of the file, without its folder.
func (tb *Table) Name() string { return tb.name }

// Header returns the names of the columns; it must not be changed.
func (tb *Table) Header() []string { return tb.header }

// Line is the number of the line on which the row begins, from 1.
func (tb *Table) Line() int { return tb.split.line }

// Rows is the number of rows that were read.
func (tb *Table) Rows() int { return tb.rows }

// Column returns the number of the column with the name, from 0: the exact
// name, or else the only one that differs in case or spaces.
func (tb *Table) Column(name string) (int, error) {
	if name == "" {
		return 0, problem(errors.New("a column has no name"), "the columns of %s are: %s", tb.name, tb.columns())
	}
	for _, same := range []func(a, b string) bool{
		func(a, b string) bool { return a == b },
		func(a, b string) bool { return strings.EqualFold(a, strings.TrimSpace(b)) },
	} {
		found := -1
		for i, h := range tb.header {
			if !same(h, name) {
				continue
			}
			if found >= 0 {
				return 0, problem(fmt.Errorf("%s has the column %q twice", tb.name, name), "give the columns different names in the heading of the file")
			}
			found = i
		}
		if found >= 0 {
			return found, nil
		}
	}
	return 0, problem(fmt.Errorf("%s has no column %q", tb.name, name), "the columns are: %s", tb.columns())
}

func (tb *Table) columns() string {
	const most = 40
	names := tb.header
	more := ""
	if len(names) > most {
		names, more = names[:most], fmt.Sprintf(", and %d more", len(tb.header)-most)
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(quoted, ", ") + more
}

// Next reads the next row. It returns false at the end of the file and at an
// error, which Err then returns.
func (tb *Table) Next() bool {
	if tb.err != nil {
		return false
	}
	if err := tb.split.read(); err != nil {
		if !errors.Is(err, io.EOF) {
			tb.err = tb.fault(err)
		}
		return false
	}
	if n := len(tb.split.fields); n != len(tb.header) && !tb.padded(n) {
		tb.err = problem(fmt.Errorf("%s line %d has %d fields, the heading has %d", tb.name, tb.Line(), n, len(tb.header)),
			"is a field missing, or does one hold the delimiter %q without quotes? Correct or delete the line", tb.split.comma)
		return false
	}
	tb.rows++
	if tb.rows%(1<<14) == 0 {
		tb.progress()
	}
	return true
}

// padded tells that a row has more fields than the heading, and those empty.
func (tb *Table) padded(n int) bool {
	if n < len(tb.header) {
		return false
	}
	for _, f := range tb.split.fields[len(tb.header):] {
		if len(bytes.TrimSpace(f)) > 0 {
			return false
		}
	}
	return true
}

// Err returns what ended the reading before the end of the file.
func (tb *Table) Err() error { return tb.err }

// fault names file and line of an error of the splitter.
func (tb *Table) fault(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return problem(fmt.Errorf("%s is empty", tb.name), "give a CSV file whose first line names the columns")
	case errors.Is(err, errNoEnd):
		return problem(fmt.Errorf("%s line %d: %w", tb.name, tb.split.line, err), `close the quote, or write a quote within a field twice ("")`)
	}
	return problem(fmt.Errorf("%s line %d: %w", tb.name, tb.split.line, err), "correct the line; is the file a CSV file, and whole?")
}

// Text returns a field as text, without spaces around it.
func (tb *Table) Text(column int) string { return strings.TrimSpace(text(tb.split.fields[column])) }

// field returns a field without spaces around it, valid until Next.
func (tb *Table) field(column int) []byte { return bytes.TrimSpace(tb.split.fields[column]) }

// text is the text of bytes that are UTF-8, or else Latin-1.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}

// Fault is an error in a field of the current row, with file, line and column.
func (tb *Table) Fault(column int, err error, try string, args ...any) error {
	return problem(fmt.Errorf("%s line %d, column %q: %w", tb.name, tb.Line(), tb.header[column], err), try, args...)
}

// Missing reports whether a field holds no value: empty, NA, NaN, null, or a
// code of --missing.
func (tb *Table) Missing(column int) bool {
	if tb.isWord(tb.field(column)) {
		return true
	}
	_, ok, err := tb.Decimal(column)
	return err == nil && !ok
}

// isWord reports whether a field is empty or a word for no value.
func (tb *Table) isWord(f []byte) bool {
	const longest = 32 // nobody writes more to say nothing
	return len(f) == 0 || len(f) <= longest && (f[0] > '9' || f[0] < '0') && tb.words[strings.ToLower(string(f))]
}

// Coded returns how often each code of --missing stood in a field that was
// asked for as a number.
func (tb *Table) Coded() map[string]int { return tb.coded }

// Number is Decimal as a float64.
func (tb *Table) Number(column int) (v float64, ok bool, err error) {
	d, ok, err := tb.Decimal(column)
	return d.Float(), ok, err
}

// Decimal reads a field as a number with all its digits; ok is false when it
// holds no value. Text that is neither is an error, and so is a second decimal
// mark in one file.
func (tb *Table) Decimal(column int) (d Decimal, ok bool, err error) {
	f := tb.field(column)
	if len(f) == 0 {
		return Decimal{}, false, nil
	}
	mark, err := tb.mark(column, f)
	if err != nil {
		return Decimal{}, false, err
	}
	if d, ok = parseDecimal(f, mark); !ok {
		if tb.isWord(f) {
			return Decimal{}, false, nil
		}
		return Decimal{}, false, tb.Fault(column, fmt.Errorf("%q is not a number", clip(text(f))), "correct the value, or name it as 'no value' with --missing %s", clip(text(f)))
	}
	for _, c := range tb.codes {
		if d.same(c) {
			tb.coded[string(f)]++
			return Decimal{}, false, nil
		}
	}
	return d, true, nil
}

// mark returns the decimal mark of a field. The first field that has one
// decides for the file.
func (tb *Table) mark(column int, f []byte) (byte, error) {
	point, comma := bytes.IndexByte(f, '.') >= 0, bytes.IndexByte(f, ',') >= 0
	if !point && !comma || f[0] > '9' { // whole number, or a word
		return '.', nil
	}
	mark := byte('.')
	if comma {
		mark = ','
	}
	switch {
	case point && comma:
		return 0, tb.Fault(column, fmt.Errorf("%q has marks between the thousands", clip(text(f))), "write numbers without them: 1234.5")
	case tb.decimal == 0 && mark == ',' && tb.split.comma == ',' && len(f)-bytes.IndexByte(f, ',') == 4:
		return 0, tb.Fault(column, fmt.Errorf("%q may be a thousand or a decimal fraction", clip(text(f))), "say --decimal comma, or write numbers without marks between the thousands")
	case tb.decimal == 0:
		tb.decimal, tb.decided = mark, tb.Line()
	case tb.decimal != mark && tb.decided > 0:
		return 0, tb.Fault(column, fmt.Errorf("%q has another decimal mark than line %d", clip(text(f)), tb.decided), "use one decimal mark in the file, and no mark between thousands")
	case tb.decimal != mark:
		return 0, tb.Fault(column, fmt.Errorf("%q has another decimal mark than --decimal says", clip(text(f))), "correct --decimal or the file")
	}
	return mark, nil
}

// clip shortens text of a file for a message.
func clip(s string) string {
	const most = 40
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// progress tells every few seconds how far the reading is.
func (tb *Table) progress() {
	const every = 2 * time.Second
	if tb.term.Now == nil || tb.term.Now().Sub(tb.told) < every {
		return
	}
	tb.told = tb.term.Now()
	share := ""
	if tb.size > 0 {
		share = fmt.Sprintf(", %d %%", 100*tb.read.n/tb.size)
	}
	_, _ = fmt.Fprintf(tb.term.Err, "%s: %d rows%s\n", tb.name, tb.rows, share)
}

// countingReader counts what was read.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
