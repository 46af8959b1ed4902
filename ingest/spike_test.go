package ingest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// send gives the hours [first, last] after from a value that differs from hour
// to hour, or the one in special.
func send(t *testing.T, p *rig, from time.Time, first, last int, special map[int]string) {
	t.Helper()
	for i := first; i <= last; i++ {
		v := fmt.Sprintf("%d.5", 10+(i%7+7)%7)
		if s, ok := special[i]; ok {
			v = s
		}
		hourly(t, p, from.Add(time.Duration(i)*time.Hour), 1, v)
	}
}

func flagged(mem *memory, p reading.Property, f reading.Flag) (hours []string) {
	for k, b := range mem.blockMap() {
		for i, g := range b.Flags {
			if k.property == p && g&f != 0 {
				hours = append(hours, (k.month.First() + reading.Hour(i)).Start().Format("01-02 15"))
			}
		}
	}
	return hours
}

// TestASpikeIsJudgedByTheDaysBeforeTheMonth keeps the hours around the border
// empty, so that only the window of the spike reaches over it.
func TestASpikeIsJudgedByTheDaysBeforeTheMonth(t *testing.T) {
	october := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	before := func(t *testing.T, p *rig) { send(t, p, october, -130, -20, nil) }
	after := func(t *testing.T, p *rig) { send(t, p, october, 12, 40, map[int]string{30: "310"}) }
	for name, order := range map[string][]func(*testing.T, *rig){
		"in order": {before, after}, "late": {after, before}, "together": {func(t *testing.T, p *rig) { before(t, p); after(t, p) }},
	} {
		t.Run(name, func(t *testing.T) {
			mem := newMemory(amsterdam())
			p, rec := newRig(t, mem, nil), newRecomputer(mem)
			for _, part := range order {
				part(t, p)
				settle(t, rec)
			}
			assert.Equal(t, []string{"10-02 06"}, flagged(mem, reading.NO2, reading.Spike))
			assert.Empty(t, flagged(mem, reading.Temperature, reading.Spike))

			// A correction of the hour after it shows that it was an episode.
			m := message(0, 0)
			m.Payload = fmt.Appendf(nil, `[{"time":%d,"interval":3600,"rev":1,"values":{"no2":290}},{"time":%d,"interval":3600,"rev":1,"values":{"no2":270}}]`,
				october.Add(31*time.Hour).Unix(), october.Add(32*time.Hour).Unix())
			require.NoError(t, p.Ingest(t.Context(), m))
			settle(t, rec)
			assert.Empty(t, flagged(mem, reading.NO2, reading.Spike))
			require.NoError(t, p.stop())
		})
	}
}

// lifted answers with what it was given.
type lifted []ingest.Lift

func (l *lifted) Lifts(context.Context, reading.StationID) ([]ingest.Lift, error) { return *l, nil }

// TestWhatIsLiftedCounts follows accepted objections through the recomputation:
// to a run of equal hours and to a reading out of range.
func TestWhatIsLiftedCounts(t *testing.T) {
	st := amsterdam()
	mem := newMemory(st)
	p := newRig(t, mem, nil)
	hourly(t, p, start(), 24, "20") // a run
	hourly(t, p, start().Add(24*time.Hour), 1, "1200")
	hourly(t, p, start().Add(25*time.Hour), 1, "-999")
	require.NoError(t, p.stop())
	first := reading.HourOf(start())
	over := func(f reading.Flag, from, n reading.Hour) ingest.Lift {
		return ingest.Lift{Property: reading.NO2, Flag: f, Period: ingest.Period{From: (first + from).Start(), To: (first + from + n).Start()}}
	}
	var lifts lifted
	rec := ingest.NewRecomputer(ingest.HoursOptions{Blocks: mem, Stations: mem, RawStore: mem, Lifts: &lifts})
	look := func() (valid int, withLifted int, last int32) {
		var marks []reading.StationHour
		for h := range reading.Hour(27) {
			marks = append(marks, reading.StationHour{Station: st.ID, Hour: first + h})
		}
		require.NoError(t, mem.MarkDirty(t.Context(), marks))
		settle(t, rec)
		b, _, err := mem.Block(t.Context(), st.ID, reading.NO2, reading.MonthOf(first))
		require.NoError(t, err)
		for i, f := range b.Flags {
			if b.Valid(i) {
				valid++
			}
			if f&reading.Lifted != 0 {
				withLifted++
				assert.NotZero(t, f&reading.Liftable, "the remark stays beside it")
			}
		}
		return valid, withLifted, b.Values[first+24-b.Month.First()]
	}
	check := func(wantValid, wantLifted int, wantLast int32) {
		t.Helper()
		valid, with, last := look()
		assert.Equal(t, []any{wantValid, wantLifted, wantLast}, []any{valid, with, last})
	}
	const none = reading.Missing
	check(0, 0, none)
	lifts = lifted{over(reading.Constant, 0, 30)}
	check(24, 24, none)
	lifts = lifted{over(reading.Constant, 0, 10), over(reading.Range, 24, 1)}
	check(11, 11, 12_000_000)
	lifts = lifted{over(reading.MissingCode, 0, 30)}
	check(0, 0, none) // a code for "no value" is a fact and no judgement
	lifts = nil
	check(0, 0, none)
}
