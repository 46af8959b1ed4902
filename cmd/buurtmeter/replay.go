package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"buurtmeter/geo"
	"buurtmeter/ingest/mqtt"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

type replayConfig struct {
	stores
	dir, kits, official string
	broker, passwords   string
	speed               float64
	state               string
	settle              time.Duration
}

// runReplay publishes the rows of a file of resident kits over MQTT, each as
// the kit that measured it, and compares what the platform made of them with
// the file.
func runReplay(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("replay", flag.ContinueOnError)
	var c replayConfig
	c.flags(fs)
	fs.StringVar(&c.dir, "dir", "", "folder with Voorbeeld_HLL_sensoren.csv and Voorbeeld_HLL_LML.csv")
	fs.StringVar(&c.kits, "kits", "", "file of resident kits (default: the one in --dir)")
	fs.StringVar(&c.official, "official", "", "file of official stations (default: the one in --dir; '-' for none)")
	fs.StringVar(&c.broker, "mqtt", "tcp://127.0.0.1:1883", "MQTT broker to publish to")
	fs.StringVar(&c.passwords, "passwords", "", "file with 'station password' lines for an external broker (default: new tokens from the register)")
	fs.Float64Var(&c.speed, "speed", 0, "hours of data per second; 0 is as fast as it is acknowledged")
	fs.StringVar(&c.state, "state", "", "file that remembers what was acknowledged, to resume (default: in the data folder)")
	fs.DurationVar(&c.settle, "settle", 5*time.Minute, "how long to wait until the hours are computed")
	rest, err := p.parse(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return hint(fmt.Errorf("replay takes no argument %q", rest[0]), "name the folder with --dir")
	}
	if c.dir != "" && c.kits == "" {
		c.kits = filepath.Join(c.dir, "Voorbeeld_HLL_sensoren.csv")
	}
	if c.dir != "" && c.official == "" {
		c.official = filepath.Join(c.dir, "Voorbeeld_HLL_LML.csv")
	}
	if c.kits == "" {
		return hint(errors.New("replay wants a file"), "buurtmeter replay --dir FOLDER, or --kits FILE")
	}
	if !(c.speed >= 0) || math.IsInf(c.speed, 0) {
		return hint(fmt.Errorf("--speed %g is not a speed", c.speed), "give the hours of data per second, e.g. --speed 24, or 0 for as fast as it is acknowledged")
	}
	return p.replay(ctx, c)
}

func (p *program) replay(ctx context.Context, c replayConfig) error {
	kits, facts, err := readReplay(c.kits, reading.KindSensor)
	if err != nil {
		return hint(err, "give a file with the columns of the RIVM example set")
	}
	_, _ = fmt.Fprintf(p.stdout, "%s: %d rows of %d kits; %d rows have the kit and the date of an earlier one\n", filepath.Base(c.kits), facts.rows, facts.kits, facts.repeated)
	all := kits
	if c.official != "" && c.official != "-" {
		stations, f, err := readReplay(c.official, reading.KindReference)
		if err != nil {
			return hint(err, "give a file of Luchtmeetnet hours, or --official - for none")
		}
		_, _ = fmt.Fprintf(p.stdout, "%s: %d rows of %d official stations (their positions are not in the file)\n", filepath.Base(c.official), f.rows, f.kits)
		all = append(all, stations...)
	}
	reg, err := p.openRegister(ctx, c.stores)
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	if err := brokerAnswers(ctx, c.broker, all); err != nil {
		return err
	}
	state, err := openReplayState(c, all)
	if err != nil {
		return err
	}
	tokens, err := p.enrol(ctx, reg, all, c)
	if err != nil {
		return err
	}
	err = p.publishAll(ctx, c, all, tokens, state)
	if e := state.settle(); err == nil {
		err = e
	}
	if err != nil {
		var h *hinted
		switch {
		case errors.As(err, &h):
			return err
		case errors.Is(err, mqtt.ErrLogin):
			return wrongLogin(err, c)
		}
		return hint(err, "start the same command again: it goes on after what was acknowledged")
	}
	if err := p.awaitHours(ctx, reg, c.settle); err != nil {
		return err
	}
	if err := p.compare(ctx, reg, all, state); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "\n%d stations, %d of them without a known position: they have no area\n", len(all), withoutPosition(all))
	return err
}

