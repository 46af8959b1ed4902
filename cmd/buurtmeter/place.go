package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"

	"buurtmeter/geo"
	"buurtmeter/ingest/reading"
)

// placeExample says how a position is given.
const placeExample = "give both in degrees (WGS84), e.g. --lon 4.82 --lat 52.44"

// given tells that one of the two was.
func (f *placeFlags) given() bool {
	found := false
	f.fs.Visit(func(g *flag.Flag) { found = found || g.Name == "lon" || g.Name == "lat" })
	return found
}

// position is what --lon and --lat give, zero when neither is given. No error
// repeats the numbers: they are a home.
func (f *placeFlags) position() (reading.SecretPosition, error) {
	given := map[string]bool{}
	f.fs.Visit(func(g *flag.Flag) { given[g.Name] = true })
	switch {
	case !given["lon"] && !given["lat"]:
		return reading.SecretPosition{}, nil
	case !given["lon"] || !given["lat"]:
		return reading.SecretPosition{}, hint(errors.New("--lon and --lat belong together"), placeExample)
	}
	return secretPlace(f.lon, f.lat)
}

// secretPlace checks a position.
func secretPlace(lon, lat float64) (reading.SecretPosition, error) {
	if lon >= 50 && lon <= 54 && lat >= 3 && lat <= 8 {
		return reading.SecretPosition{}, hint(errors.New("--lon and --lat look swapped: the Netherlands lie at longitude 3 to 8 and latitude 50 to 54"), placeExample)
	}
	pos, err := reading.NewSecretPosition(lon, lat)
	return pos, hint(err, placeExample)
}

// printPlace says in which buurt a station stands, and nothing closer.
func (p *program) printPlace(ctx context.Context, areas *geo.Store, id reading.StationID, pos reading.SecretPosition) error {
	if pos.IsZero() {
		_, err := fmt.Fprintln(p.stdout, "buurt    none: no position was given (--lon and --lat)")
		return err
	}
	of, err := areas.StationAreas(ctx)
	if err != nil {
		return fmt.Errorf("find the buurt of %s: %w", id, err)
	}
	text := "outside every buurt: check --lon and --lat"
	if code := of[id]; code != "" {
		a, _, err := areas.Area(ctx, code)
		if err != nil {
			return fmt.Errorf("find the buurt of %s: %w", id, err)
		}
		text = fmt.Sprintf("%s (%s)", a.Name, code)
	}
	if _, err = fmt.Fprintf(p.stdout, "buurt    %s\n", text); err != nil {
		return err
	}
	return p.printOlderPlaces(ctx, areas, id)
}

// printOlderPlaces says in which buurt a station stands under the vintages that
// are not in use.
func (p *program) printOlderPlaces(ctx context.Context, areas *geo.Store, id reading.StationID) error {
	active, _, err := areas.Active(ctx)
	if err != nil {
		return fmt.Errorf("areas: %w", err)
	}
	of, err := areas.AreasOfStation(ctx, id)
	if err != nil {
		return err
	}
	for _, year := range slices.Sorted(maps.Keys(of)) {
		if year == active {
			continue
		}
		if _, err := fmt.Fprintf(p.stdout, "         %s by the boundaries of %d\n", of[year], year); err != nil {
			return err
		}
	}
	return nil
}
