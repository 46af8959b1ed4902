package web

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"time"

	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// chartHours is the width of the chart: the last seven days.
const chartHours = 7 * 24

// maxLines bounds the stations in one chart; more could not be told apart.
const maxLines = 5

// hourState says what is known of one hour in a chart.
type hourState uint8

const (
	hourMissing  hourState = iota // nothing came in
	hourExcluded                  // something came in and takes no part in means
	hourValid
)

// hourPoint is one hour of one line.
type hourPoint struct {
	state hourState
	value float64 // when there is one: always for hourValid
	has   bool
	flags reading.Flag
}

// line is one station's hours in a chart.
type line struct {
	station opendata.Station
	points  []hourPoint
}

// chart is a week of hour means of one property, which a page shows as drawing
// and as table.
type chart struct {
	property reading.Property
	from     time.Time
	lines    []line
	left     int // stations that did not fit
}

// readChart reads the last week of the property at the stations, up to the
// newest hour that any of them has. ok is false when none has any.
func (s *site) readChart(ctx context.Context, p reading.Property, stations []opendata.Station) (c chart, ok bool, err error) {
	var with []opendata.Station
	var newest time.Time
	for _, st := range stations {
		for _, q := range st.Properties {
			if q == p {
				with = append(with, st)
				if st.Latest.After(newest) {
					newest = st.Latest
				}
			}
		}
	}
	if len(with) == 0 || newest.IsZero() {
		return chart{}, false, nil
	}
	c = chart{property: p, from: newest.Add(time.Hour - chartHours*time.Hour)}
	for _, st := range with {
		if len(c.lines) == maxLines {
			c.left = len(with) - maxLines
			break
		}
		l := line{station: st, points: make([]hourPoint, chartHours)}
		err := s.o.Source.Blocks(ctx, st.ID, p, c.from, newest.Add(time.Hour), func(b reading.Block) error {
			l.add(b, reading.HourOf(c.from))
			return nil
		})
		if err != nil {
			return chart{}, false, fmt.Errorf("hours of %s %s: %w", st.ID, p, err)
		}
		c.lines = append(c.lines, l)
	}
	for _, l := range c.lines {
		for _, pt := range l.points {
			if pt.state != hourMissing {
				return c, true, nil
			}
		}
	}
	return chart{}, false, nil
}

// add copies what block b has of the line's hours, which begin at first.
func (l *line) add(b reading.Block, first reading.Hour) {
	for i := range b.Values {
		at := int(b.Month.First() + reading.Hour(i) - first)
		if at < 0 || at >= len(l.points) {
			continue
		}
		pt := hourPoint{flags: b.Flags[i]}
		if b.Values[i] != reading.Missing {
			pt.has, pt.value = true, reading.Unscaled(b.Values[i])
		}
		switch {
		case b.Valid(i):
			pt.state = hourValid
		case pt.has || b.Flags[i].Excluded():
			pt.state = hourExcluded
		}
		l.points[at] = pt
	}
}

// The drawing's own measures, in SVG units. An hour is hourWidth wide.
const (
	hourWidth   = 4
	chartWidth  = plotLeft + chartHours*hourWidth + plotRight
	chartHeight = 320
	plotLeft    = 46
	plotRight   = 8
	plotTop     = 48
	plotBottom  = 62
)

// scale maps hours and values to the drawing.
type scale struct{ low, high, step float64 }

func (c chart) scale() scale {
	low, high := 0.0, 0.0
	if c.property == reading.Pressure {
		low, high = math.Inf(1), math.Inf(-1)
	}
	for _, l := range c.lines {
		for _, p := range l.points {
			if p.state == hourValid {
				low, high = math.Min(low, p.value), math.Max(high, p.value)
			}
		}
	}
	if math.IsInf(low, 0) || high <= low {
		low, high = math.Min(low, 0), math.Max(low, 0)+1
	}
	// The axis ends at a quarter of a step below the lowest value, so that the
	// small negative noise of an instrument does not cost a fifth of the plot.
	step := niceStep((high - low) / 4)
	return scale{math.Floor(low/step*4) * step / 4, math.Ceil(high/step) * step, step}
}

// niceStep rounds up to 1, 2 or 5 times a power of ten.
func niceStep(x float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if x <= m*p {
			return m * p
		}
	}
	return 10 * p
}

func (s scale) y(v float64) float64 {
	return plotTop + (chartHeight-plotTop-plotBottom)*(s.high-v)/(s.high-s.low)
}

// x is the middle of the hour.
func x(hour int) float64 { return plotLeft + (float64(hour)+0.5)*hourWidth }

