package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"buurtmeter/firmware-sim/wire"
	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/engine"
)

// embeddedMode measures the program alone: broker, time series engine and
// register in one process. Each publisher is a station that sends as fast as it is
// acknowledged, with so many messages on their way. At the end the program is
// killed (SIGKILL) and what it acknowledged is counted in its files.
func (b *bench) embeddedMode(ctx context.Context) error {
	b.printf("\nEmbedded: broker, engine and register in one process. Acknowledged means committed. The program is killed at the\nend and its files are read. CPU is in seconds per million messages, of the program and of the publishers beside it.\n\n")
	b.printf("%10s %10s %15s %8s %11s %10s %10s %8s %8s\n", "publishers", "on the way", "acknowledged/s", "CPU", "publishers", "ack p50", "ack p99", "peak MB", "missing")
	for text := range strings.SplitSeq(b.clients, ",") {
		publishers, window, given := strings.Cut(text, "x")
		if !given {
			window = "1"
		}
		n, err := strconv.Atoi(publishers)
		w, badWindow := strconv.Atoi(window)
		if err != nil || badWindow != nil || n < 1 || w < 1 {
			return fmt.Errorf("%q is no number of publishers, nor that and how many messages each has on the way, as in 100x10", text)
		}
		if err := b.embed(ctx, n, w); err != nil {
			return fmt.Errorf("%s publishers: %w", text, err)
		}
	}
	b.printf("wanted: >= 20,000 with 100 publishers, 0 missing\n")
	return nil
}

func (b *bench) embed(ctx context.Context, publishers, window int) error {
	data := filepath.Join(b.dir, fmt.Sprintf("embedded-%dx%d", publishers, window))
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
	f := flood{url: "mqtt://" + addr, tokens: tokens, window: window, delays: make([][]time.Duration, publishers)}
	took, used, err := f.run(ctx, p, b.embedded)
	if err != nil {
		return fmt.Errorf("%w; the program says:\n%s", err, p.said)
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
	acked := f.acked()
	missing := max(0, acked-stored)
	b.lost = b.lost || missing > 0
	p50, p99 := f.quantiles()
	b.printf("%10d %10d %15.0f %8.1f %11.1f %10s %10s %8.0f %8d\n", publishers, window, float64(acked)/took.Seconds(),
		used[0].Seconds()*1e6/float64(acked), used[1].Seconds()*1e6/float64(acked),
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
	// window is how many messages a station may have on their way.
	window int
	delays [][]time.Duration // by publisher
}

// run lets all stations send to the program for the given time. It returns how long
// it was, and the CPU time of the program and of ourselves.
func (f *flood) run(ctx context.Context, p *process, d time.Duration) (took time.Duration, used [2]time.Duration, err error) {
	conns := make([]*wire.Conn, len(f.tokens))
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	for i, token := range f.tokens {
		if conns[i], err = wire.Dial(ctx, wire.Options{Broker: f.url, ClientID: "bench", Username: stationID(i), Password: token}); err != nil {
			return 0, used, err
		}
	}
	before, err := bothCPU(p)
	if err != nil {
		return 0, used, err
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
	took = time.Since(start)
	after, err := bothCPU(p)
	select {
	case err = <-errs:
	default:
		if err == nil {
			err = ctx.Err()
		}
	}
	return took, [2]time.Duration{after[0] - before[0], after[1] - before[1]}, err
}

// bothCPU is the CPU time of a program and of ourselves.
func bothCPU(p *process) (used [2]time.Duration, err error) {
	if used[0], err = p.cpu(); err == nil {
		used[1], err = cpuOf(os.Getpid())
	}
	return used, err
}

// station keeps a window of messages on their way until the end: when some are
// acknowledged, as many go out in one write.
func (f *flood) station(ctx context.Context, c *wire.Conn, i int, end time.Time) error {
	var buf []byte
	id, name := stationID(i), stationTopic(stationID(i))
	sent := make([]time.Time, f.window) // by number of the message, modulo the window
	for n, acked := 0, 0; ctx.Err() == nil; {
		now := time.Now()
		for ; n-acked < f.window && now.Before(end); n++ {
			buf = appendMessage(buf[:0], id, i, n)
			if _, err := c.Publish(name, buf); err != nil {
				return err
			}
			sent[n%f.window] = now
		}
		if n == acked {
			return nil
		}
		if err := c.Flush(); err != nil {
			return err
		}
		for more := true; more; more = c.Acked() {
			if _, err := c.Ack(); err != nil {
				return err
			}
			f.delays[i] = append(f.delays[i], time.Since(sent[acked%f.window]))
			acked++
		}
	}
	return nil
}

// acked is how many messages were acknowledged. It is called after run.
func (f *flood) acked() (n int) {
	for _, d := range f.delays {
		n += len(d)
	}
	return n
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
