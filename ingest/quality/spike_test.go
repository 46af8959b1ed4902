package quality

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

// usual is a row of hours of an ordinary sensor: a day's rhythm with noise, in
// stored integers, median about 15 µg/m³.
func usual(rnd *rand.Rand, n int) []int32 {
	values := make([]int32, n)
	for i := range values {
		values[i] = 150_000 + int32((i%24-12)*(i%24-12)*300) + int32(rnd.IntN(30_000))
	}
	return values
}

func spikesOf(p reading.Property, values []int32) (at []int) {
	flags := make([]reading.Flag, len(values))
	for i := range flags {
		flags[i] = reading.Spike | reading.Duplicate // the old answer must not matter
	}
	Spike(p, values, flags, 0, len(values))
	for i, f := range flags {
		if f&reading.Spike != 0 {
			at = append(at, i)
		}
		if f&reading.Duplicate == 0 {
			panic("other flags stay")
		}
	}
	return at
}

func TestSpike(t *testing.T) {
	const none = reading.Missing
	for _, c := range []struct {
		name   string
		change map[int]int32
		want   []int
	}{
		{"nothing", nil, nil},
		{"one hour", map[int]int32{300: 3_000_000}, []int{300}},
		{"two hours", map[int]int32{300: 3_000_000, 301: 2_500_000}, []int{300, 301}},
		{"three hours are an episode", map[int]int32{300: 3_000_000, 301: 2_500_000, 302: 2_000_000}, nil},
		{"downwards", map[int]int32{300: -190_000 - 400_000}, []int{300}},
		{"not high enough", map[int]int32{300: 250_000}, nil},
		{"the hour before was not measured", map[int]int32{299: none, 300: 3_000_000}, nil},
		{"the hour after was not measured", map[int]int32{300: 3_000_000, 301: none}, nil},
		{"an hour inside was not measured", map[int]int32{300: 3_000_000, 301: none, 302: 3_000_000}, nil},
		{"two apart", map[int]int32{300: 3_000_000, 302: 2_500_000}, []int{300, 302}},
		{"a peak on an episode", map[int]int32{298: 900_000, 299: 900_000, 300: 3_000_000, 301: 900_000, 302: 900_000}, nil},
		{"the newest hour waits for the next", map[int]int32{599: 3_000_000}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := usual(rand.New(rand.NewPCG(4, 4)), 600)
			for i, v := range c.change {
				values[i] = v
			}
			assert.Equal(t, c.want, spikesOf(reading.PM25, values))
		})
	}
	assert.Empty(t, spikesOf(reading.Temperature, []int32{1, 2, 3}))
	assert.Empty(t, spikesOf(reading.NO2, nil))
}

// TestPollutionThatLastsIsNoSpike goes over episodes of every length and height,
// with a slow or a sudden begin and end.
func TestPollutionThatLastsIsNoSpike(t *testing.T) {
	for length := SpikeHours + 1; length <= 200; length += 1 + length/6 {
		for _, height := range []int32{300_000, 1_000_000, 5_000_000} {
			for _, ramp := range []int{0, 2, 8} {
				values := usual(rand.New(rand.NewPCG(uint64(length), 5)), 700)
				for k := range length {
					edge := min(k, length-1-k)
					part := height
					if ramp > edge {
						part = height / int32(ramp+1) * int32(edge+1)
					}
					values[250+k] += part
				}
				flagged := spikesOf(reading.PM10, values)
				if ramp == 0 {
					require.Empty(t, flagged, "%d hours of %d", length, height)
				}
				// A slow rise may leave one or two hours above the rest at its top only
				// when no more of it is far from usual.
				require.LessOrEqual(t, len(flagged), SpikeHours, "%d hours of %d with a ramp of %d", length, height, ramp)
			}
		}
	}
}

func TestACalmSensorThatRoundsHasNoSpikes(t *testing.T) {
	values := make([]int32, 400)
	for i := range values {
		values[i] = 50_000
	}
	values[200] = 60_000 // the deviation is 0, so every step would be infinitely far
	assert.Empty(t, spikesOf(reading.PM25, values))
	values[200] = 260_000
	assert.Equal(t, []int{200}, spikesOf(reading.PM25, values))
	assert.Equal(t, []int{200}, spikesOf(reading.PM1, values))
	for i := range values {
		values[i] = 4_000
	}
	values[200] = 20_000 // CO in mg/m³
	assert.Equal(t, []int{200}, spikesOf(reading.CO, values))
	assert.Empty(t, spikesOf(reading.SO2, values))
}

func TestAFewHoursDoNotTellWhatIsUsual(t *testing.T) {
	values := usual(rand.New(rand.NewPCG(6, 4)), SpikeLeast)
	values[40] = 3_000_000
	assert.Equal(t, []int{40}, spikesOf(reading.NO2, values))
	values[0] = reading.Missing
	assert.Empty(t, spikesOf(reading.NO2, values))
}

