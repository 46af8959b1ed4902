package main

import (
	"context"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// stationSetting declares what surrounds an official station: sensors are not
// compared with one in a street or beside industry.
func (p *program) stationSetting(ctx context.Context, args []string) error {
	c := p.stationCall("setting", true)
	setting := c.String("setting", "", "background, street or industry; empty when it is not known")
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		if err := reg.SetSetting(ctx, id, ingest.Setting(*setting), c.by, c.why); err != nil {
			return err
		}
		return p.say("The setting of %s is recorded. Comparisons follow it within an hour.", id)
	})
}
