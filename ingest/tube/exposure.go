package tube

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// Exposure is one tube that hung at one place for one time.
type Exposure struct {
	// Code is the laboratory's code of the tube.
	Code string
	// Location names the place within its campaign.
	Location string
	// Period is the label of the measuring period, may be empty.
	Period string
	// Start and End are when it was opened and closed.
	Start, End time.Time
	// Result is what the laboratory found.
	Result Result
	// Blank marks a field blank: a tube that went along and stayed closed.
	Blank bool
	// Remark is what the sheet says of this tube, may be empty.
	Remark string
	// Row is the row or line of the file, from 1.
	Row int
	// Set names the set of tubes that it came with, where that is known.
	Set string
}

// Seconds is how long the tube was exposed.
func (e Exposure) Seconds() float64 { return e.End.Sub(e.Start).Seconds() }

// IsBlank reports whether the code of a tube or what is said of it marks a field
// blank: "34-VB1" (veldblanco), or a word such as blanco.
func IsBlank(code, said string) bool {
	for _, part := range strings.FieldsFunc(strings.ToLower(code), func(r rune) bool { return strings.ContainsRune(" -_./", r) }) {
		switch strings.TrimRight(part, "0123456789") {
		case "vb", "bl", "blank", "blanco", "veldblanco", "fb":
			return true
		}
	}
	said = strings.ToLower(said)
	return strings.Contains(said, "veldblanco") || strings.Contains(said, "field blank") || strings.TrimSpace(said) == "blanco" || strings.TrimSpace(said) == "blank"
}

// goodCV is the coefficient of variation below which the precision of tubes
// that hung together is called good: 20 %, the British rule for diffusion tubes
// (LAQM.TG; not verified at the source).
const goodCV = 0.20

// Period is one place in one measuring period: the tubes that hung there
// together.
type Period struct {
	Location, Label string
	// Start is when the first of its tubes was opened, End when the last was
	// closed, also of those that do not count.
	Start, End time.Time
	// Tubes are those that count, with the value each counts as in Values.
	Tubes  []Exposure
	Values []float64
	// Mean is their plain mean, µg/m³, not calibrated.
	Mean float64
	// SD is their sample standard deviation, and CV that divided by the mean; NaN
	// for a single tube.
	SD, CV float64
	// Below counts those below the limit of detection, also when left out; Lost
	// those without a result.
	Below, Lost int
}

// GoodPrecision reports whether the tubes of the period agree (CV below 20 %);
// known is false for a single tube, of which that cannot be told.
func (p Period) GoodPrecision() (good, known bool) {
	return p.CV < goodCV, !math.IsNaN(p.CV)
}

// Combine groups the tubes that hung together at one place, and applies the
// policy for results below the limit. Two tubes hung together when they have the
// same location and their times overlap: by anything when the sheet gives both
// the same label, by more than half of the shorter time when one has no label.
// Field blanks are left out. A group in which no tube counts is returned without
// tubes, so that it can be told of. The order is location (as first met), then
// time.
func Combine(tubes []Exposure, policy Policy) []Period {
	order := map[string]int{}
	for _, e := range tubes {
		if _, met := order[e.Location]; !met {
			order[e.Location] = len(order)
		}
	}
	sorted := slices.DeleteFunc(slices.Clone(tubes), func(e Exposure) bool { return e.Blank })
	slices.SortStableFunc(sorted, func(a, b Exposure) int {
		return cmp.Or(order[a.Location]-order[b.Location], a.Start.Compare(b.Start), a.End.Compare(b.End))
	})
	var groups [][]Exposure
	for _, e := range sorted {
		if i := groupOf(groups, e); i >= 0 {
			groups[i] = append(groups[i], e)
			continue
		}
		groups = append(groups, []Exposure{e})
	}
	periods := make([]Period, 0, len(groups))
	for _, g := range groups {
		periods = append(periods, combined(g, policy))
	}
	return periods
}

// groupOf returns the index of the group in which e hung, or -1. Tubes come in
// order of time, so that only the last groups of the place can be it.
func groupOf(groups [][]Exposure, e Exposure) int {
	for i := len(groups) - 1; i >= 0 && groups[i][0].Location == e.Location; i-- {
		if together(groups[i][0], e) {
			return i
		}
	}
	return -1
}

