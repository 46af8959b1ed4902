package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"buurtmeter/cmd/buurtmeter/analyse"
)

// runAnalyse answers questions about files, without a server.
func runAnalyse(ctx context.Context, p *program, args []string) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		p.analyseHelp()
		return nil
	}
	for _, c := range analyse.Commands() {
		if c.Name != args[0] {
			continue
		}
		return p.runOnFiles(ctx, "analyse ", "analysis", c, args[1:])
	}
	var names []string
	for _, c := range analyse.Commands() {
		names = append(names, c.Name)
	}
	return hint(fmt.Errorf("unknown analysis %q", args[0]), "use one of: %s", strings.Join(names, ", "))
}

// runLocate writes a file of points with their areas.
func runLocate(ctx context.Context, p *program, args []string) error {
	return p.runOnFiles(ctx, "", "writing", analyse.LocateCommand(), args)
}

// runOnFiles runs a command of the package analyse, whose name on the command
// line begins with before.
func (p *program) runOnFiles(ctx context.Context, before, what string, c analyse.Command, args []string) error {
	fs := flag.NewFlagSet(before+c.Name, flag.ContinueOnError)
	run := c.New(fs)
	fs.Usage = func() {
		_, _ = fmt.Fprintf(fs.Output(), "buurtmeter %s%s\n\n%s.\nE.g. %s\n\nThe answer goes to the standard output, notes on it to the standard error. Flags:\n", before, c.Usage, strings.ToUpper(c.Short[:1])+c.Short[1:], c.Example)
		fs.PrintDefaults()
	}
	files, err := p.parse(fs, args)
	if err != nil {
		return err
	}
	err = run(ctx, &analyse.Terminal{Out: p.stdout, Err: p.stderr, Now: p.now}, files)
	var known *analyse.InputError
	if errors.As(err, &known) {
		return hint(err, "%s", known.Try)
	}
	if errors.Is(err, context.Canceled) {
		return hint(err, "the %s was stopped before its end; there is no whole answer", what)
	}
	return err
}

func (p *program) analyseHelp() {
	_, _ = fmt.Fprintln(p.stdout, "buurtmeter analyse answers questions about CSV files with the engine of the platform, without a server.\n\nAnalyses:")
	for _, c := range analyse.Commands() {
		_, _ = fmt.Fprintf(p.stdout, "  %s\n      %s\n", c.Usage, c.Short)
	}
	_, _ = fmt.Fprintln(p.stdout, "\nFlags of an analysis: buurtmeter analyse NAME -h. --json gives JSON instead of a table.")
}
