package web

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// areaBody is the page of a buurt, a wijk or the municipality.
type areaBody struct {
	Code, CodeName, Name string
	// Up leads to the areas that it lies in, the largest first.
	Up      []areaLink
	MapHref string
	Year    int
	Years   []option
	Action  string
	// Buurten draw the buurten of a wijk or the municipality; nil for a buurt.
	// Wijken are those of the municipality.
	Buurten  *mapView
	Wijken   []areaLink
	Stations []stationItem
	// More counts the stations that the page does not list.
	More      int
	Sections  []propertySection
	Downloads downloads
	Empty     bool
	// Sited tells that verdicts tell kinds of places apart.
	Sited bool
	Cite  string
	// Titles that name the kind of area.
	EmptyTitle, StationsTitle string
}

// areaLink leads to the page of an area. Note says how many stations it has.
type areaLink struct{ Href, Name, Note string }

type stationItem struct {
	Href, ID, Title, Kind, State string
	Simulated                    bool
}

// propertySection is all about one property: verdicts and last week.
type propertySection struct {
	ID, Title string
	Verdicts  []verdictView
	Targets   []verdictView // interim targets and replaced advice, folded away
	Chart     *chartView
}

// sited tells that a verdict of the section tells kinds of places apart.
func (s propertySection) sited() bool {
	return slices.ContainsFunc(slices.Concat(s.Verdicts, s.Targets), func(v verdictView) bool { return len(v.Sitings) > 0 })
}

// verdictView is one norm with what the points say about it.
type verdictView struct {
	Norm, Instrument, Outcome, Class, Mark string
	Sentence, NotInForce, Measured         string
	Facts                                  []fact
	Sitings                                []sitingRow
	Points                                 []pointRow
	// Lower counts the points that are not listed.
	Lower int
}

// sitingRow is what the points of one siting say together.
type sitingRow struct{ Siting, Points, Mean, Above, Highest string }

// pointRow is what one point says. Siting is empty while nobody declared it.
type pointRow struct{ Href, Title, Kind, Siting, Value, Bounds, Coverage, Outcome string }

// downloads are the files of one thing, with what is in them.
type downloads struct {
	Text  string
	Files []download
}

type download struct{ Href, Label string }

// AreaPath is the path of the page of the area with the code, in Dutch.
func AreaPath(c geo.Code) string { return "/" + string(levelOf(c)) + "/" + url.PathEscape(string(c)) }

// levelOf is the level that the code tells; a code of another form is taken for
// one of a buurt.
func levelOf(c geo.Code) geo.Level {
	if level, ok := geo.LevelOf(c); ok {
		return level
	}
	return geo.Buurt
}

// areaHref leads to the page of an area in a year.
func (r request) areaHref(a geo.Area, year int) string {
	return r.Path(AreaPath(a.Code)) + "?year=" + strconv.Itoa(year)
}

// here says "in this buurt", "wijk" or "municipality", by the code of the area.
func (w words) here(c geo.Code) string { return w.T("here." + string(levelOf(c))) }

// areaPage makes the page of every area of a level. A code that is written in
// small letters, or that is one of another level, leads to its own page.
func (s *site) areaPage(level geo.Level) pageFunc {
	return func(ctx context.Context, r request) (view, error) {
		a, known := r.g.AnyArea(geo.Code(strings.ToUpper(r.param)))
		switch {
		case !known:
			return view{}, notFound("no-" + string(level))
		case string(a.Code) != r.param || a.Level != level:
			to := r.Path(AreaPath(a.Code))
			if q := r.query.Encode(); q != "" {
				to += "?" + q
			}
			return view{}, &movedError{to}
		}
		return s.area(ctx, r, a)
	}
}

