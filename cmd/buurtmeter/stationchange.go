package main

import (
	"context"
	"errors"
	"fmt"

	"buurtmeter/geo"
	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

func (p *program) rotateToken(ctx context.Context, args []string) error {
	c := p.stationCall("token", true)
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		token, err := reg.RotateToken(ctx, id, c.by)
		return p.printToken(id, token, err)
	})
}

func (p *program) revokeToken(ctx context.Context, args []string) error {
	c := p.becauseOf("revoke")
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		if err := reg.RevokeToken(ctx, id, c.by, c.why); err != nil {
			return err
		}
		return p.say("The password of %s is refused. A new one: buurtmeter station token --id %s", id, id)
	})
}

func (p *program) transferStation(ctx context.Context, args []string) error {
	c := p.becauseOf("transfer")
	maker := c.String("maker", "", "who runs it from now on, in public words; empty leaves it as it is")
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		token, err := reg.Transfer(ctx, id, *maker, c.by, c.why)
		return p.printToken(id, token, err)
	})
}

func (p *program) pauseStation(ctx context.Context, args []string) error {
	c := p.becauseOf("pause")
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		if err := reg.SetPaused(ctx, id, true, c.by, c.why); err != nil {
			return err
		}
		return p.say("%s is paused: its messages are refused. To go on: buurtmeter station resume --id %s", id, id)
	})
}

func (p *program) resumeStation(ctx context.Context, args []string) error {
	c := p.stationCall("resume", true)
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		if err := reg.SetPaused(ctx, id, false, c.by, c.why); err != nil {
			return err
		}
		return p.say("%s takes part again.", id)
	})
}

func (p *program) moveStation(ctx context.Context, args []string) error {
	c := p.becauseOf("move")
	var at placeFlags
	at.add(c.FlagSet)
	siting := c.String("siting", "", sitingUsage)
	forget := c.Bool("forget", false, "forget where it stands instead; it then counts for no area")
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		var pos reading.SecretPosition
		switch {
		case *forget && at.given():
			return hint(errors.New("--forget and a place contradict each other"), "give one of them")
		case !*forget && !at.given():
			return hint(errors.New("move wants the new place"), "give --lon and --lat in degrees, or --forget")
		case !*forget:
			var err error
			if pos, err = at.position(); err != nil {
				return err
			}
		}
		around, err := reading.ParseSiting(*siting)
		if err != nil {
			return err
		}
		before, err := reg.Station(ctx, id)
		if err != nil {
			return err
		}
		areas, err := geo.OpenStore(ctx, reg)
		if err != nil {
			return fmt.Errorf("areas: %w", err)
		}
		if err := reg.SetPosition(ctx, id, pos, c.by, c.why); err != nil {
			return err
		}
		if err := areas.Assign(ctx, id, pos); err != nil {
			return hint(fmt.Errorf("the place is stored, but not the area: %w", err), "give the same command again")
		}
		if err := p.resite(ctx, reg, before, around, c); err != nil {
			return err
		}
		of, err := areas.StationAreas(ctx)
		if err != nil {
			return fmt.Errorf("areas of stations: %w", err)
		}
		if of[id] == "" {
			return p.say("%s stands in no known area now.", id)
		}
		return p.say("%s stands in area %s now.", id, of[id])
	})
}

// resite declares what surrounds the new place of a station, or says that what
// was declared of the old one is not known of it.
func (p *program) resite(ctx context.Context, reg *register.Register, before reading.Station, around reading.Siting, c *stationCall) error {
	if around != reading.SitingUnknown {
		return reg.SetSiting(ctx, before.ID, around, c.by, c.why)
	}
	if before.Siting == reading.SitingUnknown || !before.HasPosition {
		return nil
	}
	return p.say("It was a %s station; of the new place nobody said what surrounds it: buurtmeter station set --id %s --siting …", before.Siting, before.ID)
}

