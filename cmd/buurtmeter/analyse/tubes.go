package analyse

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"strconv"
	"time"

	"buurtmeter/ingest/tube"
)

// tubesCommand makes year means of passive samplers.
func tubesCommand() Command {
	return Command{
		Name: "tubes", Usage: "tubes TUBES.csv --pairs PAIRS.csv [--max-missing 25] [--no-calibration] [--json]",
		Short:   "NO2 tubes: calibration beside reference stations, and year means with their interval",
		Example: "buurtmeter analyse tubes tubes.csv --pairs pairs.csv",
		New: func(fs *flag.FlagSet) func(context.Context, *Terminal, []string) error {
			c := &tubesCall{in: InputFlags(fs), out: OutputFlags(fs)}
			fs.StringVar(&c.pairs, "pairs", "", "CSV with the tubes that hung beside a reference station: the columns of TUBES.csv, no2_reference, and missing (percent of its hours)")
			fs.Float64Var(&c.maxMissing, "max-missing", 25, "leave pairs out of which this percentage of the reference hours is missing, or more")
			fs.BoolVar(&c.uncalibrated, "no-calibration", false, "give the means of the tubes as they are; with --pairs the calibration is still told")
			fs.StringVar(&c.zone, "zone", "Europe/Amsterdam", "zone of times that do not name their own")
			fs.StringVar(&c.below, "below-limit", string(tube.AtLimit), "how a result such as <15 counts: limit, half or exclude")
			fs.Float64Var(&c.head, "head-ratio", tube.DefaultHeadRatio, "first period divided by the weeks before it since New Year, by which those weeks are estimated when they are at most 31 days; 0 for no estimate")
			fs.StringVar(&c.reference, "reference", "", "CSV with hourly NO2 of reference stations, a time and a column for each: the ratio is then computed from it")
			fs.StringVar(&c.annualise, "annualise", string(tube.AsIs), "how a place measured for less than nine months is told as a year, with --reference: none, ratio, difference or regression")
			list(fs, &c.stations, "stations", "", "columns of --reference to use, with commas between them (default: all)")
			return c.run
		},
	}
}

// tubesCall is one call of "tubes".
type tubesCall struct {
	in                              *Input
	out                             *Output
	pairs, zone, below              string
	reference, annualise, stations  string
	maxMissing, head                float64
	uncalibrated                    bool
	policy                          tube.Policy
	place                           *time.Location
	periods                         []tube.Period
	calibration                     *tube.Calibration
	tubes, belowLimit, lost, blanks int
}

func (c *tubesCall) run(_ context.Context, t *Terminal, files []string) error {
	rule, err := c.settings(files)
	if err != nil {
		return err
	}
	rows, err := ReadTubes(t, c.in, files[0], c.place)
	if err != nil {
		return err
	}
	if c.reference != "" {
		stations, err := ReadStations(t, c.in, c.reference, c.place, c.stations)
		if err != nil {
			return err
		}
		rule.Stations = &stations
	}
	if c.pairs != "" {
		pairs, err := ReadPairs(t, c.in, c.pairs, c.place, c.policy)
		if err != nil {
			return err
		}
		if err := c.calibrate(t, pairs); err != nil {
			return err
		}
	}
	if !c.uncalibrated {
		rule.Calibration = c.calibration
	}
	c.count(rows)
	c.periods = tube.Combine(rows, c.policy)
	years := rule.Years(c.periods)
	if len(years) == 0 {
		return problem(fmt.Errorf("%s holds no tube with a result", files[0]), "are all results empty, or left out by --below-limit exclude?")
	}
	c.warn(t, years)
	if c.out.JSON() {
		return t.WriteJSON(c.answer(years))
	}
	return c.table(t, years)
}

