package tile

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"

	"buurtmeter/geo"
)

// Shape is how one area is drawn.
type Shape struct {
	// Code of the area; it becomes the attribute data-code when not empty.
	Code geo.Code
	// Class are the CSS classes that choose the fill, separated by spaces.
	Class string
	// Title names the area and what is known of it, for the pointer and for
	// screen readers; empty means the area's name.
	Title string
	// Href is where the area leads; empty means that it is no link. It must be
	// relative or http(s).
	Href string
	// Label is written in the area where there is room for it.
	Label string
	// Hatched lays the hatch pattern over the fill.
	Hatched bool
	// Mark is a sign of a character or two, always written, so that the map can
	// be read without colours.
	Mark string
}

// Options are those of a whole map.
type Options struct {
	// Width of the drawing in its own units; the height follows. At least 50.
	Width int
	// IDPrefix begins every id in the drawing, so that a page can hold several:
	// a letter, then letters, digits, '-' and '_'.
	IDPrefix string
	// Title and Desc say what the map shows. The title is required.
	Title, Desc string
}

const margin = 2 // around the areas, in units of the drawing

// Map draws the areas in their order as one SVG element, with one link per area
// that has an Href. Longitude and latitude become x and y with the stretch of
// the middle latitude; corners are rounded to 0.1 unit each for itself, so that
// borders that areas share in the data are shared in the drawing. Areas without
// geometry are left out. The result is well-formed XML whatever the texts hold.
//
// Looks come from the page's style sheet; the drawing holds no style. The
// classes are:
//
//	map         the svg element
//	area        each area (a, or g without link), beside Shape.Class; set fill
//	            and stroke here and not on the path within, which inherits them
//	hatch       the hatch over an area, and hatch-line the line in its pattern
//	mark label  the texts, each beside Shape.Class
//
// Errors: no area to draw, no title, a width, prefix or href that cannot be
// used, coordinates that are not finite.
func Map(areas []geo.Area, shape func(geo.Area) Shape, o Options) ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("draw map: %w", err)
	}
	proj, err := project(areas, o.Width)
	if err != nil {
		return nil, fmt.Errorf("draw map: %w", err)
	}
	d := drawing{o: o, proj: proj}
	for i, a := range areas {
		if len(a.Geometry) == 0 {
			continue
		}
		s := shape(a)
		if err := checkHref(s.Href); err != nil {
			return nil, fmt.Errorf("draw area %s: %w", a.Code, err)
		}
		d.area(i, a, s)
		d.texts = append(d.texts, textsOf(proj, a, s))
	}
	return d.finish(), nil
}

func (o Options) check() error {
	if o.Width < 50 {
		return fmt.Errorf("width %d: use at least 50", o.Width)
	}
	if strings.TrimSpace(o.Title) == "" {
		return errors.New("no title: say what the map shows")
	}
	for i, c := range []byte(o.IDPrefix) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-' && c != '_') {
			return fmt.Errorf("id prefix %.20q: use a letter, then letters, digits, '-' and '_'", o.IDPrefix)
		}
	}
	if o.IDPrefix == "" {
		return errors.New("no id prefix: ids must differ between the maps of a page")
	}
	return nil
}

// checkHref refuses targets that run something instead of leading somewhere.
func checkHref(href string) error {
	scheme, _, ok := strings.Cut(href, ":")
	if !ok || strings.ContainsAny(scheme, "/?#") {
		return nil // relative
	}
	switch strings.ToLower(scheme) {
	case "http", "https":
		return nil
	default:
		return fmt.Errorf("href %.40q: use a relative address or http(s)", href)
	}
}

// drawing collects the parts of the SVG.
type drawing struct {
	o       Options
	proj    projection
	body    bytes.Buffer
	texts   []texts
	hatched bool
}

func (d *drawing) area(i int, a geo.Area, s Shape) {
	element := "g"
	if s.Href != "" {
		element = "a"
	}
	title := s.Title
	if title == "" {
		title = a.Name
	}
	b := &d.body
	fmt.Fprintf(b, `<%s class="%s"`, element, escape(strings.TrimSpace("area "+s.Class)))
	if s.Href != "" {
		fmt.Fprintf(b, ` href="%s"`, escape(s.Href))
	} else {
		b.WriteString(` role="img"`)
	}
	if s.Code != "" {
		fmt.Fprintf(b, ` data-code="%s"`, escape(string(s.Code)))
	}
	fmt.Fprintf(b, ` aria-label="%s"><title>%s</title><path`, escape(title), escape(title))
	if s.Hatched {
		fmt.Fprintf(b, ` id="%s-%d"`, d.o.IDPrefix, i)
	}
	b.WriteString(` d="`)
	d.proj.path(b, a.Geometry)
	b.WriteString(`"/>`)
	if s.Hatched {
		d.hatched = true
		// The copy takes its fill from the use element, the path itself from the
		// area, so that one outline serves both.
		fmt.Fprintf(b, `<use class="hatch" href="#%s-%d" fill="url(#%s-hatch)"/>`, d.o.IDPrefix, i, d.o.IDPrefix)
	}
	fmt.Fprintf(b, "</%s>\n", element)
}

func (d *drawing) finish() []byte {
	var b bytes.Buffer
	id := d.o.IDPrefix
	labelled := id + "-title"
	if d.o.Desc != "" {
		labelled += " " + id + "-desc"
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="map" viewBox="0 0 %d %d" role="group" aria-labelledby="%s">`,
		d.o.Width, d.proj.height, labelled)
	fmt.Fprintf(&b, `<title id="%s-title">%s</title>`, id, escape(d.o.Title))
	if d.o.Desc != "" {
		fmt.Fprintf(&b, `<desc id="%s-desc">%s</desc>`, id, escape(d.o.Desc))
	}
	if d.hatched {
		fmt.Fprintf(&b, `<defs><pattern id="%s-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">`+
			`<path class="hatch-line" d="M1 0V7" stroke="currentColor"/></pattern></defs>`, id)
	}
	// The attributes are what shows when no style sheet was loaded.
	b.WriteString("\n" + `<g fill="#fff" fill-rule="evenodd" stroke="#555" stroke-linejoin="round">` + "\n")
	b.Write(d.body.Bytes())
	b.WriteString("</g>\n")
	d.writeTexts(&b)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// escape makes text fit for XML content and attributes; what XML cannot hold
// becomes U+FFFD.
func escape(s string) string {
	var b strings.Builder
	// A strings.Builder takes everything.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