// period runs an action on a period of a station.
func (p *program) period(ctx context.Context, action string, args []string, fn func(*register.Register, reading.StationID, ingest.Period, *stationCall) error) error {
	c := p.becauseOf(action)
	var from, to momentFlag
	c.Var(&from, "from", "first moment of the period")
	c.Var(&to, "to", "first moment after the period")
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		if from.IsZero() || !from.Before(to.Time) {
			return hint(errors.New("the period must have a begin and a later end"), "e.g. --from 2026-11-01T08:00:00+01:00 --to 2026-11-03; a date is its begin in UTC")
		}
		return fn(reg, id, ingest.Period{From: from.Time, To: to.Time}, c)
	})
}

func (p *program) withdrawPeriod(ctx context.Context, args []string) error {
	return p.period(ctx, "withdraw", args, func(reg *register.Register, id reading.StationID, period ingest.Period, c *stationCall) error {
		if err := reg.WithdrawPeriod(ctx, id, period, c.by, c.why); err != nil {
			return err
		}
		return p.say("The readings of %s from %s up to %s do not count. They are kept; the running server computes the hours anew.",
			id, (&momentFlag{period.From}).String(), (&momentFlag{period.To}).String())
	})
}

func (p *program) restorePeriod(ctx context.Context, args []string) error {
	return p.period(ctx, "restore", args, func(reg *register.Register, id reading.StationID, period ingest.Period, c *stationCall) error {
		if err := reg.RestorePeriod(ctx, id, period, c.by, c.why); err != nil {
			return err
		}
		return p.say("The readings of %s from %s up to %s count again, unless another period takes them back.",
			id, (&momentFlag{period.From}).String(), (&momentFlag{period.To}).String())
	})
}

func (p *program) stationEvents(ctx context.Context, args []string) error {
	return p.stationCall("events", false).with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		events, err := reg.Events(ctx, id)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return ingest.ErrUnknownStation
		}
		for _, e := range events {
			if err := p.sayRow((&momentFlag{e.At}).String(), e.Actor, e.What, e.Detail, e.Why); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *program) deleteStation(ctx context.Context, args []string) error {
	c := p.stationCall("delete", false)
	yes := c.Bool("yes", false, "do it; there is no way back")
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		st, err := reg.Station(ctx, id)
		if err != nil {
			return err
		}
		if !*yes {
			return p.sayWhatGoes(ctx, reg, st)
		}
		areas, err := geo.OpenStore(ctx, reg)
		if err != nil {
			return fmt.Errorf("areas: %w", err)
		}
		if err := reg.DeleteStation(ctx, id, areas.Forget(ctx, id)); err != nil {
			return err
		}
		return p.say("%s is deleted. A running server erases its raw readings now, else the next one that starts does.\n"+
			"At a broker of your own, remove its login too. Copies of published data that others took are beyond reach.", id)
	})
}

// sayWhatGoes tells beforehand what a deletion removes and what remains.
func (p *program) sayWhatGoes(ctx context.Context, reg *register.Register, st reading.Station) error {
	events, err := reg.Events(ctx, st.ID)
	if err != nil {
		return err
	}
	boards, err := reg.Boards(ctx, st.ID)
	if err != nil {
		return err
	}
	index, err := reg.BlockIndex(ctx)
	if err != nil {
		return err
	}
	months := 0
	for _, b := range index {
		if b.Station == st.ID {
			months++
		}
	}
	position := "none is stored"
	if st.HasPosition {
		position = "secret position and area"
	}
	return p.say(`Station %[1]s (%[2]s). This would go, for good:
  title, description, password, declaration of its messages
  position: %[3]s
  boards: %[4]d, with their hardware ids
  events: %[5]d, with who and why
  hour means: %[6]d months of series, and with them its part in the means of its area
  every raw reading, and the messages of it that were refused
This remains:
  the id %[1]s with the day of its deletion, so that nobody can get the same id
  what others downloaded or harvested before, and backups until they are overwritten
Nothing is deleted yet. To do it: buurtmeter station delete --id %[1]s --yes`,
		st.ID, printable(st.Title), position, len(boards), len(events), months)
}
