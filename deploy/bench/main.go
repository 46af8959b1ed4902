// Command bench runs the ingest of this project and its peer, Telegraf, on the
// same messages in one run on one machine, and prints the figures as ratios. It
// starts every server itself, on free ports and in a temporary folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// bench is one run: where the programs are, and how much of what is measured.
type bench struct {
	buurtmeter, telegraf, influxd, mosquitto string

	messages, stations, publishers int
	trickle                        int
	embedded                       time.Duration
	parts, only, clients           string

	dir      string
	out, log io.Writer
	// lost is set when ours missed a message: the one figure that no busy
	// machine excuses.
	lost bool
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	b := &bench{out: out, log: log}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(log)
	fs.StringVar(&b.buurtmeter, "buurtmeter", "bin/buurtmeter", "program of this project")
	fs.StringVar(&b.telegraf, "telegraf", "", "program of the peer (default: as deploy/test-deps.sh telegraf installs it)")
	fs.StringVar(&b.influxd, "influxd", "", "InfluxDB 1.8 server (default: as deploy/test-deps.sh influxd installs it)")
	fs.StringVar(&b.mosquitto, "mosquitto", "", "MQTT broker (default: on the PATH or in /usr/sbin)")
	fs.IntVar(&b.messages, "messages", 500_000, "messages of the race")
	fs.IntVar(&b.stations, "stations", 1000, "stations that send them in turn")
	fs.IntVar(&b.publishers, "publishers", 10, "connections that they come over")
	fs.IntVar(&b.trickle, "trickle", 8000, "messages at 200 a second through a broker with default limits")
	fs.DurationVar(&b.embedded, "embedded", 10*time.Second, "how long each number of publishers sends in embedded mode")
	fs.StringVar(&b.parts, "parts", "race,trickle,embedded", "what to measure")
	fs.StringVar(&b.clients, "clients", "1,100,500,100x10", "numbers of publishers in embedded mode; 100x10 gives each ten messages on the way")
	fs.StringVar(&b.only, "only", "", "run only the consumers of the race whose name holds this text")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if b.messages < b.stations || b.publishers < 1 || b.stations < 1 || b.stations%b.publishers != 0 || b.trickle < 1 || b.embedded <= 0 {
		return errors.New("there must be at least as many messages as stations, and the same number of stations, at least one, for each publisher")
	}
	if err := b.find(ctx); err != nil {
		return err
	}
	var err error
	if b.dir, err = os.MkdirTemp("", "buurtmeter-bench"); err != nil {
		return fmt.Errorf("temporary folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(b.dir) }()
	b.printf("%d cores, %s, %s\n", runtime.NumCPU(), runtime.GOOS+"/"+runtime.GOARCH, loadAverage())
	for _, part := range strings.Split(b.parts, ",") {
		switch part {
		case "race":
			err = b.race(ctx)
		case "trickle":
			err = b.trickled(ctx)
		case "embedded":
			err = b.embeddedMode(ctx)
		default:
			err = errors.New("unknown part: use race, trickle, embedded")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	if b.lost {
		return errors.New("buurtmeter lost messages, see above")
	}
	return nil
}

func (b *bench) printf(format string, args ...any) { _, _ = fmt.Fprintf(b.out, format, args...) }
func (b *bench) notef(format string, args ...any)  { _, _ = fmt.Fprintf(b.log, format+"\n", args...) }

// find looks the programs up that were not named.
func (b *bench) find(ctx context.Context) error {
	gopath, _ := exec.CommandContext(ctx, "go", "env", "GOPATH").Output()
	gobin := filepath.Join(strings.TrimSpace(string(gopath)), "bin")
	for _, p := range []struct {
		path *string
		name string
		hint string
	}{
		{&b.buurtmeter, "bin/buurtmeter", "run 'make build', or name it with -buurtmeter"},
		{&b.telegraf, "telegraf", "run 'deploy/test-deps.sh telegraf'"},
		{&b.influxd, "influxd", "run 'deploy/test-deps.sh influxd'"},
		{&b.mosquitto, "mosquitto", "run 'deploy/test-deps.sh mosquitto'"},
	} {
		places := []string{*p.path}
		if *p.path == "" {
			places = []string{filepath.Join(gobin, p.name), p.name, "/usr/sbin/" + p.name, "/usr/local/sbin/" + p.name}
		}
		*p.path = ""
		for _, place := range places {
			if found, err := exec.LookPath(place); err == nil {
				*p.path = found
				break
			}
		}
		if *p.path == "" {
			return fmt.Errorf("%s is not here: %s", p.name, p.hint)
		}
	}
	return nil
}

// loadAverage tells how busy the machine was before we began.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "load unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return "load before the run " + one
}
