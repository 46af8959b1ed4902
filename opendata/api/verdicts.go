package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
	"buurtmeter/opendata/export"
)

type normList struct {
	Norms []export.Norm `json:"norms" nullable:"false"`
}

// qualityAnswer says what was remarked and refused.
type qualityAnswer struct {
	Flagged []flagCount   `json:"flagged" nullable:"false" doc:"Hours that carry a remark, by remark and property"`
	Rejects []rejectCount `json:"rejects" nullable:"false" doc:"Refused messages by cause"`
	Flags   []flagInfo    `json:"flags" nullable:"false" doc:"All remarks there are"`
}

type flagCount struct {
	Property string `json:"property" example:"pm25"`
	Flag     string `json:"flag" example:"range"`
	Hours    int64  `json:"hours" example:"12"`
}

type rejectCount struct {
	Cause    string `json:"cause" example:"time-missing"`
	Distinct int64  `json:"distinct" doc:"Different messages" example:"3"`
	Arrivals int64  `json:"arrivals" doc:"Messages in all" example:"41"`
}

type flagInfo struct {
	Flag     string `json:"flag" example:"range"`
	Excludes bool   `json:"excludes" doc:"Keeps a value out of every mean"`
}

func (s *service) verdictRoutes(a huma.API) {
	type input struct {
		Norm     string `query:"norm" maxLength:"64" doc:"Id of a norm" example:"eu2008-no2-y"`
		Year     int    `query:"year" minimum:"1990" maximum:"2200" doc:"Calendar year (UTC+1)" example:"2025"`
		Area     string `query:"area" maxLength:"20" doc:"CBS code of a neighbourhood" example:"BU04791210"`
		Property string `query:"property" enum:"no2,pm25,pm10,o3,so2,co,benzene" doc:"Norms for one property" example:"no2"`
	}
	get(s, a, huma.Operation{
		OperationID: "listVerdicts", Path: "/verdicts", Tags: []string{"verdicts"}, Summary: "Verdicts of all neighbourhoods",
		Description: "The verdict on every norm in every neighbourhood and year with data, also where it cannot be told. Narrow it down with the parameters.",
	}, func(ctx context.Context, g *opendata.Graph, in *input) (*body[verdictList], error) {
		return listVerdicts(ctx, g, export.Filter{Norm: norm.ID(in.Norm), Year: in.Year, Area: geo.Code(in.Area), Property: reading.Property(in.Property)})
	})
	get(s, a, huma.Operation{
		OperationID: "listNorms", Path: "/norms", Tags: []string{"verdicts"}, Summary: "All norms",
		Description: "All norms, guidelines and thresholds for the measured substances, with the text they come from, how well the figure was checked, what they are for (role) and whether verdicts are made on them (judged).",
	}, func(context.Context, *opendata.Graph, *struct{}) (*body[normList], error) {
		l := normList{Norms: []export.Norm{}}
		for _, n := range norm.All() {
			l.Norms = append(l.Norms, export.NormOf(n))
		}
		return &body[normList]{l}, nil
	})
	type normInput struct {
		ID string `path:"id" maxLength:"64" doc:"Id of the norm" example:"eu2008-no2-y"`
	}
	s.networkRoute(a)
	get(s, a, huma.Operation{
		OperationID: "getNorm", Path: "/norms/{id}", Tags: []string{"verdicts"}, Summary: "One norm",
		Description: "One norm with its averaging period, value and source.",
	}, func(_ context.Context, _ *opendata.Graph, in *normInput) (*body[export.Norm], error) {
		n, ok := norm.ByID(norm.ID(in.ID))
		if !ok {
			return nil, notFound("There is no norm with this id. Look in /v1/norms.")
		}
		return &body[export.Norm]{export.NormOf(n)}, nil
	})
	get(s, a, huma.Operation{
		OperationID: "getQuality", Path: "/quality", Tags: []string{"verdicts"}, Summary: "Quality of the data",
		Description: "How many hours carry which remark, and how many messages were refused and why. Remarks delete nothing.",
	}, func(_ context.Context, g *opendata.Graph, _ *struct{}) (*body[qualityAnswer], error) {
		q := qualityAnswer{Flagged: []flagCount{}, Rejects: []rejectCount{}, Flags: []flagInfo{}}
		for _, f := range g.Flagged {
			q.Flagged = append(q.Flagged, flagCount{string(f.Property), f.Flag, f.Hours})
		}
		for _, r := range g.Rejects {
			q.Rejects = append(q.Rejects, rejectCount(r))
		}
		for _, f := range reading.FlagTable() {
			q.Flags = append(q.Flags, flagInfo{f.Key, f.Excludes})
		}
		return &body[qualityAnswer]{q}, nil
	})
}
