package export

import (
	"time"

	"buurtmeter/ingest/tube"
	"buurtmeter/opendata"
)

// Lab is the laboratory of a lab sheet.
type Lab struct {
	Name           *string `json:"name" doc:"Public name; null when the sheet does not tell it and nobody said it" example:"Buro Blauw"`
	Method         *string `json:"method" doc:"Method of analysis; null when it is not known" example:"spectrophotometry, 20 % TEA"`
	DetectionLimit *string `json:"detectionLimit" doc:"Limit of detection as the laboratory writes it; null when it is not known" example:"1 µg/m³"`
}

// TubeYear is the year mean of the diffusion tubes at a station.
type TubeYear struct {
	Campaign     string   `json:"campaign" example:"Schone lucht 2025"`
	Year         int      `json:"year" example:"2025"`
	Mean         Interval `json:"mean" doc:"NO2 in µg/m³, set right by the calibration where there is one, with its 95 % interval"`
	Raw          float64  `json:"raw" doc:"Mean of the tubes as they are, µg/m³" example:"31.4"`
	Calibration  *string  `json:"calibration" doc:"Id of the calibration; null for tubes as they are" example:"tube-2026.1/1"`
	Coverage     float64  `json:"coverage" minimum:"0" maximum:"1" doc:"Share of the year in which a tube hung" example:"0.92"`
	Periods      int      `json:"periods" example:"12"`
	Tubes        int      `json:"tubes" doc:"Tubes with a result that counts" example:"24"`
	BelowLimit   int      `json:"belowLimit" doc:"Results below the limit of detection" example:"0"`
	Lost         int      `json:"lost" doc:"Tubes without a result" example:"1"`
	Judged       bool     `json:"judged" doc:"Verdicts rest on this mean; of several campaigns in a year it is the one that covers most"`
	Laboratories []Lab    `json:"laboratories" nullable:"false" doc:"Each once; one of which nothing is known has only nulls"`
	LeftOutRows  int      `json:"leftOutRows" doc:"Rows of the lab sheets behind the mean that could not be read; they may have been of this station" example:"0"`
}

// Campaign is a campaign of diffusion tubes.
type Campaign struct {
	Name        string           `json:"name" example:"Schone lucht 2025"`
	Since       time.Time        `json:"since"`
	Zone        string           `json:"zone" doc:"Zone of the times in the sheets, and of the year" example:"Europe/Amsterdam"`
	BelowLimit  string           `json:"belowLimit" enum:"limit,half,exclude" doc:"What a result below the limit of detection counts as: the limit, half of it, or not at all"`
	Blanks      string           `json:"fieldBlanks" enum:"report,subtract" doc:"Whether the mean of the field blanks of a sheet is taken off its tubes"`
	Sheets      []TubeSheet      `json:"sheets" nullable:"false" doc:"The lab sheets that count, by set"`
	Calibration *TubeCalibration `json:"calibration" doc:"The calibration that counts; null for tubes as they are"`
	Events      []CampaignEvent  `json:"events" nullable:"false" doc:"Newest first"`
	Older       int              `json:"older" doc:"Number of still older events, which are not listed" example:"0"`
}

// TubeSheet is a lab sheet.
type TubeSheet struct {
	Set        string    `json:"set" example:"034a"`
	Version    int64     `json:"version" doc:"Counts the corrections of the sheet, from 1" example:"1"`
	Imported   time.Time `json:"imported"`
	Laboratory Lab       `json:"laboratory"`
	Tubes      int       `json:"tubes" doc:"Without field blanks" example:"48"`
	Blanks     int       `json:"fieldBlanks" example:"3"`
	BelowLimit int       `json:"belowLimit" example:"0"`
	Lost       int       `json:"lost" example:"1"`
	LeftOut    []LeftOut `json:"leftOut" nullable:"false" doc:"Rows that could not be read and are not among the tubes"`
}

// LeftOut is a row of a lab sheet that could not be read.
type LeftOut struct {
	Row     int      `json:"row" doc:"As the spreadsheet numbers it" example:"12"`
	Columns []string `json:"columns" nullable:"false" doc:"The cells that could not be read" example:"[\"H\"]"`
}

