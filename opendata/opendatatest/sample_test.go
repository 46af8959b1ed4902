package opendatatest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
	"buurtmeter/opendata/opendatatest"
)

func TestSampleHoldsEverythingThatTestsRelyOn(t *testing.T) {
	g := opendatatest.Sample()
	outcomes, reasons := map[norm.Outcome]int{}, map[norm.Reason]int{}
	for _, a := range g.Areas {
		for _, n := range g.Norms {
			for _, y := range g.Years {
				v := g.Verdict(a.Code, n.ID, y)
				outcomes[v.Outcome]++
				reasons[v.Reason]++
			}
		}
	}
	assert.Len(t, outcomes, 4, "every outcome occurs: %v", outcomes)
	for _, r := range []norm.Reason{norm.ReasonNoStation, norm.ReasonUncertainty, norm.ReasonRunning, norm.ReasonCoverage} {
		assert.Positive(t, reasons[r], "reason %q occurs in %v", r, reasons)
	}
	kinds := map[reading.Kind]bool{}
	var noPosition, simulated, hostile bool
	for _, s := range g.Stations {
		kinds[s.Kind] = true
		noPosition = noPosition || s.NoPosition
		simulated = simulated || s.Simulated
		hostile = hostile || s.Title == opendatatest.Hostile
	}
	assert.Len(t, kinds, 4)
	assert.True(t, noPosition && simulated && hostile)
	assert.Len(t, g.Areas, 6)
	assert.Len(t, g.Norms, 5)
	events, states := map[string]bool{}, map[string]bool{}
	for _, h := range g.Histories {
		assert.LessOrEqual(t, len(h.Events), opendata.MaxHistory)
		for _, e := range h.Events {
			events[e.What] = true
		}
		for _, o := range h.Objections {
			states[o.State] = true
		}
	}
	assert.Len(t, events, len(opendata.EventKinds()), "every kind of event occurs")
	assert.Len(t, states, 3)
	assert.True(t, g.Histories[opendatatest.Deleted].Deleted())
	assert.Empty(t, cmp.Diff(g, opendatatest.Sample()), "two samples are equal")
}

func TestSampleHoursHaveGapsFlagsAndNegatives(t *testing.T) {
	src := opendatatest.Source(t)
	g, err := src.Graph(context.Background())
	require.NoError(t, err)
	var missing, negative, flagged, short, blocks int
	for _, s := range g.Stations {
		for _, p := range s.Properties {
			last := reading.Month(-1)
			require.NoError(t, src.Blocks(context.Background(), s.ID, p, g.Span.From, g.Span.To, func(b reading.Block) error {
				assert.Greater(t, b.Month, last, "month order")
				last = b.Month
				blocks++
				for i, v := range b.Values {
					switch {
					case v == reading.Missing:
						missing++
					case v < 0:
						negative++
					}
					if b.Flags[i] != 0 {
						flagged++
					}
					if v != reading.Missing && b.Capture[i] < reading.ValidCapture {
						short++
					}
				}
				return nil
			}))
		}
	}
	assert.Positive(t, missing)
	assert.Positive(t, negative)
	assert.Positive(t, flagged)
	assert.Positive(t, short)
	assert.Greater(t, blocks, 400)
}

func TestMemoryFailsWhenTold(t *testing.T) {
	m := opendatatest.NewMemory()
	m.BlockErr, m.FailAfter = errors.New("disk"), 1
	n := 0
	err := m.Blocks(context.Background(), "ref-hemkade", reading.NO2, m.G.Span.From, m.G.Span.To, func(reading.Block) error { n++; return nil })
	require.EqualError(t, err, "disk")
	assert.Equal(t, 1, n)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = m.Graph(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}
