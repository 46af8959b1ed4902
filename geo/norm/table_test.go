package norm_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

func TestTable(t *testing.T) {
	seen := map[norm.ID]bool{}
	for _, n := range norm.All() {
		assert.False(t, seen[n.ID], "%s stands twice in the table", n.ID)
		seen[n.ID] = true
		info, known := reading.InfoOf(n.Property)
		assert.True(t, known && info.Norm, "%s: property %s", n.ID, n.Property)
		assert.Equal(t, info.Unit, n.Unit, "%s: a comparison knows no other unit than the property's", n.ID)
		assert.Contains(t, norm.Regimes(), n.Regime, n.ID)
		assert.NotEmpty(t, n.Source, n.ID)
		assert.NotEmpty(t, n.Article, n.ID)
		assert.Equal(t, n.HasValue(), n.Value > 0, "%s: %v", n.ID, n.Value)
		means := n.Averaging == norm.Yearly || n.Averaging == norm.PeakSeason
		assert.Equal(t, means, n.Statistic != norm.Count, "%s: a year or season is a mean, a shorter period a count", n.ID)
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

// TestOnlyTestsOfAYearAtAPlaceAreJudged: no alert, no threshold, no average
// exposure and nothing that Judge cannot compute gets a verdict.
func TestOnlyTestsOfAYearAtAPlaceAreJudged(t *testing.T) {
	judged := map[norm.Role]bool{norm.RoleCompliance: true, norm.RoleObjective: true, norm.RoleAdvice: true, norm.RoleInterim: true}
	table := map[norm.ID]bool{}
	for _, n := range norm.Table() {
		table[n.ID] = true
		assert.True(t, judged[n.Role], "%s is %s", n.ID, n.Role)
		assert.True(t, n.Statistic == norm.Mean || n.Statistic == norm.Count, n.ID)
		assert.LessOrEqual(t, n.Consecutive, 1, n.ID)
	}
	left := map[norm.Role]int{}
	for _, n := range norm.All() {
		assert.Equal(t, judged[n.Role], n.Role.Judged(), n.Role)
		assert.Equal(t, table[n.ID], n.Tested(), n.ID)
		if !table[n.ID] {
			left[n.Role]++
		}
	}
	for _, r := range []norm.Role{norm.RoleAlert, norm.RoleInformation, norm.RoleAssessment, norm.RoleExposure} {
		assert.Positive(t, left[r], r)
	}
	for _, id := range []norm.ID{"who2021-ret-so2-10minutes", "who2021-ret-co-15minutes"} {
		assert.False(t, table[id], "%s: hour means do not tell", id)
	}
}

func TestOfIsThePartOfTheTable(t *testing.T) {
	var together []norm.Norm
	for _, i := range reading.Properties() {
		var want []norm.Norm
		for _, n := range norm.Table() {
			if n.Property == i.Property {
				want = append(want, n)
			}
		}
		got := norm.Of(i.Property)
		assert.Empty(t, cmp.Diff(want, got, cmpopts.EquateEmpty()), i.Property)
		assert.True(t, i.Norm || len(got) == 0, i.Property)
		together = append(together, got...)
	}
	assert.Len(t, norm.Table(), len(together))
	assert.True(t, slices.IsSortedFunc(norm.All(), func(a, b norm.Norm) int {
		return slices.Index(norm.Regimes(), a.Regime) - slices.Index(norm.Regimes(), b.Regime)
	}))
}

// TestEveryDayOfALimitHasItsText: 2008/50/EC is repealed with effect from
// 2026-12-12, and its limit values go on in the directive of 2024.
func TestEveryDayOfALimitHasItsText(t *testing.T) {
	n, ok := norm.ByID("eu2008-no2-y")
	require.True(t, ok)
	assert.Equal(t, []norm.Text{
		{Instrument: "2008/50/EC", Article: "Annex XI.B", From: day(t, "2010-01-01"), Until: day(t, "2026-12-11")},
		{Instrument: "(EU) 2024/2881", Article: "Annex I Section 1 Table 2", From: day(t, "2026-12-12"), Until: day(t, "2029-12-31")},
	}, n.Texts())
	for _, n := range norm.All() {
		texts := n.Texts()
		assert.Equal(t, n.From, texts[0].From, n.ID)
		assert.Equal(t, n.Until, texts[len(texts)-1].Until, n.ID)
		for i := 1; i < len(texts); i++ {
			assert.Equal(t, texts[i-1].Until.AddDate(0, 0, 1), texts[i].From, "%s: a day without a text, or with two", n.ID)
		}
		if n.Regime == norm.EUNow && n.Role == norm.RoleCompliance && len(texts) == 1 {
			assert.Contains(t, n.Note, "repealed", "%s: who reads it must know that the text ends", n.ID)
		}
	}
	last, ok := norm.ByID("eu2030-no2-y")
	require.True(t, ok)
	assert.Len(t, last.Texts(), 1)
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

// TestANormOfTheFutureWouldBeExceeded: the limit value of 2030 over a year
// before it gives a conditional verdict, not an exceedance.
func TestANormOfTheFutureWouldBeExceeded(t *testing.T) {
	n, ok := norm.ByID("eu2030-no2-y")
	require.True(t, ok)
	now, ok := norm.ByID("eu2008-no2-y")
	require.True(t, ok)
	h := year2021(30)
	span := norm.Span{Year: 2021, Until: h.First + reading.Hour(len(h.Values))}
	v := norm.Judge(n, h, span, norm.MethodFor(reading.KindReference))
	assert.Equal(t, norm.Exceeds, v.Outcome)
	assert.True(t, v.NotInForce)
	v = norm.Judge(now, h, span, norm.MethodFor(reading.KindReference))
	assert.Equal(t, norm.Complies, v.Outcome)
	assert.False(t, v.NotInForce)
}

// year2021 is the calendar year 2021 (UTC+1) with one value in every hour.
func year2021(value int32) norm.Hours {
	h := norm.Hours{First: reading.HourOf(time.Date(2020, 12, 31, 23, 0, 0, 0, time.UTC)), Values: make([]int32, 365*24)}
	for i := range h.Values {
		h.Values[i] = value * reading.HourScale
	}
	return h
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

// norm returns the entry in the words of the table; ok is false for a substance
// that the project does not measure.
func (e entry) norm(t *testing.T) (n norm.Norm, ok bool) {
	t.Helper()
	property, ok := map[string]reading.Property{
		"NO2": reading.NO2, "PM2.5": reading.PM25, "PM10": reading.PM10, "O3": reading.O3, "SO2": reading.SO2, "CO": reading.CO, "C6H6": reading.Benzene,
	}[e.Pollutant]
	if !ok {
		return n, false
	}
	n = norm.Norm{
		ID: e.ID, Property: property, Kind: e.Kind, Role: e.role(t), Instrument: e.Instrument, Article: e.Ref,
		Unit: map[string]string{"ug/m3": "µg/m³", "mg/m3": "mg/m³"}[e.Unit], Verified: e.Verified, From: day(t, e.From), Until: day(t, e.Until),
	}
	if e.Value != nil {
		n.Value = *e.Value
	}
	n.Regime = e.regime(t, n)
	if article, same, ok := strings.Cut(e.Ref, " (same values: 2024/2881 "); ok {
		n.Article = article
		n.Next = norm.Text{Instrument: "(EU) 2024/2881", Article: strings.TrimSuffix(same, ")"), From: day(t, "2026-12-12"), Until: day(t, "2029-12-31")}
	}
	e.statistic(t, &n)
	return n, true
}

func (e entry) role(t *testing.T) norm.Role {
	t.Helper()
	for prefix, role := range map[string]norm.Role{
		"limit": norm.RoleCompliance, "target": norm.RoleCompliance, "long-term": norm.RoleObjective, "guideline": norm.RoleAdvice,
		"interim": norm.RoleInterim, "alert": norm.RoleAlert, "information": norm.RoleInformation, "assessment": norm.RoleAssessment,
		"exposure": norm.RoleExposure, "average exposure": norm.RoleExposure,
	} {
		if strings.HasPrefix(e.Kind, prefix) {
			return role
		}
	}
	require.Fail(t, "unknown kind", "%s: %s", e.ID, e.Kind)
	return ""
}

func (e entry) regime(t *testing.T, n norm.Norm) norm.Regime {
	t.Helper()
	id, _, _ := strings.Cut(string(e.ID), "-")
	switch {
	case id == "eu2008":
		return norm.EUNow
	case id == "eu2024" && n.From.Year() < 2030:
		return norm.EU2024
	case id == "eu2024", id == "eu2030", id == "eu2050":
		return norm.EU2030
	case id == "who2021":
		return norm.WHO2021
	case id == "who2005":
		return norm.WHO2005
	}
	require.Fail(t, "unknown regime", "%s", e.ID)
	return ""
}

// statistic translates what is averaged and counted.
func (e entry) statistic(t *testing.T, n *norm.Norm) {
	t.Helper()
	if e.Averaging == "3 calendar years" {
		n.Averaging, n.Years, n.Statistic = norm.Yearly, 3, norm.Exposure
		if e.Value == nil {
			n.Statistic = norm.Reduction
		}
		require.Contains(t, e.Statistic, "AEI", e.ID)
		return
	}
	averaging, ok := map[string]norm.Averaging{
		"10 minutes": norm.TenMinutes, "15 minutes": norm.QuarterHour, "1 hour": norm.Hourly, "8 hours": norm.EightHour,
		"1 day": norm.Daily, "24 hours": norm.Daily, "peak season": norm.PeakSeason, "calendar year": norm.Yearly,
	}[e.Averaging]
	require.True(t, ok, "%s: averaging period %q is not known", e.ID, e.Averaging)
	n.Averaging, n.Statistic = averaging, norm.Count
	if averaging == norm.Yearly || averaging == norm.PeakSeason {
		require.True(t, strings.HasPrefix(e.Statistic, "mean"), e.ID)
		n.Statistic = norm.Mean
	}
	if strings.Contains(e.Statistic, "mean of 3 years") {
		n.Years = 3
	}
	switch {
	case strings.Contains(e.Statistic, "3 consecutive"):
		n.Consecutive = 3
	case n.Kind == norm.KindAlert:
		n.Consecutive = 1
	}
	if e.Allowed != nil {
		n.Allowed = *e.Allowed
	}
	if strings.Contains(e.Statistic, "99th percentile") {
		require.NotNil(t, e.Percentile, e.ID)
		n.Percentile, n.Allowed = *e.Percentile, 3
	}
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

// readApart are norms whose text was read elsewhere than in the list's own field.
func readApart() map[norm.ID]func(*norm.Norm) {
	return map[norm.ID]func(*norm.Norm){
		// The list names where the figure stands in 2008/50/EC only; by its source
		// S3, and by its order of law, it is repeated with the others.
		"eu2008-pm25-y": func(n *norm.Norm) {
			n.Next = norm.Text{
				Instrument: "(EU) 2024/2881", Article: "Annex I Section 1 Table 2",
				From: time.Date(2026, 12, 12, 0, 0, 0, 0, time.UTC), Until: n.Until,
			}
		},
	}
}

// TestTableMatchesReviewedList compares every field of every norm with the list
// of norms that was reviewed against its sources, in both directions.
func TestTableMatchesReviewedList(t *testing.T) {
	var list struct {
		Norms []entry `json:"norms"`
	}
	raw, err := os.ReadFile(conformancetest.Path(t, "norms.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &list))

	// One distinguishing word of our own text per source of the list.
	phrase := map[string]string{
		"S1": "39. BImSchV", "S3": "table of thresholds", "S4": "quotation", "S5": "AirClim",
		"S6": "State of Global Air", "S7": "global update 2005", "S8": "COM(2022) 542", "M": "no source was read",
	}
	want, left := map[norm.ID]bool{}, map[string]int{}
	for _, e := range list.Norms {
		n, ok := e.norm(t)
		if !ok {
			left[e.Pollutant]++
			continue
		}
		if change := readApart()[n.ID]; change != nil {
			change(&n)
		}
		want[n.ID] = true
		got, ok := norm.ByID(n.ID)
		if !assert.True(t, ok, "%s is missing from the table", n.ID) {
			continue
		}
		assert.Len(t, strings.Split(got.Source, "; "), len(e.Sources), "%s: sources", n.ID)
		for _, s := range e.Sources {
			require.Contains(t, phrase, s, n.ID)
			assert.Contains(t, got.Source, phrase[s], n.ID)
		}
		percentile, counted := got.Equivalent()
		if e.Percentile != nil {
			assert.True(t, counted, n.ID)
			assert.InDelta(t, *e.Percentile, percentile, 0.0006, "%s: percentile", n.ID)
		}
		got.Source, got.Note = "", ""
		assert.Empty(t, cmp.Diff(n, got), "%s (- list, + table)", n.ID)
	}
	assert.Equal(t, map[string]int{"Pb": 1}, left, "lead is not measured by anyone's station")
	require.Greater(t, len(want), 90)
	for _, n := range norm.All() {
		assert.Contains(t, want, n.ID, "%s is not in the reviewed list", n.ID)
	}
	for id := range readApart() {
		assert.Contains(t, want, id, "an exception for nothing")
	}
}
