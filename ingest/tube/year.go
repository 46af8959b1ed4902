package tube

import (
	"math"
	"slices"
	"time"
)

// YearRule says how year means are made.
type YearRule struct {
	// Zone is the civil time of the campaign; nil means UTC+1, the winter time of
	// the Netherlands and Belgium.
	Zone *time.Location
	// Policy is how results below the limit count.
	Policy Policy
	// Calibration sets the means right; nil leaves them as the tubes are.
	Calibration *Calibration
	// HeadRatio is the first period divided by the weeks before it, since New
	// Year: 0.98 means that January was 1/0.98 of the period that follows. 0 means
	// that missing weeks are not estimated.
	HeadRatio float64
	// Stations are reference stations; when given, the ratio of the head is
	// computed from them for each place and HeadRatio is not used.
	Stations *Stations
	// Annualise is the way in which a place that was measured for less than nine
	// months is told as a year, by Stations; empty or AsIs leaves its mean as it is.
	Annualise Way
}

// DefaultHeadRatio is the ratio of the Antwerp campaign of 2021, by its
// reference stations: the period of February divided by January. For another
// town or year it is no more than a first guess; see HeadRatioOf.
const DefaultHeadRatio = 0.98

// maxHead is the longest head of a year that is estimated from the period that
// follows: January.
const maxHead = 31 * 24 * time.Hour

// shortCampaign is the coverage below which a mean is no year mean without more:
// nine months (LAQM.TG(22) 7.140; not verified at the source).
const shortCampaign = 0.75

// yearNoon: a year of tubes runs from noon on New Year's Day to noon a year
// later, as in the Antwerp campaign of 2021: tubes are changed by day.
const yearNoon = 12

// Parts of the uncertainty of a year mean, relative to it.
const (
	// timeRelative is the standard uncertainty (k = 1) of a year mean told from
	// one tube of four weeks, from time alone: 9 %, found on 24 places in Antwerp
	// that hung all year (288 periods: 3.12 µg/m³ of about 34 after the best of the
	// methods of Annualise).
	timeRelative = 0.09
	// fourWeeks is how many periods of four weeks a year has.
	fourWeeks = 13
	// leastRelative is the expanded uncertainty of a year mean of tubes: 15 %
	// (EN 16339:2025, by its catalogue text). It is also the data-quality objective
	// of the reference stations (2008/50/EC Annex I), and what was set right by a
	// station is not better known than the station: pairs can make it more, never
	// less.
	leastRelative = 0.15
)

// Year is the mean of one place over one calendar year.
type Year struct {
	Location string
	Year     int
	// Raw is the mean of the tubes as they are, weighted by time; Mean is what was
	// made of it by the calibration, or Raw without one. µg/m³.
	Raw, Mean float64
	// Low and High bound the expanded interval (95 %) of Mean.
	Low, High float64
	// Least and Most are where results below the limit of detection let Mean lie,
	// Mean itself when there are none. Measured and Time are standard uncertainties
	// (k = 1): of the tubes and their calibration, and of the time in which none
	// hung or by which the year was told. The interval is made of these four.
	Least, Most    float64
	Measured, Time float64
	// Calibrated tells which of both Mean is.
	Calibrated bool
	// Periods counts the periods that lie in the year for the greater part, Tubes
	// the tubes in them that count.
	Periods, Tubes int
	// Coverage is the share of the year in which a tube hung, 0 to 1.
	Coverage float64
	// HeadEstimated is how long the head of the year was estimated, by the first
	// period and HeadRatio.
	HeadEstimated time.Duration
	// Below and Lost count tubes below the limit of detection and without a
	// result, in those periods.
	Below, Lost int
	// Sets are the sets (Exposure.Set) of which a tube hung in the year, in the order
	// of time.
	Sets []string
	// Annualised is the way by which the mean was told as a year, AsIs if none.
	Annualised Way
	// Untold says why an estimate that was asked for could not be made; the mean
	// then goes without.
	Untold error
}

