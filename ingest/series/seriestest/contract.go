package seriestest

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/series"
)

// t0 is the moment that the readings of the suite count from.
func t0() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }

// Run is the contract of the raw store. open returns an empty store; it is
// called once per part of the suite.
func Run(t *testing.T, open func(t testing.TB) *series.Store) {
	t.Helper()
	parts := []struct {
		name string
		test func(t *testing.T, s *series.Store)
	}{
		{"what is written comes back", roundTrip},
		{"values come back exactly", exactValues},
		{"times have milliseconds", milliseconds},
		{"writing again changes nothing", idempotent},
		{"a second value replaces the first", replaces},
		{"revisions stand side by side", revisions},
		{"properties of one moment may come apart", apart},
		{"Rewrite clears flags and interval", rewriteClears},
		{"Append keeps stored flags", appendKeeps},
		{"a bad reading is refused and the others stay", refusedAlone},
		{"every kind of bad reading is refused", refusedKinds},
		{"order of arrival does not matter", outOfOrder},
		{"the newest is found", newest},
		{"from is in and to is out", bounds},
		{"twenty thousand in one call", large},
		{"strange ids stay data", hostile},
		{"a station can be deleted", deletion},
		{"a station with a strange id can be deleted", deletionHostile},
		{"a station can be deleted while it is written", deletionUnderWay},
		{"nothing is no error", nothing},
		{"an ended context stops everything", endedContext},
		{"writers do not disturb each other", writers},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) { p.test(t, open(t)) })
	}
}

// at builds one reading, n minutes after t0.
func at(id reading.StationID, minute int, values ...reading.Value) reading.Reading {
	when := t0().Add(time.Duration(minute) * time.Minute)
	return reading.Reading{Station: id, At: when, Received: when.Add(1500 * time.Millisecond), Values: values}
}

func no2(v float64, f ...reading.Flag) reading.Value {
	val := reading.Value{Property: reading.NO2, Value: v}
	for _, x := range f {
		val.Flags |= x
	}
	return val
}

func all(t *testing.T, s *series.Store, id reading.StationID) []reading.Reading {
	t.Helper()
	rs, err := s.Readings(t.Context(), id, time.Time{}, time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	return rs
}

func same(t *testing.T, want, got []reading.Reading) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("readings differ (-want +got):\n%s", d)
	}
}

func refused(t *testing.T, err error) *ingest.RefusedError {
	t.Helper()
	var r *ingest.RefusedError
	require.ErrorAs(t, err, &r)
	return r
}

func roundTrip(t *testing.T, s *series.Store) {
	full := reading.Reading{
		Station: "buurt-1", At: t0(), Interval: 10 * time.Minute, Received: t0().Add(1234 * time.Millisecond), Revision: 0,
		Values: []reading.Value{
			{Property: reading.NO2, Value: 21.5},
			{Property: reading.PM25, Value: 40, Flags: reading.PMOrder},
			{Property: reading.PM10, Value: 30, Flags: reading.PMOrder | reading.Duplicate},
			{Property: reading.Temperature, Value: -3.25},
			{Property: reading.Humidity, Value: 0},
			{Property: reading.Pressure, Value: 1013.25, Flags: reading.ServerTime},
		},
	}
	mixed := at("buurt-1", 1, reading.Value{Property: reading.Pressure, Value: 1000}, no2(1))
	require.NoError(t, s.Append(t.Context(), []reading.Reading{full, mixed, at("buurt-2", 0, no2(99))}))

	table := at("buurt-1", 1, no2(1), reading.Value{Property: reading.Pressure, Value: 1000})
	same(t, []reading.Reading{full, table}, all(t, s, "buurt-1"))
	n, err := s.Count(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 3, n)
	require.NoError(t, s.Ping(t.Context()))
}

func exactValues(t *testing.T, s *series.Store) {
	values := []float64{
		0, -0.1, -19.9, 0.1 + 0.2, 1.0 / 3, 1e-7, 123456789.123456789, 5e-324, math.MaxFloat64, -math.MaxFloat64, 1e21, 1e22, 42,
	}
	var want []reading.Reading
	for i, v := range values {
		want = append(want, at("x", i, no2(v)))
	}
	require.NoError(t, s.Append(t.Context(), want))
	same(t, want, all(t, s, "x"))
}

