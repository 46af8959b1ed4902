package norm_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// The program that air quality people trust is openair. Its figures over its own
// example data, Marylebone Road 1998 to 2005, must be ours.

// table is a CSV file: rows by column name.
func table(t *testing.T, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(sharedFolder(t), "data", name))
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	out := make([]map[string]string, 0, len(rows))
	for _, row := range rows[1:] {
		m := make(map[string]string, len(row))
		for i, v := range row {
			m[rows[0][i]] = v
		}
		out = append(out, m)
	}
	return out
}

// vector makes hours of the whole numbers in a column. Begin and end are those
// of the data, not of a calendar year.
func vector(t *testing.T, rows []map[string]string, column string, scale norm.Scale, stamp func(string) reading.Hour) norm.Hours {
	t.Helper()
	h := norm.Hours{First: stamp(rows[0]["date"]), Scale: scale}
	h.Values = make([]int32, stamp(rows[len(rows)-1]["date"])-h.First+1)
	for i := range h.Values {
		h.Values[i] = reading.Missing
	}
	for _, r := range rows {
		if r[column] == "" {
			continue
		}
		n, err := strconv.Atoi(r[column])
		require.NoError(t, err)
		h.Values[stamp(r["date"])-h.First] = int32(n)
	}
	return h
}

func mydata(t *testing.T) map[string]norm.Hours {
	t.Helper()
	rows := table(t, "openair-mydata/mydata.csv")
	stamp := func(s string) reading.Hour {
		at, err := time.Parse(time.RFC3339, s)
		require.NoError(t, err)
		return norm.Begins.HourOf(at)
	}
	ppb := func(p reading.Property) norm.Scale {
		s, err := norm.PpbScale(p, reading.OpenAir, 1)
		require.NoError(t, err)
		return s
	}
	whole := norm.Scale{Num: 1, Den: 1}
	out := map[string]norm.Hours{}
	for column, scale := range map[string]norm.Scale{"no2": ppb(reading.NO2), "o3": ppb(reading.O3), "pm10": whole, "pm25": whole} {
		out[column] = vector(t, rows, column, scale, stamp)
	}
	return out
}

// same compares to 1e-9 of the figure.
func same(t *testing.T, want string, got float64, msg ...any) {
	t.Helper()
	w, err := strconv.ParseFloat(want, 64)
	require.NoError(t, err)
	assert.InEpsilon(t, w, got, 1e-9, msg...)
}

func TestOpenairYearStatistics(t *testing.T) {
	data := mydata(t)
	for _, row := range table(t, "openair-mydata/expected_aqStats_ugm3.csv") {
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

func TestOpenairDayMeans(t *testing.T) {
	data := mydata(t)
	stats := map[string]*norm.Stats{}
	compared := 0
	for _, row := range table(t, "openair-mydata/expected_daily_thresh75_ugm3.csv") {
		date, err := time.Parse(time.DateOnly, row["date"])
		require.NoError(t, err)
		for column, h := range data {
			key := column + date.Format("2006")
			if stats[key] == nil {
				stats[key] = norm.StatsOf(h, norm.Span{Year: date.Year(), Basis: norm.UTCDays()})
			}
			got, ok := stats[key].DayMean(date.YearDay() - 1)
			require.Equal(t, row[column] != "NA", ok, "%s %s", row["date"], column)
			if ok {
				m, _ := got.Mean()
				if want, _ := strconv.ParseFloat(row[column], 64); want != m {
					same(t, row[column], m, "%s %s", row["date"], column)
				}
				compared++
			}
		}
	}
	assert.Greater(t, compared, 3500)
}

func TestOpenairMonthMeans(t *testing.T) {
	data := mydata(t)
	compared := 0
	for _, row := range table(t, "openair-mydata/expected_monthly_thresh75_ugm3.csv") {
		date, err := time.Parse(time.DateOnly, row["date"])
		require.NoError(t, err)
		for column, h := range data {
			months := norm.StatsOf(h, norm.Span{Year: date.Year(), Basis: norm.UTCDays()}).Months()
			got, ok := months[date.Month()-1].Mean(norm.ThreeQuarters)
			assert.Equal(t, row[column] != "NA", ok, "%s %s", row["date"], column)
			if m, ok := got.Mean(); ok {
				same(t, row[column], m, "%s %s", row["date"], column)
				compared++
			}
		}
	}
	assert.Greater(t, compared, 100)
}
