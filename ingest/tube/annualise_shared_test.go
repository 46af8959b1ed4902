package tube_test

import (
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/tube"
)

// antwerpYear are the 24 places that hung all year, with their twelve periods
// set right as published, and their published year means.
type antwerpYear struct {
	stations  tube.Stations
	year      tube.Span
	periods   map[string][]tube.Period
	published map[string]float64
}

func readAntwerpYear(t *testing.T) antwerpYear {
	t.Helper()
	zone := time.FixedZone("", 3600)
	a := antwerpYear{
		stations: antwerpStations(t), periods: map[string][]tube.Period{}, published: map[string]float64{},
		year: tube.Span{From: time.Date(2021, 1, 1, 0, 0, 0, 0, zone), To: time.Date(2021, 12, 31, 23, 0, 0, 0, zone)},
	}
	for _, r := range antwerp(t, "rol_measurements_yearly.csv") {
		a.published[r["location"]] = number(t, r["no2"])
	}
	for _, p := range tube.Combine(exposuresOf(t, antwerp(t, "rol_measurements.csv")), tube.AtLimit) {
		p.Mean = 0.996*p.Mean + 1.141
		a.periods[p.Location] = append(a.periods[p.Location], p)
	}
	for place, all := range a.periods {
		if len(all) < 12 { // half a year: Van Maerlant, Kennedy_mid and Kennedy_lift
			delete(a.periods, place)
		}
	}
	require.Len(t, a.periods, 24)
	return a
}

// window is when the first tube of a period hung, as the table of ratios has it.
func window(p tube.Period) tube.Span {
	return tube.Span{From: p.Tubes[0].Start, To: p.Tubes[0].End}
}

// background leaves out the two stations beside much traffic: a ratio and a
// difference are of background stations, a regression is of all.
func background(all []tube.StationYear) []tube.StationYear {
	return slices.DeleteFunc(slices.Clone(all), func(s tube.StationYear) bool {
		return s.Name == "42R804 - Antwerpen (Ring)" || s.Name == "42R806 - Maerlant"
	})
}

// byPeriods are the stations over several periods with the plain mean of the
// periods for Weeks, of those that have 75 % of the hours of each: as the tubes
// of the table were averaged.
func (a antwerpYear) byPeriods(windows []tube.Span) []tube.StationYear {
	var all []tube.StationYear
	n := map[string]int{}
	for _, w := range windows {
		for _, s := range a.stations.Year([]tube.Span{w}, a.year) {
			i := slices.IndexFunc(all, func(o tube.StationYear) bool { return o.Name == s.Name })
			if i < 0 {
				i = len(all)
				all = append(all, tube.StationYear{Name: s.Name, Year: s.Year})
			}
			all[i].Weeks += s.Weeks / float64(len(windows))
			n[s.Name]++
		}
	}
	return slices.DeleteFunc(all, func(s tube.StationYear) bool { return n[s.Name] < len(windows) })
}

// errorsOf are the root mean square errors of campaigns that begin in each
// period in turn, in the order none, ratio, difference, regression; n is how
// many year means were told.
func (a antwerpYear) errorsOf(t *testing.T, offsets []int, stations func([]tube.Span) []tube.StationYear) (rmse [4]float64, n int) {
	t.Helper()
	last := offsets[len(offsets)-1]
	for place, all := range a.periods {
		for first := 0; first+last < len(all); first++ {
			var windows []tube.Span
			m := 0.0
			for _, o := range offsets {
				windows = append(windows, window(all[first+o]))
				m += all[first+o].Mean / float64(len(offsets))
			}
			every := stations(windows)
			few := background(every)
			for i, way := range []tube.Way{tube.AsIs, tube.Ratio, tube.Difference, tube.Regression} {
				use := few
				if way == tube.Regression {
					use = every
				}
				got, err := tube.Annualise(way, m, use)
				require.NoError(t, err)
				rmse[i] += (got - a.published[place]) * (got - a.published[place])
			}
			n++
		}
	}
	for i := range rmse {
		rmse[i] = math.Sqrt(rmse[i] / float64(n))
	}
	return rmse, n
}

// What campaigns of some weeks tell of the year: all four rows of the known
// table of these tubes, to its two decimals. In the table a campaign of several
// periods is their plain mean, for tubes and for stations. The program pools the
// hours of a station over the windows instead, as it weighs tubes by time; what
// that gives is written beside it, and differs where periods have gaps.
func TestAntwerpCampaignsAsAYear(t *testing.T) {
	a := readAntwerpYear(t)
	pooled := func(windows []tube.Span) []tube.StationYear { return a.stations.Year(windows, a.year) }
	for _, c := range []struct {
		name          string
		offsets       []int
		n             int
		table, pooled [4]float64
	}{
		{"4 weeks", []int{0}, 288, [4]float64{4.63, 5.03, 3.37, 3.12}, [4]float64{4.63, 5.03, 3.37, 3.12}},
		{"8 weeks in a row", []int{0, 1}, 264, [4]float64{4.08, 4.31, 2.71, 2.62}, [4]float64{4.08, 4.42, 2.70, 2.63}},
		{"4 and 4 weeks half a year apart", []int{0, 6}, 144, [4]float64{2.16, 2.32, 2.03, 2.27}, [4]float64{2.16, 2.35, 2.05, 2.30}},
		{"4 times 4 weeks spread", []int{0, 3, 6, 9}, 72, [4]float64{1.08, 1.10, 0.94, 1.37}, [4]float64{1.08, 1.09, 0.93, 1.43}},
	} {
		for what, s := range map[string]struct {
			stations func([]tube.Span) []tube.StationYear
			want     [4]float64
		}{"table": {a.byPeriods, c.table}, "pooled": {pooled, c.pooled}} {
			got, n := a.errorsOf(t, c.offsets, s.stations)
			require.Equal(t, c.n, n, c.name)
			for i := range got {
				require.InDelta(t, s.want[i], got[i], 0.006, "%s, %s, column %d", c.name, what, i)
			}
		}
	}
}

// The ratios of the table, and that each way can tell its own error.
func TestAntwerpRatioOfEveryPeriod(t *testing.T) {
	a := readAntwerpYear(t)
	n := 0
	for _, r := range antwerp(t, "derived_annualisation_by_period.csv") {
		all, ok := a.periods[r["location"]]
		if !ok {
			continue
		}
		i := slices.IndexFunc(all, func(p tube.Period) bool { return p.Label == r["period"] })
		require.GreaterOrEqual(t, i, 0)
		every := a.stations.Year([]tube.Span{window(all[i])}, a.year)
		few := background(every)
		require.Equal(t, r["nst"], strconv.Itoa(len(few)), "%s %s", r["location"], r["period"])
		ours, err := tube.Annualise(tube.Ratio, 1, few)
		require.NoError(t, err)
		require.InDelta(t, number(t, r["ratio"]), ours, 0.004, "%s %s", r["location"], r["period"])
		for way, use := range map[tube.Way][]tube.StationYear{tube.Ratio: few, tube.Difference: few, tube.Regression: every} {
			rmse, _, err := tube.LeaveOneOut(way, use)
			require.NoError(t, err)
			require.Greater(t, rmse, 0.1)
			require.Less(t, rmse, 20.0)
		}
		n++
	}
	require.Equal(t, 288, n)
}
