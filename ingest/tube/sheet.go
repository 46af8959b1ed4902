package tube

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/xuri/excelize/v2"
)

// Sheet is a lab sheet as it was read.
type Sheet struct {
	// Name is the name of the file, without its folder.
	Name string
	// SHA256 is the hash of its bytes.
	SHA256 [sha256.Size]byte
	// Set names the set of tubes, from the title ("Resultaten NO2 analyse set
	// 034a"); the name of the file without its ending when the title has none.
	Set string
	// Lab is what the sheet says of the laboratory and its method. LabSaid tells
	// that whoever imports it says so, which then goes before what is known.
	Lab     Lab
	LabSaid bool
	// Tubes are the rows that could be read, field blanks among them.
	Tubes []Exposure
	// Problems are what could not be read, by sheet and row; MoreProblems counts
	// those beyond maxProblems.
	Problems     []Problem
	MoreProblems int
	// LeftOut are the problems that somebody decided to do without; see LeaveOut.
	LeftOut []Problem
	// Notes tell what was read in a way that somebody may want to know of: rows
	// that are no tubes, columns that were not used, tubes that hung unusually long.
	Notes []string
	// notes counts all notes, also those beyond maxNotes; at has the place of each
	// of Tubes.
	notes int
	at    []Problem
	// house is the laboratory whose form the table has, if it is a known one.
	house string
}

// ReadSheet reads a lab sheet, XLSX or CSV, by its headings, wherever they stand
// and in Dutch or English: the code of the tube, where it hung, from when to when,
// the result in µg/m³, and a period and remarks where there are. Dates are read
// day-month-year, times without a zone in zone. Values are taken as they are
// stored; a formula is never computed. The error wraps ErrFile when the file as
// a whole is none; what is wrong with single rows is in Problems.
func ReadSheet(name string, b []byte, zone *time.Location) (*Sheet, error) {
	all, err := grids(filepath.Base(name), b)
	if err != nil {
		return nil, err
	}
	s := &Sheet{Name: filepath.Base(name), SHA256: sha256.Sum256(b)}
	found := false
	for i := range all {
		r := sheetReader{sheet: s, grid: &all[i], zone: zone}
		if r.head() {
			found = true
			r.read()
		} else if len(all[i].rows) > 0 {
			for row := range min(len(all[i].rows), headRows) {
				s.Lab.read(s, &all[i], row)
			}
			s.note("sheet %s has no table of tubes and was not read", quoted(all[i].name))
		}
	}
	if !found {
		return nil, fmt.Errorf("%w: no row holds the headings of a table of tubes. Wanted are code, description, start date, end date and concentration, as in: Blauw code | Omschrijving | Startdatum | Starttijd | Einddatum | Eindtijd | Concentratie NO2 [µg.m-3]", ErrFile)
	}
	if s.Set == "" {
		s.Set = strings.TrimSuffix(s.Name, filepath.Ext(s.Name))
	}
	s.twice()
	s.sortProblems(all)
	s.form()
	if more := s.notes - len(s.Notes); more > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("and %d notes more", more))
	}
	return s, nil
}

// maxNotes bounds the notes of a sheet.
const maxNotes = 200

func (s *Sheet) note(format string, args ...any) {
	s.notes++
	if len(s.Notes) < maxNotes {
		s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
	}
}

// field is what a column holds.
type field int

const (
	fieldNone field = iota
	fieldCode
	fieldLocation
	fieldStartDate
	fieldStartTime
	fieldEndDate
	fieldEndTime
	fieldResult
	fieldRemark
	fieldPeriod
	fieldCount
)

// fieldOf knows a heading by its words.
func fieldOf(heading string) field {
	h := strings.ToLower(strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return ' '
	}, heading)), " "))
	begin, end := containsAny(h, "start", "begin"), containsAny(h, "eind", "end", "stop")
	switch {
	case h == "":
		return fieldNone
	case containsAny(h, "concentratie", "concentration") || h == "no2" || strings.HasPrefix(h, "no2 ") || h == "resultaat" || h == "result" || h == "waarde" || h == "value":
		return fieldResult
	case containsAny(h, "opmerking", "remark", "bijzonderhe", "comment"):
		return fieldRemark
	case (begin || end) && containsAny(h, "tijd", "time", "uur") && !containsAny(h, "datum", "date"):
		if begin {
			return fieldStartTime
		}
		return fieldEndTime
	case begin:
		return fieldStartDate
	case end:
		return fieldEndDate
	case h == "periode" || h == "period":
		return fieldPeriod
	case containsAny(h, "omschrijving", "locatie", "location", "meetpunt", "description", "adres", "site", "plaats"):
		return fieldLocation
	case containsAny(h, "code", "buis", "tube", "monster", "sample") || h == "blauw":
		return fieldCode
	default:
		return fieldNone
	}
}

