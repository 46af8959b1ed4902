package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"buurtmeter/firmware-sim/wire"
	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/engine"
)

// embeddedMode measures the program alone: broker, time series engine and
// register in one process. Each publisher is a station that waits for the
// acknowledgement of a message before it sends the next. At the end the program
// is killed (SIGKILL) and what it acknowledged is counted in its files.
func (b *bench) embeddedMode(ctx context.Context) error {
	b.printf("\nEmbedded: broker, engine and register in one process; one message on its way per publisher;\nacknowledged means committed. The program is killed at the end and its files are read.\n\n")
	b.printf("%10s %15s %14s %10s %10s %9s %8s\n", "publishers", "acknowledged/s", "CPU s/million", "ack p50", "ack p99", "peak MB", "missing")
	for text := range strings.SplitSeq(b.clients, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no number of publishers", text)
		}
		if err := b.embed(ctx, n); err != nil {
			return fmt.Errorf("%d publishers: %w", n, err)
		}
	}
	b.printf("wanted: >= 20,000 with 100 publishers, 0 missing\n")
	return nil
}

func (b *bench) embed(ctx context.Context, publishers int) error {
	data := filepath.Join(b.dir, fmt.Sprintf("embedded-%d", publishers))
	tokens, err := enrol(ctx, data, publishers)
	if err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	p, err := spawn(ctx, "buurtmeter", "buurtmeter is ready", b.buurtmeter, "serve", "--data", data, "--http", "127.0.0.1:0", "--mqtt-listen", addr,
		"--door-listen", "-", "--mqtt-station-rate", "1000000") // what it can do, not what it grants one station
	if err != nil {
		return err
	}
	defer p.stop(syscall.SIGKILL)
	before, err := p.cpu()
	if err != nil {
		return err
	}
	f := flood{url: "mqtt://" + addr, tokens: tokens, delays: make([][]time.Duration, publishers)}
	took, err := f.run(ctx, b.embedded)
	if err != nil {
		return fmt.Errorf("%w; the program says:\n%s", err, p.said)
	}
	after, err := p.cpu()
	if err != nil {
		return err
	}
	peak, err := p.peak()
	if err != nil {
		return err
	}
	p.stop(syscall.SIGKILL)
	stored, err := countEmbedded(ctx, data)
	if err != nil {
		return err
	}
	acked := int(f.acked.Load())
	missing := max(0, acked-stored)
	b.lost = b.lost || missing > 0
	p50, p99 := f.quantiles()
	b.printf("%10d %15.0f %14.1f %10s %10s %9.0f %8d\n", publishers, float64(acked)/took.Seconds(), (after-before).Seconds()*1e6/float64(acked),
		p50.Round(10*time.Microsecond), p99.Round(10*time.Microsecond), float64(peak)/(1<<20), missing)
	return nil
}

// countEmbedded counts the readings in the folder of a program that has ended.
func countEmbedded(ctx context.Context, data string) (int, error) {
	e, err := engine.Open(filepath.Join(data, "influx"), nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = e.Close() }()
	s, err := series.Open(ctx, series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
	if err != nil {
		return 0, err
	}
	defer func() { _ = s.Close() }()
	n, err := s.Count(ctx)
	return int(n), err
}

// flood is a number of stations that send as fast as they are acknowledged.
type flood struct {
	url    string
	tokens []string
	acked  atomic.Int64
	delays [][]time.Duration // by publisher
}

// run lets all stations send for the given time and returns how long it was.
func (f *flood) run(ctx context.Context, d time.Duration) (time.Duration, error) {
	conns := make([]*wire.Conn, len(f.tokens))
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	for i, token := range f.tokens {
		var err error
		if conns[i], err = wire.Dial(ctx, wire.Options{Broker: f.url, ClientID: "bench", Username: stationID(i), Password: token}); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	end := start.Add(d)
	errs := make(chan error, len(conns))
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() {
			if err := f.station(ctx, c, i, end); err != nil {
				errs <- fmt.Errorf("%s: %w", stationID(i), err)
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	select {
	case err := <-errs:
		return took, err
	default:
		return took, ctx.Err()
	}
}

func (f *flood) station(ctx context.Context, c *wire.Conn, i int, end time.Time) error {
	var buf []byte
	id := stationID(i)
	for n := 0; ctx.Err() == nil; n++ {
		sent := time.Now()
		if !sent.Before(end) {
			return nil
		}
		buf = appendMessage(buf[:0], id, i, n)
		if _, err := c.Publish(stationTopic(id), buf); err != nil {
			return err
		}
		if err := c.Flush(); err != nil {
			return err
		}
		if _, err := c.Ack(); err != nil {
			return err
		}
		f.acked.Add(1)
		f.delays[i] = append(f.delays[i], time.Since(sent))
	}
	return nil
}

// quantiles returns the median and the 99th percentile of the times to an
// acknowledgement.
func (f *flood) quantiles() (p50, p99 time.Duration) {
	all := slices.Concat(f.delays...)
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100]
}
