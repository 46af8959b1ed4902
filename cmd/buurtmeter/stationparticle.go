package main

import (
	"context"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// stationParticle declares of which type the particle sensor of a station is from
// a moment on, or lists what was declared.
func (p *program) stationParticle(ctx context.Context, args []string) error {
	c := p.stationCall("particle", true)
	sensor := c.String("sensor", "", "type of the particle sensor in the maker's words, such as SDS011, SPS30, PMS5003; empty when it is not known")
	var from momentFlag
	c.Var(&from, "from", "first moment of which it is; now unless given")
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		if !c.given("sensor") {
			return p.listParticle(ctx, reg, id)
		}
		named, err := reading.ParseSensorType(*sensor)
		if err != nil {
			return hint(err, "take the name that stands on the sensor, e.g. --sensor SDS011")
		}
		if from.IsZero() {
			from.Time = p.now().UTC()
		}
		if err := reg.DeclareParticle(ctx, id, named, from.Time, c.by, c.why); err != nil {
			return err
		}
		if named == "" {
			return p.say("Of which type the particle sensor of %s is, is not known from %s. Its hours from then on are not corrected by the network.", id, from.String())
		}
		return p.say("The particle sensor of %s is a %s from %s. That holds until you declare another type, or attach another board.\n"+
			"Where three sensors of the type stand around an official station, a running server corrects its hours within minutes.", id, named, from.String())
	})
}

func (p *program) listParticle(ctx context.Context, reg *register.Register, id reading.StationID) error {
	if _, err := reg.Station(ctx, id); err != nil {
		return err
	}
	declared, err := reg.ParticleSensors(ctx, id)
	if err != nil {
		return err
	}
	if len(declared) == 0 {
		return p.say("Nothing was declared of the particle sensor of %s. Declare it with --sensor, e.g. --sensor SDS011 --from 2026-01-01", id)
	}
	for _, d := range declared {
		name := string(d.Sensor)
		if name == "" {
			name = register.NoSensorType
		}
		if err := p.sayRow((&momentFlag{d.From}).String(), name); err != nil {
			return err
		}
	}
	return nil
}
