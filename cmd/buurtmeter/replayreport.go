package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
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

// maxKept bounds how many rejects are read per station.
const maxKept = 100_000

// platform counts what the register holds of one kit. run is the greatest
// number of successive hours flagged constant.
func platform(ctx context.Context, reg *register.Register, k *replayKit) (t counts, run int, err error) {
	t = counts{}
	for _, info := range reading.Properties() {
		now := 0
		err := reg.EachBlock(ctx, k.station.ID, info.Property, 0, reading.MonthOf(reading.Hour(1<<20)), func(b reading.Block) error {
			for i := range b.Values {
				t.hour(b, i)
				if b.Flags[i]&reading.Constant != 0 {
					now++
					run = max(run, now)
				} else if b.Values[i] != reading.Missing {
					now = 0
				}
			}
			return nil
		})
		if err != nil {
			return t, 0, fmt.Errorf("blocks of %s: %w", k.station.ID, err)
		}
	}
	kept, err := reg.Rejects(ctx, k.station.ID, maxKept)
	if err != nil {
		return t, 0, fmt.Errorf("rejects of %s: %w", k.station.ID, err)
	}
	for _, r := range kept {
		t.add(measure{what: r.Cause}, amount{n: r.Arrivals})
		t.add(measure{what: whatDistinct + r.Cause}, amount{n: 1})
	}
	st, err := reg.Station(ctx, k.station.ID)
	if err != nil {
		return t, 0, err
	}
	if !st.HasPosition {
		t.add(measure{what: whatNowhere}, amount{n: 1})
		if k.atZero > 0 {
			t.add(measure{what: whatAtZero}, amount{n: 1})
		}
	}
	return t, run, nil
}

func (t counts) hour(b reading.Block, i int) {
	// Notes that come from looking at other hours and other stations say nothing
	// about what the file holds, and some come later than this.
	flags := b.Flags[i] &^ (reading.OnHours &^ reading.Constant)
	for _, key := range flags.Keys() {
		t.add(measure{key, b.Property}, amount{n: 1})
	}
	a := amount{n: 1, sum: int64(b.Values[i])}
	if b.Values[i] != reading.Missing && flags == 0 {
		t.add(measure{whatClean, b.Property}, a)
	}
	if b.Valid(i) {
		t.add(measure{whatUsed, b.Property}, a)
	}
}

// comparison is the file beside the platform.
type comparison struct {
	file, platform counts
	// wrong names per measure the first kit that the two do not agree on.
	wrong map[measure]string
	// run is the longest constant run in hours, again the number of rows that
	// were or may have been sent again.
	run   int
	again int64
}

// compare prints the file beside the platform and fails when they differ. Every
// kit is compared for itself, so that two mistakes cannot make up for each other.
func (p *program) compare(ctx context.Context, reg *register.Register, kits []*replayKit, state *replayState) error {
	c := comparison{file: counts{}, platform: counts{}, wrong: map[measure]string{}}
	for _, k := range kits {
		spans := state.spans(k.station.ID)
		for _, s := range spans {
			c.again += int64(max(0, min(s[1], len(k.rows))-s[0]))
		}
		got, run, err := platform(ctx, reg, k)
		if err != nil {
			return err
		}
		c.run = max(c.run, run)
		c.take(k.station.ID, expect(k, spans, p.now()), got)
	}
	if err := c.print(p.stdout, kits); err != nil || len(c.wrong) == 0 {
		return err
	}
	var names []string
	for m, first := range c.wrong {
		names = append(names, m.String()+first)
	}
	slices.Sort(names)
	return hint(fmt.Errorf("the platform does not agree with the file on: %s", strings.Join(names, ", ")),
		"was an earlier replay of other rows stored in the same register?")
}

func (c *comparison) take(id reading.StationID, want, got counts) {
	for m := range merged(want, got) {
		c.file.add(m, want[m])
		c.platform.add(m, got[m])
		if !want[m].explains(got[m]) && c.wrong[m] == "" {
			c.wrong[m] = fmt.Sprintf(" (first at %s: %d in the file, %d on the platform)", id, want[m].n, got[m].n)
		}
	}
}

func merged(a, b counts) counts {
	all := maps.Clone(a)
	for m := range b {
		all[m] = amount{}
	}
	return all
}

