package ingest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// body is a message of one reading at the start, given its inner JSON.
func body(inner string) ingest.Message {
	m := message(0, 0)
	m.Payload = []byte(`{"time":"2026-11-23T08:00:00Z",` + inner + `}`)
	return m
}

// stored writes the reading at the start as text: values with flags.
func (m *memory) stored(revision uint8) string {
	r, ok := m.point("ams-1", start(), revision)
	if !ok {
		return ""
	}
	var parts []string
	for _, info := range reading.Properties() {
		if v, ok := r.Value(info.Property); ok {
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s=%v %s", v.Property, v.Value, v.Flags)))
		}
	}
	if r.Interval > 0 {
		parts = append(parts, r.Interval.String())
	}
	return strings.Join(parts, ", ")
}

func TestRepeatedLateAndConflictingReadings(t *testing.T) {
	for _, c := range []struct {
		name    string
		inner   []string
		want    string
		rejects map[string]int
	}{
		{"once", []string{`"values":{"no2":1}`}, "no2=1", map[string]int{}},
		{"twice", []string{`"values":{"no2":1}`, `"values":{"no2":1}`}, "no2=1 duplicate", map[string]int{}},
		{"three times", []string{`"values":{"no2":1}`, `"values":{"no2":1}`, `"values":{"no2":1}`}, "no2=1 duplicate", map[string]int{}},
		{"a property joins", []string{`"values":{"no2":1}`, `"values":{"pm25":2}`}, "no2=1, pm25=2", map[string]int{}},
		{"one repeats, one joins", []string{`"values":{"no2":1}`, `"values":{"no2":1,"pm25":2}`}, "no2=1 duplicate, pm25=2", map[string]int{}},
		{"conflict", []string{`"values":{"no2":1,"pm25":2}`, `"values":{"no2":3,"pm25":2}`}, "no2=1 conflict, pm25=2 duplicate", map[string]int{"conflict": 1}},
		{"conflict is for good", []string{`"values":{"no2":1}`, `"values":{"no2":3}`, `"values":{"no2":1}`}, "no2=1 conflict", map[string]int{"conflict": 1}},
		{"conflict after a repetition", []string{`"values":{"no2":1}`, `"values":{"no2":1}`, `"values":{"no2":3}`}, "no2=1 conflict", map[string]int{"conflict": 1}},
		{"conflict of three", []string{`"values":{"no2":1}`, `"values":{"no2":2}`, `"values":{"no2":3}`}, "no2=1 conflict", map[string]int{"conflict": 2}},
		{"flags of both sides stay", []string{`"values":{"no2":1}`, `"values":{"no2":-999}`}, "no2=1 missing-code|conflict", map[string]int{"conflict": 1}},
		{"interval joins", []string{`"values":{"no2":1}`, `"interval":60,"values":{"no2":1}`}, "no2=1 duplicate, 1m0s", map[string]int{}},
		{"interval stays", []string{`"interval":60,"values":{"no2":1}`, `"values":{"no2":1}`}, "no2=1 duplicate, 1m0s", map[string]int{}},
		{"zero and missing differ", []string{`"values":{"no2":0}`, `"values":{"no2":null,"pm25":1}`}, "no2=0, pm25=1", map[string]int{}},
	} {
		for name, together := range map[string]bool{"one by one": false, "in one batch": true} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				mem := newMemory(amsterdam())
				if together {
					var rs []string
					for _, in := range c.inner {
						rs = append(rs, string(body(in).Payload))
					}
					r := newRig(t, mem, nil)
					m := body("")
					m.Payload = []byte("[" + strings.Join(rs, ",") + "]")
					require.NoError(t, r.Ingest(t.Context(), m))
					require.NoError(t, r.stop())
				}
				for i, in := range c.inner {
					if together {
						break
					}
					r := newRig(t, mem, nil) // a new process for each message: nothing is remembered
					require.NoError(t, r.Ingest(t.Context(), body(in)), i)
					require.NoError(t, r.stop())
				}
				assert.Equal(t, c.want, mem.stored(0))
				assert.Equal(t, c.rejects, mem.causes())
				assert.Equal(t, 1, mem.pointCount())
			})
		}
	}
}

func TestTheLosingValueIsKeptAsAReject(t *testing.T) {
	mem := newMemory(amsterdam())
	r := newRig(t, mem, nil)
	require.NoError(t, r.Ingest(t.Context(), body(`"rev":2,"values":{"no2":1}`)))
	require.NoError(t, r.Ingest(t.Context(), body(`"rev":2,"interval":300,"values":{"no2":3.25,"pm10":4}`)))
	require.Len(t, mem.rejects, 1)
	assert.JSONEq(t, `{"time":"2026-11-23T08:00:00Z","interval":300,"rev":2,"values":{"no2":3.25}}`, string(mem.rejects[0].Payload))
	assert.Equal(t, uint64(1), r.Stats().Rejected["conflict"])
	require.NoError(t, r.stop())
}

func TestRevisionsAreTheirOwnPointsInAnyOrder(t *testing.T) {
	mem := newMemory(amsterdam())
	r := newRig(t, mem, nil)
	require.NoError(t, r.Ingest(t.Context(), body(`"rev":1,"values":{"no2":2}`)))
	require.NoError(t, r.Ingest(t.Context(), body(`"values":{"no2":1}`)))
	assert.Equal(t, "no2=1", mem.stored(0))
	assert.Equal(t, "no2=2", mem.stored(1))
	assert.Empty(t, mem.rejects)
	require.NoError(t, r.stop())
}