func milliseconds(t *testing.T, s *series.Store) {
	a, b := at("x", 0, no2(1)), at("x", 0, no2(2))
	b.At = b.At.Add(time.Millisecond)
	old := at("x", 0, no2(3))
	old.At, old.Received = time.Date(1954, 5, 6, 7, 8, 9, 10*1e6, time.UTC), time.Time{}
	require.NoError(t, s.Append(t.Context(), []reading.Reading{a, b, old}))
	got := all(t, s, "x")
	same(t, []reading.Reading{old, a, b}, got)
	assert.True(t, got[0].Received.IsZero())
}

func idempotent(t *testing.T, s *series.Store) {
	rs := []reading.Reading{at("x", 0, no2(1)), at("x", 1, no2(2, reading.Range)), at("y", 0, no2(3))}
	for range 3 {
		require.NoError(t, s.Append(t.Context(), rs))
	}
	n, err := s.Count(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 3, n)
	same(t, rs[:2], all(t, s, "x"))
}

func replaces(t *testing.T, s *series.Store) {
	require.NoError(t, s.Append(t.Context(), []reading.Reading{at("x", 0, no2(1))}))
	require.NoError(t, s.Append(t.Context(), []reading.Reading{at("x", 0, no2(2))}))
	same(t, []reading.Reading{at("x", 0, no2(2))}, all(t, s, "x"))
}

func revisions(t *testing.T, s *series.Store) {
	first, later := at("x", 0, no2(1)), at("x", 1, no2(9))
	second, last := at("x", 0, no2(2)), at("x", 0, no2(3))
	second.Revision, last.Revision = 1, 255
	for _, r := range []reading.Reading{last, first, later, second} {
		require.NoError(t, s.Append(t.Context(), []reading.Reading{r}))
	}
	same(t, []reading.Reading{first, second, last, later}, all(t, s, "x"))
	n, err := s.Count(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 4, n)
}

func apart(t *testing.T, s *series.Store) {
	pm := reading.Value{Property: reading.PM10, Value: 12}
	require.NoError(t, s.Append(t.Context(), []reading.Reading{at("x", 0, pm)}))
	require.NoError(t, s.Append(t.Context(), []reading.Reading{at("x", 0, no2(7))}))
	same(t, []reading.Reading{at("x", 0, no2(7), pm)}, all(t, s, "x"))
}

func rewriteClears(t *testing.T, s *series.Store) {
	r := at("x", 0, no2(1, reading.Range, reading.Conflict))
	r.Interval = time.Minute
	require.NoError(t, s.Append(t.Context(), []reading.Reading{r}))
	same(t, []reading.Reading{r}, all(t, s, "x"))
	clean := at("x", 0, no2(1))
	require.NoError(t, s.Rewrite(t.Context(), []reading.Reading{clean}))
	same(t, []reading.Reading{clean}, all(t, s, "x"))
	require.NoError(t, s.Rewrite(t.Context(), []reading.Reading{r}))
	same(t, []reading.Reading{r}, all(t, s, "x"))
}

func appendKeeps(t *testing.T, s *series.Store) {
	flagged := at("x", 0, no2(1, reading.Conflict))
	require.NoError(t, s.Append(t.Context(), []reading.Reading{flagged}))
	require.NoError(t, s.Append(t.Context(), []reading.Reading{at("x", 0, no2(1))}))
	same(t, []reading.Reading{flagged}, all(t, s, "x"))
}

