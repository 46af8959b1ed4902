package analyse

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"buurtmeter/geo"
)

// pointsConfig are the flags of 'analyse points' as they are given.
type pointsConfig struct {
	in                       *Input
	out                      *Output
	areas, areaID            string
	value, lon, lat, limited string
}

func pointsCommand() Command {
	return Command{
		Name: "points", Usage: "points FILE --areas AREAS.geojson --area-id FIELD --value COL [--lon COL --lat COL] [--limits 10,20,40] [flags]",
		Short:   "mean with interval, median, highest and share above limits of the points in each area",
		Example: "buurtmeter analyse points points.csv --areas buurten.geojson --area-id buurtcode --value no2 --lon lon --lat lat --limits 10,20,40",
		New: func(fs *flag.FlagSet) func(context.Context, *Terminal, []string) error {
			c := &pointsConfig{in: InputFlags(fs), out: OutputFlags(fs)}
			whereFlag(fs, c.in)
			fs.StringVar(&c.areas, "areas", "", "GeoJSON file with the areas, in WGS84 degrees")
			fs.StringVar(&c.areaID, "area-id", "", "property of the areas that names them, e.g. buurtcode")
			fs.StringVar(&c.value, "value", "", "column with the values")
			fs.StringVar(&c.lon, "lon", "", "column with the longitude in degrees (default: lon or longitude)")
			fs.StringVar(&c.lat, "lat", "", "column with the latitude in degrees (default: lat or latitude)")
			list(fs, &c.limited, "limits", "10,20,40", "values that points are counted above, with commas between them")
			return func(ctx context.Context, t *Terminal, files []string) error { return c.run(ctx, t, files) }
		},
	}
}

// limit is a value that points are counted above, as it was written.
type limit struct {
	text  string
	value Decimal
}

func (c *pointsConfig) limits() ([]limit, error) {
	var limits []limit
	for text := range strings.SplitSeq(c.limited, ",") {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		d, ok := parseDecimal([]byte(text), '.')
		if !ok || d.Cut {
			return nil, problem(fmt.Errorf("--limits: %q is not a number", text), "give numbers with commas between them and a decimal point, e.g. --limits 10,20,37.5")
		}
		if !slices.ContainsFunc(limits, func(l limit) bool { return l.text == text }) {
			limits = append(limits, limit{text, d})
		}
	}
	return limits, nil
}

func (c *pointsConfig) run(ctx context.Context, t *Terminal, files []string) error {
	const example = "buurtmeter analyse points POINTS.csv --areas AREAS.geojson --area-id FIELD --value no2"
	switch {
	case len(files) != 1:
		return problem(fmt.Errorf("analyse points wants one file, not %d", len(files)), example)
	case c.areas == "":
		return problem(errors.New("which areas?"), "give a GeoJSON file with --areas; %s", example)
	case c.areaID == "":
		return problem(errors.New("what names the areas?"), "give the property with --area-id; %s", example)
	case c.value == "":
		return problem(errors.New("which column holds the values?"), "name it with --value; %s", example)
	}
	limits, err := c.limits()
	if err != nil {
		return err
	}
	index, err := c.readAreas(t)
	if err != nil {
		return err
	}
	p := &pointSet{index: index, limits: limits, areas: map[geo.Code]*pointArea{}}
	tb, err := c.in.each(t, files[0], ctx.Err, func(tb *Table) error { return p.columns(tb, c) }, p.row)
	if err != nil {
		return err
	}
	if len(p.areas) == 0 && p.swapped > 0 {
		return problem(fmt.Errorf("%s: no point lies in an area, but %d would if longitude and latitude were swapped", tb.Name(), p.swapped),
			"name the column of the longitude (about 5 in the Netherlands) with --lon and that of the latitude (about 52) with --lat")
	}
	answer := p.answer()
	return c.out.answer(t, tb, answer.notes(tb, limits), answer, func() error { return answer.write(t, limits) })
}

// mostAreaNotes is how many features that were left out are told one by one.
const mostAreaNotes = 20

// readAreas reads the file with the areas, plain or gzip.
func (c *pointsConfig) readAreas(t *Terminal) (*geo.Index, error) {
	f, err := os.Open(c.areas)
	if err != nil {
		return nil, problem(err, "check the name of the file after --areas")
	}
	defer func() { _ = f.Close() }()
	name := filepath.Base(c.areas)
	var text io.Reader = bufio.NewReader(f)
	if mark, _ := text.(*bufio.Reader).Peek(2); string(mark) == "\x1f\x8b" {
		if text, err = gzip.NewReader(text); err != nil {
			return nil, problem(fmt.Errorf("%s: %w", name, err), "unpack the file first")
		}
	}
	areas, problems, err := geo.ReadShapes(text, c.areaID)
	switch {
	case errors.Is(err, geo.ErrProjection):
		return nil, problem(fmt.Errorf("%s: %w", name, err), "reproject the file to WGS84 (EPSG:4326), e.g. ogr2ogr -t_srs EPSG:4326 out.geojson %s", name)
	case errors.Is(err, geo.ErrNoAreas):
		return nil, problem(fmt.Errorf("%s: %w", name, err), "give polygons in WGS84 degrees, and with --area-id the property that names them")
	case err != nil:
		return nil, problem(fmt.Errorf("%s: %w", name, err), "the file must be a GeoJSON FeatureCollection in UTF-8 and whole")
	}
	for i, p := range problems {
		if i == mostAreaNotes {
			t.Warn("%s: %d more features were left out or mended", name, len(problems)-i)
			break
		}
		t.Warn("%s: left out or mended: %s", name, p)
	}
	if told := severalParts(areas); told != "" {
		t.Warn("%s: %s", name, told)
	}
	return geo.NewIndex(areas), nil
}

