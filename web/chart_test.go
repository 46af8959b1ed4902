package web

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
	"buurtmeter/opendata/opendatatest"
)

// weekOf makes a chart of one station whose hours, from the first of November
// 2026 on, are set by fill.
func weekOf(t *testing.T, fill func(b *reading.Block)) (chart, *opendatatest.Memory) {
	t.Helper()
	m := opendatatest.NewMemory()
	b := reading.NewBlock("ref-hemkade", reading.NO2, reading.MonthOf(reading.HourOf(opendatatest.Now())))
	fill(&b)
	m.Put(b)
	st := opendata.Station{
		ID: "ref-hemkade", Title: "Hemkade", Properties: []reading.Property{reading.NO2},
		Latest: (b.Month.First() + chartHours - 1).Start(),
	}
	s := &site{o: Options{Source: m}}
	c, ok, err := s.readChart(t.Context(), reading.NO2, []opendata.Station{st})
	require.NoError(t, err)
	require.True(t, ok)
	return c, m
}

func set(b *reading.Block, hour int, v float64) {
	b.Values[hour], _ = reading.Scaled(v)
	b.Capture[hour] = reading.FullHour
}

func TestGapsInAChartStayGaps(t *testing.T) {
	c, _ := weekOf(t, func(b *reading.Block) {
		for h := range chartHours {
			if h < 10 || h > 20 {
				set(b, h, 20)
			}
		}
		set(b, 50, 20)
		b.Values[49], b.Values[51] = reading.Missing, reading.Missing
	})
	nl, _ := bothLanguages(t)
	svg := string(c.draw(nl, "g"))
	assert.Equal(t, 4, strings.Count(svg[strings.Index(svg, `<g class="lijn`):], "M"), "a path begins anew after every gap")
	assert.Equal(t, 1, strings.Count(svg, "h.1"), "an hour that stands alone is a dot")
	assert.Equal(t, hourMissing, c.lines[0].points[15].state)
	row := request{words: nl}.cell(c.lines[0].points[15])
	assert.Equal(t, "–", row.Value, "missing is never 0")
}

func TestHoursThatDoNotCountAreMarkedAndNotDrawn(t *testing.T) {
	c, _ := weekOf(t, func(b *reading.Block) {
		set(b, 0, 10)
		set(b, 1, 900) // stuck
		b.Flags[1] = reading.Constant
		set(b, 2, 11)
		b.Capture[2] = 44
		b.Flags[3] = reading.Range // nothing usable came in
		set(b, 4, 12)
		b.Flags[4] = reading.Range // some readings were left out, the rest counts
	})
	nl, _ := bothLanguages(t)
	states := make([]hourState, 5)
	for i := range states {
		states[i] = c.lines[0].points[i].state
	}
	assert.Equal(t, []hourState{hourValid, hourExcluded, hourExcluded, hourExcluded, hourValid}, states)
	assert.InDelta(t, 15, c.scale().high, 0, "a value that does not count does not stretch the axis")
	svg := string(c.draw(nl, "g"))
	assert.Equal(t, 3, strings.Count(svg, "l4 4m0-4l-4 4"), "a cross each")
	r := request{words: nl}
	assert.Equal(t, chartCell{"900,0", nl.T("flag.constant"), true}, r.cell(c.lines[0].points[1]))
	assert.Equal(t, chartCell{"11,0", nl.T("chart.short"), true}, r.cell(c.lines[0].points[2]))
	assert.Equal(t, chartCell{"–", nl.T("flag.range"), true}, r.cell(c.lines[0].points[3]))
	assert.Equal(t, chartCell{Value: "12,0"}, r.cell(c.lines[0].points[4]))
}

func TestTheAxisBeginsAtZero(t *testing.T) {
	c, _ := weekOf(t, func(b *reading.Block) {
		set(b, 0, 38)
		set(b, 1, 41)
	})
	assert.Zero(t, c.scale().low)
	c, _ = weekOf(t, func(b *reading.Block) {
		set(b, 0, -0.6)
		set(b, 1, 41)
	})
	assert.Negative(t, c.scale().low, "negative noise is drawn where it is")
	assert.Greater(t, c.scale().low, -10.0)
	c, _ = weekOf(t, func(b *reading.Block) { set(b, 0, 0) })
	assert.Greater(t, c.scale().high, c.scale().low, "an axis of one value has a length")
}

func TestChartsAreWellFormedAndEscapeTitles(t *testing.T) {
	nl, _ := bothLanguages(t)
	c, _ := weekOf(t, func(b *reading.Block) { set(b, 0, 1) })
	c.lines[0].station.Title = opendatatest.Hostile
	svg := string(c.draw(nl, "g"))
	assert.NotContains(t, svg, "<b>")
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
	}
}

func TestAChartCrossesTheEndOfAMonth(t *testing.T) {
	m := opendatatest.NewMemory()
	st, ok := m.G.Station("zst-poelenburg-01")
	require.True(t, ok)
	st.Latest = time.Date(2026, 11, 3, 5, 0, 0, 0, time.UTC)
	s := &site{o: Options{Source: m}}
	c, ok, err := s.readChart(t.Context(), reading.NO2, []opendata.Station{st})
	require.NoError(t, err)
	require.True(t, ok)
	october, november := 0, 0
	for i, p := range c.lines[0].points {
		if p.state == hourMissing {
			continue
		}
		if c.from.Add(time.Duration(i)*time.Hour).Month() == time.October {
			october++
		} else {
			november++
		}
	}
	assert.Greater(t, october, 90)
	assert.Greater(t, november, 40)
}

func TestABrokenStoreIsAnErrorAndNotAnEmptyChart(t *testing.T) {
	m := opendatatest.NewMemory()
	m.BlockErr = errors.New("disk")
	st, _ := m.G.Station("ref-hemkade")
	s := &site{o: Options{Source: m}}
	_, _, err := s.readChart(t.Context(), reading.NO2, []opendata.Station{st})
	require.ErrorContains(t, err, "disk")
}
