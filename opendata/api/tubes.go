package api

import (
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"buurtmeter/opendata"
	"buurtmeter/opendata/export"
)

type campaignList struct {
	Campaigns []export.Campaign `json:"campaigns" nullable:"false" doc:"By name"`
}

// tubesAnswer is what tubes say of a station.
type tubesAnswer struct {
	Station string            `json:"station" example:"tube-07"`
	Years   []export.TubeYear `json:"years" nullable:"false" doc:"Year means by year; empty for a station without tubes"`
}

func (s *service) tubeRoutes(a huma.API) {
	get(s, a, huma.Operation{
		OperationID: "listCampaigns", Path: "/campaigns", Tags: []string{"tubes"}, Summary: "Campaigns of diffusion tubes",
		Description: fmt.Sprintf("All campaigns with their rules, their lab sheets and laboratories, the rows that could not be read, their calibration, and what was changed: the newest %d events of each. "+
			"Where the tubes hung is not public; a place that is published is a station, and its year means are in /v1/stations/{id}/tubes.", opendata.MaxHistory),
	}, func(_ context.Context, g *opendata.Graph, _ *struct{}) (*body[campaignList], error) {
		l := campaignList{Campaigns: []export.Campaign{}}
		for _, c := range g.Campaigns {
			l.Campaigns = append(l.Campaigns, export.CampaignOf(c))
		}
		return &body[campaignList]{l}, nil
	})
	get(s, a, huma.Operation{
		OperationID: "getStationTubes", Path: "/stations/{id}/tubes", Tags: []string{"tubes"}, Summary: "Year means of the tubes at one station",
		Description: "The NO2 year means of the diffusion tubes that hung at a station, with their interval, what they rest on, and the laboratories that analysed them.",
	}, func(_ context.Context, g *opendata.Graph, in *IDInput) (*body[tubesAnswer], error) {
		st, err := findStation(g, in.ID)
		if err != nil {
			return nil, err
		}
		out := tubesAnswer{Station: in.ID, Years: []export.TubeYear{}}
		for _, y := range g.StationYears(st.ID) {
			if y.Tube != nil {
				out.Years = append(out.Years, export.TubeYearOf(y))
			}
		}
		return &body[tubesAnswer]{out}, nil
	})
}
