package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"runtime"
	"strings"
	"time"

	"buurtmeter/opendata"
)

// serveConfig is what a server is started with.
type serveConfig struct {
	stores
	doorConfig
	http       string
	mqttListen string
	mqttURL    string
	mqttUser   string
	mqttSecret string
	mqttClient string
	mqttGroup  string
	mqttPublic string
	publicURL  string
	roles      string
	logLevel   string
	// metricsListen is the address of the metrics; empty is for none.
	metricsListen string
	publisher     opendata.Publisher
	broker        brokerConfig
	// gemeente is the one that the site shows.
	gemeente string
}

func (c *serveConfig) flags(fs *flag.FlagSet) {
	c.stores.flags(fs)
	c.influxFlags(fs)
	c.doorFlags(fs)
	fs.StringVar(&c.metricsListen, "metrics-listen", "", "address of Prometheus metrics, e.g. 127.0.0.1:9090 (default: none)")
	fs.StringVar(&c.http, "http", "127.0.0.1:8080", "address of the site and the API")
	fs.StringVar(&c.mqttListen, "mqtt-listen", "127.0.0.1:1883", "address of the embedded MQTT broker; empty for none")
	c.broker.flags(fs)
	fs.StringVar(&c.mqttURL, "mqtt-url", "", "external MQTT broker to read from instead, e.g. tcp://broker:1883")
	fs.StringVar(&c.mqttUser, "mqtt-user", "ingest", "user name at the external broker")
	fs.StringVar(&c.mqttSecret, "mqtt-password-file", "", "file with the password at the external broker")
	fs.StringVar(&c.mqttClient, "mqtt-client-id", "buurtmeter-ingest-1", "client id at the external broker; fixed, one per ingest process")
	fs.StringVar(&c.mqttGroup, "mqtt-group", "", "name of the group of ingest processes that divide the work at the external broker; empty for one process")
	fs.StringVar(&c.mqttPublic, "mqtt-public-url", "", "address by which stations reach the broker, as the site shows it, e.g. mqtts://mqtt.example.nl:8883 (default: --mqtt-url, or the address of --mqtt-listen)")
	fs.StringVar(&c.publicURL, "public-url", "", "address by which the outside world reaches this server (default: http:// and the address of --http)")
	fs.StringVar(&c.roles, "roles", "ingest,judge,api", "which parts run in this process")
	fs.StringVar(&c.logLevel, "log-level", "info", "debug, info, warn or error")
	fs.StringVar(&c.publisher.URI, "publisher-uri", "https://identifier.overheid.nl/tooi/id/gemeente/gm0479", "TOOI address of the publisher")
	fs.StringVar(&c.publisher.Name, "publisher", "Gemeente Zaanstad", "name of the publisher in the catalogue")
	fs.StringVar(&c.publisher.ContactName, "contact-name", "Buurtmeter Zaanstad", "name of the contact point in the catalogue")
	fs.StringVar(&c.publisher.ContactEmail, "contact-email", "opendata@example.org", "functional mailbox of the contact point")
	fs.StringVar(&c.publisher.ContactURL, "contact-url", "https://example.org/contact", "page of the contact point")
	fs.StringVar(&c.gemeente, "gemeente", "", "code of the municipality that the site shows, of boundaries of several (default: the only one, or "+firstTown+")")
}

// roleSet is the parsed --roles.
type roleSet struct{ ingest, judge, api bool }

func parseRoles(s string) (roleSet, error) {
	var r roleSet
	for _, name := range strings.Split(s, ",") {
		switch strings.TrimSpace(name) {
		case "ingest":
			r.ingest = true
		case "judge":
			r.judge = true
		case "api":
			r.api = true
		default:
			return r, hint(fmt.Errorf("unknown role %q", name), "use --roles with a list of ingest, judge and api")
		}
	}
	return r, nil
}

