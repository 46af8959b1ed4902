package analyse

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/paulmach/orb"

	"buurtmeter/geo"
)

// LocateCommand writes a file of points with the area of each. It is a command
// of its own and no analysis: its answer is the file.
func LocateCommand() Command {
	return Command{
		Name: "locate", Usage: "locate POINTS.csv --areas AREAS.geojson --area-id FIELD [--lon COL --lat COL] [flags]",
		Short:   "write a CSV file of points again, with the area that each lies in as a last column",
		Example: "buurtmeter locate points.csv --areas buurten.geojson.gz --area-id statcode > points-buurten.csv",
		New: func(fs *flag.FlagSet) func(context.Context, *Terminal, []string) error {
			c := &locateConfig{in: InputFlags(fs)}
			c.in.keep = true
			fs.StringVar(&c.areas, "areas", "", "GeoJSON file with the areas, in WGS84 degrees, plain or gzip")
			fs.StringVar(&c.areaID, "area-id", "", "property of the areas that names them, e.g. statcode")
			fs.StringVar(&c.lon, "lon", "", "column with the longitude in degrees (default: lon or longitude)")
			fs.StringVar(&c.lat, "lat", "", "column with the latitude in degrees (default: lat or latitude)")
			fs.StringVar(&c.column, "column", "", "name of the column that is added (default: as --area-id)")
			return c.run
		},
	}
}

type locateConfig struct {
	in            *Input
	areas, areaID string
	lon, lat      string
	column        string
}

func (c *locateConfig) run(ctx context.Context, t *Terminal, files []string) error {
	const example = "buurtmeter locate POINTS.csv --areas AREAS.geojson --area-id statcode"
	switch {
	case len(files) != 1:
		return problem(fmt.Errorf("locate wants one file, not %d", len(files)), example)
	case c.areas == "":
		return problem(errors.New("which areas?"), "give a GeoJSON file with --areas; %s", example)
	case c.areaID == "":
		return problem(errors.New("what names the areas?"), "give the property with --area-id; %s", example)
	case c.column == "":
		c.column = c.areaID
	}
	// The heading first: a mistake in it should not wait for the areas.
	tb, err := c.in.Open(t, files[0])
	if err != nil {
		return err
	}
	defer func() { _ = tb.Close() }()
	if slices.ContainsFunc(tb.Header(), func(h string) bool { return strings.EqualFold(h, strings.TrimSpace(c.column)) }) {
		return problem(fmt.Errorf("%s has a column %q already", tb.Name(), c.column), "choose another name for the column that is added, e.g. --column %s-found", c.column)
	}
	l := &locating{pointSet: pointSet{table: tb}, out: bufio.NewWriterSize(t.Out, 1<<16), width: len(tb.split.fields)}
	if l.lon, err = l.coordinate("--lon", c.lon, "lon", "longitude", "lng", "long"); err != nil {
		return err
	}
	if l.lat, err = l.coordinate("--lat", c.lat, "lat", "latitude"); err != nil {
		return err
	}
	if l.index, err = (&pointsConfig{areas: c.areas, areaID: c.areaID}).readAreas(t); err != nil {
		return err
	}
	err = l.all(ctx, c.column)
	if flushed := l.out.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		return err
	}
	l.tell(t)
	return nil
}

// rowsAtOnce is how many rows are held to be located together.
const rowsAtOnce = 256

// locating is the reading of a file of points that is written again.
type locating struct {
	pointSet
	out   *bufio.Writer
	width int // fields of the heading, with empty ones at its end

	// The rows that are held: their bytes, with where each ends, and where they
	// lie.
	text   []byte
	rows   []heldRow
	points []orb.Point
	codes  []geo.Code

	inside     int
	usable     bool // a position was
	faults     int  // positions that are no degrees
	firstFault error
}

// heldRow is a row to be written: its bytes end at end, of which the last eol are
// the end of its line, and it lacks so many fields of the heading's.
type heldRow struct{ end, eol, lacks, line int }

