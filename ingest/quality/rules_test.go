package quality

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func TestRulesAreComplete(t *testing.T) {
	// What no check decides on: marks of what happened to a value.
	none := reading.Revised | reading.ServerTime | reading.Withdrawn | reading.Lifted | reading.Extrapolated
	keys := map[string]bool{}
	highest, have := 0, reading.Flag(0)
	for _, r := range Rules() {
		require.False(t, keys[r.Key], "%s stands twice", r.Key)
		keys[r.Key] = true
		have |= r.Flag
		highest = max(highest, r.Version)
		assert.NotEmpty(t, r.Threshold, r.Key)
		assert.NotEmpty(t, r.Source, r.Key)
		assert.Contains(t, []Scope{OnReading, OnHour, OnNetwork, OnPeriod}, r.Scope, r.Key)
		assert.Positive(t, r.Version, r.Key)
		assert.Equal(t, r.Flag.Excluded(), r.Level == Exclude, r.Key)
		if strings.Contains(r.Source, "own choice") || strings.Contains(r.Source, "not read") || strings.Contains(r.Source, "from memory") {
			assert.False(t, r.Verified, "%s: an own choice is never verified", r.Key)
		}
		if r.Flag != 0 {
			assert.Equal(t, r.Flag.String(), r.Key)
			again, ok := RuleOf(r.Flag)
			assert.True(t, ok)
			assert.Equal(t, r, again)
			assert.Equal(t, r.Flag&reading.OnHours != 0, r.Scope == OnHour || r.Scope == OnNetwork, r.Key)
			assert.Equal(t, r.Flag&reading.OnPeriods != 0, r.Scope == OnPeriod, r.Key)
		}
	}
	assert.Equal(t, Version, highest, "the version of the package is that of its newest rule")
	for _, f := range reading.FlagTable() {
		assert.Equal(t, f.Flag&none == 0, f.Flag&have != 0, "%s: a rule, or on the list of what needs none", f.Key)
	}
	_, ok := RuleOf(0)
	assert.False(t, ok, "no rule is without a flag")
}

func TestRemarks(t *testing.T) {
	const s, c, l, d = reading.Spike, reading.Constant, reading.Lifted, reading.Duplicate
	got := Remarks(1000, []reading.Flag{s | d, s, 0, s, c, c | d, c | l, c | l | s, 0, d | l})
	assert.Equal(t, []Remark{
		{"constant", Exclude, 1004, 1006, 1, false},
		{"constant", Exclude, 1006, 1008, 1, true},
		{"duplicate", Note, 1000, 1001, 1, false},
		{"duplicate", Note, 1005, 1006, 1, false},
		{"duplicate", Note, 1009, 1010, 1, false},
		{"spike", Note, 1000, 1002, 2, false},
		{"spike", Note, 1003, 1004, 2, false},
		{"spike", Note, 1007, 1008, 2, false},
	}, got)
	assert.Equal(t, []Remark{{"withdrawn", Exclude, 5, 6, 0, false}}, Remarks(5, []reading.Flag{reading.Withdrawn}), "no check set it")
	assert.Empty(t, Remarks(5, nil))
}
