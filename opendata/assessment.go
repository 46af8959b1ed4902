package opendata

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"buurtmeter/ingest"
	checks "buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// Assessment is how a sensor agrees with an official station, as everybody may
// know it. It depends on where the sensor stands through its area only.
type Assessment struct {
	ingest.Assessment
	// ReferenceTitle is the title of the official station; its id when it has none.
	ReferenceTitle string
	// Remarked are the remarks, each with the newest objection to it.
	Remarked []AssessmentRemark
}

// AssessmentRemark is a remark on a period with the newest objection that was
// made to it; zero when there is none. An accepted objection leaves the remark
// and lifts its meaning: it excluded nothing.
type AssessmentRemark struct {
	checks.Remark
	Objection Objection
}

// AssessmentsOf gives stored assessments of one station what the graph knows of
// them: by property in table order, the nearer step first.
func AssessmentsOf(g *Graph, stored []ingest.Assessment) []Assessment {
	out := make([]Assessment, 0, len(stored))
	for _, s := range stored {
		a := Assessment{Assessment: s, ReferenceTitle: string(s.Reference)}
		if ref, ok := g.Station(s.Reference); ok && ref.Title != "" {
			a.ReferenceTitle = ref.Title
		}
		for _, r := range s.Remarks() {
			x := AssessmentRemark{Remark: r}
			for _, o := range g.Histories[s.Station].Objections { // newest first
				if o.Property == s.Property && o.Flag == r.Cause && o.From.Before(r.To.Start()) && o.To.After(r.From.Start()) {
					x.Objection = o
					x.Lifted = o.State == string(register.ObjectionAccepted)
					break
				}
			}
			a.Remarked = append(a.Remarked, x)
		}
		out = append(out, a)
	}
	order := map[reading.Property]int{}
	for i, info := range reading.Properties() {
		order[info.Property] = i
	}
	slices.SortStableFunc(out, func(a, b Assessment) int {
		return cmp.Or(cmp.Compare(order[a.Property], order[b.Property]), cmp.Compare(a.Within, b.Within), cmp.Compare(a.Reference, b.Reference))
	})
	return out
}

// Assessments implements Source: it reads the register, as Blocks does, because
// the months of all sensors are more than a graph should hold.
func (b *Builder) Assessments(ctx context.Context, s reading.StationID) ([]Assessment, error) {
	g, err := b.Graph(ctx)
	if err != nil {
		return nil, err
	}
	stored, err := b.reg.Assessments(ctx, []reading.StationID{s})
	if err != nil {
		return nil, fmt.Errorf("assessments of %s: %w", s, err)
	}
	return AssessmentsOf(g, stored), nil
}
