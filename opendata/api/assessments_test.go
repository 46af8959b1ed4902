package api_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/opendata/export"
)

type assessmentList struct {
	Station     string
	Assessments []export.Assessment
}

func TestAssessmentsOfAStation(t *testing.T) {
	got := into[assessmentList](t, "/v1/stations/zst-poelenburg-01/assessments")
	require.Len(t, got.Assessments, 2)
	a, b := got.Assessments[0], got.Assessments[1]
	assert.Equal(t, []string{"no2", "ref-hemkade", "Hemkade (GGD)", "biased"}, []string{a.Property, a.Reference, a.ReferenceTitle, a.Outcome})
	assert.Equal(t, []any{5, 650, 11.5, 1, 0.943, 0.835}, []any{a.WithinKm, a.Period.Hours, *a.Period.Bias, *a.Lag.Hours, *a.Lag.Correlation, *a.Lag.Unmoved})
	require.NotNil(t, a.Drift)
	assert.Equal(t, []any{true, "2026-07", "2026-10", 1.5, 10.0}, []any{a.Drift.Drifts, a.Drift.Begin, a.Drift.To, *a.Drift.Before, *a.Drift.Bias})
	require.Len(t, a.Remarks, 3)
	assert.Equal(t, []string{"reference", "drift", "clock-shift"}, []string{a.Remarks[0].Flag, a.Remarks[1].Flag, a.Remarks[2].Flag})
	assert.Nil(t, a.Remarks[0].Objection)
	assert.Equal(t, []string{"zst-poelenburg-01/1", "open"}, []string{*a.Remarks[1].Objection, *a.Remarks[1].State})
	assert.Equal(t, []any{"pm25", "agrees"}, []any{b.Property, b.Outcome})
	assert.Nil(t, b.Drift)
	assert.NotNil(t, b.Since)
	assert.Empty(t, b.Remarks)

	few := into[assessmentList](t, "/v1/stations/zst-poelenburg-02/assessments").Assessments[0]
	assert.Equal(t, "not-compared", few.Outcome)
	assert.Nil(t, few.Period.Bias, "missing is never 0")
	assert.Nil(t, few.Lag.Hours)
	_, body := ask(t, newApp(t), "GET", "/v1/stations/tube-07/assessments")
	assert.JSONEq(t, `{"station":"tube-07","assessments":[]}`, body)
	res, body := ask(t, newApp(t), "GET", "/v1/stations/none/assessments")
	problemOf(t, res, body, 404)
}

// TestAnAssessmentHasTheFieldsThatAreMeantAndNoOthers: none of them may tell more
// about a place than its area does.
func TestAnAssessmentHasTheFieldsThatAreMeantAndNoOthers(t *testing.T) {
	_, body := ask(t, newApp(t), "GET", "/v1/stations/zst-poelenburg-01/assessments")
	var doc struct{ Assessments []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(body), &doc))
	for _, a := range doc.Assessments {
		var names []string
		for k := range a {
			names = append(names, k)
		}
		assert.ElementsMatch(t, []string{
			"property", "unit", "reference", "referenceTitle", "withinKm", "outcome", "from", "to", "since", "period", "lag", "drift", "months", "remarks", "rulesVersion",
		}, names)
	}
}