// brokerAnswers logs in without a password before anything is registered: a
// refusal tells that a broker is there.
func brokerAnswers(ctx context.Context, broker string, kits []*replayKit) error {
	if len(kits) == 0 {
		return hint(errors.New("the file has no rows"), "give a file with at least one row below the heading")
	}
	pub, err := mqtt.Dial(ctx, mqtt.PublisherOptions{URL: broker, Station: kits[0].station.ID})
	switch {
	case err == nil:
		pub.Close()
	case !errors.Is(err, mqtt.ErrLogin):
		return hint(fmt.Errorf("no MQTT broker answers: %w", err), "start the server first, and name its broker with --mqtt, e.g. --mqtt tcp://127.0.0.1:1883")
	}
	return nil
}

// wrongLogin says what may be behind a refused login.
func wrongLogin(err error, c replayConfig) error {
	if c.passwords != "" {
		return hint(err, "does %s hold the password of every station, as the broker at %s knows it?", c.passwords, c.broker)
	}
	return hint(err, "is --data or --register the one of the server behind %s itself? For an external broker give --passwords", c.broker)
}

// enrol registers the kits that are not yet known, finds their areas, and
// gives each a token: new ones from the register, or those of the file. The
// first kit logs in before the others are touched, because a register that is
// not the broker's own would be filled for nothing.
func (p *program) enrol(ctx context.Context, reg *register.Register, kits []*replayKit, c replayConfig) (map[reading.StationID]string, error) {
	areas, err := geo.OpenStore(ctx, reg)
	if err != nil {
		return nil, fmt.Errorf("areas: %w", err)
	}
	tokens, err := readPasswords(c.passwords)
	if err != nil {
		return nil, err
	}
	for i, k := range kits {
		token, err := reg.AddStation(ctx, k.station, k.position, "replay")
		switch {
		case errors.Is(err, register.ErrStationExists) && c.passwords == "":
			token, err = takeOver(ctx, reg, k.station, "replay")
		case errors.Is(err, register.ErrStationExists):
			err = nil
		case err == nil && !k.position.IsZero():
			err = areas.Assign(ctx, k.station.ID, k.position)
		}
		if err != nil {
			return nil, fmt.Errorf("register %s: %w", k.station.ID, err)
		}
		if c.passwords == "" {
			tokens[k.station.ID] = token
		}
		if i > 0 {
			continue
		}
		pub, err := mqtt.Dial(ctx, mqtt.PublisherOptions{URL: c.broker, Station: k.station.ID, Token: tokens[k.station.ID]})
		if errors.Is(err, mqtt.ErrLogin) {
			return nil, wrongLogin(fmt.Errorf("%s: %w", k.station.ID, err), c)
		}
		if err != nil {
			return nil, hint(fmt.Errorf("%s: %w", k.station.ID, err), "start the same command again")
		}
		pub.Close()
	}
	return tokens, nil
}

// takeOver gives a station that this program registered before a new token. A
// station of somebody else that happens to have the same id is left alone.
func takeOver(ctx context.Context, reg *register.Register, st reading.Station, actor string) (string, error) {
	known, err := reg.Station(ctx, st.ID)
	if err != nil {
		return "", err
	}
	if known.Simulated != st.Simulated || known.Model != st.Model || known.Maker != st.Maker {
		return "", hint(fmt.Errorf("%s is another station, registered as %q", st.ID, known.Title), "use another --data folder or register")
	}
	return reg.RotateToken(ctx, st.ID, actor)
}

