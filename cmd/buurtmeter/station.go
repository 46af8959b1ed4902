package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"
	"unicode"

	"buurtmeter/geo"
	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

func stationActions() []action {
	return []action{
		{"add", "add --id ID --title TITLE --lon LON --lat LAT", "register a station; prints its password, once", (*program).addStation},
		{"list", "list", "list the stations", (*program).listStations},
		{"token", "token --id ID", "draw a new password; the old one is refused at once", (*program).rotateToken},
		{"revoke", "revoke --id ID --why WHY", "refuse the password until a new one is drawn", (*program).revokeToken},
		{"pause", "pause --id ID --why WHY", "refuse its messages for now", (*program).pauseStation},
		{"resume", "resume --id ID", "take its messages again", (*program).resumeStation},
		{"move", "move --id ID --lon LON --lat LAT --why WHY", "it stands elsewhere from now on", (*program).moveStation},
		{"withdraw", "withdraw --id ID --from T --to T --why WHY", "its readings of that time do not count", (*program).withdrawPeriod},
		{"restore", "restore --id ID --from T --to T --why WHY", "they count after all", (*program).restorePeriod},
		{"transfer", "transfer --id ID --why WHY", "another keeper: a new password, the old one is refused at once", (*program).transferStation},
		{"board", "board attach|replace|detach|list --id ID", "which hardware measures for it since when", (*program).stationBoard},
		{"format", "format --id ID --format F --zone Z --channel C", "how its messages are read", (*program).stationFormat},
		{"set", "set --id ID --siting S", "what surrounds it: roadside, background, industrial", (*program).setStation},
		{"particle", "particle --id ID --sensor TYPE --from T", "of which type its particle sensor is since when", (*program).stationParticle},
		{"events", "events --id ID", "what was changed, by whom and why", (*program).stationEvents},
		{"delete", "delete --id ID --yes", "delete it for good; without --yes, say what would go", (*program).deleteStation},
	}
}

// runStation registers stations and makes the changes of their keepers.
func runStation(ctx context.Context, p *program, args []string) error {
	return p.act(ctx, "station", stationActions(), "T is a moment such as 2026-11-01T08:00:00+01:00, or a\n"+
		"date, which is its begin in UTC. WHO and WHY are public: leave names, addresses and hardware ids out.", args)
}

// stationCall is one call of an action: its flags, those of the action itself
// added by the action.
type stationCall struct {
	*flag.FlagSet
	p      *program
	stores stores
	id     string
	// by and why are the public part of a change.
	by, why string
	needWhy bool
	// open opens the register; the first station may make one.
	open func(context.Context, stores) (*register.Register, error)
}

// stationCall prepares an action. A change takes --by and --why.
func (p *program) stationCall(action string, change bool) *stationCall {
	c := &stationCall{FlagSet: flag.NewFlagSet("station "+action, flag.ContinueOnError), p: p, open: p.openRegister}
	c.stores.flags(c.FlagSet)
	c.StringVar(&c.id, "id", "", "station id")
	if change {
		c.StringVar(&c.by, "by", "operator", "who changes it, in public words: operator, keeper")
		c.StringVar(&c.why, "why", "", "why; public, so without names, addresses and hardware ids")
	}
	return c
}

// becauseOf is a change that must say why.
func (p *program) becauseOf(action string) *stationCall {
	c := p.stationCall(action, true)
	c.needWhy = true
	return c
}

// with reads the flags and calls fn with the open register.
func (c *stationCall) with(ctx context.Context, args []string, fn func(*register.Register, reading.StationID) error) error {
	rest, err := c.p.parse(c.FlagSet, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return hint(fmt.Errorf("%s does not take %q", c.Name(), rest[0]), "see 'buurtmeter %s -h' for the flags", c.Name())
	}
	id, err := reading.ParseStationID(c.id)
	if err != nil {
		return hint(err, "name the station with --id; 'buurtmeter station list' shows them")
	}
	if c.needWhy && strings.TrimSpace(c.why) == "" {
		return hint(errors.New("a change like this is public and says why"), "add --why, e.g. --why 'sensor hing binnen'")
	}
	reg, err := c.open(ctx, c.stores)
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	return stationHint(fn(reg, id))
}

// notPublicHint is said of a text that would lead to a home or a person.
const notPublicHint = "leave that part out of --why, --text, --by or --actor, and tell the rest, e.g. --why 'hangt nu aan de achterkant'; the place goes in --lon and --lat, the hardware id in --hardware: both stay secret"

