package norm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

const µ = reading.HourScale

// year returns a full calendar year in which every hour has the value.
func year(y int, value int32) norm.Hours {
	h := norm.Hours{First: norm.YearStart(y), Values: make([]int32, norm.YearLength(y))}
	for i := range h.Values {
		h.Values[i] = value
	}
	return h
}

// fill sets the hours [from, to) of h to the value.
func fill(h norm.Hours, from, to int, value int32) norm.Hours {
	for i := from; i < to; i++ {
		h.Values[i] = value
	}
	return h
}

func TestYearStart(t *testing.T) {
	assert.Equal(t, time.Date(2020, 12, 31, 23, 0, 0, 0, time.UTC), norm.YearStart(2021).Start())
	for y := 1890; y < 2110; y++ {
		assert.Equal(t, int(norm.YearStart(y+1)-norm.YearStart(y)), norm.YearLength(y), "%d", y)
		assert.Equal(t, y, norm.YearOf(norm.YearStart(y)))
		assert.Equal(t, y-1, norm.YearOf(norm.YearStart(y)-1))
	}
	assert.Equal(t, 8784, norm.YearLength(2024))
	assert.Equal(t, 8784, norm.YearLength(2000))
	assert.Equal(t, 8760, norm.YearLength(1900))
}

func TestYearHours(t *testing.T) {
	start := norm.YearStart(2024)
	count := func(values []int32) (n, first, last int) {
		first = -1
		for i, v := range values {
			if v != reading.Missing {
				if n == 0 {
					first = i
				}
				n, last = n+1, i
			}
		}
		return n, first, last
	}
	vector := func(first reading.Hour, n int) norm.Hours {
		v := make([]int32, n)
		for i := range v {
			v[i] = int32(i)
		}
		return norm.Hours{First: first, Values: v}
	}
	tests := map[string]struct {
		h              norm.Hours
		n, first, last int
	}{
		"empty":              {norm.Hours{}, 0, -1, 0},
		"exact":              {vector(start, 8784), 8784, 0, 8783},
		"longer at both":     {vector(start-5, 9000), 8784, 0, 8783},
		"starts later":       {vector(start+10, 100), 100, 10, 109},
		"starts earlier":     {vector(start-10, 100), 90, 0, 89},
		"runs over the end":  {vector(start+8780, 100), 4, 8780, 8783},
		"ends just before":   {vector(start-100, 100), 0, -1, 0},
		"starts just after":  {vector(start+8784, 100), 0, -1, 0},
		"one hour at end":    {vector(start+8783, 1), 1, 8783, 8783},
		"as early as can be": {norm.Hours{First: -1 << 63, Values: make([]int32, 10)}, 0, -1, 0},
		"as late as can be":  {norm.Hours{First: 1<<63 - 1, Values: make([]int32, 10)}, 0, -1, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			first, values := norm.YearHours(tt.h, 2024)
			assert.Equal(t, start, first)
			require.Len(t, values, 8784)
			n, f, l := count(values)
			assert.Equal(t, []int{tt.n, tt.first, tt.last}, []int{n, f, l})
			if n > 0 {
				assert.Equal(t, int32(start+reading.Hour(f)-tt.h.First), values[f], "hours keep their place")
			}
		})
	}
}

// A day needs 18 valid hours; a missing hour is not a zero.
func TestDayMeans(t *testing.T) {
	h := year(2023, reading.Missing)
	fill(h, 0, 17, 30*µ)        // 1 January: 17 hours
	fill(h, 24, 24+18, 30*µ)    // 2 January: 18 hours
	fill(h, 48, 72, 10*µ)       // 3 January: 24 hours
	fill(h, 48+23, 48+24, 34*µ) // ... with one high hour: sum 23*10+34 = 264
	s := norm.StatsOf(h, norm.Span{Year: 2023})

	_, ok := s.DayMean(0)
	assert.False(t, ok, "17 hours are not a day")
	d, ok := s.DayMean(1)
	assert.True(t, ok)
	assert.Equal(t, norm.Sum{Total: 18 * 30 * µ, N: 18}, d)
	d, ok = s.DayMean(2)
	assert.True(t, ok)
	m, _ := d.Mean()
	assert.InDelta(t, 11, m, 1e-12)
	_, ok = s.DayMean(364)
	assert.False(t, ok)
	_, ok = s.DayMean(-1)
	assert.False(t, ok)
	_, ok = s.DayMean(365)
	assert.False(t, ok)

	assert.Equal(t, 2, s.DaysValid)
	assert.Equal(t, 365, s.Days)
	assert.Equal(t, 17+18+24, s.Sum.N)
	assert.Equal(t, 1, s.DaysAbove(11*µ), "equal to the limit is not above it")
	assert.Equal(t, 2, s.DaysAbove(11*µ-1))
	assert.Equal(t, 17+18+1, s.HoursAbove(10*µ))
	assert.Equal(t, 59, s.HoursAbove(-1<<40), "missing hours are never counted")
}

