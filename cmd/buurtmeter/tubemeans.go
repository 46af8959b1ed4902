package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"buurtmeter/cmd/buurtmeter/analyse"
	"buurtmeter/ingest/tube"
	"buurtmeter/ingest/tube/store"
)

func (p *program) calibrateTubes(ctx context.Context, args []string) error {
	c := p.tubeCall("calibrate", true)
	in := analyse.InputFlags(c.FlagSet)
	pairs := c.String("pairs", "", "CSV with the tubes beside reference stations: location, period, no2, no2_reference, missing (percent)")
	reference := c.String("reference", "", "CSV with hourly NO2 of reference stations, instead of --pairs")
	maxMissing := c.Float64("max-missing", 25, "leave pairs out of which this percentage of the reference hours is missing, or more")
	beside := map[string]string{}
	c.Func("beside", "LOCATION=COLUMN: with --reference, the station beside which the tubes of a location hung; may be given more than once", func(s string) error {
		location, column, ok := strings.Cut(s, "=")
		if !ok || location == "" || column == "" {
			return errors.New("write LOCATION=COLUMN")
		}
		beside[strings.TrimSpace(location)] = strings.TrimSpace(column)
		return nil
	})
	if err := c.parse(args); err != nil {
		return err
	}
	switch {
	case (*pairs == "") == (*reference == ""):
		return hint(errors.New("what to calibrate by?"), "give one of --pairs PAIRS.csv and --reference STATIONS.csv")
	case *reference != "" && len(beside) == 0:
		return hint(errors.New("which tubes hung beside which station?"), "e.g. --beside 'Stationsplein=NL49012'")
	case !(*maxMissing > 0 && *maxMissing <= 100):
		return hint(fmt.Errorf("--max-missing %g is not a percentage", *maxMissing), "give a number above 0 and up to 100")
	}
	t := &analyse.Terminal{Out: p.stdout, Err: p.stderr, Now: p.now}
	return c.with(ctx, p.openRegister, func(s *store.Store) error {
		plan, err := s.Campaign(ctx, c.campaign)
		if err != nil {
			return err
		}
		zone, err := time.LoadLocation(plan.Zone)
		if err != nil {
			return err
		}
		var rows []tube.Pair
		if *pairs != "" {
			rows, err = analyse.ReadPairs(t, in, *pairs, zone, plan.Policy)
		} else {
			rows, err = stationPairs(ctx, t, in, s, plan, *reference, beside)
		}
		if err != nil {
			return err
		}
		k, err := tube.Calibrate(rows, *maxMissing/100)
		if err != nil {
			return err
		}
		seq, err := s.PutCalibration(ctx, c.campaign, k, c.by, c.why)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "calibration %d: %.3f x tube %+.3f, from %d of %d pairs; bias %.2f, mean absolute difference %.2f, set right %.2f µg/m³\n",
			seq, k.Factor, k.Offset, k.Line.N, len(k.Pairs), k.Before.MBE, k.Before.MAD, k.After.MAD)
		return err
	})
}

// stationPairs sets the tubes of the campaign beside the hours of stations.
func stationPairs(ctx context.Context, t *analyse.Terminal, in *analyse.Input, s *store.Store, plan store.Campaign, path string, beside map[string]string) ([]tube.Pair, error) {
	zone, err := time.LoadLocation(plan.Zone)
	if err != nil {
		return nil, err
	}
	stations, err := analyse.ReadStations(t, in, path, zone, "")
	if err != nil {
		return nil, err
	}
	for location, column := range beside {
		if _, ok := stations.Column(column); !ok {
			return nil, hint(fmt.Errorf("%s has no station %q, beside which the tubes of %q hung", path, column, location), "its stations are: %s", strings.Join(stations.Names, ", "))
		}
	}
	tubes, err := s.Exposures(ctx, plan)
	if err != nil {
		return nil, err
	}
	rows, err := stations.PairRows(tubes, beside)
	if err != nil {
		return nil, err
	}
	met := map[string]bool{}
	for _, r := range rows {
		met[r.Location] = true
	}
	for location := range beside {
		if !met[location] {
			return nil, fmt.Errorf("%w: no tube of the campaign hung at %q", store.ErrCampaign, location)
		}
	}
	pairs, left := tube.PairsOf(rows, plan.Policy)
	if left > 0 {
		t.Warn("%d pairs have no result of a tube and are left out", left)
	}
	return pairs, nil
}

