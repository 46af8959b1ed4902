package norm_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

func TestTable(t *testing.T) {
	seen := map[norm.ID]bool{}
	for _, n := range norm.Table() {
		assert.False(t, seen[n.ID], "%s stands twice in the table", n.ID)
		seen[n.ID] = true
		_, known := reading.InfoOf(n.Property)
		assert.True(t, known, "%s: property %s", n.ID, n.Property)
		assert.NotEmpty(t, n.Regime, n.ID)
		assert.NotEmpty(t, n.Source, n.ID)
		assert.Positive(t, n.Value, n.ID)
		assert.Equal(t, n.Averaging == norm.Yearly, n.Statistic == norm.Mean, "%s: a year is a mean, a shorter period a count", n.ID)
		scaled := n.Value * reading.HourScale
		assert.InDelta(t, math.Round(scaled), scaled, 0, "%s: %v must be a whole number of stored steps", n.ID, n.Value)
		got, ok := norm.ByID(n.ID)
		assert.True(t, ok)
		assert.Equal(t, n, got)
	}
	_, ok := norm.ByID("eu1999-no2-y")
	assert.False(t, ok)
}

func TestTableIsFresh(t *testing.T) {
	norm.Table()[0].Value = -1
	assert.Positive(t, norm.Table()[0].Value)
}

func TestInForce(t *testing.T) {
	tests := map[norm.ID]struct{ in, out []int }{
		"eu2008-no2-y":             {in: []int{2010, 2021, 2029}, out: []int{2009, 2030}},
		"eu2030-no2-y":             {in: []int{2030, 2050}, out: []int{2021, 2029}},
		"who2021-no2-calendaryear": {in: []int{2021, 2026}, out: []int{2020}},
		"who2005-no2-calendaryear": {in: []int{2006, 2021}, out: []int{2005, 2022}},
	}
	for id, tt := range tests {
		n, ok := norm.ByID(id)
		require.True(t, ok, id)
		for _, y := range tt.in {
			assert.True(t, n.InForce(y), "%s %d", id, y)
		}
		for _, y := range tt.out {
			assert.False(t, n.InForce(y), "%s %d", id, y)
		}
	}
	assert.True(t, norm.Norm{}.InForce(1850), "open at both ends")
}

// entry is one norm of the reviewed list that the table is held against.
type entry struct {
	ID         norm.ID  `json:"id"`
	Instrument string   `json:"instrument"`
	Kind       string   `json:"kind"`
	Pollutant  string   `json:"pollutant"`
	Averaging  string   `json:"averaging"`
	Statistic  string   `json:"statistic"`
	Value      *float64 `json:"value"`
	Unit       string   `json:"unit"`
	Allowed    *int     `json:"allowed_exceedances"`
	Percentile *float64 `json:"percentile"`
	From       string   `json:"applies_from"`
	Until      string   `json:"applies_until"`
	Ref        string   `json:"ref"`
	Sources    []string `json:"sources"`
	Verified   string   `json:"verified"`
}

// norm returns the entry in the words of the table; ok is false for entries
// that no verdict is given for.
func (e entry) norm(t *testing.T) (n norm.Norm, ok bool) {
	t.Helper()
	property, ok := map[string]reading.Property{"NO2": reading.NO2, "PM2.5": reading.PM25, "PM10": reading.PM10}[e.Pollutant]
	if !ok {
		return n, false
	}
	if e.Kind != norm.KindLimit && !strings.HasPrefix(e.Kind, "guideline") && !strings.HasPrefix(e.Kind, "interim target") {
		return n, false
	}
	averaging, ok := map[string]norm.Averaging{
		"1 hour": norm.Hourly, "1 day": norm.Daily, "24 hours": norm.Daily, "calendar year": norm.Yearly,
	}[e.Averaging]
	require.True(t, ok, "%s: averaging period %q is not known", e.ID, e.Averaging)
	require.Equal(t, "ug/m3", e.Unit, e.ID)
	n = norm.Norm{
		ID: e.ID, Property: property, Kind: e.Kind, Instrument: e.Instrument, Article: e.Ref,
		Averaging: averaging, Statistic: norm.Count, Value: *e.Value, Verified: e.Verified,
		From: day(t, e.From), Until: day(t, e.Until),
	}
	switch {
	case strings.HasPrefix(string(e.ID), "eu2008-"):
		n.Regime = norm.EUNow
	case strings.HasPrefix(string(e.ID), "eu2030-"):
		n.Regime = norm.EU2030
	case strings.HasPrefix(string(e.ID), "who2021-"):
		n.Regime = norm.WHO2021
	case strings.HasPrefix(string(e.ID), "who2005-"):
		n.Regime = norm.WHO2005
	default:
		require.Fail(t, "unknown regime", e.ID)
	}
	switch {
	case averaging == norm.Yearly:
		require.Equal(t, "mean", e.Statistic, e.ID)
		n.Statistic = norm.Mean
	case e.Allowed != nil:
		n.Allowed = *e.Allowed
	case e.Percentile != nil:
		require.InDelta(t, 99, *e.Percentile, 0, e.ID)
		n.Allowed = 3
	}
	return n, true
}

func day(t *testing.T, s string) time.Time {
	t.Helper()
	if s == "" {
		return time.Time{}
	}
	d, err := time.Parse(time.DateOnly, s)
	require.NoError(t, err)
	return d
}

// TestTableMatchesReviewedList compares every field of every norm with the list
// of norms that was reviewed against its sources.
func TestTableMatchesReviewedList(t *testing.T) {
	var list struct {
		Norms []entry `json:"norms"`
	}
	raw, err := os.ReadFile(filepath.Join(sharedFolder(t), "norms.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &list))

	// One distinguishing word of our own text per source of the list.
	phrase := map[string]string{
		"S1": "39. BImSchV", "S3": "table of thresholds", "S4": "quotation", "S5": "AirClim",
		"S6": "State of Global Air", "S7": "global update 2005", "S8": "COM(2022) 542",
	}
	want := map[norm.ID]norm.Norm{}
	for _, e := range list.Norms {
		n, ok := e.norm(t)
		if !ok {
			continue
		}
		want[n.ID] = n
		got, ok := norm.ByID(n.ID)
		if !assert.True(t, ok, "%s is missing from the table", n.ID) {
			continue
		}
		assert.Len(t, strings.Split(got.Source, "; "), len(e.Sources), "%s: sources", n.ID)
		for _, s := range e.Sources {
			require.Contains(t, phrase, s, n.ID)
			assert.Contains(t, got.Source, phrase[s], n.ID)
		}
		got.Source, got.Note = "", ""
		assert.Empty(t, cmp.Diff(n, got), "%s (- list, + table)", n.ID)
	}
	require.Greater(t, len(want), 40)
	for _, n := range norm.Table() {
		assert.Contains(t, want, n.ID, "%s is not in the reviewed list", n.ID)
	}
}

// sharedFolder returns the folder with the reviewed facts, or skips the test.
func sharedFolder(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("BUURTMETER_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		require.NotEqual(t, up, dir, "no go.mod above the test")
		dir = up
	}
	dir = filepath.Join(filepath.Dir(dir), "shared")
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	const message = "the reviewed facts are not here: set BUURTMETER_SHARED to the folder that holds norms.json"
	if os.Getenv("BUURTMETER_REQUIRE_SHARED") == "1" {
		t.Fatal(message)
	}
	t.Skip(message)
	return ""
}
