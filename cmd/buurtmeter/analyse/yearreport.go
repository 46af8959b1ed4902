package analyse

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// yearReport is the answer for one station and year. Missing figures are null.
type yearReport struct {
	Station     string            `json:"station"`
	Year        int               `json:"year"`
	Mean        Number            `json:"mean"`
	Capture     Number            `json:"capture"`
	Max         Number            `json:"max"`
	MaxDay      Number            `json:"maxDay"`
	HoursAbove  map[string]Number `json:"hoursAbove"`
	DaysAbove   map[string]Number `json:"daysAbove"`
	Percentiles map[string]Number `json:"percentiles"`
	Verdicts    []verdictReport   `json:"verdicts"`
	ValidHours  int               `json:"validHours"`
	ValidDays   int               `json:"validDays"`
	Hours       int               `json:"hours"`
	Days        int               `json:"days"`
	Property    reading.Property  `json:"property"`
	Unit        string            `json:"unit"`
	FileUnit    string            `json:"fileUnit"`
	Kind        reading.Kind      `json:"kind"`
	DayBasis    string            `json:"dayBasis"`
	DayCapture  Number            `json:"dayCapture"`
	Rounding    string            `json:"rounding"`
	Stamp       string            `json:"stamp"`
	Method      string            `json:"method"`
	Notes       []string          `json:"notes"`
}

// verdictReport is one norm. Value and its interval are a mean, or a number of
// days or hours; Probability is that of an exceedance.
type verdictReport struct {
	Norm        norm.ID `json:"norm"`
	Outcome     string  `json:"outcome"`
	Low         Number  `json:"low"`
	High        Number  `json:"high"`
	Probability Number  `json:"probability"`
	Words       string  `json:"words"`
	// Label is Outcome in words, "would exceed" or "would comply" for a norm that
	// is not in force in that year.
	Label    string `json:"label"`
	Value    Number `json:"value"`
	Reason   string `json:"reason"`
	Coverage Number `json:"coverage"`
	// InForce is false when the norm applied on no day of that year; From and
	// Until are the first and the last day on which it does, empty when open.
	InForce   bool           `json:"inForce"`
	From      string         `json:"from,omitempty"`
	Until     string         `json:"until,omitempty"`
	Limit     Number         `json:"limit"`
	Allowed   int            `json:"allowed"`
	Averaging norm.Averaging `json:"averaging"`
	// Statistic is what Value is, Years over how many calendar years.
	Statistic norm.Statistic `json:"statistic"`
	Years     int            `json:"years"`
	// Role tells law from advice.
	Role norm.Role `json:"role"`
}

// reports computes every station and year, in the order of the file and of the
// calendar, with the notes that concern them all or one station.
func (g *gathering) reports() (reports []yearReport, notes []string, err error) {
	notes = g.notes()
	shared := slices.Clone(notes)
	file := g.allGaps()
	reports = []yearReport{}
	empty := 0
	for _, s := range g.order {
		from := len(reports)
		every, err := g.every(s, file)
		if err != nil {
			return nil, nil, err
		}
		g.untangle(s)
		all := []stretch{{every: every}}
		if g.rules.interval == 0 {
			all = s.stretches(every, g.rules.ends)
		}
		v, err := s.vector(all, g.rules.unit)
		if err != nil {
			return nil, nil, problem(fmt.Errorf("%s: %w", g.table.Name(), err), "round the values to fewer decimals")
		}
		own := s.notes()
		empty += s.empty
		if days := s.dayMeans(); days != "" && g.rules.interval == 0 {
			own = append(own, days)
		}
		switch each := finest(v.stretches); {
		case len(v.stretches) > 1:
			own = append(own, fmt.Sprintf("the time between rows changes: %s; where they are finer than an hour, an hour counts with values for 45 minutes or more", told(v.stretches)))
		case each < time.Hour:
			own = append(own, fmt.Sprintf("hour means of values of %s each; an hour counts with values for 45 minutes or more", apart(each)))
		}
		var years []*norm.Stats // this one and those before that a norm over several years asks for
		for _, year := range slices.Sorted(maps.Keys(s.years)) {
			first := g.rules.basis.YearStart(year) - margin
			n := int(g.rules.basis.YearStart(year+1)-first) + margin
			values, rests, left := s.hours(v, first, n)
			years = append(years[max(0, len(years)-mostYears+1):], norm.StatsOf(norm.Hours{First: first, Values: values, Scale: v.scale},
				norm.Span{Year: year, Basis: g.rules.basis, DayCapture: g.rules.capture, Until: g.until(year, s)}))
			r := g.rules.report(years, values[margin:n-margin])
			if rests != nil {
				g.rules.refine(&r, years[len(years)-1], values[margin:n-margin], rests[margin:n-margin])
			}
			r.Station = s.name
			if left.short > 0 {
				r.Notes = append(r.Notes, fmt.Sprintf("%d hours of the year have values for less than 45 minutes; they do not count", left.short))
			}
			if left.torn > 0 {
				r.Notes = append(r.Notes, fmt.Sprintf("%d hours of the year are left out: the time between rows changes within them", left.torn))
			}
			r.Notes = append(r.Notes, g.rules.implausible(values[margin:n-margin], v.scale)...)
			reports = append(reports, r)
		}
		for _, n := range own {
			notes = append(notes, s.name+": "+n)
		}
		if s.empty > 0 {
			own = append(own, fmt.Sprintf("%d rows have no value", s.empty))
		}
		for i := range reports[from:] {
			r := &reports[from+i]
			r.Notes = append(append(append([]string{}, shared...), own...), r.Notes...)
		}
	}
	if empty > 0 {
		notes = append(notes, fmt.Sprintf("%d rows have no value", empty))
	}
	return reports, notes, nil
}

