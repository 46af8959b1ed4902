package geo_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/paulmach/orb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/geo/geotest"
)

func area(c geo.Code, polygons ...orb.Polygon) geo.Area {
	return geo.Area{Code: c, Level: geo.Buurt, Geometry: polygons}
}

// box is a ring around [x0,x1] x [y0,y1].
func box(x0, y0, x1, y1 float64) orb.Ring {
	return orb.Ring{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}, {x0, y0}}
}

func TestLocate(t *testing.T) {
	hole := box(2, 2, 4, 4)
	enclave := box(2, 2, 4, 4)
	hole.Reverse()
	x := geo.NewIndex([]geo.Area{
		area("OUTER", orb.Polygon{box(0, 0, 10, 10), hole}),
		area("ENCLAVE", orb.Polygon{enclave}),
		area("EAST", orb.Polygon{box(10, 0, 20, 10)}, orb.Polygon{box(30, 0, 31, 1)}),
		area("NORTH", orb.Polygon{box(0, 10, 20, 20)}),
		area("NOTHING"),
	})
	tests := []struct {
		lon, lat float64
		want     geo.Code
	}{
		{1, 1, "OUTER"},
		{3, 3, "ENCLAVE"},
		{15, 5, "EAST"},
		{30.5, .5, "EAST"},
		{25, .5, ""},
		{15, 15, "NORTH"},
		{-1, 5, ""},
		{5, -1, ""},
		{21, 5, ""},
		{5, 25, ""},
		// borders: the area owns its western and southern edges
		{10, 5, "EAST"},
		{5, 10, "NORTH"},
		{10, 10, "NORTH"},
		{0, 0, "OUTER"},
		{0, 5, "OUTER"},
		{5, 0, "OUTER"},
		{20, 5, ""},
		{5, 20, ""},
		{20, 20, ""},
		{2, 3, "ENCLAVE"},
		{4, 3, "OUTER"},
		{3, 2, "ENCLAVE"},
		{3, 4, "OUTER"},
		{2, 2, "ENCLAVE"},
		{4, 4, "OUTER"},
		{math.NaN(), 5, ""},
		{5, math.NaN(), ""},
		{math.Inf(1), 5, ""},
		{5, math.Inf(-1), ""},
	}
	for _, tt := range tests {
		got, ok := x.Locate(tt.lon, tt.lat)
		assert.Equal(t, tt.want, got, "%v %v", tt.lon, tt.lat)
		assert.Equal(t, tt.want != "", ok)
	}
	_, ok := geo.NewIndex(nil).Locate(4, 52)
	assert.False(t, ok)
}

// A ray at the height of a vertex must not count it twice or not at all.
func TestLocateAtVertices(t *testing.T) {
	diamond := orb.Ring{{0, -1}, {1, 0}, {0, 1}, {-1, 0}, {0, -1}}
	saw := orb.Ring{{5, 0}, {6, 1}, {7, 0}, {8, 1}, {9, 0}, {9, 2}, {5, 2}, {5, 0}}
	x := geo.NewIndex([]geo.Area{area("D", orb.Polygon{diamond}), area("S", orb.Polygon{saw})})
	for _, tt := range []struct {
		lon, lat float64
		want     geo.Code
	}{
		{0, 0, "D"},
		{-2, 0, ""},
		{2, 0, ""},
		{0.5, 0, "D"},
		{-1, 0, "D"},
		{1, 0, ""},
		{0, 1, ""},
		{-2, 1, ""},
		{5.5, 1, "S"},
		{6, 1, "S"},
		{7, 1, "S"},
		{8, 1, "S"},
		{8.5, 1, "S"},
		{9.5, 1, ""},
		{6, 0.5, ""},
		{7, .5, "S"},
		{4, 0, ""},
		{7.5, 0, ""},
	} {
		got, _ := x.Locate(tt.lon, tt.lat)
		assert.Equal(t, tt.want, got, "%v %v", tt.lon, tt.lat)
	}
}

// A point on a slanted border is in exactly one of two neighbours, whatever
// floating point makes of it.
func TestSharedBordersAreHalfOpen(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		a := orb.Point{4 + rnd.Float64(), 52 + rnd.Float64()}
		b := orb.Point{4 + rnd.Float64(), 52 + rnd.Float64()}
		left := orb.Ring{a, b, {3, 54}, {3, 51}, a}
		right := orb.Ring{b, a, {3, 51}, {6, 51}, {6, 54}, {3, 54}, b}
		one := geo.NewIndex([]geo.Area{area("L", orb.Polygon{left})})
		other := geo.NewIndex([]geo.Area{area("R", orb.Polygon{right})})
		for range 20 {
			s := rnd.Float64()
			lon, lat := a[0]+s*(b[0]-a[0]), a[1]+s*(b[1]-a[1])
			_, inLeft := one.Locate(lon, lat)
			_, inRight := other.Locate(lon, lat)
			require.NotEqual(t, inLeft, inRight, "%v %v on %v-%v", lon, lat, a, b)
		}
		_, inLeft := one.Locate(a[0], a[1])
		_, inRight := other.Locate(a[0], a[1])
		require.NotEqual(t, inLeft, inRight, "vertex %v", a)
	}
}

