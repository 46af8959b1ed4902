package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"buurtmeter/geo"
	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// placeOf is the position that --lon and --lat give, zero when neither is given.
// No error repeats the numbers: they are a home.
func placeOf(fs *flag.FlagSet, lon, lat float64) (reading.SecretPosition, error) {
	const example = "give both in degrees (WGS84), e.g. --lon 4.82 --lat 52.44"
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	switch {
	case !given["lon"] && !given["lat"]:
		return reading.SecretPosition{}, nil
	case !given["lon"] || !given["lat"]:
		return reading.SecretPosition{}, hint(errors.New("--lon and --lat belong together"), example)
	case lon >= 50 && lon <= 54 && lat >= 3 && lat <= 8:
		return reading.SecretPosition{}, hint(errors.New("--lon and --lat look swapped: the Netherlands lie at longitude 3 to 8 and latitude 50 to 54"), example)
	}
	pos, err := reading.NewSecretPosition(lon, lat)
	return pos, hint(err, example)
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
	buurten, err := areas.Areas(ctx, geo.Buurt)
	if err != nil {
		return fmt.Errorf("find the buurt of %s: %w", id, err)
	}
	text := "outside every buurt: check --lon and --lat"
	for _, a := range buurten {
		if a.Code == of[id] {
			text = fmt.Sprintf("%s (%s)", a.Name, a.Code)
		}
	}
	_, err = fmt.Fprintf(p.stdout, "buurt    %s\n", text)
	return err
}

// stationHint adds what to do about an id that is taken or unknown.
func stationHint(err error, id reading.StationID) error {
	switch {
	case errors.Is(err, register.ErrStationExists):
		return hint(err, "choose another --id, or give it a new password: buurtmeter station token --id %s", id)
	case errors.Is(err, ingest.ErrUnknownStation):
		return hint(err, "see 'buurtmeter station list' for the ids; is --data or --register the right one?")
	}
	return err
}
