package analyse

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"buurtmeter/ingest/calibration"
)

// calibrateConfig are the flags of 'analyse calibrate' as they are given.
type calibrateConfig struct {
	in                            *Input
	out                           *Output
	reference, sensor, covariates string
	at, time, zone                string
	lambda, uReference            float64
	monthFirst                    bool
}

func calibrateCommand() Command {
	return Command{
		Name: "calibrate", Usage: "calibrate FILE --reference COL --sensor COL [--covariates T,RH,O3] [flags]",
		Short:   "a sensor beside a reference: lines, uncertainty at limit values, and a model with weather and ozone",
		Example: "buurtmeter analyse calibrate beside.csv --reference station --sensor kit --covariates T,RH --time date",
		New: func(fs *flag.FlagSet) func(context.Context, *Terminal, []string) error {
			c := &calibrateConfig{in: InputFlags(fs), out: OutputFlags(fs)}
			whereFlag(fs, c.in)
			fs.StringVar(&c.reference, "reference", "", "column of the reference (x)")
			fs.StringVar(&c.sensor, "sensor", "", "column of the sensor (y)")
			list(fs, &c.covariates, "covariates", "", "columns that also go into the model, with commas between them, e.g. T,RH,O3")
			list(fs, &c.at, "at", "20,40", "concentrations at which the uncertainty is told")
			fs.Float64Var(&c.lambda, "lambda", 1, "variance of the sensor's errors divided by that of the reference's")
			fs.Float64Var(&c.uReference, "reference-uncertainty", 0, "standard uncertainty (k=1) of one value of the reference; 0 puts all scatter on the sensor")
			fs.StringVar(&c.time, "time", "", "column with the time; with it the model is tested in months that it has not seen")
			fs.StringVar(&c.zone, "zone", "UTC", "zone of times that name none")
			fs.BoolVar(&c.monthFirst, "month-first", false, "3/4/2021 is 4 March")
			return func(ctx context.Context, t *Terminal, files []string) error { return c.run(ctx, t, files) }
		},
	}
}

// calibrateReport is the answer. Both lines give the sensor for the reference;
// the model gives the reference for the sensor and the covariates.
type calibrateReport struct {
	N         int             `json:"n"`
	LeftOut   int             `json:"leftOut"`
	OLS       lineReport      `json:"ols"`
	Deming    demingReport    `json:"deming"`
	Agreement agreementReport `json:"agreement"`
	Model     *modelReport    `json:"model,omitempty"`
	Notes     []string        `json:"notes"`
}

type lineReport struct {
	Slope      Number `json:"slope"`
	Intercept  Number `json:"intercept"`
	USlope     Number `json:"uSlope"`
	UIntercept Number `json:"uIntercept"`
	R2         Number `json:"r2"`
	RMSE       Number `json:"rmse"`
}

// demingReport holds, by concentration, the expanded uncertainty (k = 2) of the
// uncorrected sensor as a share of the concentration, and in its unit; and that
// of the sensor once it is corrected with the line.
type demingReport struct {
	lineReport
	Lambda        Number            `json:"lambda"`
	UncertaintyAt map[string]Number `json:"uncertaintyAt"`
	ExpandedAt    map[string]Number `json:"expandedAt"`
	CorrectedAt   map[string]Number `json:"correctedUncertaintyAt"`
}

type agreementReport struct {
	MBE  Number    `json:"mbe"`
	MAD  Number    `json:"mad"`
	RMSE Number    `json:"rmse"`
	R2   Number    `json:"r2"`
	LoA  [2]Number `json:"limitsOfAgreement"`
}

type termReport struct {
	Name        string  `json:"name"`
	Coefficient Number  `json:"coefficient"`
	Uncertainty Number  `json:"uncertainty"`
	Low         *Number `json:"low,omitempty"`
	High        *Number `json:"high,omitempty"`
}

type modelReport struct {
	Target       string            `json:"target"`
	N            int               `json:"n"`
	Coefficients []termReport      `json:"coefficients"`
	R2           Number            `json:"r2"`
	RMSE         Number            `json:"rmse"`
	Validation   *validationReport `json:"validation"`
	// Sensor says what the sensor adds to the covariates in unseen months.
	Sensor *sensorReport `json:"sensor"`
}

