package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/peterbourgon/ff/v3"
)

// stores says where the data lives. Every command that touches data shares
// these flags.
type stores struct {
	data           string
	register       string
	influxURL      string
	influxToken    string
	influxOrg      string
	influxDatabase string
}

func (s *stores) flags(fs *flag.FlagSet) {
	fs.StringVar(&s.data, "data", "data", "folder of the embedded register and time series")
	fs.StringVar(&s.register, "register", "", "register: sqlite:PATH or postgres://… (default: register.db in the data folder)")
}

func (s *stores) influxFlags(fs *flag.FlagSet) {
	fs.StringVar(&s.influxURL, "influx-url", "", "InfluxDB server for raw readings (default: the engine in this process, in the data folder)")
	fs.StringVar(&s.influxToken, "influx-token-file", "", "file with the InfluxDB token (1.8: user:password)")
	fs.StringVar(&s.influxOrg, "influx-org", "", "InfluxDB organisation (2.x only)")
	fs.StringVar(&s.influxDatabase, "influx-database", "buurtmeter", "InfluxDB database (1.8) or bucket (2.x)")
}

// newFile returns the file of a SQLite register and whether it has yet to be
// made. Of another register it cannot tell.
func (s *stores) newFile() (path string, fresh bool) {
	path = filepath.Join(s.data, "register.db")
	if s.register != "" {
		file, ok := strings.CutPrefix(s.register, "sqlite:")
		if !ok || file == "" {
			return "", false
		}
		path = file
	}
	_, err := os.Stat(path)
	return path, errors.Is(err, os.ErrNotExist)
}

// dsn returns the register to open, making the data folder when it is ours.
func (s *stores) dsn() (string, error) {
	if s.register != "" {
		return s.register, nil
	}
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		return "", hint(fmt.Errorf("data folder: %w", err), "give a folder that this user may write with --data")
	}
	return "sqlite:" + filepath.Join(s.data, "register.db"), nil
}

// parse reads flags, then the environment (BUURTMETER_NAME), then the file of
// --config; an earlier source wins. It returns the positional arguments, which
// may stand before, between and after flags.
func (p *program) parse(fs *flag.FlagSet, args []string) ([]string, error) {
	fs.SetOutput(p.stderr)
	config := fs.String("config", "", "file with one 'name value' per line")
	var positional []string
	for {
		if err := fs.Parse(args); err != nil {
			return nil, hintHelp(err, fs.Name())
		}
		args = fs.Args()
		if len(args) == 0 {
			break
		}
		positional = append(positional, args[0])
		args = args[1:]
	}
	set := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	var bad error
	fs.VisitAll(func(f *flag.Flag) {
		name := "BUURTMETER_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if v := p.getenv(name); v != "" && !set[f.Name] {
			if err := fs.Set(f.Name, v); err != nil && bad == nil {
				bad = hint(fmt.Errorf("environment variable %s: %q is not a value of --%s: %w", name, v, f.Name, err), "correct or unset %s; --%s: %s", name, f.Name, f.Usage)
			}
			set[f.Name] = true
		}
	})
	if bad != nil {
		return nil, bad
	}
	return positional, readConfig(fs, *config, set)
}

func hintHelp(err error, name string) error {
	if err == flag.ErrHelp { //nolint:errorlint // the flag package returns it as is
		return err
	}
	return hint(err, "see 'buurtmeter %s -h' for the flags", name)
}

func readConfig(fs *flag.FlagSet, path string, set map[string]bool) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return hint(fmt.Errorf("configuration: %w", err), "check the path given with --config")
	}
	defer func() { _ = f.Close() }()
	err = ff.PlainParser(f, func(name, value string) error {
		if fs.Lookup(name) == nil {
			return fmt.Errorf("unknown name %q", name)
		}
		if set[name] {
			return nil
		}
		return fs.Set(name, value)
	})
	if err != nil {
		return hint(fmt.Errorf("configuration %s: %w", path, err), "use the names of 'buurtmeter %s -h', one 'name value' per line", fs.Name())
	}
	return nil
}

// secret reads the one line of a secret's file; an empty path is no secret.
func secret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return "", hint(fmt.Errorf("secret: %w", err), "give a file that holds only the secret")
	}
	return strings.TrimSpace(string(b)), nil
}

// logger returns a text logger at the level named by s.
func logger(w io.Writer, s string) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s)); err != nil {
		return nil, hint(fmt.Errorf("log level %q is not known", s), "use --log-level debug, info, warn or error")
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})), nil
}
