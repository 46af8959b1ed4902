package web

import (
	"net/url"
	"strings"

	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// tubeYears returns the year means of the station that are of tubes.
func (r request) tubeYears(id reading.StationID) []opendata.YearStat {
	var out []opendata.YearStat
	for _, y := range r.g.StationYears(id) {
		if y.Tube != nil {
			out = append(out, y)
		}
	}
	return out
}

// tubeMean writes a mean of tubes with its interval. Of a part of the year there
// is none: the interval is of the year.
func (r request) tubeMean(y opendata.YearStat, mean string) string {
	if y.Tube.Coverage < shortYear {
		return mean
	}
	return r.T("station.interval", "mean", mean, "low", r.Num(y.Tube.Low, 1), "high", r.Num(y.Tube.High, 1))
}

// tubeRemark tells what a mean of tubes rests on, and which of the means it is.
func (r request) tubeRemark(t *opendata.TubeYear, unit string) string {
	said := []string{r.N("station.tubes", t.Periods, "campaign", t.Campaign)}
	if t.Calibration == "" {
		said = append(said, r.T("station.tubes.raw"))
	} else {
		said = append(said, r.T("station.tubes.calibrated", "raw", r.Num(t.Raw, 1)+nbsp+unit))
	}
	if t.Below > 0 {
		said = append(said, r.N("station.tubes.below", t.Below))
	}
	if t.Lost > 0 {
		said = append(said, r.N("station.tubes.lost", t.Lost))
	}
	if !t.Judged {
		said = append(said, r.T("station.tubes.unused"))
	}
	return strings.Join(said, "; ")
}

// stationDownloads are the files of a station: its hours, or the verdicts in its
// neighbourhood when it has tubes only.
func (r request) stationDownloads(st opendata.Station) downloads {
	d := downloads{Text: r.T("downloads.station"), Files: r.files(url.Values{"station": {string(st.ID)}}, opendata.HoursDataset)}
	if len(st.Properties) == 0 && len(r.tubeYears(st.ID)) > 0 {
		d.Text = r.T("downloads.tubes")
		d.Files = r.files(url.Values{"station": {string(st.ID)}}, opendata.VerdictsDataset)
	}
	return d
}
