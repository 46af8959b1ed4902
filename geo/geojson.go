package geo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/paulmach/orb"
)

// DefaultSource is the attribution of boundaries whose file names none.
const DefaultSource = "© CBS/Kadaster"

// ErrNoAreas is wrapped by the error of ReadGeoJSON when a file holds nothing
// that can be used.
var ErrNoAreas = errors.New("no usable areas")

// ErrEncoding is wrapped by the error of ReadGeoJSON for text that is not UTF-8:
// a name that was broken on the way is published by nobody.
var ErrEncoding = errors.New("the file is not UTF-8 text: save it as UTF-8")

// ErrVintage is wrapped by the error of ReadGeoJSON for features that say that
// they are of another year: half of them would be half an import.
var ErrVintage = errors.New("the features are of another year")

// Cause is what kind of problem a Problem is, for counting.
type Cause string

// The causes. Water is no fault: it is no neighbourhood. Of a Ring, a Crossing,
// a Figure and a Parent the area itself is kept.
const (
	CauseWater      Cause = "water"
	CauseFeature    Cause = "no area of CBS"
	CauseDuplicate  Cause = "code that came before"
	CauseGeometry   Cause = "no geometry"
	CauseCoordinate Cause = "unusable coordinates"
	CauseRing       Cause = "ring left out"
	CauseCrossing   Cause = "border that crosses itself"
	CauseFigure     Cause = "key figure that is no number"
	CauseParent     Cause = "area above it missing"
)

// Kept reports whether the area of such a problem was kept.
func (c Cause) Kept() bool {
	return c == CauseRing || c == CauseCrossing || c == CauseFigure || c == CauseParent
}

// Problem is something in a file of boundaries that was left out or mended.
type Problem struct {
	// Feature is the place in the file, counted from 0.
	Feature int
	// Code of the area, empty when it could not be read.
	Code Code
	// Cause is the kind of problem.
	Cause Cause
	// What is wrong, and what to do where something can be done.
	What string
}

// String returns the problem as one line for people.
func (p Problem) String() string {
	if p.Code == "" {
		return fmt.Sprintf("feature %d: %s", p.Feature, p.What)
	}
	return fmt.Sprintf("feature %d (%s): %s", p.Feature, p.Code, p.What)
}

// ReadGeoJSON reads boundaries of buurten, wijken and gemeenten from a GeoJSON
// FeatureCollection in WGS84, as CBS, Kadaster and PDOK give them out, and marks
// them with the vintage. Areas come back in code order, each code once.
//
// Rings that are not closed or run the wrong way round are mended. What cannot
// be used is left out and told in a Problem each: water, features without
// geometry, codes that are no CBS code or came before, rings that enclose
// nothing, coordinates that are no degrees. An error means that nothing is
// returned: the file is broken off or no GeoJSON, its names are not UTF-8
// (ErrEncoding), features name another year (ErrVintage), or not one feature is
// usable (ErrNoAreas).
//
// The file is read as a stream; memory holds the result and one feature.
func ReadGeoJSON(r io.Reader, year int) ([]Area, []Problem, error) {
	c := NewCollector(year, "")
	if err := c.ReadGeoJSON(r); err != nil {
		return nil, c.Problems(), err
	}
	areas, err := c.Areas()
	if err != nil {
		return nil, c.Problems(), fmt.Errorf("GeoJSON: %w", err)
	}
	return areas, c.Problems(), nil
}

// readAll reads a file whose areas are of any kind.
func (f *reader) readAll(r io.Reader) ([]Area, []Problem, error) {
	if err := f.readFile(r); err != nil {
		return nil, f.problems, err
	}
	areas, err := f.finish()
	if err != nil {
		return nil, f.problems, fmt.Errorf("GeoJSON: %w", err)
	}
	return areas, f.problems, nil
}

// readFile reads one FeatureCollection.
func (f *reader) readFile(r io.Reader) error {
	text := bufio.NewReader(r)
	// Windows programs put a byte order mark first, which is no JSON.
	mark, _ := text.Peek(3)
	switch {
	case len(mark) == 0:
		return errors.New("GeoJSON: the file is empty")
	case string(mark) == "\uFEFF":
		_, _ = text.Discard(len(mark))
	case bytes.HasPrefix(mark, []byte{0xff, 0xfe}), bytes.HasPrefix(mark, []byte{0xfe, 0xff}):
		return fmt.Errorf("GeoJSON in UTF-16: %w", ErrEncoding)
	}
	if err := f.read(json.NewDecoder(text)); err != nil {
		return fmt.Errorf("GeoJSON: %w", err)
	}
	if f.broken {
		return fmt.Errorf("GeoJSON: %w", ErrEncoding)
	}
	return nil
}

