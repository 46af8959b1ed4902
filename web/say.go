package web

import (
	"math"
	"strconv"
	"strings"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// say puts verdicts and norms into plain sentences.

// nbsp keeps a number and its unit on one line.
const nbsp = "\u00a0"

// property is the name of p: "stikstofdioxide (NO₂)".
func (w words) property(p reading.Property) string { return w.T("property." + string(p)) }

// symbol is the short notation of p: "NO₂", "PM2,5".
func (w words) symbol(p reading.Property) string { return w.T("symbol." + string(p)) }

func unit(p reading.Property) string {
	if i, ok := reading.InfoOf(p); ok {
		return i.Unit
	}
	return ""
}

// figure writes v so that it stays on its own side of limit: 40.04 against 40
// is "40,04", never "40,0".
func (w words) figure(v, limit float64) string {
	d := 1
	for ; d < 4; d++ {
		r := math.Round(v*math.Pow10(d)) / math.Pow10(d)
		if (v > limit) == (r > limit) && (v < limit) == (r < limit) {
			break
		}
	}
	return w.Num(v, d)
}

// trim writes a norm's own number: 40, 37.5.
func (w words) trim(v float64) string {
	return w.written(strconv.FormatFloat(v, 'f', -1, 64))
}

// limit is the bare demand of a norm: "jaargemiddelde hoogstens 40 µg/m³".
func (w words) limit(n norm.Norm) string {
	value := w.trim(n.Value) + nbsp + unit(n.Property)
	var limit string
	if n.Statistic == norm.Count {
		limit = w.N("limit.count."+string(n.Averaging), n.Allowed, "value", value)
	} else {
		limit = w.T("limit.mean."+string(n.Averaging), "value", value)
	}
	if n.Years > 1 {
		return w.T("limit.years", "limit", limit, "n", n.Years)
	}
	return limit
}

// kindKey is the part of a key that names a kind that its regime does not tell;
// empty for limit values, guidelines and interim targets.
func kindKey(kind string) string {
	return map[string]string{
		norm.KindTarget: "target", norm.KindObjective: "objective", norm.KindAlert: "alert", norm.KindInform: "information",
		norm.KindAssessment: "assessment", norm.KindObligation: "exposure", norm.KindAverage: "exposure", norm.KindReduction: "reduction",
	}[kind]
}

// regime names the law or advice, with the kind where it is not the plain one.
func (w words) regime(n norm.Norm) string {
	if k := kindKey(n.Kind); k != "" {
		return w.T("normkind." + k + "." + string(n.Regime))
	}
	s := w.T("regime." + string(n.Regime))
	if n.Kind == norm.KindRetained {
		return s + ", " + w.T("normkind.retained")
	}
	if step, ok := strings.CutPrefix(n.Kind, "interim target "); ok {
		return s + ", " + w.T("normkind.interim", "n", step)
	}
	return s
}

// normName is regime and demand in one line.
func (w words) normName(n norm.Norm) string { return w.regime(n) + ": " + w.limit(n) }

// value writes the value of a verdict in the words of its norm: "18,2 µg/m³",
// "12 dagen"; "–" when there is none.
func (w words) value(n norm.Norm, v norm.Verdict) string {
	if !v.HasValue {
		return "–"
	}
	return w.amount(n, v.Value)
}

// measured is value where no column with the coverage stands beside it: it says
// so when the value is of a part of the year.
func (w words) measured(n norm.Norm, v norm.Verdict) string {
	if v.HasValue && partial(v) {
		return w.T("value.partial", "value", w.value(n, v), "coverage", w.Share(v.Coverage))
	}
	return w.value(n, v)
}

// partial tells that the value stands for the hours that were measured and says
// nothing of the year: it must never be read as the year's.
func partial(v norm.Verdict) bool {
	return v.Outcome == norm.CannotTell && (v.Reason == norm.ReasonCoverage || v.Reason == norm.ReasonRunning)
}

func (w words) amount(n norm.Norm, v float64) string {
	switch {
	case n.Statistic == norm.Count && v != math.Trunc(v): // a mean over several years
		return w.figure(v, float64(n.Allowed)) + nbsp + w.T("periodname."+string(n.Averaging))
	case n.Statistic == norm.Count:
		return w.N("periods."+string(n.Averaging), int(v))
	}
	return w.figure(v, n.Value) + nbsp + unit(n.Property)
}

// bounds writes the interval of a verdict: "15,5 – 20,9". A part of a year has
// none: nobody knows what the rest would have been.
func (w words) bounds(n norm.Norm, v norm.Verdict) string {
	if !v.HasValue || partial(v) {
		return "–"
	}
	low, high := w.ends(n, v)
	return low + " – " + high
}

// ends writes the two ends of the interval.
func (w words) ends(n norm.Norm, v norm.Verdict) (low, high string) {
	if n.Statistic == norm.Count {
		count := func(v float64) string {
			if v != math.Trunc(v) {
				return w.figure(v, float64(n.Allowed))
			}
			return w.Num(v, 0)
		}
		return count(v.Low), count(v.High)
	}
	return w.figure(v.Low, n.Value), w.figure(v.High, n.Value)
}

// certainty says how certain it is that the norm is exceeded, in words and with
// the probability; empty where there is none, or where what is still missing
// could change it.
func (w words) certainty(v norm.Verdict) string {
	if !v.HasProbability || v.Partial() && v.Words() != norm.WordsAbove {
		return ""
	}
	chance := w.Share(v.Probability)
	switch {
	case v.Probability < 0.01:
		chance = w.T("certainty.hardly")
	case v.Probability > 0.99:
		chance = w.T("certainty.nearly")
	}
	key := "certainty.open"
	switch v.Words() {
	case norm.WordsAbove:
		key = "certainty.above"
	case norm.WordsBelow:
		key = "certainty.below"
	case norm.WordsCannotTell:
	}
	said := w.T(key, "chance", chance)
	if v.ByValue && v.Words() == norm.WordsCannotTell {
		said += " " + w.T("certainty.by-value")
	}
	return said
}

// above says how many of the stations that measured the whole year are above the
// norm; empty when there is none.
func (w words) above(v geo.AreaVerdict) string {
	if v.Whole == 0 {
		return ""
	}
	return w.N("fact.share.text", v.Whole, "above", v.Above, "low", w.Share(v.ShareLow), "high", w.Share(v.ShareHigh))
}

// outcome is the verdict in a word or two; conditional for a norm that did not
// apply in that year.
func (w words) outcome(o norm.Outcome, notInForce bool) string {
	if notInForce {
		return w.T("would." + o.String())
	}
	return w.T("outcome." + o.String())
}

// areaOutcome is outcome for a buurt, where "not measured" is a case of its own.
func (w words) areaOutcome(v geo.AreaVerdict) string {
	if v.Reason == norm.ReasonNoStation {
		return w.T("outcome.none")
	}
	return w.pointsOutcome(v.Outcome, v.NotInForce)
}

// pointsOutcome is outcome for all measuring points of a buurt together. A buurt
// itself never complies: each of its points does.
func (w words) pointsOutcome(o norm.Outcome, notInForce bool) string {
	switch {
	case o == norm.Complies && notInForce:
		return w.T("points.would-comply")
	case o == norm.Complies:
		return w.T("points.comply")
	default:
		return w.outcome(o, notInForce)
	}
}

// kindNote says how precise instruments of the kind are taken to be, in the
// figures that the verdicts use.
func (w words) kindNote(k reading.Kind) string {
	return w.T("kindnote."+string(k), "no2", norm.Relative(k, reading.NO2, norm.Yearly),
		"pm", norm.Relative(k, reading.PM10, norm.Yearly), "once", norm.Relative(k, reading.NO2, norm.Daily))
}
