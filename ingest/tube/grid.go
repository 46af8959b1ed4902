package tube

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// Bounds of a lab sheet. A campaign of a large town is some thousand tubes.
const (
	// MaxSheetBytes bounds the file.
	MaxSheetBytes = 8 << 20
	// maxUnpacked bounds what an XLSX file unpacks to, all parts together: beyond
	// it the file is no lab sheet, or made to fill the memory.
	maxUnpacked = 24 << 20
	maxParts    = 500
	maxSheets   = 50
	maxRows     = 20_000
	maxColumns  = 100
	maxMerged   = 5_000
	maxCell     = 2_000
)

// ErrFile says that a file is no lab sheet that can be read at all.
var ErrFile = errors.New("not a lab sheet that can be read")

// grid is one sheet as text: serial numbers of days for dates in a spreadsheet.
type grid struct {
	name string
	rows [][]string
	// merged tells of a merged cell which cell holds its value.
	merged map[[2]int][2]int
	// spreadsheet: dates and times may be numbers. since1904: its days count from
	// 1904.
	spreadsheet, since1904 bool
}

// cell returns the text of a cell, that of its whole for a merged one; rows and
// columns count from 0.
func (g *grid) cell(row, column int) string {
	if whole, ok := g.merged[[2]int{row, column}]; ok {
		row, column = whole[0], whole[1]
	}
	if row >= len(g.rows) || column >= len(g.rows[row]) {
		return ""
	}
	return g.rows[row][column]
}

// width is the number of columns of the widest of the rows.
func (g *grid) width(rows ...int) int {
	n := 0
	for _, r := range rows {
		if r < len(g.rows) {
			n = max(n, len(g.rows[r]))
		}
	}
	return n
}

// grids reads the sheets of a file, which is XLSX or else CSV.
func grids(name string, b []byte) ([]grid, error) {
	switch {
	case len(b) == 0:
		return nil, fmt.Errorf("%w: the file is empty", ErrFile)
	case len(b) > MaxSheetBytes:
		return nil, fmt.Errorf("%w: it is larger than %d MiB", ErrFile, MaxSheetBytes>>20)
	case bytes.HasPrefix(b, []byte("PK")):
		return xlsxGrids(b)
	case bytes.HasPrefix(b, []byte{0xd0, 0xcf, 0x11, 0xe0}):
		return nil, fmt.Errorf("%w: it is an old .xls file, or protected by a password: open it and save it as .xlsx without a password", ErrFile)
	case bytes.HasPrefix(b, []byte("%PDF")):
		return nil, fmt.Errorf("%w: it is a PDF: ask the laboratory for the spreadsheet", ErrFile)
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}), bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return nil, fmt.Errorf("%w: it is UTF-16 text: save it as CSV UTF-8", ErrFile)
	case bytes.IndexByte(b, 0) >= 0:
		return nil, fmt.Errorf("%w: it is neither a spreadsheet nor text", ErrFile)
	default:
		return csvGrid(name, b)
	}
}

// checkZip unpacks an XLSX file within bounds before excelize does, and counts
// the merged cells: excelize compares each of them with all others.
func checkZip(b []byte) error {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return fmt.Errorf("%w: the file is damaged: %w", ErrFile, err)
	}
	if len(z.File) > maxParts {
		return fmt.Errorf("%w: it has more than %d parts", ErrFile, maxParts)
	}
	left, merged := int64(maxUnpacked), 0
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return fmt.Errorf("%w: the file is damaged: %w", ErrFile, err)
		}
		part, err := io.ReadAll(io.LimitReader(r, left+1))
		if err = errors.Join(err, r.Close()); err != nil {
			return fmt.Errorf("%w: the file is damaged: %w", ErrFile, err)
		}
		if left -= int64(len(part)); left < 0 {
			return fmt.Errorf("%w: it unpacks to more than %d MiB", ErrFile, maxUnpacked>>20)
		}
		if merged += bytes.Count(part, []byte("mergeCell ")); merged > maxMerged {
			return fmt.Errorf("%w: it has more than %d merged cells", ErrFile, maxMerged)
		}
	}
	return nil
}

