package main

import (
	"context"
	"runtime"
	"strings"
	"time"
)

// race gives the same messages to the peer and to ours.
func (b *bench) race(ctx context.Context) error {
	b.printf("\nRace: %s messages (%d bytes, 5 values, QoS 1) of %s stations over %d connections, Mosquitto with\nmax_inflight_messages 1000, into influxd 1.8.10. Publishers and servers run on the same %d cores.\n",
		thousands(b.messages), messageBytes, thousands(b.stations), b.publishers, runtime.NumCPU())
	var results []result
	for _, c := range []consumer{
		b.peer("telegraf, tuned", telegrafTuned),
		b.ours("buurtmeter, role ingest", "ingest"),
		b.ours("buurtmeter, all roles", "ingest,judge,api"),
	} {
		if !strings.Contains(c.name, b.only) {
			continue
		}
		r, err := b.run(ctx, c)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	b.printf("\n%-26s %11s %14s %9s %8s %13s %15s\n", "", "messages/s", "CPU s/million", "peak MB", "missing", "influxd CPU s", "mosquitto CPU s")
	for _, r := range results {
		b.printf("%-26s %11.0f %14.1f %9.0f %8d %13.1f %15.1f\n", r.name, r.rate, r.perMillion(r.cpu), float64(r.peak)/(1<<20), r.missing,
			r.perMillion(r.influxd), r.perMillion(r.mosquitto))
	}
	b.printf("\n")
	for _, r := range results {
		b.lost = b.lost || r.missing > 0 && r.measurement == "reading"
	}
	if len(results) < 2 {
		return nil // only one was asked for
	}
	peer := results[0]
	for _, r := range results[1:] {
		b.printf("%-26s %10.2fx %13.2fx %8.2fx   of telegraf\n", r.name, r.rate/peer.rate, r.perMillion(r.cpu)/peer.perMillion(peer.cpu), float64(r.peak)/float64(peer.peak))
	}
	b.printf("wanted of role ingest:      >= 1.00x       <= 0.50x                  0 missing\n")
	return nil
}

// run measures one consumer.
func (b *bench) run(ctx context.Context, c consumer) (r result, err error) {
	b.notef("%s: starting", c.name)
	t, err := b.set(ctx, c, roomy()...)
	defer t.end()
	if err != nil {
		return r, err
	}
	var before [3]time.Duration
	all := []*process{t.child, t.influx.process, t.broker.process}
	for i, p := range all {
		if before[i], err = p.cpu(); err != nil {
			return r, err
		}
	}
	start := time.Now()
	sent := make(chan error, 1)
	go func() {
		sent <- load{url: t.broker.url(), messages: b.messages, stations: b.stations, publishers: b.publishers, window: 100}.publish(ctx)
	}()
	end, err := t.stored(ctx, b.messages, sent)
	if err != nil {
		return r, err
	}
	r = result{name: c.name, measurement: c.measurement, rate: float64(b.messages) / end.Sub(start).Seconds(), messages: b.messages}
	if r.cpu, err = t.child.settle(ctx); err != nil {
		return r, err
	}
	r.cpu -= before[0]
	for i, to := range []*time.Duration{&r.influxd, &r.mosquitto} {
		used, err := all[i+1].cpu()
		if err != nil {
			return r, err
		}
		*to = used - before[i+1]
	}
	if r.peak, err = t.child.peak(); err != nil {
		return r, err
	}
	n, err := t.influx.count(ctx, t.db, t.measurement)
	r.missing = b.messages - n
	b.notef("%s: %.0f messages/s, %.1f CPU s per million, %d missing", c.name, r.rate, r.perMillion(r.cpu), r.missing)
	return r, err
}

// giveUp is how long after the last new point nothing more is expected.
const giveUp = 30 * time.Second

// stored waits until all messages are in the database, or no more come, and
// returns when the last one came.
func (t *trial) stored(ctx context.Context, want int, sent <-chan error) (last time.Time, err error) {
	have := 0
	for {
		select {
		case err := <-sent:
			if err != nil {
				return last, err
			}
			sent = nil
			last = later(last, time.Now().Add(-giveUp/2)) // a queue may still be full
		case <-ctx.Done():
			return last, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		n, err := t.influx.written(ctx)
		if err != nil {
			return last, err
		}
		if n > have {
			have, last = n, time.Now()
		}
		// The server counts what is written twice twice, so at the end the points
		// themselves are counted.
		if have >= want && sent == nil {
			exact, err := t.influx.count(ctx, t.db, t.measurement)
			if err != nil || exact >= want {
				return last, err
			}
		}
		if sent == nil && time.Since(last) > giveUp {
			return last, nil
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
