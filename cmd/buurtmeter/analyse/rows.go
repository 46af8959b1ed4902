package analyse

import (
	"flag"
	"fmt"
	"math"
)

// each opens a file, lets columns find those that it needs, and calls row for
// every row. An error of either ends the reading, and so does one of stopped,
// which is asked now and then. The table comes back closed: it still tells what
// it read. A file without rows is an error.
func (in *Input) each(t *Terminal, path string, stopped func() error, columns func(*Table) error, row func() error) (*Table, error) {
	tb, err := in.Open(t, path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tb.Close() }()
	if err := columns(tb); err != nil {
		return nil, err
	}
	rows, err := in.filter(tb)
	if err != nil {
		return nil, err
	}
	for tb.Next() {
		if tb.Rows()%(1<<12) == 0 {
			if err := stopped(); err != nil {
				return nil, err
			}
		}
		if !rows.takes(tb) {
			continue
		}
		if err := row(); err != nil {
			return nil, err
		}
	}
	if err := tb.Err(); err != nil {
		return nil, err
	}
	if tb.Rows() == 0 {
		return nil, problem(fmt.Errorf("%s has no rows below its heading", tb.Name()), "give a file with values")
	}
	return tb, rows.tell(t, tb)
}

// numberOrNaN reads a field of which NaN says that it holds no value.
func (tb *Table) numberOrNaN(column int) (float64, error) {
	v, ok, err := tb.Number(column)
	if !ok {
		v = math.NaN()
	}
	return v, err
}

// never is for files that are read in a moment: nothing stops them.
func never() error { return nil }

// list declares a flag of values with commas between them. Given again, it adds
// to what was given before.
func list(fs *flag.FlagSet, to *string, name, usual, usage string) {
	*to = usual
	if usual != "" {
		usage += " (default " + usual + ")"
	}
	given := false
	fs.Func(name, usage, func(s string) error {
		if given {
			s = *to + "," + s
		}
		*to, given = s, true
		return nil
	})
}

// mostNotes is how many notes are told beside an answer.
const mostNotes = 30

// answer tells the notes on a file, and answers with v as JSON or with a table.
func (o *Output) answer(t *Terminal, tb *Table, notes []string, v any, table func() error) error {
	for i, n := range notes {
		if i == mostNotes {
			t.Warn("%s: %d more notes", tb.Name(), len(notes)-i)
			break
		}
		t.Warn("%s: %s", tb.Name(), n)
	}
	if o.json {
		return t.WriteJSON(v)
	}
	return table()
}
