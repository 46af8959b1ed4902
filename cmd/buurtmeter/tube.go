package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"buurtmeter/cmd/buurtmeter/analyse"
	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/tube"
	"buurtmeter/ingest/tube/store"
)

func tubeActions() []action {
	return []action{
		{"import", "import SHEET... --campaign NAME", "store lab sheets (XLSX or CSV) of passive NO2 samplers", (*program).importTubes},
		{"list", "list [--campaign NAME]", "list the campaigns, or the sets and places of one", (*program).listTubes},
		{"place", "place --campaign NAME --location L|--file LIST", "give locations of the sheets their names, and the stations that they are", (*program).placeTubes},
		{"calibrate", "calibrate --campaign NAME --pairs PAIRS.csv", "set the tubes right by those beside reference stations", (*program).calibrateTubes},
		{"means", "means --campaign NAME", "the year means, as they are and set right", (*program).tubeMeans},
		{"events", "events --campaign NAME", "what was imported and corrected, by whom and why", (*program).tubeEvents},
	}
}

// runTube keeps campaigns of passive samplers.
func runTube(ctx context.Context, p *program, args []string) error {
	return p.act(ctx, "tube", tubeActions(), "Names of campaigns and locations, WHO and WHY are public:\n"+
		"leave names of people and house numbers out. Without a server: buurtmeter analyse tubes.", args)
}

// tubeCall is one call of an action.
type tubeCall struct {
	*flag.FlagSet
	p        *program
	stores   stores
	campaign string
	by, why  string
}

func (p *program) tubeCall(action string, change bool) *tubeCall {
	c := &tubeCall{FlagSet: flag.NewFlagSet("tube "+action, flag.ContinueOnError), p: p}
	c.stores.flags(c.FlagSet)
	c.StringVar(&c.campaign, "campaign", "", "public name of the campaign")
	if change {
		c.StringVar(&c.by, "by", "operator", "who changes it, in public words: operator, laboratory")
		c.StringVar(&c.why, "why", "", "why; public, and needed when a sheet is corrected")
	}
	return c
}

// parse reads the flags of an action that takes no files.
func (c *tubeCall) parse(args []string) error {
	rest, err := c.p.parse(c.FlagSet, args)
	if err == nil && len(rest) > 0 {
		err = hint(fmt.Errorf("%s does not take %q", c.Name(), rest[0]), "see 'buurtmeter %s -h' for the flags", c.Name())
	}
	return err
}

// with calls fn with the campaigns of the register.
func (c *tubeCall) with(ctx context.Context, open func(context.Context, stores) (*register.Register, error), fn func(*store.Store) error) error {
	return c.withRegister(ctx, open, func(_ *register.Register, s *store.Store) error { return fn(s) })
}

// withRegister calls fn with the register too.
func (c *tubeCall) withRegister(ctx context.Context, open func(context.Context, stores) (*register.Register, error), fn func(*register.Register, *store.Store) error) error {
	if c.campaign == "" {
		return hint(errors.New("which campaign?"), "name it with --campaign, e.g. --campaign 'Schone lucht 2025'; 'buurtmeter tube list' shows them")
	}
	reg, err := open(ctx, c.stores)
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	return tubeHint(fn(reg, store.New(reg, c.p.now)))
}

// tubeHint says what to do about what a store refuses.
func tubeHint(err error) error {
	for _, c := range []struct {
		err error
		try string
	}{
		{store.ErrUnknown, "see 'buurtmeter tube list' for the names; is --data or --register the right one?"},
		{store.ErrNeedsWhy, "something else stands there of this set: say what was wrong with that, e.g. --why 'komma vergeten in rij 12', or, for another sheet of the same name, name its set with --set"},
		{store.ErrCodeTaken, "is this sheet a correction of that set? Then import it with --set and --why; else correct the codes"},
		{reading.ErrNotPublic, "leave that out of names, --lab, --by and --why: all of these are public"},
		{store.ErrCampaign, "correct the name or the flag; the rules of a campaign hold for all of its sheets"},
		{tube.ErrPairs, "give more pairs, or a higher --max-missing"},
		{ingest.ErrUnknownStation, "register it first: buurtmeter station add --kind tube"},
	} {
		if errors.Is(err, c.err) {
			return hint(err, "%s", c.try)
		}
	}
	var known *analyse.InputError
	if errors.As(err, &known) {
		return hint(err, "%s", known.Try)
	}
	return err
}

func (p *program) listTubes(ctx context.Context, args []string) error {
	c := p.tubeCall("list", false)
	if err := c.parse(args); err != nil {
		return err
	}
	all := c.campaign == ""
	c.campaign = orElse(c.campaign, "all")
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	err := c.with(ctx, p.openRegister, func(s *store.Store) error {
		if !all {
			return listCampaign(ctx, w, s, c.campaign)
		}
		campaigns, err := s.Campaigns(ctx)
		for _, x := range campaigns {
			_, _ = fmt.Fprintf(w, "%s\tsince %s\tresults below the limit: %s\tfield blanks: %s\t%s\n", x.Name, x.Created.Format(time.DateOnly), x.Policy, x.Blanks, x.Zone)
		}
		if err == nil && len(campaigns) == 0 {
			_, _ = fmt.Fprintln(w, "there are no campaigns; make one with: buurtmeter tube import SHEET --campaign NAME")
		}
		return err
	})
	return errors.Join(err, w.Flush())
}

func listCampaign(ctx context.Context, w io.Writer, s *store.Store, name string) error {
	plan, err := s.Campaign(ctx, name)
	if err != nil {
		return err
	}
	sets, err := s.Sets(ctx, name)
	if err != nil {
		return err
	}
	for _, x := range sets {
		_, _ = fmt.Fprintf(w, "set %s\tversion %d\t%d tubes\t%s\timported %s\tlaboratory: %s\n", x.Name, x.Version, len(x.Tubes), printable(x.Title), x.Imported.Format(time.DateOnly), x.Lab)
	}
	tubes, err := s.Exposures(ctx, plan)
	if err != nil {
		return err
	}
	var places []string
	n := map[string]int{}
	for _, x := range tube.Combine(tubes, plan.Policy) {
		if n[x.Location] == 0 {
			places = append(places, x.Location)
		}
		n[x.Location]++
	}
	slices.Sort(places)
	defer func() { // below the table, whose columns they would stretch
		for _, x := range sets {
			for _, l := range x.LeftOut {
				_, _ = fmt.Fprintf(w, "left out of set %s: %s\n", x.Name, printable(l.String()))
			}
		}
	}()
	for _, x := range places {
		_, _ = fmt.Fprintf(w, "place %s\t%d periods\n", printable(x), n[x])
	}
	return nil
}

func (p *program) tubeEvents(ctx context.Context, args []string) error {
	c := p.tubeCall("events", false)
	if err := c.parse(args); err != nil {
		return err
	}
	return c.with(ctx, p.openRegister, func(s *store.Store) error {
		if _, err := s.Campaign(ctx, c.campaign); err != nil {
			return err
		}
		events, err := s.Events(ctx, c.campaign)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
		for _, e := range events {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", e.At.Format(time.RFC3339), e.Actor, e.What, e.Detail, e.Why)
		}
		return w.Flush()
	})
}