func containsAny(s string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// sheetReader reads the table of one sheet of a file.
type sheetReader struct {
	sheet *Sheet
	grid  *grid
	zone  *time.Location
	// columns has the column of each field, -1 for none; body is the first row
	// below the headings.
	columns [fieldCount]int
	body    int
	unit    string
	// unread tells that the row that is read has a problem.
	unread bool
}

// headRows is how far down the headings may stand.
const headRows = 60

var setName = regexp.MustCompile(`(?i)\bset\s+([\pL\d][\pL\d._-]{0,39})`)

// head finds the headings, which may stand on two rows.
func (r *sheetReader) head() bool {
	for row := range min(len(r.grid.rows), headRows) {
		if r.columnsOf(row) {
			r.title(row)
			return true
		}
	}
	return false
}

// columnsOf takes the row for the headings when it holds those that are needed.
func (r *sheetReader) columnsOf(row int) bool {
	for f := range r.columns {
		r.columns[f] = -1
	}
	for c := range r.grid.width(row) {
		f := fieldOf(r.grid.cell(row, c))
		if f != fieldNone && r.columns[f] < 0 {
			r.columns[f] = c
		}
	}
	for _, f := range []field{fieldCode, fieldStartDate, fieldEndDate, fieldResult} {
		if r.columns[f] < 0 {
			return false
		}
	}
	if strings.HasPrefix(strings.ToLower(r.grid.cell(row, r.columns[fieldCode])), "blauw") {
		r.sheet.house = "Buro Blauw" // "Blauw code": so it heads the codes of its own tubes
	}
	r.body = row + 1
	r.unit = r.grid.cell(row, r.columns[fieldResult])
	if below := r.grid.cell(row+1, r.columns[fieldStartDate]); below == "" && r.grid.cell(row+1, r.columns[fieldEndDate]) == "" {
		// A second row of headings, with the unit: it has words and no dates.
		unit := r.grid.cell(row+1, r.columns[fieldResult])
		if _, err := ParseResult(unit); err != nil {
			r.unit += " " + unit
			r.body++
		}
	}
	return true
}

// title takes the name of the set from above the headings, and tells of columns
// that are not used.
func (r *sheetReader) title(row int) {
	for above := range row {
		r.sheet.Lab.read(r.sheet, r.grid, above)
		for c := range r.grid.width(above) {
			if m := setName.FindStringSubmatch(r.grid.cell(above, c)); m != nil && r.sheet.Set == "" {
				r.sheet.Set = m[1]
			}
		}
	}
	used := map[int]bool{}
	for _, c := range r.columns {
		used[c] = true
	}
	for c := range r.grid.width(row) {
		if h := strings.TrimSpace(r.grid.cell(row, c)); h != "" && !used[c] {
			r.sheet.note("sheet %s: the column %s is not used", quoted(r.grid.name), quoted(h))
		}
	}
	unit := strings.ToLower(strings.NewReplacer("μ", "u", "µ", "u", " ", "").Replace(r.unit))
	switch {
	case containsAny(unit, "ppb", "ppm", "mg/", "mg.", "mgm"):
		p := r.place(row, fieldResult)
		p.What, p.Whole = fmt.Sprintf("the results are not in µg/m³ (%s)", quoted(r.unit)), true
		p.Do = "ask the laboratory for µg/m³: it depends on temperature and pressure what they come to"
		r.sheet.problem(p)
	case !containsAny(unit, "ug"):
		r.sheet.note("sheet %s names no unit of the results: they are taken for µg/m³", quoted(r.grid.name))
	}
}

// place is a problem without its words.
func (r *sheetReader) place(row int, f field) Problem {
	column := "?"
	if c := r.columns[f]; c >= 0 {
		if letter, err := excelize.ColumnNumberToName(c + 1); err == nil {
			column = letter
		}
	}
	return Problem{Sheet: r.grid.name, Row: row + 1, Column: column}
}

func (r *sheetReader) problem(row int, f field, what, do string) {
	r.unread = true
	p := r.place(row, f)
	p.What, p.Do = what, do
	r.sheet.problem(p)
}

func (r *sheetReader) text(row int, f field) string {
	if r.columns[f] < 0 {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(r.grid.cell(row, r.columns[f]), "\u00a0", " "))
}

// read reads the rows below the headings.
func (r *sheetReader) read() {
	for row := r.body; row < len(r.grid.rows); row++ {
		words := r.words(row)
		switch {
		case len(words) == 0:
		case fieldOf(r.text(row, fieldStartDate)) == fieldStartDate && fieldOf(r.text(row, fieldEndDate)) == fieldEndDate:
			r.sheet.note("sheet %s, row %d: the headings again", quoted(r.grid.name), row+1)
		case r.text(row, fieldStartDate) == "" && r.text(row, fieldEndDate) == "" && r.text(row, fieldResult) == "":
			r.sheet.Lab.read(r.sheet, r.grid, row)
			r.sheet.note("sheet %s, row %d is no tube: %s", quoted(r.grid.name), row+1, quoted(strings.Join(words, " ")))
		default:
			r.tube(row)
		}
	}
}

func (r *sheetReader) words(row int) []string {
	var words []string
	for c := range r.grid.width(row) {
		if s := strings.TrimSpace(r.grid.cell(row, c)); s != "" {
			words = append(words, s)
		}
	}
	return words
}

// tube reads a row; with a problem in it the row is no tube.
func (r *sheetReader) tube(row int) {
	r.unread = false
	e := Exposure{Row: row + 1, Remark: r.label(row, fieldRemark), Period: r.label(row, fieldPeriod)}
	e.Code, e.Location = r.label(row, fieldCode), r.label(row, fieldLocation)
	if r.text(row, fieldCode) == "" {
		r.problem(row, fieldCode, "the tube has no code", "write the code that stands on the tube")
	}
	if e.Location == "" {
		e.Location = e.Code
	}
	var fault string
	var err error
	if e.Result, err = ParseResult(r.text(row, fieldResult)); err != nil {
		r.problem(row, fieldResult, err.Error(), "write a number, <15 for a result below the limit of detection, or nothing for a lost tube")
	}
	if e.Start, fault = r.moment(row, fieldStartDate, fieldStartTime); fault != "" {
		r.problem(row, fieldStartDate, fault, "write the date as 29-01-2021 and the time as 11:32")
	}
	if e.End, fault = r.moment(row, fieldEndDate, fieldEndTime); fault != "" {
		r.problem(row, fieldEndDate, fault, "write the date as 26-02-2021 and the time as 11:32")
	}
	if r.unread {
		return
	}
	e.Blank = IsBlank(e.Code, e.Location) || IsBlank("", e.Remark)
	hung := e.End.Sub(e.Start)
	switch {
	case hung <= 0:
		r.problem(row, fieldEndDate, "the tube was closed before it was opened", "correct the start or the end")
		return
	case hung > 100*24*time.Hour:
		r.problem(row, fieldEndDate, fmt.Sprintf("the tube hung for %d days", int(hung.Hours()/24)), "correct the start or the end")
		return
	case hung < 6*24*time.Hour, hung > 36*24*time.Hour:
		r.sheet.note("sheet %s, row %d: tube %s hung for %.1f days; the method is for 1 to 4 weeks (EN 16339)", quoted(r.grid.name), row+1, quoted(e.Code), hung.Hours()/24)
	}
	r.sheet.Tubes, r.sheet.at = append(r.sheet.Tubes, e), append(r.sheet.at, r.place(row, fieldCode))
}

// label reads a name. A text that a spreadsheet would run as a formula when it
// is opened there again is refused, and so is what cannot be printed.
func (r *sheetReader) label(row int, f field) string {
	s := strings.Join(strings.Fields(r.text(row, f)), " ")
	switch {
	case s == "":
	case strings.ContainsRune("=+@", rune(s[0])), s[0] == '-' && len(s) > 1:
		r.problem(row, f, quoted(s)+" begins like a formula", "begin it with a letter or a digit")
	case len(s) > maxCell/4:
		r.problem(row, f, fmt.Sprintf("%s is longer than %d bytes", quoted(s), maxCell/4), "write it shorter")
	case strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) || !unicode.IsPrint(c) && c != ' ' }):
		r.problem(row, f, quoted(s)+" holds a character that cannot be printed", "type it again")
	default:
		return s
	}
	return ""
}

// moment reads a date and, where it stands in a column of its own, a time.
func (r *sheetReader) moment(row int, date, clock field) (at time.Time, fault string) {
	text := r.text(row, date)
	if text == "" {
		return at, "there is no date"
	}
	var d day
	var seconds int
	serial := false
	if r.grid.spreadsheet {
		d, seconds, serial = serialDay(text, r.grid.since1904)
	}
	if !serial {
		var err error
		if r.columns[clock] < 0 || strings.ContainsAny(text, ":") {
			if at, err = ParseMoment(text, r.zone); err != nil {
				return at, err.Error()
			}
			return at, ""
		}
		if d, err = parseDay(text); err != nil {
			return at, quoted(text) + " " + err.Error()
		}
	}
	if t := r.text(row, clock); t != "" {
		var err error
		if seconds, err = parseTime(t, r.grid.spreadsheet); err != nil {
			return at, quoted(t) + " " + err.Error()
		}
	}
	at, err := inZone(d, seconds, r.zone)
	if err != nil {
		return at, fmt.Sprintf("%02d-%02d-%d %02d:%02d %v", d.day, d.month, d.year, seconds/3600, seconds/60%60, err)
	}
	return at, ""
}
