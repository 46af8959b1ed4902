package export_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
	"buurtmeter/opendata/export"
	"buurtmeter/opendata/opendatatest"
)

func publisher() opendata.Publisher {
	return opendata.Publisher{
		URI: "https://identifier.overheid.nl/tooi/id/gemeente/gm0479", Name: "Gemeente Zaanstad",
		ContactName: "Team open data", ContactEmail: "opendata@example.nl", ContactURL: "https://lucht.example.nl/contact",
		BaseURL: "https://lucht.example.nl",
	}
}

func hours(t testing.TB, m *opendatatest.Memory, format string, f export.Filter) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, export.Hours(context.Background(), &b, m, m.G, publisher(), format, f))
	return b.String()
}

func verdicts(t testing.TB, m *opendatatest.Memory, format string, f export.Filter) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, export.Verdicts(context.Background(), &b, m.G, publisher(), format, f))
	return b.String()
}

func rows(t testing.TB, s string) []map[string]string {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(s)).ReadAll()
	require.NoError(t, err)
	var out []map[string]string
	for _, r := range all[1:] {
		m := map[string]string{}
		for i, k := range all[0] {
			m[k] = r[i]
		}
		out = append(out, m)
	}
	return out
}

// crafted holds one month of one series with every kind of hour.
func crafted() *opendatatest.Memory {
	m := opendatatest.NewMemory()
	m.G.Stations = []opendata.Station{
		{ID: "a", Title: "A", Kind: reading.KindSensor, Area: "BU04791210", Properties: []reading.Property{reading.NO2}},
		{ID: "b", Title: opendatatest.Hostile, Kind: reading.KindTube, NoPosition: true, Simulated: true, Properties: []reading.Property{reading.NO2}},
	}
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m.G.Span = opendata.Span{From: first, To: first.AddDate(0, 3, 0)}
	jan := reading.NewBlock("a", reading.NO2, reading.MonthOf(reading.HourOf(first)))
	jan.Values[2], jan.Capture[2] = 123400, 60
	jan.Values[3], jan.Capture[3], jan.Flags[3] = -5, 60, reading.Duplicate
	jan.Flags[5] = reading.Range
	jan.Values[6], jan.Capture[6] = 0, 44
	jan.Values[7], jan.Capture[7], jan.Flags[7] = 400000, 45, reading.Constant|reading.PMOrder
	m.Put(jan)
	mar := reading.NewBlock("a", reading.NO2, jan.Month+2) // February is missing altogether
	mar.Values[0], mar.Capture[0] = 10000, 60
	m.Put(mar)
	return m
}

func TestHoursCSV(t *testing.T) {
	got := rows(t, hours(t, crafted(), "csv", export.Filter{}))
	require.Len(t, got, (31+28)*24-2+1, "from the first known hour to the last, with all hours between")
	want := []struct{ hour, value, capture, valid, flags string }{
		{"2026-01-01T02:00:00Z", "12.34", "60", "true", ""},
		{"2026-01-01T03:00:00Z", "-0.0005", "60", "true", "duplicate"},
		{"2026-01-01T04:00:00Z", "", "0", "false", ""},
		{"2026-01-01T05:00:00Z", "", "0", "false", "range"},
		{"2026-01-01T06:00:00Z", "0", "44", "false", ""},
		{"2026-01-01T07:00:00Z", "40", "45", "false", "constant|pm-order"},
		{"2026-01-01T08:00:00Z", "", "0", "false", ""},
	}
	for i, w := range want {
		r := got[i]
		assert.Equal(t, w.hour, r["hour"])
		assert.Equal(t, w.value, r["value"], w.hour)
		assert.Equal(t, w.capture, r["capture_minutes"], w.hour)
		assert.Equal(t, w.valid, r["valid"], w.hour)
		assert.Equal(t, w.flags, r["flags"], w.hour)
		assert.Equal(t, "a", r["station"])
		assert.Equal(t, "BU04791210", r["area"])
		assert.Equal(t, "µg/m³", r["unit"])
	}
	assert.Equal(t, "2026-03-01T00:00:00Z", got[len(got)-1]["hour"])
	assert.Equal(t, "1", got[len(got)-1]["value"])
}

