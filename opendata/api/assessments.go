package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"buurtmeter/opendata"
	"buurtmeter/opendata/export"
)

// assessmentsAnswer is how a station agrees with the official ones near it.
type assessmentsAnswer struct {
	Station     string              `json:"station" example:"zst-poelenburg-01"`
	Assessments []export.Assessment `json:"assessments" nullable:"false" doc:"By property; empty when no official station is near, and for official stations and tubes"`
}

func (s *service) assessmentRoutes(a huma.API) {
	get(s, a, huma.Operation{
		OperationID: "getStationAssessments", Path: "/stations/{id}/assessments", Tags: []string{"stations"},
		Summary: "A sensor compared with official stations",
		Description: "How the hour means of a sensor agree with those of the official stations near its neighbourhood: over the latest four weeks and month by month. " +
			"Which stations are near is counted from the published point of the neighbourhood, never from the place of the sensor. " +
			"A remark is a note: it excludes no value, and the keeper can object to it. An official station stands elsewhere, so a difference alone proves nothing.",
	}, func(ctx context.Context, g *opendata.Graph, in *IDInput) (*body[assessmentsAnswer], error) {
		st, err := findStation(g, in.ID)
		if err != nil {
			return nil, err
		}
		list, err := s.o.Source.Assessments(ctx, st.ID)
		if err != nil {
			return nil, err
		}
		out := assessmentsAnswer{Station: in.ID, Assessments: []export.Assessment{}}
		for _, x := range list {
			out.Assessments = append(out.Assessments, export.AssessmentOf(x))
		}
		return &body[assessmentsAnswer]{out}, nil
	})
}
