package opendata

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// ozoneSince returns hours of O3 from the beginning of the year up to until,
// with about as many high days as the norms allow.
func ozoneSince(year int, until reading.Hour) norm.Hours {
	h := norm.Hours{First: norm.YearStart(year)}
	h.Values = make([]int32, until-h.First)
	for i := range h.Values {
		h.Values[i] = int32((60 + 40*(i/24%17)/10 + i%24*2) * reading.HourScale)
	}
	return h
}

// factsOf are the facts of h, in which every block has version 1 but those given.
func factsOf(h norm.Hours, kind reading.Kind, until reading.Hour, versions map[reading.Month]int64) *seriesFacts {
	f := &seriesFacts{
		kind: kind, until: until, any: true, first: h.First, last: h.First + reading.Hour(len(h.Values)) - 1,
		versions: map[reading.Month]int64{}, verdicts: map[VerdictKey]norm.Verdict{},
	}
	for m := reading.MonthOf(f.first); m <= reading.MonthOf(f.last); m++ {
		f.versions[m] = 1
	}
	maps.Copy(f.versions, versions)
	return f
}

// TestAYearIsJudgedAgainOnlyWhenItMayHaveChanged marks what was judged before,
// so that it shows which verdicts are new.
func TestAYearIsJudgedAgainOnlyWhenItMayHaveChanged(t *testing.T) {
	k := seriesKey{"s", reading.O3}
	until := norm.YearStart(2024) + 200
	h := ozoneSince(2019, until)
	const marked = 4711.0
	for name, c := range map[string]struct {
		kind    reading.Kind
		changed reading.Month
		until   reading.Hour
		again   []int
	}{
		"a reading of now":        {changed: reading.MonthOf(until), again: []int{2023, 2024}}, // January bounds 2023
		"an old month":            {changed: reading.MonthOf(norm.YearStart(2020) + 3000), again: []int{2020, 2021, 2022, 2024}},
		"the end of an old year":  {changed: reading.MonthOf(norm.YearStart(2021) - 100), again: []int{2020, 2021, 2022, 2023, 2024}},
		"an hour passed":          {until: until + 1, again: []int{2024}},
		"another kind of station": {kind: reading.KindSensor, again: []int{2019, 2020, 2021, 2022, 2023, 2024}},
	} {
		t.Run(name, func(t *testing.T) {
			old := factsOf(h, reading.KindReference, until, nil)
			old.judge(k, h, nil)
			require.Len(t, old.years, 6)
			for key, v := range old.verdicts {
				v.Value = marked
				old.verdicts[key] = v
			}
			kind, changed := reading.KindReference, map[reading.Month]int64{}
			if c.kind != "" {
				kind = c.kind
			}
			if c.changed != 0 {
				changed[c.changed] = 2
			}
			f := factsOf(h, kind, max(until, c.until), changed)
			f.judge(k, h, old)
			assert.Len(t, f.years, 6)
			whole := factsOf(h, kind, max(until, c.until), changed)
			whole.judge(k, h, nil)
			require.Len(t, f.verdicts, len(whole.verdicts))
			again := map[int]bool{}
			for key, v := range f.verdicts {
				if v.Value != marked {
					again[key.Year] = true
					assert.Equal(t, whole.verdicts[key], v)
				}
			}
			var years []int
			for y := 2019; y <= 2024; y++ {
				if again[y] {
					years = append(years, y)
				}
			}
			assert.Equal(t, c.again, years)
		})
	}
}

func BenchmarkJudge(b *testing.B) {
	until := norm.YearStart(2024) + 2000
	h := ozoneSince(2019, until)
	for name, old := range map[string]*seriesFacts{"all": nil, "changed": factsOf(h, reading.KindSensor, until, nil)} {
		if old != nil {
			old.judge(seriesKey{"s", reading.PM10}, h, nil)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f := factsOf(h, reading.KindSensor, until, map[reading.Month]int64{reading.MonthOf(until): 2})
				f.judge(seriesKey{"s", reading.PM10}, h, old)
			}
		})
	}
}