// TestHoursOfTheSampleAreTheBlocks holds the whole file against its source.
func TestHoursOfTheSampleAreTheBlocks(t *testing.T) {
	m := opendatatest.NewMemory()
	seen := map[string]string{}
	for _, r := range rows(t, hours(t, m, "csv", export.Filter{})) {
		key := r["station"] + " " + r["property"] + " " + r["hour"]
		if _, twice := seen[key]; twice {
			require.Fail(t, "an hour is in the file twice", key)
		}
		seen[key] = r["value"] + " " + r["capture_minutes"] + " " + r["flags"]
	}
	n := 0
	for _, s := range m.G.Stations {
		for _, p := range s.Properties {
			require.NoError(t, m.Blocks(context.Background(), s.ID, p, m.G.Span.From, m.G.Span.To, func(b reading.Block) error {
				for i, v := range b.Values {
					key := string(s.ID) + " " + string(p) + " " + (b.Month.First() + reading.Hour(i)).Start().Format(time.RFC3339)
					if v == reading.Missing {
						if got, ok := seen[key]; ok {
							assert.True(t, strings.HasPrefix(got, " "), "missing must be empty: %q", got)
						}
						continue
					}
					n++
					want := strconv.FormatFloat(reading.Unscaled(v), 'f', -1, 64) + " " + strconv.Itoa(int(b.Capture[i])) + " " + b.Flags[i].String()
					if seen[key] != want {
						assert.Equal(t, want, seen[key], key)
					}
				}
				return nil
			}))
		}
	}
	assert.Greater(t, n, 200_000)
}

type seriesJSON struct {
	Station, Property, Unit, Start, Kind string
	Area                                 *string
	Simulated                            bool
	Values                               []*float64
	CaptureMinutes                       []int
	Valid                                []bool
	Flags                                [][]string
}

func TestHoursJSON(t *testing.T) {
	var doc struct {
		Dataset, Licence string
		Explanation      map[string]opendata.Text
		Series           []seriesJSON
	}
	require.NoError(t, json.Unmarshal([]byte(hours(t, crafted(), "json", export.Filter{})), &doc))
	assert.Equal(t, "hours", doc.Dataset)
	assert.Equal(t, opendata.Licence, doc.Licence)
	assert.NotEmpty(t, doc.Explanation["values"].NL)
	require.Len(t, doc.Series, 1)
	s := doc.Series[0]
	assert.Equal(t, "2026-01-01T02:00:00Z", s.Start)
	assert.InDelta(t, 12.34, *s.Values[0], 0)
	assert.InDelta(t, -0.0005, *s.Values[1], 0)
	assert.Nil(t, s.Values[2])
	assert.InDelta(t, 0, *s.Values[4], 0)
	assert.Equal(t, []string{"range"}, s.Flags[3])
	assert.Nil(t, s.Flags[0])
	n := (31+28)*24 - 2 + 1
	assert.Len(t, s.Values, n)
	assert.Len(t, s.CaptureMinutes, n)
	assert.Len(t, s.Valid, n)
	assert.Len(t, s.Flags, n)
}

