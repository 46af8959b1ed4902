package ingest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"time"

	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

// CalibratedStation is a station of which something is, or was, corrected.
type CalibratedStation struct {
	Station reading.StationID
	// Events is how many events it has had.
	Events int64
	// Versions are the calibrations that stand.
	Versions []calibration.Version
	// Devices are the moments at which it got a device.
	Devices []time.Time
	// Stored are the corrected blocks that are kept, with their fingerprints as
	// Version.
	Stored []SeriesVersion
}

// CorrectedChange replaces corrected blocks of one station. Property is that of
// the corrected series.
type CorrectedChange struct {
	Station reading.StationID
	// Events is how many events the station had when all that follows was read. With
	// another number nothing is stored: whoever withdraws a calibration removes what
	// it corrected, and it must not come back.
	Events int64
	// Put are stored with Version as their fingerprint, Remove are removed.
	Put    []VersionedBlock
	Remove []SeriesVersion
}

// CorrectedStore is what a Corrector reads and writes in the register.
type CorrectedStore interface {
	// DataVersion is that of the register.
	DataVersion(ctx context.Context) (version int64, modified time.Time, err error)
	// CalibratedStations returns all of them in order of their ids.
	CalibratedStations(ctx context.Context) ([]CalibratedStation, error)
	// SeriesVersions returns the versions of all raw blocks of the stations.
	SeriesVersions(ctx context.Context, ids []reading.StationID) ([]SeriesVersion, error)
	// Block is that of Blocks.
	Block(ctx context.Context, s reading.StationID, p reading.Property, m reading.Month) (reading.Block, int64, error)
	// PutCorrected stores a change as a whole.
	PutCorrected(ctx context.Context, c CorrectedChange) error
}

// CorrectOptions are what a Corrector works with. Store is required.
type CorrectOptions struct {
	Store CorrectedStore
	// Poll is how often it looks whether anything changed; default 1 second.
	Poll time.Duration
	// Log gets faults of the store; default: nothing is logged.
	Log *slog.Logger
}

// Corrector makes the corrected series of calibrated sensors from their raw hours
// and keeps them right. A corrected block is a function of the raw block, the
// blocks of the covariates, the calibrations that stand and the changes of device,
// and is made anew whenever one of those is another than its fingerprint names.
// It never reads a corrected block and never writes a raw one. Several may run at
// once: what one made from hours that were replaced meanwhile has the fingerprint
// of those, so the next pass of any of them makes it anew.
type Corrector struct {
	o       CorrectOptions
	version int64 // of the data at the begin of the latest whole pass
	done    bool
}

// NewCorrector returns a Corrector. It is used by one goroutine.
func NewCorrector(o CorrectOptions) *Corrector {
	if o.Poll <= 0 {
		o.Poll = time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Corrector{o: o}
}

// Run corrects whenever the data changed, until ctx ends. Faults are logged and
// tried again. The error is always nil.
func (c *Corrector) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if _, err := c.Once(ctx); err != nil && ctx.Err() == nil {
			c.o.Log.LogAttrs(ctx, slog.LevelWarn, "correct: some series could not be corrected; they are tried again", slog.Any("error", err))
		}
		_ = pause(ctx, c.o.Poll)
	}
	return nil
}

// Once brings all corrected series up to date and returns how many blocks it
// stored or removed. On an error the other stations are done all the same.
func (c *Corrector) Once(ctx context.Context) (changed int, err error) {
	version, _, err := c.o.Store.DataVersion(ctx)
	if err != nil {
		return 0, err
	}
	if c.done && version == c.version {
		return 0, nil
	}
	stations, err := c.o.Store.CalibratedStations(ctx)
	if err != nil || len(stations) == 0 {
		c.version, c.done = version, err == nil
		return 0, err
	}
	ids := make([]reading.StationID, len(stations))
	for i, s := range stations {
		ids[i] = s.Station
	}
	versions, err := c.o.Store.SeriesVersions(ctx, ids)
	if err != nil {
		return 0, err
	}
	raw := map[reading.StationID]map[reading.Property]map[reading.Month]int64{}
	for _, v := range versions {
		if raw[v.Station] == nil {
			raw[v.Station] = map[reading.Property]map[reading.Month]int64{}
		}
		note(raw[v.Station], v)
	}
	var errs []error
	for _, s := range stations {
		change, err := c.station(ctx, s, raw[s.Station])
		if n := len(change.Put) + len(change.Remove); err == nil && n > 0 {
			err = c.o.Store.PutCorrected(ctx, change)
			changed += n
		}
		if err != nil && !errors.Is(err, ErrUnknownStation) { // gone meanwhile, with its series
			errs = append(errs, fmt.Errorf("station %s: %w", s.Station, err))
		}
		if ctx.Err() != nil || len(errs) == maxStationsFailing {
			break // then it is the store that fails and not a station
		}
	}
	c.version, c.done = version, len(errs) == 0 && ctx.Err() == nil
	return changed, errors.Join(errs...)
}

