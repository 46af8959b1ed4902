package opendata

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/tube"
	"buurtmeter/ingest/tube/store"
)

// TubeYear is what stands behind a year mean of diffusion tubes.
type TubeYear struct {
	// Campaign is the public name of the campaign.
	Campaign string
	// Calibration is the version of the calibration that the mean was set right
	// by, empty for a mean of the tubes as they are.
	Calibration string
	// Raw is the mean of the tubes as they are; Low and High bound the expanded
	// interval (95 %) of the mean that is published. µg/m³.
	Raw, Low, High float64
	// Coverage is the share of the year in which a tube hung, 0 to 1.
	Coverage float64
	// Periods and Tubes count what the mean rests on, Below the results below the
	// limit of detection among them, Lost the tubes without a result.
	Periods, Tubes, Below, Lost int
	// Labs are the laboratories behind it, each once, an empty one for a sheet that
	// names none; LeftOut counts the rows of their sheets that could not be read.
	Labs    []tube.Lab
	LeftOut int
	// Judged tells that verdicts rest on this mean. Of several campaigns at one
	// station in a year it is the one that covers most of it.
	Judged bool
}

// tubeFacts are the year means of the stations that are places of campaigns,
// kept between builds and computed anew only when a campaign changed.
type tubeFacts struct {
	store *store.Store
	stamp string
	years map[reading.StationID][]tubeMean // by year, the one that is judged first
	all   []Campaign
}

type tubeMean struct {
	store.PlaceYear
	campaign string
}

// refresh brings the means in line with the register. The stamp is read first,
// so that a change in between makes the next build compute again.
func (t *tubeFacts) refresh(ctx context.Context) error {
	stamp, err := t.store.Stamp(ctx)
	if err != nil {
		return err
	}
	if t.years != nil && stamp == t.stamp {
		return nil
	}
	campaigns, err := t.store.Campaigns(ctx)
	if err != nil {
		return err
	}
	years := map[reading.StationID][]tubeMean{}
	var all []Campaign
	for _, c := range campaigns {
		public, err := t.campaign(ctx, c)
		if err != nil {
			return fmt.Errorf("campaigns of tubes: %w", err)
		}
		all = append(all, public)
		means, err := t.store.Means(ctx, c.Name, 0)
		if err != nil {
			return fmt.Errorf("year means of tubes: %w", err)
		}
		for _, m := range means {
			if m.Station != "" {
				years[m.Station] = append(years[m.Station], tubeMean{m, c.Name})
			}
		}
	}
	for _, ms := range years {
		slices.SortStableFunc(ms, func(a, b tubeMean) int {
			return cmp.Or(cmp.Compare(a.Year.Year, b.Year.Year), cmp.Compare(b.Coverage, a.Coverage))
		})
	}
	t.stamp, t.years, t.all = stamp, years, all
	return nil
}

// judge returns the year means of a station, and what they say of the norms on
// year means; Area of the keys is left empty.
func (t *tubeFacts) judge(s Station, until reading.Hour) (stats []YearStat, verdicts map[VerdictKey]norm.Verdict) {
	ms := t.years[s.ID]
	if s.Kind != reading.KindTube || len(ms) == 0 {
		return nil, nil
	}
	verdicts = map[VerdictKey]norm.Verdict{}
	norms := norm.Of(reading.NO2)
	for i, m := range ms {
		year := m.Year.Year
		y := TubeYear{
			Campaign: m.campaign, Raw: m.Raw, Low: m.Low, High: m.High, Coverage: m.Coverage,
			Periods: m.Periods, Tubes: m.Tubes, Below: m.Below, Lost: m.Lost, Labs: m.Labs, LeftOut: m.LeftOut,
			Judged: i == 0 || ms[i-1].Year.Year != year,
		}
		method := norm.MethodFor(s.Kind)
		if m.Calibrated {
			y.Calibration = tubeCalibration(m.Calibration)
			method.Calibration = y.Calibration
		}
		hours := norm.YearLength(year)
		stats = append(stats, YearStat{
			Station: s.ID, Property: reading.NO2, Year: year, Mean: m.Mean,
			Valid: max(1, int(m.Coverage*float64(hours))), Expected: hours, Tube: &y,
		})
		if !y.Judged {
			continue
		}
		figure := norm.YearFigure{
			Property: reading.NO2, Year: year, Value: m.Mean, Under: m.Mean - m.Least, Over: m.Most - m.Mean,
			Instrument: m.Measured, Gaps: m.Time, Coverage: m.Coverage, Running: until < norm.YearStart(year+1),
		}
		for _, n := range norms {
			if v := norm.JudgeMean(n, figure, method); v.HasValue {
				verdicts[VerdictKey{Norm: n.ID, Year: year}] = v
			}
		}
	}
	return stats, verdicts
}
