package web

import (
	"cmp"
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
}

// choose reads the query; everything has a default. ok is false when the graph
// has no norm at all.
func choose(g *opendata.Graph, q url.Values) (c choice, ok bool) {
	c = choice{year: g.Year, lens: lensVerdict, sort: sortName}
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
		c.norm, ok = defaultNorm(g, c.year)
	}
	return c, ok
}

// defaultNorm is the first year norm in force of a property that was measured
// in the year, else the first norm of all.
func defaultNorm(g *opendata.Graph, year int) (norm.Norm, bool) {
	for _, n := range g.Norms {
		if n.Averaging != norm.Yearly || n.Regime != norm.EUNow {
			continue
		}
		for _, s := range g.YearStats {
			if s.Property == n.Property && s.Year == year && s.Valid > 0 {
				return n, true
			}
		}
	}
	if len(g.Norms) == 0 {
		return norm.Norm{}, false
	}
	return g.Norms[0], true
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
	Heading, Intro string
	Form           mapForm
	Map            template.HTML
	Data           string // address of the movable map's data
	Legend         []legendItem
	Facts          []fact
	Schematic      bool
	AreaYear       int
	Source         string
	Columns        []column
	Rows           []mapRow
	Untold         []fact
	Untold0        string
	Empty          bool
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

	value   float64
	outcome int
}

func (s *site) mapPage(_ context.Context, r request) (view, error) {
	c, ok := choose(r.g, r.query)
	if !ok || len(r.g.Areas) == 0 {
		return view{page: "map", title: r.T("map.title.empty"), path: "/", body: mapBody{Empty: true, Heading: r.T("map.title.empty")}}, nil
	}
	svg, err := r.drawMap(c)
	if err != nil {
		return view{}, err
	}
	b := mapBody{
		Heading: r.mapHeading(c), Form: r.mapForm(c), Map: svg, Legend: r.legend(c), Facts: r.mapFacts(c),
		Schematic: r.g.Schematic, AreaYear: r.g.AreaYear, Rows: r.mapRows(c), Columns: r.mapColumns(c),
		Data: "/kaart/gebieden.geojson" + c.query() + "&lang=" + r.lang,
	}
	if c.lens == lensVerdict {
		b.Intro = r.T("map.intro.verdict", "norm", r.normName(c.norm))
	} else {
		b.Intro = r.T("map.intro.value")
	}
	b.Untold, b.Untold0 = r.untold(c)
	b.Source = r.g.Areas[0].Source
	path := "/"
	if len(r.query) > 0 {
		path += c.query()
	}
	return view{page: "map", title: b.Heading, path: path, body: b}, nil
}

func (r request) mapHeading(c choice) string {
	return r.T("map.heading", "property", r.symbol(c.norm.Property), "place", r.g.Municipality.Name, "year", strconv.Itoa(c.year))
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
		out[i] = option{strconv.Itoa(y), strconv.Itoa(y), y == chosen}
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
	svg, err := tile.Map(r.g.Areas, func(a geo.Area) tile.Shape {
		v := r.g.Verdict(a.Code, n.ID, c.year)
		p := r.paintOf(c, v)
		return tile.Shape{
			Code: a.Code, Class: p.class, Mark: p.mark, Hatched: p.hatched,
			Title: a.Name + ": " + r.shortText(c, n, v), Label: a.Name,
			Href: r.Path("/buurt/" + url.PathEscape(string(a.Code)) + "?year=" + strconv.Itoa(c.year)),
		}
	}, tile.Options{Width: mapWidth, IDPrefix: "kaart", Title: r.mapHeading(c), Desc: r.T("map.desc")})
	return template.HTML(svg), err //nolint:gosec // drawn by geo/tile, which escapes
}

