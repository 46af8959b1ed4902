package tile_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
	"buurtmeter/geo"
	"buurtmeter/geo/tile"
)

var options = tile.Options{Width: 600, IDPrefix: "kaart", Title: "NO2 in 2023", Desc: "Per buurt."}

func link(a geo.Area) tile.Shape {
	return tile.Shape{Code: a.Code, Class: "k-complies", Title: a.Name + ": voldoet", Href: "/buurt/" + string(a.Code), Label: a.Name, Mark: "○"}
}

// element is an XML element as a reader of the drawing finds it.
type element struct {
	Name     string
	Attr     map[string]string
	Text     string
	Children []*element
}

func parse(t *testing.T, svg []byte) *element {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	root := &element{}
	stack := []*element{root}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err, "%s", svg)
		top := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			e := &element{Name: tok.Name.Local, Attr: map[string]string{}}
			for _, a := range tok.Attr {
				e.Attr[a.Name.Local] = a.Value
			}
			top.Children = append(top.Children, e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.Text += string(tok)
		}
	}
	require.Len(t, root.Children, 1)
	return root.Children[0]
}

func (e *element) all(name string) []*element {
	var found []*element
	if e.Name == name {
		found = append(found, e)
	}
	for _, c := range e.Children {
		found = append(found, c.all(name)...)
	}
	return found
}

func square(c geo.Code, name string, x, y float64) geo.Area {
	return geo.Area{Code: c, Name: name, Center: orb.Point{x + .5, y + .5}, Geometry: orb.MultiPolygon{{
		{{x, y}, {x + 1, y}, {x + 1, y + 1}, {x, y + 1}, {x, y}},
	}}}
}

func draw(t *testing.T, areas []geo.Area, shape func(geo.Area) tile.Shape) (*element, []byte) {
	t.Helper()
	svg, err := tile.Map(areas, shape, options)
	require.NoError(t, err)
	return parse(t, svg), svg
}

func TestMap(t *testing.T) {
	areas := []geo.Area{square("BU1", "West", 4, 52), square("BU2", "Oost", 5, 52), {Code: "BU3", Name: "Zonder"}}
	svg, raw := draw(t, areas, link)
	assert.Equal(t, "group", svg.Attr["role"])
	assert.Equal(t, "kaart-title kaart-desc", svg.Attr["aria-labelledby"])
	assert.Regexp(t, `^0 0 600 \d+$`, svg.Attr["viewBox"])
	assert.Equal(t, "NO2 in 2023", svg.Children[0].Text)
	assert.Equal(t, "kaart-title", svg.Children[0].Attr["id"])
	assert.Equal(t, "Per buurt.", svg.all("desc")[0].Text)

	links := svg.all("a")
	require.Len(t, links, 2, "an area without geometry is not drawn")
	assert.Equal(t, "/buurt/BU1", links[0].Attr["href"])
	assert.Equal(t, "area k-complies", links[0].Attr["class"])
	assert.Equal(t, "West: voldoet", links[0].Attr["aria-label"])
	assert.Equal(t, "West: voldoet", links[0].all("title")[0].Text)
	assert.Equal(t, "BU1", links[0].Attr["data-code"])
	var marks, labels int
	for _, x := range svg.all("text") {
		switch {
		case strings.HasPrefix(x.Attr["class"], "mark"):
			marks++
		case strings.HasPrefix(x.Attr["class"], "label"):
			labels++
		}
	}
	assert.Equal(t, 2, marks)
	assert.Equal(t, 2, labels)
	assert.Empty(t, svg.all("pattern"), "no hatch where nothing is hatched")
	assert.NotContains(t, string(raw), "style")
}

func TestNoLinkNoTexts(t *testing.T) {
	svg, _ := draw(t, []geo.Area{square("BU1", "West", 4, 52)}, func(geo.Area) tile.Shape { return tile.Shape{} })
	assert.Empty(t, svg.all("a"))
	assert.Empty(t, svg.all("text"))
	g := svg.all("g")[1]
	assert.Equal(t, "West", g.Attr["aria-label"], "the name stands in for a title")
	assert.Equal(t, "img", g.Attr["role"])
	assert.Equal(t, "area", g.Attr["class"])
}

