package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	firmwaresim "buurtmeter/firmware-sim"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// enrol registers the devices that are not registered yet, as simulated stations
// near one another, and gives each a new token for this run.
func enrol(ctx context.Context, dsn string, devices []firmwaresim.Device, cadence time.Duration, since time.Time) error {
	reg, err := register.Open(ctx, dsn, register.Options{Now: time.Now})
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	for i := range devices {
		d := &devices[i]
		// A grid of a few kilometres around Zaandam.
		place, err := reading.NewSecretPosition(4.78+0.0006*float64(i%141), 52.41+0.0004*float64(i/141%142))
		if err != nil {
			return err
		}
		id := reading.StationID(d.ID)
		d.Token, err = reg.AddStation(ctx, reading.Station{
			ID: id, Title: "Gesimuleerd meetpunt " + d.ID, Kind: reading.KindSensor, Model: "firmware-sim, " + string(d.Site),
			Maker: "gesimuleerd / simulated", Cadence: min(max(cadence.Truncate(time.Second), time.Second), time.Hour), Since: since, Simulated: true,
		}, place, "firmware-sim")
		if errors.Is(err, register.ErrStationExists) {
			d.Token, err = takeOver(ctx, reg, id)
		}
		if err != nil {
			return fmt.Errorf("register %s: %w", d.ID, err)
		}
	}
	return nil
}

// takeOver gives a station of an earlier run a new token. It leaves real ones
// alone.
func takeOver(ctx context.Context, reg *register.Register, id reading.StationID) (string, error) {
	st, err := reg.Station(ctx, id)
	if err != nil {
		return "", err
	}
	if !st.Simulated {
		return "", errors.New("a station with this id is there and is not simulated: use a register for tests")
	}
	return reg.RotateToken(ctx, id, "firmware-sim")
}
