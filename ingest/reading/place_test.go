package reading_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func TestDistance(t *testing.T) {
	amsterdam, utrecht := reading.Place{Lon: 4.9041, Lat: 52.3676}, reading.Place{Lon: 5.1214, Lat: 52.0907}
	assert.InDelta(t, 34_200, amsterdam.Distance(utrecht), 300)
	assert.Zero(t, amsterdam.Distance(amsterdam))
	assert.InDelta(t, math.Pi*6_371_000, reading.Place{Lat: 90}.Distance(reading.Place{Lat: -90}), 1)
	assert.True(t, math.IsNaN(amsterdam.Distance(reading.Place{Lon: math.NaN()})))
}

// TestNearbyIsEveryPair compares with all pairs, also across the date line.
func TestNearbyIsEveryPair(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 2))
	pairs := 0
	for range 30 {
		places := make([]reading.Place, 50)
		for i := range places {
			places[i] = reading.Place{Lon: 179.9 + rnd.Float64()*0.2, Lat: 52 + rnd.Float64()*0.1, Elev: float64(rnd.IntN(40))}
			if places[i].Lon > 180 {
				places[i].Lon -= 360
			}
			switch rnd.IntN(12) {
			case 0:
				places[i].Lat = math.NaN()
			case 1:
				places[i].Elev = math.NaN()
			}
		}
		for _, vertical := range []float64{math.NaN(), 10} {
			near := reading.Nearby(places, 3000, vertical)
			for i, p := range places {
				var want []int
				for j, q := range places {
					level := math.IsNaN(vertical) || math.Abs(p.Elev-q.Elev) <= vertical
					if i != j && p.Distance(q) <= 3000 && level {
						want = append(want, j)
					}
				}
				require.Equal(t, want, near[i])
				pairs += len(want)
			}
		}
	}
	assert.Greater(t, pairs, 1000)
}

// TestNearbyIsExactAtTheRadius asks with the very distance of each pair, and
// with a hair less.
func TestNearbyIsExactAtTheRadius(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 2))
	for _, spread := range []float64{1e-5, 0.05, 40} {
		for range 200 {
			pair := []reading.Place{{Lon: 4.8, Lat: 52.4}, {Lon: 4.8 + rnd.Float64()*spread, Lat: 52.4 - rnd.Float64()*spread}}
			d := pair[0].Distance(pair[1])
			require.Equal(t, [][]int{{1}, {0}}, reading.Nearby(pair, d, math.NaN()))
			require.Equal(t, [][]int{nil, nil}, reading.Nearby(pair, d*(1-1e-12), math.NaN()))
		}
	}
}

func TestNearbySecretTellsOnlyWhoIsNear(t *testing.T) {
	at := func(lon, lat float64) reading.SecretPosition {
		p, err := reading.NewSecretPosition(lon, lat)
		require.NoError(t, err)
		return p
	}
	near := reading.NearbySecret([]reading.SecretPosition{at(4.8, 52.4), {}, at(4.8, 52.42), at(4.8, 52.43)}, 3000)
	assert.Equal(t, [][]int{{2}, nil, {0, 3}, {2}}, near)
}

func TestNearestSecretGivesOrderAndStepsOnly(t *testing.T) {
	at := func(lon, lat float64) reading.SecretPosition {
		p, err := reading.NewSecretPosition(lon, lat)
		require.NoError(t, err)
		return p
	}
	from := reading.Place{Lon: 4.8, Lat: 52.4, Elev: math.NaN()}
	// One minute of latitude is 1853 m on our globe.
	positions := []reading.SecretPosition{at(4.8, 52.4+3.0/60), {}, at(4.8, 52.4-1.0/60), at(4.8, 52.4+7.0/60), at(4.8, 52.4)}
	steps := []float64{5000, 12_000}
	assert.Equal(t, []reading.Reach{{4, 5000}, {2, 5000}, {0, 12_000}}, reading.NearestSecret(from, positions, steps))
	assert.Empty(t, reading.NearestSecret(reading.SecretPosition{}.Coarse(), positions, steps), "nowhere is near nothing")
}

func TestCoarseSaysOnlyTheCell(t *testing.T) {
	cell := func(lon, lat float64) reading.Place {
		p, err := reading.NewSecretPosition(lon, lat)
		require.NoError(t, err)
		c := p.Coarse()
		assert.Less(t, reading.Place{Lon: lon, Lat: lat}.Distance(c), 4000.0)
		c.Elev = 0
		return c
	}
	assert.Equal(t, cell(4.8001, 52.4001), cell(4.8799, 52.4499))
	assert.NotEqual(t, cell(4.8001, 52.4001), cell(4.7999, 52.4001))
	assert.NotEqual(t, cell(4.8001, 52.4001), cell(4.8001, 52.3999))
	assert.NotEqual(t, cell(0.01, -0.01), cell(-0.01, -0.01), "the cells at 0 are no larger")
	assert.False(t, reading.SecretPosition{}.Coarse().Known())
}
