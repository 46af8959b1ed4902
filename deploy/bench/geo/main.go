// Command geo finds the areas of a million points anywhere and a million near
// borders with the point index of this project, and in the same run with PostGIS
// and with tidwall/rtree and orb, on one core each, and prints the time per point
// and the ratios. Before that it compares the index with a reference that looks
// at every edge. It is a module of its own, so that the peers stay out of the
// product's.
package main

import (
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/paulmach/orb"

	"buurtmeter/geo"
	"buurtmeter/geo/geotest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(os.Stderr, "bench-geo:", err)
		os.Exit(1)
	}
}

type bench struct {
	out   io.Writer
	runs  int
	areas []geo.Area
	index *geo.Index
	sets  []set
}

// set is a kind of points, with what ours found: how many lie in an area, and
// what the median run cost, in ns a point.
type set struct {
	name   string
	points []orb.Point
	found  answer
	ours   float64
}

// answer is what two programs are compared by.
type answer struct {
	inside int
	sum    uint64 // of the numbers of the areas
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	fs := flag.NewFlagSet("bench-geo", flag.ContinueOnError)
	fs.SetOutput(log)
	file := fs.String("areas", "", "GeoJSON file of CBS areas, plain or gzip (default: the buurten of the Netherlands in BUURTMETER_SHARED, or else areas that are made up)")
	points := fs.Int("points", 1_000_000, "points of each kind")
	peers := fs.Int("peer-points", 100_000, "how many of them the peers get; 0 measures ours alone")
	checked := fs.Int("check", 100_000, "points that are compared with the reference")
	runs := fs.Int("runs", 7, "times that ours is measured; the best and the median are printed")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *points < 1 || *runs < 1 || *peers < 0 || *peers > *points || *checked < 0 {
		return errors.New("there must be at least 1 point and 1 run, and no more points for the peers than for ours")
	}
	b := &bench{out: out, runs: *runs}
	if err := b.read(*file); err != nil {
		return err
	}
	b.build()
	if err := b.check(*checked); err != nil {
		return err
	}
	b.sets = []set{
		{name: "uniform", points: geotest.Uniform(geotest.Bounds(b.areas), *points, 1)},
		{name: "near border", points: geotest.NearBorders(b.areas, *points, 50, 2)},
	}
	b.ours()
	if *peers == 0 {
		return nil
	}
	b.printf("\n%d points of each kind for the peers\n", *peers)
	for i := range b.sets {
		b.sets[i].points = b.sets[i].points[:*peers]
		b.sets[i].found = b.count(b.sets[i].points)
	}
	if err := b.rtree(); err != nil {
		return err
	}
	return b.postgis(ctx)
}

func (b *bench) printf(format string, args ...any) { _, _ = fmt.Fprintf(b.out, format, args...) }

