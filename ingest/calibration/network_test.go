package calibration_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/calibration"
)

func TestNetworkFactorByHand(t *testing.T) {
	f, ok := calibration.FactorOf(12, []float64{8, math.NaN(), 10, 9, 9, 300})
	require.True(t, ok)
	require.Equal(t, 4, f.Sensors)
	require.Equal(t, 1, f.Outliers, "one sensor in a kitchen is not the town")
	require.InDelta(t, 12.0/9, f.Value, 1e-15)
	for name, c := range map[string]struct {
		reference float64
		raw       []float64
	}{
		"two sensors":     {12, []float64{8, 9, math.NaN()}},
		"no reference":    {math.NaN(), []float64{8, 9, 10}},
		"below the noise": {0.2, []float64{8, 9, 10}},
		"negative":        {-3, []float64{8, 9, 10}},
		"sensors at zero": {12, []float64{0, 0, 0.1}},
		"absurd":          {500, []float64{8, 9, 10}},
		"infinite":        {math.Inf(1), []float64{8, 9, 10}},
	} {
		_, ok := calibration.FactorOf(c.reference, c.raw)
		require.False(t, ok, name)
	}
}

func TestFactorsBetweenStations(t *testing.T) {
	f, ok := calibration.Between([]calibration.FactorNear{{Factor: 1, Metres: 2000}, {Factor: 2, Metres: 4000}})
	require.True(t, ok)
	require.InDelta(t, 1.2, f, 1e-12) // weights 4 and 1
	f, ok = calibration.Between([]calibration.FactorNear{{Factor: 1, Metres: 0}, {Factor: 2, Metres: 500}})
	require.True(t, ok)
	require.InDelta(t, 1.5, f, 1e-12)
	f, ok = calibration.Between([]calibration.FactorNear{{Factor: 1, Metres: 1000}, {Factor: 9, Metres: 90_000}})
	require.True(t, ok)
	require.InDelta(t, 1, f, 1e-12)
	for _, none := range [][]calibration.FactorNear{nil, {{Factor: 1, Metres: 90_000}}, {{Factor: math.NaN(), Metres: 1}}, {{Factor: 1, Metres: math.NaN()}}} {
		_, ok = calibration.Between(none)
		require.False(t, ok)
	}
}

// TestNetworkFactorOfRIVM holds the method against real hours: RIVM's factor of
// an hour is nearly one number for all sensors of the region, and follows the
// one that official stations and raw sensors give here. Where the stations stand
// is not in the files, so all of them make one factor; their stamps lie an hour
// before those of the sensors.
func TestNetworkFactorOfRIVM(t *testing.T) {
	raw, theirs := map[string][]float64{}, map[string][]float64{}
	for _, row := range sharedRows(t, "rivm-hollandseluchten/Voorbeeld_HLL_sensoren.csv") {
		if row["pm25"] == "NA" || row["pm25_kal"] == "NA" || row["date"] == "NA" {
			continue
		}
		pm, kal := number(t, row["pm25"]), number(t, row["pm25_kal"])
		raw[row["date"]] = append(raw[row["date"]], pm)
		if pm >= 5 && kal > 0 {
			theirs[row["date"]] = append(theirs[row["date"]], kal/pm)
		}
	}
	official := map[string][]float64{}
	const layout = "2006-01-02 15:04:05"
	for _, row := range sharedRows(t, "rivm-hollandseluchten/Voorbeeld_HLL_LML.csv") {
		if row["pm25"] != "NA" {
			at, err := time.Parse(layout, row["date"])
			require.NoError(t, err)
			hour := at.Add(time.Hour).Format(layout)
			official[hour] = append(official[hour], number(t, row["pm25"]))
		}
	}
	var ours, rivm, spreads []float64
	for hour, factors := range theirs {
		if len(factors) < 20 {
			continue
		}
		m := average(factors)
		squares := 0.0
		for _, f := range factors {
			squares += (f - m) * (f - m)
		}
		spreads = append(spreads, math.Sqrt(squares/float64(len(factors)))/m)
		if len(official[hour]) == 0 {
			continue
		}
		if f, ok := calibration.FactorOf(average(official[hour]), raw[hour]); ok {
			ours, rivm = append(ours, f.Value), append(rivm, m)
		}
	}
	slices.Sort(spreads)
	require.Less(t, spreads[len(spreads)/2], 0.1)
	l, err := calibration.OLS(rivm, ours)
	require.NoError(t, err)
	require.Greater(t, l.N, 300)
	require.Greater(t, math.Sqrt(l.R2), 0.6)
	t.Logf("%d hours: spread of RIVM's factor within an hour %.3f (median), correlation with ours %.3f, medians %.3f and %.3f",
		l.N, spreads[len(spreads)/2], math.Sqrt(l.R2), middle(rivm), middle(ours))
	require.InEpsilon(t, middle(rivm), middle(ours), 0.1)
}

func average(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func middle(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}