func readPasswords(path string) (map[reading.StationID]string, error) {
	tokens := map[reading.StationID]string{}
	if path == "" {
		return tokens, nil
	}
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, hint(err, "give a file with 'station password' lines")
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 2 {
			return nil, hint(fmt.Errorf("%s line %d is not a station and a password", path, n), "one 'station password' per line")
		}
		tokens[reading.StationID(fields[0])] = fields[1]
	}
	return tokens, lines.Err()
}

// maxConnections bounds how many kits publish at the same time.
const maxConnections = 64

func (p *program) publishAll(ctx context.Context, c replayConfig, kits []*replayKit, tokens map[reading.StationID]string, state *replayState) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var acked, total atomic.Int64
	var first time.Time
	for _, k := range kits {
		total.Add(int64(len(k.rows)))
		acked.Add(int64(min(state.done(k.station.ID), len(k.rows))))
		if s := k.station.Since; !s.IsZero() && (first.IsZero() || s.Before(first)) {
			first = s
		}
	}
	progress := p.progress(ctx, state, &acked, total.Load())
	slots := make(chan struct{}, maxConnections)
	if c.speed > 0 { // paced by the clock, so all kits must be connected at once
		slots = make(chan struct{}, len(kits))
	}
	errs := make(chan error, len(kits))
	start := p.now()
	for _, k := range kits {
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			pace := pacer{first: first, start: start, speed: c.speed, now: p.now}
			errs <- publishKit(ctx, c.broker, k, tokens[k.station.ID], state, &acked, pace)
		}()
	}
	var failed error
	for range kits {
		if err := <-errs; err != nil && failed == nil {
			failed = err
			cancel()
		}
	}
	cancel()
	<-progress
	return failed
}

// pacer waits until it is time to publish a row of a given hour.
type pacer struct {
	first, start time.Time
	speed        float64
	now          func() time.Time
}

func (pc pacer) wait(ctx context.Context, at time.Time) error {
	if pc.speed <= 0 || at.IsZero() {
		return ctx.Err()
	}
	due := pc.start.Add(time.Duration(float64(at.Sub(pc.first)) / pc.speed / 3600))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(due.Sub(pc.now())):
		return nil
	}
}

// publishKit publishes the rows that were not acknowledged before, in order,
// and returns when all are acknowledged.
func publishKit(ctx context.Context, broker string, k *replayKit, token string, state *replayState, acked *atomic.Int64, pace pacer) error {
	if state.done(k.station.ID) >= len(k.rows) {
		return nil
	}
	from, err := state.resume(k.station.ID)
	if err != nil {
		return err
	}
	pub, err := mqtt.Dial(ctx, mqtt.PublisherOptions{URL: broker, Station: k.station.ID, Token: token})
	if err != nil {
		return fmt.Errorf("%s: %w", k.station.ID, err)
	}
	defer pub.Close()
	for i := from; i < len(k.rows); i++ {
		if err := pace.wait(ctx, k.rows[i].at); err != nil {
			return err
		}
		if err := state.reserve(k.station.ID, i+1, len(k.rows)); err != nil {
			return err
		}
		if err := pub.Publish(ctx, k.rows[i].payload); err != nil {
			return fmt.Errorf("%s: row %d: %w", k.station.ID, i+1, err)
		}
		state.ack(k.station.ID, i+1)
		acked.Add(1)
	}
	return nil
}

// progress prints a line a second and saves the state; the channel closes when
// ctx has ended.
func (p *program) progress(ctx context.Context, state *replayState, acked *atomic.Int64, total int64) <-chan struct{} {
	done := make(chan struct{})
	start, before := p.now(), acked.Load()
	line := func() {
		n := acked.Load()
		rate := float64(n-before) / max(p.now().Sub(start).Seconds(), 0.001)
		_, _ = fmt.Fprintf(p.stderr, "acknowledged %d of %d rows (%.0f/s)\n", n, total, rate)
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				line()
				return
			case <-tick.C:
				line()
				_ = state.save() // the final save reports its error
			}
		}
	}()
	return done
}
