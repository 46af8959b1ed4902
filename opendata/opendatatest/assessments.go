package opendatatest

import (
	"context"
	"math"
	"time"

	"buurtmeter/ingest"
	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// sampleAssessments gives one sensor an assessment with every remark and one
// that agrees, and another too few hours.
func sampleAssessments() map[reading.StationID][]ingest.Assessment {
	to := reading.HourOf(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	agreement := func(bias, slope float64) quality.Agreement {
		return quality.Agreement{Hours: 650, Mean: 20.25 + bias, Reference: 20.25, Bias: bias, RMSE: 1.5 + math.Abs(bias), Correlation: 0.835, Slope: slope}
	}
	month := reading.MonthOf(to)
	months := func(biases ...float64) (out []ingest.AssessedMonth) {
		for i, b := range biases {
			m := month - reading.Month(len(biases)) + reading.Month(i)
			out = append(out, ingest.AssessedMonth{MonthAgreement: quality.MonthAgreement{Month: m, Agreement: agreement(b, 1.1)}, Block: 3, Reference: 4})
		}
		return out
	}
	all := ingest.Assessment{
		Station: "zst-poelenburg-01", Property: reading.NO2, Reference: "ref-hemkade", Within: quality.ReferenceNear,
		From: to - 28*24, To: to, Window: agreement(11.5, 1.1), Lags: quality.Lags{Best: 1, Correlation: 0.943, Unmoved: 0.835},
		Months: months(1, 2, 9.5, 11.5), Version: quality.Version, Inputs: 1,
	}
	good := all
	good.Property, good.Window, good.Months, good.Since = reading.PM25, agreement(-1.2, 0.9), months(-1), to-40*24
	good.Lags = quality.Lags{Correlation: 0.835, Unmoved: 0.835}
	few := good
	few.Station, few.Property, few.Within = "zst-poelenburg-02", reading.PM10, quality.ReferenceRadius
	few.Window, few.Months = quality.Agreement{Correlation: math.NaN(), Slope: math.NaN()}, nil
	few.Lags = quality.Lags{Correlation: math.NaN(), Unmoved: math.NaN()}
	return map[reading.StationID][]ingest.Assessment{"zst-poelenburg-01": {good, all}, "zst-poelenburg-02": {few}}
}

// Assessments returns what is stored in Assessed, as opendata.Source asks.
func (m *Memory) Assessments(ctx context.Context, s reading.StationID) ([]opendata.Assessment, error) {
	g, err := m.Graph(ctx)
	if err != nil {
		return nil, err
	}
	return opendata.AssessmentsOf(g, m.Assessed[s]), nil
}
