package web

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

func TestEveryOutcomeDiffersInClassAndInMark(t *testing.T) {
	classes, marks := map[string]bool{}, map[string]bool{}
	paints := []paint{paintNone()}
	for _, o := range []norm.Outcome{norm.Complies, norm.Exceeds, norm.ExceedsIncomplete, norm.CannotTell} {
		paints = append(paints, paintOutcome(o))
	}
	for _, p := range paints {
		sign := p.mark
		if p.hatched {
			sign += "hatch"
		}
		assert.NotEmpty(t, sign, "%s is told by colour alone", p.class)
		assert.False(t, classes[p.class] || marks[sign], "%+v twice", p)
		classes[p.class], marks[sign] = true, true
	}
}

func TestAValueOnANormBelongsToTheClassBelow(t *testing.T) {
	for v, want := range map[float64]string{0: "k-w0", -1: "k-w0", 10: "k-w0", 10.001: "k-w1", 20: "k-w2", 40: "k-w5", 40.001: "k-w6", 90: "k-w6"} {
		assert.Equal(t, want, paintValue(reading.NO2, v).class, "%v", v)
	}
	assert.Equal(t, "k-w0", paintValue(reading.PM25, 5).class)
	assert.Equal(t, "k-w1", paintValue(reading.PM25, 5.1).class)
}

// Every year norm is an edge of its property's classes, or lies above them.
func TestYearNormsAreClassEdges(t *testing.T) {
	for _, n := range norm.Table() {
		es := edges(n.Property)
		if n.Averaging != norm.Yearly || n.Value > es[len(es)-1] || n.Kind != norm.KindLimit && n.Kind != norm.KindGuideline {
			continue
		}
		assert.Contains(t, es, n.Value, "%s", n.ID)
	}
}

func TestAShortYearIsNotPaintedAsAYearMean(t *testing.T) {
	n := meanNorm()
	short := norm.Verdict{Reason: norm.ReasonCoverage, HasValue: true, Value: 70, Low: 60, High: 80}
	running := norm.Verdict{Reason: norm.ReasonRunning, HasValue: true, Value: 70, Low: 60, High: 80}
	whole := norm.Verdict{Outcome: norm.Complies, HasValue: true, Value: 12, Low: 10, High: 14}
	assert.Equal(t, paintShort(), paintYear(reading.NO2, areaOf(n, short)))
	assert.Equal(t, paintShort(), paintYear(reading.NO2, areaOf(n, running)))
	assert.Equal(t, "k-w1", paintYear(reading.NO2, areaOf(n, short, whole)).class, "the whole year next to it is")
	assert.Equal(t, paintNone(), paintYear(reading.NO2, areaOf(n)))
	p, ok := yearPoint(areaOf(n, short, whole))
	require.True(t, ok)
	assert.InDelta(t, 12, p.Value, 0)
	assert.Equal(t, "k-none", paintVerdict(geo.AreaVerdict{Reason: norm.ReasonNoStation}).class)
}
