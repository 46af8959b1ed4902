package calibration

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"buurtmeter/ingest/reading"
)

// correctedSuffix makes the name of a corrected series from that of the raw one.
const correctedSuffix = "-calibrated"

// CorrectedSeries returns the name of the series of corrected values of p. It is
// never the name of a property that a station can report, so that a corrected
// value can stand nowhere where a raw one does, and neither where what a kit
// itself corrected does (reading.PM25Corrected).
func CorrectedSeries(p reading.Property) string { return string(p) + correctedSuffix }

// RawOf returns the property of a corrected series, of either kind (CorrectedSeries,
// NetworkSeries); ok is false for a name that is none.
func RawOf(series string) (p reading.Property, ok bool) {
	if p, ok := NetworkOf(series); ok {
		return p, true
	}
	raw, ok := strings.CutSuffix(series, correctedSuffix)
	if !ok {
		return "", false
	}
	_, ok = reading.InfoOf(reading.Property(raw))
	return reading.Property(raw), ok
}

// Method names how a Version was made; it changes with the rules.
const (
	MethodModel = "co-location model 1"
	MethodLine  = "co-location line 1"
)

// Version is one calibration of one sensor: how it was made and what it is
// worth, so that a corrected value can be made again. It never changes; a new
// calibration is a new version, and the corrected series names the version of
// each value. A class or a figure of merit belongs to the version and its
// conditions, never to "the sensor".
type Version struct {
	// ID names the content: the same calibration has the same ID.
	ID string
	// Station and Property of the raw series.
	Station  reading.StationID
	Property reading.Property
	// Method is one of the constants above.
	Method string
	// Trained are the begin and end of the rows that it was made from, From and
	// Until those of the values that it corrects; a zero Until is open. All UTC.
	TrainedFrom, TrainedUntil time.Time
	From, Until               time.Time
	// Reference is the official station beside which it was made, and Rows the
	// hash of the rows: the same hours give the same one. Both are empty for a
	// version that was made elsewhere.
	Reference reading.StationID `json:",omitempty"`
	Rows      string            `json:",omitempty"`
	// Model corrects: the reference as a function of the sensor and its
	// surroundings.
	Model Model
	// Tested is what the model is worth in months that it did not see.
	Tested Tested
}

// Tested is the part of a Validation that a Version keeps.
type Tested struct {
	Months, N, Outside int
	MBE, RMSE          float64
	// Uncertainty by concentration, the expanded one relative to it (GDE 2010),
	// of the predictions in those months: empty when it could not be told.
	Uncertainty map[string]float64
	// Slope, Intercept and Random are of the line of those predictions against the
	// reference, errors in both, and of what is left about it: what the
	// uncertainty follows from at every other concentration. A Slope of 0 means
	// that there is no such line.
	Slope     float64 `json:",omitempty"`
	Intercept float64 `json:",omitempty"`
	Random    float64 `json:",omitempty"`
}

// The reasons why a Version is refused.
var (
	ErrVersion = errors.New("not a calibration")
	// ErrChanged tells that the content is not what its ID names.
	ErrChanged = errors.New("the calibration is not the one that its id names")
)

// Sealed returns the version with its ID, or what is wrong with it.
func (v Version) Sealed() (Version, error) {
	v.ID = ""
	if err := v.check(); err != nil {
		return Version{}, err
	}
	id, err := v.digest()
	if err != nil {
		return Version{}, fmt.Errorf("%w: %w", ErrVersion, err)
	}
	v.ID = id
	return v, nil
}

// Verify reports whether the version is whole and still what its ID names.
func (v Version) Verify() error {
	if err := v.check(); err != nil {
		return err
	}
	id, err := v.digest()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrVersion, err)
	}
	if v.ID != id {
		return ErrChanged
	}
	return nil
}

