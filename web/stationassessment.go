package web

import (
	"math"

	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// assessmentRow is the comparison with one official station in sentences.
type assessmentRow struct {
	Text  string
	Lines []assessmentLine
}

// assessmentLine is one sentence about it; Objection is empty without one.
type assessmentLine struct{ Text, Objection string }

func (r request) assessments(list []opendata.Assessment) (rows []assessmentRow) {
	for _, a := range list {
		row := assessmentRow{Text: r.compared(a)}
		verdict := a.Verdict()
		if verdict == quality.NotCompared {
			rows = append(rows, row)
			continue
		}
		add := func(f reading.Flag, text string) {
			row.Lines = append(row.Lines, assessmentLine{text, r.objectionTo(a, f)})
		}
		add(reading.UnlikeReference, r.likeness(verdict))
		if !math.IsNaN(a.Window.Correlation) {
			add(0, r.T("assess.correlation", "r", r.Num(a.Window.Correlation, 2)))
		}
		if c := a.Change(); c.Told {
			add(reading.Drift, r.change(a.Property, c))
		}
		if a.Lags.Shifted() {
			add(reading.ClockShift, r.lag(a.Lags))
		}
		rows = append(rows, row)
	}
	return rows
}

// compared is the first sentence: what was compared, and the difference.
func (w words) compared(a opendata.Assessment) string {
	amount := func(v float64) string { return w.Num(v, 1) + nbsp + unit(a.Property) }
	pairs := []any{
		"property", w.named("symbol.", string(a.Property)), "reference", a.ReferenceTitle, "km", a.Within / 1000, "n", a.Window.Hours,
		"value", amount(math.Abs(a.Window.Bias)), "mean", amount(a.Window.Mean), "other", amount(a.Window.Reference),
		"period", w.span(a.From.Start(), a.To.Start()), "least", quality.ReferenceHours,
	}
	switch {
	case a.Verdict() == quality.NotCompared:
		return w.T("assess.few", pairs...)
	case amount(math.Abs(a.Window.Bias)) == amount(0):
		return w.T("assess.equal", pairs...)
	case a.Window.Bias > 0:
		return w.T("assess.higher", pairs...)
	default:
		return w.T("assess.lower", pairs...)
	}
}

func (w words) likeness(v quality.Verdict) string {
	switch v {
	case quality.Unlike:
		return w.T("assess.unlike")
	case quality.Biased:
		return w.T("assess.biased")
	default:
		return w.T("assess.agrees")
	}
}

// change tells whether the difference changed since the device was new.
func (w words) change(p reading.Property, c quality.Change) string {
	begin, to := w.monthName(c.Begin), w.monthName(c.To)
	value := w.Num(math.Abs(c.Bias), 1) + nbsp + unit(p)
	switch {
	case !c.Drifts:
		return w.T("assess.steady", "begin", begin)
	case math.Abs(c.Slope) > quality.DriftSlope:
		return w.T("assess.drift.slope", "begin", begin, "to", to, "share", w.Num(1+c.Slope, 1))
	case c.Bias > 0:
		return w.T("assess.drift.up", "begin", begin, "to", to, "value", value)
	default:
		return w.T("assess.drift.down", "begin", begin, "to", to, "value", value)
	}
}

// monthName is "oktober 2026". Its months are those of the data, in UTC.
func (w words) monthName(m reading.Month) string {
	at := m.First().Start()
	return w.T("month."+w.Count(int64(at.Month()))) + " " + at.Format("2006")
}

// lag says which way the clock is probably wrong.
func (w words) lag(l quality.Lags) string {
	r, still := w.Num(l.Correlation, 2), w.Num(l.Unmoved, 2)
	if l.Best > 0 {
		return w.N("assess.late", l.Best, "r", r, "still", still)
	}
	return w.N("assess.early", -l.Best, "r", r, "still", still)
}

// objectionTo says that there is an objection to a remark, and what became of it.
func (w words) objectionTo(a opendata.Assessment, f reading.Flag) string {
	for _, x := range a.Remarked {
		if x.Cause == f.String() && x.Objection.ID != "" {
			return w.T("assess.objection", "id", x.Objection.ID, "state", w.named("objection.", x.Objection.State))
		}
	}
	return ""
}