func (l *locating) all(ctx context.Context, column string) error {
	s := &l.table.split
	if l.table.marked {
		if _, err := l.out.WriteString("\ufeff"); err != nil {
			return err
		}
	}
	eol := l.eol(s.raw)
	heading := s.raw[:len(s.raw)-eol]
	end := s.raw[len(heading):]
	if err := l.write(heading, 0, column, end); err != nil {
		return err
	}
	s.raw = s.raw[:0]
	for l.table.Next() {
		if l.table.Rows()%(1<<12) == 0 && ctx.Err() != nil {
			return errors.Join(l.flush(), ctx.Err())
		}
		if err := l.row(); err != nil {
			return errors.Join(l.flush(), err)
		}
		s.raw = s.raw[:0]
		if len(l.rows) == rowsAtOnce {
			if err := l.flush(); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(l.flush(), l.table.Err()); err != nil {
		return err
	}
	if l.table.Rows() == 0 {
		return problem(fmt.Errorf("%s has no rows below its heading", l.table.Name()), "give a file with points")
	}
	_, err := l.out.Write(s.raw) // blank lines at the end
	return err
}

// row holds the current row.
func (l *locating) row() error {
	p, known, err := l.position()
	switch {
	case err != nil && !l.usable:
		return err // the wrong column or projection, most likely
	case err != nil:
		if l.faults++; l.faults == 1 {
			l.firstFault = err
		}
	case !known:
		if l.withoutPosition++; l.withoutPosition == 1 {
			l.firstWithoutPosition = l.table.Line()
		}
	}
	l.usable = l.usable || known
	raw := l.table.split.raw
	eol := l.eol(raw)
	body, end := raw[:len(raw)-eol], raw[len(raw)-eol:]
	fields := len(l.table.split.fields)
	for ; fields > l.width; fields-- { // empty, and more than the heading has
		body = body[:bytes.LastIndexByte(body, l.table.split.comma)]
	}
	l.text = append(append(l.text, body...), end...)
	l.rows = append(l.rows, heldRow{end: len(l.text), eol: eol, lacks: l.width - fields, line: l.table.Line()})
	l.points = append(l.points, p)
	return nil
}

// position returns the position of the current row, or one that is no number.
func (l *locating) position() (p orb.Point, known bool, err error) {
	p = orb.Point{math.NaN(), math.NaN()}
	lon, knownLon, err := l.degrees(l.lon, 180)
	if err != nil {
		return p, false, err
	}
	lat, knownLat, err := l.degrees(l.lat, 90)
	if err != nil || !knownLon || !knownLat || lon == 0 && lat == 0 { // 0,0 is what a device without a fix writes
		return p, false, err
	}
	return orb.Point{lon, lat}, true, nil
}

// eol returns how many bytes at the end of a record end its line.
func (l *locating) eol(raw []byte) int {
	rest := bytes.TrimSuffix(raw, []byte{l.table.split.eol})
	return len(raw) - len(bytes.TrimSuffix(rest, []byte{'\r'}))
}

// flush locates the rows that are held and writes them.
func (l *locating) flush() error {
	l.codes = l.index.LocateAll(l.codes[:0], l.points)
	begin := 0
	for i, r := range l.rows {
		body, end := l.text[begin:r.end-r.eol], l.text[r.end-r.eol:r.end]
		begin = r.end
		p := l.points[i]
		switch {
		case l.codes[i] != "":
			l.inside++
			if l.index.Overlapped(p[0], p[1]) {
				l.overlapped++
			}
		case !math.IsNaN(p[0]):
			if l.outside++; l.outside == 1 {
				l.firstOutside = r.line
			}
			if _, ok := l.index.Locate(p[1], p[0]); ok {
				l.swapped++
			}
		}
		if err := l.write(body, r.lacks, string(l.codes[i]), end); err != nil {
			return err
		}
	}
	l.text, l.rows, l.points = l.text[:0], l.rows[:0], l.points[:0]
	return nil
}

// write writes a row with the field that is added. bufio.Writer keeps its first
// error, so that asking once is enough.
func (l *locating) write(body []byte, lacks int, field string, end []byte) error {
	comma := l.table.split.comma
	_, _ = l.out.Write(body)
	for range lacks {
		_ = l.out.WriteByte(comma)
	}
	_ = l.out.WriteByte(comma)
	if strings.IndexByte(field, comma) >= 0 || strings.ContainsAny(field, "\"\r\n") || field != strings.TrimSpace(field) {
		field = `"` + strings.ReplaceAll(field, `"`, `""`) + `"`
	}
	_, _ = l.out.WriteString(field)
	_, err := l.out.Write(end)
	return err
}

// tell says what became of the rows.
func (l *locating) tell(t *Terminal) {
	name := l.table.Name()
	_, _ = fmt.Fprintf(t.Err, "%s: %d rows, %d in an area\n", name, l.table.Rows(), l.inside)
	if l.outside > 0 {
		t.Warn("%s: %s outside every area, the first on line %d; their area is empty", name, points(l.outside), l.firstOutside)
	}
	if l.swapped > 0 {
		t.Warn("%s: %d of them would lie in an area if longitude and latitude were swapped: are --lon and --lat the right columns?", name, l.swapped)
	}
	if l.withoutPosition > 0 {
		t.Warn("%s: %s without a position, the first on line %d; their area is empty", name, points(l.withoutPosition), l.firstWithoutPosition)
	}
	if l.faults > 0 {
		t.Warn("%s: %s with a position that is no degrees; their area is empty. The first: %v", name, points(l.faults), l.firstFault)
	}
	if l.overlapped > 0 {
		t.Warn("%s: %s in several areas that overlap; the first by name was taken", name, points(l.overlapped))
	}
}