func together(a, b Exposure) bool {
	from, to := a.Start, a.End
	if b.Start.After(from) {
		from = b.Start
	}
	if b.End.Before(to) {
		to = b.End
	}
	shared := to.Sub(from).Seconds()
	if a.Period != "" && b.Period != "" {
		return a.Period == b.Period && shared > 0
	}
	return shared > min(a.Seconds(), b.Seconds())/2
}

func combined(tubes []Exposure, policy Policy) Period {
	p := Period{Location: tubes[0].Location, Label: tubes[0].Period, SD: math.NaN(), CV: math.NaN(), Mean: math.NaN()}
	p.Start, p.End = tubes[0].Start, tubes[0].End
	for _, e := range tubes {
		if e.Start.Before(p.Start) {
			p.Start = e.Start
		}
		if e.End.After(p.End) {
			p.End = e.End
		}
		switch {
		case !e.Result.Known:
			p.Lost++
		case e.Result.Below:
			p.Below++
		}
		if v, ok := policy.value(e.Result); ok {
			p.Tubes, p.Values = append(p.Tubes, e), append(p.Values, v)
		}
	}
	n := float64(len(p.Values))
	if n == 0 {
		return p
	}
	p.Mean = 0
	for _, v := range p.Values {
		p.Mean += v / n
	}
	if n > 1 {
		squares := 0.0
		for _, v := range p.Values {
			squares += (v - p.Mean) * (v - p.Mean)
		}
		p.SD = math.Sqrt(squares / (n - 1))
		if p.Mean > 0 {
			p.CV = p.SD / p.Mean
		}
	}
	return p
}

// Precision is how well tubes that hung together agree, over many periods.
type Precision struct {
	// Groups counts periods with two tubes or more that count.
	Groups int
	// SD is the pooled standard deviation within them, µg/m³.
	SD float64
	// Poor counts those with a coefficient of variation of 20 % or more.
	Poor int
}

// PrecisionOf pools the periods. SD is NaN when no period has two tubes.
func PrecisionOf(periods []Period) Precision {
	p := Precision{SD: math.NaN()}
	squares, freedom := 0.0, 0
	for _, g := range periods {
		good, known := g.GoodPrecision()
		if !known {
			continue
		}
		p.Groups++
		if !good {
			p.Poor++
		}
		squares += g.SD * g.SD * float64(len(g.Values)-1)
		freedom += len(g.Values) - 1
	}
	if freedom > 0 {
		p.SD = math.Sqrt(squares / float64(freedom))
	}
	return p
}

// BlankRule says what is done with the field blanks of a sheet.
type BlankRule string

// The rules.
const (
	// BlanksReported: their results are told and nothing is taken off. It is the
	// default: laboratories take off their own blank before they report.
	BlanksReported BlankRule = "report"
	// BlanksSubtracted: the mean of the blanks of the same sheet is taken off its
	// tubes when they are combined, never below 0. A blank below the limit of
	// detection counts as 0: nothing was found in it.
	BlanksSubtracted BlankRule = "subtract"
)

// Blank sums up the field blanks of a sheet.
type Blank struct {
	// N counts field blanks with a result, Found those with a number that is not
	// below the limit of detection.
	N, Found int
	// Mean counts those below the limit as 0; NaN without blanks.
	Mean float64
}

// BlankOf sums up the field blanks among the tubes.
func BlankOf(tubes []Exposure) Blank {
	b := Blank{Mean: math.NaN()}
	sum := 0.0
	for _, e := range tubes {
		if !e.Blank || !e.Result.Known {
			continue
		}
		b.N++
		if !e.Result.Below {
			b.Found++
			sum += e.Result.Value
		}
	}
	if b.N > 0 {
		b.Mean = sum / float64(b.N)
	}
	return b
}

// Subtract returns the tubes of one sheet with the mean of its field blanks
// taken off the numbers. Texts stay as reported, and so do results below the
// limit: what is not known cannot be corrected. Without blanks nothing changes.
func Subtract(tubes []Exposure) []Exposure {
	b := BlankOf(tubes)
	out := slices.Clone(tubes)
	if b.N == 0 {
		return out
	}
	for i := range out {
		if r := &out[i].Result; r.Known && !r.Below && !out[i].Blank {
			r.Value = max(r.Value-b.Mean, 0)
		}
	}
	return out
}
