package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	firmwaresim "buurtmeter/firmware-sim"
	"buurtmeter/geo"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/opendata"
)

// demoConfig is the simulated fleet beside the server.
type demoConfig struct {
	serveConfig
	fleet    int
	seed     uint64
	from     string
	backfill time.Time
	live     time.Duration
}

// runDemo is serve with a simulated fleet: every page says so.
func runDemo(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	var c demoConfig
	c.flags(fs)
	year := p.now().Year() - 1
	fs.IntVar(&c.fleet, "fleet", 60, "number of simulated stations")
	fs.Uint64Var(&c.seed, "seed", 479, "seed of the fleet: the same seed gives the same readings")
	fs.StringVar(&c.from, "backfill-from", fmt.Sprintf("%d-01-01", year), "first day of the simulated history")
	fs.DurationVar(&c.live, "live", time.Minute, "time between two live readings of a station")
	rest, err := p.parse(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return hint(fmt.Errorf("demo takes no argument %q", rest[0]), "see 'buurtmeter demo -h'")
	}
	if c.mqttURL != "" || c.mqttListen == "" {
		return hint(errors.New("the demo needs the embedded broker"), "leave out --mqtt-url and give --mqtt-listen an address")
	}
	if c.fleet < 0 || c.fleet > 10_000 || c.live < time.Second || c.live > time.Hour {
		return hint(errors.New("--fleet or --live is out of bounds"), "use --fleet 0 to 10000 and --live 1s to 1h")
	}
	day, err := time.ParseInLocation(time.DateOnly, c.from, time.FixedZone("UTC+1", 3600))
	if err != nil {
		return hint(fmt.Errorf("--backfill-from %q is not a day", c.from), "give it as 2025-01-01")
	}
	c.backfill = day.UTC()
	if c.backfill.After(p.now()) {
		return hint(fmt.Errorf("--backfill-from %s lies in the future", c.from), "give a day in the past, e.g. --backfill-from %d-01-01", year)
	}
	if c.fleet == 0 {
		return p.serve(ctx, c.serveConfig, nil)
	}
	return p.serve(ctx, c.serveConfig, func(ctx context.Context, s *server) error { return s.runFleet(ctx, c) })
}