type validationReport struct {
	Months      []monthReport `json:"months"`
	RMSE        Number        `json:"rmse"`
	MBE         Number        `json:"mbe"`
	R2          Number        `json:"r2"`
	OutsideHull int           `json:"outsideHull"`
}

type monthReport struct {
	Month       string `json:"month"`
	N           int    `json:"n"`
	RMSE        Number `json:"rmse"`
	MBE         Number `json:"mbe"`
	OutsideHull int    `json:"outsideHull"`
}

type sensorReport struct {
	RMSEWith    Number `json:"rmseWith"`
	RMSEWithout Number `json:"rmseWithout"`
	Matters     bool   `json:"matters"`
}

// pairsFile is what is read of the file: columns of equal length. A covariate
// without a value is NaN, and a month without a time noMonth.
type pairsFile struct {
	table  *Table
	x, y   int
	others []int
	month  func() (int, error)

	reference, sensor []float64
	covariates        []calibration.Term
	months            []int
	leftOut, noTime   int
}

const noMonth = -1

func (c *calibrateConfig) run(ctx context.Context, t *Terminal, files []string) error {
	if len(files) != 1 || c.reference == "" || c.sensor == "" {
		return problem(errors.New("analyse calibrate wants one file, and its columns of the reference and of the sensor"), "buurtmeter analyse calibrate FILE.csv --reference COL --sensor COL")
	}
	levels, err := c.levels()
	if err != nil {
		return err
	}
	if !(c.uReference >= 0) {
		return problem(fmt.Errorf("--reference-uncertainty %g is no uncertainty", c.uReference), "give 0 or more, in the unit of the reference")
	}
	if !(c.lambda > 0) || math.IsInf(c.lambda, 1) {
		return problem(fmt.Errorf("--lambda %g is not a ratio of variances", c.lambda), "give a number above 0; 1 when sensor and reference err alike")
	}
	f := &pairsFile{}
	tb, err := c.in.each(t, files[0], ctx.Err, func(tb *Table) error { return f.columns(tb, c) }, f.row)
	if err != nil {
		return err
	}
	r, err := c.report(tb, f, levels)
	if err != nil {
		return err
	}
	return c.out.answer(t, tb, r.Notes, r, func() error { return c.write(t, r, levels) })
}

// levels are the concentrations of --at, by how they are written.
func (c *calibrateConfig) levels() (keys []string, err error) {
	for text := range strings.SplitSeq(c.at, ",") {
		text = strings.TrimSpace(text)
		if v, ok := parseDecimal([]byte(text), '.'); !ok || v.Unscaled <= 0 {
			return nil, problem(fmt.Errorf("--at: %q is no concentration", text), "give numbers above 0 with commas between them, e.g. --at 20,40")
		}
		keys = append(keys, text)
	}
	return keys, nil
}

