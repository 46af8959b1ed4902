package web

import (
	"cmp"
	"slices"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
)

func (r request) mapColumns(c choice) []column {
	col := func(key, order string) column {
		next := c
		next.sort = order
		return column{r.T(key), r.Path(c.base) + next.query() + "#tabel", c.sort == order}
	}
	second := col("column.outcome", sortOutcome)
	if c.lens == lensValue {
		second = col("column.class", sortOutcome)
	}
	return []column{col("column.buurt", sortName), second, col("column.value", sortValue)}
}

func (r request) mapRows(c choice) []mapRow {
	n := c.drawn(r.g)
	rows := make([]mapRow, 0, len(c.areas))
	classes := map[string]string{}
	for _, l := range r.legend(c) {
		classes[l.Class] = l.Label
	}
	for _, a := range c.areas {
		v := r.g.Verdict(a.Code, n.ID, c.year)
		p := r.paintOf(c, v)
		row := mapRow{
			Href: r.areaHref(a, c.year),
			Name: a.Name, Class: p.class, Mark: p.mark, Outcome: classes[p.class],
			Value: "–", Bounds: "–", Coverage: "–", Points: r.Count(int64(v.N)), outcome: -1,
		}
		if v.Reason != norm.ReasonNoStation {
			row.Coverage = r.covered(v)
			if c.lens == lensVerdict {
				row.outcome = int(v.Outcome)
			} else {
				row.outcome, row.Mark = 0, "" // the value has a column of its own
			}
			if r.untoldHere(c, v) {
				row.Why = r.because(v.Reason, c.year)
			}
		}
		if p, ok := shown(c, v); ok {
			row.Value, row.Bounds, row.Coverage = r.value(n, p.Verdict), r.bounds(n, p.Verdict), r.Share(p.Coverage)
			row.value, row.low, row.high, row.valued = p.Value, p.Low, p.High, true
		}
		rows = append(rows, row)
	}
	tier(rows)
	slices.SortStableFunc(rows, func(a, b mapRow) int {
		switch c.sort {
		case sortValue:
			return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(a.Name, b.Name))
		case sortOutcome:
			return cmp.Or(cmp.Compare(b.outcome, a.outcome), cmp.Compare(a.tier, b.tier), cmp.Compare(a.Name, b.Name))
		default:
			return cmp.Compare(a.Name, b.Name)
		}
	})
	return rows
}

// tier gives the rows the tiers of geo.Tiers, those without a value the last.
func tier(rows []mapRow) {
	var spans []geo.Span
	for _, r := range rows {
		if r.valued {
			spans = append(spans, geo.Span{Value: r.value, Low: r.low, High: r.high})
		}
	}
	tiers, next := geo.Tiers(spans), 0
	for i := range rows {
		rows[i].tier = len(rows)
		if rows[i].valued {
			rows[i].tier = tiers[next]
			next++
		}
	}
}