// shortText is the outcome of an area in a few words, for titles and pop-ups.
func (r request) shortText(c choice, n norm.Norm, v geo.AreaVerdict) string {
	if c.lens == lensVerdict {
		s := r.areaOutcome(v)
		if v.N > 0 && v.Highest.HasValue {
			s += " (" + r.measured(n, v.Highest.Verdict) + ")"
		}
		return s
	}
	if p, ok := yearPoint(v); ok {
		return r.value(n, p.Verdict) + " (" + r.bounds(n, p.Verdict) + ")"
	}
	if v.Reason == norm.ReasonNoStation {
		return r.T("outcome.none")
	}
	return r.T("outcome.short")
}

// legend lists every fill with the number of buurten that have it.
func (r request) legend(c choice) []legendItem {
	seen := map[string]int{}
	n := c.drawn(r.g)
	for _, a := range r.g.Areas {
		seen[r.paintOf(c, r.g.Verdict(a.Code, n.ID, c.year)).class]++
	}
	item := func(p paint, label string) legendItem { return legendItem{p.class, p.mark, label, seen[p.class]} }
	var out []legendItem
	if c.lens == lensVerdict {
		inForce := n.InForce(c.year)
		for _, o := range []norm.Outcome{norm.Complies, norm.Exceeds, norm.ExceedsIncomplete, norm.CannotTell} {
			out = append(out, item(paintOutcome(o), r.pointsOutcome(o, !inForce)))
		}
		return append(out, item(paintNone(), r.T("outcome.none")))
	}
	es, u := edges(c.norm.Property), unit(c.norm.Property)
	for i := range len(es) + 1 {
		p := paint{class: "k-w" + strconv.Itoa(i)}
		switch i {
		case 0:
			out = append(out, item(p, r.T("legend.upto", "high", r.trim(es[0]), "unit", u)))
		case len(es):
			out = append(out, item(p, r.T("legend.above", "low", r.trim(es[i-1]), "unit", u)))
		default:
			out = append(out, item(p, r.T("legend.between", "low", r.trim(es[i-1]), "high", r.trim(es[i]), "unit", u)))
		}
	}
	return append(out, item(paintShort(), r.T("outcome.short")), item(paintNone(), r.T("outcome.none")))
}

// mapFacts say exactly what the map shows: which average, of which period, by
// whom, from how many points, by which rules.
func (r request) mapFacts(c choice) []fact {
	n := c.drawn(r.g)
	points, version := 0, ""
	for _, a := range r.g.Areas {
		v := r.g.Verdict(a.Code, n.ID, c.year)
		points += v.N
		if version == "" && len(v.Points) > 0 {
			version = v.Points[0].Method.Version
		}
	}
	fs := []fact{}
	if c.lens == lensVerdict {
		fs = append(fs, fact{r.T("fact.norm"), r.normName(n)}, fact{r.T("fact.instrument"), n.Instrument + ", " + n.Article})
	}
	shown := r.T("drawn.verdict")
	if c.lens == lensValue {
		shown = r.T("drawn.value")
	}
	fs = append(fs,
		fact{r.T("fact.averaging"), r.T("averaging." + string(n.Averaging))},
		fact{r.T("fact.period"), r.T("period.year", "year", strconv.Itoa(c.year))},
		fact{r.T("fact.drawn"), shown},
		fact{r.T("fact.maker"), r.makers()},
		fact{r.T("fact.points"), r.Count(int64(points))},
	)
	if version != "" {
		fs = append(fs, fact{r.T("fact.method"), version})
	}
	return fs
}

// makers names who runs the stations, in the order of the number of them.
func (r request) makers() string {
	n := map[string]int{}
	var names []string
	for _, s := range r.g.Stations {
		if s.Maker == "" || s.Area == "" {
			continue
		}
		if n[s.Maker]++; n[s.Maker] == 1 {
			names = append(names, s.Maker)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(n[b], n[a]) })
	if len(names) == 0 {
		return "–"
	}
	const most = 4
	out := ""
	for i, m := range names {
		if i == most {
			return out + " " + r.N("makers.more", len(names)-most)
		}
		if i > 0 {
			out += ", "
		}
		out += m
	}
	return out
}