func (s *site) area(ctx context.Context, r request, a geo.Area) (view, error) {
	c, ok := choose(r.g, r.query)
	c = c.within(r.g, a)
	year, stations := c.year, r.g.StationsIn(a)
	b := areaBody{
		Code: string(a.Code), CodeName: r.T("area.code." + string(a.Level)), Name: a.Name, Up: r.up(a, year), Year: year, Years: r.yearOptions(year),
		Action: r.Path(c.base), MapHref: r.Path("/?year=" + strconv.Itoa(year)), Empty: len(stations) == 0,
		EmptyTitle: r.T("area.empty.title", "here", r.here(a.Code)), StationsTitle: r.T("area.stations", "here", r.here(a.Code)),
	}
	path, asked := c.base, "?year="+strconv.Itoa(year)
	var err error
	if a.Level == geo.Buurt {
		b.Sections, err = s.sections(ctx, r, a, year, stations)
	} else {
		if asked = c.query(); ok {
			b.Buurten, err = r.buurten(c)
		}
		// The hours of one week of very many stations are on the pages of the buurten.
		if err == nil {
			b.Sections, err = s.sections(ctx, r, a, year, nil)
		}
	}
	if err != nil {
		return view{}, err
	}
	if a.Level == geo.Gemeente {
		b.Wijken = r.wijken(year)
	}
	b.Sited = slices.ContainsFunc(b.Sections, propertySection.sited)
	for _, st := range stations[:min(len(stations), maxListed)] {
		b.Stations = append(b.Stations, r.stationItem(st))
	}
	b.More = len(stations) - len(b.Stations)
	b.Downloads = downloads{
		Text:  r.T("downloads.area", "here", r.here(a.Code), "year", strconv.Itoa(year)),
		Files: r.files(url.Values{"area": {string(a.Code)}, "year": {strconv.Itoa(year)}}, opendata.HoursDataset, opendata.VerdictsDataset),
	}
	b.Cite = strings.TrimSpace(strings.Join([]string{
		r.T("cite.buurt", "name", a.Name, "code", string(a.Code), "place", r.g.Municipality.Name,
			"year", strconv.Itoa(year), "day", r.Day(r.g.Modified), "version", r.g.Version),
		r.citeSimulated(stations), s.o.BaseURL + r.areaHref(a, year),
	}, " "))
	if len(r.query) > 0 {
		path += asked
	}
	title := r.T("area.title."+string(a.Level), "name", a.Name, "year", strconv.Itoa(year))
	return view{page: "area", title: title, path: path, body: b}, nil
}

// sections are the properties with verdicts in the area, or hours of the last
// week at one of the stations.
func (s *site) sections(ctx context.Context, r request, a geo.Area, year int, stations []opendata.Station) ([]propertySection, error) {
	var out []propertySection
	for _, info := range reading.Properties() {
		sec := r.section(a.Code, info.Property, year)
		var err error
		if sec.Chart, err = s.chartOf(ctx, r, info.Property, stations); err != nil {
			return nil, err
		}
		if sec.Chart != nil || len(sec.Verdicts)+len(sec.Targets) > 0 {
			out = append(out, sec)
		}
	}
	return out, nil
}

// within narrows the choice down to the buurten of an area.
func (c choice) within(g *opendata.Graph, a geo.Area) choice {
	c.areas, c.base, c.place = g.BuurtenIn(a), AreaPath(a.Code), a
	return c
}

// buurten draws the buurten of the choice; nil when there is none, which is so
// of a wijk whose buurten belong to another vintage.
func (r request) buurten(c choice) (*mapView, error) {
	if len(c.areas) == 0 {
		return nil, nil //nolint:nilnil // no map is no fault
	}
	v, err := r.mapView(c)
	v.Boundaries = r.Path("/") + "#grenzen"
	v.TableTitle = r.T("area.buurten", "here", r.here(c.place.Code))
	return &v, err
}

// up leads to the areas that an area lies in, the largest first.
func (r request) up(a geo.Area, year int) []areaLink {
	var out []areaLink
	link := func(b geo.Area) { out = append(out, areaLink{Href: r.areaHref(b, year), Name: b.Name}) }
	if town := r.g.Municipality; a.Level != geo.Gemeente && town.Code != "" {
		link(town)
	}
	if wijk, ok := r.g.AnyArea(a.Parent); ok && a.Level == geo.Buurt && wijk.Level == geo.Wijk {
		link(wijk)
	}
	return out
}

// wijken leads to the wijken with the number of their stations, in code order.
func (r request) wijken(year int) []areaLink {
	var out []areaLink
	for _, w := range r.g.Districts {
		out = append(out, areaLink{r.areaHref(w, year), w.Name, r.N("area.wijk.stations", len(r.g.StationsIn(w)))})
	}
	return out
}

// year is the asked year, else the graph's own.
func (r request) year() int {
	if y, err := strconv.Atoi(r.query.Get("year")); err == nil {
		return y
	}
	return r.g.Year
}

// running tells that the year (UTC+1) is not over.
func (r request) running(year int) bool { return clock(r.now).Year() <= year }

func (r request) stationItem(st opendata.Station) stationItem {
	return stationItem{
		Href: r.Path("/meetpunt/" + string(st.ID)), ID: string(st.ID), Title: st.Title,
		Kind: r.kind(st.Kind, st.Simulated), State: r.state(st), Simulated: st.Simulated,
	}
}

