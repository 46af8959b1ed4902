package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"buurtmeter/ingest/tube"
	"buurtmeter/ingest/tube/store"
)

// importCall is one call of "tube import".
type importCall struct {
	*tubeCall
	set, zone, below, blanks string
	lab                      tube.Lab
	dry, skip                bool
}

func (p *program) importTubes(ctx context.Context, args []string) error {
	c := &importCall{tubeCall: p.tubeCall("import", true)}
	c.StringVar(&c.set, "set", "", "name of the set of tubes (default: from the title of the sheet, else the name of the file)")
	c.StringVar(&c.zone, "zone", "", "zone of the times in the sheet (default: that of the campaign, Europe/Amsterdam for a new one)")
	c.StringVar(&c.below, "below-limit", "", "new campaign: how a result such as <15 counts: limit (default), half or exclude")
	c.StringVar(&c.blanks, "blanks", "", "new campaign: what is done with field blanks: report (default) or subtract")
	c.StringVar(&c.lab.Name, "lab", "", "public name of the laboratory, where the sheet does not tell it; also later, with the same file")
	c.StringVar(&c.lab.Method, "lab-method", "", "its method of analysis, where the sheet does not tell it")
	c.StringVar(&c.lab.Limit, "lab-limit", "", "its limit of detection with the unit, where the sheet does not tell it")
	c.BoolVar(&c.skip, "skip-unreadable", false, "import the rest when rows cannot be read; which rows were left out is public with the campaign")
	c.BoolVar(&c.dry, "dry-run", false, "read the sheets and tell of them; store nothing")
	files, err := p.parse(c.FlagSet, args)
	switch {
	case err != nil:
		return err
	case len(files) == 0:
		return hint(errors.New("which sheet?"), "give the file of the laboratory, e.g. buurtmeter tube import uitslag.xlsx --campaign 'Schone lucht 2025'")
	case len(files) > 1 && c.set != "":
		return hint(fmt.Errorf("--set names one set, and there are %d files", len(files)), "leave --set out, or import one file at a time")
	}
	all := func(s *store.Store) error {
		for i, path := range files {
			if err := c.one(ctx, s, path); err != nil {
				if rest := len(files) - i - 1; rest > 0 {
					_, _ = fmt.Fprintf(p.stderr, "note: the %d files before %s are done, the %d after it are not\n", i, path, rest)
				}
				return err
			}
		}
		return nil
	}
	if _, fresh := c.stores.newFile(); c.dry && fresh && c.campaign != "" {
		return tubeHint(all(nil)) // a dry run makes no register
	}
	return c.with(ctx, p.makeRegister, all)
}

// plan is the campaign of the register with what the flags say of it, or a new
// one; without a register s is nil.
func (c *importCall) plan(ctx context.Context, s *store.Store) (store.Campaign, error) {
	plan, err := store.Campaign{}, store.ErrUnknown
	if s != nil {
		plan, err = s.Campaign(ctx, c.campaign)
	}
	if errors.Is(err, store.ErrUnknown) {
		plan, err = store.Campaign{Name: c.campaign, Zone: "Europe/Amsterdam", Policy: tube.AtLimit, Blanks: tube.BlanksReported}, nil
	}
	plan.Zone = orElse(c.zone, plan.Zone)
	plan.Policy = tube.Policy(orElse(c.below, string(plan.Policy)))
	plan.Blanks = tube.BlankRule(orElse(c.blanks, string(plan.Blanks)))
	if err == nil {
		err = plan.Check()
	}
	return plan, err
}