// until is the first hour of the days to come in a year that is not over; 0 in
// any other. A row is proof that its hour is over, whatever the clock says, and
// its day counts as far as it was measured.
func (g *gathering) until(year int, s *hourSet) reading.Hour {
	now := reading.HourOf(g.now)
	if g.now.IsZero() || g.rules.basis.YearOf(now) != year {
		return 0
	}
	seen, end := max(now, s.latest), g.rules.basis.YearStart(year+1)
	for day := 2; ; day++ {
		switch start := g.rules.basis.DayStart(year, time.January, day); {
		case start >= end:
			return 0
		case start > seen:
			return start
		}
	}
}

// margin is how many hours beyond the year are handed to the statistics: the
// first 8-hour mean of a year begins in the year before.
const margin = 48

// mostYears is how many calendar years a norm is averaged over at most: three,
// the target value of O3.
const mostYears = 3

// report is that of the last of the years, hours are its own.
func (r *hoursRules) report(years []*norm.Stats, hours []int32) yearReport {
	st := years[len(years)-1]
	y := yearReport{
		Year: st.Year, Mean: meanOf(st.Sum), Max: None(), MaxDay: None(), Capture: Number(float64(st.Sum.N) / float64(st.Hours)),
		HoursAbove: map[string]Number{}, DaysAbove: map[string]Number{}, Percentiles: map[string]Number{}, Verdicts: []verdictReport{},
		ValidHours: st.Sum.N, ValidDays: st.DaysValid, Hours: st.Hours, Days: st.Days,
		Property: r.info.Property, Unit: r.info.Unit, FileUnit: r.unitName, Kind: r.method.Kind, DayBasis: r.basis.String(),
		DayCapture: Number(r.capture.Share()), Rounding: r.rounding.String(), Stamp: "begin", Method: r.method.Version,
	}
	if r.ends {
		y.Stamp = "end"
	}
	if s, ok := st.MaxHour(); ok {
		y.Max = meanOf(s)
	}
	if s, ok := st.MaxDay(); ok {
		y.MaxDay = meanOf(s)
	}
	for key, limit := range r.hourLimits {
		y.HoursAbove[key] = r.hoursAbove(st, hours, limit)
	}
	for key, limit := range r.dayLimits {
		y.DaysAbove[key] = r.daysAbove(st, limit)
	}
	d := st.HourDistribution()
	for _, p := range percentiles() {
		v, ok := d.Percentile(p)
		y.Percentiles[percentileKey(p)] = known(v, ok)
	}
	for _, n := range r.norms() {
		y.Verdicts = append(y.Verdicts, verdictOf(n, norm.JudgeYears(n, r.method, years...)))
	}
	return y
}

func percentileKey(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) }

func meanOf(s norm.Sum) Number {
	v, ok := s.Mean()
	return known(v, ok)
}

func known(v float64, ok bool) Number {
	if !ok {
		return None()
	}
	return Number(v)
}

// hoursAbove counts hours above the limit as the policy rounds them; without
// one valid hour there is no number.
func (r *hoursRules) hoursAbove(st *norm.Stats, hours []int32, limit int64) Number {
	if st.Sum.N == 0 {
		return None()
	}
	if r.rounding == norm.Unrounded {
		return Number(st.HoursAbove(limit))
	}
	n := 0
	for _, v := range hours {
		if v != reading.Missing && norm.Above(norm.Sum{Total: int64(v), N: 1, Scale: st.Sum.Scale}, limit, r.rounding) {
			n++
		}
	}
	return Number(n)
}

func (r *hoursRules) daysAbove(st *norm.Stats, limit int64) Number {
	if st.DaysValid == 0 {
		return None()
	}
	n := 0
	for d := range st.Days {
		if mean, ok := st.DayMean(d); ok && norm.Above(mean, limit, r.rounding) {
			n++
		}
	}
	return Number(n)
}

