package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

// ParticleSensor tells of which type the particle sensor of a station is from a
// moment on; an empty type is not known.
type ParticleSensor struct {
	Sensor reading.SensorType
	From   time.Time
}

// NetworkStation is an official station, or a sensor of a declared type, as
// NetworkCorrector needs it. Since is not used.
type NetworkStation struct {
	AssessedStation
	// Placed is the first whole hour after its place was last set anew; 0 when it
	// never was.
	Placed reading.Hour
	// Sensors is what was declared of its particle sensor, in order of time.
	Sensors []ParticleSensor
	// Devices are the moments at which it got a device, in order.
	Devices []time.Time
}

// NetworkChange are blocks of corrected series, Put with their fingerprints as
// Version, and those that are removed.
type NetworkChange struct {
	Put    []VersionedBlock
	Remove []SeriesVersion
}

// NetworkError is how far the factors of a type of sensor are off in a month. Every
// official station with a factor is left out in turn: its hours are predicted from
// its own sensors, as one, and the factors of the other official stations within
// reach.
type NetworkError struct {
	Property  reading.Property
	Sensor    reading.SensorType
	Simulated bool
	Month     reading.Month
	NetworkFigures
	// Inputs is a fingerprint of all that it was computed from.
	Inputs int64
}

// NetworkFigures are those of a NetworkError, in the unit of the property.
type NetworkFigures struct {
	// Stations could be left out, in Hours together.
	Stations, Hours int
	// Reference is the mean of the official hours.
	Reference float64
	// RawBias and RawRMSE are of the sensors as they measured, Bias and RMSE of the
	// prediction, both against the official hours.
	RawBias, RawRMSE, Bias, RMSE float64
}

// NetworkSource is what a NetworkCorrector corrects from.
type NetworkSource interface {
	// NetworkStations returns them in order of their ids.
	NetworkStations(ctx context.Context) ([]NetworkStation, error)
	// Positions calls fn for every station with a stored position.
	Positions(ctx context.Context, fn func(reading.StationID, reading.SecretPosition) error) error
	// NetworkVersions calls fn for every raw block of what network factors correct,
	// and for every corrected one with its fingerprint.
	NetworkVersions(ctx context.Context, fn func(SeriesVersion)) error
	// Block is that of Blocks.
	Block(ctx context.Context, s reading.StationID, p reading.Property, m reading.Month) (reading.Block, int64, error)
}

// NetworkStore is what a NetworkCorrector reads and writes in the register.
type NetworkStore interface {
	NetworkSource
	// TakeNetworkTurn tells whether it is the caller's turn: once in every, and
	// after a withdrawal, a deletion or a declaration at once.
	TakeNetworkTurn(ctx context.Context, every time.Duration) (bool, error)
	// PutNetwork stores a change in one transaction. A block is left as it is when
	// its station has had another number of events than in seen, or is gone. Whoever
	// withdraws or restores a period, or deletes a station, removes its blocks behind
	// its event.
	PutNetwork(ctx context.Context, seen map[reading.StationID]int64, c NetworkChange) error
	// NetworkErrors returns all of them.
	NetworkErrors(ctx context.Context) ([]NetworkError, error)
	// PutNetworkErrors replaces some and removes others.
	PutNetworkErrors(ctx context.Context, put, remove []NetworkError) error
}

// NetworkOptions are what a NetworkCorrector works with. Store is required; the
// zero value of every other field means the stated default.
type NetworkOptions struct {
	Store NetworkStore
	// Places is that of AssessOptions.
	Places func(ctx context.Context) (map[reading.StationID]reading.Place, error)
	// Every is the time between two passes, of whichever process; default 1 hour.
	Every time.Duration
	// Poll is how often a process asks whether it is its turn; default Every/60.
	Poll time.Duration
	// Log gets faults of the store; default: nothing is logged.
	Log *slog.Logger
}

// NetworkCorrector makes the series of particulate matter that network factors
// correct (calibration.FactorOf) from the raw hours of all sensors of one type and
// of the official stations, and keeps them right.
//
// A block is a function of the raw block and of the factors around it, which are
// functions of the raw blocks of the sensors and the official station there, of
// what was withdrawn, of the types that were declared and of the public places. It
// is made anew whenever one of those is another than its fingerprint names, and
// never added to. Corrected blocks are never read, and raw ones never written.
//
// Where a sensor stands counts by its public place only, so that neither a factor
// nor a corrected hour tells more of a home than its area; see Assessor. The
// distance to an official station counts in steps of calibration.NetworkNear.
// Official stations in a street or beside industry give no factor, and simulated
// stations are corrected by each other only.
//
// Several may run at once, in one process or in many: they take turns, and what
// one made from hours that were replaced meanwhile has the fingerprint of those, so
// the next pass makes it anew.
type NetworkCorrector struct{ o NetworkOptions }

// NewNetworkCorrector returns a NetworkCorrector. It is used by one goroutine.
func NewNetworkCorrector(o NetworkOptions) *NetworkCorrector {
	turnDefaults(&o.Every, &o.Poll, &o.Log)
	return &NetworkCorrector{o: o}
}

// Run corrects whenever it is this process's turn, until ctx ends. Faults are
// logged and the rest waits for the next turn. The error is always nil.
func (c *NetworkCorrector) Run(ctx context.Context) error {
	turns{
		every: c.o.Every, poll: c.o.Poll, log: c.o.Log, take: c.o.Store.TakeNetworkTurn, once: c.Once,
		failed: "correct: some series could not be corrected by network factors; they are with the next turn",
	}.run(ctx)
	return nil
}

// Once brings all series up to date and returns how many blocks it stored or
// removed. On an error the other months are done all the same.
func (c *NetworkCorrector) Once(ctx context.Context) (changed int, err error) {
	p, err := c.survey(ctx)
	if err != nil {
		return 0, fmt.Errorf("look at the sensors to correct: %w", err)
	}
	var errs []error
	for _, property := range calibration.NetworkProperties() {
		for _, m := range p.months(property) {
			n, err := p.month(ctx, property, m)
			changed += n
			if err != nil {
				errs = append(errs, fmt.Errorf("%s of %s: %w", property, m, err))
			}
			if ctx.Err() != nil || len(errs) == maxStationsFailing {
				return changed, errors.Join(errs...) // then it is the store that fails and not a month
			}
		}
	}
	if len(errs) > 0 {
		return changed, errors.Join(errs...)
	}
	return changed, p.dropErrors(ctx)
}

// sensorSpan are the hours [from, until) in which the particle sensor of a station
// is of the type.
type sensorSpan struct {
	sensor      reading.SensorType
	from, until reading.Hour
}

// spans returns the whole hours of which the type of the sensor is known, in order.
// A declaration holds until the next one, and no longer than its device: nobody
// said of which type the sensor of the next one is.
func (s NetworkStation) spans() (all []sensorSpan) {
	for i, d := range s.Sensors {
		span := sensorSpan{d.Sensor, reading.HourOf(d.From.Add(time.Hour - time.Millisecond)), math.MaxInt32}
		if i+1 < len(s.Sensors) {
			span.until = reading.HourOf(s.Sensors[i+1].From)
		}
		for _, at := range s.Devices {
			if at.After(d.From) {
				span.until = min(span.until, reading.HourOf(at))
			}
		}
		span.from = max(span.from, s.Placed)
		if d.Sensor != "" && span.from < span.until {
			all = append(all, span)
		}
	}
	return all
}
