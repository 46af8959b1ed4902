package ingest

import (
	"context"
	"math"
	"time"

	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
)

// Assessment is how the hours of one property of a kit agree with those of one
// reference station. It holds nothing that depends on where the kit stands but
// through its public place; see Assessor.
type Assessment struct {
	Station   reading.StationID
	Property  reading.Property
	Reference reading.StationID
	// Within is the distance between the kit's public place and the reference, in
	// metres, in steps: quality.ReferenceNear or quality.ReferenceRadius.
	Within int
	// Since is the first hour of the present device in its present place; 0 when
	// no change of either was recorded. Earlier hours do not count.
	Since reading.Hour
	// From and To bound the latest period, To being the hour after its last.
	From, To reading.Hour
	// Window is the agreement in that period and Lags the fit of the moved
	// reference.
	Window quality.Agreement
	Lags   quality.Lags
	// Months are the months since Since with hours in common, in order.
	Months []AssessedMonth
	// Version is the quality.Version that it was made with.
	Version int
	// Inputs is a fingerprint of all that it was computed from.
	Inputs int64
}

// AssessedMonth is the agreement in one month with the versions of the two
// blocks that it was computed from.
type AssessedMonth struct {
	quality.MonthAgreement
	Block, Reference int64
}

// Verdict judges the latest period.
func (a Assessment) Verdict() quality.Verdict { return quality.Reference(a.Property, a.Window) }

// Change judges the months.
func (a Assessment) Change() quality.Change {
	months := make([]quality.MonthAgreement, len(a.Months))
	for i, m := range a.Months {
		months[i] = m.MonthAgreement
	}
	return quality.DriftOf(a.Property, months)
}

// Remarks returns what is remarked on: none for a kit that agrees or that could
// not be compared. They are notes and exclude nothing.
func (a Assessment) Remarks() []quality.Remark {
	var out []quality.Remark
	add := func(f reading.Flag, from, to reading.Hour) {
		rule, _ := quality.RuleOf(f) // each has one, which a test of the rules holds
		out = append(out, quality.Remark{Cause: f.String(), Level: rule.Level, From: from, To: to, Version: rule.Version})
	}
	if v := a.Verdict(); v == quality.Unlike || v == quality.Biased {
		add(reading.UnlikeReference, a.From, a.To)
	}
	if c := a.Change(); c.Drifts {
		add(reading.Drift, c.From.First(), (c.To + 1).First())
	}
	if a.Lags.Shifted() {
		add(reading.ClockShift, a.From, a.To)
	}
	return out
}

// AssessedStation is a station as the Assessor needs it.
type AssessedStation struct {
	reading.Station
	// Events is how many events it has had.
	Events int64
	// Since is the first whole hour after its latest change of device or place; 0
	// for none.
	Since reading.Hour
	// Withdrawn are the periods that its keeper took back.
	Withdrawn []Period
}

// SeriesVersion is the version of one stored block.
type SeriesVersion struct {
	Station  reading.StationID
	Property reading.Property
	Month    reading.Month
	Version  int64
}

// KitAssessments are all assessments of one kit.
type KitAssessments struct {
	Station     reading.StationID
	Assessments []Assessment
}

// AssessmentStore is what the Assessor reads and writes in the register.
type AssessmentStore interface {
	// TakeAssessmentTurn tells whether it is the caller's turn: once in every.
	TakeAssessmentTurn(ctx context.Context, every time.Duration) (bool, error)
	// AssessedStations returns all stations in order of their ids.
	AssessedStations(ctx context.Context) ([]AssessedStation, error)
	// Positions calls fn for every station with a stored position.
	Positions(ctx context.Context, fn func(reading.StationID, reading.SecretPosition) error) error
	// SeriesVersions returns the versions of all blocks of the stations, in order
	// of station, property and month.
	SeriesVersions(ctx context.Context, ids []reading.StationID) ([]SeriesVersion, error)
	// Block is that of Blocks.
	Block(ctx context.Context, s reading.StationID, p reading.Property, m reading.Month) (reading.Block, int64, error)
	// Assessments returns what is stored of the stations, in order of station,
	// property and reference.
	Assessments(ctx context.Context, ids []reading.StationID) ([]Assessment, error)
	// PutAssessments replaces all that is stored of each of the kits, in one
	// transaction. A kit is left as it is when a station of its assessments has had
	// another number of events than in seen, or is gone. Whoever withdraws or
	// restores a period, or deletes a station, removes its assessments and those
	// against it, behind its event: so what is stored never rests on readings that
	// were taken back before.
	PutAssessments(ctx context.Context, seen map[reading.StationID]int64, kits []KitAssessments) error
}

// rounded brings the figures to 1/HourScale, so that the same hours give the
// same figures on every processor.
func rounded(a quality.Agreement) quality.Agreement {
	for _, f := range []*float64{&a.Mean, &a.Reference, &a.Bias, &a.RMSE, &a.Correlation, &a.Slope} {
		*f = round(*f)
	}
	return a
}

func round(f float64) float64 { return math.Round(f*reading.HourScale) / reading.HourScale }
