package register

import (
	"encoding/json"
	"fmt"
	"math"

	"buurtmeter/ingest"
	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
)

// packed is the stored form of an assessment: figures in 1/HourScale, null for
// what cannot be told.
type packed struct {
	Within  int           `json:"within"`
	Since   reading.Hour  `json:"since"`
	From    reading.Hour  `json:"from"`
	To      reading.Hour  `json:"to"`
	Version int           `json:"rules"`
	Window  packedFigures `json:"window"`
	// Lag, at it, unmoved.
	Lag    int           `json:"lag"`
	Best   *int64        `json:"best"`
	Still  *int64        `json:"still"`
	Months []packedMonth `json:"months"`
}

type packedMonth struct {
	Month     reading.Month `json:"m"`
	Block     int64         `json:"k"`
	Reference int64         `json:"r"`
	Figures   packedFigures `json:"f"`
}

// packedFigures are hours, mean, mean of the reference, bias, RMSE, correlation
// and slope.
type packedFigures [7]*int64

func packNumber(f float64) *int64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	n := int64(math.Round(f * reading.HourScale))
	return &n
}

func unpackNumber(n *int64) float64 {
	if n == nil {
		return math.NaN()
	}
	return float64(*n) / reading.HourScale
}

func packFigures(a quality.Agreement) packedFigures {
	hours := int64(a.Hours)
	return packedFigures{
		&hours, packNumber(a.Mean), packNumber(a.Reference), packNumber(a.Bias), packNumber(a.RMSE),
		packNumber(a.Correlation), packNumber(a.Slope),
	}
}

func unpackFigures(p packedFigures) quality.Agreement {
	a := quality.Agreement{
		Mean: unpackNumber(p[1]), Reference: unpackNumber(p[2]), Bias: unpackNumber(p[3]), RMSE: unpackNumber(p[4]),
		Correlation: unpackNumber(p[5]), Slope: unpackNumber(p[6]),
	}
	if p[0] != nil {
		a.Hours = int(*p[0])
	}
	return a
}

func packAssessment(a ingest.Assessment) ([]byte, error) {
	p := packed{
		Within: a.Within, Since: a.Since, From: a.From, To: a.To, Version: a.Version, Window: packFigures(a.Window),
		Lag: a.Lags.Best, Best: packNumber(a.Lags.Correlation), Still: packNumber(a.Lags.Unmoved), Months: []packedMonth{},
	}
	for _, m := range a.Months {
		p.Months = append(p.Months, packedMonth{m.Month, m.Block, m.Reference, packFigures(m.Agreement)})
	}
	return json.Marshal(p)
}

func unpackAssessment(data []byte, a *ingest.Assessment) error {
	var p packed
	if err := json.Unmarshal(data, &p); err != nil {
		return fmt.Errorf("stored assessment of station %s, %s against %s cannot be read: %w", a.Station, a.Property, a.Reference, err)
	}
	a.Within, a.Since, a.From, a.To, a.Version, a.Window = p.Within, p.Since, p.From, p.To, p.Version, unpackFigures(p.Window)
	a.Lags = quality.Lags{Best: p.Lag, Correlation: unpackNumber(p.Best), Unmoved: unpackNumber(p.Still)}
	for _, m := range p.Months {
		a.Months = append(a.Months, ingest.AssessedMonth{
			MonthAgreement: quality.MonthAgreement{Month: m.Month, Agreement: unpackFigures(m.Figures)}, Block: m.Block, Reference: m.Reference,
		})
	}
	return nil
}