func (c *serveConfig) check() (roleSet, error) {
	roles, err := parseRoles(c.roles)
	if err != nil {
		return roles, err
	}
	all := roles == roleSet{true, true, true}
	if c.influxURL == "" && !all {
		return roles, hint(errors.New("the embedded time series cannot be shared between processes"),
			"run all roles in one process, or name a server with --influx-url")
	}
	if err := c.broker.check(c.mqttURL != "", c.doorTLS); err != nil {
		return roles, err
	}
	if c.doorTLS && (c.doorListen == "" || c.doorListen == "-") {
		return roles, hint(errors.New("--door-tls needs the address of the HTTP door"), "give it with --door-listen, e.g. --door-listen :8443")
	}
	if c.mqttURL != "" {
		c.mqttListen = ""
		if u, err := url.Parse(c.mqttURL); err != nil || u.User != nil {
			return roles, hint(errors.New("--mqtt-url is not an address without a login"),
				"give it as mqtt://host:1883, with --mqtt-user and --mqtt-password-file beside it")
		}
	}
	return roles, nil
}

func runServe(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	var c serveConfig
	c.flags(fs)
	rest, err := p.parse(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return hint(fmt.Errorf("serve takes no argument %q", rest[0]), "see 'buurtmeter serve -h'")
	}
	return p.serve(ctx, c, nil)
}

// heapFloor is memory that is never touched, and so takes none of the machine. The
// garbage collector runs when the heap has doubled; that of a small server is so
// small that under load it would run all the time (measured: a tenth to a fifth of
// the processor). With this, what is left behind between two runs is 64 MiB more.
const heapFloor = 64 << 20

// serve starts the server, calls with (when set) beside it, and runs until ctx
// ends or a part fails. Parts are stopped in the reverse order of their start:
// first the doors, so that nothing is acknowledged any more, then the pipeline,
// which commits what it took in, then the readers, and the stores last.
func (p *program) serve(ctx context.Context, c serveConfig, with func(context.Context, *server) error) error {
	log, err := logger(p.stderr, c.logLevel)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(make([]byte, heapFloor))
	s := &server{config: c, log: log, now: p.now, fail: make(chan error, 8)}
	defer func() {
		if e := s.stop(); e != nil {
			s.log.ErrorContext(ctx, "stopping", slog.Any("error", e))
		}
	}()
	if err := s.start(ctx); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "buurtmeter is ready", slog.String("site", s.publicURL), slog.String("mqtt", s.mqttAddr), slog.String("door", s.doorAddr))
	if s.publicURL != "" { // only the role api has an address to go to
		_, _ = fmt.Fprintf(p.stdout, "Buurtmeter staat klaar / is ready: %s\n", s.publicURL)
	}
	if p.ready != nil {
		p.ready(addresses{HTTP: s.httpAddr, MQTT: s.mqttAddr, Door: s.doorAddr, Metrics: s.metricsAddr})
	}
	if with != nil {
		s.background(ctx, "fleet", func(ctx context.Context) error { return with(ctx, s) })
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.fail:
		return err
	}
}

// stage is one started part with its way to stop.
type stage struct {
	name string
	stop func() error
}

// stopTimeout bounds how long one part may take to stop.
const stopTimeout = 20 * time.Second

// onStop registers how to stop a part that was just started.
func (s *server) onStop(name string, stop func() error) {
	s.stages = append(s.stages, stage{name, stop})
}

// closer registers a Close method.
func (s *server) closer(name string, c io.Closer) { s.onStop(name, c.Close) }

// background runs fn until its part is stopped, which is later than the end of
// ctx: parts stop in order. An error of fn ends the server.
func (s *server) background(ctx context.Context, name string, fn func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := fn(ctx); err != nil && ctx.Err() == nil {
			select {
			case s.fail <- fmt.Errorf("%s: %w", name, err):
			default:
			}
		}
	}()
	s.onStop(name, func() error {
		cancel()
		select {
		case <-done:
			return nil
		case <-time.After(stopTimeout):
			return fmt.Errorf("%s did not stop within %s", name, stopTimeout)
		}
	})
}

// stop ends all parts, last started first. It may be called twice.
func (s *server) stop() error {
	var errs []error
	for i := len(s.stages) - 1; i >= 0; i-- {
		if err := s.stages[i].stop(); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", s.stages[i].name, err))
		}
	}
	s.stages = nil
	return errors.Join(errs...)
}

// listen opens the HTTP address so that an occupied port is an error at start.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, hint(fmt.Errorf("site and API: %w", err), "choose a free address with --http, e.g. --http 127.0.0.1:8090")
	}
	return ln, nil
}
