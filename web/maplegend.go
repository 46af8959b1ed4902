package web

import (
	"cmp"
	"slices"
	"strconv"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
)

// legend lists every fill with the number of buurten that have it.
func (r request) legend(c choice) []legendItem {
	seen := map[string]int{}
	n := c.drawn(r.g)
	for _, a := range c.areas {
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
	return append(out, item(paintShort(), r.noMean(c.year)), item(paintNone(), r.T("outcome.none")))
}

// legendTitle says what the fills stand for.
func (r request) legendTitle(c choice) string {
	return r.T("legend.title."+c.lens, "property", r.symbol(c.norm.Property), "unit", unit(c.norm.Property))
}

// period is the calendar year, or what is over of it.
func (r request) period(year int) string {
	if clock(r.now).Year() == year {
		return r.T("period.running", "day", r.Day(r.now))
	}
	return r.T("period.year", "year", strconv.Itoa(year))
}

// mapFacts say exactly what the map shows: which average, of which period, by
// whom, from how many points, by which rules.
func (r request) mapFacts(c choice) []fact {
	n := c.drawn(r.g)
	points, version := 0, ""
	for _, a := range c.areas {
		v := r.g.Verdict(a.Code, n.ID, c.year)
		points += v.N
		if version == "" && len(v.Points) > 0 {
			version = v.Points[0].Method.Version
		}
	}
	fs := []fact{}
	shown := r.T("drawn.verdict")
	if c.lens == lensVerdict {
		fs = append(fs, fact{r.T("fact.norm"), r.normName(n)}, fact{r.T("fact.instrument"), r.textOf(n)})
	} else {
		shown = r.T("drawn.value", "property", r.symbol(n.Property), "unit", unit(n.Property))
		fs = append(fs, fact{r.T("fact.norm"), r.T("drawn.no-norm")})
	}
	fs = append(fs,
		fact{r.T("fact.drawn"), shown},
		fact{r.T("fact.averaging"), r.T("averaging." + string(n.Averaging))},
		fact{r.T("fact.period"), r.period(c.year)},
		fact{r.T("fact.maker"), r.makers(c)},
		fact{r.T("fact.points"), r.Count(int64(points))},
	)
	if version != "" {
		fs = append(fs, fact{r.T("fact.method"), version})
	}
	return fs
}

// makers names who runs the stations of the choice, in the order of the number of them.
func (r request) makers(c choice) string {
	n := map[string]int{}
	var names []string
	for _, s := range r.g.StationsIn(c.place) {
		if s.Maker == "" {
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

// because names the reason why an area's outcome is not known, in a few words.
func (r request) because(reason norm.Reason, year int) string {
	switch {
	case reason == norm.ReasonNone:
		return r.T("because.other")
	case reason == norm.ReasonCoverage && r.running(year):
		return r.T("because.coverage-running")
	default:
		return r.T("because." + string(reason))
	}
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
	for _, a := range c.areas {
		v := r.g.Verdict(a.Code, c.drawn(r.g).ID, c.year)
		if v.Reason == norm.ReasonNoStation || r.untoldHere(c, v) {
			by[v.Reason]++
		}
	}
	for _, reason := range []norm.Reason{norm.ReasonUncertainty, norm.ReasonCoverage, norm.ReasonRunning, norm.ReasonNoData, norm.ReasonNone} {
		if by[reason] > 0 {
			why = append(why, fact{r.because(reason, c.year), r.N("buurten", by[reason])})
		}
	}
	if k := by[norm.ReasonNoStation]; k > 0 {
		none = r.N("map.unmeasured", k, "total", len(c.areas))
	}
	return why, none
}
