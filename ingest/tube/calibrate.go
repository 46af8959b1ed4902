package tube

import (
	"errors"
	"fmt"
	"math"

	"buurtmeter/ingest/calibration"
)

// Method names the rules by which this package calibrates and averages. It is
// stored with every calibration and changes whenever a figure over the same
// rows could.
const Method = "tube-2026.1"

// factorDecimals is how many decimals of the factor and the offset are applied:
// as many as are published ("0.996 x + 1.141"), so that anybody who has what was
// published computes the same. It moves a mean by at most 0.0005 of itself.
const factorDecimals = 3

// Pair is one place beside a reference station in one period.
type Pair struct {
	Location, Period string
	// Tube is the mean of the tubes, Reference that of the station over the same
	// hours, µg/m³.
	Tube, Reference float64
	// Missing is the share of those hours without a value, 0 to 1.
	Missing float64
	// Used tells whether the calibration rests on it.
	Used bool
}

// PairRow is one tube beside a reference station.
type PairRow struct {
	Exposure
	// Reference is the mean of the station over the same hours, NaN without one.
	Reference float64
	// Missing is the share of those hours without a value, 0 to 1.
	Missing float64
}

// PairsOf combines tubes that hung together beside a station into pairs: the
// means of what the tubes and their rows say, and the largest missing share. A
// group in which no tube counts is no pair; left counts those.
func PairsOf(rows []PairRow, policy Policy) (pairs []Pair, left int) {
	tubes := make([]Exposure, len(rows))
	for i, r := range rows {
		tubes[i] = r.Exposure
		tubes[i].Row = i // to find the row again
	}
	for _, p := range Combine(tubes, policy) {
		if len(p.Tubes) == 0 {
			left++
			continue
		}
		pair := Pair{Location: p.Location, Period: p.Label, Tube: p.Mean}
		for _, e := range p.Tubes {
			pair.Reference += rows[e.Row].Reference / float64(len(p.Tubes))
			pair.Missing = max(pair.Missing, rows[e.Row].Missing)
		}
		pairs = append(pairs, pair)
	}
	return pairs, left
}

// PairRows sets tubes beside stations: beside names the station of a location.
// Tubes at other locations are left out.
func (s Stations) PairRows(tubes []Exposure, beside map[string]string) ([]PairRow, error) {
	var rows []PairRow
	for _, e := range tubes {
		name, ok := beside[e.Location]
		if !ok || e.Blank {
			continue
		}
		column, ok := s.Column(name)
		if !ok {
			return nil, fmt.Errorf("%w: there is no station %s", ErrPairs, quoted(name))
		}
		w := s.MeanOver(column, e.Start, e.End)
		rows = append(rows, PairRow{Exposure: e, Reference: w.Mean, Missing: w.Missing()})
	}
	return rows, nil
}

// Calibration is how tubes are set right by reference stations, with the rows
// that it rests on.
type Calibration struct {
	// Method is the version of the rules.
	Method string
	// MaxMissing is the share of reference hours that had to be missing for a
	// pair to be left out, 0 to 1.
	MaxMissing float64
	// Pairs are all pairs, used or not.
	Pairs []Pair
	// Line is the tube (y) as a line of the reference (x), errors in both.
	Line calibration.Line
	// MeanReference is the mean reference of the pairs used.
	MeanReference float64
	// Before and After are the agreement of the tubes with the reference as they
	// are, and once set right.
	Before, After calibration.Agreement
	// Factor and Offset set a tube right: Factor x + Offset, with three decimals.
	Factor, Offset float64
}

// ErrPairs says that a calibration cannot rest on the pairs that are left.
var ErrPairs = errors.New("the pairs do not make a calibration")

// Calibrate fits the tubes on the reference by orthogonal regression (Deming
// with lambda 1; see calibration.Deming for the source), over the pairs of which
// less than maxMissing of the reference hours is missing. A pair with a value
// that is not a number is never used. Errors wrap ErrPairs.
func Calibrate(pairs []Pair, maxMissing float64) (Calibration, error) {
	c := Calibration{Method: Method, MaxMissing: maxMissing, Pairs: append([]Pair(nil), pairs...)}
	var x, y []float64
	for i := range c.Pairs {
		p := &c.Pairs[i]
		p.Used = p.Missing < maxMissing && !math.IsNaN(p.Tube) && !math.IsNaN(p.Reference)
		if p.Used {
			x, y = append(x, p.Reference), append(y, p.Tube)
			c.MeanReference += p.Reference
		}
	}
	var err error
	if c.Line, err = calibration.Deming(x, y, 1); err != nil {
		return Calibration{}, fmt.Errorf("%w: %d of %d can be used: %w", ErrPairs, len(x), len(pairs), err)
	}
	if c.Line.Slope <= 0 {
		return Calibration{}, fmt.Errorf("%w: the tubes fall where the reference rises (slope %.3f)", ErrPairs, c.Line.Slope)
	}
	c.MeanReference /= float64(len(x))
	c.Factor, c.Offset = rounded(1/c.Line.Slope), rounded(-c.Line.Intercept/c.Line.Slope)
	if c.Before, err = calibration.Agree(x, y); err != nil {
		return Calibration{}, fmt.Errorf("%w: %w", ErrPairs, err)
	}
	for i := range y {
		y[i] = c.Apply(y[i])
	}
	if c.After, err = calibration.Agree(x, y); err != nil {
		return Calibration{}, fmt.Errorf("%w: %w", ErrPairs, err)
	}
	return c, nil
}

func rounded(v float64) float64 {
	scale := math.Pow10(factorDecimals)
	return math.Round(v*scale) / scale
}

// Apply sets a tube, or a mean of tubes, right.
func (c *Calibration) Apply(tube float64) float64 { return c.Factor*tube + c.Offset }

// Range is what the tubes of the pairs used reach from and to: outside it the
// line was never seen.
func (c *Calibration) Range() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, p := range c.Pairs {
		if p.Used {
			low, high = min(low, p.Tube), max(high, p.Tube)
		}
	}
	return low, high
}

// scatter is the variance of one period's mean that was set right, seen from the
// reference: RSS/(n-2) through the slope. It is drawn anew in every period and
// shrinks with their number.
func (c *Calibration) scatter() float64 {
	return c.Line.RSS / float64(c.Line.N-2) / (c.Line.Slope * c.Line.Slope)
}

// lineVariance is what is not known of the line itself at a concentration,
// squared. It is common to all periods and places and never shrinks with their
// number. It is taken around the middle of the pairs, where slope and intercept
// do not depend on each other: u²(x) = RSS/(n-2)/n + (x - xbar)² u²(b).
func (c *Calibration) lineVariance(x float64) float64 {
	b := c.Line.Slope
	d := (x - c.MeanReference) * c.Line.USlope / b
	return c.scatter()/float64(c.Line.N) + d*d
}
