package web

import (
	"context"
	"html/template"
	"strconv"
	"time"

	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// chartView is a chart as the templates show it: drawing, legend and table.
type chartView struct {
	Title    string
	SVG      template.HTML
	Lines    []chartLine
	Left     string
	Excluded bool
	Head     []string
	Days     []chartDay
}

type chartLine struct {
	Class, Href, Title string
}

// chartDay groups the rows of the hour table.
type chartDay struct {
	Label string
	Rows  []chartRow
}

type chartRow struct {
	Time  string
	Cells []chartCell
}

type chartCell struct {
	Value    string
	Remark   string
	Excluded bool
}

// chartOf reads and lays out the last week of a property; nil when there are
// no hours.
func (s *site) chartOf(ctx context.Context, r request, p reading.Property, stations []opendata.Station) (*chartView, error) {
	c, ok, err := s.readChart(ctx, p, stations)
	if err != nil || !ok {
		return nil, err
	}
	v := &chartView{Title: c.title(r.words), SVG: c.draw(r.words, "grafiek-"+string(p))}
	if c.left > 0 {
		v.Left = r.N("chart.left", c.left)
	}
	for i, l := range c.lines {
		v.Lines = append(v.Lines, chartLine{"l" + strconv.Itoa(i), r.Path("/meetpunt/" + string(l.station.ID)), l.station.Title})
		v.Head = append(v.Head, l.station.Title)
	}
	for h := chartHours - 1; h >= 0; h-- {
		t := c.from.Add(time.Duration(h) * time.Hour)
		if label := r.Day(t); len(v.Days) == 0 || v.Days[len(v.Days)-1].Label != label {
			v.Days = append(v.Days, chartDay{Label: label})
		}
		row := chartRow{Time: clock(t).Format("15:04")}
		for _, l := range c.lines {
			cell := r.cell(l.points[h])
			v.Excluded = v.Excluded || cell.Excluded
			row.Cells = append(row.Cells, cell)
		}
		d := &v.Days[len(v.Days)-1]
		d.Rows = append(d.Rows, row)
	}
	return v, nil
}

// cell writes one hour. A missing hour is a dash, never a 0; what takes no part
// in means says why.
func (r request) cell(p hourPoint) chartCell {
	c := chartCell{Value: "–", Excluded: p.state == hourExcluded}
	if p.has {
		c.Value = r.Num(p.value, 1)
	}
	if !c.Excluded {
		return c
	}
	for _, f := range reading.FlagTable() {
		if f.Excludes && p.flags&f.Flag != 0 {
			c.Remark = r.T("flag." + f.Key)
			return c
		}
	}
	c.Remark = r.T("chart.short")
	return c
}
