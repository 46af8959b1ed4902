package export

import (
	"math"
	"time"

	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// Assessment is the public form of the comparison of a sensor with an official
// station. It holds no distance but a step, counted from the area.
type Assessment struct {
	Property       string             `json:"property" example:"no2"`
	Unit           string             `json:"unit" example:"µg/m³"`
	Reference      string             `json:"reference" doc:"Id of the official station" example:"nl49551"`
	ReferenceTitle string             `json:"referenceTitle" example:"Hemkade (GGD)"`
	WithinKm       int                `json:"withinKm" enum:"5,12" doc:"The official station stands within this distance of the published point of the neighbourhood, or, for a station outside every neighbourhood, of the middle of a cell of some 5 km"`
	Outcome        string             `json:"outcome" enum:"not-compared,agrees,unlike,biased" doc:"not-compared: too few hours that both measured. unlike: they do not go up and down together. biased: the means are too far apart. None of these excludes a value"`
	From           time.Time          `json:"from" doc:"Begin of the latest period"`
	To             time.Time          `json:"to" doc:"End of it: the newest hour of the sensor"`
	Since          *time.Time         `json:"since" doc:"Hours before the last change of device or place do not count; null when none was recorded"`
	Period         AssessmentFigures  `json:"period" doc:"The figures of the latest period"`
	Lag            AssessmentLag      `json:"lag"`
	Drift          *AssessmentDrift   `json:"drift" doc:"null while there are too few months"`
	Months         []AssessmentMonth  `json:"months" nullable:"false" doc:"Calendar months (UTC), in order"`
	Remarks        []AssessmentRemark `json:"remarks" nullable:"false" doc:"The rules are in the table of checks; all are notes"`
	Rules          int                `json:"rulesVersion" doc:"Version of the checks" example:"3"`
}

// AssessmentFigures say how two rows of hour means agree, over the hours that
// both measured.
type AssessmentFigures struct {
	Hours         int      `json:"hours" example:"650"`
	Mean          *float64 `json:"mean" doc:"Of the sensor; null without an hour in common, as all figures" example:"23.1"`
	ReferenceMean *float64 `json:"referenceMean" example:"20.1"`
	Bias          *float64 `json:"bias" doc:"mean less referenceMean" example:"3"`
	RMSE          *float64 `json:"rmse" doc:"Root of the mean squared difference" example:"5.2"`
	Correlation   *float64 `json:"correlation" doc:"Pearson's r; null when either stands still" example:"0.91"`
	Slope         *float64 `json:"slope" doc:"Of the least-squares line of the sensor on the official station" example:"1.1"`
}

// AssessmentMonth is one month.
type AssessmentMonth struct {
	Month string `json:"month" example:"2026-10"`
	AssessmentFigures
}

// AssessmentLag is how the sensor fits the official station moved by hours.
type AssessmentLag struct {
	Hours       *int     `json:"hours" doc:"By how many hours the official station must be moved to a later time to fit best: 1 when the hours of the sensor are labelled an hour too late; null when it cannot be told" example:"0"`
	Correlation *float64 `json:"correlation" doc:"At that lag" example:"0.94"`
	Unmoved     *float64 `json:"unmoved" doc:"Without moving" example:"0.84"`
}

// AssessmentDrift is how the agreement changed since device and place are the
// present ones.
type AssessmentDrift struct {
	Drifts bool     `json:"drifts" doc:"The latest months are all changed beyond the threshold"`
	Begin  string   `json:"begin" doc:"First of the months that it is measured against" example:"2026-01"`
	From   string   `json:"from" doc:"First of the latest months" example:"2026-09"`
	To     string   `json:"to" doc:"Last of them" example:"2026-10"`
	Before *float64 `json:"before" doc:"Bias of the first months" example:"1.5"`
	Bias   *float64 `json:"biasChange" doc:"Bias of the last month less before" example:"4.2"`
	Slope  *float64 `json:"slopeChange" doc:"Slope of the last month as a share of that of the first months, less 1; null when it cannot be told" example:"-0.1"`
}

// AssessmentRemark is a remark on a period, with the newest objection to it.
type AssessmentRemark struct {
	Flag      string    `json:"flag" enum:"reference,drift,clock-shift"`
	Level     string    `json:"level" enum:"note" doc:"A note excludes nothing"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Version   int       `json:"ruleVersion" example:"3"`
	Objection *string   `json:"objection" doc:"Id of the newest objection to it; null without one" example:"zst-poelenburg-01/1"`
	State     *string   `json:"objectionState" doc:"open, accepted or rejected; null without an objection" example:"open"`
}

// AssessmentOf returns the public form of an assessment.
func AssessmentOf(a opendata.Assessment) Assessment {
	out := Assessment{
		Property: string(a.Property), Unit: unitOf(a.Property), Reference: string(a.Reference), ReferenceTitle: a.ReferenceTitle,
		WithinKm: a.Within / 1000, Outcome: a.Verdict().String(), From: a.From.Start(), To: a.To.Start(), Period: figuresOf(a.Window),
		Lag: AssessmentLag{Correlation: known(a.Lags.Correlation), Unmoved: known(a.Lags.Unmoved)}, Rules: a.Version,
		Months: []AssessmentMonth{}, Remarks: []AssessmentRemark{},
	}
	if out.Lag.Unmoved != nil {
		out.Lag.Hours = &a.Lags.Best
	}
	if a.Since != 0 {
		out.Since = momentOf(a.Since.Start())
	}
	if c := a.Change(); c.Told {
		out.Drift = &AssessmentDrift{c.Drifts, c.Begin.String(), c.From.String(), c.To.String(), known(c.Before), known(c.Bias), known(c.Slope)}
	}
	for _, m := range a.Months {
		out.Months = append(out.Months, AssessmentMonth{m.Month.String(), figuresOf(m.Agreement)})
	}
	for _, r := range a.Remarked {
		out.Remarks = append(out.Remarks, AssessmentRemark{
			r.Cause, string(r.Level), r.From.Start(), r.To.Start(), r.Version, optional(r.Objection.ID), optional(r.Objection.State),
		})
	}
	return out
}

// known is null for what cannot be told, and else the figure to 4 decimals.
func known(f float64) *float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	f = math.Round(f*reading.HourScale) / reading.HourScale
	return &f
}

func figuresOf(a quality.Agreement) AssessmentFigures {
	out := AssessmentFigures{Hours: a.Hours}
	if a.Hours > 0 {
		out.Mean, out.ReferenceMean, out.Bias, out.RMSE = known(a.Mean), known(a.Reference), known(a.Bias), known(a.RMSE)
		out.Correlation, out.Slope = known(a.Correlation), known(a.Slope)
	}
	return out
}
