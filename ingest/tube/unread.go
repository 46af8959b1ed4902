package tube

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Problem is a cell that cannot be read.
type Problem struct {
	// Sheet is the name of the sheet, Row its row from 1, Column the letter of the
	// column.
	Sheet  string
	Row    int
	Column string
	// What is wrong, and what to Do.
	What, Do string
	// Whole tells that it makes all rows of the sheet unfit, not this one.
	Whole bool
}

// String is the problem with its place, for people.
func (p Problem) String() string {
	s := fmt.Sprintf("sheet %s, row %d, column %s: %s", quoted(p.Sheet), p.Row, p.Column, p.What)
	if p.Do != "" {
		s += ": " + p.Do
	}
	return s
}

// maxProblems bounds what is kept to be told: a wrong file has a problem in every
// row.
const maxProblems = 1000

// ErrWhole says that what is wrong with a sheet is not wrong with single rows.
var ErrWhole = errors.New("it is not a matter of single rows")

// UnreadRows counts the rows that problems stand in.
func UnreadRows(problems []Problem) int {
	type row struct {
		sheet string
		row   int
	}
	rows := map[row]bool{}
	for _, p := range problems {
		rows[row{p.Sheet, p.Row}] = true
	}
	return len(rows)
}

// LeaveOut decides to do without the rows that cannot be read: Problems become
// LeftOut. The error wraps ErrWhole, and nothing changes, when they are more than
// can be told of or make the whole sheet unfit, or when no tube is left.
func (s *Sheet) LeaveOut() error {
	for _, p := range s.Problems {
		if p.Whole {
			return fmt.Errorf("%w: %s", ErrWhole, p)
		}
	}
	switch {
	case s.MoreProblems > 0:
		return fmt.Errorf("%w: more than %d cells cannot be read", ErrWhole, maxProblems)
	case len(s.Tubes) == 0 && len(s.Problems) > 0:
		return fmt.Errorf("%w: not one of its tubes can be read", ErrWhole)
	}
	s.LeftOut, s.Problems = append(s.LeftOut, s.Problems...), nil
	return nil
}

func (s *Sheet) problem(p Problem) {
	if len(s.Problems) < maxProblems {
		s.Problems = append(s.Problems, p)
	} else {
		s.MoreProblems++
	}
}

// twice finds codes that stand on two rows. Of two rows that say the same the
// first stays; of two that do not, nobody can tell which is right, and both go.
func (s *Sheet) twice() {
	first := map[string]int{}
	bad := make([]bool, len(s.Tubes))
	const do = "a tube hangs once: correct the code, or delete the row that is a copy"
	tell := func(i, other int) {
		p := s.at[i]
		p.What, p.Do = fmt.Sprintf("the code %s also stands in row %d", quoted(s.Tubes[i].Code), s.Tubes[other].Row), do
		if p.Sheet != s.at[other].Sheet {
			p.What += " of sheet " + quoted(s.at[other].Sheet)
		}
		s.problem(p)
		bad[i] = true
	}
	for i, e := range s.Tubes {
		f, ok := first[e.Code]
		if !ok {
			first[e.Code] = i
			continue
		}
		if !bad[f] && !sameTube(s.Tubes[f], e) {
			tell(f, i)
		}
		tell(i, f)
	}
	kept := s.Tubes[:0]
	for i, e := range s.Tubes {
		if !bad[i] {
			kept = append(kept, e)
		}
	}
	s.Tubes, s.at = kept, nil
}

// sameTube reports whether two rows say the same of a tube.
func sameTube(a, b Exposure) bool {
	return a.Location == b.Location && a.Period == b.Period && a.Start.Equal(b.Start) && a.End.Equal(b.End) &&
		a.Result == b.Result && a.Blank == b.Blank && a.Remark == b.Remark
}

// sortProblems puts the problems in the order of the sheets and their rows.
func (s *Sheet) sortProblems(grids []grid) {
	of := map[string]int{}
	for i := range grids {
		of[grids[i].name] = i
	}
	slices.SortStableFunc(s.Problems, func(a, b Problem) int { return cmp.Or(of[a.Sheet]-of[b.Sheet], a.Row-b.Row) })
}
