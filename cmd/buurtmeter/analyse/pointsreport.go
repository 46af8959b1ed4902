package analyse

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"buurtmeter/geo"
)

// pointsAnswer is the answer of 'analyse points'.
type pointsAnswer struct {
	Areas []areaReport `json:"areas"`
	// Outside counts the points with a value that lie in no area; the rows
	// without a value or a position lie nowhere.
	Outside         int `json:"outside"`
	WithoutValue    int `json:"withoutValue"`
	WithoutPosition int `json:"withoutPosition"`

	firstOutside, firstWithoutPosition, swapped, overlapped int
}

// areaReport is what the points in an area say. Share and Wilson are of 0 to 1,
// Interval is of the mean, all with 95 %; Mean, SD and Interval are null for
// fewer than three points.
type areaReport struct {
	Area     string               `json:"area"`
	N        int                  `json:"n"`
	Mean     Number               `json:"mean"`
	SD       Number               `json:"sd"`
	Median   Number               `json:"median"`
	Max      Number               `json:"max"`
	Above    map[string]int       `json:"above"`
	Share    map[string]Number    `json:"share"`
	Wilson   map[string][2]Number `json:"wilson"`
	Interval *[2]Number           `json:"interval"`
	Note     string               `json:"note,omitempty"`
}

const (
	noteTooFew = "fewer than 3 points: no mean"
	noteFew    = "few points: the mean is uncertain"
)

func (p *pointSet) answer() *pointsAnswer {
	answer := &pointsAnswer{
		Areas: []areaReport{}, Outside: p.outside, WithoutValue: p.withoutValue, WithoutPosition: p.withoutPosition,
		firstOutside: p.firstOutside, firstWithoutPosition: p.firstWithoutPosition, swapped: p.swapped, overlapped: p.overlapped,
	}
	for code, a := range p.areas {
		answer.Areas = append(answer.Areas, a.report(code, p.limits))
	}
	slices.SortFunc(answer.Areas, func(a, b areaReport) int { return strings.Compare(a.Area, b.Area) })
	return answer
}

func (a *pointArea) report(code geo.Code, limits []limit) areaReport {
	e := geo.EstimateOf(a.values, 0, 0)
	r := areaReport{
		Area: string(code), N: e.N, Mean: None(), SD: None(), Median: Number(e.Median), Max: Number(e.Max),
		Above: map[string]int{}, Share: map[string]Number{}, Wilson: map[string][2]Number{},
	}
	switch {
	case !e.HasInterval:
		r.Note = noteTooFew
	case e.Few:
		r.Note = noteFew
	}
	if e.HasInterval {
		r.Mean, r.SD, r.Interval = Number(e.Mean), Number(e.SD), &[2]Number{Number(e.Low), Number(e.High)}
	}
	for i, l := range limits {
		low, high := geo.Wilson(a.above[i], e.N)
		r.Above[l.text], r.Share[l.text] = a.above[i], Number(float64(a.above[i])/float64(e.N))
		r.Wilson[l.text] = [2]Number{Number(low), Number(high)}
	}
	return r
}

// notes tells what was not used, and what the answer does not say.
func (a *pointsAnswer) notes(tb *Table, limits []limit) []string {
	var notes []string
	if a.Outside > 0 {
		notes = append(notes, fmt.Sprintf("%s outside every area, the first on line %d", points(a.Outside), a.firstOutside))
	}
	if a.swapped > 0 {
		notes = append(notes, fmt.Sprintf("%d of them would lie in an area if longitude and latitude were swapped: look at those rows", a.swapped))
	}
	if a.overlapped > 0 {
		notes = append(notes, points(a.overlapped)+" in several areas at once, as the areas overlap; each counts in the one whose name comes first")
	}
	if a.WithoutValue > 0 {
		notes = append(notes, points(a.WithoutValue)+" without a value")
	}
	if a.WithoutPosition > 0 {
		notes = append(notes, fmt.Sprintf("%s without a position, the first on line %d", points(a.WithoutPosition), a.firstWithoutPosition))
	}
	for code, n := range tb.Coded() {
		notes = append(notes, fmt.Sprintf("%q was taken for 'no value' %d times", code, n))
	}
	slices.Sort(notes[len(notes)-len(tb.Coded()):])
	if len(a.Areas) > 0 && len(limits) > 0 {
		notes = append(notes, "limit values hold at every place: an area whose mean is below one does not comply by that. "+
			"The interval holds if the points were chosen at random, and knows nothing of the instruments")
	}
	return notes
}

func points(n int) string {
	if n == 1 {
		return "1 point"
	}
	return fmt.Sprintf("%d points", n)
}

// write answers with a table. Areas stand by name and not by mean: most
// intervals overlap, and an order of such means is one of chance.
func (a *pointsAnswer) write(t *Terminal, limits []limit) error {
	heading := []string{"area", "n", "mean", "95 % interval", "sd", "median", "max"}
	for _, l := range limits {
		heading = append(heading, "> "+l.text, "share", "95 % interval")
	}
	rows := make([][]string, 0, len(a.Areas))
	for _, r := range a.Areas {
		interval := noNumber
		if r.Interval != nil {
			interval = r.Interval[0].Text(1) + " to " + r.Interval[1].Text(1)
		}
		row := []string{r.Area, strconv.Itoa(r.N), r.Mean.Text(1), interval, r.SD.Text(1), r.Median.Text(1), r.Max.Text(1)}
		for _, l := range limits {
			w := r.Wilson[l.text]
			row = append(row, strconv.Itoa(r.Above[l.text]), percent(r.Share[l.text]), percent(w[0])+" to "+percent(w[1]))
		}
		rows = append(rows, row)
	}
	return t.WriteTable(heading, rows)
}

func percent(share Number) string { return (100 * share).Text(1) + " %" }