// px writes a length to a tenth of a unit, as short as it can be.
func px(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// draw returns the chart as SVG with title and description. Gaps stay gaps:
// a line is only drawn between hours that follow each other. Hours that take
// no part in means stand as crosses under the plot.
func (c chart) draw(w words, id string) template.HTML {
	var b bytes.Buffer
	s := c.scale()
	fmt.Fprintf(&b, `<svg class="grafiek" viewBox="0 0 %d %d" role="img" aria-labelledby="%s-t %s-d">`, chartWidth, chartHeight, id, id)
	fmt.Fprintf(&b, `<title id="%s-t">%s</title><desc id="%s-d">%s</desc>`,
		id, template.HTMLEscapeString(c.title(w)), id, template.HTMLEscapeString(c.describe(w)))
	c.drawAxes(&b, w, s)
	for i, l := range c.lines {
		fmt.Fprintf(&b, `<g class="lijn l%d">`, i)
		l.draw(&b, s)
		l.drawExcluded(&b, i)
		b.WriteString(`</g>`)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // texts are escaped, the rest is numbers
}

func (c chart) title(w words) string {
	return w.T("chart.title", "property", w.symbol(c.property), "unit", unit(c.property),
		"from", w.Day(c.from), "to", w.Moment(c.from.Add(chartHours*time.Hour)))
}

// describe gives the chart's gist to who cannot see it.
func (c chart) describe(w words) string {
	out := ""
	for _, l := range c.lines {
		lo, hi, n := math.Inf(1), math.Inf(-1), 0
		for _, p := range l.points {
			if p.state == hourValid {
				lo, hi, n = math.Min(lo, p.value), math.Max(hi, p.value), n+1
			}
		}
		if out != "" {
			out += " "
		}
		if n == 0 {
			out += w.T("chart.desc.none", "station", l.station.Title)
			continue
		}
		out += w.T("chart.desc.line", "station", l.station.Title, "low", w.Num(lo, 1), "high", w.Num(hi, 1),
			"unit", unit(c.property), "n", n, "of", chartHours)
	}
	return out
}

func (c chart) drawAxes(b *bytes.Buffer, w words, s scale) {
	decimals := 0
	if s.step < 1 {
		decimals = int(math.Ceil(-math.Log10(s.step)))
	}
	fmt.Fprintf(b, `<text class="as" x="%d" y="18">%s</text>`, 2, template.HTMLEscapeString(unit(c.property)))
	for k := math.Ceil(s.low/s.step - 1e-9); ; k++ {
		v := k * s.step
		if v > s.high+s.step/2 {
			break
		}
		class := "raster"
		if math.Abs(v) < s.step/1e6 {
			class = "raster nul"
		}
		y := s.y(v)
		fmt.Fprintf(b, `<path class="%s" d="M%d %sH%d"/><text class="as y" x="%d" y="%s">%s</text>`,
			class, plotLeft, px(y), chartWidth-plotRight, plotLeft-6, px(y+4), w.Num(v, decimals))
	}
	for h := range chartHours {
		t := clock(c.from.Add(time.Duration(h) * time.Hour))
		if t.Hour() != 0 {
			continue
		}
		left := x(h) - hourWidth/2.0
		fmt.Fprintf(b, `<path class="raster" d="M%s %dV%d"/>`, px(left), plotTop, chartHeight-plotBottom)
		if left < chartWidth-70 {
			fmt.Fprintf(b, `<text class="as" x="%s" y="%d">%s %d</text>`, px(left+4), chartHeight-plotBottom+22,
				template.HTMLEscapeString(w.T("weekday."+strconv.Itoa(int(t.Weekday())))), t.Day())
		}
	}
}

// draw writes the valid hours: a path per unbroken run, a dot for an hour that
// stands alone. Steps are relative to the last rounded point, so that the text
// is short and errors do not add up.
func (l line) draw(b *bytes.Buffer, s scale) {
	var d bytes.Buffer
	for i := 0; i < len(l.points); i++ {
		if l.points[i].state != hourValid {
			continue
		}
		start, last := i, 0.0
		for ; i < len(l.points) && l.points[i].state == hourValid; i++ {
			y := math.Round(s.y(l.points[i].value)*10) / 10
			if i == start {
				d.WriteString("M" + px(x(i)) + " " + px(y))
			} else {
				d.WriteString("l" + px(hourWidth) + " " + px(y-last))
			}
			last = y
		}
		if i-start == 1 {
			d.WriteString("h.1")
		}
	}
	if d.Len() > 0 {
		fmt.Fprintf(b, `<path d="%s"/>`, d.String())
	}
}

func (l line) drawExcluded(b *bytes.Buffer, row int) {
	var d bytes.Buffer
	y := float64(chartHeight-plotBottom+34) + float64(row)*6
	for i, p := range l.points {
		if p.state == hourExcluded {
			fmt.Fprintf(&d, "M%s %sl4 4m0-4l-4 4", px(x(i)-2), px(y-2))
		}
	}
	if d.Len() > 0 {
		fmt.Fprintf(b, `<path class="kruis" d="%s"/>`, d.String())
	}
}
