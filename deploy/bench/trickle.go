package main

import (
	"context"
	"fmt"
)

// trickleRate is slow enough for every consumer, in messages per second.
const trickleRate = 200

// trickled sends a few messages a second through a broker with its default
// limits: 20 messages on their way to a consumer and 1000 waiting. What does
// not fit there the broker throws away after it has acknowledged it, so a
// consumer that acknowledges late loses.
func (b *bench) trickled(ctx context.Context) error {
	b.printf("\nTrickle: %s messages at %d a second, Mosquitto with its default limits (inflight 20, queue 1000).\n", thousands(b.trickle), trickleRate)
	type outcome struct {
		name string
		n    int
		err  error
	}
	consumers := []consumer{b.peer("telegraf, QoS 1, persistent, else default", telegrafPlain), b.ours("buurtmeter", "ingest")}
	outcomes := make(chan outcome, len(consumers))
	for _, c := range consumers { // at the same time: the machine is idle anyway
		go func() {
			n, err := b.trickleOne(ctx, c)
			outcomes <- outcome{c.name, n, err}
		}()
	}
	lines := map[string]string{}
	for range consumers {
		o := <-outcomes
		if o.err != nil {
			return fmt.Errorf("%s: %w", o.name, o.err)
		}
		missing := b.trickle - o.n
		lines[o.name] = fmt.Sprintf("%-44s %8s stored %8s missing  %5.1f %%\n", o.name, thousands(o.n), thousands(missing), 100*float64(missing)/float64(b.trickle))
		b.lost = b.lost || o.name == "buurtmeter" && missing > 0
	}
	for _, c := range consumers {
		b.printf("%s", lines[c.name])
	}
	return nil
}

func (b *bench) trickleOne(ctx context.Context, c consumer) (stored int, err error) {
	t, err := b.set(ctx, c)
	defer t.end()
	if err != nil {
		return 0, err
	}
	b.notef("%s: %d messages at %d a second", c.name, b.trickle, trickleRate)
	sent := make(chan error, 1)
	go func() {
		sent <- load{url: t.broker.url(), messages: b.trickle, stations: min(b.stations, 200), publishers: 1, window: 100, rate: trickleRate}.publish(ctx)
	}()
	if _, err := t.stored(ctx, b.trickle, sent); err != nil {
		return 0, err
	}
	return t.influx.count(ctx, t.db, t.measurement)
}