func TestAConflictWithinTheSameMomentOfTwoProcesses(t *testing.T) {
	mem := newMemory(amsterdam())
	shared := func(o *ingest.Options) { o.Shared = true }
	a, b := newRig(t, mem, shared), newRig(t, mem, shared)
	require.NoError(t, a.Ingest(t.Context(), message(-1, 5))) // both know the station's newest reading
	require.NoError(t, b.Ingest(t.Context(), message(-1, 5)))
	require.NoError(t, a.Ingest(t.Context(), body(`"values":{"no2":1}`)))
	require.NoError(t, b.Ingest(t.Context(), body(`"values":{"no2":2}`)))
	assert.Equal(t, "no2=1 conflict", mem.stored(0))
	require.NoError(t, a.stop())
	require.NoError(t, b.stop())
}

func TestLateReadingsOfLongAgoAreFetchedWithNarrowQueries(t *testing.T) {
	mem := newMemory(amsterdam())
	r := newRig(t, mem, nil)
	require.NoError(t, r.Ingest(t.Context(), message(0, 1)))
	mem.tape()
	m := message(0, 1)
	m.Payload = []byte(`[{"time":"2026-03-01T00:00:00Z","values":{"no2":1}},{"time":"2026-11-23T07:55:00Z","values":{"no2":1}},{"time":"2026-03-01T01:00:00Z","values":{"no2":1}}]`)
	require.NoError(t, r.Ingest(t.Context(), m))
	assert.Equal(t, []string{"readings", "readings", "readings", "mark", "append", "mark"}, mem.tape(), "nothing between sparse moments is read along")
	require.NoError(t, r.stop())
}

func TestARedeliveryMarksAgainWhatAKillLeftUnmarked(t *testing.T) {
	mem := newMemory(amsterdam())
	r := newRig(t, mem, nil)
	require.NoError(t, r.Ingest(t.Context(), message(0, 5)))
	require.NoError(t, r.Ingest(t.Context(), message(0, 7))) // a conflict is stored
	mem.mu.Lock()
	clear(mem.dirty) // a judge took the first mark before the write, and the second was never made
	mem.mu.Unlock()
	require.NoError(t, r.Ingest(t.Context(), message(0, 7))) // the device sends it again
	mem.mu.Lock()
	defer mem.mu.Unlock()
	assert.NotEmpty(t, mem.dirty)
}

func TestAPausedStationMeasuresNothing(t *testing.T) {
	st := amsterdam()
	st.Paused = true
	mem := newMemory(st)
	r := newRig(t, mem, nil)
	require.NoError(t, r.Ingest(t.Context(), message(0, 1)))
	assert.Equal(t, map[string]int{ingest.CauseStationPaused: 1}, mem.causes())
	assert.Zero(t, mem.pointCount())
	require.NoError(t, r.stop())
}

func TestAnImplausibleTimeIsRejectedAndKept(t *testing.T) {
	mem := newMemory(amsterdam())
	r := newRig(t, mem, nil)
	m := message(0, 1)
	m.Payload = []byte(`[{"time":"1971-03-01T00:00:00Z","values":{"no2":1}},{"time":"2098-03-01T00:00:00Z","values":{"no2":2}}]`)
	require.NoError(t, r.Ingest(t.Context(), m))
	assert.Equal(t, map[string]int{ingest.CauseTimeImplausible: 2}, mem.causes())
	assert.Zero(t, mem.pointCount())
	assert.Contains(t, string(mem.rejects[0].Payload), "1971-03-01")
	require.NoError(t, r.stop())
}

func TestAReadingThatReachesOverTheHourMarksBothHours(t *testing.T) {
	for _, c := range []struct {
		payload string
		want    []int
	}{
		{`{"time":"2026-11-23T08:55:00Z","values":{"no2":1}}`, []int{8}},
		{`{"time":"2026-11-23T08:55:01Z","values":{"no2":1}}`, []int{8, 9}},
		{`{"time":"2026-11-23T08:59:00Z","interval":60,"values":{"no2":1}}`, []int{8}},
		{`{"time":"2026-11-23T08:30:00Z","interval":3599,"values":{"no2":1}}`, []int{8, 9}},
		{`{"time":"2026-11-23T08:30:00Z","interval":3600,"values":{"no2":1}}`, []int{8}},
		{`{"time":"2026-11-23T08:00:00Z","rev":1,"values":{"no2":1}}`, []int{8, 9}},
	} {
		mem := newMemory(amsterdam())
		r := newRig(t, mem, nil)
		m := message(0, 1)
		m.Payload = []byte(c.payload)
		require.NoError(t, r.Ingest(t.Context(), m))
		require.NoError(t, r.stop())
		var want []reading.StationHour
		for _, h := range c.want {
			want = append(want, reading.StationHour{Station: "ams-1", Hour: reading.HourOf(time.Date(2026, 11, 23, h, 0, 0, 0, time.UTC))})
		}
		var got []reading.StationHour
		for h := range mem.dirty {
			got = append(got, h)
		}
		assert.ElementsMatch(t, want, got, c.payload)
	}
}

func TestStatsCountWhatHappened(t *testing.T) {
	mem := newMemory(amsterdam())
	r := newRig(t, mem, nil)
	for _, in := range []string{`"values":{"no2":1}`, `"values":{"no2":1}`, `"values":{"no2":2}`, `"values":{"pm25":2,"co2":1}`} {
		require.NoError(t, r.Ingest(t.Context(), body(in)))
	}
	s := r.Stats()
	assert.Equal(t, ingest.Stats{
		Received: 4, Acknowledged: 4, Stored: 4, Duplicates: 1, Batches: 4,
		Rejected: map[string]uint64{"conflict": 1, "property-unknown": 1},
	}, s)
	s.Rejected["conflict"] = 99
	assert.Equal(t, uint64(1), r.Stats().Rejected["conflict"], "the map is the caller's own")
	require.NoError(t, r.stop())
}
