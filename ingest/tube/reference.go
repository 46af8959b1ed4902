package tube

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Stations are hour means of reference stations, µg/m³, in order of time; a
// missing mean is NaN. Times are the stamps of the file, whatever end of the
// hour they name: the file says nothing of it, and for weeks it does not matter.
type Stations struct {
	Names []string
	Times []time.Time
	// Values has a column for each name.
	Values [][]float64
}

// Order puts the hours in order of time; a file that is in order of its text is
// not, in the night that the clock is put back.
func (s *Stations) Order() {
	at := make([]int, len(s.Times))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(a, b int) int { return s.Times[a].Compare(s.Times[b]) })
	times := make([]time.Time, len(at))
	for i, from := range at {
		times[i] = s.Times[from]
	}
	s.Times = times
	for c, column := range s.Values {
		moved := make([]float64, 0, len(column))
		for _, from := range at {
			moved = append(moved, column[from])
		}
		s.Values[c] = moved
	}
}

// Check reports what makes the table unfit; it wants whole columns and the hours
// in order, each once.
func (s Stations) Check() error {
	if len(s.Names) == 0 || len(s.Values) != len(s.Names) {
		return fmt.Errorf("%d names and %d columns of stations", len(s.Names), len(s.Values))
	}
	for i, v := range s.Values {
		if len(v) != len(s.Times) {
			return fmt.Errorf("station %q has %d hours of %d", s.Names[i], len(v), len(s.Times))
		}
	}
	for i := 1; i < len(s.Times); i++ {
		if !s.Times[i].After(s.Times[i-1]) {
			return fmt.Errorf("the hour %s comes twice or is out of order", s.Times[i].Format(time.RFC3339))
		}
	}
	return nil
}

// Column returns the values of the station with the name.
func (s Stations) Column(name string) ([]float64, bool) {
	i := slices.Index(s.Names, name)
	if i < 0 {
		return nil, false
	}
	return s.Values[i], true
}

// Window is the mean of a station over some time.
type Window struct {
	// Mean is NaN when no hour has a value.
	Mean float64
	// Hours counts the hours with a value, Expected all of them.
	Hours, Expected int
}

// Missing is the share of the hours without a value, 0 to 1; 1 when there is no
// hour at all.
func (w Window) Missing() float64 {
	if w.Expected == 0 {
		return 1
	}
	return 1 - float64(w.Hours)/float64(w.Expected)
}

// MeanOver is the mean of a column over the hours whose stamp lies from start to
// end, both included: the rule of the Antwerp campaign of 2021, which its table
// of pairs is made by. Hours that the table does not hold count as expected, by
// whole hours.
func (s Stations) MeanOver(column []float64, start, end time.Time) Window {
	w := Window{Mean: math.NaN()}
	if end.Before(start) {
		return w
	}
	first := start.Truncate(time.Hour)
	if first.Before(start) {
		first = first.Add(time.Hour)
	}
	if !first.After(end) {
		w.Expected = int(end.Sub(first)/time.Hour) + 1
	}
	lo, _ := slices.BinarySearchFunc(s.Times, start, time.Time.Compare)
	sum := 0.0
	for i := lo; i < len(s.Times) && !s.Times[i].After(end); i++ {
		if v := column[i]; !math.IsNaN(v) {
			sum += v
			w.Hours++
		}
	}
	w.Expected = max(w.Expected, w.Hours)
	if w.Hours > 0 {
		w.Mean = sum / float64(w.Hours)
	}
	return w
}

// over is MeanOver over several windows together, weighted by their hours.
func (s Stations) over(column []float64, windows []Span) Window {
	all, sum := Window{Mean: math.NaN()}, 0.0
	for _, x := range windows {
		w := s.MeanOver(column, x.From, x.To)
		all.Hours += w.Hours
		all.Expected += w.Expected
		if w.Hours > 0 {
			sum += w.Mean * float64(w.Hours)
		}
	}
	if all.Hours > 0 {
		all.Mean = sum / float64(all.Hours)
	}
	return all
}

// Span is a stretch of time.
type Span struct{ From, To time.Time }
