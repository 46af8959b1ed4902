package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// version is the version of the program and, as long as they move together, of
// the API.
const version = "0.1.0"

// program is what every command gets: its streams, its environment and the
// clock.
type program struct {
	getenv func(string) string
	stdout io.Writer
	stderr io.Writer
	now    func() time.Time
	// ready, when set, is called once the server accepts requests, with its
	// addresses: the end-to-end tests wait for it.
	ready func(addresses)
}

// addresses are where a running server listens.
type addresses struct{ HTTP, MQTT, Door, Metrics string }

// command is one subcommand.
type command struct {
	name, usage, short string
	run                func(ctx context.Context, p *program, args []string) error
}

func commands() []command {
	return []command{
		{"serve", "serve [flags]", "start broker, store, judge, API and site", runServe},
		{"demo", "demo [flags]", "serve, with a simulated fleet of stations in Zaanstad", runDemo},
		{"replay", "replay [flags]", "publish the hours of a file of resident kits over MQTT, as those kits", runReplay},
		{"areas", "areas import [FILE]|list|remove [flags]", "import the boundaries of neighbourhoods from PDOK or a file, list or remove them", runAreas},
		{"station", "station ACTION [flags]", "register a station and change it; 'station help' lists the actions", runStation},
		{"calibration", "calibration ACTION [flags]", "calibrate a sensor beside an official station; 'calibration help' lists the actions", runCalibration},
		{"tube", "tube ACTION [flags]", "keep campaigns of passive NO2 samplers; 'tube help' lists the actions", runTube},
		{"objection", "objection remarks|add|list|answer [flags]", "list remarks on measurements, object to one, list and answer objections", runObjection},
		{"doctor", "doctor [flags]", "find out what can lose readings, and which setting to change", runDoctor},
		{"redecode", "redecode --since DAY [flags]", "decode rejected messages again, after the decoder was mended", runRedecode},
		{"mosquitto", "mosquitto --out FILE [flags]", "write the logins of all stations as a password file of Mosquitto", runMosquitto},
		{"analyse", "analyse KIND FILE [flags]", "answer questions about CSV files: year figures and verdicts, areas, tubes, calibration", runAnalyse},
		{"version", "version", "print the version", runVersion},
	}
}

// hinted is an error that also says what to do.
type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

// hint adds what the user can do to err; nil stays nil.
func hint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// run is the program: it never reads the environment, exits or writes anywhere
// but through its arguments. It returns an error after having printed it.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	p := &program{getenv: getenv, stdout: stdout, stderr: stderr, now: time.Now}
	return p.run(ctx, args)
}

func (p *program) run(ctx context.Context, args []string) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		p.help()
		return nil
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, p, args[1:])
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return p.report(err)
	}
	return p.report(hint(fmt.Errorf("unknown command %q", args[0]), "run 'buurtmeter help' for the list of commands"))
}

// report prints err as "Error:" and "Try:" lines and passes it on.
func (p *program) report(err error) error {
	if err == nil {
		return nil
	}
	_, _ = fmt.Fprintf(p.stderr, "Error: %v\n", err)
	var h *hinted
	if errors.As(err, &h) {
		_, _ = fmt.Fprintf(p.stderr, "Try:   %s\n", h.hint)
	}
	return err
}

func (p *program) help() {
	_, _ = fmt.Fprintln(p.stdout, "buurtmeter measures the air with residents and publishes it as open data.")
	_, _ = fmt.Fprintln(p.stdout, "\nCommands:")
	for _, c := range commands() {
		_, _ = fmt.Fprintf(p.stdout, "  %-42s %s\n", c.usage, c.short)
	}
	_, _ = fmt.Fprintln(p.stdout, "\nFlags of a command: buurtmeter COMMAND -h. A flag --some-name may also be given as the\nenvironment variable BUURTMETER_SOME_NAME or as a line 'some-name value' in the file of --config.")
}

func runVersion(_ context.Context, p *program, _ []string) error {
	_, err := fmt.Fprintln(p.stdout, "buurtmeter", version)
	return err
}
