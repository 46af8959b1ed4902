package quality

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
	"buurtmeter/ingest/reading"
)

// numbers is a column in which null is NaN.
type numbers []float64

func (n *numbers) UnmarshalJSON(b []byte) error {
	var ps []*float64
	if err := json.Unmarshal(b, &ps); err != nil {
		return err
	}
	*n = numbers{}
	for _, p := range ps {
		v := math.NaN()
		if p != nil {
			v = *p
		}
		*n = append(*n, v)
	}
	return nil
}

type vectorArgs struct {
	Min, Max       numbers
	Radius         float64
	VerticalRadius *float64 `json:"vertical_radius"`
	VerticalRange  *float64 `json:"vertical_range"`
	NumMin         int      `json:"num_min"`
	CheckLat       *bool    `json:"check_lat"`
	CheckLon       *bool    `json:"check_lon"`
	CheckElev      *bool    `json:"check_elev"`
	CheckLaf       *bool    `json:"check_laf"`
}

type vectorGroup struct {
	Description string
	Dataset     struct{ Lats, Lons, Elevs, Lafs, Values numbers }
	BaseTest    string `json:"base_test"`
	Tests       []struct {
		Type     string
		Args     vectorArgs
		Expected []int
	}
}

// TestTitanlibVectors holds the checks against flags that titanlib, the
// program of the Norwegian weather service, is tested with.
func TestTitanlibVectors(t *testing.T) {
	var files map[string][]vectorGroup
	b, err := os.ReadFile(conformancetest.Path(t, "data", "titanlib", "titanlib_vectors.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &files))
	ran := map[string]int{}
	for name, groups := range files {
		for _, g := range groups {
			for k, test := range g.Tests {
				kind := test.Type
				if kind == "" {
					kind = g.BaseTest
				}
				got := g.run(t, kind, test.Args)
				want := make([]bool, len(test.Expected))
				for i, f := range test.Expected {
					want[i] = f == 1
				}
				assert.Equal(t, want, got, "%s, %s, test %d (%s)", name, g.Description, k, kind)
				ran[kind]++
			}
		}
	}
	assert.Equal(t, map[string]int{"range_check": 4, "isolation_check": 5, "duplicate_check": 5, "metadata_check": 5}, ran)
}

func (g vectorGroup) run(t *testing.T, kind string, a vectorArgs) []bool {
	t.Helper()
	d := g.Dataset
	places := make([]reading.Place, len(d.Lats))
	for i := range places {
		places[i] = reading.Place{Lon: d.Lons[i], Lat: d.Lats[i], Elev: d.Elevs[i]}
	}
	bound := func(n numbers, i int) float64 { return n[min(i, len(n)-1)] }
	vertical := func(v *float64) float64 {
		if v == nil {
			return math.NaN()
		}
		return *v
	}
	flags := make([]bool, len(places))
	switch kind {
	case "range_check":
		for i, v := range d.Values {
			flags[i] = Outside(v, bound(a.Min, i), bound(a.Max, i))
		}
	case "isolation_check":
		flags = Alone(reading.Nearby(places, a.Radius, vertical(a.VerticalRadius)), nil, a.NumMin)
	case "duplicate_check":
		flags = Doubles(reading.Nearby(places, a.Radius, vertical(a.VerticalRange)), nil)
		if a.VerticalRange != nil { // it cannot be told of a known place of unknown height
			for i, p := range places {
				flags[i] = flags[i] || p.Known() && math.IsNaN(p.Elev)
			}
		}
	case "metadata_check":
		var columns [][]float64
		for _, c := range []struct {
			on     *bool
			column numbers
		}{{a.CheckLat, d.Lats}, {a.CheckLon, d.Lons}, {a.CheckElev, d.Elevs}, {a.CheckLaf, d.Lafs}} {
			if c.on == nil || *c.on {
				columns = append(columns, c.column)
			}
		}
		flags = Incomplete(columns...)
	default:
		t.Fatalf("a vector for %q, which nothing is held against", kind)
	}
	return flags
}

// ring is a station with n neighbours that all know each other.
func ring(n int) Neighbourhood {
	near := make([][]int, n)
	for i := range near {
		for j := range n {
			if i != j {
				near[i] = append(near[i], j)
			}
		}
	}
	return Neighbourhood{Near: near, Spot: make([][]int, n)}
}

func known(n int) []bool {
	k := make([]bool, n)
	for i := range k {
		k[i] = true
	}
	return k
}

func micro(vs ...float64) []int32 {
	out := make([]int32, len(vs))
	for i, v := range vs {
		out[i] = reading.Missing
		if !math.IsNaN(v) {
			out[i] = int32(math.Round(v * reading.HourScale))
		}
	}
	return out
}

func TestBuddies(t *testing.T) {
	no := math.NaN()
	const iso, bud = reading.Isolated, reading.Buddy
	type flags = []reading.Flag
	for _, c := range []struct {
		name   string
		values []int32
		want   flags
	}{
		{"nobody", micro(), flags{}},
		{"too few is isolated, not good", micro(10, 10, 10, 10, 90), flags{iso, iso, iso, iso, iso}},
		{"all alike", micro(10, 11, 12, 10, 11, 12), flags{0, 0, 0, 0, 0, 0}},
		// Five neighbours of 10: the scale is 5, so the limit is 25.
		{"at the limit", micro(10, 10, 10, 10, 10, 25), flags{0, 0, 0, 0, 0, 0}},
		{"past the limit", micro(10, 10, 10, 10, 10, 25.0001), flags{0, 0, 0, 0, 0, bud}},
		{"below it", micro(30, 30, 30, 30, 30, 14), flags{0, 0, 0, 0, 0, bud}},
		{"a missing value has no flag and no voice", micro(10, 10, 10, 10, no, 90), flags{iso, iso, iso, iso, 0, iso}},
		// Of 0, 20, 0, 20, 0, 20 the variance is 100: sqrt(100 + 100/6) = 10.80, limit 32.4 from 10.
		{"neighbours that differ allow more", micro(0, 20, 0, 20, 0, 20, 42), flags{0, 0, 0, 0, 0, 0, 0}},
		{"but not everything", micro(0, 20, 0, 20, 0, 20, 43), flags{0, 0, 0, 0, 0, 0, bud}},
		// With 200 among its neighbours 60 is ordinary; once that is out, it is not.
		{"the second round", micro(10, 10, 10, 10, 10, 10, 60, 200), flags{0, 0, 0, 0, 0, 0, bud, bud}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := len(c.values)
			got := Buddies(c.values, known(n), ring(n))
			assert.Equal(t, c.want, got)
		})
	}
}

func TestStationsOnOneSpotAreOneVoice(t *testing.T) {
	values := micro(10, 10, 10, 10, 10, 40)
	n := ring(6)
	assert.Equal(t, reading.Buddy, Buddies(values, known(6), n)[5])
	n.Spot[0], n.Spot[1] = []int{1}, []int{0}
	assert.Equal(t, reading.Isolated, Buddies(values, known(6), n)[5], "four voices")
	values[0] = reading.Missing
	assert.Equal(t, reading.Isolated, Buddies(values, known(6), n)[5], "the other speaks when the first is silent")
	elsewhere := known(6)
	elsewhere[5] = false
	assert.Zero(t, Buddies(micro(10, 10, 10, 10, 10, 40), elsewhere, ring(6))[5], "an unknown place is not isolated")
}

// TestBuddiesAreWhatTheRuleSays compares with a computation in plain floats on
// random networks, and in another order of the stations.
func TestBuddiesAreWhatTheRuleSays(t *testing.T) {
	seen := reading.Flag(0)
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		const n = 60
		places := make([]reading.Place, n)
		values := make([]int32, n)
		for i := range places {
			places[i] = reading.Place{Lon: 4.8 + rnd.Float64()*0.2, Lat: 52.4 + rnd.Float64()*0.1, Elev: math.NaN()}
			values[i] = int32(100_000 + rnd.IntN(100_000))
			switch rnd.IntN(10) {
			case 0:
				values[i] = int32(rnd.IntN(1_000_000))
			case 1:
				values[i] = reading.Missing
			}
		}
		hood := Neighbourhood{Near: reading.Nearby(places, BuddyRadius, math.NaN()), Spot: reading.Nearby(places, SameSpot, math.NaN())}
		got := Buddies(values, known(n), hood)
		want := naiveBuddies(places, values)
		require.Equal(t, want, got, seed)
		for _, f := range got {
			seen |= f
		}
	}
	assert.Equal(t, reading.AmongNeighbours, seen)
}