func (c *tubesCall) settings(files []string) (tube.YearRule, error) {
	var rule tube.YearRule
	var err error
	if len(files) != 1 {
		return rule, problem(fmt.Errorf("tubes wants one file, not %d", len(files)), "e.g. buurtmeter analyse tubes TUBES.csv --pairs PAIRS.csv")
	}
	if c.pairs == "" && !c.uncalibrated {
		return rule, problem(errors.New("nothing to calibrate the tubes by"), "name the tubes beside a reference station with --pairs PAIRS.csv, or say --no-calibration")
	}
	if !(c.maxMissing > 0 && c.maxMissing <= 100) {
		return rule, problem(fmt.Errorf("--max-missing %g is not a percentage", c.maxMissing), "give a number above 0 and up to 100; 25 is what is usual")
	}
	if !(c.head >= 0 && c.head < 10) {
		return rule, problem(fmt.Errorf("--head-ratio %g is not a ratio", c.head), "give a number such as 0.98, or 0 for no estimate")
	}
	if c.policy, err = tube.ParsePolicy(c.below); err != nil {
		return rule, problem(err, "see --below-limit")
	}
	if c.place, err = time.LoadLocation(c.zone); err != nil || c.zone == "" || c.zone == "Local" {
		return rule, problem(fmt.Errorf("--zone %q is not a zone", c.zone), "use a name such as Europe/Amsterdam or UTC")
	}
	way, err := tube.ParseWay(c.annualise)
	if err != nil {
		return rule, problem(err, "see --annualise")
	}
	if c.reference == "" && (way != tube.AsIs || c.stations != "") {
		return rule, problem(errors.New("--annualise and --stations need reference stations"), "name their file with --reference STATIONS.csv")
	}
	return tube.YearRule{Zone: c.place, Policy: c.policy, HeadRatio: c.head, Annualise: way}, nil
}

func (c *tubesCall) calibrate(t *Terminal, pairs []tube.Pair) error {
	k, err := tube.Calibrate(pairs, c.maxMissing/100)
	switch {
	case err != nil && c.uncalibrated:
		t.Warn("%v", err)
	case err != nil:
		return problem(fmt.Errorf("%s: %w", c.pairs, err), "give more pairs, a higher --max-missing, or --no-calibration")
	default:
		c.calibration = &k
	}
	return nil
}

// count counts what the answer does not rest on.
func (c *tubesCall) count(rows []tube.Exposure) {
	for _, e := range rows {
		switch {
		case e.Blank:
			c.blanks++
		case !e.Result.Known:
			c.lost++
		default:
			c.tubes++
			if e.Result.Below {
				c.belowLimit++
			}
		}
	}
}

// warn tells what the reader of the means has to know.
func (c *tubesCall) warn(t *Terminal, years []tube.Year) {
	if c.lost > 0 {
		t.Warn("%d tubes have no result and do not count", c.lost)
	}
	if c.blanks > 0 {
		t.Warn("%d field blanks are left out; nothing is taken off for them", c.blanks)
	}
	if c.belowLimit > 0 {
		how := map[tube.Policy]string{tube.AtLimit: "count as the limit", tube.HalfLimit: "count as half of it", tube.LeaveOut: "are left out"}[c.policy]
		t.Warn("%d results are below the limit of detection and %s", c.belowLimit, how)
	}
	if p := tube.PrecisionOf(c.periods); p.Poor > 0 {
		t.Warn("%d of %d sets of tubes that hung together differ by 20 %% or more (coefficient of variation)", p.Poor, p.Groups)
	}
	if c.calibration != nil && !c.uncalibrated {
		low, high := c.calibration.Range()
		outside := 0
		for _, p := range c.periods {
			if len(p.Tubes) > 0 && (p.Mean < low || p.Mean > high) {
				outside++
			}
		}
		if outside > 0 {
			t.Warn("%d periods lie outside the %.4g to %.4g µg/m³ of the pairs: the calibration was not seen there", outside, low, high)
		}
	}
	head, short := 0, 0
	for _, y := range years {
		if y.HeadEstimated > 0 {
			head++
		}
		if y.Coverage < 0.75 && y.Annualised == tube.AsIs {
			short++
		}
		if y.Untold != nil {
			t.Warn("%s, %d: no estimate of the rest of the year: %v", y.Location, y.Year, y.Untold)
		}
	}
	if head > 0 {
		how := fmt.Sprintf("divided by %g", c.head)
		if c.reference != "" {
			how = "by the ratio of the reference stations"
		}
		t.Warn("%d year means begin with weeks that were not measured: the first period %s stands for them (--head-ratio)", head, how)
	}
	if short > 0 {
		t.Warn("%d means cover less than nine months: they are means of what was measured, not of the year (--annualise)", short)
	}
}

// tubesAnswer is the answer in JSON.
type tubesAnswer struct {
	Calibration *calibrationAnswer `json:"calibration"`
	Years       []yearAnswer       `json:"years"`
}