// Whatever stands in names, it stays text: the drawing parses, and holds no
// element or attribute that was not drawn.
func TestHostileTexts(t *testing.T) {
	hostile := "</title><script>alert(1)</script>\" onload=\"x' & ]]> \x00\x1b \xff <!-- -->"
	a := square("BU\"><script>", hostile, 4, 52)
	svg, err := tile.Map([]geo.Area{a}, func(a geo.Area) tile.Shape {
		return tile.Shape{Code: a.Code, Class: hostile, Title: hostile, Href: "/" + hostile, Label: "<b>&", Mark: "<i>", Hatched: true}
	}, tile.Options{Width: 600, IDPrefix: "k", Title: hostile, Desc: hostile})
	require.NoError(t, err)
	root := parse(t, svg)
	known := map[string]bool{
		"svg": true, "title": true, "desc": true, "defs": true, "pattern": true, "path": true, "g": true, "a": true, "use": true, "text": true,
	}
	var walk func(e *element)
	walk = func(e *element) {
		assert.True(t, known[e.Name], e.Name)
		for k := range e.Attr {
			assert.False(t, strings.HasPrefix(k, "on") || k == "style", k)
		}
		for _, c := range e.Children {
			walk(c)
		}
	}
	walk(root)
	want := strings.NewReplacer("\x00", "\uFFFD", "\x1b", "\uFFFD", "\xff", "\uFFFD").Replace(hostile)
	assert.Equal(t, want, root.all("a")[0].Attr["aria-label"])
	assert.Equal(t, want, root.all("a")[0].all("title")[0].Text)
	assert.NotContains(t, string(svg), "<script")
}

func TestErrors(t *testing.T) {
	areas := []geo.Area{square("BU1", "West", 4, 52)}
	tests := map[string]struct {
		areas []geo.Area
		href  string
		o     tile.Options
	}{
		"no areas":      {nil, "", options},
		"no geometry":   {[]geo.Area{{Code: "BU1"}}, "", options},
		"no title":      {areas, "", tile.Options{Width: 600, IDPrefix: "k"}},
		"no prefix":     {areas, "", tile.Options{Width: 600, Title: "T"}},
		"bad prefix":    {areas, "", tile.Options{Width: 600, Title: "T", IDPrefix: `1"`}},
		"no width":      {areas, "", tile.Options{Title: "T", IDPrefix: "k"}},
		"javascript":    {areas, "JavaScript:alert(1)", options},
		"data":          {areas, "data:text/html,x", options},
		"blank scheme":  {areas, " javascript:alert(1)", options},
		"not a number":  {[]geo.Area{{Code: "BU1", Geometry: orb.MultiPolygon{{{{math.NaN(), 1}, {2, 2}, {3, 3}, {4, 4}}}}}}, "", options},
		"one tall line": {[]geo.Area{{Code: "BU1", Geometry: orb.MultiPolygon{{{{4, 1}, {4, 80}, {4, 2}, {4, 1}}}}}}, "", options},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			svg, err := tile.Map(tt.areas, func(geo.Area) tile.Shape { return tile.Shape{Href: tt.href} }, tt.o)
			require.Error(t, err)
			assert.Nil(t, svg)
		})
	}
	for _, href := range []string{"", "/x", "?a=b:c", "x/y:z", "#a:b", "https://example.nl/", "HTTP://example.nl/"} {
		_, err := tile.Map(areas, func(geo.Area) tile.Shape { return tile.Shape{Href: href} }, options)
		assert.NoError(t, err, href)
	}
}

var command = regexp.MustCompile(`[Mlhvz]|-?(?:\d+(?:\.\d)?|\.\d)`)

// rings reads path data back to corners in tenths.
func rings(t *testing.T, d string) [][][2]int {
	t.Helper()
	var out [][][2]int
	var at [2]int
	var numbers []int
	mode := ""
	flush := func() {
		require.Zero(t, len(numbers)%2)
		for i := 0; i < len(numbers); i += 2 {
			if mode == "M" {
				at = [2]int{numbers[i], numbers[i+1]}
				out = append(out, nil)
			} else {
				at = [2]int{at[0] + numbers[i], at[1] + numbers[i+1]}
			}
			out[len(out)-1] = append(out[len(out)-1], at)
		}
		numbers = nil
	}
	rest := d
	for _, tok := range command.FindAllString(d, -1) {
		rest = strings.Replace(rest, tok, "", 1)
		switch tok {
		case "M", "l", "z":
			flush()
			mode = tok
		default:
			sign, digits := 1, tok
			if strings.HasPrefix(tok, "-") {
				sign, digits = -1, tok[1:]
			}
			whole, tenth, _ := strings.Cut(digits, ".")
			n := 0
			for _, c := range whole {
				n = n*10 + int(c-'0')
			}
			n *= 10
			if tenth != "" {
				n += int(tenth[0] - '0')
			}
			numbers = append(numbers, sign*n)
		}
	}
	assert.Empty(t, strings.TrimSpace(rest), "path data")
	return out
}