// one imports one sheet.
func (c *importCall) one(ctx context.Context, s *store.Store, path string) error {
	raw, err := readFile(path)
	if err != nil {
		return err
	}
	plan, err := c.plan(ctx, s)
	if err != nil {
		return err
	}
	sheet, err := c.read(path, raw, plan)
	if err != nil {
		return err
	}
	if c.dry {
		return c.tell(sheet, sheet.Lab, "read, nothing is stored")
	}
	done, err := s.Import(ctx, plan, sheet, raw, c.by, c.why)
	switch {
	case err != nil:
		return err
	case done.Named:
		return c.tell(sheet, done.Lab, "this very file was imported before: only its laboratory is named anew")
	case done.Same:
		return c.tell(sheet, done.Lab, "this very file was imported before: nothing changed")
	default:
		return c.tell(sheet, done.Lab, fmt.Sprintf("imported as version %d in campaign %q", done.Version, plan.Name))
	}
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

// toldProblems is how many cells of a refused sheet are named.
const toldProblems = 50

// read reads a lab sheet and tells of every row that cannot be read.
func (c *importCall) read(path string, raw []byte, plan store.Campaign) (*tube.Sheet, error) {
	zone, err := time.LoadLocation(plan.Zone)
	if err != nil {
		return nil, err
	}
	sheet, err := tube.ReadSheet(path, raw, zone)
	if err != nil {
		return nil, hint(fmt.Errorf("%s: %w", path, err), "give the sheet of the laboratory as XLSX or as CSV UTF-8")
	}
	for _, n := range sheet.Notes {
		_, _ = fmt.Fprintf(c.p.stderr, "note: %s\n", n)
	}
	c.nameLab(sheet)
	sheet.Set = orElse(c.set, sheet.Set)
	if c.skip {
		err = sheet.LeaveOut()
	}
	for _, x := range sheet.LeftOut {
		_, _ = fmt.Fprintf(c.p.stderr, "left out: %s\n", x)
	}
	for i, x := range sheet.Problems {
		if i == toldProblems {
			_, _ = fmt.Fprintf(c.p.stderr, "cannot be read: and %d more\n", len(sheet.Problems)-i+sheet.MoreProblems)
			break
		}
		_, _ = fmt.Fprintf(c.p.stderr, "cannot be read: %s\n", x)
	}
	if err != nil {
		return nil, hint(fmt.Errorf("%s: %w; nothing was imported from it", path, err), "--skip-unreadable does without single rows; for the rest, see above what to do, or ask the laboratory")
	}
	if len(sheet.Problems) > 0 {
		return nil, hint(fmt.Errorf("%s: %w: %s; nothing was imported from it", path, store.ErrProblems, unreadRows(sheet)),
			"correct the cells that are named above, or ask the laboratory, and import the file again; --skip-unreadable imports the rest, and publishes which rows were left out")
	}
	return sheet, nil
}

// unreadRows counts the rows that cannot be read beside those that can.
func unreadRows(sheet *tube.Sheet) string {
	more := ""
	if sheet.MoreProblems > 0 {
		more = " or more"
	}
	return fmt.Sprintf("%d%s, and %d that can", tube.UnreadRows(sheet.Problems), more, len(sheet.Tubes))
}

// nameLab lets the flags go before what the sheet says, and tells when they
// differ.
func (c *importCall) nameLab(sheet *tube.Sheet) {
	if c.lab != (tube.Lab{}) {
		lab := c.lab.Or(sheet.Lab)
		if sheet.Lab.Or(c.lab) != lab {
			_, _ = fmt.Fprintf(c.p.stderr, "note: the sheet says of its laboratory: %s; what you say goes before it\n", sheet.Lab)
		}
		sheet.Lab, sheet.LabSaid = lab, true
	}
}

// tell sums up what was read of a sheet and done with it.
func (c *importCall) tell(sheet *tube.Sheet, lab tube.Lab, what string) error {
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
		_, _ = fmt.Fprintf(c.p.stderr, "note: %d of %d field blanks hold NO2, %.2g µg/m³ in the mean of all: ask the laboratory whether that is taken off\n", b.Found, b.N, b.Mean)
	}
	if lab.Name == "" {
		_, _ = fmt.Fprintln(c.p.stderr, "note: nobody says which laboratory this is, and a result is worth little without: import the file again with --lab NAME")
	}
	if n := tube.UnreadRows(sheet.LeftOut); n > 0 {
		what += fmt.Sprintf("; %d rows left out", n)
	}
	return c.p.say("set %s: %d tubes with a result (%d below the limit of detection), %d without, %d field blanks: %s\n  laboratory: %s",
		printable(sheet.Set), hung, below, lost, b.N, what, lab)
}