func (b *bench) read(file string) error {
	what := file
	if shared := os.Getenv("BUURTMETER_SHARED"); file == "" && shared != "" {
		file = filepath.Join(shared, "geo", "buurten_nl_2016_wgs84_s5.geojson.gz")
		what = filepath.Base(file)
	}
	if file == "" {
		what = "made up"
		b.areas = geotest.Partition(orb.Bound{Min: orb.Point{3.36, 50.75}, Max: orb.Point{7.23, 53.56}}, 12_187, 1)
		slices.SortFunc(b.areas, func(x, y geo.Area) int { return strings.Compare(string(x.Code), string(y.Code)) })
	} else {
		f, err := os.Open(file) //nolint:gosec // the user names the file
		if err != nil {
			return fmt.Errorf("areas: %w", err)
		}
		defer func() { _ = f.Close() }()
		var text io.Reader = f
		if strings.HasSuffix(file, ".gz") {
			if text, err = gzip.NewReader(f); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		if b.areas, _, err = geo.ReadGeoJSON(text, 2016); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	polygons, vertices := 0, 0
	for _, a := range b.areas {
		polygons += len(a.Geometry)
		for _, p := range a.Geometry {
			for _, r := range p {
				vertices += len(r)
			}
		}
	}
	b.printf("%d areas (%s), %d polygons, %d vertices; %d cores, %s, %s\n", len(b.areas), what, polygons, vertices, runtime.NumCPU(), runtime.Version(), loadAverage())
	b.printf("times are CPU time, user and system, of one core; what else runs takes the caches, and so swings them\n\n")
	return nil
}

// build makes the index as often as it is measured.
func (b *bench) build() {
	cpu, wall := make([]float64, b.runs), make([]float64, b.runs)
	var before, after runtime.MemStats
	var live, allocated uint64
	for i := range b.runs {
		b.index = nil
		runtime.GC()
		runtime.ReadMemStats(&before)
		c, w := cpuTime(), time.Now()
		b.index = geo.NewIndex(b.areas)
		cpu[i], wall[i] = (cpuTime() - c).Seconds(), time.Since(w).Seconds()
		runtime.ReadMemStats(&after)
		allocated = after.TotalAlloc - before.TotalAlloc
		runtime.GC()
		runtime.ReadMemStats(&after)
		live = after.HeapAlloc - before.HeapAlloc
	}
	slices.Sort(cpu)
	slices.Sort(wall)
	b.printf("build   %.3f s CPU, %.3f s wall (medians); the index holds %.1f MB, %.1f MB were allocated on the way\n",
		cpu[b.runs/2], wall[b.runs/2], float64(live)/1e6, float64(allocated)/1e6)
}

// check compares with the reference.
func (b *bench) check(n int) error {
	reference := geotest.NewReference(b.areas)
	points := append(geotest.Hard(b.areas, n/2, 3), geotest.NearBorders(b.areas, n-n/2, 50, 4)...)
	bulk := b.index.LocateAll(nil, points)
	one, none := 0, 0
	for i, p := range points {
		want := reference.At(p)
		got, ok := b.index.Locate(p[0], p[1])
		if got != bulk[i] || ok != (len(want) > 0) || ok && got != want[0] {
			return fmt.Errorf("%v: the index says %q, in bulk %q, the reference %q", p, got, bulk[i], want)
		}
		switch len(want) {
		case 0:
			none++
		case 1:
			one++
		}
	}
	b.printf("check   %d points on vertices, edges, beside borders and anywhere: equal to the reference; %d in exactly one area, %d in none, %d in several\n\n",
		n, one, none, n-one-none)
	return nil
}

// count is the answer of ours.
func (b *bench) count(points []orb.Point) (a answer) {
	number := map[geo.Code]uint64{}
	for i, area := range b.areas {
		number[area.Code] = uint64(i + 1)
	}
	for _, c := range b.index.LocateAll(nil, points) {
		if c != "" {
			a.inside++
			a.sum += number[c]
		}
	}
	return a
}

func (b *bench) ours() {
	// Look-ups allocate nothing: the collector must not take part because of what
	// was allocated before.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for i := range b.sets {
		s := &b.sets[i]
		found := make([]geo.Code, 0, len(s.points))
		inside := 0
		best, median := b.measure(len(s.points), func() {
			for _, p := range s.points {
				if _, ok := b.index.Locate(p[0], p[1]); ok {
					inside++
				}
			}
		})
		s.ours = best
		b.line("ours, single", s, best, fmt.Sprintf("   median %.1f; %.0f %% of the points in an area", median, 100*float64(inside)/float64(b.runs*len(s.points))))
		best, median = b.measure(len(s.points), func() { found = b.index.LocateAll(found[:0], s.points) })
		b.line("ours, bulk", s, best, fmt.Sprintf("   median %.1f", median))
	}
}

// measure runs fn several times and returns the cost of a point.
func (b *bench) measure(points int, fn func()) (best, median float64) {
	cost := make([]float64, b.runs)
	for i := range cost {
		c := cpuTime()
		fn()
		cost[i] = float64(cpuTime()-c) / float64(points)
	}
	slices.Sort(cost)
	return cost[0], cost[b.runs/2]
}

func (b *bench) line(name string, s *set, ns float64, rest string) {
	b.printf("%-24s %-12s %9.1f ns/point%s\n", name, s.name, ns, rest)
}

// peer prints the line of a peer. What it found must be what ours found.
func (b *bench) peer(name string, s *set, ns float64, found answer) error {
	b.line(name, s, ns, fmt.Sprintf("   %.0fx ours, single", ns/s.ours))
	if found != s.found {
		return fmt.Errorf("%s finds %d points in areas (sum of their numbers %d), ours %d (%d)", name, found.inside, found.sum, s.found.inside, s.found.sum)
	}
	return nil
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "load unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return "load before the run " + one
}
