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

type buurtBody struct {
	Code, Name, District string
	MapHref              string
	Year                 int
	Years                []option
	Action               string
	Stations             []stationItem
	Sections             []propertySection
	Downloads            downloads
	Empty                bool
	Cite                 string
}

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

// verdictView is one norm with what the points say about it.
type verdictView struct {
	Norm, Instrument, Outcome, Class, Mark string
	Sentence, NotInForce, Measured         string
	Facts                                  []fact
	Points                                 []pointRow
}

type pointRow struct{ Href, Title, Kind, Value, Bounds, Coverage, Outcome string }

// downloads are the files of one thing, with what is in them.
type downloads struct {
	Text  string
	Files []download
}

type download struct{ Href, Label string }

func (s *site) buurtPage(ctx context.Context, r request) (view, error) {
	a, ok := r.g.Area(geo.Code(r.param))
	if upper, known := r.g.Area(geo.Code(strings.ToUpper(r.param))); !ok && known {
		to := r.Path("/buurt/" + url.PathEscape(string(upper.Code)))
		if q := r.query.Encode(); q != "" {
			to += "?" + q
		}
		return view{}, &movedError{to}
	}
	if !ok {
		return view{}, notFound("no-buurt")
	}
	year := r.year()
	b := buurtBody{
		Code: string(a.Code), Name: a.Name, District: r.district(a), Year: year, Years: r.yearOptions(year),
		Action: r.Path("/buurt/" + url.PathEscape(string(a.Code))), MapHref: r.Path("/?year=" + strconv.Itoa(year)),
	}
	var stations []opendata.Station
	for _, st := range r.g.Stations {
		if st.Area == a.Code {
			stations = append(stations, st)
			b.Stations = append(b.Stations, r.stationItem(st))
		}
	}
	b.Empty = len(stations) == 0
	for _, info := range reading.Properties() {
		sec := r.section(a.Code, info.Property, year)
		var err error
		if sec.Chart, err = s.chartOf(ctx, r, info.Property, stations); err != nil {
			return view{}, err
		}
		if sec.Chart != nil || len(sec.Verdicts)+len(sec.Targets) > 0 {
			b.Sections = append(b.Sections, sec)
		}
	}
	b.Downloads = downloads{
		Text:  r.T("downloads.buurt", "year", strconv.Itoa(year)),
		Files: r.files(url.Values{"area": {string(a.Code)}, "year": {strconv.Itoa(year)}}, opendata.HoursDataset, opendata.VerdictsDataset),
	}
	path := "/buurt/" + url.PathEscape(string(a.Code))
	whole := path + "?year=" + strconv.Itoa(year)
	b.Cite = strings.TrimSpace(strings.Join([]string{
		r.T("cite.buurt", "name", a.Name, "code", string(a.Code), "place", r.g.Municipality.Name,
			"year", strconv.Itoa(year), "day", r.Day(r.g.Modified), "version", r.g.Version),
		r.citeSimulated(stations), s.o.BaseURL + r.Path(whole),
	}, " "))
	if len(r.query) > 0 {
		path = whole
	}
	return view{page: "buurt", title: r.T("buurt.title", "name", a.Name, "year", strconv.Itoa(year)), path: path, body: b}, nil
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

func (r request) district(a geo.Area) string {
	for _, d := range r.g.Districts {
		if d.Code == a.Parent {
			return d.Name
		}
	}
	return ""
}

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
		mean := r.T("fact.mean.text", "mean", r.amountOf(n, v.Mean), "low", r.bareOf(n, v.Low), "high", r.bareOf(n, v.High))
		if v.Few {
			mean += " " + r.T("fact.mean.few")
		}
		vv.Facts = append(vv.Facts, fact{r.T("fact.mean"), mean})
	}
	for _, pt := range v.Points {
		vv.Points = append(vv.Points, pointRow{
			Href: r.Path("/meetpunt/" + string(pt.Station)), Title: r.stationTitle(pt.Station), Kind: r.pointKind(pt),
			Value: r.value(n, pt.Verdict), Bounds: r.bounds(n, pt.Verdict), Coverage: r.Share(pt.Coverage), Outcome: r.outcome(pt.Outcome, pt.NotInForce),
		})
	}
	return vv
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