// terms returns the columns of --covariates, none of which is used already. A name with a comma is found when
// it is the only one.
func (c *calibrateConfig) terms(tb *Table, used ...int) (columns []int, err error) {
	if c.covariates == "" {
		return nil, nil
	}
	names := []string{c.covariates}
	if _, err := tb.Column(c.covariates); err != nil {
		names = strings.Split(c.covariates, ",")
	}
	for _, name := range names {
		column, err := tb.Column(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		if slices.Contains(used, column) || slices.Contains(columns, column) {
			return nil, problem(fmt.Errorf("--covariates %q is a column that has a part already", name), "name each column once: the reference, the sensor, and others as covariates")
		}
		columns = append(columns, column)
	}
	return columns, nil
}

// columns finds the columns of the file.
func (f *pairsFile) columns(tb *Table, c *calibrateConfig) (err error) {
	f.table = tb
	if f.x, err = tb.Column(c.reference); err != nil {
		return err
	}
	if f.y, err = tb.Column(c.sensor); err != nil {
		return err
	}
	if f.x == f.y {
		return problem(fmt.Errorf("--reference and --sensor are both %q", c.sensor), "name two columns")
	}
	if f.others, err = c.terms(tb, f.x, f.y); err != nil {
		return err
	}
	for _, column := range f.others {
		f.covariates = append(f.covariates, calibration.Term{Name: tb.Header()[column]})
	}
	f.month, err = c.monthOf(tb)
	return err
}

// row takes the values of one row.
func (f *pairsFile) row() error {
	m, err := f.month()
	if err != nil {
		return err
	}
	x, xok, err := f.table.Number(f.x)
	if err != nil {
		return err
	}
	y, yok, err := f.table.Number(f.y)
	if err != nil {
		return err
	}
	if !xok || !yok {
		f.leftOut++
		return nil
	}
	if m == noMonth {
		f.noTime++
	}
	f.reference, f.sensor, f.months = append(f.reference, x), append(f.sensor, y), append(f.months, m)
	for j, column := range f.others {
		v, err := f.table.numberOrNaN(column)
		if err != nil {
			return err
		}
		f.covariates[j].Values = append(f.covariates[j].Values, v)
	}
	return nil
}

// monthOf returns what reads the month of a row, counted from year 0, or
// noMonth; without --time it is always 0.
func (c *calibrateConfig) monthOf(tb *Table) (func() (month int, err error), error) {
	if c.time == "" {
		return func() (int, error) { return 0, nil }, nil
	}
	column, err := tb.Column(c.time)
	if err != nil {
		return nil, err
	}
	zone, err := parseZone(c.zone)
	if err != nil {
		return nil, err
	}
	clock := clock{monthFirst: c.monthFirst}
	return func() (int, error) {
		if tb.isWord(tb.field(column)) {
			return noMonth, nil
		}
		text := tb.Text(column)
		w, err := clock.parse(text)
		if err != nil {
			return 0, tb.Fault(column, fmt.Errorf("%w: %q", err, clip(text)), "write times like 2021-03-28T02:00:00+01:00, 2021-03-28 02:00 or 28-03-2021 02:00")
		}
		if w.fixed {
			w.at = w.at.In(zone)
		}
		return w.at.Year()*12 + int(w.at.Month()) - 1, nil
	}, nil
}

func monthName(m int) string { return fmt.Sprintf("%04d-%02d", m/12, m%12+1) }

func (c *calibrateConfig) report(tb *Table, f *pairsFile, levels []string) (*calibrateReport, error) {
	r := &calibrateReport{N: len(f.reference), LeftOut: f.leftOut, Notes: []string{}}
	if f.leftOut > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d rows lack a value of the reference or of the sensor; they are left out", f.leftOut))
	}
	if f.noTime > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d rows have no time; they take no part in the test of the model", f.noTime))
	}
	unusable := func(err error) error {
		return problem(fmt.Errorf("%s: %w", tb.Name(), err), "give a file in which both columns have values in the same rows, and vary")
	}
	ols, err := calibration.OLS(f.reference, f.sensor)
	if err != nil {
		return nil, unusable(err)
	}
	deming, err := calibration.Deming(f.reference, f.sensor, c.lambda)
	if err != nil {
		return nil, unusable(err)
	}
	agree, err := calibration.Agree(f.reference, f.sensor)
	if err != nil {
		return nil, unusable(err)
	}
	r.OLS = lineOf(ols)
	if ols.Slope <= 0 {
		r.Notes = append(r.Notes, "the sensor falls where the reference rises: no line corrects that. Are the columns those of one place, and their times the same?")
	}
	r.Deming = demingReport{lineReport: lineOf(deming), Lambda: Number(c.lambda), UncertaintyAt: map[string]Number{}, ExpandedAt: map[string]Number{}, CorrectedAt: map[string]Number{}}
	for _, key := range levels {
		x, err := strconv.ParseFloat(key, 64)
		if err != nil {
			return nil, err
		}
		u, ok := deming.Uncertainty(x, c.uReference)
		r.Deming.UncertaintyAt[key], r.Deming.ExpandedAt[key] = known(u.Relative, ok), known(u.Expanded, ok)
		u, ok = deming.CorrectedUncertainty(x, c.uReference)
		r.Deming.CorrectedAt[key] = known(u.Relative, ok)
	}
	r.Agreement = agreementReport{
		MBE: Number(agree.MBE), MAD: Number(agree.MAD), RMSE: Number(agree.RMSE), R2: Number(agree.R2), LoA: [2]Number{Number(agree.Low), Number(agree.High)},
	}
	if len(f.covariates) > 0 {
		if err := c.model(r, f); err != nil {
			r.Notes = append(r.Notes, fmt.Sprintf("there is no model: %v; leave that column out of --covariates, or give more rows", err))
		}
	}
	return r, nil
}