func xlsxGrids(b []byte) (all []grid, err error) {
	if err := checkZip(b); err != nil {
		return nil, err
	}
	// A file that is made to break a reader may do so; it takes nobody else down.
	defer func() {
		if r := recover(); r != nil {
			all, err = nil, fmt.Errorf("%w: the spreadsheet is malformed (%v)", ErrFile, r)
		}
	}()
	f, err := excelize.OpenReader(bytes.NewReader(b), excelize.Options{RawCellValue: true, UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxUnpacked})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	props, err := f.GetWorkbookProps()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	names := f.GetSheetList()
	if len(names) > maxSheets {
		return nil, fmt.Errorf("%w: it has more than %d sheets", ErrFile, maxSheets)
	}
	for _, name := range names {
		g := grid{name: name, spreadsheet: true, since1904: props.Date1904 != nil && *props.Date1904}
		if err := g.read(f); err != nil {
			return nil, fmt.Errorf("%w: sheet %s: %w", ErrFile, quoted(name), err)
		}
		all = append(all, g)
	}
	return all, nil
}

// read takes the values that are stored in a sheet; a formula is never computed,
// the number that the spreadsheet program left beside it is taken.
func (g *grid) read(f *excelize.File) error {
	rows, err := f.Rows(g.name)
	if err != nil {
		return err
	}
	empty := 0
	for rows.Next() {
		cells, err := rows.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return errors.Join(err, rows.Close())
		}
		// Bounded before the merged cells are read: for those excelize builds every
		// row up to the last, and a row may say that it is the millionth.
		if len(g.rows)+empty >= maxRows || len(cells) > maxColumns {
			return errors.Join(fmt.Errorf("more than %d rows or %d columns: delete what does not belong to the table, also empty rows", maxRows, maxColumns), rows.Close())
		}
		if len(cells) == 0 { // empty rows count when something follows them
			empty++
			continue
		}
		g.rows = append(g.rows, make([][]string, empty)...)
		empty = 0
		g.rows = append(g.rows, cells)
	}
	if err := errors.Join(rows.Error(), rows.Close()); err != nil {
		return err
	}
	return g.merge(f)
}

func (g *grid) merge(f *excelize.File) error {
	cells, err := f.GetMergeCells(g.name, true)
	if err != nil {
		return err
	}
	g.merged = map[[2]int][2]int{}
	for _, m := range cells {
		fromColumn, fromRow, err := excelize.CellNameToCoordinates(m.GetStartAxis())
		if err != nil {
			return err
		}
		toColumn, toRow, err := excelize.CellNameToCoordinates(m.GetEndAxis())
		if err != nil {
			return err
		}
		for r := fromRow - 1; r < min(toRow, len(g.rows)); r++ {
			for c := fromColumn - 1; c < min(toColumn, maxColumns); c++ {
				if len(g.merged) > maxRows*maxColumns/4 {
					return errors.New("the merged cells cover too much")
				}
				g.merged[[2]int{r, c}] = [2]int{fromRow - 1, fromColumn - 1}
			}
		}
	}
	return nil
}

// csvGrid reads text with comma, semicolon or tab between the fields. Bytes that
// are not UTF-8 are read as Windows-1252's common part, Latin-1.
func csvGrid(name string, b []byte) ([]grid, error) {
	b = bytes.TrimPrefix(b, []byte{0xef, 0xbb, 0xbf})
	text := string(b)
	if !utf8.ValidString(text) {
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		text = string(runes)
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = commaOf(text)
	r.FieldsPerRecord = -1
	g := grid{name: name}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return []grid{g}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFile, err)
		}
		line, _ := r.FieldPos(0)
		if line > maxRows || len(record) > maxColumns {
			return nil, fmt.Errorf("%w: more than %d lines or %d columns", ErrFile, maxRows, maxColumns)
		}
		g.rows = append(g.rows, make([][]string, max(line-1-len(g.rows), 0))...) // blank lines keep their number
		g.rows = append(g.rows, record)
	}
}

// commaOf finds what stands between fields: what stands most often in the line
// that has the most of any, outside quotes.
func commaOf(text string) rune {
	best, most := ',', 0
	for n, line := range strings.SplitN(text, "\n", 60) {
		if n == 59 {
			break
		}
		for _, c := range ";\t," {
			count, quotes := 0, false
			for _, x := range line {
				switch {
				case x == '"':
					quotes = !quotes
				case x == c && !quotes:
					count++
				}
			}
			if count > most {
				best, most = c, count
			}
		}
	}
	return best
}
