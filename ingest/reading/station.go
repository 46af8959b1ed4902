package reading

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"
)

// StationID names a station in public: login name, topic segment, feed key. It
// says nothing about who keeps the station or where it stands.
type StationID string

// ParseStationID checks the form: 1 to 63 characters of a-z, 0-9, '-' and '_',
// starting with a letter or digit.
func ParseStationID(s string) (StationID, error) {
	if len(s) == 0 || len(s) > 63 {
		return "", fmt.Errorf("station id %q: use 1 to 63 characters", clip(s))
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case (c == '-' || c == '_') && i > 0:
		default:
			return "", fmt.Errorf("station id %q: use only a-z, 0-9, '-' and '_', starting with a letter or digit", clip(s))
		}
	}
	return StationID(s), nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// Kind is the kind of instrument, which decides the uncertainty that its
// readings carry.
type Kind string

// The kinds of instrument.
const (
	// KindReference is an official station with reference or equivalent method.
	KindReference Kind = "reference"
	// KindSensor is a resident's sensor whose values are used as they come.
	KindSensor Kind = "sensor"
	// KindSensorCalibrated is a resident's sensor with a stored calibration.
	KindSensorCalibrated Kind = "sensor-calibrated"
	// KindSensorNetwork is a resident's sensor whose values were corrected by what
	// sensors of its type show around official stations. No station is declared so:
	// it is the kind of a corrected series.
	KindSensorNetwork Kind = "sensor-network"
	// KindTube is a passive sampler (diffusion tube).
	KindTube Kind = "tube"
)

// ParseKind checks that s names a kind.
func ParseKind(s string) (Kind, error) {
	switch k := Kind(s); k {
	case KindReference, KindSensor, KindSensorCalibrated, KindTube:
		return k, nil
	case KindSensorNetwork: // of a series, never of a station
	}
	return "", fmt.Errorf("unknown kind %q: use reference, sensor, sensor-calibrated or tube", clip(s))
}

// Station is a measuring point as the register knows it, without its position
// (see SecretPosition) and without its keeper.
type Station struct {
	ID StationID
	// Title is the public name; it must hold no personal data.
	Title string
	Kind  Kind
	// Model is the kit or instrument type, free text ("SDS011 + B43F").
	Model string
	// Maker is who runs the station in public words ("bewoner", "GGD Amsterdam").
	Maker string
	// Cadence is the expected time between two readings, which is also the time
	// that one reading stands for unless the message says otherwise.
	Cadence time.Duration
	// Since is the first moment of which the station may report.
	Since time.Time
	// Simulated stations come from firmware-sim and are marked on every page.
	Simulated bool
	// Siting is what surrounds it, as it was declared.
	Siting Siting
	// HasPosition tells whether a usable secret position is stored.
	HasPosition bool
	// Wire is what was declared about its messages.
	Wire Wire
	// Paused stations are refused at login and shown as paused.
	Paused bool
	// Board is the one that measures for the station now, where messages are read;
	// zero for none, and in lists of stations, which are published.
	Board Board
}

// SecretPosition is the exact place of a home. It never leaves the server: it
// prints, logs and marshals as a refusal, and only Reveal gives the numbers.
type SecretPosition struct{ lon, lat float64 }

// ErrPosition is wrapped by every error of NewSecretPosition.
var ErrPosition = errors.New("position")

// NewSecretPosition checks the coordinates (WGS84 degrees). Not finite, out of
// range or exactly 0,0 (what a kit sends without a fix) is refused. The error
// does not repeat the coordinates.
func NewSecretPosition(lon, lat float64) (SecretPosition, error) {
	switch {
	case math.IsNaN(lon) || math.IsNaN(lat) || math.IsInf(lon, 0) || math.IsInf(lat, 0):
		return SecretPosition{}, fmt.Errorf("%w: longitude and latitude must be numbers", ErrPosition)
	case lon < -180 || lon > 180 || lat < -90 || lat > 90:
		return SecretPosition{}, fmt.Errorf("%w: give longitude -180..180 and latitude -90..90 in degrees (WGS84)", ErrPosition)
	case lat == 0 && lon == 0:
		return SecretPosition{}, fmt.Errorf("%w: 0,0 means that the device had no fix; give the real place", ErrPosition)
	}
	return SecretPosition{lon: lon, lat: lat}, nil
}

// Reveal returns the exact coordinates. Callers are the area assignment and
// the register's own storage; a test lists them.
func (p SecretPosition) Reveal() (lon, lat float64) { return p.lon, p.lat }

// IsZero reports whether no position is known.
func (p SecretPosition) IsZero() bool { return p == SecretPosition{} }

// String hides the position.
func (SecretPosition) String() string { return "[secret position]" }

// GoString hides the position from %#v too.
func (SecretPosition) GoString() string { return "[secret position]" }

// LogValue hides the position from structured logs.
func (SecretPosition) LogValue() slog.Value { return slog.StringValue("[secret position]") }

// MarshalJSON refuses: a position must never reach a feed by accident.
func (SecretPosition) MarshalJSON() ([]byte, error) {
	return nil, errors.New("reading: a secret position cannot be marshalled")
}

// MarshalText refuses for the same reason (map keys, CSV, XML).
func (SecretPosition) MarshalText() ([]byte, error) {
	return nil, errors.New("reading: a secret position cannot be marshalled")
}

var (
	_ json.Marshaler = SecretPosition{}
	_ fmt.GoStringer = SecretPosition{}
	_ slog.LogValuer = SecretPosition{}
)
