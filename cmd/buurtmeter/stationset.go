package main

import (
	"context"
	"errors"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// sitingUsage explains the flag of every action that takes a siting.
const sitingUsage = "what surrounds it: roadside (the traffic of the nearest road decides), background (no single source does) or industrial; empty when it is not known"

// setStation declares what surrounds a station: the points of an area are told
// apart by it, and sensors are not compared with an official one beside a road
// or beside industry.
func (p *program) setStation(ctx context.Context, args []string) error {
	c := p.stationCall("set", true)
	siting := c.String("siting", "", sitingUsage)
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		if !c.given("siting") {
			return hint(errors.New("set wants what to set"), "give --siting roadside, background or industrial, or --siting '' when it is not known any more")
		}
		if err := reg.SetSiting(ctx, id, reading.Siting(*siting), c.by, c.why); err != nil {
			return err
		}
		return p.saySiting(id, reading.Siting(*siting))
	})
}

func (p *program) saySiting(id reading.StationID, s reading.Siting) error {
	if s == reading.SitingUnknown {
		return p.say("The siting of %s is not known: in its area it belongs to no class.", id)
	}
	return p.say("%s is a %s station. Areas follow at once, comparisons with official stations within an hour.", id, s)
}
