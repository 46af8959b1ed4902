package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"buurtmeter/cmd/buurtmeter/analyse"
	"buurtmeter/geo"
	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/tube/store"
)

func (p *program) placeTubes(ctx context.Context, args []string) error {
	c := p.tubeCall("place", true)
	in := analyse.InputFlags(c.FlagSet)
	location := c.String("location", "", "the location as it stands in the sheets")
	name := c.String("name", "", "what it is called (default: the same)")
	station := c.String("station", "", "id of the station, of the kind tube, that it is")
	list := c.String("file", "", "CSV with many at once: location, station, and where there are name, title, lon and lat; a station that is not registered yet is, at its lon and lat (they stay secret)")
	if err := c.parse(args); err != nil {
		return err
	}
	one := *location != "" || *name != "" || *station != ""
	if one == (*list != "") {
		return hint(errors.New("which places?"), "name one with --location, or many with --file LIST.csv")
	}
	rows := []analyse.PlaceRow{{Location: *location, Name: *name, Station: *station}}
	if *list != "" {
		var err error
		if rows, err = analyse.ReadPlaces(&analyse.Terminal{Out: p.stdout, Err: p.stderr, Now: p.now}, in, *list); err != nil {
			return tubeHint(err)
		}
	}
	return c.withRegister(ctx, p.openRegister, func(reg *register.Register, s *store.Store) error {
		if _, err := s.Campaign(ctx, c.campaign); err != nil {
			return err
		}
		// Before the first is registered: a slip in the list leaves nothing half done.
		known, err := s.Locations(ctx, c.campaign)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.Line > 0 && !slices.Contains(known, r.Location) {
				return hint(fmt.Errorf("%s line %d: no tube of the campaign hung at %q; nothing was changed", *list, r.Line, r.Location),
					"write the locations as they stand in the sheets: %s", printable(strings.Join(known, ", ")))
			}
		}
		for _, r := range rows {
			if err := c.place(ctx, reg, s, r); err != nil {
				if r.Line > 0 {
					err = fmt.Errorf("%s line %d: %w", *list, r.Line, err)
				}
				return err
			}
		}
		return nil
	})
}

// place names one place; a station that is not there yet is registered when it is
// told where it stands. Doing it twice changes nothing but that the place is named
// again.
func (c *tubeCall) place(ctx context.Context, reg *register.Register, s *store.Store, r analyse.PlaceRow) error {
	called := orElse(r.Name, r.Location)
	if r.HasPosition {
		if err := c.enrol(ctx, reg, r, orElse(r.Title, called)); err != nil {
			return err
		}
	}
	if err := s.Place(ctx, c.campaign, r.Location, called, reading.StationID(r.Station), c.by, c.why); err != nil {
		return err
	}
	text := fmt.Sprintf("%s is %s", r.Location, called)
	if r.Station != "" {
		text += ", station " + r.Station
	}
	return c.p.say("%s", printable(text))
}

// enrol registers the station of a place unless it is there. Its password is
// drawn and told to nobody: tubes send nothing.
func (c *tubeCall) enrol(ctx context.Context, reg *register.Register, r analyse.PlaceRow, title string) error {
	id, err := reading.ParseStationID(r.Station)
	if err != nil {
		return err
	}
	_, err = reg.Station(ctx, id)
	if err == nil || !errors.Is(err, ingest.ErrUnknownStation) || errors.Is(err, ingest.ErrStationDeleted) {
		return err
	}
	pos, err := secretPlace(r.Lon, r.Lat)
	if err != nil {
		return err
	}
	areas, err := geo.OpenStore(ctx, reg)
	if err != nil {
		return fmt.Errorf("areas: %w", err)
	}
	st := reading.Station{ID: id, Title: title, Kind: reading.KindTube, Maker: "bewoner", Cadence: defaultCadence, Since: c.p.now().UTC()}
	if _, err := reg.AddStation(ctx, st, pos, c.by); err != nil {
		return err
	}
	if err := areas.Assign(ctx, id, pos); err != nil {
		return fmt.Errorf("find the buurt of %s: %w", id, err)
	}
	return nil
}
