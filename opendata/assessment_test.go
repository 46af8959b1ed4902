package opendata_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/opendata"
	"buurtmeter/opendata/opendatatest"
)

func TestARemarkOnAnAssessmentHasItsNewestObjection(t *testing.T) {
	m := opendatatest.NewMemory()
	const id = "zst-poelenburg-01"
	h := m.G.Histories[id]
	made := h.Objections[0] // against drift of NO2
	remarks := func(objections ...opendata.Objection) map[string]opendata.AssessmentRemark {
		h.Objections = objections
		m.G.Histories[id] = h
		all := opendata.AssessmentsOf(m.G, m.Assessed[id])
		require.Len(t, all, 2)
		assert.Equal(t, []string{"no2", "pm25"}, []string{string(all[0].Property), string(all[1].Property)}, "in the order of the table")
		assert.Empty(t, all[1].Remarked)
		out := map[string]opendata.AssessmentRemark{}
		for _, r := range all[0].Remarked {
			out[r.Cause] = r
		}
		require.Len(t, out, 3)
		return out
	}
	accepted, other, before := made, made, made
	accepted.ID, accepted.State = id+"/2", "accepted"
	other.Property = "pm10"
	before.To = before.From.AddDate(0, -1, 0)
	before.From = before.To.AddDate(0, -1, 0)
	got := remarks(accepted, made)
	assert.Equal(t, []any{id + "/2", true}, []any{got["drift"].Objection.ID, got["drift"].Lifted})
	assert.Empty(t, got["clock-shift"].Objection.ID)
	got = remarks(other, before, made)
	assert.Equal(t, []any{id + "/1", false}, []any{got["drift"].Objection.ID, got["drift"].Lifted}, "of that property and time")
	assert.Empty(t, remarks(other, before)["drift"].Objection.ID)
}