// station returns what has to change for the station.
func (c *Corrector) station(ctx context.Context, s CalibratedStation, raw map[reading.Property]map[reading.Month]int64) (CorrectedChange, error) {
	change := CorrectedChange{Station: s.Station, Events: s.Events}
	type key struct {
		series reading.Property
		month  reading.Month
	}
	stored := map[key]int64{}
	for _, v := range s.Stored {
		stored[key{v.Property, v.Month}] = v.Version
	}
	for _, p := range calibratedProperties(s.Versions) {
		standing := calibration.NewStanding(s.Versions, p, s.Devices)
		series := reading.Property(calibration.CorrectedSeries(p))
		for _, m := range monthsIn(raw[p]) {
			inputs := correctionInputs(standing, s.Devices, p, m, raw)
			k := key{series, m}
			was, kept := stored[k]
			delete(stored, k)
			if kept && was == inputs {
				continue
			}
			b, err := c.block(ctx, s.Station, standing, p, m, raw)
			if err != nil {
				return change, err
			}
			change.Put = append(change.Put, VersionedBlock{Block: b, Version: inputs})
		}
	}
	for k := range stored { // no calibration stands for it any more, or no raw hours
		change.Remove = append(change.Remove, SeriesVersion{Station: s.Station, Property: k.series, Month: k.month})
	}
	return change, nil
}

// block corrects one month. A month without any corrected hour is kept too, with
// all hours missing, so that its fingerprint says that it was looked at.
func (c *Corrector) block(ctx context.Context, id reading.StationID, standing calibration.Standing, p reading.Property, m reading.Month, raw map[reading.Property]map[reading.Month]int64) (reading.Block, error) {
	covariates := map[string]reading.Block{}
	for _, name := range append(standing.Terms(), string(p)) {
		q := reading.Property(name)
		if _, read := covariates[name]; read || raw[q][m] == 0 {
			continue
		}
		b, _, err := c.o.Store.Block(ctx, id, q, m)
		if errors.Is(err, ErrCorruptBlock) {
			// The judge makes it anew, which changes its version.
			c.o.Log.LogAttrs(ctx, slog.LevelWarn, "correct: a damaged block takes no part in a correction", slog.Any("error", err))
			b, err = reading.NewBlock(id, q, m), nil
		}
		if err != nil {
			return reading.Block{}, err
		}
		covariates[name] = b
	}
	b, _ := standing.CorrectBlock(covariates[string(p)], covariates)
	return b, nil
}

// calibratedProperties returns the properties of the versions, sorted.
func calibratedProperties(versions []calibration.Version) []reading.Property {
	var ps []reading.Property
	for _, v := range versions {
		ps = append(ps, v.Property)
	}
	slices.Sort(ps)
	return slices.Compact(ps)
}

// correctionInputs is the fingerprint of all that a corrected block follows from.
func correctionInputs(standing calibration.Standing, devices []time.Time, p reading.Property, m reading.Month, raw map[reading.Property]map[reading.Month]int64) int64 {
	names := []string{string(p)}
	names = append(names, standing.Terms()...)
	words := []string{strconv.Itoa(calibration.RulesVersion)}
	for _, name := range names {
		words = append(words, fmt.Sprintf("%s %d", name, raw[reading.Property(name)][m]))
	}
	for _, v := range standing.Versions() {
		words = append(words, v.ID)
	}
	for _, d := range devices {
		words = append(words, d.UTC().Format(time.RFC3339Nano))
	}
	h := fnv.New64a()
	for _, w := range words {
		_, _ = io.WriteString(h, w+"\n") // it never fails
	}
	return max(1, int64(h.Sum64()&math.MaxInt64))
}