func TestHoursGeoJSONShowsTheAreaAndNeverThePlace(t *testing.T) {
	m := crafted()
	var doc struct {
		Type     string
		Features []struct {
			Type, ID string
			Geometry *struct {
				Type        string
				Coordinates []float64
			}
			Properties struct {
				Title, Position string
				Simulated       bool
				Area            *string
				Series          []seriesJSON
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(hours(t, m, "geojson", export.Filter{})), &doc))
	assert.Equal(t, "FeatureCollection", doc.Type)
	require.Len(t, doc.Features, 2)
	a, b := doc.Features[0], doc.Features[1]
	area, _ := m.G.Area("BU04791210")
	assert.Equal(t, "a", a.ID)
	assert.Equal(t, []float64{area.Center[0], area.Center[1]}, a.Geometry.Coordinates)
	assert.Contains(t, a.Properties.Position, "not of the station")
	require.Len(t, a.Properties.Series, 1)
	assert.InDelta(t, 12.34, *a.Properties.Series[0].Values[0], 0)
	assert.Nil(t, b.Geometry, "no position is shown as none")
	assert.Nil(t, b.Properties.Area)
	assert.Empty(t, b.Properties.Position)
	assert.Equal(t, opendatatest.Hostile, b.Properties.Title)
	assert.Empty(t, b.Properties.Series)
}

func TestFilters(t *testing.T) {
	m := opendatatest.NewMemory()
	for _, r := range rows(t, hours(t, m, "csv", export.Filter{Station: "ref-hemkade", Property: reading.NO2, Year: 2025})) {
		assert.Equal(t, "ref-hemkade", r["station"])
		assert.Equal(t, "no2", r["property"])
		h, err := time.Parse(time.RFC3339, r["hour"])
		require.NoError(t, err)
		assert.Equal(t, 2025, norm.YearOf(reading.HourOf(h)), "a calendar year runs in UTC+1: %s", r["hour"])
	}
	one := rows(t, hours(t, m, "csv", export.Filter{Station: "ref-hemkade", Property: reading.NO2, Year: 2025}))
	assert.Equal(t, "2024-12-31T23:00:00Z", one[0]["hour"])
	assert.Empty(t, rows(t, hours(t, m, "csv", export.Filter{Station: "tube-07", Property: reading.PM10})))
	assert.Empty(t, rows(t, hours(t, m, "csv", export.Filter{Year: 1999})))

	vs := rows(t, verdicts(t, m, "csv", export.Filter{Year: 2025, Area: "BU04791210", Property: reading.NO2}))
	require.Len(t, vs, 2)
	assert.Len(t, rows(t, verdicts(t, m, "csv", export.Filter{Station: "tube-07"})), 5*2, "the area of the station")
	assert.Empty(t, rows(t, verdicts(t, m, "csv", export.Filter{Station: "zst-zonder-plek"})))
	assert.Empty(t, rows(t, verdicts(t, m, "csv", export.Filter{Station: "unknown"})))
}

func TestVerdictsSayTheSameInAllForms(t *testing.T) {
	m := opendatatest.NewMemory()
	want, err := export.SelectVerdicts(context.Background(), m.G, export.Filter{})
	require.NoError(t, err)
	require.Len(t, want, 6*5*2, "every area, norm and year, also where it cannot be told")

	var doc struct{ Verdicts []export.Verdict }
	require.NoError(t, json.Unmarshal([]byte(verdicts(t, m, "json", export.Filter{})), &doc))
	assert.Equal(t, want, doc.Verdicts)

	var fc struct {
		Features []export.Feature[struct {
			export.Area
			Verdicts []export.Verdict
		}]
	}
	require.NoError(t, json.Unmarshal([]byte(verdicts(t, m, "geojson", export.Filter{})), &fc))
	var all []export.Verdict
	for _, f := range fc.Features {
		assert.Equal(t, "MultiPolygon", f.Geometry.Type)
		all = append(all, f.Properties.Verdicts...)
	}
	assert.Equal(t, want, all)

	for i, r := range rows(t, verdicts(t, m, "csv", export.Filter{})) {
		w := want[i]
		assert.Equal(t, w.Area, r["area"])
		assert.Equal(t, w.Outcome, r["outcome"])
		assert.Equal(t, strconv.FormatBool(w.InForce), r["in_force"])
		assert.Equal(t, w.Mean == nil, r["mean"] == "", "no mean is empty, not 0")
		if len(w.Points) > 0 && w.Points[0].Value != nil {
			assert.Equal(t, strconv.FormatFloat(w.Points[0].Value.Value, 'f', -1, 64), r["highest"])
			assert.Equal(t, w.Points[0].Station, r["highest_station"])
		} else {
			assert.Empty(t, r["highest"])
		}
	}
}

func TestTextsAreNoFormulas(t *testing.T) {
	m := opendatatest.NewMemory()
	for title, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx",
		opendatatest.Hostile: opendatatest.Hostile, "a, b\nc": "a, b\nc",
	} {
		m.G.Areas[0].Name = title
		r := rows(t, verdicts(t, m, "csv", export.Filter{Area: m.G.Areas[0].Code}))
		assert.Equal(t, want, r[0]["area_name"])
	}
}