// meanRow is a year mean of "tube means" in JSON.
type meanRow struct {
	Location    string  `json:"location"`
	Station     string  `json:"station,omitempty"`
	Year        int     `json:"year"`
	Mean        float64 `json:"mean"`
	Low         float64 `json:"low"`
	High        float64 `json:"high"`
	Raw         float64 `json:"raw"`
	Calibration int64   `json:"calibration,omitempty"`
	Periods     int     `json:"periods"`
	Coverage    float64 `json:"coverage"`
	BelowLimit  int     `json:"belowLimit"`
	Lost        int     `json:"lost"`
	// Laboratories are those of the sheets behind the mean, LeftOut counts the rows
	// of those sheets that could not be read.
	Laboratories []labRow `json:"laboratories"`
	LeftOut      int      `json:"leftOut"`
}

// labRow is a laboratory in JSON; what is not known is empty.
type labRow struct {
	Name   string `json:"name"`
	Method string `json:"method"`
	Limit  string `json:"detectionLimit"`
}

func (p *program) tubeMeans(ctx context.Context, args []string) error {
	c := p.tubeCall("means", false)
	out := analyse.OutputFlags(c.FlagSet)
	head := c.Float64("head-ratio", 0, "first period divided by the weeks before it since New Year, by which those weeks are estimated when they are at most 31 days; 0 for no estimate")
	if err := c.parse(args); err != nil {
		return err
	}
	if !(*head >= 0 && *head < 10) {
		return hint(fmt.Errorf("--head-ratio %g is not a ratio", *head), "give a number such as 0.98, or 0 for no estimate")
	}
	t := &analyse.Terminal{Out: p.stdout, Err: p.stderr, Now: p.now}
	return c.with(ctx, p.openRegister, func(s *store.Store) error {
		means, err := s.Means(ctx, c.campaign, *head)
		if err != nil {
			return err
		}
		all := make([]meanRow, 0, len(means))
		var rows [][]string
		leftOut := 0
		for _, m := range means {
			labs := make([]labRow, 0, len(m.Labs))
			var names []string
			for _, l := range m.Labs {
				labs, names = append(labs, labRow(l)), append(names, orElse(l.Name, "not told"))
			}
			leftOut = max(leftOut, m.LeftOut)
			all = append(all, meanRow{
				m.Location, string(m.Station), m.Year.Year, m.Mean, m.Low, m.High, m.Raw, m.Calibration, m.Periods, m.Coverage, m.Below, m.Lost, labs, m.LeftOut,
			})
			rows = append(rows, []string{
				m.Location, strconv.Itoa(m.Year.Year), analyse.Number(m.Mean).Text(1), analyse.Number(m.Low).Text(1), analyse.Number(m.High).Text(1),
				analyse.Number(m.Raw).Text(1), strconv.Itoa(m.Periods), analyse.Number(100 * m.Coverage).Text(0), strings.Join(slices.Compact(names), " + "), string(m.Station),
			})
		}
		if len(means) > 0 && !means[0].Calibrated {
			t.Warn("the campaign has no calibration: these are the means of the tubes as they are (buurtmeter tube calibrate)")
		}
		if leftOut > 0 {
			t.Warn("rows of the sheets could not be read and are left out, up to %d behind one mean: 'tube list' of the campaign names them", leftOut)
		}
		if out.JSON() {
			return t.WriteJSON(all)
		}
		return t.WriteTable([]string{"location", "year", "mean", "low", "high", "as is", "periods", "covered %", "laboratory", "station"}, rows)
	})
}