// calibrationAnswer has the bias and the rest in µg/m³, tubes less reference,
// and uncertainties as expanded ones (k = 2) relative to the concentration.
type calibrationAnswer struct {
	Slope             float64   `json:"slope"`
	Intercept         float64   `json:"intercept"`
	Bias              float64   `json:"bias"`
	MAD               float64   `json:"mad"`
	N                 int       `json:"n"`
	UncertaintyAt20   Number    `json:"uncertaintyAt20"`
	UncertaintyAt40   Number    `json:"uncertaintyAt40"`
	USlope            float64   `json:"uSlope"`
	UIntercept        float64   `json:"uIntercept"`
	R2                float64   `json:"r2"`
	RMSE              float64   `json:"rmse"`
	LimitsOfAgreement []float64 `json:"limitsOfAgreement"`
	Factor            float64   `json:"factor"`
	Offset            float64   `json:"offset"`
	MADAfter          float64   `json:"madAfter"`
	CorrectedAt20     Number    `json:"correctedUncertaintyAt20"`
	CorrectedAt40     Number    `json:"correctedUncertaintyAt40"`
	LeftOut           int       `json:"pairsLeftOut"`
	Applied           bool      `json:"applied"`
	Method            string    `json:"method"`
}

type yearAnswer struct {
	Location      string  `json:"location"`
	Year          int     `json:"year"`
	Mean          float64 `json:"mean"`
	Low           float64 `json:"low"`
	High          float64 `json:"high"`
	Periods       int     `json:"periods"`
	Raw           float64 `json:"raw"`
	Tubes         int     `json:"tubes"`
	Coverage      float64 `json:"coverage"`
	DaysEstimated float64 `json:"daysEstimated"`
	BelowLimit    int     `json:"belowLimit"`
	Lost          int     `json:"lost"`
	Annualised    string  `json:"annualised"`
}

func (c *tubesCall) answer(years []tube.Year) tubesAnswer {
	var a tubesAnswer
	if k := c.calibration; k != nil {
		at := func(f func(x, uRef float64) (u float64, ok bool), x float64) Number {
			if u, ok := f(x, 0); ok {
				return Number(u)
			}
			return None()
		}
		raw := func(x, uRef float64) (float64, bool) {
			u, ok := k.Line.Uncertainty(x, uRef)
			return u.Relative, ok
		}
		corrected := func(x, uRef float64) (float64, bool) {
			u, ok := k.Line.CorrectedUncertainty(x, uRef)
			return u.Relative, ok
		}
		a.Calibration = &calibrationAnswer{
			Slope: k.Line.Slope, Intercept: k.Line.Intercept, Bias: k.Before.MBE, MAD: k.Before.MAD, N: k.Line.N,
			UncertaintyAt20: at(raw, 20), UncertaintyAt40: at(raw, 40),
			USlope: k.Line.USlope, UIntercept: k.Line.UIntercept, R2: k.Line.R2, RMSE: k.Before.RMSE,
			LimitsOfAgreement: []float64{k.Before.Low, k.Before.High}, Factor: k.Factor, Offset: k.Offset, MADAfter: k.After.MAD,
			CorrectedAt20: at(corrected, 20), CorrectedAt40: at(corrected, 40),
			LeftOut: len(k.Pairs) - k.Line.N, Applied: !c.uncalibrated, Method: k.Method,
		}
	}
	for _, y := range years {
		a.Years = append(a.Years, yearAnswer{
			Location: y.Location, Year: y.Year, Mean: y.Mean, Low: y.Low, High: y.High, Periods: y.Periods, Raw: y.Raw, Tubes: y.Tubes,
			Coverage: y.Coverage, DaysEstimated: math.Round(y.HeadEstimated.Hours()/24*100) / 100, BelowLimit: y.Below, Lost: y.Lost, Annualised: string(y.Annualised),
		})
	}
	return a
}

func (c *tubesCall) table(t *Terminal, years []tube.Year) error {
	if k := c.calibration; k != nil {
		what := "corrected"
		if c.uncalibrated {
			what = "not applied"
		}
		_, err := fmt.Fprintf(t.Out, "tube = %.8f x reference %+.8f, %d pairs (%d left out)\nbias %.2f, mean absolute difference %.2f, once corrected %.2f µg/m³\ncorrection: %.3f x tube %+.3f (%s)\n\n",
			k.Line.Slope, k.Line.Intercept, k.Line.N, len(k.Pairs)-k.Line.N, k.Before.MBE, k.Before.MAD, k.After.MAD, k.Factor, k.Offset, what)
		if err != nil {
			return err
		}
	}
	var rows [][]string
	for _, y := range years {
		rows = append(rows, []string{
			y.Location, strconv.Itoa(y.Year), Number(y.Mean).Text(1), Number(y.Low).Text(1), Number(y.High).Text(1),
			strconv.Itoa(y.Periods), Number(100 * y.Coverage).Text(0),
		})
	}
	return t.WriteTable([]string{"location", "year", "mean", "low", "high", "periods", "covered %"}, rows)
}
