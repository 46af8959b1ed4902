package opendata

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"buurtmeter/geo"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/tube/store"
)

// Builder makes the Graph from the register and keeps it fresh. It is the one
// Source of the running program.
type Builder struct {
	reg   *register.Register
	areas *geo.Store
	now   func() time.Time
	log   *slog.Logger

	// Gemeente is the one whose areas are shown; empty is for the only one of the
	// boundaries, or else DefaultGemeente. Set it before the first Build.
	Gemeente geo.Code

	current atomic.Pointer[Graph]

	mu     sync.Mutex // guards what follows, held during a build
	series map[seriesKey]*seriesFacts
	tubes  tubeFacts
	// histories as they were when every station had had eventCounts.
	histories   map[reading.StationID]History
	eventCounts map[reading.StationID]int64
}

// DefaultGemeente is the one that is shown of boundaries of several: Zaanstad.
const DefaultGemeente geo.Code = "GM0479"

// ErrGemeente is wrapped by the error of Build when the boundaries do not hold the
// gemeente that is to be shown.
var ErrGemeente = errors.New("the boundaries do not hold the municipality that is to be shown")

// NewBuilder returns a builder that has built nothing yet.
func NewBuilder(reg *register.Register, areas *geo.Store, now func() time.Time, log *slog.Logger) *Builder {
	return &Builder{reg: reg, areas: areas, now: now, log: log, series: map[seriesKey]*seriesFacts{}, tubes: tubeFacts{store: store.New(reg, now)}}
}

// pollEvery is how often the version of the data is looked at. Together with
// minBuildGap it bounds the time between a stored hour and its page to well
// under five seconds, and the work under a steady stream of readings.
const (
	pollEvery   = 300 * time.Millisecond
	minBuildGap = time.Second
	// buildBreather is how many times as long as a build took is left to others
	// before the next one.
	buildBreather = 9
)