// A day is 24 hours of UTC+1: an episode that fills a day of local winter time
// is one day, not parts of two.
func TestDayIsUTCPlusOne(t *testing.T) {
	h := year(2021, 10*µ)
	first := reading.HourOf(time.Date(2021, 6, 30, 23, 0, 0, 0, time.UTC))
	i := int(first - h.First)
	fill(h, i, i+24, 60*µ)
	s := norm.StatsOf(h, norm.Span{Year: 2021})
	assert.Equal(t, 1, s.DaysAbove(35*µ))
	d, ok := s.DayMean(181)
	assert.True(t, ok)
	assert.Equal(t, int64(24*60*µ), d.Total)
}

// Means that equal the limit are found by integers where a rounded float mean
// would be off.
func TestEqualityIsExact(t *testing.T) {
	// 23 hours: a mean of exactly 0.1 that binary fractions cannot hold.
	s := norm.Sum{Total: 23 * 1000, N: 23}
	assert.False(t, s.Above(1000))
	s.Total++
	assert.True(t, s.Above(1000))
	assert.False(t, norm.Sum{}.Above(-1), "no values are above nothing")
	_, ok := norm.Sum{}.Mean()
	assert.False(t, ok)
}

func TestStatsOfRunningYear(t *testing.T) {
	h := year(2025, 20*µ)
	until := h.First + 10*24 + 5
	s := norm.StatsOf(h, norm.Span{Year: 2025, Until: until})
	assert.True(t, s.Running())
	assert.Equal(t, 10*24+5, s.HoursOver)
	assert.Equal(t, 10*24+5, s.Sum.N, "hours that are not over take no part")
	assert.Equal(t, 10, s.DaysOver)
	assert.Equal(t, 10, s.DaysValid)
	assert.Equal(t, 10, s.DaysAbove(19*µ))
	assert.Equal(t, 245, s.HoursAbove(19*µ))

	assert.Zero(t, norm.StatsOf(h, norm.Span{Year: 2025, Until: h.First - 100}).HoursOver)
	after := norm.StatsOf(h, norm.Span{Year: 2025, Until: h.First + 100000})
	assert.False(t, after.Running())
	assert.Equal(t, 8760, after.Sum.N)
}

func TestExpanded(t *testing.T) {
	tests := []struct {
		kind     reading.Kind
		property reading.Property
		value    float64
		want     float64
	}{
		{reading.KindReference, reading.NO2, 40, 6},
		{reading.KindReference, reading.PM25, 20, 5},
		{reading.KindSensorCalibrated, reading.NO2, 40, 10},
		{reading.KindSensorCalibrated, reading.PM10, 40, 20},
		{reading.KindSensor, reading.NO2, 40, 30},
		{reading.KindSensor, reading.PM10, 40, 40},
		{reading.KindTube, reading.NO2, 40, 6},
		{reading.KindTube, reading.PM10, 40, 40},
		{reading.KindReference, reading.NO2, 2, 1.5},
		{reading.KindReference, reading.NO2, 0, 1.5},
		{reading.KindReference, reading.NO2, -40, 1.5},
		{"unheard-of", reading.NO2, 40, 30},
		{"", reading.NO2, 40, 30},
		{reading.KindReference, reading.Humidity, 40, 40},
	}
	for _, tt := range tests {
		assert.InDelta(t, tt.want, norm.Expanded(tt.kind, tt.property, tt.value), 1e-9, "%s %s %v", tt.kind, tt.property, tt.value)
	}
	assert.Equal(t, 25, norm.Relative(reading.KindTube, reading.NO2, norm.Daily))
}

func TestYearMean(t *testing.T) {
	assert.Equal(t, norm.Annual{Expected: 8760}, norm.YearMean(norm.Hours{}, 2023))
	h := fill(year(2024, reading.Missing), 10, 12, 30*µ)
	h.Values[11] = 31 * µ
	assert.Equal(t, norm.Annual{Mean: 30.5, Valid: 2, Expected: 8784}, norm.YearMean(h, 2024))
	assert.Equal(t, norm.Annual{Expected: 8760}, norm.YearMean(h, 2025))
}
