package web

import (
	"context"
	"html/template"
	"math"
	"net/url"
	"slices"
	"strconv"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/geo/tile"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// The orders of the table under the map.
const (
	sortName    = "name"
	sortValue   = "value"
	sortOutcome = "outcome"
)

func sortOrders() []string { return []string{sortName, sortValue, sortOutcome} }

// mapWidth is the width of the drawing in its own units. Texts are 11 to 15
// units high, so that they can be read at the width of a phone and are not
// large on a desk.
const mapWidth = 480

// choice is what the reader asked the map to show.
type choice struct {
	norm norm.Norm // whose verdicts are drawn, or whose property
	year int
	lens string
	sort string
	// areas are the buurten that are drawn, base the path of the page, and place
	// the area that they make up.
	areas []geo.Area
	base  string
	place geo.Area
	// noYearMean tells that the value lens was asked for a property without a
	// norm on the year mean: there are no year means to draw.
	noYearMean bool
}

// choose reads the query; everything has a default. ok is false when the graph
// has no norm at all.
func choose(g *opendata.Graph, q url.Values) (c choice, ok bool) {
	c = choice{year: g.Year, lens: lensVerdict, sort: sortName, areas: g.Areas, base: "/", place: g.Municipality}
	if y, err := strconv.Atoi(q.Get("year")); err == nil {
		c.year = y
	}
	if q.Get("lens") == lensValue {
		c.lens = lensValue
	}
	if s := q.Get("sort"); s != "" {
		c.sort = s
	}
	if c.norm, ok = g.Norm(norm.ID(q.Get("norm"))); !ok {
		c.norm, ok = g.DefaultNorm(c.year)
	}
	if _, found := yearNorm(g, c.norm.Property); c.lens == lensValue && !found {
		c.lens, c.noYearMean = lensVerdict, true
	}
	return c, ok
}

// query writes the choice back, leaving out the defaults of lens and sort.
func (c choice) query() string {
	q := url.Values{"norm": {string(c.norm.ID)}, "year": {strconv.Itoa(c.year)}}
	if c.lens != lensVerdict {
		q.Set("lens", c.lens)
	}
	if c.sort != sortName {
		q.Set("sort", c.sort)
	}
	return "?" + q.Encode()
}

// drawn is the norm whose verdicts hold what the lens draws: the chosen one,
// or in the value lens the one on the year mean of the same property.
func (c choice) drawn(g *opendata.Graph) norm.Norm {
	if c.lens == lensValue {
		if n, ok := yearNorm(g, c.norm.Property); ok {
			return n
		}
	}
	return c.norm
}

type mapBody struct {
	Heading  string
	AreaYear int
	Source   string
	// Town leads to the page of the municipality; empty while there is none.
	Town, TownName string
	Empty          bool
	mapView
}

// mapView is the drawing of the buurten of a page with all that belongs to it.
type mapView struct {
	Subject     string // the norm whose verdicts are drawn; empty in the value lens
	Intro, Note string
	Action      string
	LegendTitle string
	Form        mapForm
	Map         template.HTML
	Data        string // address of the movable map's data
	Legend      []legendItem
	Facts       []fact
	Schematic   bool
	Boundaries  string // where the page about the boundaries is
	TableTitle  string
	Columns     []column
	Rows        []mapRow
	Untold      []fact
	Untold0     string
}

type mapForm struct {
	Groups []optionGroup
	Years  []option
	Lenses []option
	Sort   string
}

type optionGroup struct {
	Label   string
	Options []option
}

type option struct {
	Value, Label string
	Selected     bool
}

type legendItem struct {
	Class, Mark, Label string
	Areas              int
}

// fact is a name with its value.
type fact struct{ Name, Value string }

type column struct {
	Label, Href string
	Sorted      bool
}

type mapRow struct {
	Href, Name, Class, Mark, Outcome, Why, Value, Bounds, Coverage, Points string

	value, low, high float64
	valued           bool
	tier, outcome    int
}

func (s *site) mapPage(_ context.Context, r request) (view, error) {
	c, ok := choose(r.g, r.query)
	if !ok || len(r.g.Areas) == 0 {
		return view{page: "map", title: r.T("map.title.empty"), path: "/", body: mapBody{Empty: true, Heading: r.T("map.title.empty")}}, nil
	}
	b := mapBody{Heading: r.mapHeading(c), AreaYear: r.g.AreaYear, Source: r.boundaries()}
	var err error
	if b.mapView, err = r.mapView(c); err != nil {
		return view{}, err
	}
	b.Boundaries, b.TableTitle = "#grenzen", r.T("map.table")
	if town := r.g.Municipality; town.Code != "" {
		b.Town, b.TownName = r.areaHref(town, c.year), town.Name
	}
	path := "/"
	if len(r.query) > 0 {
		path += c.query()
	}
	return view{page: "map", title: r.mapTitle(c), path: path, body: b}, nil
}

// mapView draws the buurten of the choice and says the same in legend and table.
func (r request) mapView(c choice) (mapView, error) {
	svg, err := r.drawMap(c)
	if err != nil {
		return mapView{}, err
	}
	v := mapView{
		Action: r.Path(c.base), LegendTitle: r.legendTitle(c), Form: r.mapForm(c), Map: svg, Legend: r.legend(c), Facts: r.mapFacts(c),
		Schematic: r.g.Schematic, Rows: r.mapRows(c), Columns: r.mapColumns(c), Data: r.mapDataHref(c),
	}
	switch {
	case c.lens == lensVerdict:
		v.Subject, v.Intro = r.normName(c.norm), r.T("map.intro.verdict")
	case r.running(c.year):
		v.Intro = r.T("map.intro.running", "year", strconv.Itoa(c.year))
	default:
		v.Intro = r.T("map.intro.value")
	}
	if c.lens == lensValue && c.norm.Statistic == norm.Count {
		v.Note = r.T("map.value-of-count", "norm", r.normName(c.norm))
	}
	if c.noYearMean {
		v.Note = r.T("map.no-year-mean", "property", r.symbol(c.norm.Property))
	}
	v.Untold, v.Untold0 = r.untold(c)
	return v, nil
}

func (r request) mapHeading(c choice) string {
	return r.T("map.heading."+c.lens, "property", r.symbol(c.norm.Property), "place", c.place.Name, "year", strconv.Itoa(c.year))
}

// mapTitle names the map so that no two choices have the same title: the
// heading, and in the verdict lens the norm.
func (r request) mapTitle(c choice) string {
	if c.lens == lensValue {
		return r.mapHeading(c)
	}
	return r.mapHeading(c) + " – " + r.normName(c.norm)
}

func (r request) mapForm(c choice) mapForm {
	f := mapForm{Sort: c.sort}
	for _, info := range reading.Properties() {
		g := optionGroup{Label: r.property(info.Property)}
		for _, n := range r.g.Norms {
			if n.Property == info.Property {
				g.Options = append(g.Options, option{string(n.ID), r.symbol(n.Property) + " – " + r.normName(n), n.ID == c.norm.ID})
			}
		}
		if len(g.Options) > 0 {
			f.Groups = append(f.Groups, g)
		}
	}
	f.Years = r.yearOptions(c.year)
	for _, l := range []string{lensVerdict, lensValue} {
		f.Lenses = append(f.Lenses, option{l, r.T("lens." + l), l == c.lens})
	}
	return f
}

// yearOptions lists the years with data, and the chosen one when it has none.
func (r request) yearOptions(chosen int) []option {
	ys := slices.Clone(r.g.Years)
	if !slices.Contains(ys, chosen) {
		ys = append(ys, chosen)
		slices.Sort(ys)
	}
	slices.Reverse(ys)
	out := make([]option, len(ys))
	for i, y := range ys {
		label := strconv.Itoa(y)
		if r.running(y) {
			label = r.T("form.year.running", "year", label)
		}
		out[i] = option{strconv.Itoa(y), label, y == chosen}
	}
	return out
}

// paintOf is how the area is drawn under the choice.
func (r request) paintOf(c choice, v geo.AreaVerdict) paint {
	if c.lens == lensVerdict {
		return paintVerdict(v)
	}
	p := paintYear(c.norm.Property, v)
	if pt, ok := yearPoint(v); ok {
		p.mark = r.mapFigure(c.norm.Property, pt.Value)
	}
	return p
}

// mapFigure is a value in as few digits as keep it in its class.
func (r request) mapFigure(p reading.Property, v float64) string {
	for d := range 4 {
		scale := math.Pow10(d)
		if paintValue(p, math.Round(v*scale)/scale) == paintValue(p, v) {
			return r.Num(v, d)
		}
	}
	return r.Num(v, 4)
}

func (r request) drawMap(c choice) (template.HTML, error) {
	n := c.drawn(r.g)
	svg, err := tile.Map(c.areas, func(a geo.Area) tile.Shape {
		v := r.g.Verdict(a.Code, n.ID, c.year)
		p := r.paintOf(c, v)
		return tile.Shape{
			Code: a.Code, Class: p.class, Mark: p.mark, Hatched: p.hatched,
			Title: a.Name + ": " + r.shortText(c, n, v), Label: a.Name,
			Href: r.areaHref(a, c.year),
		}
	}, tile.Options{Width: mapWidth, IDPrefix: "kaart", Title: r.mapTitle(c), Desc: r.T("map.desc")})
	return template.HTML(svg), err //nolint:gosec // drawn by geo/tile, which escapes
}

// shown is the point whose value stands for an area under the choice: in the
// verdict lens the one that gives the outcome, in the value lens the highest
// year mean; else the highest value there is. ok is false when there is none.
func shown(c choice, v geo.AreaVerdict) (p geo.StationVerdict, ok bool) {
	if c.lens == lensValue {
		if p, ok := yearPoint(v); ok {
			return p, true
		}
	} else if p, ok := v.Deciding(); ok && p.HasValue {
		return p, true
	}
	return v.Highest, v.N > 0 && v.Highest.HasValue
}

// shortText is the outcome of an area in a few words, for titles and pop-ups.
func (r request) shortText(c choice, n norm.Norm, v geo.AreaVerdict) string {
	if c.lens == lensVerdict {
		s := r.areaOutcome(v)
		if p, ok := shown(c, v); ok {
			s += " (" + r.measured(n, p.Verdict) + ")"
		}
		return s
	}
	if p, ok := yearPoint(v); ok {
		return r.value(n, p.Verdict) + " (" + r.bounds(n, p.Verdict) + ")"
	}
	if v.Reason == norm.ReasonNoStation {
		return r.T("outcome.none")
	}
	return r.noMean(c.year)
}

// noMean says why a year has no mean of a place that was measured.
func (r request) noMean(year int) string {
	if r.running(year) {
		return r.T("outcome.running")
	}
	return r.T("outcome.short")
}
