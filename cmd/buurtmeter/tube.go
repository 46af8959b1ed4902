package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
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
		{"import", "import SHEET --campaign NAME", "store a lab sheet (XLSX or CSV) of passive NO2 samplers", (*program).importTubes},
		{"list", "list [--campaign NAME]", "list the campaigns, or the sets and places of one", (*program).listTubes},
		{"place", "place --campaign NAME --location L", "give a location of the sheets its name, and the station that it is", (*program).placeTubes},
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

// parse reads the flags; the action takes so many files.
func (c *tubeCall) parse(args []string, files int) ([]string, error) {
	rest, err := c.p.parse(c.FlagSet, args)
	if err != nil {
		return nil, err
	}
	if len(rest) != files {
		return nil, hint(fmt.Errorf("%s takes %d file names, not %d", c.Name(), files, len(rest)), "see 'buurtmeter %s -h'", c.Name())
	}
	return rest, nil
}

// with calls fn with the campaigns of the register.
func (c *tubeCall) with(ctx context.Context, open func(context.Context, stores) (*register.Register, error), fn func(*store.Store) error) error {
	if c.campaign == "" {
		return hint(errors.New("which campaign?"), "name it with --campaign, e.g. --campaign 'Schone lucht 2025'; 'buurtmeter tube list' shows them")
	}
	reg, err := open(ctx, c.stores)
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	return tubeHint(fn(store.New(reg, c.p.now)))
}

// tubeHint says what to do about what a store refuses.
func tubeHint(err error) error {
	for _, c := range []struct {
		err error
		try string
	}{
		{store.ErrUnknown, "see 'buurtmeter tube list' for the names; is --data or --register the right one?"},
		{store.ErrNeedsWhy, "this set was imported before from another file: say what was wrong with that, e.g. --why 'komma vergeten in rij 12', or name another set with --set"},
		{store.ErrCodeTaken, "is this sheet a correction of that set? Then import it with --set and --why; else correct the codes"},
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

// readFile reads a lab sheet, no more of it than one may hold.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, hint(err, "give the path of the sheet of the laboratory")
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, tube.MaxSheetBytes+1))
	if err != nil {
		return nil, hint(err, "give the path of the sheet of the laboratory")
	}
	return b, nil
}

func (p *program) importTubes(ctx context.Context, args []string) error {
	c := p.tubeCall("import", true)
	set := c.String("set", "", "name of the set of tubes (default: from the title of the sheet, else the name of the file)")
	zone := c.String("zone", "", "zone of the times in the sheet (default: that of the campaign, Europe/Amsterdam for a new one)")
	below := c.String("below-limit", "", "new campaign: how a result such as <15 counts: limit (default), half or exclude")
	blanks := c.String("blanks", "", "new campaign: what is done with field blanks: report (default) or subtract")
	dry := c.Bool("dry-run", false, "read the sheet and tell of it; store nothing")
	files, err := c.parse(args, 1)
	if err != nil {
		return err
	}
	raw, err := readFile(files[0])
	if err != nil {
		return err
	}
	open := p.makeRegister
	if *dry {
		open = p.openRegister
	}
	return c.with(ctx, open, func(s *store.Store) error {
		plan, err := s.Campaign(ctx, c.campaign)
		if errors.Is(err, store.ErrUnknown) {
			plan, err = store.Campaign{Name: c.campaign, Zone: "Europe/Amsterdam", Policy: tube.AtLimit, Blanks: tube.BlanksReported}, nil
		}
		if err != nil {
			return err
		}
		plan.Zone = orElse(*zone, plan.Zone)
		plan.Policy = tube.Policy(orElse(*below, string(plan.Policy)))
		plan.Blanks = tube.BlankRule(orElse(*blanks, string(plan.Blanks)))
		if err := plan.Check(); err != nil {
			return err
		}
		sheet, err := p.readSheet(files[0], raw, plan)
		if err != nil {
			return err
		}
		sheet.Set = orElse(*set, sheet.Set)
		if *dry {
			return p.tellSheet(sheet, "read, nothing is stored")
		}
		done, err := s.Import(ctx, plan, sheet, raw, c.by, c.why)
		if err != nil {
			return err
		}
		if done.Same {
			return p.tellSheet(sheet, "this very file was imported before: nothing changed")
		}
		return p.tellSheet(sheet, fmt.Sprintf("imported as version %d in campaign %q", done.Version, plan.Name))
	})
}

