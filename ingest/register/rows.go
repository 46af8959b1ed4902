package register

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// statement is a text around a list of rows of placeholders, for calls that
// handle many rows at once.
type statement struct {
	before, after string
	// types are the SQL types of the columns; the first row is cast to them.
	// PostgreSQL needs that where no table column tells the type.
	types []string
	// width is the number of columns.
	width int
}

// exec runs the statement for args, width at a time, and returns how many rows
// it affected. Row counts come in few sizes, so that the database meets few
// different texts and keeps them prepared; none is above most.
func (s statement) exec(ctx context.Context, tx *sql.Tx, d Dialect, args []any, most int) (affected int64, err error) {
	for _, size := range []int{512, 64, 8, 1} {
		if size > most || len(args) < size*s.width {
			continue
		}
		n, rest, err := execAll(ctx, tx, s.text(d, size), args, size*s.width)
		affected, args = affected+n, rest
		if err != nil {
			return affected, err
		}
	}
	return affected, nil
}

// execAll runs text for every width of args and returns what is left of them.
func execAll(ctx context.Context, tx *sql.Tx, text string, args []any, width int) (affected int64, rest []any, err error) {
	stmt, err := tx.PrepareContext(ctx, text)
	if err != nil {
		return 0, args, fmt.Errorf("prepare: %w", err)
	}
	defer func() { _ = stmt.Close() }()
	for len(args) >= width {
		res, err := stmt.ExecContext(ctx, args[:width]...)
		if err != nil {
			return affected, args, err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return affected, args, err
		}
		affected, args = affected+n, args[width:]
	}
	return affected, args, nil
}

func (s statement) text(d Dialect, rows int) string {
	var b strings.Builder
	b.WriteString(s.before)
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		for j := range s.width {
			b.WriteString([]string{"(", ", "}[min(j, 1)])
			p := d.placeholder(i*s.width + j + 1)
			if i == 0 && s.types != nil {
				p = "CAST(" + p + " AS " + s.types[j] + ")"
			}
			b.WriteString(p)
		}
		b.WriteString(")")
	}
	b.WriteString(s.after)
	return b.String()
}
