package api

import (
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
	"buurtmeter/opendata/export"
)

// eventsAnswer is what happened to a station.
type eventsAnswer struct {
	Station string         `json:"station" example:"zst-poelenburg-01"`
	Events  []export.Event `json:"events" nullable:"false" doc:"Newest first"`
	Older   int            `json:"older" doc:"Number of still older events, which are not listed" example:"0"`
	Boards  []export.Board `json:"boards" nullable:"false" doc:"The devices that measured for the station, in order of time"`
}

// objectionsAnswer is what was objected to remarks on a station.
type objectionsAnswer struct {
	Station    string             `json:"station" example:"zst-poelenburg-01"`
	Objections []export.Objection `json:"objections" nullable:"false" doc:"Newest first"`
	Older      int                `json:"older" doc:"Number of still older objections, which are not listed" example:"0"`
}

func (s *service) historyRoutes(a huma.API) {
	get(s, a, huma.Operation{
		OperationID: "getStationEvents", Path: "/stations/{id}/events", Tags: []string{"stations"}, Summary: "What happened to one station",
		Description: fmt.Sprintf("Every change of a station that matters for its measurements, with who made it, when and why: the newest %d. "+
			"Of a deleted station only the moment of its deletion is left, and it is given here. A new key for the station is no such change.", opendata.MaxHistory),
	}, func(_ context.Context, g *opendata.Graph, in *IDInput) (*body[eventsAnswer], error) {
		h := g.Histories[reading.StationID(in.ID)]
		if !h.Deleted() {
			if _, err := findStation(g, in.ID); err != nil {
				return nil, err
			}
		}
		out := eventsAnswer{Station: in.ID, Events: []export.Event{}, Older: h.OlderEvents, Boards: []export.Board{}}
		for _, e := range h.Events {
			out.Events = append(out.Events, export.EventOf(e))
		}
		for _, b := range h.Boards {
			out.Boards = append(out.Boards, export.BoardOf(b))
		}
		return &body[eventsAnswer]{out}, nil
	})
	get(s, a, huma.Operation{
		OperationID: "getStationObjections", Path: "/stations/{id}/objections", Tags: []string{"stations"}, Summary: "Objections to remarks on one station",
		Description: fmt.Sprintf("The objections of the keeper to quality remarks, with their answers: the newest %d.", opendata.MaxHistory),
	}, func(_ context.Context, g *opendata.Graph, in *IDInput) (*body[objectionsAnswer], error) {
		if _, err := findStation(g, in.ID); err != nil {
			return nil, err
		}
		h := g.Histories[reading.StationID(in.ID)]
		out := objectionsAnswer{Station: in.ID, Objections: []export.Objection{}, Older: h.OlderObjections}
		for _, o := range h.Objections {
			out.Objections = append(out.Objections, export.ObjectionOf(o))
		}
		return &body[objectionsAnswer]{out}, nil
	})
}
