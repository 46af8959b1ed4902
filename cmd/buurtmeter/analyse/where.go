package analyse

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
)

// whereFlag declares --where: which rows of a file are meant, as in a file of
// several pollutants.
func whereFlag(fs *flag.FlagSet, in *Input) {
	fs.Func("where", "take only rows that have a value in a column, e.g. parameter=no2; given again, several values of one column are alternatives, and several columns must all fit", func(s string) error {
		name, _, ok := strings.Cut(s, "=")
		if !ok || strings.TrimSpace(name) == "" {
			return errors.New("write COLUMN=VALUE")
		}
		in.where = append(in.where, s)
		return nil
	})
}

// condition is a column with the values that a row may have there.
type condition struct {
	column int
	values []string
	seen   []string // some of the others
}

// rowFilter chooses rows. The zero value takes them all.
type rowFilter struct {
	conditions []condition
	taken      int
}

// filter finds the columns of --where.
func (in *Input) filter(tb *Table) (*rowFilter, error) {
	f := &rowFilter{}
	for _, text := range in.where {
		name, value, _ := strings.Cut(text, "=")
		column, err := tb.Column(name)
		if err != nil {
			return nil, err
		}
		value = strings.TrimSpace(value)
		i := slices.IndexFunc(f.conditions, func(c condition) bool { return c.column == column })
		if i < 0 {
			f.conditions = append(f.conditions, condition{column: column, values: []string{value}})
			continue
		}
		f.conditions[i].values = append(f.conditions[i].values, value)
	}
	return f, nil
}

// takes tells whether the row is meant.
func (f *rowFilter) takes(tb *Table) bool {
	const most = 8
	for i := range f.conditions {
		c := &f.conditions[i]
		field := tb.field(c.column)
		if slices.ContainsFunc(c.values, func(v string) bool { return v == string(field) }) {
			continue
		}
		if len(c.seen) < most && !slices.Contains(c.seen, text(field)) {
			c.seen = append(c.seen, text(field))
		}
		return false
	}
	f.taken++
	return true
}

// tell says how many rows were taken; it is an error when none was.
func (f *rowFilter) tell(t *Terminal, tb *Table) error {
	switch {
	case len(f.conditions) == 0:
		return nil
	case f.taken > 0:
		t.Warn("%s: %d of %d rows fit --where", tb.Name(), f.taken, tb.Rows())
		return nil
	}
	var others []string
	for _, c := range f.conditions {
		for _, v := range c.seen {
			others = append(others, fmt.Sprintf("%s=%s", tb.Header()[c.column], clip(v)))
		}
	}
	return problem(fmt.Errorf("%s: none of %d rows fits --where", tb.Name(), tb.Rows()), "other rows have %s", strings.Join(others, ", "))
}