// runFleet registers the simulated stations, gives each a new token, and lets
// them publish over MQTT as any station does: history from where each stopped,
// then live.
func (s *server) runFleet(ctx context.Context, c demoConfig) error {
	devices := firmwaresim.Fleet(c.seed, c.fleet)
	town, err := opendata.ShownGemeente(ctx, s.areas, geo.Code(s.config.gemeente))
	if err != nil {
		return hintShown(fmt.Errorf("areas: %w", err))
	}
	areas, err := s.areas.AreasIn(ctx, geo.Buurt, town)
	if err != nil {
		return fmt.Errorf("areas: %w", err)
	}
	groups := map[time.Time][]firmwaresim.Device{}
	places := fleetPlaces(areas, c.fleet, c.seed)
	for i := range devices {
		d := &devices[i]
		if d.Token, err = s.enrolDevice(ctx, i, *d, places[i], c.backfill); err != nil {
			return err
		}
		from := c.backfill
		newest, ok, err := s.series.Newest(ctx, reading.StationID(d.ID))
		if err != nil {
			return fmt.Errorf("newest reading of %s: %w", d.ID, err)
		}
		if ok {
			from = earlier(newest, s.now()).Truncate(time.Hour).Add(time.Hour)
		}
		groups[from] = append(groups[from], *d)
	}
	s.log.Info("simulated fleet starts", slog.Int("stations", len(devices)), slog.Time("history_from", c.backfill))
	var wg sync.WaitGroup
	errs := make(chan error, len(groups))
	for from, group := range groups {
		wg.Go(func() { errs <- s.runGroup(ctx, c, from, group) })
	}
	wg.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// runGroup runs the devices whose history begins at the same hour.
func (s *server) runGroup(ctx context.Context, c demoConfig, from time.Time, devices []firmwaresim.Device) error {
	done := false
	return firmwaresim.Run(ctx, firmwaresim.Options{
		Broker: s.mqttAddr, Devices: devices, BackfillFrom: from, Live: c.live, Now: s.now,
		ReportEvery: 5 * time.Second,
		Report: func(pr firmwaresim.Progress) {
			if done {
				return
			}
			done = pr.Backfilled == pr.Devices
			s.log.Info("simulated history", slog.Int("stations", pr.Devices), slog.Int("complete", pr.Backfilled),
				slog.Uint64("readings", pr.Readings), slog.Uint64("acknowledged", pr.Acknowledged))
		},
	})
}

// place is where a simulated device stands: a buurt and a point in it.
type place struct {
	area geo.Area
	pos  reading.SecretPosition
}

// fleetPlaces spreads n devices over the areas as residents do, unevenly: some
// buurten have several, many one, some none. Every point lies in its own area.
func fleetPlaces(areas []geo.Area, n int, seed uint64) []place {
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a repeatable drawing, no secret
	index := geo.NewIndex(areas)
	order := r.Perm(len(areas))
	popular := max(1, len(areas)/5)
	measured := max(1, len(areas)*4/5) // a fifth stays a white spot
	places := make([]place, n)
	for i := range places {
		a := areas[order[i%measured]]
		if i >= measured { // the rest crowds together
			a = areas[order[r.IntN(popular)]]
		}
		places[i] = place{area: a, pos: nearCentre(r, index, a)}
	}
	return places
}

// nearCentre returns a random point around the centre of a that lies in a.
func nearCentre(r *rand.Rand, index *geo.Index, a geo.Area) reading.SecretPosition {
	for spread := 0.004; ; spread /= 2 {
		lon := a.Center[0] + (r.Float64()-0.5)*2*spread
		lat := a.Center[1] + (r.Float64()-0.5)*spread
		code, ok := index.Locate(lon, lat)
		if (ok && code == a.Code) || spread < 1e-7 {
			pos, err := reading.NewSecretPosition(lon, lat)
			if err == nil {
				return pos
			}
		}
	}
}

// enrolDevice registers a simulated station once, and gives it a new token at
// every start: its old one was shown to nobody.
func (s *server) enrolDevice(ctx context.Context, i int, d firmwaresim.Device, at place, since time.Time) (string, error) {
	st := reading.Station{
		ID: reading.StationID(d.ID), Title: fmt.Sprintf("Gesimuleerd meetpunt %d", i+1), Kind: fleetKind(i, d.Level),
		Model: "firmware-sim, " + string(d.Site), Maker: "gesimuleerd / simulated", Cadence: time.Minute,
		Since: since, Simulated: true, Siting: fleetSiting(i, d.Site),
	}
	token, err := s.reg.AddStation(ctx, st, at.pos, "demo")
	if errors.Is(err, register.ErrStationExists) {
		token, err = takeOver(ctx, s.reg, st, "demo")
	} else if err == nil {
		err = s.areas.Assign(ctx, st.ID, at.pos)
	}
	if err != nil {
		return "", fmt.Errorf("register %s: %w", st.ID, err)
	}
	return token, nil
}

// fleetSiting declares what surrounds most of the devices, and leaves some out
// as keepers do.
func fleetSiting(i int, site firmwaresim.Site) reading.Siting {
	switch {
	case i%7 == 6:
		return reading.SitingUnknown
	case site == firmwaresim.Background:
		return reading.SitingBackground
	default:
		return reading.SitingRoadside
	}
}

// fleetKind deals out the kinds of instrument: mostly calibrated sensors, a few
// as they come, now and then an official station, and one at the dirtiest
// spots, so that each of the outcomes occurs.
func fleetKind(i int, level float64) reading.Kind {
	switch {
	case i%12 == 5, level > 47:
		return reading.KindReference
	case i%5 == 3:
		return reading.KindSensor
	default:
		return reading.KindSensorCalibrated
	}
}