// String says in words what is counted.
func (m measure) String() string {
	name := ""
	if info, ok := reading.InfoOf(m.property); ok {
		name = info.Symbol
	}
	switch cause, distinct := strings.CutPrefix(m.what, whatDistinct); {
	case m.what == whatUsed:
		return "hours of " + name + " that take part in means"
	case m.what == whatClean:
		return "hours of " + name + " without any flag"
	case m.what == whatNowhere:
		return "kits without a place"
	case m.what == whatAtZero:
		return "kits without a place, at lat 0"
	case m.property != "":
		return "hours of " + name + " with " + flagWords(m.what)
	case distinct:
		return "different " + rejectWords(cause)
	default:
		return rejectWords(cause)
	}
}

func flagWords(key string) string {
	switch key {
	case "missing-code":
		return "a code for no value (-999)"
	case "range":
		return "a value out of range"
	case "clock-future":
		return "a date in the future"
	case "clock-past":
		return "a date before the station"
	case "conflict":
		return "two values for one moment"
	case "constant":
		return "a constant run"
	case "pm-order":
		return "PM2.5 above PM10"
	case "duplicate":
		return "the same value again"
	case "no-position":
		return "a kit without a place"
	}
	return key
}

func rejectWords(cause string) string {
	switch cause {
	case "time-missing":
		return "rows without a date"
	case "no-values":
		return "rows without any value"
	case "time-implausible":
		return "rows of the far future"
	case "conflict":
		return "values against an earlier one of the same moment"
	}
	return "rejects " + cause
}

// print writes the table: what is kept out or noted, row by row, then the hours
// that are left.
func (c *comparison) print(out io.Writer, kits []*replayKit) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\ndirt of the kits\tin the file\ton the platform\tsent again\twhere")
	line := func(m measure, where string) {
		file, got := c.file[m], c.platform[m]
		if file.n == 0 && got.n == 0 && m.what != "time-missing" {
			return
		}
		again := "-"
		if file.n != got.n && c.wrong[m] == "" {
			again = strconv.FormatInt(got.n-file.n, 10)
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\n", m, file.n, got.n, again, where)
	}
	for _, cause := range c.causes() {
		line(measure{what: cause}, "arrivals in the reject table, "+cause)
		line(measure{what: whatDistinct + cause}, "reject table, "+cause)
	}
	line(measure{what: whatNowhere}, "register; such a kit has no area")
	line(measure{what: whatAtZero}, "register")
	for _, f := range reading.FlagTable() {
		for _, info := range reading.Properties() {
			line(measure{f.Key, info.Property}, "flag "+f.Key)
		}
	}
	_, _ = fmt.Fprintf(w, "longest constant run\t-\t%d\t-\thours\n", c.run)
	stray := 0
	for _, k := range kits {
		if !k.position.IsZero() {
			stray += k.atZero
		}
	}
	if stray > 0 {
		_, _ = fmt.Fprintf(w, "rows at lat 0 of kits with a place\t%d\t-\t-\tthe place of the kit counts\n", stray)
	}
	for _, what := range []string{whatClean, whatUsed} {
		title := "hours without any flag"
		if what == whatUsed {
			title = "hours that take part in means"
		}
		_, _ = fmt.Fprintf(w, "\n%s\tin the file\ton the platform\tsum in the file\ton the platform\tmean\n", title)
		for _, info := range reading.Properties() {
			file, got := c.file[measure{what, info.Property}], c.platform[measure{what, info.Property}]
			if file.n > 0 || got.n > 0 {
				_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%.4f\t%.4f\t%.4f %s\n", info.Symbol, file.n, got.n, scaled(file.sum), scaled(got.sum), scaled(got.sum)/float64(max(1, got.n)), info.Unit)
			}
		}
	}
	if c.again > 0 {
		_, _ = fmt.Fprintf(w, "\n%d rows were, or may have been, sent again after an interruption. A reading that came\ntwice counts once and carries the flag duplicate, so that its hour is no longer one without any flag.\n", c.again)
	}
	return w.Flush()
}

func scaled(sum int64) float64 { return float64(sum) / reading.HourScale }

// causes are the causes of rejects that were met, rows without a date first.
func (c *comparison) causes() []string {
	causes := []string{"time-missing"}
	for m := range merged(c.file, c.platform) {
		if cause, ok := strings.CutPrefix(m.what, whatDistinct); ok && cause != "time-missing" {
			causes = append(causes, cause)
		}
	}
	slices.Sort(causes[1:])
	return causes
}

func withoutPosition(kits []*replayKit) (n int) {
	for _, k := range kits {
		if k.position.IsZero() {
			n++
		}
	}
	return n
}