// readSheet reads a lab sheet and tells of every row that cannot be read.
func (p *program) readSheet(path string, raw []byte, plan store.Campaign) (*tube.Sheet, error) {
	zone, err := time.LoadLocation(plan.Zone)
	if err != nil {
		return nil, err
	}
	sheet, err := tube.ReadSheet(path, raw, zone)
	if err != nil {
		return nil, hint(fmt.Errorf("%s: %w", path, err), "give the sheet of the laboratory as XLSX or as CSV UTF-8")
	}
	for _, n := range sheet.Notes {
		_, _ = fmt.Fprintf(p.stderr, "note: %s\n", n)
	}
	for _, x := range sheet.Problems {
		_, _ = fmt.Fprintf(p.stderr, "cannot be read: %s\n", x)
	}
	if n := len(sheet.Problems); n > 0 {
		return nil, hint(fmt.Errorf("%s: %w: %d problems; nothing was imported", path, store.ErrProblems, n),
			"correct the cells that are named above, or ask the laboratory, and import the file again")
	}
	return sheet, nil
}

func (p *program) tellSheet(sheet *tube.Sheet, what string) error {
	b := tube.BlankOf(sheet.Tubes)
	lost, below, hung := 0, 0, 0
	for _, e := range sheet.Tubes {
		switch {
		case e.Blank:
		case !e.Result.Known:
			lost++
		default:
			hung++
			if e.Result.Below {
				below++
			}
		}
	}
	if b.Found > 0 {
		_, _ = fmt.Fprintf(p.stderr, "note: %d of %d field blanks hold NO2, %.2g µg/m³ in the mean of all: ask the laboratory whether that is taken off\n", b.Found, b.N, b.Mean)
	}
	_, err := fmt.Fprintf(p.stdout, "set %s: %d tubes with a result (%d below the limit of detection), %d without, %d field blanks: %s\n", sheet.Set, hung, below, lost, b.N, what)
	return err
}

func (p *program) listTubes(ctx context.Context, args []string) error {
	c := p.tubeCall("list", false)
	if _, err := c.parse(args, 0); err != nil {
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
		_, _ = fmt.Fprintf(w, "set %s\tversion %d\t%d tubes\t%s\timported %s\n", x.Name, x.Version, len(x.Tubes), x.Title, x.Imported.Format(time.DateOnly))
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
	for _, x := range places {
		_, _ = fmt.Fprintf(w, "place %s\t%d periods\n", x, n[x])
	}
	return nil
}

func (p *program) placeTubes(ctx context.Context, args []string) error {
	c := p.tubeCall("place", true)
	location := c.String("location", "", "the location as it stands in the sheets")
	name := c.String("name", "", "what it is called (default: the same)")
	station := c.String("station", "", "id of the station, of the kind tube, that it is")
	if _, err := c.parse(args, 0); err != nil {
		return err
	}
	return c.with(ctx, p.openRegister, func(s *store.Store) error {
		called := orElse(*name, *location)
		if err := s.Place(ctx, c.campaign, *location, called, reading.StationID(*station), c.by, c.why); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.stdout, "%s is %s\n", *location, called)
		return err
	})
}

func (p *program) tubeEvents(ctx context.Context, args []string) error {
	c := p.tubeCall("events", false)
	if _, err := c.parse(args, 0); err != nil {
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
