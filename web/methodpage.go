package web

import (
	"context"
	"strconv"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
)

type methodBody struct {
	Contents   []section
	Substances []substance
	Roles      []roleRow
	Count      string
	Outcomes   []legendItem
	Kinds      []kindRow
	Version    string
	Rules      []ruleGroup
	Checks     []checkRow
	// Network says how far network factors are off; empty where nothing is known.
	Network []string
	// ChecksVersion numbers the checks together.
	ChecksVersion, ChecksCount string
	UnverifiedNorms, UnverifiedRules,
	UnverifiedPoints []section
}

// section is a part of the page with its anchor.
type section struct {
	ID, Title string
	Sub       []section
}

// substance is one pollutant with its norms: those that people ask for, and the
// rest.
type substance struct {
	ID, Title  string
	Main, More []normRow
	// MainTitle and MoreTitle are what is read before a fold is opened.
	MainTitle, MoreTitle string
}

// normRow is one norm; ID is its anchor and its id in the API.
type normRow struct {
	ID, Kind, Value, Over, Years, Allowed, Percentile, Verified string
	Unjudged                                                    bool
	Note                                                        said
	Sources                                                     []said
	Applies                                                     []string
	Texts                                                       []textRow
}

type textRow struct{ Text, When string }

type roleRow struct{ ID, Title, Text, Judged string }

type ruleGroup struct {
	ID, Title, Count string
	Rules            []ruleRow
}

type ruleRow struct {
	ID, Title, Text, Source, Standing string
	// Doubt marks a rule that was not read at its source.
	Doubt bool
}

type kindRow struct{ Kind, Note string }

type checkRow struct {
	Check, Scope, Effect, Threshold, Source, Verified string
}

func (s *site) methodPage(_ context.Context, r request) (view, error) {
	b := methodBody{Version: norm.MethodVersion, Count: r.normCount()}
	for _, i := range reading.Properties() {
		if sub := r.substance(i.Property); len(sub.Main)+len(sub.More) > 0 {
			b.Substances = append(b.Substances, sub)
		}
	}
	for _, role := range roles() {
		row := roleRow{"soort-" + string(role), r.T("role." + string(role)), r.T("role." + string(role) + ".text"), r.T("method.role.unjudged")}
		if role.Judged() {
			row.Judged = r.T("method.role.judged")
		}
		b.Roles = append(b.Roles, row)
	}
	for _, o := range []norm.Outcome{norm.Complies, norm.Exceeds, norm.ExceedsIncomplete, norm.CannotTell} {
		p := paintOutcome(o)
		b.Outcomes = append(b.Outcomes, legendItem{Class: p.class, Mark: p.mark, Label: r.T("method.outcome." + o.String())})
	}
	for _, k := range []reading.Kind{reading.KindReference, reading.KindSensorCalibrated, reading.KindSensorNetwork, reading.KindSensor, reading.KindTube} {
		b.Kinds = append(b.Kinds, kindRow{r.T("kind." + string(k)), r.kindNote(k)})
	}
	b.Network = r.networkErrors()
	b.Rules = r.rules()
	for _, c := range quality.Rules() {
		b.Checks = append(b.Checks, r.checkRow(c))
	}
	b.ChecksCount = r.N("method.checks.count", len(b.Checks))
	b.ChecksVersion = strconv.Itoa(quality.Version)
	r.unverified(&b)
	b.Contents = r.methodContents(b)
	return view{page: "method", title: r.T("method.title"), path: "/methode", body: b}, nil
}

// roles lists what norms are for, in the order in which they are explained.
func roles() []norm.Role {
	return []norm.Role{
		norm.RoleCompliance, norm.RoleAdvice, norm.RoleInterim, norm.RoleObjective,
		norm.RoleInformation, norm.RoleAlert, norm.RoleAssessment, norm.RoleExposure,
	}
}

func (r request) methodContents(b methodBody) []section {
	out := []section{
		{ID: "uitkomsten", Title: r.T("method.outcomes.title")},
		{ID: "stappen", Title: r.T("method.steps.title")},
		{ID: "twintig", Title: r.T("method.twenty.title")},
		{ID: "normen", Title: r.T("method.norms.title")},
		{ID: "regels", Title: r.T("method.rules.title")},
		{ID: "onzekerheid", Title: r.T("method.uncertainty.title")},
		{ID: "controles", Title: r.T("method.checks.title")},
		{ID: "niet-nagekeken", Title: r.T("method.unverified.title")},
	}
	for _, sub := range b.Substances {
		out[3].Sub = append(out[3].Sub, section{ID: sub.ID, Title: sub.Title})
	}
	return out
}

// substance gathers the norms for one property.
func (r request) substance(p reading.Property) substance {
	sub := substance{ID: "norm-" + string(p), Title: r.property(p)}
	for _, n := range norm.All() {
		if n.Property != p {
			continue
		}
		row := r.normRow(n)
		if n.Role.Judged() && n.Role != norm.RoleInterim && n.Regime != norm.WHO2005 {
			sub.Main = append(sub.Main, row)
		} else {
			sub.More = append(sub.More, row)
		}
	}
	sub.MainTitle = r.N("method.norms.main", len(sub.Main))
	sub.MoreTitle = r.T("method.norms.more", "n", len(sub.More))
	return sub
}

