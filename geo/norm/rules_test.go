package norm_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"buurtmeter/geo/norm"
)

func TestEveryRuleHasASourceAndAStanding(t *testing.T) {
	id := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	standings := []norm.Standing{norm.Read, norm.ReadElsewhere, norm.Unread, norm.OwnChoice}
	seen := map[string]bool{}
	groups := map[norm.RuleGroup]int{}
	last := 0
	for _, r := range norm.Rules() {
		assert.Regexp(t, id, r.ID)
		assert.False(t, seen[r.ID], "%s twice", r.ID)
		seen[r.ID] = true
		assert.NotEmpty(t, r.Source, r.ID)
		assert.Contains(t, standings, r.Standing, r.ID)
		at := slices.Index(norm.RuleGroups(), r.Group)
		assert.GreaterOrEqual(t, at, last, "%s: the groups stand together", r.ID)
		last = at
		groups[r.Group]++
	}
	for _, g := range norm.RuleGroups() {
		assert.Positive(t, groups[g], g)
	}
}
