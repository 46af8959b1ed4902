package tube

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Way is a way from a mean over some weeks to one over the year.
type Way string

// The ways. Am is the year mean of a reference station, Pm its mean over the
// weeks in which the tube hung, M the tube.
const (
	// AsIs takes M for the year.
	AsIs Way = "none"
	// Ratio is M times the mean of Am/Pm: the British rule (LAQM.TG(22) 7.140; not
	// verified at the source), meant for background stations. In street canyons it
	// is no better than nothing, since the share of traffic does not follow the
	// season.
	Ratio Way = "ratio"
	// Difference is M plus the mean of Am - Pm.
	Difference Way = "difference"
	// Regression reads M off the line of Am on Pm over the stations, by least
	// squares (De Craemer et al. 2020, ES&T, by its abstract).
	Regression Way = "regression"
)

// ParseWay returns the way with the name.
func ParseWay(s string) (Way, error) {
	switch w := Way(s); w {
	case AsIs, Ratio, Difference, Regression:
		return w, nil
	default:
		return "", fmt.Errorf("%q is no way from weeks to a year: use none, ratio, difference or regression", s)
	}
}

// StationYear is a reference station over the weeks and over the year.
type StationYear struct {
	Name string
	// Weeks is Pm, Year is Am, µg/m³.
	Weeks, Year float64
}

// ErrStations says that the stations cannot carry a way.
var ErrStations = errors.New("too few reference stations for this")

// Annualise tells the year mean behind M, the mean of a tube over some weeks. It
// needs one station, and three for a regression; stations without a value, and
// for Ratio those with a Pm that is not above 0, do not count. The error wraps
// ErrStations.
func Annualise(way Way, m float64, stations []StationYear) (float64, error) {
	if way == AsIs {
		return m, nil
	}
	var use []StationYear
	for _, s := range stations {
		if !math.IsNaN(s.Weeks) && !math.IsNaN(s.Year) && (way != Ratio || s.Weeks > 0) {
			use = append(use, s)
		}
	}
	need := 1
	if way == Regression {
		need = 3
	}
	n := float64(len(use))
	if len(use) < need {
		return 0, fmt.Errorf("%w: %d with data, and the way %q needs %d", ErrStations, len(use), way, need)
	}
	var ratio, difference, meanP, meanA float64
	for _, s := range use {
		ratio += s.Year / s.Weeks / n
		difference += (s.Year - s.Weeks) / n
		meanP += s.Weeks / n
		meanA += s.Year / n
	}
	switch way {
	case Ratio:
		return m * ratio, nil
	case Difference:
		return m + difference, nil
	default:
		var spp, spa float64
		for _, s := range use {
			spp += (s.Weeks - meanP) * (s.Weeks - meanP)
			spa += (s.Weeks - meanP) * (s.Year - meanA)
		}
		if spp == 0 {
			return 0, fmt.Errorf("%w: all of them have the same mean over the weeks", ErrStations)
		}
		return meanA + spa/spp*(m-meanP), nil
	}
}

// LeaveOneOut is the root mean square error of a way, µg/m³, found by taking
// each station in turn for a tube and telling its year from the others. n is how
// many stations could be told of. It is the error that a mean from these weeks
// carries, on top of that of the tube.
func LeaveOneOut(way Way, stations []StationYear) (rmse float64, n int, err error) {
	squares := 0.0
	for i, s := range stations {
		if math.IsNaN(s.Weeks) || math.IsNaN(s.Year) {
			continue
		}
		others := append(append([]StationYear(nil), stations[:i]...), stations[i+1:]...)
		told, fault := Annualise(way, s.Weeks, others)
		if fault != nil {
			err = fault
			continue
		}
		squares += (told - s.Year) * (told - s.Year)
		n++
	}
	if n == 0 {
		return 0, 0, fmt.Errorf("leave one out: %w", errors.Join(err, ErrStations))
	}
	return math.Sqrt(squares / float64(n)), n, nil
}

// minHours is the least share of hours that a station needs over the weeks and
// over the year to count.
const minHours = 0.75

// Year returns the stations over the windows of a place and over a calendar
// year, in the order of s.Names. A station with less than 75 % of the hours of
// either is left out.
func (s Stations) Year(windows []Span, year Span) []StationYear {
	var all []StationYear
	for i, name := range s.Names {
		weeks := s.over(s.Values[i], windows)
		whole := s.MeanOver(s.Values[i], year.From, year.To)
		if 1-weeks.Missing() < minHours || 1-whole.Missing() < minHours {
			continue
		}
		all = append(all, StationYear{Name: name, Weeks: weeks.Mean, Year: whole.Mean})
	}
	return all
}

// HeadRatioOf is YearRule.HeadRatio by reference stations: the mean over the
// stations of their mean from first to end, divided by that from the begin of
// the year to first. Stations with less than 75 % of the hours of either do not
// count; the error wraps ErrStations when none is left.
func (s Stations) HeadRatioOf(begin, first, end time.Time) (ratio float64, n int, err error) {
	for i := range s.Names {
		head := s.MeanOver(s.Values[i], begin, first)
		after := s.MeanOver(s.Values[i], first, end)
		if 1-head.Missing() < minHours || 1-after.Missing() < minHours || !(head.Mean > 0) || !(after.Mean > 0) {
			continue
		}
		ratio += after.Mean / head.Mean
		n++
	}
	if n == 0 {
		return 0, 0, fmt.Errorf("the weeks before the first period: %w", ErrStations)
	}
	return ratio / float64(n), n, nil
}