// finish returns what was read, in code order.
func (f *reader) finish() ([]Area, error) {
	if err := f.checkVintage(); err != nil {
		return nil, err
	}
	if len(f.areas) == 0 {
		return nil, fmt.Errorf("%w among %d features; give buurten, wijken or gemeenten in WGS84", ErrNoAreas, f.features)
	}
	for i := range f.areas {
		f.areas[i].Source = f.source // it may stand behind the features in the file
	}
	slices.SortFunc(f.areas, func(a, b Area) int { return strings.Compare(string(a.Code), string(b.Code)) })
	return f.areas, nil
}

type reader struct {
	year     int
	source   string
	features int
	seen     map[Code]bool
	areas    []Area
	problems []Problem
	// broken tells that a name is not UTF-8.
	broken bool

	// gemeente is the only one whose areas are kept; empty for all. elsewhere
	// counts the areas of others.
	gemeente  Code
	elsewhere map[Code]int
	// plainNames, see propertiesOf. years are the areas by the vintage that their
	// features name.
	plainNames map[string]string
	years      map[int][]Code

	// field is the property that names an area, of any kind: see ReadShapes.
	// Empty, areas are those of CBS. fields are those that were seen, unnamed
	// counts the features without a name.
	field   string
	fields  map[string]bool
	unnamed int
}

// feature is one GeoJSON feature, with its coordinates still as text.
type feature struct {
	ID         json.RawMessage            `json:"id"`
	Properties map[string]json.RawMessage `json:"properties"`
	Geometry   *struct {
		Type        string          `json:"type"`
		Coordinates json.RawMessage `json:"coordinates"`
	} `json:"geometry"`
}

func (f *reader) read(d *json.Decoder) error {
	if err := expect(d, '{'); err != nil {
		return err
	}
	kind, found := "", false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		switch key {
		case "features":
			if err := f.readFeatures(d); err != nil {
				return err
			}
			found = true
		case "type":
			if err := d.Decode(&kind); err != nil {
				return err
			}
		default:
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				return err
			}
			if key == "crs" && f.field != "" {
				if err := checkCRS(value); err != nil {
					return err
				}
			}
			var source string
			if key == "source" && json.Unmarshal(value, &source) == nil && strings.TrimSpace(source) != "" {
				f.source = strings.TrimSpace(source)
			}
		}
	}
	if err := expect(d, '}'); err != nil {
		return err
	}
	if !found || kind != "FeatureCollection" {
		return fmt.Errorf("the file holds %q instead of a FeatureCollection with features", kind)
	}
	return nil
}

func (f *reader) readFeatures(d *json.Decoder) error {
	if err := expect(d, '['); err != nil {
		return fmt.Errorf("features: %w", err)
	}
	for d.More() {
		index := f.features
		var feat feature
		err := d.Decode(&feat)
		// A feature of the wrong shape was read to its end, so that the next one
		// can be read; any other error breaks the file off.
		if wrong := (*json.UnmarshalTypeError)(nil); err != nil && !errors.As(err, &wrong) {
			return fmt.Errorf("feature %d: %w", index, err)
		}
		f.features++
		if err != nil {
			f.problem(index, "", CauseFeature, "not a GeoJSON feature: %v", err)
			continue
		}
		f.add(index, feat)
	}
	return expect(d, ']')
}

func expect(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if t != want {
		return fmt.Errorf("found %v where %q is needed", t, want.String())
	}
	return nil
}

func (f *reader) problem(index int, c Code, cause Cause, format string, args ...any) {
	f.problems = append(f.problems, Problem{Feature: index, Code: c, Cause: cause, What: fmt.Sprintf(format, args...)})
}

// add takes in a feature of GeoJSON.
func (f *reader) add(index int, feat feature) {
	f.take(index, feat, func() (orb.MultiPolygon, error) {
		if feat.Geometry == nil {
			return nil, errNoGeometry
		}
		return parsePolygons(feat.Geometry.Type, feat.Geometry.Coordinates)
	})
}

var errNoGeometry = errors.New("no geometry")

