package analyse

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"
)

// Terminal is where a command writes: answers to Out, everything else to Err.
type Terminal struct {
	Out, Err io.Writer
	// Now is the clock, for progress only.
	Now func() time.Time
}

// Warn writes one line to Err: something that the reader of the answer has to
// know.
func (t *Terminal) Warn(format string, args ...any) {
	_, _ = fmt.Fprintf(t.Err, "Note:  "+format+"\n", args...)
}

// Output is how a command answers.
type Output struct{ json bool }

// OutputFlags declares --json.
func OutputFlags(fs *flag.FlagSet) *Output {
	o := &Output{}
	fs.BoolVar(&o.json, "json", false, "answer with JSON instead of a table")
	return o
}

// JSON reports whether the answer is to be JSON.
func (o *Output) JSON() bool { return o.json }

// WriteJSON writes v, indented and with a line feed at its end. A float64 that
// is not finite is an error of encoding/json: use Number where one may occur.
func (t *Terminal) WriteJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := t.Out.Write(b.Bytes())
	return err
}

// WriteTable writes rows under a heading; cells that are all numbers stand to
// the right.
func (t *Terminal) WriteTable(heading []string, rows [][]string) error {
	right := make([]bool, len(heading))
	for c := range right {
		right[c] = len(rows) > 0
		for _, row := range rows {
			right[c] = right[c] && (row[c] == "" || row[c] == noNumber || numeric(row[c]))
		}
	}
	width := make([]int, len(heading))
	for _, row := range append([][]string{heading}, rows...) {
		for c, cell := range row {
			width[c] = max(width[c], utf8.RuneCountInString(cell))
		}
	}
	w := tabwriter.NewWriter(t.Out, 0, 8, 2, ' ', 0)
	for _, row := range append([][]string{heading}, rows...) {
		cells := make([]string, len(row))
		for c, cell := range row {
			cells[c] = cell
			if right[c] {
				cells[c] = strings.Repeat(" ", width[c]-utf8.RuneCountInString(cell)) + cell
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t ")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// numeric tells that a cell begins like a number.
func numeric(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s != "" && s[0] >= '0' && s[0] <= '9'
}

// noNumber is how a table shows that there is no number.
const noNumber = "–"

// Number is a figure of an answer. In JSON it is null when it is not finite: no
// value is never 0, and NaN is no JSON.
type Number float64

// None is no number: null in JSON.
func None() Number { return Number(math.NaN()) }

// MarshalJSON writes the shortest digits that give the same number again.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// Known reports whether there is a number.
func (n Number) Known() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// Text returns the number with so many decimals, for people.
func (n Number) Text(decimals int) string {
	if !n.Known() {
		return noNumber
	}
	s := strconv.FormatFloat(float64(n), 'f', decimals, 64)
	if strings.Trim(s, "-0.") == "" {
		return strings.TrimPrefix(s, "-") // -0.0 is 0.0
	}
	return s
}

// InputError is an error in a file or in how the command was called. Try says what
// the user can do.
type InputError struct {
	Err error
	Try string
}

func (p *InputError) Error() string { return p.Err.Error() }

// Unwrap returns what is wrong.
func (p *InputError) Unwrap() error { return p.Err }

// problem makes an InputError of err and what can be done about it.
func problem(err error, try string, args ...any) error {
	return &InputError{Err: err, Try: fmt.Sprintf(try, args...)}
}