func refusedAlone(t *testing.T, s *series.Store) {
	bad1, bad2 := at("x", 1, no2(math.NaN())), at("x", 3, no2(math.Inf(-1)), reading.Value{Property: reading.PM10, Value: 1})
	good := []reading.Reading{at("x", 0, no2(1)), at("x", 2, no2(2)), at("x", 4, no2(3))}
	err := s.Append(t.Context(), []reading.Reading{good[0], bad1, good[1], bad2, good[2]})
	r := refused(t, err)
	require.Len(t, r.Readings, 2)
	assert.Equal(t, bad1.At, r.Readings[0].At)
	assert.Equal(t, bad2.At, r.Readings[1].At)
	assert.ErrorContains(t, err, "2 refused")
	same(t, good, all(t, s, "x"))
}

func refusedKinds(t *testing.T, s *series.Store) {
	when := func(y int) reading.Reading {
		r := at("x", 0, no2(1))
		r.At = time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
		return r
	}
	negative := at("x", 0, no2(1))
	negative.Interval = -time.Second
	bad := map[string]reading.Reading{
		"no value": at("x", 0), "twice": at("x", 0, no2(1), no2(2)), "infinite": at("x", 0, no2(math.Inf(1))),
		"unknown property": at("x", 0, reading.Value{Property: "o3,x=1 1", Value: 1}),
		"empty id":         at("", 0, no2(1)), "line end in id": at("a\nreading,station=b no2=1", 0, no2(1)),
		"backslash in id": at(`a\`, 0, no2(1)), "bad UTF-8": at("a\xff", 0, no2(1)),
		"long id":   at(reading.StationID(strings.Repeat("a", 70000)), 0, no2(1)),
		"year 1":    when(1),
		"year 9999": when(9999), "negative interval": negative,
	}
	for name, r := range bad {
		t.Run(name, func(t *testing.T) {
			for _, write := range []func() error{
				func() error { return s.Append(t.Context(), []reading.Reading{r}) },
				func() error { return s.Rewrite(t.Context(), []reading.Reading{r}) },
			} {
				assert.Len(t, refused(t, write()).Readings, 1)
			}
		})
	}
	n, err := s.Count(t.Context())
	require.NoError(t, err)
	assert.Zero(t, n)
}

func outOfOrder(t *testing.T, s *series.Store) {
	var want, mixed []reading.Reading
	for i := range 200 {
		want = append(want, at("x", i*60*24, no2(float64(i))))
	}
	for i := range want {
		mixed = append(mixed, want[(i*73)%len(want)])
	}
	for len(mixed) > 0 {
		require.NoError(t, s.Append(t.Context(), mixed[:20]))
		mixed = mixed[20:]
	}
	same(t, want, all(t, s, "x"))
}

func newest(t *testing.T, s *series.Store) {
	_, ok, err := s.Newest(t.Context(), "x")
	require.NoError(t, err)
	assert.False(t, ok)

	future := at("x", 0, no2(1))
	future.At = time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)
	corrected := at("y", 5, no2(1))
	corrected.Revision = 2
	require.NoError(t, s.Append(t.Context(), []reading.Reading{
		future, at("x", 0, no2(1)), at("y", 0, no2(1)), corrected, at("y", 3, no2(1)), at("z", 400000, no2(1)),
	}))
	for id, want := range map[reading.StationID]time.Time{"x": future.At, "y": corrected.At} {
		got, ok, err := s.Newest(t.Context(), id)
		require.NoError(t, err)
		assert.True(t, ok)
		assert.Equal(t, want, got)
	}
}

func bounds(t *testing.T, s *series.Store) {
	rs := []reading.Reading{at("x", 0, no2(1)), at("x", 1, no2(2)), at("x", 2, no2(3))}
	require.NoError(t, s.Append(t.Context(), rs))
	for _, c := range []struct {
		from, to time.Time
		want     []reading.Reading
	}{
		{rs[0].At, rs[2].At, rs[:2]},
		{rs[0].At.Add(1), rs[2].At.Add(1), rs[1:]},
		{rs[1].At, rs[1].At, nil},
		{rs[2].At, rs[0].At, nil},
		{rs[2].At.Add(time.Millisecond), rs[2].At.Add(time.Hour), nil},
		{time.Time{}, rs[0].At, nil},
		{time.Time{}, rs[1].At, rs[:1]},
	} {
		got, err := s.Readings(t.Context(), "x", c.from, c.to)
		require.NoError(t, err)
		same(t, c.want, got)
	}
}

func large(t *testing.T, s *series.Store) {
	const stations, each = 20, 1000
	ids := make([]reading.StationID, stations)
	want := make(map[reading.StationID][]reading.Reading)
	var rs []reading.Reading
	for k := range stations {
		ids[k] = reading.StationID("station-" + string(rune('a'+k)))
	}
	for i := range each {
		for k, id := range ids {
			r := at(id, i, no2(float64(i)+float64(k)/10), reading.Value{Property: reading.PM25, Value: float64(k)})
			rs = append(rs, r)
			want[id] = append(want[id], r)
		}
	}
	// One bad reading far inside must not cost the others.
	bad := at("station-a", each, no2(math.NaN()))
	rs = append(rs[:12345], append([]reading.Reading{bad}, rs[12345:]...)...)
	assert.Len(t, refused(t, s.Append(t.Context(), rs)).Readings, 1)
	n, err := s.Count(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, stations*each, n)
	for id, w := range want {
		same(t, w, all(t, s, id))
	}
}

func hostile(t *testing.T, s *series.Store) {
	ids := []reading.StationID{
		"x", "'; DROP DATABASE buurtmeter; --", `' OR '1'='1`, "a b", "a,rev=1", "a=b", `"quoted"`, "naïef-ü-日本", "#a", "$b", "a;b", "/x/", "x' OR station =~ /.*/",
	}
	for i, id := range ids {
		require.NoError(t, s.Append(t.Context(), []reading.Reading{at(id, 0, no2(float64(i)))}))
	}
	for i, id := range ids {
		same(t, []reading.Reading{at(id, 0, no2(float64(i)))}, all(t, s, id))
	}
	for _, id := range []reading.StationID{`\`, `x\`, `\' OR 1=1 --`, "x\n", "", "nobody"} {
		assert.Empty(t, all(t, s, id), "%q", id)
	}
	require.NoError(t, s.DeleteStation(t.Context(), `' OR '1'='1`))
	n, err := s.Count(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, len(ids)-1, n)
}

func deletion(t *testing.T, s *series.Store) {
	corrected := at("x", 0, no2(2))
	corrected.Revision = 1
	keep := []reading.Reading{at("y", 0, no2(3))}
	require.NoError(t, s.Append(t.Context(), []reading.Reading{at("x", 0, no2(1)), corrected, at("x", 800000, no2(1)), keep[0]}))
	require.NoError(t, s.DeleteStation(t.Context(), "x"))
	require.NoError(t, s.DeleteStation(t.Context(), "nobody"))
	assert.Empty(t, all(t, s, "x"))
	_, ok, err := s.Newest(t.Context(), "x")
	require.NoError(t, err)
	assert.False(t, ok)
	same(t, keep, all(t, s, "y"))
	// The id may report again.
	again := []reading.Reading{at("x", 1, no2(5))}
	require.NoError(t, s.Append(t.Context(), again))
	same(t, again, all(t, s, "x"))
}

func nothing(t *testing.T, s *series.Store) {
	require.NoError(t, s.Append(t.Context(), nil))
	require.NoError(t, s.Rewrite(t.Context(), nil))
	assert.Empty(t, all(t, s, "x"))
	n, err := s.Count(t.Context())
	require.NoError(t, err)
	assert.Zero(t, n)
	require.NoError(t, s.DeleteStation(t.Context(), "x"))
}

func endedContext(t *testing.T, s *series.Store) {
	ctx, cancel := withCancel(t)
	cancel()
	err := s.Append(ctx, []reading.Reading{at("x", 0, no2(1))})
	require.ErrorIs(t, err, ctx.Err())
	var r *ingest.RefusedError
	assert.False(t, errors.As(err, &r), "a passing fault must not look like a refusal")
	_, err = s.Readings(ctx, "x", t0(), t0().Add(time.Hour))
	require.ErrorIs(t, err, ctx.Err())
	require.ErrorIs(t, s.Ping(ctx), ctx.Err())
}