// silentAfter is the age of the newest hour from which a station is called
// silent: a day, so that one missed hour alarms nobody.
const silentAfter = 24

// state tells whether a station reports.
func (r request) state(st opendata.Station) string {
	switch {
	case st.Paused:
		return r.T("state.paused")
	case st.Latest.IsZero():
		if years := r.tubeYears(st.ID); len(years) > 0 {
			return r.T("state.tubes", "year", strconv.Itoa(years[len(years)-1].Year))
		}
		return r.T("state.never")
	case r.now.Sub(st.Latest).Hours() > silentAfter:
		return r.T("state.silent", "moment", r.Moment(st.Latest))
	default:
		return r.T("state.reports", "moment", r.Moment(st.Latest))
	}
}

// section judges every norm of the property at the area's points. Norms in
// force come first, then those to come, then advice.
func (r request) section(a geo.Code, p reading.Property, year int) propertySection {
	sec := propertySection{ID: string(p), Title: r.property(p)}
	norms := slices.Clone(r.g.Norms)
	slices.SortStableFunc(norms, func(x, y norm.Norm) int { return cmp.Compare(regimeOrder(x), regimeOrder(y)) })
	for _, n := range norms {
		if n.Property != p {
			continue
		}
		v := r.g.Verdict(a, n.ID, year)
		if v.Reason == norm.ReasonNoStation {
			continue
		}
		vv := r.verdictView(n, v)
		if strings.HasPrefix(n.Kind, "interim") || n.Regime == norm.WHO2005 {
			sec.Targets = append(sec.Targets, vv)
		} else {
			sec.Verdicts = append(sec.Verdicts, vv)
		}
	}
	return sec
}

func regimeOrder(n norm.Norm) int {
	return slices.Index(norm.Regimes(), n.Regime)
}

func (r request) verdictView(n norm.Norm, v geo.AreaVerdict) verdictView {
	p := paintVerdict(v)
	vv := verdictView{
		Norm: r.normName(n), Instrument: r.textOf(n),
		Outcome: r.areaOutcome(v), Class: p.class, Mark: p.mark, Sentence: r.sentence(n, v, r.running(v.Year)),
	}
	if v.NotInForce {
		vv.NotInForce = r.T("say.not-in-force", "year", strconv.Itoa(v.Year))
	}
	vv.Measured = r.T("buurt.measured", "coverage", r.covered(v), "points", r.pointKinds(v))
	if d, ok := v.Deciding(); ok && v.N > 0 && d.Station != v.Highest.Station && v.Outcome != norm.CannotTell {
		vv.Facts = append(vv.Facts, fact{r.T("fact.deciding"), r.stationTitle(d.Station) + ": " + r.measured(n, d.Verdict) + " (" + r.bounds(n, d.Verdict) + ")"})
	}
	if v.N > 0 {
		vv.Facts = append(vv.Facts,
			fact{r.T("fact.highest"), r.measured(n, v.Highest.Verdict)},
			fact{r.T("fact.interval"), r.bounds(n, v.Highest.Verdict)})
	}
	if said := r.certainty(quoted(v)); said != "" {
		vv.Facts = append(vv.Facts, fact{r.T("fact.certainty"), said})
	}
	if v.Whole > 1 {
		vv.Facts = append(vv.Facts, fact{r.T("fact.share"), r.above(v)})
	}
	if v.HasMean {
		vv.Facts = append(vv.Facts, fact{r.T("fact.mean"), r.meanText(n, v.Group)})
	}
	vv.Sitings = r.sitings(n, v)
	shown := v.Points
	if levelOf(v.Area) != geo.Buurt {
		shown = shown[:min(len(shown), maxPoints)] // the others stand on the pages of their buurten
	}
	vv.Lower = len(v.Points) - len(shown)
	for _, pt := range shown {
		vv.Points = append(vv.Points, pointRow{
			Href: r.Path("/meetpunt/" + string(pt.Station)), Title: r.stationTitle(pt.Station), Kind: r.pointKind(pt), Siting: r.siting(pt.Siting),
			Value: r.value(n, pt.Verdict), Bounds: r.bounds(n, pt.Verdict), Coverage: r.Share(pt.Coverage), Outcome: r.outcome(pt.Outcome, pt.NotInForce),
		})
	}
	return vv
}

// maxPoints bounds the points of a verdict on the page of a wijk or of the
// municipality.
const maxPoints = 5

