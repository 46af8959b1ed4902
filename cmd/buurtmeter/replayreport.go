package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// awaitHours waits until no hour is marked dirty any more.
func (p *program) awaitHours(ctx context.Context, reg *register.Register, limit time.Duration) error {
	deadline := p.now().Add(limit)
	for {
		n, err := reg.DirtyCount(ctx)
		if err != nil {
			return fmt.Errorf("wait for the hours: %w", err)
		}
		if n == 0 {
			return nil
		}
		if p.now().After(deadline) {
			return hint(fmt.Errorf("%d hours still wait to be computed", n), "is a server with the role judge running on the same register?")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// platformFacts is what the register holds of the replayed stations.
type platformFacts struct {
	// clean is of the hours without any flag, used of those that take part in
	// means: a note does not keep an hour out.
	clean, used map[reading.Property]hourSum
	flags       map[reading.Property]map[string]int64
	// longestRun is the greatest number of successive hours flagged constant.
	longestRun int
	// atZero and noPlace count rows of kits at latitude 0 and of kits without
	// coordinates: flagged hours of PM10, which each dated row has.
	atZero, noPlace int64
	rejects         map[string]register.RejectCount
}

// hourSum is a number of hours and the sum of their means in 1/HourScale unit.
type hourSum struct{ n, sum int64 }

func (h hourSum) plus(v int32) hourSum { return hourSum{h.n + 1, h.sum + int64(v)} }

// maxKept bounds how many rejects are read per station.
const maxKept = 100_000

func readPlatform(ctx context.Context, reg *register.Register, kits []*replayKit) (platformFacts, error) {
	f := platformFacts{
		clean: map[reading.Property]hourSum{}, used: map[reading.Property]hourSum{},
		flags: map[reading.Property]map[string]int64{}, rejects: map[string]register.RejectCount{},
	}
	for _, k := range kits {
		for _, info := range reading.Properties() {
			run := 0
			err := reg.EachBlock(ctx, k.station.ID, info.Property, 0, reading.MonthOf(reading.Hour(1<<20)), func(b reading.Block) error {
				f.add(b, k, &run)
				return nil
			})
			if err != nil {
				return f, fmt.Errorf("blocks of %s: %w", k.station.ID, err)
			}
		}
		kept, err := reg.Rejects(ctx, k.station.ID, maxKept)
		if err != nil {
			return f, fmt.Errorf("rejects of %s: %w", k.station.ID, err)
		}
		for _, r := range kept {
			c := f.rejects[r.Cause]
			c.Distinct++
			c.Arrivals += r.Arrivals
			f.rejects[r.Cause] = c
		}
	}
	return f, nil
}

func (f *platformFacts) add(b reading.Block, k *replayKit, run *int) {
	if f.flags[b.Property] == nil {
		f.flags[b.Property] = map[string]int64{}
	}
	for i, v := range b.Values {
		for _, key := range b.Flags[i].Keys() {
			f.flags[b.Property][key]++
		}
		if b.Property == reading.PM10 && b.Flags[i]&reading.NoPosition != 0 {
			if k.atZero {
				f.atZero++
			} else {
				f.noPlace++
			}
		}
		switch {
		case b.Flags[i]&reading.Constant != 0:
			*run++
			f.longestRun = max(f.longestRun, *run)
		case v != reading.Missing:
			*run = 0
		}
		// Notes that come from looking at other hours and stations say nothing
		// about what the file holds, and some come later than this.
		if v != reading.Missing && b.Flags[i]&^reading.OnHours == 0 && b.Flags[i]&reading.Constant == 0 {
			f.clean[b.Property] = f.clean[b.Property].plus(v)
		}
		if b.Valid(i) {
			f.used[b.Property] = f.used[b.Property].plus(v)
		}
	}
}

// compare prints the file beside the platform and fails when they differ.
func (p *program) compare(ctx context.Context, reg *register.Register, kits, all []*replayKit, facts fileFacts) error {
	got, err := readPlatform(ctx, reg, kits)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\ndirt of the kits\tin the file\ton the platform\twhere")
	var wrong []string
	line := func(name string, file, platform int64, where string) {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", name, file, platform, where)
		if file != platform {
			wrong = append(wrong, name)
		}
	}
	undated := got.rejects["time-missing"]
	line("rows without a date", int64(facts.noDate), undated.Arrivals, "reject table, time-missing")
	line("the same kit and date again", int64(facts.duplicateKeys), undated.Arrivals-undated.Distinct+got.flags[reading.PM10]["duplicate"], "reject table, arrivals of a payload kept once; flag duplicate")
	line("NO2 of -999", int64(facts.missing), got.flags[reading.NO2]["missing-code"], "flag missing-code")
	line("rows at lat 0", int64(facts.atZero), got.atZero+undatedRows(kits, true), "flag no-position, or undated in the reject table")
	line("rows without coordinates", int64(facts.noPlace), got.noPlace+undatedRows(kits, false), "flag no-position, or undated in the reject table")
	line("PM2.5 above PM10", int64(facts.pmOrder), got.flags[reading.PM25]["pm-order"], "flag pm-order")
	_, _ = fmt.Fprintf(w, "constant run of PM10/PM2.5\t-\t%d/%d\tflag constant, longest run %d hours\n",
		got.flags[reading.PM10]["constant"], got.flags[reading.PM25]["constant"], got.longestRun)
	for _, info := range reading.Properties() {
		if n := got.flags[info.Property]["range"]; n > 0 {
			_, _ = fmt.Fprintf(w, "%s out of range\t-\t%d\tflag range\n", info.Symbol, n)
		}
	}
	for _, group := range []struct {
		title string
		of    map[reading.Property]hourSum
	}{{"hours without a flag on their readings or a constant run", got.clean}, {"hours that take part in means", got.used}} {
		_, _ = fmt.Fprintf(w, "\n%s\tcount\tsum\tmean\n", group.title)
		for _, info := range reading.Properties() {
			if h := group.of[info.Property]; h.n > 0 {
				sum := float64(h.sum) / reading.HourScale
				_, _ = fmt.Fprintf(w, "%s\t%d\t%.4f\t%.4f %s\n", info.Symbol, h.n, sum, sum/float64(h.n), info.Unit)
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(p.stdout, "\n%d stations, %d of them without a known position: they have no area\n", len(all), withoutPosition(all))
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return hint(fmt.Errorf("the platform does not agree with the file on: %s", strings.Join(wrong, ", ")),
			"was an earlier replay of other rows stored in the same register?")
	}
	return nil
}

// undatedRows counts the undated rows of kits without a position, at latitude 0
// or without coordinates.
func undatedRows(kits []*replayKit, atZero bool) int64 {
	var n int64
	for _, k := range kits {
		if !k.position.IsZero() || k.atZero != atZero {
			continue
		}
		for _, r := range k.rows {
			if r.at.IsZero() {
				n++
			}
		}
	}
	return n
}

func withoutPosition(kits []*replayKit) (n int) {
	for _, k := range kits {
		if k.position.IsZero() {
			n++
		}
	}
	return n
}
