package calibration

import (
	"cmp"
	"math"
	"slices"
	"time"

	"buurtmeter/ingest/reading"
)

// RulesVersion is the version of the rules by which a series is corrected. It
// changes with them, so that what was stored by other rules is made anew.
const RulesVersion = 1

// The bounds of what a calibration may guess; our own choice. Within them an
// hour is corrected and flagged Extrapolated, beyond them it is missing.
const (
	// guessRange is how far a term may lie outside of what the training saw, as a
	// share of the range that it saw.
	guessRange = 0.25
	// guessCloud is by how much the leverage may be above the highest of the
	// training: 4 is twice as far from the middle of the cloud.
	guessCloud = 4
)

// far tells whether x lies too far outside of the hull to guess.
func (m *Model) far(x []float64) bool {
	for j, v := range x {
		slack := guessRange * (m.Hull.High[j] - m.Hull.Low[j])
		if !(v >= m.Hull.Low[j]-slack && v <= m.Hull.High[j]+slack) {
			return true
		}
	}
	return !(m.leverage(x) <= guessCloud*m.Hull.Leverage)
}

// Standing are the calibrations by which one series is corrected.
type Standing struct {
	versions []spanned
}

// spanned is a version with the time in which the device that it was trained
// with measured.
type spanned struct {
	Version
	from, until time.Time // zero is open
}

func (s spanned) sameDevice(at time.Time) bool {
	return !at.Before(s.from) && (s.until.IsZero() || at.Before(s.until))
}

// NewStanding returns the calibrations of the property among the versions.
// changes are the moments at which the station got another device: a calibration
// holds for the device that it was made with and corrects nothing beyond one.
func NewStanding(versions []Version, p reading.Property, changes []time.Time) Standing {
	var s Standing
	for _, v := range versions {
		if v.Property != p {
			continue
		}
		w := spanned{Version: v}
		for _, c := range changes {
			if !c.After(v.TrainedFrom) && c.After(w.from) {
				w.from = c
			}
			if c.After(v.TrainedFrom) && (w.until.IsZero() || c.Before(w.until)) {
				w.until = c
			}
		}
		s.versions = append(s.versions, w)
	}
	slices.SortFunc(s.versions, func(a, b spanned) int {
		return cmp.Or(middleOf(a.Version).Compare(middleOf(b.Version)), cmp.Compare(a.ID, b.ID))
	})
	return s
}

// Terms returns the names of all terms, sorted: the series that are needed.
func (s Standing) Terms() []string {
	var names []string
	for _, v := range s.versions {
		names = append(names, v.Model.Names...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Versions returns the calibrations, in order of their training.
func (s Standing) Versions() []Version {
	out := make([]Version, len(s.versions))
	for i, v := range s.versions {
		out[i] = v.Version
	}
	return out
}

// at returns the calibration of a moment, and the next one when the moment lies
// between the middles of both trainings and both have the same terms.
func (s Standing) at(t time.Time) (before spanned, after *spanned, ok bool) {
	var usable []Version
	for _, v := range s.versions {
		if v.sameDevice(t) {
			usable = append(usable, v.Version)
		}
	}
	if len(usable) == 0 {
		return spanned{}, nil, false
	}
	v, ok := InForce(usable, usable[0].Station, usable[0].Property, t)
	if !ok {
		return spanned{}, nil, false
	}
	i := slices.IndexFunc(s.versions, func(w spanned) bool { return w.ID == v.ID })
	before = s.versions[i]
	if t.Before(middleOf(before.Version)) && i > 0 {
		// The training of this one has begun, and until its middle the one before it
		// has a part in the answer.
		if b := s.versions[i-1]; b.holds(t) && b.sameDevice(t) {
			i, before = i-1, b
		}
	}
	if t.Before(middleOf(before.Version)) || i+1 == len(s.versions) {
		return before, nil, true
	}
	next := s.versions[i+1]
	if !next.sameDevice(t) || !slices.Equal(next.Model.Names, before.Model.Names) {
		return before, nil, true
	}
	return before, &next, true
}

// Correct returns the corrected value of a moment; value gives that of a term,
// NaN when it is missing. Between a calibration before and one after, the
// coefficients go from the one to the other (BetweenVersions). A value counts as
// guessed when either of both did not see the conditions, and is missing only
// when both were far from them. ok is false without a calibration, without a
// term, and far outside: a value that cannot be corrected is none.
func (s Standing) Correct(at time.Time, value func(name string) float64) (c Corrected, ok bool) {
	before, after, ok := s.at(at)
	if !ok {
		return Corrected{}, false
	}
	x := make([]float64, len(before.Model.Names))
	for j, name := range before.Model.Names {
		if x[j] = value(name); math.IsNaN(x[j]) {
			return Corrected{}, false
		}
	}
	far := before.Model.far(x)
	c, m := Corrected{Version: before.ID, Extrapolation: before.Model.Extrapolates(x)}, &before.Model
	if after != nil {
		between, err := BetweenVersions(before.Version, after.Version, at)
		if err != nil {
			return Corrected{}, false
		}
		m, far = between, far && after.Model.far(x)
		c.Version += "+" + after.ID
		if !c.Extrapolation.Any() {
			c.Extrapolation = after.Model.Extrapolates(x)
		}
	}
	c.Value = m.Predict(x)
	if far || !finite(c.Value) {
		return Corrected{}, false
	}
	return c, true
}

// CorrectBlock returns the corrected hours of a month of the raw block, with the
// blocks of the covariates by name. An hour is corrected when it and all
// covariates are valid hour means; the capture is that of the raw hour, its notes
// go along. ok is false when there is no hour with a value.
func (s Standing) CorrectBlock(raw reading.Block, covariates map[string]reading.Block) (b reading.Block, ok bool) {
	info, _ := reading.InfoOf(raw.Property)
	b = reading.NewBlock(raw.Station, reading.Property(CorrectedSeries(raw.Property)), raw.Month)
	for i := range raw.Values {
		if !raw.Valid(i) {
			continue
		}
		c, corrected := s.Correct((raw.Month.First() + reading.Hour(i)).Start(), func(name string) float64 {
			from, known := covariates[name]
			if name == string(raw.Property) {
				from, known = raw, true
			}
			if !known || !from.Valid(i) {
				return math.NaN()
			}
			return reading.Unscaled(from.Values[i])
		})
		if !corrected || c.Value < info.Min || c.Value > info.Max {
			continue
		}
		b.Values[i], _ = reading.Scaled(c.Value)
		b.Capture[i], b.Flags[i] = raw.Capture[i], raw.Flags[i]
		if c.Extrapolation.Any() {
			b.Flags[i] |= reading.Extrapolated
		}
		ok = true
	}
	return b, ok
}