// siting names what surrounds a point; empty while nobody declared it.
func (r request) siting(s reading.Siting) string {
	if s == reading.SitingUnknown {
		return ""
	}
	return r.T("siting." + string(s))
}

// sitings say what the points of each siting tell, each for themselves.
func (r request) sitings(n norm.Norm, v geo.AreaVerdict) []sitingRow {
	var out []sitingRow
	for _, g := range v.Sitings {
		name := string(g.Siting)
		if g.Siting == reading.SitingUnknown {
			name = "unknown"
		}
		row := sitingRow{Siting: r.T("sitings." + name), Points: r.Count(int64(g.N)), Mean: r.T("siting.no-mean"), Above: "–", Highest: "–"}
		if g.Whole > 0 {
			row.Above = r.T("siting.share", "above", g.Above, "n", g.Whole, "low", r.Share(g.ShareLow), "high", r.Share(g.ShareHigh))
		}
		if g.HasMean {
			row.Mean = r.meanText(n, g.Group)
		}
		if g.N > 0 {
			row.Highest = r.measured(n, g.Highest.Verdict)
		}
		out = append(out, row)
	}
	return out
}

// meanText writes a mean of points with its interval, and whether it is of few.
func (r request) meanText(n norm.Norm, g geo.Group) string {
	mean := r.T("fact.mean.text", "mean", r.amountOf(n, g.Mean), "low", r.bareOf(n, g.Low), "high", r.bareOf(n, g.High))
	if g.Few {
		mean += " " + r.T("fact.mean.few")
	}
	return mean
}

// amountOf writes a mean over points: of counts with one decimal, because a
// mean of days need not be whole.
func (r request) amountOf(n norm.Norm, v float64) string {
	if n.Statistic == norm.Count {
		return r.bareOf(n, v) + nbsp + r.T("periodname."+string(n.Averaging))
	}
	return r.bareOf(n, v) + nbsp + unit(n.Property)
}

func (r request) bareOf(n norm.Norm, v float64) string {
	if n.Statistic == norm.Count {
		return r.Num(v, 1)
	}
	return r.figure(v, n.Value)
}

func (r request) stationTitle(id reading.StationID) string {
	if st, ok := r.g.Station(id); ok && st.Title != "" {
		return st.Title
	}
	return string(id)
}

// pointKinds counts the points of a verdict by kind: "3: 1 officieel, 2 sensoren".
func (r request) pointKinds(v geo.AreaVerdict) string {
	kinds := []reading.Kind{reading.KindReference, reading.KindSensorCalibrated, reading.KindSensorNetwork, reading.KindSensor, reading.KindTube}
	n := map[reading.Kind]int{}
	for _, p := range v.Points {
		n[p.Kind]++
	}
	var parts []string
	for _, k := range kinds {
		if n[k] > 0 {
			parts = append(parts, r.N("kinds."+string(k), n[k]))
		}
	}
	if len(parts) == 0 {
		return r.Count(0)
	}
	said := strings.Join(parts, ", ")
	if v.Simulated {
		return r.T("simulated.all", "what", said)
	}
	return said
}

// kind names the kind of a station. A simulated official station is not one.
func (r request) kind(k reading.Kind, simulated bool) string {
	if simulated {
		return r.T("simulated.all", "what", r.T("kind."+string(k)))
	}
	return r.T("kind." + string(k))
}

// citeSimulated says in a citation that the stations are no real ones; empty
// when they are.
func (r request) citeSimulated(stations []opendata.Station) string {
	n := 0
	for _, st := range stations {
		if st.Simulated {
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case len(stations):
		return r.T("cite.simulated.all")
	default:
		return r.T("cite.simulated.some")
	}
}

// files links the part of the datasets that the filter leaves, in every form.
func (r request) files(filter url.Values, datasets ...string) []download {
	var out []download
	for _, d := range opendata.Datasets(r.g, opendata.Publisher{}) {
		if !slices.Contains(datasets, d.ID) {
			continue
		}
		for _, f := range d.Distributions {
			label := r.T("downloads.hours", "format", f.FileType)
			if d.ID == opendata.VerdictsDataset {
				label = r.T("downloads.verdicts", "format", f.FileType)
			}
			out = append(out, download{f.URL + "?" + filter.Encode(), label})
		}
	}
	return out
}

// pick chooses the page's language.
func (w words) pick(t opendata.Text) string {
	if w.lang == english {
		return t.EN
	}
	return t.NL
}
