package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"buurtmeter/geo"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// runStation registers stations and hands out tokens.
func runStation(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("station", flag.ContinueOnError)
	var st stores
	st.flags(fs)
	id := fs.String("id", "", "station id: a-z, 0-9, '-' and '_'")
	title := fs.String("title", "", "public name, without personal data")
	kind := fs.String("kind", string(reading.KindSensor), "reference, sensor, sensor-calibrated or tube")
	model := fs.String("model", "", "kit or instrument type")
	maker := fs.String("maker", "bewoner", "who runs it, in public words")
	cadence := fs.Duration("cadence", 5*time.Minute, "expected time between two readings")
	lon := fs.Float64("lon", 0, "longitude; stays secret")
	lat := fs.Float64("lat", 0, "latitude; stays secret")
	rest, err := p.parse(fs, args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return hint(errors.New("station wants one of: add, token, list"), "e.g. buurtmeter station add --id zs-001 --title 'Meetpunt Oost' --lon 4.82 --lat 52.44")
	}
	open := p.openRegister
	if rest[0] == "add" {
		open = p.makeRegister
	}
	reg, err := open(ctx, st)
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	switch rest[0] {
	case "list":
		return p.listStations(ctx, reg)
	case "add", "token":
	default:
		return hint(fmt.Errorf("station has no command %q", rest[0]), "use add, token or list")
	}
	sid, err := reading.ParseStationID(*id)
	if err != nil {
		return hint(err, "name the station with --id, e.g. --id zs-001")
	}
	if rest[0] == "token" {
		token, err := reg.RotateToken(ctx, sid, "operator")
		return p.printToken(sid, token, err)
	}
	k, err := reading.ParseKind(*kind)
	if err != nil {
		return hint(err, "e.g. --kind sensor, which is what a resident's kit is")
	}
	s := reading.Station{ID: sid, Title: *title, Kind: k, Model: *model, Maker: *maker, Cadence: *cadence, Since: p.now().UTC()}
	if s.Title == "" {
		s.Title = string(sid)
	}
	pos, err := placeOf(fs, *lon, *lat)
	if err != nil {
		return err
	}
	return p.addStation(ctx, reg, s, pos)
}

func (p *program) addStation(ctx context.Context, reg *register.Register, s reading.Station, pos reading.SecretPosition) error {
	areas, err := geo.OpenStore(ctx, reg)
	if err != nil {
		return fmt.Errorf("areas: %w", err)
	}
	token, err := reg.AddStation(ctx, s, pos, "operator")
	if err != nil {
		return stationHint(err, s.ID)
	}
	if !pos.IsZero() {
		if err := areas.Assign(ctx, s.ID, pos); err != nil {
			return fmt.Errorf("find the buurt of %s: %w", s.ID, err)
		}
	}
	if err := p.printToken(s.ID, token, nil); err != nil {
		return err
	}
	return p.printPlace(ctx, areas, s.ID, pos)
}

func (p *program) printToken(id reading.StationID, token string, err error) error {
	if err != nil {
		return stationHint(err, id)
	}
	_, err = fmt.Fprintf(p.stdout, "station  %s\ntopic    %s\nuser     %s\npassword %s\nThe password is shown once. A new one: buurtmeter station token --id %s\n",
		id, "buurtmeter/v1/"+string(id)+"/readings", id, token, id)
	return err
}

func (p *program) listStations(ctx context.Context, reg *register.Register) error {
	stations, err := reg.Stations(ctx)
	if err != nil {
		return err
	}
	for _, s := range stations {
		if _, err := fmt.Fprintf(p.stdout, "%s\t%s\t%s\t%s\n", s.ID, s.Kind, s.Since.Format(time.DateOnly), s.Title); err != nil {
			return err
		}
	}
	return nil
}
