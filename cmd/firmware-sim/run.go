package main

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/peterbourgon/ff/v3"

	firmwaresim "buurtmeter/firmware-sim"
)

// flags are the settings of a run. Each may come from the environment too:
// FIRMWARE_SIM_BROKER for -broker.
type flags struct {
	broker, door string
	credentials  string
	enrol        string
	stations     int
	kinds        string
	rate         float64
	duration     time.Duration
	seed         uint64
	backfill     int
	faults, json bool
}

// run is the program. It returns an error after having printed it.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	err := simulate(ctx, args, getenv, stdout, stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(stderr, "firmware-sim:", err)
	}
	return err
}

func simulate(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	f, err := parse(args, getenv, stderr)
	if err != nil {
		return err
	}
	devices, err := fleet(f)
	if err != nil {
		return err
	}
	if err := roomFor(connected(devices)); err != nil {
		return err
	}
	o := firmwaresim.Options{Broker: f.broker, Door: f.door, Devices: devices, Steady: !f.faults, LiveFor: f.duration}
	if f.rate > 0 {
		o.Live = min(time.Duration(float64(len(devices))/f.rate*float64(time.Second)), time.Hour)
	}
	begin := time.Now()
	if f.backfill > 0 {
		o.BackfillFrom = begin.AddDate(0, 0, -f.backfill)
	}
	if f.enrol != "" {
		if err := enrol(ctx, f.enrol, devices, o.Live, begin.AddDate(0, 0, -f.backfill)); err != nil {
			return err
		}
	}
	var last firmwaresim.Progress
	begin = time.Now()
	line := progressLine{w: stderr, begin: begin}
	o.Report = func(p firmwaresim.Progress) {
		last = p
		line.tell(p)
	}
	err = firmwaresim.Run(ctx, o)
	if last.Devices > 0 {
		line.write(last)
		err = errors.Join(err, writeReport(stdout, last, time.Since(begin), f.json))
	}
	if err == nil && last.Acknowledged < last.Published {
		err = fmt.Errorf("%d messages were not acknowledged before the end", last.Published-last.Acknowledged)
	}
	return err
}

func parse(args []string, getenv func(string) string, stderr io.Writer) (flags, error) {
	var f flags
	fs := flag.NewFlagSet("firmware-sim", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&f.broker, "broker", "mqtt://127.0.0.1:1883", "address of the broker: mqtt://host:port or mqtts://host:port")
	fs.StringVar(&f.door, "door", "http://127.0.0.1:8081", "address of the HTTP door, for the kinds that end in -http")
	fs.StringVar(&f.credentials, "credentials", "", "CSV file with one station per line: id,token")
	fs.StringVar(&f.enrol, "enrol", "", "register the fleet here instead, as simulated stations: sqlite:PATH or postgres://… of a platform for tests")
	fs.IntVar(&f.stations, "stations", 0, "number of stations: the first ones of -credentials (0 is all of them), or how many to -enrol")
	fs.StringVar(&f.kinds, "kinds", "own", "kinds of kits with their shares: own=8,senml=1,airgradient=1,smart-citizen=1,own-http=1,airrohr-http=1")
	fs.Float64Var(&f.rate, "rate", 10, "live messages per second of the whole fleet; 0 sends history only")
	fs.DurationVar(&f.duration, "duration", time.Minute, "how long to send live messages; 0 is until stopped")
	fs.Uint64Var(&f.seed, "seed", 1, "same seed, same measurements")
	fs.IntVar(&f.backfill, "backfill", 0, "days of hourly history to send first")
	fs.BoolVar(&f.faults, "faults", false, "let devices fail as real ones do: gaps, reboots, outages, wrong clocks, duplicates")
	fs.BoolVar(&f.json, "json", false, "print the report as JSON")
	// The environment is read through getenv, never behind the caller's back.
	var env []string
	fs.VisitAll(func(fl *flag.Flag) {
		if v := getenv("FIRMWARE_SIM_" + strings.ToUpper(fl.Name)); v != "" {
			env = append(env, "-"+fl.Name+"="+v)
		}
	})
	if err := ff.Parse(fs, append(env, args...)); err != nil {
		return f, err
	}
	switch {
	case fs.NArg() > 0:
		return f, fmt.Errorf("unexpected argument %q: see firmware-sim -h", fs.Arg(0))
	case (f.credentials == "") == (f.enrol == ""):
		return f, errors.New("give the stations' logins with -credentials FILE (lines of id,token), or a register to -enrol a fleet in")
	case f.enrol != "" && f.stations == 0:
		return f, errors.New("say with -stations how many to enrol")
	case f.rate < 0 || f.duration < 0 || f.backfill < 0 || f.stations < 0:
		return f, errors.New("-rate, -duration, -backfill and -stations must not be negative")
	}
	return f, nil
}

// fleet makes a device for every station that takes part.
func fleet(f flags) ([]firmwaresim.Device, error) {
	mix, err := firmwaresim.ParseMix(f.kinds)
	if err != nil {
		return nil, err
	}
	n, rows := f.stations, [][]string(nil)
	if f.enrol == "" {
		if rows, err = logins(f); err != nil {
			return nil, err
		}
		n = len(rows)
	}
	devices := firmwaresim.Fleet(f.seed, n)
	firmwaresim.Mix(devices, f.seed, mix)
	for i, row := range rows {
		devices[i].ID, devices[i].Token = strings.TrimSpace(row[0]), strings.TrimSpace(row[1])
	}
	return devices, nil
}

// logins reads the file of ids and tokens.
func logins(f flags) ([][]string, error) {
	file, err := os.Open(f.credentials)
	if err != nil {
		return nil, fmt.Errorf("logins: %w", err)
	}
	defer func() { _ = file.Close() }()
	r := csv.NewReader(file)
	r.FieldsPerRecord = 2
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("logins in %s: each line must be id,token: %w", f.credentials, err)
	}
	if len(rows) > 0 && rows[0][0] == "id" {
		rows = rows[1:]
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("logins in %s: there are none", f.credentials)
	}
	if f.stations > len(rows) {
		return nil, fmt.Errorf("logins in %s: there are %d, and -stations asks for %d", f.credentials, len(rows), f.stations)
	}
	if f.stations > 0 {
		rows = rows[:f.stations]
	}
	return rows, nil
}