func lineOf(l calibration.Line) lineReport {
	return lineReport{Number(l.Slope), Number(l.Intercept), Number(l.USlope), Number(l.UIntercept), Number(l.R2), Number(l.RMSE)}
}

// model fits the reference to the sensor and the covariates, and tests that in
// months that were left out where there are two of them.
func (c *calibrateConfig) model(r *calibrateReport, f *pairsFile) error {
	target, terms, at, err := calibration.Complete(f.reference, append([]calibration.Term{{Name: c.sensor, Values: f.sensor}}, f.covariates...))
	if err != nil {
		return err
	}
	if lost := len(f.reference) - len(at); lost > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d rows lack a value of a covariate; they take no part in the model", lost))
	}
	m, err := calibration.Fit(target, terms)
	if err != nil {
		return err
	}
	out := &modelReport{Target: c.reference, N: m.N, R2: Number(m.R2), RMSE: Number(m.RMSE)}
	out.Coefficients = append(out.Coefficients, termReport{Name: "intercept", Coefficient: Number(m.Intercept), Uncertainty: Number(m.UIntercept)})
	for j, name := range m.Names {
		low, high := Number(m.Hull.Low[j]), Number(m.Hull.High[j])
		out.Coefficients = append(out.Coefficients, termReport{name, Number(m.Coefficients[j]), Number(m.Errors[j]), &low, &high})
	}
	r.Model = out
	if alike := inflated(m, terms); len(alike) > 0 {
		r.Notes = append(r.Notes, strings.Join(alike, ", ")+" follow from each other for the greater part: the model may predict well, but their coefficients cannot be told apart")
	}
	if c.time == "" {
		r.Notes = append(r.Notes, "the model is not tested: name the column of the time with --time, and it is tested in months that it has not seen")
		return nil
	}
	return c.test(r, target, terms, months(f.months, at))
}

// inflated are the terms whose coefficients are ten times as uncertain in
// variance, or more, as they would be if each term went its own way: the usual
// bound of the variance inflation factor.
func inflated(m *calibration.Model, terms []calibration.Term) (names []string) {
	const most = 10
	for j, t := range terms {
		squares := 0.0
		for _, v := range t.Values {
			squares += (v - m.Hull.Mean[j]) * (v - m.Hull.Mean[j])
		}
		if squares*m.Hull.Inverse[j][j] >= most {
			names = append(names, t.Name)
		}
	}
	return names
}

// months are those of the moments at.
func months(all, at []int) []int {
	m := make([]int, len(at))
	for i, j := range at {
		m[i] = all[j]
	}
	return m
}

// test tells what the model is worth in months that were left out, and what the
// sensor adds to the covariates there.
func (c *calibrateConfig) test(r *calibrateReport, target []float64, terms []calibration.Term, month []int) error {
	out := r.Model
	for i := range month {
		if month[i] == noMonth { // left out of the test
			target[i] = math.NaN()
		}
	}
	target, terms, at, err := calibration.Complete(target, terms)
	if err != nil {
		return err
	}
	month = months(month, at)
	v, err := calibration.Validate(target, terms, month)
	if err != nil {
		r.Notes = append(r.Notes, "the model is not tested: "+err.Error())
		return nil //nolint:nilerr // the answer says so, and the rest of it stands
	}
	out.Validation = &validationReport{RMSE: Number(v.RMSE), MBE: Number(v.MBE), R2: Number(v.R2), OutsideHull: v.Outside}
	for _, b := range v.Blocks {
		out.Validation.Months = append(out.Validation.Months, monthReport{monthName(b.Block), b.N, Number(b.RMSE), Number(b.MBE), b.Outside})
	}
	for _, m := range slices.Sorted(maps.Keys(v.Skipped)) {
		r.Notes = append(r.Notes, fmt.Sprintf("%s is not tested: %v", monthName(m), v.Skipped[m]))
	}
	if v.Outside > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of %d tested rows lie outside of the conditions of the other months: there the model guesses", v.Outside, v.N))
	}
	share, err := calibration.Contributes(target, terms[:1], terms[1:], month)
	if err != nil {
		r.Notes = append(r.Notes, "what the sensor adds is not known: "+err.Error())
		return nil //nolint:nilerr // as above
	}
	out.Sensor = &sensorReport{Number(share.RMSEWith), Number(share.RMSEWithout), share.Matters()}
	if !share.Matters() {
		r.Notes = append(r.Notes, "the covariates alone predict the reference as well as with the sensor: what is shown is not a measurement of the sensor")
	}
	return nil
}

