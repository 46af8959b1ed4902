package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/tube"
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
	said = append(said, r.labNames(t))
	if t.LeftOut > 0 {
		said = append(said, r.N("station.tubes.leftout", t.LeftOut))
	}
	if !t.Judged {
		said = append(said, r.T("station.tubes.unused"))
	}
	return strings.Join(said, "; ")
}

// labNames names the laboratories behind a year mean.
func (r request) labNames(t *opendata.TubeYear) string {
	var names []string
	for _, l := range t.Labs {
		if l.Name != "" && !slices.Contains(names, l.Name) {
			names = append(names, l.Name)
		}
	}
	if len(names) == 0 {
		return r.T("station.tubes.nolab")
	}
	return r.T("station.tubes.lab", "lab", strings.Join(names, ", "))
}

// campaignView tells what is behind the year means of tubes.
type campaignView struct {
	Title  string
	Lines  []string
	Events []eventRow
}

// campaigns are those of which the station has a year mean, in the order of the
// years.
func (r request) campaigns(id reading.StationID) (views []campaignView) {
	met := map[string]bool{}
	for _, y := range r.tubeYears(id) {
		c, ok := r.g.Campaign(y.Tube.Campaign)
		if !ok || met[c.Name] {
			continue
		}
		met[c.Name] = true
		v := campaignView{Title: r.T("campaign.title", "campaign", c.Name), Lines: r.labLines(c)}
		if k := c.Calibration; k != nil {
			offset := "+" + nbsp + r.Num(k.Offset, 2)
			if k.Offset < 0 {
				offset = "−" + nbsp + r.Num(-k.Offset, 2)
			}
			v.Lines = append(v.Lines, r.N("campaign.calibrated", k.Line.N, "factor", r.Num(k.Factor, 3), "offset", offset, "mad", r.Num(k.After.MAD, 1)))
		} else {
			v.Lines = append(v.Lines, r.T("campaign.raw"))
		}
		v.Lines = append(v.Lines, r.T("campaign.policy."+string(c.Policy)), r.T("campaign.blanks."+string(c.Blanks)))
		for _, x := range c.Sheets {
			if n := len(x.LeftOut); n > 0 {
				v.Lines = append(v.Lines, r.N("campaign.leftout", n, "set", x.Set, "rows", rowsOf(x.LeftOut)))
			}
		}
		for _, e := range c.Events[:min(len(c.Events), newestEvents)] {
			v.Events = append(v.Events, eventRow{When: r.Moment(e.At), What: r.named("campaign.event.", e.What), Who: r.who(e.Actor), Why: e.Why})
		}
		views = append(views, v)
	}
	return views
}

// labLines name each laboratory of a campaign once, with its method and limit.
func (r request) labLines(c opendata.Campaign) (lines []string) {
	var labs []tube.Lab
	n := map[tube.Lab]int{}
	for _, x := range c.Sheets {
		if n[x.Lab]++; n[x.Lab] == 1 {
			labs = append(labs, x.Lab)
		}
	}
	for _, l := range labs {
		name := l.Name
		if name == "" {
			name = r.T("campaign.nolab")
		}
		parts := []string{r.N("campaign.lab", n[l], "lab", name)}
		if l.Method != "" {
			parts = append(parts, r.T("campaign.method", "method", l.Method))
		}
		if l.Limit != "" {
			parts = append(parts, r.T("campaign.limit", "limit", l.Limit))
		}
		lines = append(lines, strings.Join(parts, "; "))
	}
	return lines
}

// mostRows is how many rows that were left out a page names.
const mostRows = 20

func rowsOf(left []opendata.LeftOut) string {
	var rows []string
	for i, l := range left {
		if i == mostRows {
			rows = append(rows, "…")
			break
		}
		rows = append(rows, strconv.Itoa(l.Row))
	}
	return strings.Join(rows, ", ")
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
