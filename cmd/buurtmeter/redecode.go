package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"
)

// runRedecode lets rejected messages be decoded again, by the server that
// ingests, and waits for the outcome.
func runRedecode(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("redecode", flag.ContinueOnError)
	var c stores
	c.flags(fs)
	since := fs.String("since", "", "first day, or moment, of arrival: 2026-11-01 or 2026-11-01T08:00:00Z")
	cause := fs.String("cause", "", "only this cause, e.g. json (default: every cause that decoding can help)")
	wait := fs.Duration("wait", time.Minute, "how long to wait for the server; 0 to leave it to the server")
	rest, err := p.parse(fs, args)
	if err != nil {
		return err
	}
	from, err := parseMoment(*since)
	if err != nil || len(rest) > 0 {
		return hint(errors.Join(errors.New("redecode wants a first day"), err), "buurtmeter redecode --since 2026-11-01")
	}
	reg, err := p.openRegister(ctx, c)
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	n, err := reg.RedecodeSince(ctx, from, *cause)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(p.stdout, "%d rejected messages are decoded again\n", n)
	if n == 0 || *wait == 0 {
		return nil
	}
	before, err := reg.RejectCounts(ctx)
	if err != nil {
		return err
	}
	deadline := time.NewTimer(*wait)
	defer deadline.Stop()
	for {
		left, err := reg.WaitingCount(ctx)
		if err != nil {
			return err
		}
		if left == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return hint(fmt.Errorf("%d messages still wait", left), "is a server with the role ingest running on this register? It does the rest when it runs")
		case <-time.After(200 * time.Millisecond):
		}
	}
	after, err := reg.RejectCounts(ctx)
	if err != nil {
		return err
	}
	left := map[string]int64{}
	for _, r := range after {
		left[r.Cause] = r.Distinct
	}
	for _, r := range before {
		_, _ = fmt.Fprintf(p.stdout, "%s: %d understood now, %d left\n", r.Cause, max(0, r.Distinct-left[r.Cause]), left[r.Cause])
	}
	return nil
}
