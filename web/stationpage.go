package web

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

type stationBody struct {
	ID, Title    string
	Facts        []fact
	AreaHref     string
	AreaName     string
	NoPosition   bool
	Outside      bool
	Simulated    bool
	Means        []meanRow
	Flags        []flagRow
	FlagYear     string
	Charts       []*chartView
	Downloads    downloads
	NothingAtAll bool
	History      historyBody
	Assessments  []assessmentRow
	Calibrations []calibrationRow
	Campaigns    []campaignView
	// Networked are lines on what network factors corrected.
	Networked []string
}

// meanRow is a year mean with how much of the year is behind it.
type meanRow struct {
	Property, Year, Mean, Coverage string
	Remark                         string
}

type flagRow struct {
	Property, Flag, Hours string
	Excludes              bool
}

func (s *site) stationPage(ctx context.Context, r request) (view, error) {
	st, ok := r.g.Station(reading.StationID(r.param))
	switch {
	case !ok && r.g.Histories[reading.StationID(r.param)].Deleted():
		return view{}, &pageError{fiber.StatusGone, "deleted-station"}
	case !ok:
		return view{}, notFound("no-station")
	}
	title := st.Title
	if title == "" {
		title = string(st.ID)
	}
	b := stationBody{
		ID: string(st.ID), Title: title, Simulated: st.Simulated, NoPosition: st.NoPosition, Facts: r.stationFacts(st), Means: r.yearMeans(st),
		FlagYear: strconv.Itoa(r.year()), History: r.history(r.g.Histories[st.ID]),
	}
	if a, ok := r.g.Area(st.Area); ok {
		b.AreaHref, b.AreaName = r.Path(AreaPath(a.Code)), a.Name
	}
	b.Outside = !st.NoPosition && b.AreaName == ""
	var err error
	if b.Flags, err = s.flagRows(ctx, r, st); err != nil {
		return view{}, err
	}
	assessed, err := s.o.Source.Assessments(ctx, st.ID)
	if err != nil {
		return view{}, err
	}
	b.Assessments = r.assessments(assessed)
	b.Calibrations = r.calibrations(st)
	b.Campaigns = r.campaigns(st.ID)
	b.Networked = r.networked(st)
	for _, p := range st.Properties {
		c, err := s.chartOf(ctx, r, p, []opendata.Station{st})
		if err != nil {
			return view{}, err
		}
		if c != nil {
			b.Charts = append(b.Charts, c)
		}
	}
	b.NothingAtAll = len(st.Properties) == 0 && len(b.Means) == 0
	b.Downloads = r.stationDownloads(st)
	return view{page: "station", title: r.T("station.title", "title", title), path: "/meetpunt/" + string(st.ID), body: b}, nil
}

func (r request) stationFacts(st opendata.Station) []fact {
	fs := []fact{
		{r.T("fact.state"), r.state(st)},
		{r.T("fact.kind"), r.kind(st.Kind, st.Simulated)},
		{r.T("fact.uncertainty"), r.kindNote(st.Kind)},
	}
	around := r.siting(st.Siting)
	if around == "" {
		around = r.T("siting.unknown")
	}
	fs = append(fs, fact{r.T("fact.siting"), around})
	if st.Model != "" {
		fs = append(fs, fact{r.T("fact.model"), st.Model})
	}
	if st.Maker != "" {
		fs = append(fs, fact{r.T("fact.maker"), st.Maker})
	}
	if years := r.tubeYears(st.ID); len(years) > 0 && years[0].Year < clock(st.Since).Year() {
		// Tubes are registered when their results are in.
		fs = append(fs, fact{r.T("fact.since"), strconv.Itoa(years[0].Year)})
	} else if !st.Since.IsZero() {
		fs = append(fs, fact{r.T("fact.since"), r.Day(st.Since)})
	}
	return fs
}

// shortYear is the coverage under which a year mean is not called one.
const shortYear = 0.85

func (r request) yearMeans(st opendata.Station) []meanRow {
	var out []meanRow
	for _, info := range reading.Properties() {
		years := r.g.StationYears(st.ID)
		for i := len(years) - 1; i >= 0; i-- {
			y := years[i]
			label, ok := r.seriesName(st, info.Property, y.Property)
			if !ok || y.Valid == 0 || y.Expected == 0 {
				continue
			}
			share := float64(y.Valid) / float64(y.Expected)
			if y.Tube != nil {
				share = y.Tube.Coverage
			}
			row := meanRow{
				Property: label, Year: strconv.Itoa(y.Year), Mean: r.Num(y.Mean, 1) + nbsp + info.Unit,
				Coverage: r.Share(share), Remark: r.yearRemark(y.Year, share),
			}
			if y.Tube != nil {
				row.Mean = r.tubeMean(y, row.Mean)
				row.Remark = strings.TrimPrefix(row.Remark+"; "+r.tubeRemark(y.Tube, info.Unit), "; ")
			}
			out = append(out, row)
		}
	}
	return out
}

// yearRemark warns for a mean that must not be read as one of a whole year.
func (r request) yearRemark(year int, share float64) string {
	switch {
	case year >= clock(r.now).Year():
		return r.T("station.running")
	case share < shortYear:
		return r.T("station.short")
	default:
		return ""
	}
}

// flagRows counts the flagged hours of the shown year (UTC+1).
func (s *site) flagRows(ctx context.Context, r request, st opendata.Station) ([]flagRow, error) {
	year := r.year()
	from := clock(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)).Add(-time.Hour)
	to := clock(time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)).Add(-time.Hour)
	var out []flagRow
	for _, info := range reading.Properties() {
		n := map[string]int{}
		err := s.o.Source.Blocks(ctx, st.ID, info.Property, from, to, func(b reading.Block) error {
			for i, f := range b.Flags {
				if f != 0 && norm.YearOf(b.Month.First()+reading.Hour(i)) == year {
					for _, k := range f.Keys() {
						n[k]++
					}
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, f := range reading.FlagTable() {
			if n[f.Key] > 0 {
				out = append(out, flagRow{r.symbol(info.Property), r.T("flag." + f.Key), r.Count(int64(n[f.Key])), f.Excludes})
			}
		}
	}
	return out, nil
}
