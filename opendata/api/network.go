package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// networkAnswer says how far the network factors are off.
type networkAnswer struct {
	Rules     int            `json:"rules" doc:"Version of the rules by which the factors are made and used" example:"1"`
	Radius    int            `json:"radiusMetres" doc:"How far from an official station sensors stand whose values make its factor" example:"5000"`
	Least     int            `json:"leastSensors" doc:"How many there must be in the hour" example:"3"`
	Reach     int            `json:"reachMetres" doc:"How far from the nearest official station with a factor a sensor may stand to be corrected" example:"30000"`
	Errors    []networkError `json:"errors" nullable:"false" doc:"By property, type of sensor and month. Empty while fewer than two official stations have a factor"`
	Published string         `json:"uncertainty" doc:"The kind of instrument whose uncertainty verdicts on network series keep" enum:"sensor" example:"sensor"`
}

type networkError struct {
	Property  string  `json:"property" example:"pm25"`
	Sensor    string  `json:"sensor" example:"SDS011"`
	Month     string  `json:"month" doc:"Calendar month in UTC" example:"2026-10"`
	Simulated bool    `json:"simulated"`
	Stations  int     `json:"stations" doc:"Official stations that were left out in turn" example:"2"`
	Hours     int     `json:"hours" doc:"Hours that were predicted, of all of them together" example:"1402"`
	Reference float64 `json:"referenceMean" doc:"Mean of the official hours" example:"11.2"`
	RawBias   float64 `json:"rawBias" doc:"Sensors around the station as they measured, less the official value" example:"4.1"`
	RawRMSE   float64 `json:"rawRmse" example:"7.9"`
	Bias      float64 `json:"bias" doc:"The same, corrected by the factors of the other stations" example:"0.4"`
	RMSE      float64 `json:"rmse" example:"3.2"`
}

func (s *service) networkRoute(a huma.API) {
	get(s, a, huma.Operation{
		OperationID: "listNetworkErrors", Path: "/network-errors", Tags: []string{"verdicts"}, Summary: "How far network factors are off",
		Description: "Particulate matter of sensors of one declared type is corrected by what such sensors show too much around official stations in the same hour (pm25-network, pm10-network). " +
			"Here every official station is left out in turn and predicted from its own sensors, taken together, and the factors of the others: a factor is never held against the station that it was made of. In the unit of the property.",
	}, func(_ context.Context, g *opendata.Graph, _ *struct{}) (*body[networkAnswer], error) {
		out := networkAnswer{
			Rules: calibration.NetworkVersion, Radius: calibration.NetworkRadius, Least: calibration.NetworkLeast, Reach: calibration.NetworkReach,
			Errors: []networkError{}, Published: string(reading.KindSensor),
		}
		for _, e := range g.NetworkErrors {
			out.Errors = append(out.Errors, networkError{
				Property: string(e.Property), Sensor: string(e.Sensor), Month: e.Month.String(), Simulated: e.Simulated, Stations: e.Stations, Hours: e.Hours,
				Reference: e.Reference, RawBias: e.RawBias, RawRMSE: e.RawRMSE, Bias: e.Bias, RMSE: e.RMSE,
			})
		}
		return &body[networkAnswer]{out}, nil
	})
}