func TestOverlapsAnswerTheLowestCode(t *testing.T) {
	x := geo.NewIndex([]geo.Area{area("B", orb.Polygon{box(0, 0, 2, 2)}), area("A", orb.Polygon{box(1, 1, 3, 3)})})
	got, _ := x.Locate(1.5, 1.5)
	assert.Equal(t, geo.Code("A"), got)
}

// checkAgainstReference compares single and bulk look-ups with the reference, and
// returns how many points lie in so many areas.
func checkAgainstReference(t *testing.T, areas []geo.Area, points []orb.Point) (in [2]int) {
	t.Helper()
	x, r := geo.NewIndex(areas), geotest.NewReference(areas)
	bulk := x.LocateAll(make([]geo.Code, 0, len(points)), points)
	require.Len(t, bulk, len(points))
	for i, p := range points {
		want := append(r.At(p), "")
		got, ok := x.Locate(p[0], p[1])
		if got != want[0] || ok != (got != "") || bulk[i] != got {
			t.Fatalf("%v: got %q (%t), in bulk %q, want %q", p, got, ok, bulk[i], want)
		}
		in[min(len(want)-1, 1)]++
		if len(want) > 2 {
			t.Fatalf("%v lies in %q", p, want)
		}
	}
	return in
}

// TestLocateInAPartition takes areas with every kind of border, and points where
// a careless program goes wrong. Every point lies in one area or none.
func TestLocateInAPartition(t *testing.T) {
	for seed := range uint64(2) {
		areas := geotest.Partition(orb.Bound{Min: orb.Point{3.3, 50.7}, Max: orb.Point{7.3, 53.6}}, 1000, seed)
		horizontal := 0
		for _, a := range areas {
			for _, r := range a.Geometry[0] {
				for i := 1; i < len(r); i++ {
					if r[i-1][1] == r[i][1] {
						horizontal++
					}
				}
			}
		}
		require.Greater(t, horizontal, 100)
		if seed == 1 { // an island far away makes the coarse cells large
			areas = append(areas, area("FAR", orb.Polygon{box(-69, 12, -68, 12.5)}))
		}
		in := checkAgainstReference(t, areas, geotest.Hard(areas, 7000, seed))
		assert.Greater(t, in[0], 100, "points in lakes and outside")
		assert.Greater(t, in[1], 5500)
		// Every point well inside the outline but the lakes lies in an area, so
		// that no border has a gap.
		in = checkAgainstReference(t, areas, geotest.NearBorders(areas, 10_000, 50, seed))
		assert.Greater(t, in[1], 9000)
	}
}

// TestLocateInTheNetherlands compares with the reference on all buurten of the
// country.
func TestLocateInTheNetherlands(t *testing.T) {
	areas, problems := boundaries(t, "buurten_nl_2016_wgs84_s5.geojson.gz", 2016)
	t.Logf("%d areas, %d problems", len(areas), len(problems))
	require.Greater(t, len(areas), 11_000)
	in := checkAgainstReference(t, areas, geotest.Hard(areas, 49_000, 1))
	in2 := checkAgainstReference(t, areas, geotest.NearBorders(areas, 51_000, 50, 2))
	t.Logf("%d points in an area, %d in none", in[1]+in2[1], in[0]+in2[0])
	assert.Greater(t, in[1]+in2[1], 80_000)
}

func TestIndexIsSafeForConcurrentUse(t *testing.T) {
	areas := geo.Schematic()[:50]
	x := geo.NewIndex(areas)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				for _, a := range areas {
					got, _ := x.Locate(a.Center[0], a.Center[1])
					assert.Equal(t, a.Code, got)
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkLocate finds the buurt of points anywhere in the Netherlands.
// go test -run '^$' -bench Locate -count 10 ./geo | benchstat -
func BenchmarkLocate(b *testing.B) {
	areas, _ := boundaries(b, "buurten_nl_2016_wgs84_s5.geojson.gz", 2016)
	x := geo.NewIndex(areas)
	points := geotest.Uniform(geotest.Bounds(areas), 1<<16, 5)
	i, in := 0, 0
	for b.Loop() {
		p := points[i&(len(points)-1)]
		if _, ok := x.Locate(p[0], p[1]); ok {
			in++
		}
		i++
	}
	b.ReportMetric(float64(in)/float64(i), "in-share")
}

// BenchmarkNewIndex prepares all buurten of the Netherlands.
func BenchmarkNewIndex(b *testing.B) {
	areas, _ := boundaries(b, "buurten_nl_2016_wgs84_s5.geojson.gz", 2016)
	b.ReportAllocs()
	for b.Loop() {
		geo.NewIndex(areas)
	}
}
