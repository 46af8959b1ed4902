package tube

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"buurtmeter/ingest/reading"
)

// Lab is the laboratory of a sheet and how it measured, in the words of the
// sheet or of whoever imported it. What is not known is empty. All of it is public.
type Lab struct {
	// Name of the laboratory, Method of its analysis, Limit of detection with its
	// unit ("1 µg/m³").
	Name, Method, Limit string
}

// maxLab bounds each of its texts, in bytes.
const maxLab = 200

// Check reports a text that is too long, cannot be printed, begins like a formula
// or may not be published; the last wraps reading.ErrNotPublic.
func (l Lab) Check() error {
	for _, x := range [...]struct{ what, text string }{{"the name of the laboratory", l.Name}, {"its method", l.Method}, {"its limit of detection", l.Limit}} {
		switch s := x.text; {
		case s == "":
			continue
		case len(s) > maxLab:
			return fmt.Errorf("%s is longer than %d bytes", x.what, maxLab)
		case strings.ContainsRune("=+-@", rune(s[0])):
			return fmt.Errorf("%s begins like a formula of a spreadsheet", x.what)
		case strings.TrimSpace(s) != s, strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }):
			return fmt.Errorf("%s begins or ends with a space, or holds a character that cannot be printed", x.what)
		}
		if err := reading.CheckPublic(x.text); err != nil {
			return fmt.Errorf("%s: %w", x.what, err)
		}
	}
	return nil
}

// Or fills what is not known from other.
func (l Lab) Or(other Lab) Lab {
	for _, x := range [...]struct {
		to   *string
		from string
	}{{&l.Name, other.Name}, {&l.Method, other.Method}, {&l.Limit, other.Limit}} {
		if *x.to == "" {
			*x.to = x.from
		}
	}
	return l
}

// String is the lab for people: "Buro Blauw, method X, limit of detection Y".
func (l Lab) String() string {
	var parts []string
	if l.Name != "" {
		parts = append(parts, l.Name)
	}
	if l.Method != "" {
		parts = append(parts, "method "+l.Method)
	}
	if l.Limit != "" {
		parts = append(parts, "limit of detection "+l.Limit)
	}
	if len(parts) == 0 {
		return "not told"
	}
	return strings.Join(parts, ", ")
}

// The labels of cells such as "Laboratorium: Buro Blauw" and "Detectielimiet 1
// µg/m³". Who analysed the tubes is left alone: it names people.
const limitLabel = `(?i)^(?:detectielimiet|detectiegrens|aantoonbaarheidsgrens|bepalingsgrens|rapportagegrens|rapportagelimiet|lod|loq|detection limit|limit of (?:detection|quantification)|reporting limit)(?: no2)?(?: \((?:lod|loq)\))?`

var (
	labLabel    = regexp.MustCompile(`(?i)^(?:naam (?:van het )?)?(?:analyse)?lab(?:oratorium|oratory)?(?: name)?$`)
	methodLabel = regexp.MustCompile(`(?i)^(?:(?:analyse|meet|bepalings|lab)?method(?:e|iek)?|analysetechniek|(?:analysis|analytical|laboratory) method)$`)
	limitAlone  = regexp.MustCompile(limitLabel + `$`)
	limitBefore = regexp.MustCompile(limitLabel + `\s*=?\s*([<≤]?\s*\d.*)$`)
)

// read takes what a row that is no tube says of the laboratory. The first that
// says it counts; another one is noted.
func (l *Lab) read(s *Sheet, g *grid, row int) {
	cells := filled(g, row)
	for i, cell := range cells {
		label, value, colon := strings.Cut(cell, ":")
		label, value = strings.TrimSpace(label), strings.TrimSpace(value)
		if m := limitBefore.FindStringSubmatch(cell); m != nil {
			label, value, colon = "lod", m[1], true
		}
		// Without a colon a word is a label only when nothing else stands in the row:
		// it may be the heading of another table.
		if value == "" && i+1 < len(cells) && (colon || len(cells) == 2) {
			value = cells[i+1]
		}
		if value == "" {
			continue
		}
		found := Lab{}
		switch {
		case labLabel.MatchString(label):
			found.Name = value
		case methodLabel.MatchString(label):
			found.Method = value
		case limitAlone.MatchString(label):
			found.Limit = value
		default:
			continue
		}
		if err := found.Check(); err != nil {
			s.note("sheet %s, row %d: %v; it is not kept", quoted(g.name), row+1, err)
			continue
		}
		if l.Or(found) != found.Or(*l) {
			s.note("sheet %s, row %d says something else of the laboratory than was read before: %s; what came first counts", quoted(g.name), row+1, found)
		}
		*l = l.Or(found)
	}
}

// filled are the texts of the cells of a row that hold something, a merged cell
// once.
func filled(g *grid, row int) []string {
	var cells []string
	for c := range g.width(row) {
		s := strings.Join(strings.Fields(g.cell(row, c)), " ")
		if s != "" && (len(cells) == 0 || cells[len(cells)-1] != s) {
			cells = append(cells, s)
		}
	}
	return cells
}

// form names the laboratory by the form of the table when the sheet does not.
func (s *Sheet) form() {
	if s.Lab.Name == "" && s.house != "" {
		s.Lab.Name = s.house
		s.note("the sheet does not name its laboratory; its table has the form of %s, which is taken for it", s.house)
	}
}