func naiveBuddies(places []reading.Place, values []int32) []reading.Flag {
	flags := make([]reading.Flag, len(places))
	out := map[int]bool{}
	for round := range 2 {
		var found []int
		for i := range places {
			if values[i] == reading.Missing || flags[i] != 0 {
				continue
			}
			var xs []float64
			heard := 0
			for j := range places {
				if j != i && values[j] != reading.Missing && places[i].Distance(places[j]) <= 3000 {
					heard++
					if !out[j] {
						xs = append(xs, float64(values[j])/10_000)
					}
				}
			}
			if heard < 5 && round == 0 {
				flags[i] = reading.Isolated
				continue
			}
			if len(xs) < 5 {
				continue
			}
			mean, variance := 0.0, 0.0
			for _, x := range xs {
				mean += x / float64(len(xs))
			}
			for _, x := range xs {
				variance += (x - mean) * (x - mean) / float64(len(xs))
			}
			if math.Abs(float64(values[i])/10_000-mean) > 3*max(5, math.Sqrt(variance*(1+1/float64(len(xs))))) {
				found = append(found, i)
			}
		}
		for _, i := range found {
			flags[i] |= reading.Buddy
			out[i] = true
		}
	}
	return flags
}

func TestReference(t *testing.T) {
	const n = 400
	rnd := rand.New(rand.NewPCG(3, 3))
	ref, same, biased, unlike, still := make([]int32, n), make([]int32, n), make([]int32, n), make([]int32, n), make([]int32, n)
	for i := range ref {
		ref[i] = 200_000 + int32(i%24)*5_000
		same[i] = ref[i] + int32(rnd.IntN(20_000)) - 10_000
		biased[i] = ref[i]*3/2 + 1
		unlike[i] = 200_000 + int32(rnd.IntN(120_000))
		still[i] = 250_000
	}
	for _, c := range []struct {
		name string
		p    reading.Property
		row  []int32
		want Verdict
	}{
		{"the same", reading.NO2, ref, Agrees},
		{"nearly the same", reading.NO2, same, Agrees},
		{"half as much again is too much for NO2", reading.NO2, biased, Biased},
		{"and a hair too much for particles", reading.PM10, biased, Biased},
		{"up and down by itself", reading.NO2, unlike, Unlike},
		{"stands still", reading.PM25, still, Unlike},
		{"no rule", reading.Temperature, ref, NotCompared},
		{"too short", reading.NO2, ref[:ReferenceHours-1], NotCompared},
		{"just long enough", reading.NO2, ref[:ReferenceHours], Agrees},
	} {
		assert.Equal(t, c.want.String(), Reference(c.p, Agree(c.row, ref[:len(c.row)])).String(), c.name)
	}
	a := Agree(micro(12, 14, math.NaN(), 16), micro(10, 12, 5, 14))
	assert.Equal(t, 3, a.Hours)
	assert.InDelta(t, 2, a.Bias, 1e-12)
	assert.InDelta(t, 2, a.RMSE, 1e-12)
	assert.InDelta(t, 14, a.Mean, 1e-12)
	assert.InDelta(t, 1, a.Correlation, 1e-12)
	assert.True(t, math.IsNaN(Agree(nil, nil).Correlation))
	small := Agree(micro(2, 4, 6), micro(1, 2, 3))
	small.Hours = ReferenceHours
	assert.Equal(t, Agrees, Reference(reading.NO2, small), "twice very little is very little")
}

// BenchmarkBuddies compares one hour at 10,000 stations spread over 30 by 30 km,
// some 300 within reach of each; neighbours are found once per pass.
//
//	go test -run xxx -bench Buddies -benchmem ./ingest/quality
func BenchmarkBuddies(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 1))
	const n = 10_000
	places, values := make([]reading.Place, n), make([]int32, n)
	for i := range places {
		places[i] = reading.Place{Lon: 4.6 + rnd.Float64()*0.44, Lat: 52.3 + rnd.Float64()*0.27, Elev: math.NaN()}
		values[i] = int32(rnd.IntN(400_000))
	}
	hood := Neighbourhood{Near: reading.Nearby(places, BuddyRadius, math.NaN()), Spot: reading.Nearby(places, SameSpot, math.NaN())}
	b.Run("near", func(b *testing.B) {
		for b.Loop() {
			_ = reading.Nearby(places, BuddyRadius, math.NaN())
		}
	})
	b.Run("hour", func(b *testing.B) {
		for b.Loop() {
			_ = Buddies(values, known(n), hood)
		}
	})
}