// TubeCalibration is how the tubes of a campaign were set right by those beside
// reference stations.
type TubeCalibration struct {
	ID        string  `json:"id" example:"tube-2026.1/1"`
	Slope     float64 `json:"slope" doc:"Of the tubes on the reference, errors in both" example:"1.0044"`
	Intercept float64 `json:"intercept" doc:"µg/m³" example:"-1.1463"`
	Factor    float64 `json:"factor" doc:"A mean is set right as factor x mean + offset" example:"0.996"`
	Offset    float64 `json:"offset" example:"1.141"`
	Pairs     int     `json:"pairs" doc:"Pairs of tube and reference that it rests on" example:"24"`
	LeftOut   int     `json:"pairsLeftOut" doc:"Pairs of which too many hours of the reference are missing" example:"6"`
	Bias      float64 `json:"bias" doc:"Tubes less reference, before it" example:"-1.03"`
	MAD       float64 `json:"mad" doc:"Mean absolute difference, before it" example:"1.64"`
	MADAfter  float64 `json:"madAfter" doc:"The same, after it" example:"1.48"`
}

// CampaignEvent is something that happened to a campaign.
type CampaignEvent struct {
	At     time.Time `json:"at" doc:"When it was recorded"`
	What   string    `json:"what" enum:"campaign-created,sheet-imported,sheet-corrected,calibrated,location-named,laboratory-named"`
	Actor  *string   `json:"actor" doc:"Who, in public words; null when nobody is named" example:"operator"`
	Why    *string   `json:"why" doc:"The reason as it was given; null without one" example:"Decimal comma in row 12"`
	Detail *string   `json:"detail" doc:"What exactly; null when that is not public or what says it all" example:"set 034a version 1, 51 tubes, laboratory Buro Blauw"`
}

func labOf(l tube.Lab) Lab {
	return Lab{optional(l.Name), optional(l.Method), optional(l.Limit)}
}

// TubeYearOf returns the public form of a year mean of tubes; y.Tube is not nil.
func TubeYearOf(y opendata.YearStat) TubeYear {
	t := y.Tube
	out := TubeYear{
		Campaign: t.Campaign, Year: y.Year, Mean: Interval{y.Mean, t.Low, t.High}, Raw: t.Raw, Calibration: optional(t.Calibration), Coverage: t.Coverage,
		Periods: t.Periods, Tubes: t.Tubes, BelowLimit: t.Below, Lost: t.Lost, Judged: t.Judged, Laboratories: []Lab{}, LeftOutRows: t.LeftOut,
	}
	for _, l := range t.Labs {
		out.Laboratories = append(out.Laboratories, labOf(l))
	}
	return out
}

// CampaignOf returns the public form of a campaign.
func CampaignOf(c opendata.Campaign) Campaign {
	out := Campaign{
		Name: c.Name, Since: c.Since.UTC(), Zone: c.Zone, BelowLimit: string(c.Policy), Blanks: string(c.Blanks),
		Sheets: []TubeSheet{}, Events: []CampaignEvent{}, Older: c.OlderEvents,
	}
	for _, x := range c.Sheets {
		sheet := TubeSheet{
			Set: x.Set, Version: x.Version, Imported: x.Imported.UTC(), Laboratory: labOf(x.Lab), Tubes: x.Tubes, Blanks: x.Blanks,
			BelowLimit: x.Below, Lost: x.Lost, LeftOut: []LeftOut{},
		}
		for _, l := range x.LeftOut {
			sheet.LeftOut = append(sheet.LeftOut, LeftOut(l))
		}
		out.Sheets = append(out.Sheets, sheet)
	}
	if k := c.Calibration; k != nil {
		out.Calibration = &TubeCalibration{
			ID: c.CalibrationID, Slope: k.Line.Slope, Intercept: k.Line.Intercept, Factor: k.Factor, Offset: k.Offset, Pairs: k.Line.N,
			LeftOut: len(k.Pairs) - k.Line.N, Bias: k.Before.MBE, MAD: k.Before.MAD, MADAfter: k.After.MAD,
		}
	}
	for _, e := range c.Events {
		out.Events = append(out.Events, CampaignEvent{At: e.At.UTC(), What: e.What, Actor: optional(e.Actor), Why: optional(e.Why), Detail: optional(e.Detail)})
	}
	return out
}
