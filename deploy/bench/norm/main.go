// Command norm computes the year statistics of a large network with geo/norm and
// with DuckDB, on the same data in one run, and prints the time per hour value,
// the ratio, how far ours is from what the memory can give, and how many days
// DuckDB counts above a limit that they only reach. It is a module of its own, so
// that DuckDB stays out of the product's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(os.Stderr, "bench-norm:", err)
		os.Exit(1)
	}
}

type bench struct {
	out  io.Writer
	runs int
	town *town
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	fs := flag.NewFlagSet("bench-norm", flag.ContinueOnError)
	fs.SetOutput(log)
	stations := fs.Int("stations", 10_000, "stations, each with a year of hours")
	seed := fs.Uint64("seed", 1, "seed of the data")
	runs := fs.Int("runs", 5, "times that each of ours is measured; the median is printed")
	peer := fs.Bool("duckdb", true, "measure DuckDB too")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *stations < 2 || *runs < 1 {
		return errors.New("there must be at least 2 stations and 1 run")
	}
	b := &bench{out: out, runs: *runs, town: generate(*stations, *seed)}
	b.printf("%d stations x %d hours = %.1f M values, %.1f %% missing; %d cores, %s, %s\n", *stations, hours,
		float64(len(b.town.values))/1e6, 100*(1-float64(b.town.valid)/float64(len(b.town.values))), runtime.NumCPU(), runtime.Version(), loadAverage())
	b.printf("CPU is user and system time of this process, and the figure to compare on a machine that does other things\n\n")
	ours, cpu := b.ours()
	if !*peer {
		return nil
	}
	return b.duckdb(ctx, ours, cpu)
}

func (b *bench) printf(format string, args ...any) { _, _ = fmt.Fprintf(b.out, format, args...) }

// spent is the cost of one measured call, per value.
type spent struct {
	cpu, wall float64 // ns
	allocated uint64  // objects, in all
}

// measure runs fn the given number of times and returns the median of each cost.
func (b *bench) measure(runs int, fn func()) spent {
	values := float64(len(b.town.values))
	cpu, wall, allocated := make([]float64, runs), make([]float64, runs), make([]uint64, runs)
	var before, after runtime.MemStats
	for i := range runs {
		runtime.ReadMemStats(&before)
		c, w := cpuTime(), time.Now()
		fn()
		cpu[i], wall[i] = float64(cpuTime()-c)/values, float64(time.Since(w))/values
		runtime.ReadMemStats(&after)
		allocated[i] = after.Mallocs - before.Mallocs
	}
	slices.Sort(cpu)
	slices.Sort(wall)
	slices.Sort(allocated)
	return spent{cpu[runs/2], wall[runs/2], allocated[runs/2]}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (b *bench) line(name string, s spent, rest string) {
	b.printf("%-28s %7.2f ns/value CPU %8.2f wall%s\n", name, s.cpu, s.wall, rest)
}

// ours measures geo/norm and the memory, and returns the answer of ours and its
// CPU on one core, in ns a value.
func (b *bench) ours() (answer, float64) {
	// Ours allocates next to nothing: the collector must not take part because of
	// what was allocated before.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var sums [3]answer
	cost := map[int]spent{}
	for _, workers := range []int{1, 2} {
		cost[workers] = b.measure(b.runs, func() { sums[workers] = b.town.computeAll(workers) })
		rest := fmt.Sprintf("   %.3f allocations/station", float64(cost[workers].allocated)/float64(b.town.stations))
		if workers == 2 {
			rest += fmt.Sprintf("   %.2fx in wall time", cost[1].wall/cost[2].wall)
		}
		b.line(fmt.Sprintf("geo/norm, %d core(s)", workers), cost[workers], rest)
	}
	var kept uint64
	for _, workers := range []int{1, 2} {
		s := b.measure(b.runs, func() { kept += b.town.stream(workers) })
		b.line(fmt.Sprintf("memory read, %d core(s)", workers), s, fmt.Sprintf("   geo/norm takes %.1fx of it", cost[workers].cpu/s.cpu))
	}
	if kept == 0 {
		b.printf("(the sum of all values is 0)\n")
	}
	return sums[1], cost[1].cpu
}

func (b *bench) duckdb(ctx context.Context, ours answer, cpu float64) error {
	start := time.Now()
	d, err := openDuck(ctx, b.town)
	if err != nil {
		return err
	}
	defer func() { _ = d.close() }()
	b.printf("\nDuckDB %s, table in memory, loaded in %.1f s\n", d.version(ctx), time.Since(start).Seconds())
	var theirs answer
	for _, threads := range []int{1, 2} {
		s := b.measure(1, func() { theirs, err = d.compute(ctx, threads) })
		if err != nil {
			return err
		}
		b.line(fmt.Sprintf("DuckDB, %d thread(s)", threads), s, fmt.Sprintf("   %.0fx the CPU of geo/norm", s.cpu/cpu))
	}
	b.printf("\n%-28s %14s %14s\n", "summed over all stations", "geo/norm", "DuckDB")
	for _, f := range []struct {
		name         string
		ours, theirs float64
		same         bool
	}{
		{"year means", ours.means, theirs.means, near(ours.means, theirs.means)},
		{"99.8th percentiles", ours.percentiles, theirs.percentiles, near(ours.percentiles, theirs.percentiles)},
		{"maxima", ours.maxima, theirs.maxima, near(ours.maxima, theirs.maxima)},
		{"valid hours", float64(ours.valid), float64(theirs.valid), ours.valid == theirs.valid},
		{"valid days", float64(ours.validDays), float64(theirs.validDays), ours.validDays == theirs.validDays},
		{"hours above 200", float64(ours.hoursAbove), float64(theirs.hoursAbove), ours.hoursAbove == theirs.hoursAbove},
	} {
		b.printf("%-28s %14.3f %14.3f\n", f.name, f.ours, f.theirs)
		if !f.same {
			return fmt.Errorf("%s differ, so that the two did not do the same work", f.name)
		}
	}
	for _, f := range []struct {
		limit, ours, theirs int
	}{{dayLow, ours.daysAboveLow, theirs.daysAboveLow}, {dayHigh, ours.daysAboveUp, theirs.daysAboveUp}} {
		b.printf("%-28s %14d %14d   DuckDB counts %+d: means that equal the limit\n", fmt.Sprintf("days above %d", f.limit), f.ours, f.theirs, f.theirs-f.ours)
	}
	return nil
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "load unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return "load before the run " + one
}