// take takes in a feature whose geometry is read when it is needed.
func (f *reader) take(index int, feat feature, geometry func() (orb.MultiPolygon, error)) {
	props, a, err := f.area(feat)
	// The decoder puts this sign in the place of bytes that are not UTF-8.
	f.broken = f.broken || strings.ContainsRune(a.Name, '\uFFFD')
	switch {
	case err != nil:
		f.problem(index, "", CauseFeature, "%v", err)
		return
	case f.gemeente != "" && GemeenteOf(a.Code) != f.gemeente:
		f.elsewhere[GemeenteOf(a.Code)]++
		return
	}
	if year := props.vintage(); year != 0 {
		f.years[year] = append(f.years[year], a.Code)
	}
	switch {
	case f.field == "" && strings.HasSuffix(string(a.Code), "9998"), strings.EqualFold(props.text["water"], "ja"):
		f.problem(index, a.Code, CauseWater, "water, left out")
		return
	case f.seen[a.Code] && f.field == "":
		f.problem(index, a.Code, CauseDuplicate, "this code came before; the first one is kept")
		return
	}
	polygons, err := geometry()
	if err != nil {
		cause := CauseCoordinate
		if errors.Is(err, errNoGeometry) {
			cause = CauseGeometry
		}
		f.problem(index, a.Code, cause, "%v", err)
		return
	}
	mended, left, err := mend(polygons)
	for _, what := range left {
		f.problem(index, a.Code, CauseRing, "%s", what)
	}
	if err != nil {
		cause := CauseCoordinate
		if errors.Is(err, errEmpty) {
			cause = CauseGeometry
		}
		f.problem(index, a.Code, cause, "%v", err)
		return
	}
	for _, what := range props.odd {
		f.problem(index, a.Code, CauseFigure, "%s", what)
	}
	a.Year, a.Geometry, a.Center, a.Figures = f.year, mended, interior(mended), props.figures
	if f.field == "" && crossesItself(mended) {
		f.problem(index, a.Code, CauseCrossing, "the border crosses itself; what lies inside by the even-odd rule is the area")
	}
	f.seen[a.Code] = true
	f.areas = append(f.areas, a)
}

// area reads what the properties of a feature say; props are those of an area of
// CBS.
func (f *reader) area(feat feature) (props properties, a Area, err error) {
	if f.field != "" {
		a, err = f.named(feat)
		return properties{}, a, err
	}
	props = propertiesOf(feat.Properties, f.plainNames)
	a, err = describe(props.text)
	return props, a, err
}

// describe finds code, name, level and parent in the properties.
func describe(props map[string]string) (Area, error) {
	code := ""
	for _, key := range []string{"statcode", "buurtcode", "bucode", "wijkcode", "wkcode", "gemeentecode", "gmcode"} {
		if code = props[key]; code != "" {
			break
		}
	}
	if code == "" {
		return Area{}, errors.New("no code: give statcode, buurtcode, wijkcode or gemeentecode")
	}
	a := Area{Code: Code(code), Name: props["statnaam"]}
	level, ok := LevelOf(a.Code)
	if !ok {
		return Area{}, fmt.Errorf("%.20q is no CBS code such as BU04791110, WK047911 or GM0479", code)
	}
	a.Level = level
	if a.Name == "" {
		a.Name = props[string(level)+"naam"]
	}
	if a.Name == "" {
		a.Name = props[strings.ToLower(code[:2])+"naam"]
	}
	if a.Name == "" {
		a.Name = code
	}
	a.Parent = ParentOf(a.Code)
	return a, nil
}

// LevelOf returns the level that the code's form tells: BU and 8 characters,
// WK and 6, GM and 4, the first four of them digits. ok is false for a text
// that is no CBS code.
func LevelOf(c Code) (level Level, ok bool) {
	if len(c) < 6 {
		return "", false
	}
	for i := 2; i < len(c); i++ {
		digit := c[i] >= '0' && c[i] <= '9'
		letter := c[i] >= 'A' && c[i] <= 'Z' // Amsterdam numbers its wijken with letters
		if !digit && (!letter || i < 6) {
			return "", false
		}
	}
	switch {
	case len(c) == 10 && c[:2] == "BU":
		return Buurt, true
	case len(c) == 8 && c[:2] == "WK":
		return Wijk, true
	case len(c) == 6 && c[:2] == "GM":
		return Gemeente, true
	default:
		return "", false
	}
}

// ParentOf returns the code of the area one level up, which CBS codes contain:
// the wijk of a buurt, the gemeente of a wijk. It is empty for a gemeente and
// for a text that is no CBS code.
func ParentOf(c Code) Code {
	switch level, _ := LevelOf(c); level {
	case Buurt:
		return "WK" + c[2:8]
	case Wijk:
		return "GM" + c[2:6]
	default:
		return ""
	}
}

// parsePolygons reads the coordinates of a Polygon or MultiPolygon.
func parsePolygons(kind string, raw json.RawMessage) (orb.MultiPolygon, error) {
	s := scanner{text: bytes.TrimSpace(raw)}
	if len(s.text) == 0 || s.text[0] != '[' {
		return nil, errors.New("no coordinates")
	}
	var polygons orb.MultiPolygon
	var err error
	switch kind {
	case "Polygon":
		var p orb.Polygon
		p, err = s.polygon()
		polygons = orb.MultiPolygon{p}
	case "MultiPolygon":
		err = s.list(func() error {
			p, err := s.polygon()
			polygons = append(polygons, p)
			return err
		})
	default:
		return nil, fmt.Errorf("a geometry of type %.20q is no area: give Polygon or MultiPolygon", kind)
	}
	if err != nil {
		return nil, err
	}
	return polygons, nil
}