func (r request) mapColumns(c choice) []column {
	col := func(key, order string) column {
		next := c
		next.sort = order
		return column{r.T(key), r.Path("/") + next.query() + "#tabel", c.sort == order}
	}
	second := col("column.outcome", sortOutcome)
	if c.lens == lensValue {
		second = col("column.class", sortOutcome)
	}
	return []column{col("column.buurt", sortName), second, col("column.value", sortValue)}
}

func (r request) mapRows(c choice) []mapRow {
	n := c.drawn(r.g)
	rows := make([]mapRow, 0, len(r.g.Areas))
	classes := map[string]string{}
	for _, l := range r.legend(c) {
		classes[l.Class] = l.Label
	}
	for _, a := range r.g.Areas {
		v := r.g.Verdict(a.Code, n.ID, c.year)
		p := r.paintOf(c, v)
		row := mapRow{
			Href: r.Path("/buurt/" + url.PathEscape(string(a.Code)) + "?year=" + strconv.Itoa(c.year)),
			Name: a.Name, Class: p.class, Mark: p.mark, Outcome: classes[p.class],
			Value: "–", Bounds: "–", Coverage: "–", Points: r.Count(int64(v.N)), outcome: -1,
		}
		if v.Reason != norm.ReasonNoStation {
			row.Coverage = r.Share(v.Coverage)
			if c.lens == lensVerdict {
				row.outcome = int(v.Outcome)
			} else {
				row.outcome, row.Mark = 0, "" // the value has a column of its own
			}
			if r.untoldHere(c, v) {
				row.Why = r.T("because." + reasonKey(v.Reason))
			}
		}
		if v.N > 0 && v.Highest.HasValue {
			row.Value, row.Bounds = r.value(n, v.Highest.Verdict), r.bounds(n, v.Highest.Verdict)
			row.value = v.Highest.Value
		} else {
			row.value = -1
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b mapRow) int {
		switch c.sort {
		case sortValue:
			return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(a.Name, b.Name))
		case sortOutcome:
			return cmp.Or(cmp.Compare(b.outcome, a.outcome), cmp.Compare(b.value, a.value), cmp.Compare(a.Name, b.Name))
		default:
			return cmp.Compare(a.Name, b.Name)
		}
	})
	return rows
}

func reasonKey(reason norm.Reason) string {
	if reason == norm.ReasonNone {
		return "other"
	}
	return string(reason)
}

// untoldHere reports whether the map has nothing to tell of an area that was
// measured.
func (r request) untoldHere(c choice, v geo.AreaVerdict) bool {
	if c.lens == lensValue {
		_, ok := yearPoint(v)
		return !ok && v.Reason != norm.ReasonNoStation
	}
	return v.Outcome == norm.CannotTell && v.Reason != norm.ReasonNoStation
}

// untold counts the buurten of which the map tells nothing, by cause.
func (r request) untold(c choice) (why []fact, none string) {
	by := map[norm.Reason]int{}
	for _, a := range r.g.Areas {
		v := r.g.Verdict(a.Code, c.drawn(r.g).ID, c.year)
		if v.Reason == norm.ReasonNoStation || r.untoldHere(c, v) {
			by[v.Reason]++
		}
	}
	for _, reason := range []norm.Reason{norm.ReasonUncertainty, norm.ReasonCoverage, norm.ReasonRunning, norm.ReasonNoData, norm.ReasonNone} {
		if by[reason] > 0 {
			why = append(why, fact{r.T("because." + reasonKey(reason)), r.N("buurten", by[reason])})
		}
	}
	if k := by[norm.ReasonNoStation]; k > 0 {
		none = r.N("map.unmeasured", k, "total", len(r.g.Areas))
	}
	return why, none
}
