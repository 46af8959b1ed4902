package calibration

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheMedianNeedsNoOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 2))
	for n := 1; n < 200; n++ {
		for _, kinds := range []int{1, 3, 1_000_000} { // all alike, many alike, none alike
			v := make([]float64, n)
			for i := range v {
				v[i] = float64(rnd.IntN(kinds)) - 1
			}
			s := slices.Sorted(slices.Values(v))
			require.InDelta(t, (s[(n-1)/2]+s[n/2])/2, median(v), 0, "%d of %d kinds", n, kinds)
			require.Equal(t, s, slices.Sorted(slices.Values(v)), "no value is lost")
		}
	}
}