// digest names the content by the property, the day from which it holds, and a
// hash.
func (v Version) digest() (string, error) {
	v.ID = ""
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return fmt.Sprintf("%s-%s-%s", v.Property, v.From.UTC().Format("20060102"), hex.EncodeToString(sum[:6])), nil
}

func (v Version) check() error {
	wrong := func(text string) error { return fmt.Errorf("%w: %s", ErrVersion, text) }
	if _, ok := reading.InfoOf(v.Property); !ok {
		return wrong("its property is not known")
	}
	n := len(v.Model.Names)
	switch {
	case v.Station == "":
		return wrong("it names no station")
	case v.Method == "":
		return wrong("it names no method")
	case v.From.IsZero() || !v.Until.IsZero() && !v.From.Before(v.Until):
		return wrong("its period has no begin, or ends before it")
	case !v.TrainedFrom.Before(v.TrainedUntil):
		return wrong("its training has no duration")
	case n == 0 || len(v.Model.Coefficients) != n || len(v.Model.Errors) != n || len(v.Model.Hull.Low) != n || len(v.Model.Hull.High) != n ||
		len(v.Model.Hull.Mean) != n || len(v.Model.Hull.Inverse) != n || slices.ContainsFunc(v.Model.Hull.Inverse, func(row []float64) bool { return len(row) != n }):
		return wrong("its model is not whole")
	case slices.ContainsFunc(append([]float64{v.Model.Intercept}, v.Model.Coefficients...), func(b float64) bool { return !finite(b) }):
		return wrong("a coefficient is not a number")
	}
	return nil
}

// Corrected is one corrected value, beside the raw one and never in its place.
type Corrected struct {
	// Version is the ID of the calibration that made it.
	Version string
	// Value in the unit of the property.
	Value float64
	// Extrapolation tells whether the model had to guess.
	Extrapolation Extrapolation
}

// Correct returns the value at a moment from those of the terms, in the order of
// Model.Names. ok is false outside of the version's period, and when a term is
// missing (NaN): a value that cannot be corrected is none, not the raw one.
func (v Version) Correct(at time.Time, x []float64) (c Corrected, ok bool) {
	if !v.holds(at) || len(x) != len(v.Model.Names) {
		return Corrected{}, false
	}
	c = Corrected{Version: v.ID, Value: v.Model.Predict(x), Extrapolation: v.Model.Extrapolates(x)}
	if !finite(c.Value) {
		return Corrected{}, false
	}
	return c, true
}

func (v Version) holds(at time.Time) bool {
	return !at.Before(v.From) && (v.Until.IsZero() || at.Before(v.Until))
}

// InForce returns the version of a sensor's property that corrects the value of
// a moment: of those whose period holds it the one that begins last, and of
// those the one that was trained last. ok is false when there is none.
func InForce(versions []Version, station reading.StationID, p reading.Property, at time.Time) (v Version, ok bool) {
	for _, w := range versions {
		if w.Station != station || w.Property != p || !w.holds(at) {
			continue
		}
		if !ok || w.From.After(v.From) || w.From.Equal(v.From) && w.TrainedUntil.After(v.TrainedUntil) {
			v, ok = w, true
		}
	}
	return v, ok
}

// BetweenVersions returns the model of a moment between a calibration before a
// campaign and one after it, by where it lies between the middles of both
// trainings. See Interpolated.
func BetweenVersions(before, after Version, at time.Time) (*Model, error) {
	if before.Station != after.Station || before.Property != after.Property {
		return nil, fmt.Errorf("%w: the two are of different series", ErrVersion)
	}
	from, until := middleOf(before), middleOf(after)
	if !from.Before(until) {
		return nil, fmt.Errorf("%w: the one after was trained before the other", ErrVersion)
	}
	return Interpolated(&before.Model, &after.Model, float64(at.Sub(from))/float64(until.Sub(from)))
}

func middleOf(v Version) time.Time { return v.TrainedFrom.Add(v.TrainedUntil.Sub(v.TrainedFrom) / 2) }