func (r request) normRow(n norm.Norm) normRow {
	row := normRow{
		ID: string(n.ID), Kind: r.regime(n), Value: r.T("method.no-value"), Over: r.over(n), Allowed: r.allowed(n),
		Verified: r.T("verified." + n.Verified), Sources: r.phrases(n.Source), Unjudged: !n.Tested(),
	}
	if n.HasValue() {
		row.Value = r.trim(n.Value) + nbsp + n.Unit
	}
	if n.Statistic == norm.Count && n.Years > 1 {
		row.Years = r.T("method.years", "n", n.Years)
	}
	if p, ok := n.Equivalent(); ok && n.Role.Judged() && n.Allowed > 0 {
		row.Percentile = r.T("method.percentile.same", "p", r.Num(p, 2))
		if n.Percentile != 0 {
			row.Percentile = r.T("method.percentile", "p", r.trim(p))
		}
	}
	if n.Note != "" {
		row.Note = r.phrase(n.Note)
	}
	if !n.From.IsZero() {
		row.Applies = append(row.Applies, r.T("applies.from", "from", r.Day(n.From)))
	}
	if !n.Until.IsZero() {
		row.Applies = append(row.Applies, r.T("applies.until", "until", r.Day(n.Until)))
	}
	texts := n.Texts()
	for i, t := range texts {
		text := textRow{Text: r.phrase(t.Instrument).Text + ", " + r.phrase(t.Article).Text}
		switch {
		case len(texts) == 1: // its days are those of the norm
		case i == 0:
			text.When = r.T("method.text.until", "until", r.Day(t.Until))
		default:
			text.When = r.T("method.text.from", "from", r.Day(t.From))
		}
		row.Texts = append(row.Texts, text)
	}
	return row
}

// over says what is averaged.
func (r request) over(n norm.Norm) string {
	if n.Statistic == norm.Exposure || n.Statistic == norm.Reduction {
		return r.T("method.over.exposure")
	}
	over := r.T("method.over." + string(n.Averaging))
	if n.Consecutive > 1 {
		return r.T("method.over.row", "over", over, "n", n.Consecutive)
	}
	return over
}

// allowed says how often the value may be exceeded.
func (r request) allowed(n norm.Norm) string {
	switch {
	case n.Role == norm.RoleAlert || n.Role == norm.RoleInformation:
		return r.T("method.allowed.warning")
	case n.Statistic == norm.Count && (n.Averaging == norm.Hourly || n.Averaging == norm.Daily || n.Averaging == norm.EightHour):
		return r.N("method.allowed."+string(n.Averaging), n.Allowed)
	case n.Role.Judged():
		return r.T("method.allowed.none")
	default:
		return "–"
	}
}

// normCount says how well the table as a whole was checked.
func (r request) normCount() string {
	by := map[string]int{}
	for _, n := range norm.All() {
		by[n.Verified]++
	}
	return r.T("method.norms.count", "n", len(norm.All()), "primary", by["primary"], "secondary", by["secondary"], "memory", by["memory"])
}

func (r request) rules() []ruleGroup {
	var out []ruleGroup
	for _, g := range norm.RuleGroups() {
		group := ruleGroup{ID: "regels-" + string(g), Title: r.T("rules." + string(g))}
		for _, rule := range norm.Rules() {
			if rule.Group == g {
				group.Rules = append(group.Rules, r.ruleRow(rule))
			}
		}
		group.Count = r.N("method.rules.count", len(group.Rules))
		out = append(out, group)
	}
	return out
}

func (r request) ruleRow(rule norm.Rule) ruleRow {
	key := "rule." + rule.ID
	row := ruleRow{
		ID: "regel-" + rule.ID, Title: r.T(key + ".title"), Text: r.T(key + ".text"), Source: r.T(key + ".source"),
		Standing: r.T("standing." + string(rule.Standing)),
		Doubt:    rule.Standing == norm.Unread || rule.Standing == norm.ReadElsewhere,
	}
	if rule.Source == norm.Ourselves {
		row.Source = "" // the standing says it already
	}
	return row
}

// unverifiedPoints are what was not verified beside norms and rules.
func unverifiedPoints() []string {
	return []string{"tables", "dates", "indicative", "dutch", "filter", "laqm"}
}

// unverified lists everything that was not read at its source.
func (r request) unverified(b *methodBody) {
	for _, n := range norm.All() {
		if n.Verified == "memory" {
			value := ""
			if n.HasValue() {
				value = " (" + r.trim(n.Value) + nbsp + n.Unit + ")"
			}
			b.UnverifiedNorms = append(b.UnverifiedNorms, section{ID: string(n.ID), Title: r.symbol(n.Property) + ": " + r.regime(n) + value})
		}
	}
	for _, g := range b.Rules {
		for _, rule := range g.Rules {
			if rule.Doubt {
				b.UnverifiedRules = append(b.UnverifiedRules, section{ID: rule.ID, Title: rule.Title})
			}
		}
	}
	for _, p := range unverifiedPoints() {
		b.UnverifiedPoints = append(b.UnverifiedPoints, section{ID: p, Title: r.T("method.unverified." + p)})
	}
}

func (r request) checkRow(c quality.Rule) checkRow {
	row := checkRow{
		Check: r.T("flag." + c.Key), Scope: r.T("scope." + string(c.Scope)), Effect: r.T("level." + string(c.Level)),
		Threshold: c.Threshold, Source: c.Source, Verified: r.T("checked.no"),
	}
	if c.Verified {
		row.Verified = r.T("checked.yes")
	}
	return row
}