func verdictOf(n norm.Norm, v norm.Verdict) verdictReport {
	return verdictReport{
		Norm: n.ID, Outcome: v.Outcome.String(), Words: v.Words().String(), Label: v.Label(), Reason: string(v.Reason),
		Low: known(v.Low, v.HasValue), High: known(v.High, v.HasValue), Value: known(v.Value, v.HasValue),
		Probability: known(v.Probability, v.HasProbability), Coverage: Number(v.Coverage), InForce: !v.NotInForce, From: dateOf(n.From), Until: dateOf(n.Until),
		Limit: Number(n.Value), Allowed: n.Allowed, Averaging: n.Averaging,
		Statistic: n.Statistic, Years: max(1, n.Years), Role: n.Role,
	}
}

// dateOf writes the day of a norm; nothing when it is open.
func dateOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// implausible tells how many hours lie outside of what is plausible for a single
// reading. They count: that is for the reader to decide.
func (r *hoursRules) implausible(values []int32, scale norm.Scale) []string {
	n, f := 0, scale.Float()
	for _, v := range values {
		if x := float64(v) * f; v != reading.Missing && (x < r.info.Min || x > r.info.Max) {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d hours of the year lie outside %g to %g %s; they count, but look at them", n, r.info.Min, r.info.Max, r.info.Unit)}
}

// writeYears shows reports to people.
func writeYears(t *Terminal, r *hoursRules, reports []yearReport) error {
	_, _ = fmt.Fprintf(t.Out, "%s in %s (file: %s), instrument: %s, days by %s with at least %g %% of their hours, stamps at the %s of the hour, rounding: %s, method %s\n\n",
		r.info.Symbol, r.info.Unit, r.unitName, r.method.Kind, r.basis, 100*r.capture.Share(), map[bool]string{false: "begin", true: "end"}[r.ends], r.rounding, r.method.Version)
	hours, days := sortedKeys(r.hourLimits), sortedKeys(r.dayLimits)
	heading := []string{"station", "year", "capture", "mean", "max hour", "max day"}
	for _, k := range hours {
		heading = append(heading, "hours>"+k)
	}
	for _, k := range days {
		heading = append(heading, "days>"+k)
	}
	heading = append(heading, "P50", "P98", "P99.79")
	var rows, verdicts [][]string
	for _, y := range reports {
		row := []string{y.Station, strconv.Itoa(y.Year), (100 * y.Capture).Text(1) + " %", y.Mean.Text(2), y.Max.Text(1), y.MaxDay.Text(1)}
		for _, k := range hours {
			row = append(row, y.HoursAbove[k].Text(0))
		}
		for _, k := range days {
			row = append(row, y.DaysAbove[k].Text(0))
		}
		rows = append(rows, append(row, y.Percentiles["50"].Text(1), y.Percentiles["98"].Text(1), y.Percentiles["99.79"].Text(1)))
		for _, v := range y.Verdicts {
			verdicts = append(verdicts, v.row(y, r.info.Unit))
		}
	}
	if err := t.WriteTable(heading, rows); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(t.Out)
	return t.WriteTable([]string{"station", "year", "norm", "asks", "found", "interval", "verdict", "P(above)", "in words"}, verdicts)
}

func (v verdictReport) row(y yearReport, unit string) []string {
	asks, decimals := fmt.Sprintf("%s mean at most %g %s", v.Averaging, float64(v.Limit), unit), 1
	if v.Statistic == norm.Count {
		asks, decimals = fmt.Sprintf("%s above %g %s at most %d times", v.Averaging, float64(v.Limit), unit, v.Allowed), 0
	}
	if v.Years > 1 {
		asks, decimals = fmt.Sprintf("%s, mean of %d years", asks, v.Years), 1
	}
	outcome := v.Label
	if v.Reason != "" {
		outcome += " (" + v.Reason + ")"
	}
	if year := strconv.Itoa(y.Year); !v.InForce {
		if v.From > year { // dates of ISO 8601 sort as text
			outcome += ", in force from " + v.From
		} else {
			outcome += ", in force until " + v.Until
		}
	}
	return []string{
		y.Station, strconv.Itoa(y.Year), string(v.Norm), asks, v.Value.Text(decimals), v.Low.Text(decimals) + " to " + v.High.Text(decimals),
		outcome, v.Probability.Text(2), v.Words,
	}
}

// sortedKeys returns limits as they are written, in ascending order.
func sortedKeys(limits map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(limits), func(a, b string) int {
		return cmp.Or(cmp.Compare(limits[a], limits[b]), cmp.Compare(a, b))
	})
}