// stationHint says what to do about what a register refuses.
func stationHint(err error) error {
	for _, c := range []struct {
		err error
		try string
	}{
		{ingest.ErrStationDeleted, "an id is never given out again: use another one"},
		{ingest.ErrUnknownStation, "see 'buurtmeter station list' for the ids; is --data or --register the right one?"},
		{register.ErrStationExists, "use another --id, or 'buurtmeter station token' for a new password"},
		{register.ErrNoPeriod, "give --from and --to exactly as 'buurtmeter station events' shows them"},
		{register.ErrNoBoard, "'buurtmeter station board list' shows the boards; attach one with 'board attach'"},
		{register.ErrBoardOverlap, "'buurtmeter station board list' shows the boards; use 'board replace' for one that takes over"},
		{reading.ErrNotPublic, notPublicHint},
		{register.ErrBoardElsewhere, "end it there with 'buurtmeter station board detach --id OTHER'"},
	} {
		if errors.Is(err, c.err) {
			return hint(err, "%s", c.try)
		}
	}
	return err
}

// say prints a line about a change that is done.
func (p *program) say(format string, args ...any) error {
	_, err := fmt.Fprintf(p.stdout, format+"\n", args...)
	return err
}

// printable replaces what a terminal would obey rather than show.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// sayRow prints one line with tabs between the cells.
func (p *program) sayRow(cells ...string) error {
	for i, c := range cells {
		cells[i] = printable(c)
	}
	return p.say("%s", strings.Join(cells, "\t"))
}

// momentFlag is a flag with a time: RFC 3339, or a date, which is its begin in
// UTC.
type momentFlag struct{ time.Time }

// String is the value as it is shown in help.
func (m *momentFlag) String() string {
	if m == nil || m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339Nano)
}

// Set is part of flag.Value.
func (m *momentFlag) Set(s string) (err error) {
	m.Time, err = parseMoment(s)
	return err
}

// parseMoment reads a moment with its zone, or a day, which is its begin in UTC.
func parseMoment(s string) (time.Time, error) {
	for _, form := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("write 2026-11-01T08:00:00+01:00, or 2026-11-01")
}

// placeFlags are the flags of a secret position.
type placeFlags struct {
	lon, lat float64
	fs       *flag.FlagSet
}

func (f *placeFlags) add(fs *flag.FlagSet) {
	f.fs = fs
	fs.Float64Var(&f.lon, "lon", 0, "longitude; stays secret")
	fs.Float64Var(&f.lat, "lat", 0, "latitude; stays secret")
}

// defaultCadence is the time between two readings of a station that says nothing
// of it.
const defaultCadence = 5 * time.Minute

func (p *program) addStation(ctx context.Context, args []string) error {
	c := p.stationCall("add", false)
	c.open = p.makeRegister
	title := c.String("title", "", "public name, without personal data")
	kind := c.String("kind", string(reading.KindSensor), "reference, sensor, sensor-calibrated or tube")
	model := c.String("model", "", "kit or instrument type")
	maker := c.String("maker", "bewoner", "who runs it, in public words")
	cadence := c.Duration("cadence", defaultCadence, "expected time between two readings")
	siting := c.String("siting", "", sitingUsage)
	var at placeFlags
	at.add(c.FlagSet)
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		k, err := reading.ParseKind(*kind)
		if err != nil {
			return hint(err, "e.g. --kind sensor, which is what a resident's kit is")
		}
		s := reading.Station{ID: id, Title: *title, Kind: k, Model: *model, Maker: *maker, Cadence: *cadence, Since: p.now().UTC(), Siting: reading.Siting(*siting)}
		if s.Title == "" {
			s.Title = string(id)
		}
		pos, err := at.position()
		if err != nil {
			return err
		}
		areas, err := geo.OpenStore(ctx, reg)
		if err != nil {
			return fmt.Errorf("areas: %w", err)
		}
		token, err := reg.AddStation(ctx, s, pos, "operator")
		if err != nil {
			return err
		}
		if !pos.IsZero() {
			if err := areas.Assign(ctx, s.ID, pos); err != nil {
				return fmt.Errorf("find the buurt of %s: %w", s.ID, err)
			}
		}
		if err := p.printToken(id, token, nil); err != nil {
			return err
		}
		return p.printPlace(ctx, areas, id, pos)
	})
}

func (p *program) printToken(id reading.StationID, token string, err error) error {
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "station  %s\ntopic    %s\nuser     %s\npassword %s\nThe password is shown once. A new one: buurtmeter station token --id %s\n",
		id, "buurtmeter/v1/"+string(id)+"/readings", id, token, id)
	return err
}

func (p *program) listStations(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("station list", flag.ContinueOnError)
	var st stores
	st.flags(fs)
	rest, err := p.parse(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return hint(fmt.Errorf("station list does not take %q", rest[0]), "see 'buurtmeter station list -h' for the flags")
	}
	reg, err := p.openRegister(ctx, st)
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	stations, err := reg.Stations(ctx)
	if err != nil {
		return err
	}
	for _, s := range stations {
		row := []string{string(s.ID), string(s.Kind), s.Since.Format(time.DateOnly), s.Title}
		if s.Paused {
			row = append(row, "paused")
		}
		if s.Siting != reading.SitingUnknown {
			row = append(row, string(s.Siting))
		}
		if err := p.sayRow(row...); err != nil {
			return err
		}
	}
	return nil
}
