package web

import (
	"strconv"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
)

// quoted is the verdict of the point whose figures stand for an area: the one
// that gives the outcome, else the highest.
func quoted(v geo.AreaVerdict) norm.Verdict {
	if p, ok := v.Deciding(); ok {
		return p.Verdict
	}
	return v.Highest.Verdict
}

// reason tells why the points of an area leave a norm untold, and at how many
// of them. running tells that the year is not over.
func (w words) reason(n norm.Norm, v geo.AreaVerdict, running bool) string {
	q, same, most := quoted(v), 0, 0.0
	for _, p := range v.Points {
		if p.Outcome == norm.CannotTell && p.Reason == v.Reason {
			same++
			most = max(most, p.Coverage)
		}
	}
	key := "reason." + string(v.Reason)
	switch {
	case v.Reason == norm.ReasonNone:
		key = "reason.other"
	case v.Reason == norm.ReasonCoverage && running:
		key = "reason.coverage-running"
	case v.Reason == norm.ReasonUncertainty && n.Statistic == norm.Count && n.Allowed == 0:
		key = "reason.uncertainty-none"
	case v.Reason == norm.ReasonUncertainty && n.Statistic == norm.Count:
		key = "reason.uncertainty-count"
	}
	low, high := w.ends(n, q)
	here := w.here(v.Area)
	return w.T(key, "here", here, "mean", w.meanName(n), "at", w.N("reason.at", len(v.Points), "same", same, "here", here), "measured", w.N("reason.measured", same, "value", w.value(n, q)),
		"year", strconv.Itoa(v.Year), "coverage", w.Share(most), "low", low, "high", high,
		"norm", w.trim(n.Value)+nbsp+unit(n.Property), "allowed", n.Allowed)
}

// sentence says in one plain sentence what the points of an area tell about a
// norm. It never says that the area complies, and it quotes a point that has
// the outcome: a higher one may be too uncertain to have it.
func (w words) sentence(n norm.Norm, v geo.AreaVerdict, running bool) string {
	if v.Outcome == norm.CannotTell {
		return w.T("say.cannot-tell", "why", w.reason(n, v, running))
	}
	over := 0
	for _, p := range v.Points {
		if p.Outcome == norm.Exceeds || p.Outcome == norm.ExceedsIncomplete {
			over++
		}
	}
	form := "say."
	if v.NotInForce {
		form = "say.would."
	}
	form += string(n.Statistic)
	if n.Statistic == norm.Count && n.Allowed == 0 {
		form = "say.none" // "the 0 allowed" is no language, in force or not
	}
	q := quoted(v)
	low, high := w.ends(n, q)
	interval := "" // "between 0 and 0" tells nothing
	if low != high {
		interval = w.T("say.interval", "low", low, "high", high)
	}
	at := w.T("say.at.all", "n", v.N)
	switch {
	case over > 0 && over < v.N: // the others do not exceed
		at = w.T("say.at.some", "over", over, "n", v.N)
	case v.N == 2:
		at = w.T("say.at.both")
	}
	said := w.N(form+"."+v.Outcome.String(), v.N, "here", w.here(v.Area),
		"mean", w.meanName(n), "at", at, "norm", w.trim(n.Value)+nbsp+unit(n.Property), "allowed", n.Allowed, "limit", w.limit(n),
		"value", w.value(n, q), "interval", interval,
		"periods", w.T("periodname."+string(n.Averaging)), "coverage", w.Share(q.Coverage))
	if without := len(v.Points) - v.N; without > 0 {
		said += " " + w.N("say.without", without)
	}
	return said
}

// meanName names the mean that a norm is about: "jaargemiddelde".
func (w words) meanName(n norm.Norm) string {
	if n.Statistic != norm.Mean {
		return "" // the texts of a count name no mean
	}
	return w.T("meanname." + string(n.Averaging))
}

// covered writes how much of the year the points of an area measured:
// "99 %", or "96–99 %" when they differ.
func (w words) covered(v geo.AreaVerdict) string {
	least, most := v.Covered()
	low, high := w.Share(least), w.Share(most)
	if low == high {
		return high
	}
	return strconv.Itoa(int(least*100+1e-9)) + "–" + high
}