// bounds are the begin and the end of a year.
func (r YearRule) bounds(year int) Span {
	zone := r.Zone
	if zone == nil {
		zone = time.FixedZone("UTC+1", 3600)
	}
	return Span{time.Date(year, 1, 1, yearNoon, 0, 0, 0, zone), time.Date(year+1, 1, 1, yearNoon, 0, 0, 0, zone)}
}

// yearOf is the year in which the middle of a period lies.
func (r YearRule) yearOf(p Period) int {
	middle := p.Start.Add(p.End.Sub(p.Start) / 2)
	year := middle.UTC().Year()
	for _, y := range []int{year - 1, year + 1} {
		if b := r.bounds(y); !middle.Before(b.From) && middle.Before(b.To) {
			return y
		}
	}
	return year
}

// Years returns the year means of the periods of all places, by place as they
// come and then by year. A place has a year when a period of it lies in that
// year for the greater part; a period that reaches over New Year counts in both
// years with the time it has in each, and is cut there.
func (r YearRule) Years(periods []Period) []Year {
	var places []string
	of := map[string][]Period{}
	for _, p := range periods {
		if _, met := of[p.Location]; !met {
			places = append(places, p.Location)
		}
		of[p.Location] = append(of[p.Location], p)
	}
	var all []Year
	for _, place := range places {
		var years []int
		for _, p := range of[place] {
			if len(p.Tubes) == 0 {
				continue
			}
			if y := r.yearOf(p); !slices.Contains(years, y) {
				years = append(years, y)
			}
		}
		slices.Sort(years)
		for _, y := range years {
			all = append(all, r.year(place, y, of[place]))
		}
	}
	return all
}

// sums are weighted sums over a year: of the values, and of what they are at
// least and at most where a result is below the limit.
type sums struct{ seconds, value, low, high float64 }

func (s *sums) add(seconds, value, low, high float64) {
	s.seconds += seconds
	s.value += seconds * value
	s.low += seconds * low
	s.high += seconds * high
}

func (r YearRule) year(place string, year int, periods []Period) Year {
	y := Year{Location: place, Year: year, Annualised: AsIs}
	b := r.bounds(year)
	var all, first sums
	var means []float64
	var windows []Span
	head := Span{b.To, b.To} // the first period within the year
	for _, p := range periods {
		if r.yearOf(p) == year {
			y.Tubes += len(p.Tubes)
			y.Below += p.Below
			y.Lost += p.Lost
			if len(p.Tubes) > 0 {
				means = append(means, p.Mean)
			}
		}
		part, within := r.part(p, b)
		if part.seconds <= 0 {
			continue
		}
		windows = append(windows, within)
		for _, e := range p.Tubes {
			if e.Set != "" && !slices.Contains(y.Sets, e.Set) && e.Start.Before(b.To) && e.End.After(b.From) {
				y.Sets = append(y.Sets, e.Set)
			}
		}
		all.add(part.seconds, part.value/part.seconds, part.low/part.seconds, part.high/part.seconds)
		if within.From.Before(head.From) {
			first, head = part, within
		}
	}
	y.Periods = len(means)
	y.Coverage = min(all.seconds/b.To.Sub(b.From).Seconds(), 1)
	annualise := r.Annualise != "" && r.Annualise != AsIs && y.Coverage < shortCampaign
	if gap := head.From.Sub(b.From); gap > 0 && gap <= maxHead && !annualise {
		if ratio := r.headRatio(&y, b.From, head); ratio > 0 {
			y.HeadEstimated = gap
			by := first.seconds * ratio
			all.add(gap.Seconds(), first.value/by, first.low/by, first.high/by)
		}
	}
	told := r.finish(&y, all, means)
	if annualise {
		told = r.annualise(&y, told, windows, b)
	}
	y.Least, y.Most = min(told.low, y.Mean), max(told.high, y.Mean)
	y.Measured, y.Time = math.Sqrt(told.measured), math.Sqrt(told.time)
	u := 2 * math.Sqrt(told.measured+told.time)
	y.Low, y.High = max(told.low-u, min(0, y.Mean)), told.high+u
	return y
}