// Run rebuilds the graph whenever the data changed or an hour passed, until ctx
// ends. A failed build is logged and tried again; the last whole graph stays.
func (b *Builder) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last time.Time
	gap := minBuildGap
	for {
		if b.now().Sub(last) >= gap {
			begin := time.Now()
			built, err := b.refresh(ctx)
			gap = max(minBuildGap, buildBreather*time.Since(begin))
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				b.log.ErrorContext(ctx, "graph not rebuilt, the previous one stays", slog.Any("error", err))
				last = b.now()
			case built:
				last = b.now()
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// refresh builds when the version differs from the current graph's.
func (b *Builder) refresh(ctx context.Context) (built bool, err error) {
	v, _, err := b.reg.DataVersion(ctx)
	if err != nil {
		return false, fmt.Errorf("read data version: %w", err)
	}
	if g := b.current.Load(); g != nil && g.Version == versionOf(v, reading.HourOf(b.now())) {
		return false, nil
	}
	return true, b.Build(ctx)
}

// versionOf names a state of the data: the register's counter and the present
// hour, because a running year is judged by how much of it has passed.
func versionOf(data int64, until reading.Hour) string { return fmt.Sprintf("%d-%d", data, until) }

// modifiedAt is when the graph last changed for a reader: with the data, or with
// the hour, because a running year is judged anew every hour. A stored time that
// lies ahead (a clock that was wrong once) must not hold harvesters off.
func modifiedAt(data time.Time, until reading.Hour, now time.Time) time.Time {
	at := data
	if hour := until.Start(); hour.After(at) {
		at = hour
	}
	if at.After(now) {
		at = now
	}
	return at.UTC().Truncate(time.Second)
}

// Build makes a new graph now. The version is read first, so that a change
// during the build makes the next poll build again.
func (b *Builder) Build(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	version, modified, err := b.reg.DataVersion(ctx)
	if err != nil {
		return fmt.Errorf("read data version: %w", err)
	}
	now := b.now().UTC()
	until := reading.HourOf(now)
	g := &Graph{Version: versionOf(version, until), Modified: modifiedAt(modified, until, now), Built: now}
	if err := b.addAreas(ctx, g); err != nil {
		return err
	}
	stations, err := b.addStations(ctx, g)
	if err != nil {
		return err
	}
	if err := b.refreshSeries(ctx, stations, until); err != nil {
		return err
	}
	if err := b.tubes.refresh(ctx); err != nil {
		return err
	}
	g.Campaigns = b.tubes.all
	if err := b.addHistories(ctx, g); err != nil {
		return err
	}
	b.addFacts(g, until)
	if err := b.addNetwork(ctx, g); err != nil {
		return err
	}
	if err := b.addRejects(ctx, g); err != nil {
		return err
	}
	b.current.Store(g)
	return nil
}

// Graph returns the latest graph, or ErrNotReady before the first build.
func (b *Builder) Graph(context.Context) (*Graph, error) {
	if g := b.current.Load(); g != nil {
		return g, nil
	}
	return nil, ErrNotReady
}

// Blocks implements Source: it reads the register, not the graph, so a block
// may be newer than the graph's version.
func (b *Builder) Blocks(ctx context.Context, s reading.StationID, p reading.Property, from, to time.Time, fn func(reading.Block) error) error {
	if !to.After(from) {
		return nil
	}
	first, last := reading.MonthOf(reading.HourOf(from)), reading.MonthOf(reading.HourOf(to.Add(-time.Nanosecond)))
	return b.reg.EachBlock(ctx, s, p, first, last, fn)
}

func (b *Builder) addAreas(ctx context.Context, g *Graph) error {
	var err error
	if g.AreaYear, g.Schematic, err = b.areas.Active(ctx); err != nil {
		return fmt.Errorf("active areas: %w", err)
	}
	town, err := ShownGemeente(ctx, b.areas, b.Gemeente)
	if err != nil {
		return err
	}
	if g.Areas, err = b.areas.AreasIn(ctx, geo.Buurt, town); err != nil {
		return fmt.Errorf("buurten: %w", err)
	}
	if g.Districts, err = b.areas.AreasIn(ctx, geo.Wijk, town); err != nil {
		return fmt.Errorf("wijken: %w", err)
	}
	towns, err := b.areas.AreasIn(ctx, geo.Gemeente, town)
	if err != nil {
		return fmt.Errorf("gemeenten: %w", err)
	}
	g.Municipality = geo.Town(g.Areas)
	for _, town := range towns {
		if len(g.Areas) == 0 || town.Code == g.Municipality.Code {
			g.Municipality = town
			break
		}
	}
	return nil
}

// ShownGemeente is the gemeente whose areas are shown out of those of the
// boundaries: the one that is wanted, or when that is empty the only one, else
// DefaultGemeente. The error wraps ErrGemeente when the boundaries do not hold it.
func ShownGemeente(ctx context.Context, areas *geo.Store, wanted geo.Code) (geo.Code, error) {
	if wanted == "" {
		only, err := areas.OnlyGemeente(ctx)
		if err != nil || only != "" {
			return only, err
		}
		wanted = DefaultGemeente
	}
	ok, err := areas.HasGemeente(ctx, wanted)
	if err != nil || ok {
		return wanted, err
	}
	towns, err := areas.Gemeenten(ctx)
	if err != nil {
		return "", err
	}
	return "", fmt.Errorf("%w: %.20q is not among the %d of them (%s)", ErrGemeente, string(wanted), len(towns), geo.FirstCodes(towns))
}

// addStations fills the public stations and returns the register's own.
func (b *Builder) addStations(ctx context.Context, g *Graph) ([]reading.Station, error) {
	stations, err := b.reg.Stations(ctx)
	if err != nil {
		return nil, fmt.Errorf("stations: %w", err)
	}
	areaOf, err := b.areas.StationAreas(ctx)
	if err != nil {
		return nil, fmt.Errorf("areas of stations: %w", err)
	}
	for id, code := range areaOf {
		if geo.GemeenteOf(code) != geo.GemeenteOf(g.Municipality.Code) {
			delete(areaOf, id) // it stands outside what is shown, as outside every buurt
		}
	}
	for _, s := range stations {
		g.Stations = append(g.Stations, Station{
			ID: s.ID, Title: s.Title, Kind: s.Kind, Model: s.Model, Maker: s.Maker, Simulated: s.Simulated,
			Paused: s.Paused, Since: s.Since, Siting: s.Siting, Area: areaOf[s.ID], NoPosition: !s.HasPosition,
		})
		g.Simulated = g.Simulated || s.Simulated
	}
	return stations, nil
}

func (b *Builder) addRejects(ctx context.Context, g *Graph) error {
	counts, err := b.reg.RejectCounts(ctx)
	if err != nil {
		return fmt.Errorf("reject counts: %w", err)
	}
	for _, c := range counts {
		g.Rejects = append(g.Rejects, RejectCount{Cause: c.Cause, Distinct: c.Distinct, Arrivals: c.Arrivals})
	}
	return nil
}