// naiveSpike judges one hour by the words of the rule, with sorted copies.
func naiveSpike(values []int32, i int) bool {
	odd := func(i int) bool {
		var w []int
		for k := i - 180; k <= i+180; k++ {
			if k >= 0 && k < len(values) && values[k] != reading.Missing {
				w = append(w, int(values[k]))
			}
		}
		if len(w) < 90 {
			return false
		}
		slices.Sort(w)
		median := w[(len(w)-1)/2]
		for k := range w {
			w[k] = max(w[k]-median, median-w[k])
		}
		slices.Sort(w)
		limit := 10 * max(w[(len(w)-1)/2], 20_000)
		return max(int(values[i])-median, median-int(values[i])) > limit
	}
	has := func(i int) bool { return i >= 0 && i < len(values) && values[i] != reading.Missing }
	for _, run := range [][2]int{{i, i}, {i - 1, i}, {i, i + 1}} {
		a, b := run[0]-1, run[1]+1
		fine := has(a) && has(b) && !odd(a) && !odd(b)
		for k := run[0]; k <= run[1] && fine; k++ {
			fine = has(k) && odd(k)
			for _, side := range []int{a, b} {
				fine = fine && max(values[k]-values[side], values[side]-values[k]) > 200_000
			}
		}
		if fine {
			return true
		}
	}
	return false
}

func wild(rnd *rand.Rand, n int) []int32 {
	values := usual(rnd, n)
	for i := range values {
		switch rnd.IntN(12) {
		case 0:
			values[i] = reading.Missing
		case 1:
			values[i] += int32(rnd.IntN(900_000))
		case 2:
			if i > 0 && values[i-1] != reading.Missing {
				values[i] = values[i-1]
			}
		}
	}
	return values
}

func TestSpikeIsWhatTheRuleSays(t *testing.T) {
	found := 0
	for seed := range uint64(12) {
		values := wild(rand.New(rand.NewPCG(seed, 6)), 500)
		got := spikesOf(reading.NO2, values)
		found += len(got)
		for i := range values {
			require.Equal(t, naiveSpike(values, i), slices.Contains(got, i), "seed %d hour %d", seed, i)
		}
	}
	require.Greater(t, found, 50)
}

// TestSpikeLooksNoFurtherThanItsReach is what the recomputation of month blocks
// relies on: a part of the row judged with SpikeReach hours on each side gives
// what the whole row gives, and one changed hour changes nothing farther away.
func TestSpikeLooksNoFurtherThanItsReach(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 2))
	const n = 5 * SpikeReach
	for round := range 120 {
		values := wild(rnd, n)
		before, after := make([]reading.Flag, n), make([]reading.Flag, n)
		Spike(reading.PM25, values, before, 0, n)

		from := rnd.IntN(n)
		to := from + rnd.IntN(n-from)
		lo, hi := max(0, from-SpikeReach), min(n, to+SpikeReach)
		part := make([]reading.Flag, hi-lo)
		Spike(reading.PM25, values[lo:hi], part, from-lo, to-lo)
		require.Equal(t, before[from:to], part[from-lo:to-lo], "round %d: hours %d to %d", round, from, to)

		at := n/2 + rnd.IntN(9)
		values[at] = []int32{0, 150_000, 9_000_000, reading.Missing}[rnd.IntN(4)]
		Spike(reading.PM25, values, after, 0, n)
		for i := range values {
			if before[i] != after[i] {
				require.LessOrEqual(t, max(i-at, at-i), SpikeReach, "round %d", round)
			}
		}
	}
}

// TestSpikeReachIsReached shows that the reach is not stated too wide: hour 200
// is the begin of a spike as long as too little is known about hour 202, and an
// hour that is SpikeReach away decides about that.
func TestSpikeReachIsReached(t *testing.T) {
	values := make([]int32, 500)
	for i := range values {
		values[i] = reading.Missing
	}
	values[20], values[21] = 100_000, 100_000 // seen from hours 200 and 201 only
	for i := 111; i < 200; i++ {
		values[i] = 100_000
	}
	values[111], values[112], values[113] = reading.Missing, reading.Missing, reading.Missing
	values[200], values[201], values[202] = 9_000_000, 9_000_000, 4_000_000
	require.Equal(t, []int{200, 201}, spikesOf(reading.PM10, values))
	values[200+SpikeReach] = 100_000
	assert.Empty(t, spikesOf(reading.PM10, values), "now hour 202 is known to be odd as well")
}

func TestHumid(t *testing.T) {
	assert.True(t, Humid(85*reading.HourScale))
	assert.False(t, Humid(85*reading.HourScale-1))
	assert.False(t, Humid(reading.Missing), "a missing humidity is not suspect")
	assert.True(t, HasHumidity(reading.PM25, reading.KindSensor))
	assert.True(t, HasHumidity(reading.PM10, reading.KindSensorCalibrated))
	assert.False(t, HasHumidity(reading.PM25Corrected, reading.KindSensor), "corrected by the kit itself")
	assert.False(t, HasHumidity(reading.PM10, reading.KindReference), "it dries the air")
	assert.False(t, HasHumidity(reading.NO2, reading.KindSensor))
}

// BenchmarkSpike goes over a month of hours with one spike a week.
//
//	go test -run xxx -bench Spike -benchmem ./ingest/quality
func BenchmarkSpike(b *testing.B) {
	values := usual(rand.New(rand.NewPCG(1, 1)), 744+2*SpikeReach)
	for i := 0; i < len(values); i += 168 {
		values[i] = 3_000_000
	}
	flags := make([]reading.Flag, len(values))
	b.ReportAllocs()
	for b.Loop() {
		Spike(reading.PM25, values, flags, SpikeReach, len(values)-SpikeReach)
	}
}