// headRatio is the ratio for the head of this year of this place; 0 when there
// is none.
func (r YearRule) headRatio(y *Year, begin time.Time, first Span) float64 {
	if r.Stations == nil {
		return r.HeadRatio
	}
	ratio, _, err := r.Stations.HeadRatioOf(begin, first.From, first.To)
	y.Untold = err
	return ratio
}

// part is what a period adds to a year: each of its tubes weighs as long as it
// hung within the year, and all of them together as one.
func (r YearRule) part(p Period, b Span) (s sums, within Span) {
	within = Span{b.To, b.From}
	n := float64(len(p.Tubes))
	for i, e := range p.Tubes {
		from, to := e.Start, e.End
		if from.Before(b.From) {
			from = b.From
		}
		if to.After(b.To) {
			to = b.To
		}
		if !to.After(from) {
			continue
		}
		if from.Before(within.From) {
			within.From = from
		}
		if to.After(within.To) {
			within.To = to
		}
		low, high := p.Values[i], p.Values[i]
		if e.Result.Below {
			low, high = 0, max(high, e.Result.Value)
		}
		s.add(to.Sub(from).Seconds()/n, p.Values[i], low, high)
	}
	return s, within
}

// told is a mean with where results below the limit let it lie, and its
// variances: of what was measured and of the time that was not.
type told struct{ low, high, measured, time float64 }

// finish makes the mean of the sums.
//
// The variance (k = 1) is that of the measurement and that of the time in which
// no tube hung. The first is the scatter of the calibration divided by the number
// of periods and its line whole, and never less than 15 % of the mean at k = 2;
// see leastRelative. The second is that of ISO 11222, u² = s²/N (1 - N/Nmax),
// written with the share of the year that was measured, so that N/Nmax is the
// coverage. s is the spread of the periods, and at least what one tube of four
// weeks is off by (timeRelative). The formula takes gaps to come at random: half
// a year in a row can be further off. Results below the limit stretch the
// interval to where they could lie.
func (r YearRule) finish(y *Year, all sums, means []float64) told {
	y.Raw = all.value / all.seconds
	t := told{low: all.low / all.seconds, high: all.high / all.seconds}
	n := float64(max(len(means), 1))
	y.Mean = y.Raw
	if c := r.Calibration; c != nil {
		y.Calibrated = true
		y.Mean, t.low, t.high = c.Apply(y.Raw), c.Apply(t.low), c.Apply(t.high)
		t.measured = c.scatter()/n + c.lineVariance(y.Mean)
	}
	least := leastRelative / 2 * y.Mean
	t.measured = max(t.measured, least*least)
	one := timeRelative * y.Mean
	spread := max(one*one/(1-1.0/fourWeeks), sampleVariance(means))
	t.time = spread / n * (1 - y.Coverage)
	return t
}

// annualise tells the mean as that of the year. The variance of time becomes the
// square of the error that the way makes on the stations themselves, left out
// one by one.
func (r YearRule) annualise(y *Year, t told, windows []Span, year Span) told {
	if r.Stations == nil {
		y.Untold = ErrStations
		return t
	}
	stations := r.Stations.Year(windows, year)
	mean, err := Annualise(r.Annualise, y.Mean, stations)
	if err != nil {
		y.Untold = err
		return t
	}
	rmse, _, err := LeaveOneOut(r.Annualise, stations)
	if err != nil {
		y.Untold = err
		return t
	}
	t.low, t.high = t.low+mean-y.Mean, t.high+mean-y.Mean
	t.time = rmse * rmse
	y.Mean, y.Annualised = mean, r.Annualise
	return t
}

func sampleVariance(v []float64) float64 {
	if len(v) < 2 {
		return 0
	}
	mean, squares := 0.0, 0.0
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		squares += (x - mean) * (x - mean)
	}
	return squares / float64(len(v)-1)
}
