package norm_test

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// The program that air quality people trust is openair. Its figures over its own
// example data, Marylebone Road 1998 to 2005, must be ours.

// table is a CSV file: its rows, and the places of its columns.
type table struct {
	column map[string]int
	rows   [][]string
}

func readTable(t *testing.T, name string) table {
	t.Helper()
	f, err := os.Open(conformancetest.Path(t, "data", name))
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	out := table{column: map[string]int{}, rows: rows[1:]}
	for i, name := range rows[0] {
		out.column[name] = i
	}
	return out
}

// vector makes hours of a column of numbers with at most one decimal, in steps of
// 1/perUnit. They begin and end with the data and not with a calendar year.
func (b table) vector(t *testing.T, column string, scale norm.Scale, perUnit float64, stamps []reading.Hour) norm.Hours {
	t.Helper()
	h := norm.Hours{First: stamps[0], Scale: scale}
	h.Values = make([]int32, stamps[len(stamps)-1]-h.First+1)
	for i := range h.Values {
		h.Values[i] = reading.Missing
	}
	at, ok := b.column[column]
	require.True(t, ok, column)
	for i, r := range b.rows {
		if r[at] == "" {
			continue
		}
		v, err := strconv.ParseFloat(r[at], 64)
		if err != nil || v*perUnit != math.Trunc(v*perUnit) {
			t.Fatalf("%s is not a number of steps", r[at])
		}
		h.Values[stamps[i]-h.First] = int32(v * perUnit)
	}
	return h
}

// stamps reads the first column as moments.
func (b table) stamps(t *testing.T, layout string, s norm.Stamp) []reading.Hour {
	t.Helper()
	out := make([]reading.Hour, len(b.rows))
	for i, r := range b.rows {
		at, err := time.Parse(layout, r[0])
		if err != nil {
			t.Fatal(err)
		}
		out[i] = s.HourOf(at)
	}
	return out
}

func mydata(t *testing.T) map[string]norm.Hours {
	t.Helper()
	b := readTable(t, "openair-mydata/mydata.csv")
	stamps := b.stamps(t, time.RFC3339, norm.Begins)
	ppb := func(p reading.Property) norm.Scale {
		s, err := norm.PpbScale(p, reading.OpenAir, 1)
		require.NoError(t, err)
		return s
	}
	whole := norm.Scale{Num: 1, Den: 1}
	out := map[string]norm.Hours{}
	for column, scale := range map[string]norm.Scale{"no2": ppb(reading.NO2), "o3": ppb(reading.O3), "pm10": whole, "pm25": whole} {
		out[column] = b.vector(t, column, scale, 1, stamps)
	}
	return out
}

func TestOpenair(t *testing.T) {
	data := mydata(t)
	t.Run("year", func(t *testing.T) { openairYears(t, data) })
	t.Run("day", func(t *testing.T) { openairDays(t, data) })
	t.Run("month", func(t *testing.T) { openairMonths(t, data) })
}

// same compares to 1e-9 of the figure.
func same(t *testing.T, want string, got float64, msg ...any) {
	t.Helper()
	w, err := strconv.ParseFloat(want, 64)
	require.NoError(t, err)
	assert.InEpsilon(t, w, got, 1e-9, msg...)
}

func openairYears(t *testing.T, data map[string]norm.Hours) {
	t.Helper()
	b := readTable(t, "openair-mydata/expected_aqStats_ugm3.csv")
	require.Len(t, b.rows, 16)
	for _, fields := range b.rows {
		row := map[string]string{}
		for name, i := range b.column {
			row[name] = fields[i]
		}
		year, _ := strconv.Atoi(row["year"])
		thresh, _ := strconv.ParseFloat(row["data.thresh"], 64)
		capture, err := norm.CaptureOf(thresh / 100)
		require.NoError(t, err)
		s := norm.StatsOf(data[row["pollutant"]], norm.Span{Year: year, Basis: norm.UTCDays(), DayCapture: capture})
		t.Run(row["pollutant"]+row["year"]+"/"+row["data.thresh"], func(t *testing.T) {
			mean := func(sum norm.Sum, n int) float64 {
				m, ok := sum.Mean()
				require.True(t, ok && n > 0)
				return m
			}
			same(t, row["dat.cap"], 100*s.YearPeriod().Coverage())
			same(t, row["mean"], mean(s.Sum, 1))
			low, _ := s.MinHour()
			high, _ := s.MaxHour()
			day, _ := s.MaxDay()
			same(t, row["min"], mean(low, 1))
			same(t, row["max"], mean(high, 1))
			same(t, row["max_daily"], mean(day, 1))
			same(t, row["roll_8_max"], mean(norm.Highest(s.RunningMeans(8, norm.Centred))), "roll_8_max")
			same(t, row["roll_24_max"], mean(norm.Highest(s.RunningMeans(24, norm.Centred))), "roll_24_max")
			d := s.HourDistribution()
			percentiles := 0
			for name, want := range row {
				if name == "median" {
					name = "percentile.50"
				}
				if len(name) < 11 || name[:11] != "percentile." {
					continue
				}
				q, err := strconv.ParseFloat(name[11:], 64)
				require.NoError(t, err)
				got, _ := d.Percentile(q)
				same(t, want, got, name)
				got, _ = s.Percentile(q)
				same(t, want, got, name)
				percentiles++
			}
			assert.Equal(t, 7, percentiles)
			if want := row["hours"]; want != "" {
				same(t, want, float64(s.HoursAbove(200*µ)), "hours")
			}
			if want := row["days"]; want != "" {
				same(t, want, float64(s.DaysAbove(50*µ)), "days")
			}
		})
	}
}

func openairDays(t *testing.T, data map[string]norm.Hours) {
	t.Helper()
	stats := map[string]*norm.Stats{}
	compared := 0
	b := readTable(t, "openair-mydata/expected_daily_thresh75_ugm3.csv")
	for _, row := range b.rows {
		date, err := time.Parse(time.DateOnly, row[0])
		require.NoError(t, err)
		for column, h := range data {
			key := column + date.Format("2006")
			if stats[key] == nil {
				stats[key] = norm.StatsOf(h, norm.Span{Year: date.Year(), Basis: norm.UTCDays()})
			}
			got, ok := stats[key].DayMean(date.YearDay() - 1)
			require.Equal(t, row[b.column[column]] != "NA", ok, "%s %s", row[0], column)
			if ok {
				m, _ := got.Mean()
				if want, _ := strconv.ParseFloat(row[b.column[column]], 64); want != m {
					same(t, row[b.column[column]], m, "%s %s", row[0], column)
				}
				compared++
			}
		}
	}
	assert.Greater(t, compared, 3500)
}

func openairMonths(t *testing.T, data map[string]norm.Hours) {
	t.Helper()
	compared := 0
	b := readTable(t, "openair-mydata/expected_monthly_thresh75_ugm3.csv")
	for _, row := range b.rows {
		date, err := time.Parse(time.DateOnly, row[0])
		require.NoError(t, err)
		for column, h := range data {
			months := norm.StatsOf(h, norm.Span{Year: date.Year(), Basis: norm.UTCDays()}).Months()
			got, ok := months[date.Month()-1].Mean(norm.ThreeQuarters)
			assert.Equal(t, row[b.column[column]] != "NA", ok, "%s %s", row[0], column)
			if m, ok := got.Mean(); ok {
				same(t, row[b.column[column]], m, "%s %s", row[0], column)
				compared++
			}
		}
	}
	assert.Greater(t, compared, 100)
}