// severalParts tells which areas stand in the file more than once; areas are in
// the order of their codes. Nothing when none does.
func severalParts(areas []geo.Area) string {
	var several []string
	for i := 0; i < len(areas); {
		n := 1
		for i+n < len(areas) && areas[i+n].Code == areas[i].Code {
			n++
		}
		if n > 1 {
			several = append(several, fmt.Sprintf("%s (%d features)", clip(string(areas[i].Code)), n))
		}
		i += n
	}
	n := len(several)
	if n == 0 {
		return ""
	}
	if n > mostAreaNotes {
		several = append(several[:mostAreaNotes], fmt.Sprintf("and %d more", n-mostAreaNotes))
	}
	what := "1 area stands"
	if n > 1 {
		what = fmt.Sprintf("%d areas stand", n)
	}
	return fmt.Sprintf("%s in more than one feature, and its features count together as one area: %s. Does --area-id name each area?", what, strings.Join(several, ", "))
}

// pointSet gathers the points of a file by area.
type pointSet struct {
	table           *Table
	index           *geo.Index
	limits          []limit
	value, lon, lat int
	areas           map[geo.Code]*pointArea

	outside, withoutValue, withoutPosition int
	swapped                                int // outside, and in an area with longitude and latitude swapped
	overlapped                             int // in several areas
	firstOutside, firstWithoutPosition     int // lines
}

type pointArea struct {
	values []float64
	above  []int // by limit
}

func (p *pointSet) columns(tb *Table, c *pointsConfig) (err error) {
	p.table = tb
	if p.value, err = p.table.Column(c.value); err != nil {
		return err
	}
	if p.lon, err = p.coordinate("--lon", c.lon, "lon", "longitude", "lng", "long"); err != nil {
		return err
	}
	p.lat, err = p.coordinate("--lat", c.lat, "lat", "latitude")
	return err
}

// coordinate finds the column that was named, or else one of the usual names.
func (p *pointSet) coordinate(option, named string, usual ...string) (int, error) {
	if named != "" {
		return p.table.Column(named)
	}
	for _, name := range usual {
		if slices.ContainsFunc(p.table.Header(), func(h string) bool { return strings.EqualFold(h, name) }) {
			return p.table.Column(name)
		}
	}
	return 0, problem(fmt.Errorf("%s has no column %q", p.table.Name(), usual[0]), "name it with %s; the columns are: %s", option, p.table.columns())
}

func (p *pointSet) row() error {
	value, ok, err := p.table.Decimal(p.value)
	if err != nil {
		return err
	}
	if !ok {
		p.withoutValue++
		return nil
	}
	lon, knownLon, err := p.degrees(p.lon, 180)
	if err != nil {
		return err
	}
	lat, knownLat, err := p.degrees(p.lat, 90)
	if err != nil {
		return err
	}
	if !knownLon || !knownLat || lon == 0 && lat == 0 { // 0,0 is what a device without a fix writes
		if p.withoutPosition++; p.withoutPosition == 1 {
			p.firstWithoutPosition = p.table.Line()
		}
		return nil
	}
	code, ok := p.index.Locate(lon, lat)
	if !ok {
		if p.outside++; p.outside == 1 {
			p.firstOutside = p.table.Line()
		}
		if _, ok := p.index.Locate(lat, lon); ok {
			p.swapped++
		}
		return nil
	}
	if p.index.Overlapped(lon, lat) {
		p.overlapped++
	}
	a := p.areas[code]
	if a == nil {
		a = &pointArea{above: make([]int, len(p.limits))}
		p.areas[code] = a
	}
	a.values = append(a.values, value.Float())
	for i, l := range p.limits {
		if value.compare(l.value) > 0 {
			a.above[i]++
		}
	}
	return nil
}

func (p *pointSet) degrees(column int, most float64) (v float64, ok bool, err error) {
	v, ok, err = p.table.Number(column)
	if err != nil || !ok {
		return 0, false, err
	}
	if v < -most || v > most {
		return 0, false, p.table.Fault(column, fmt.Errorf("%v is not in degrees", v),
			"give longitude and latitude in WGS84 degrees (EPSG:4326), not in metres such as RD or Lambert, and check that they are not swapped")
	}
	return v, true, nil
}

// compare compares two decimals with all their digits.
func (d Decimal) compare(o Decimal) int {
	a, b := d.Unscaled, o.Unscaled
	if (a < 0) != (b < 0) || a == 0 || b == 0 {
		return cmp.Compare(a, b)
	}
	places := max(d.Places, o.Places)
	ahi, alo := bits.Mul64(uint64(magnitude(a)), uint64(pow10(places-d.Places)))
	bhi, blo := bits.Mul64(uint64(magnitude(b)), uint64(pow10(places-o.Places)))
	c := cmp.Or(cmp.Compare(ahi, bhi), cmp.Compare(alo, blo))
	if a < 0 {
		return -c
	}
	return c
}
