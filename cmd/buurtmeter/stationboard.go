package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// stationBoard attaches, replaces, detaches and lists the boards of a station.
func (p *program) stationBoard(ctx context.Context, args []string) error {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	switch name {
	case "attach":
		return p.newBoard(ctx, args, p.stationCall("board attach", true), (*register.Register).AttachBoard)
	case "replace":
		return p.newBoard(ctx, args, p.becauseOf("board replace"), (*register.Register).ReplaceBoard)
	case "detach":
		return p.detachBoard(ctx, args)
	case "list":
		return p.listBoards(ctx, args)
	}
	return hint(fmt.Errorf("station board has no action %q", name), "use attach, replace, detach or list, e.g. buurtmeter station board list --id zs-001")
}

func (p *program) newBoard(ctx context.Context, args []string, c *stationCall,
	change func(*register.Register, context.Context, reading.StationID, reading.Board, string, string) error,
) error {
	hardware := c.String("hardware", "", "chip id, EUI or serial number; kept, never published")
	model := c.String("model", "", "kit or instrument type; public")
	var from, until momentFlag
	c.Var(&from, "from", "first moment; now unless given")
	if c.Name() == "station board attach" {
		c.Var(&until, "until", "first moment no longer, for a board of before")
	}
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		b := reading.Board{Hardware: reading.HardwareID(*hardware), Model: *model, From: from.Time, Until: until.Time}
		if b.From.IsZero() {
			b.From = p.now().UTC()
		}
		if err := change(reg, ctx, id, b, c.by, c.why); err != nil {
			return err
		}
		return p.say("The board measures for %s from %s.", id, (&momentFlag{b.From}).String())
	})
}

func (p *program) detachBoard(ctx context.Context, args []string) error {
	c := p.becauseOf("board detach")
	var until momentFlag
	c.Var(&until, "until", "first moment at which it is no longer there; now unless given")
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		if until.IsZero() {
			until.Time = p.now().UTC()
		}
		if err := reg.DetachBoard(ctx, id, until.Time, c.by, c.why); err != nil {
			return err
		}
		return p.say("%s has no board from %s.", id, until.String())
	})
}

func (p *program) listBoards(ctx context.Context, args []string) error {
	return p.stationCall("board list", false).with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		if _, err := reg.Station(ctx, id); err != nil {
			return err
		}
		boards, err := reg.Boards(ctx, id)
		if err != nil {
			return err
		}
		for _, b := range boards {
			until := "now"
			if !b.Until.IsZero() {
				until = (&momentFlag{b.Until}).String()
			}
			if err := p.sayRow((&momentFlag{b.From}).String(), until, b.Model, string(b.Hardware)); err != nil {
				return err
			}
		}
		return nil
	})
}

// stationFormat shows or changes what is declared about the messages. What is
// not named stays as it is.
func (p *program) stationFormat(ctx context.Context, args []string) error {
	c := p.stationCall("format", true)
	format := c.String("format", "", "wire format of messages whose door does not tell it; empty for our own")
	zone := c.String("zone", "", "zone of times without one: Europe/Amsterdam or +01:00; empty refuses such times")
	var channels []reading.Channel
	c.Func("channel", "`KEY=PROPERTY[:UNIT]`, once for each sensor that the kit names by id; replaces them all, empty for none", func(s string) error {
		if s == "" {
			return nil
		}
		ch, err := parseChannel(s)
		channels = append(channels, ch)
		return err
	})
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		st, err := reg.Station(ctx, id)
		if err != nil {
			return err
		}
		w, change := st.Wire, false
		if c.given("format") {
			w.Format, change = reading.Format(*format), true
		}
		if c.given("zone") {
			w.Zone, change = *zone, true
		}
		if c.given("channel") {
			w.Channels, change = channels, true
		}
		if change {
			if err := register.CheckWire(w); err != nil {
				return hint(err, "see 'buurtmeter station format -h'")
			}
			if err := reg.SetWire(ctx, id, w, c.by, c.why); err != nil {
				return err
			}
		}
		return p.sayWire(w)
	})
}

// given tells whether the flag was set, in whatever way.
func (c *stationCall) given(name string) bool {
	found := false
	c.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// parseChannel reads KEY=PROPERTY[:UNIT]. A key may hold "=" and ":".
func parseChannel(s string) (reading.Channel, error) {
	i := strings.LastIndexByte(s, '=')
	if i < 1 {
		return reading.Channel{}, errors.New("write KEY=PROPERTY or KEY=PROPERTY:UNIT, e.g. 87=pm25 or no2-ppb=no2:ppb, or KEY= to leave that sensor out")
	}
	property, unit, _ := strings.Cut(s[i+1:], ":")
	return reading.Channel{Key: s[:i], Property: reading.Property(property), Unit: unit}, nil
}

func (p *program) sayWire(w reading.Wire) error {
	format, zone := w.Format, w.Zone
	if format == "" {
		format = reading.FormatOwn
	}
	if zone == "" {
		zone = "none: times without a zone are refused"
	}
	if err := p.say("format   %s\nzone     %s", format, zone); err != nil {
		return err
	}
	for _, ch := range w.Channels {
		if ch.Property == "" {
			if err := p.say("channel  %s is left out", printable(ch.Key)); err != nil {
				return err
			}
			continue
		}
		unit := ch.Unit
		if unit == "" {
			info, _ := reading.InfoOf(ch.Property) // CheckWire knew it
			unit = info.Unit
		}
		if err := p.say("channel  %s = %s in %s", printable(ch.Key), ch.Property, printable(unit)); err != nil {
			return err
		}
	}
	return nil
}