func TestAnErrorIsAnErrorAndNoShortFile(t *testing.T) {
	for _, format := range []string{"csv", "json", "geojson"} {
		m := opendatatest.NewMemory()
		m.BlockErr, m.FailAfter = errors.New("disk"), 3
		err := export.Hours(context.Background(), io.Discard, m, m.G, publisher(), format, export.Filter{})
		require.ErrorContains(t, err, "disk", format)

		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		m.BlockErr = nil
		require.ErrorIs(t, export.Hours(ctx, io.Discard, m, m.G, publisher(), format, export.Filter{}), context.Canceled)
		require.ErrorIs(t, export.Verdicts(ctx, io.Discard, m.G, publisher(), format, export.Filter{}), context.Canceled)
		require.ErrorContains(t, export.Hours(context.Background(), full{}, m, m.G, publisher(), format, export.Filter{}), "no room")
		require.ErrorContains(t, export.Verdicts(context.Background(), full{}, m.G, publisher(), format, export.Filter{}), "no room")

		k := opendata.VerdictKey{Area: "BU04791210", Norm: "eu2008-no2-y", Year: 2025}
		v := m.G.Verdicts[k]
		v.HasMean, v.Mean = true, math.NaN()
		m.G.Verdicts[k] = v
		require.Error(t, export.Verdicts(context.Background(), io.Discard, m.G, publisher(), format, export.Filter{}), "NaN is no number")
	}
	m := opendatatest.NewMemory()
	require.ErrorContains(t, export.Hours(context.Background(), io.Discard, m, m.G, publisher(), "xls", export.Filter{}), "use csv, json or geojson")
	require.ErrorContains(t, export.Verdicts(context.Background(), io.Discard, m.G, publisher(), "xls", export.Filter{}), "use csv, json or geojson")

	m = crafted()
	short := reading.NewBlock("a", reading.NO2, reading.MonthOf(reading.HourOf(m.G.Span.From)))
	short.Flags = short.Flags[:10]
	m.Put(short)
	require.ErrorContains(t, export.Hours(context.Background(), io.Discard, m, m.G, publisher(), "csv", export.Filter{}), "want 744 hours")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestWithoutDataTheFilesAreEmptyAndWhole(t *testing.T) {
	m := opendatatest.NewMemory()
	m.G.Span, m.G.Stations = opendata.Span{}, nil
	assert.Equal(t, export.HoursHeader+"\n", hours(t, m, "csv", export.Filter{}))
	for _, format := range []string{"json", "geojson"} {
		var doc map[string]any
		require.NoError(t, json.Unmarshal([]byte(hours(t, m, format, export.Filter{})), &doc))
	}
}

func TestAppendScaled(t *testing.T) {
	for v, want := range map[int32]string{
		0: "0", 1: "0.0001", -1: "-0.0001", 10_000: "1", -10_000: "-1", 123_400: "12.34", 100_001: "10.0001", 5000: "0.5",
		math.MaxInt32: "214748.3647", math.MinInt32 + 1: "-214748.3647", 10: "0.001", 100: "0.01",
	} {
		assert.Equal(t, want, string(export.AppendScaled(nil, v)))
	}
}

func FuzzAppendScaled(f *testing.F) {
	f.Add(int32(-5))
	f.Fuzz(func(t *testing.T, v int32) {
		got, err := strconv.ParseFloat(string(export.AppendScaled(nil, v)), 64)
		require.NoError(t, err)
		n, ok := reading.Scaled(got)
		if v != reading.Missing {
			assert.True(t, ok)
			assert.Equal(t, v, n, "the text is the number")
		}
	})
}

func TestFileName(t *testing.T) {
	d := opendata.Dataset{ID: "hours"}
	assert.Equal(t, "buurtmeter-hours.csv", export.FileName(d, "csv", export.Filter{}))
	assert.Equal(t, "buurtmeter-hours-ref-hemkade-no2-2025.json", export.FileName(d, "json", export.Filter{Station: "ref-hemkade", Property: "no2", Year: 2025}))
}

func TestPublicFormsHoldNoPosition(t *testing.T) {
	m := opendatatest.NewMemory()
	for _, s := range m.G.Stations {
		b, err := json.Marshal(export.StationOf(s))
		require.NoError(t, err)
		var fields map[string]any
		require.NoError(t, json.Unmarshal(b, &fields))
		assert.ElementsMatch(t, slices.Collect(maps.Keys(fields)), []string{
			"id", "title", "kind", "model", "maker", "simulated", "paused", "since", "siting", "area", "noPosition", "latest", "properties", "corrected", "particleSensors",
		}, "what is public of a station is this and no more")
	}
	a := export.AreaOf(m.G, geo.Area{Code: "BU04791210"})
	assert.Equal(t, []string{"zst-poelenburg-01", "zst-poelenburg-02", "zst-poelenburg-03"}, a.Stations)
	n := export.NormOf(norm.Norm{Statistic: norm.Mean})
	assert.Nil(t, n.Allowed, "a mean has no allowed periods: not 0")
	assert.Nil(t, n.From)
}

// BenchmarkHours writes the hours of the sample; rows/s is the figure.
// go test -bench Hours -benchmem ./opendata/export
func BenchmarkHours(b *testing.B) {
	m := opendatatest.NewMemory()
	n := len(strings.Split(hours(b, m, "csv", export.Filter{}), "\n")) - 2
	for _, format := range []string{"csv", "json", "geojson"} {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				if err := export.Hours(context.Background(), io.Discard, m, m.G, publisher(), format, export.Filter{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