func (c *calibrateConfig) write(t *Terminal, r *calibrateReport, levels []string) error {
	_, _ = fmt.Fprintf(t.Out, "%d pairs of %s (x, reference) and %s (y, sensor); %d rows left out\n\n", r.N, c.reference, c.sensor, r.LeftOut)
	row := func(name string, l lineReport) []string {
		return []string{name, l.Slope.Text(4), l.USlope.Text(4), l.Intercept.Text(3), l.UIntercept.Text(3), l.R2.Text(3), l.RMSE.Text(2)}
	}
	err := t.WriteTable([]string{"y = a + b x", "slope b", "u(b)", "intercept a", "u(a)", "R²", "RMSE"}, [][]string{row("least squares", r.OLS), row("Deming", r.Deming.lineReport)})
	if err != nil {
		return err
	}
	var rows [][]string
	for _, key := range levels {
		rows = append(rows, []string{key, r.Deming.ExpandedAt[key].Text(1), (100 * r.Deming.UncertaintyAt[key]).Text(1) + " %", (100 * r.Deming.CorrectedAt[key]).Text(1) + " %"})
	}
	_, _ = fmt.Fprintln(t.Out)
	if err := t.WriteTable([]string{"at", "expanded uncertainty (k=2)", "relative", "corrected with the line"}, rows); err != nil {
		return err
	}
	a := r.Agreement
	_, _ = fmt.Fprintf(t.Out, "\nsensor - reference: bias %s, mean |difference| %s, RMSE %s, limits of agreement %s to %s\n", a.MBE.Text(2), a.MAD.Text(2), a.RMSE.Text(2), a.LoA[0].Text(1), a.LoA[1].Text(1))
	if r.Model == nil {
		return nil
	}
	return r.Model.write(t)
}

func (m *modelReport) write(t *Terminal) error {
	_, _ = fmt.Fprintf(t.Out, "\nmodel of %s, %d rows: R² %s, RMSE %s in training\n", m.Target, m.N, m.R2.Text(3), m.RMSE.Text(2))
	var rows [][]string
	for _, c := range m.Coefficients {
		made := ""
		if c.Low != nil {
			made = fmt.Sprintf("%g to %g", float64(*c.Low), float64(*c.High))
		}
		rows = append(rows, []string{c.Name, fmt.Sprintf("%.5g", float64(c.Coefficient)), fmt.Sprintf("%.2g", float64(c.Uncertainty)), made})
	}
	if err := t.WriteTable([]string{"term", "coefficient", "u", "made within"}, rows); err != nil {
		return err
	}
	if m.Validation == nil {
		return nil
	}
	_, _ = fmt.Fprintf(t.Out, "\nin months that it had not seen: RMSE %s, bias %s, R² %s\n", m.Validation.RMSE.Text(2), m.Validation.MBE.Text(2), m.Validation.R2.Text(3))
	rows = nil
	for _, b := range m.Validation.Months {
		rows = append(rows, []string{b.Month, strconv.Itoa(b.N), b.RMSE.Text(2), b.MBE.Text(2), strconv.Itoa(b.OutsideHull)})
	}
	if err := t.WriteTable([]string{"month", "rows", "RMSE", "bias", "outside of the conditions"}, rows); err != nil {
		return err
	}
	if m.Sensor != nil {
		_, _ = fmt.Fprintf(t.Out, "without the sensor the RMSE in unseen months is %s, with it %s\n", m.Sensor.RMSEWithout.Text(2), m.Sensor.RMSEWith.Text(2))
	}
	return nil
}
