package geo

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/paulmach/orb"
)

// Collector gathers the areas of one vintage from several files or pages, as a
// paged service gives them out. It is for one goroutine.
type Collector struct{ r reader }

// NewCollector returns a Collector of the vintage. With a gemeente only its areas
// are kept, so that memory holds no more than those; empty is for all.
func NewCollector(year int, gemeente Code) *Collector {
	return &Collector{reader{
		year: year, gemeente: gemeente, source: DefaultSource, seen: map[Code]bool{},
		plainNames: map[string]string{}, years: map[int][]Code{}, elsewhere: map[Code]int{},
	}}
}

// ReadGeoJSON takes in the features of one FeatureCollection as the function of
// that name does. After an error the Collector is of no further use.
func (c *Collector) ReadGeoJSON(r io.Reader) error { return c.r.readFile(r) }

// Add takes in one feature that was read from elsewhere. geometry is a Polygon or
// MultiPolygon in WGS84 degrees, or an error why it could not be read; nil for
// none.
func (c *Collector) Add(props map[string]json.RawMessage, geometry func() (orb.Geometry, error)) {
	index := c.r.features
	c.r.features++
	c.r.take(index, feature{Properties: props}, func() (orb.MultiPolygon, error) {
		g, err := geometry()
		if err != nil {
			return nil, err
		}
		switch g := g.(type) {
		case nil:
			return nil, errNoGeometry
		case orb.Polygon:
			return orb.MultiPolygon{g}, nil
		case orb.MultiPolygon:
			return g, nil
		default:
			return nil, fmt.Errorf("a geometry of type %s is no area: give Polygon or MultiPolygon", g.GeoJSONType())
		}
	})
}

// Areas returns what was taken in, in code order, each code once. The error wraps
// ErrNoAreas or ErrVintage; then nothing is returned.
func (c *Collector) Areas() ([]Area, error) { return c.r.finish() }

// Problems returns what was left out or mended, in the order of the features.
func (c *Collector) Problems() []Problem { return c.r.problems }

// Features counts what was taken in.
func (c *Collector) Features() int { return c.r.features }

// Elsewhere returns the gemeenten whose areas were passed over, in code order.
func (c *Collector) Elsewhere() []Code { return slices.Sorted(maps.Keys(c.r.elsewhere)) }

// checkVintage refuses features that name another year than the one that is
// read, or several.
func (f *reader) checkVintage() error {
	total := 0
	var wrong []string
	for year, codes := range f.years {
		total += len(codes)
		if year != f.year {
			wrong = append(wrong, fmt.Sprintf("%d of %d (%s)", len(codes), year, FirstCodes(codes)))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("%w than %d: of the %d that name one, %s", ErrVintage, f.year, total, strings.Join(wrong, ", "))
}

// Orphans tells of the areas whose area above is not among them, where they hold
// that level at all. Feature of these problems is the place in areas.
func Orphans(areas []Area) []Problem {
	levels, codes := map[Level]bool{}, map[Code]bool{}
	for _, a := range areas {
		levels[a.Level], codes[a.Code] = true, true
	}
	above := map[Level]Level{Buurt: Wijk, Wijk: Gemeente}
	var found []Problem
	for i, a := range areas {
		if a.Parent != "" && levels[above[a.Level]] && !codes[a.Parent] {
			found = append(found, Problem{i, a.Code, CauseParent, fmt.Sprintf("its %s %s is not among the areas", above[a.Level], a.Parent)})
		}
	}
	return found
}

// FirstCodes lists the first codes, for people.
func FirstCodes(codes []Code) string {
	const most = 5
	var names []string
	for _, c := range codes[:min(most, len(codes))] {
		names = append(names, string(c))
	}
	if len(codes) > most {
		names = append(names, fmt.Sprintf("and %d more", len(codes)-most))
	}
	return strings.Join(names, ", ")
}

// Tally is how often a cause occurred, and of which areas; features without a
// code are counted and not among Codes.
type Tally struct {
	Cause Cause
	Count int
	Codes []Code
}

// String returns the tally as one line for people.
func (t Tally) String() string {
	verb := "left out"
	if t.Cause.Kept() {
		verb = "kept with a remark"
	}
	if len(t.Codes) == 0 {
		return fmt.Sprintf("%s: %d × %s", verb, t.Count, t.Cause)
	}
	return fmt.Sprintf("%s: %d × %s: %s", verb, t.Count, t.Cause, FirstCodes(t.Codes))
}

// TallyOf counts problems by cause, in the order of the causes' names. The codes
// of a tally are in order, each once.
func TallyOf(problems []Problem) []Tally {
	found := map[Cause]*Tally{}
	for _, p := range problems {
		t := found[p.Cause]
		if t == nil {
			t = &Tally{Cause: p.Cause}
			found[p.Cause] = t
		}
		t.Count++
		if p.Code != "" {
			t.Codes = append(t.Codes, p.Code)
		}
	}
	var all []Tally
	for _, t := range found {
		slices.Sort(t.Codes)
		t.Codes = slices.Compact(t.Codes)
		all = append(all, *t)
	}
	slices.SortFunc(all, func(a, b Tally) int { return strings.Compare(string(a.Cause), string(b.Cause)) })
	return all
}