func TestHolesAndIslands(t *testing.T) {
	a := square("BU1", "Ring", 4, 52)
	a.Geometry[0] = append(a.Geometry[0], orb.Ring{{4.2, 52.2}, {4.2, 52.4}, {4.4, 52.4}, {4.2, 52.2}})
	a.Geometry = append(a.Geometry, square("", "", 6, 52).Geometry[0])
	svg, _ := draw(t, []geo.Area{a}, link)
	got := rings(t, svg.all("a")[0].all("path")[0].Attr["d"])
	require.Len(t, got, 3, "outer ring, hole and island in one path")
	assert.Equal(t, []int{4, 3, 4}, []int{len(got[0]), len(got[1]), len(got[2])})
	assert.Equal(t, "evenodd", svg.all("g")[0].Attr["fill-rule"])
}

func TestTinyAreaKeepsItsLink(t *testing.T) {
	tiny := square("BU2", "Klein", 4.5, 52.5)
	tiny.Geometry = orb.MultiPolygon{{{{4.5, 52.5}, {4.50001, 52.5}, {4.50001, 52.50001}, {4.5, 52.5}}}}
	svg, _ := draw(t, []geo.Area{square("BU1", "Groot", 4, 52), tiny}, link)
	require.Len(t, svg.all("a"), 2)
	assert.Regexp(t, `^M[\d.]+ [\d.]+h\.1v\.1z$`, svg.all("a")[1].all("path")[0].Attr["d"])
}

func TestHatch(t *testing.T) {
	svg, _ := draw(t, []geo.Area{square("BU1", "West", 4, 52)}, func(geo.Area) tile.Shape { return tile.Shape{Hatched: true} })
	use := svg.all("use")[0]
	assert.Equal(t, "url(#kaart-hatch)", use.Attr["fill"])
	assert.Equal(t, "kaart-hatch", svg.all("pattern")[0].Attr["id"])
	var ids []string
	for _, p := range svg.all("path") {
		if p.Attr["id"] != "" {
			ids = append(ids, "#"+p.Attr["id"])
		}
	}
	assert.Equal(t, []string{use.Attr["href"]}, ids)
}

// A label is written where it fits and never over another text.
func TestLabels(t *testing.T) {
	wide, narrow := square("BU1", "Breed", 4, 52), square("BU2", "Smal", 5, 52)
	narrow.Geometry = orb.MultiPolygon{{{{5, 52}, {5.01, 52}, {5.01, 53}, {5, 53}, {5, 52}}}}
	same := square("BU3", "Zelfde plek", 4, 52)
	svg, _ := draw(t, []geo.Area{wide, narrow, same}, func(a geo.Area) tile.Shape { return tile.Shape{Label: a.Name} })
	var texts []string
	for _, x := range svg.all("text") {
		texts = append(texts, x.Text)
	}
	assert.Equal(t, []string{"Breed"}, texts)
}

// Neighbours in the data are neighbours in the drawing: each border inside the
// map is walked in both directions.
func TestSharedBordersStayShared(t *testing.T) {
	cells := geo.Schematic()[:50]
	svg, _ := draw(t, cells, link)
	type step [2][2]int
	steps := map[step]bool{}
	for _, a := range svg.all("a") {
		for _, ring := range rings(t, a.all("path")[0].Attr["d"]) {
			for i := range ring {
				steps[step{ring[i], ring[(i+1)%len(ring)]}] = true
			}
		}
	}
	alone := 0
	for s := range steps {
		if !steps[step{s[1], s[0]}] {
			alone++
		}
	}
	assert.Greater(t, len(steps), 200)
	// Only the outline has nothing on its other side.
	assert.Less(t, alone, 60)
}

// The 50 real buurten of Zaanstad make a drawing that a page can hold.
func TestRealMapIsSmall(t *testing.T) {
	areas := realAreas(t)
	svg, err := tile.Map(areas, func(a geo.Area) tile.Shape {
		s := link(a)
		s.Hatched = true
		return s
	}, tile.Options{Width: 900, IDPrefix: "kaart", Title: "Stikstofdioxide in 2023", Desc: "Per buurt."})
	require.NoError(t, err)
	root := parse(t, svg)
	assert.Len(t, root.all("a"), 50)
	t.Logf("%d bytes", len(svg))
	assert.Less(t, len(svg), 40_000)
}

func realAreas(t testing.TB) []geo.Area {
	t.Helper()
	f, err := os.Open(conformancetest.Path(t, "geo", "buurten_GM0479_zaanstad_2016.geojson"))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	areas, _, err := geo.ReadGeoJSON(f, 2016)
	require.NoError(t, err)
	return areas
}

// BenchmarkMap draws the 50 buurten of Zaanstad.
// go test -run '^$' -bench Map -count 10 ./geo/tile | benchstat -
func BenchmarkMap(b *testing.B) {
	areas := realAreas(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tile.Map(areas, link, options); err != nil {
			b.Fatal(err)
		}
	}
}
