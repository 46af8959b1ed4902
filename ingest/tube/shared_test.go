package tube_test

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
	"buurtmeter/ingest/tube"
)

func antwerp(t testing.TB, name string) []map[string]string {
	t.Helper()
	return conformancetest.Rows(t, "data", "rol-antwerp-2021", name)
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return v
}

func moment(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05Z07:00", s)
	require.NoError(t, err)
	return at
}

func exposuresOf(t testing.TB, rows []map[string]string) []tube.Exposure {
	t.Helper()
	var all []tube.Exposure
	for i, r := range rows {
		res, err := tube.ParseResult(r["no2"])
		require.NoError(t, err)
		all = append(all, tube.Exposure{
			Code: r["code"], Location: r["location"], Period: r["period"],
			Start: moment(t, r["start_date"]), End: moment(t, r["end_date"]), Result: res, Row: i + 2,
		})
	}
	return all
}

// antwerpPairs are the pairs of the published table.
func antwerpPairs(t testing.TB) []tube.Pair {
	t.Helper()
	published := antwerp(t, "rol_measurements_calibration.csv")
	var rows []tube.PairRow
	for i, e := range exposuresOf(t, published) {
		rows = append(rows, tube.PairRow{
			Exposure: e, Reference: number(t, published[i]["no2_reference"]), Missing: number(t, published[i]["missing"]) / 100,
		})
	}
	pairs, left := tube.PairsOf(rows, tube.AtLimit)
	require.Zero(t, left)
	require.Len(t, pairs, 30)
	return pairs
}

// antwerpStations are the hourly reference stations.
func antwerpStations(t testing.TB) tube.Stations {
	t.Helper()
	f, err := os.Open(conformancetest.Path(t, "data", "rol-antwerp-2021", "vmm-no2.csv"))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	s := tube.Stations{Names: rows[0][1:], Values: make([][]float64, len(rows[0])-1)}
	for _, r := range rows[1:] {
		s.Times = append(s.Times, moment(t, r[0]))
		for i, cell := range r[1:] {
			v := math.NaN()
			if cell != "" {
				v = number(t, cell)
			}
			s.Values[i] = append(s.Values[i], v)
		}
	}
	require.Error(t, s.Check(), "the file is in order of its text")
	s.Order()
	require.NoError(t, s.Check())
	return s
}

func TestAntwerpCalibrationOfAllPairs(t *testing.T) {
	c, err := tube.Calibrate(antwerpPairs(t), 1)
	require.NoError(t, err)
	require.Equal(t, 30, c.Line.N)
	require.InDelta(t, 0.82346646, c.Line.Slope, 1e-6) // published by an iterative fit that stops there
	require.InDelta(t, 3.27896703, c.Line.Intercept, 2e-5)
	require.InDelta(t, -1.74, c.Before.MBE, 0.005)
	require.InDelta(t, 2.28, c.Before.MAD, 0.005)
}

func TestAntwerpCalibrationOfPairsWithHours(t *testing.T) {
	c, err := tube.Calibrate(antwerpPairs(t), 0.25)
	require.NoError(t, err)
	require.Equal(t, 24, c.Line.N)
	require.InDelta(t, 1.00440393, c.Line.Slope, 1e-6)
	require.InDelta(t, -1.14630334, c.Line.Intercept, 2e-5)
	require.InDelta(t, -1.03, c.Before.MBE, 0.005)
	require.InDelta(t, 1.64, c.Before.MAD, 0.005)
	require.Equal(t, 0.996, c.Factor)
	require.Equal(t, 1.141, c.Offset)
	require.InDelta(t, 1.48, c.After.MAD, 0.005)
	used := 0
	for _, p := range c.Pairs {
		if p.Used {
			used++
		}
		require.Equal(t, p.Missing < 0.25, p.Used)
	}
	require.Equal(t, 24, used)
}

// The published figures of 23 pairs leave the last period of Van Maerlant out.
func TestAntwerpAgreementOfTwentyThreePairs(t *testing.T) {
	var pairs []tube.Pair
	for _, p := range antwerpPairs(t) {
		if p.Location != "Van Maerlant" {
			pairs = append(pairs, p)
		}
	}
	c, err := tube.Calibrate(pairs, 0.25)
	require.NoError(t, err)
	require.Equal(t, 23, c.Line.N)
	require.InDelta(t, -0.96, c.Before.MBE, 0.005)
	require.InDelta(t, 1.59, c.Before.MAD, 0.005)
}

func TestAntwerpYearMeans(t *testing.T) {
	c, err := tube.Calibrate(antwerpPairs(t), 0.25)
	require.NoError(t, err)
	rule := tube.YearRule{Calibration: &c, HeadRatio: tube.DefaultHeadRatio}
	years := rule.Years(tube.Combine(exposuresOf(t, antwerp(t, "rol_measurements.csv")), tube.AtLimit))
	require.Len(t, years, 27)
	got := map[string]tube.Year{}
	for _, y := range years {
		require.Equal(t, 2021, y.Year)
		got[y.Location] = y
	}
	for _, r := range antwerp(t, "rol_measurements_yearly.csv") {
		y := got[r["location"]]
		require.Equal(t, number(t, r["no2"]), math.Round(y.Mean*10)/10, r["location"])
		require.Less(t, y.Low, y.Mean)
		require.Greater(t, y.High, y.Mean)
		switch r["location"] {
		case "Van Maerlant", "Kennedy_mid", "Kennedy_lift":
			require.Equal(t, 6, y.Periods)
			require.Zero(t, y.HeadEstimated)
			require.InDelta(t, 0.46, y.Coverage, 0.02)
		default:
			require.Equal(t, 12, y.Periods)
			require.InDelta(t, 0.92, y.Coverage, 0.02)
		}
	}
	require.InDelta(t, 40.478695, got["Pothoekstraat Noord"].Mean, 5e-7)
	require.Greater(t, got["Van Maerlant"].High-got["Van Maerlant"].Low, 1.1*(got["Pothoekstraat Noord"].High-got["Pothoekstraat Noord"].Low), "half a year is told less well")
	require.Less(t, got["Pothoekstraat Noord"].Low, 40.0, "published above 40, and not certain to be")
}

func TestAntwerpReferenceHours(t *testing.T) {
	s := antwerpStations(t)
	beside := map[string]string{
		"VMM Groenenborger": "42R817 - Antwerpen (Groenenborgerlaan)",
		"VMM Belgiëlei":     "42R805 - Antwerpen (Belgiëlei)",
		"Van Maerlant":      "42R806 - Maerlant",
	}
	for _, r := range antwerp(t, "rol_measurements_calibration.csv") {
		column, ok := s.Column(beside[r["location"]])
		require.True(t, ok)
		w := s.MeanOver(column, moment(t, r["start_date"]), moment(t, r["end_date"]))
		require.InDelta(t, number(t, r["no2_reference"]), w.Mean, 1e-9, r["code"])
		require.InDelta(t, number(t, r["missing"]), 100*w.Missing(), 1e-9, r["code"])
	}
}

func TestAntwerpDuplicates(t *testing.T) {
	p := tube.PrecisionOf(tube.Combine(exposuresOf(t, antwerp(t, "rol_measurements.csv")), tube.AtLimit))
	require.Equal(t, 306, p.Groups)
	require.InDelta(t, 1.58, p.SD, 0.005)
	require.Equal(t, 6, p.Poor)
}
