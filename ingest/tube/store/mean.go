package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/tube"
)

// PutCalibration stores a calibration with its rows and makes it the one that
// counts. Earlier ones stay. seq is its number within the campaign.
func (s *Store) PutCalibration(ctx context.Context, campaign string, c tube.Calibration, actor, why string) (seq int64, err error) {
	err = s.change(ctx, campaign, func(tx *sql.Tx) (Event, error) {
		err := tx.QueryRowContext(ctx, `SELECT COALESCE(max(seq), 0) + 1 FROM tube_calibration WHERE campaign = $1`, campaign).Scan(&seq)
		if err != nil {
			return Event{}, err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO tube_calibration
			(campaign, seq, at_ms, method, max_missing, n, slope, intercept, u_slope, u_intercept, r2, rss, rmse, mean_reference, factor, added)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
			campaign, seq, s.now().UnixMilli(), c.Method, c.MaxMissing, c.Line.N, c.Line.Slope, c.Line.Intercept, c.Line.USlope, c.Line.UIntercept,
			c.Line.R2, c.Line.RSS, c.Line.RMSE, c.MeanReference, c.Factor, c.Offset)
		if err != nil {
			return Event{}, err
		}
		for i, p := range c.Pairs {
			reference := sql.NullFloat64{Float64: p.Reference, Valid: !math.IsNaN(p.Reference)}
			_, err := tx.ExecContext(ctx, `INSERT INTO tube_pair (campaign, seq, pair, location, period, tube, reference, missing, used) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
				campaign, seq, i, clean(p.Location), clean(p.Period), p.Tube, reference, p.Missing, p.Used)
			if err != nil {
				return Event{}, err
			}
		}
		return Event{
			Actor: actor, What: EventCalibrated, Why: why,
			Detail: fmt.Sprintf("calibration %d (%s): %.3f x tube %+.3f, %d of %d pairs", seq, c.Method, c.Factor, c.Offset, c.Line.N, len(c.Pairs)),
		}, nil
	})
	if err != nil {
		return 0, fmt.Errorf("store a calibration: %w", err)
	}
	return seq, nil
}

// Calibration returns the calibration that counts, and its number; nil and 0
// when there is none.
func (s *Store) Calibration(ctx context.Context, campaign string) (c *tube.Calibration, seq int64, err error) {
	c = &tube.Calibration{}
	err = s.reg.ReadDB().QueryRowContext(ctx, `SELECT seq, method, max_missing, n, slope, intercept, u_slope, u_intercept, r2, rss, rmse, mean_reference, factor, added
		FROM tube_calibration WHERE campaign = $1 ORDER BY seq DESC LIMIT 1`, campaign).
		Scan(&seq, &c.Method, &c.MaxMissing, &c.Line.N, &c.Line.Slope, &c.Line.Intercept, &c.Line.USlope, &c.Line.UIntercept,
			&c.Line.R2, &c.Line.RSS, &c.Line.RMSE, &c.MeanReference, &c.Factor, &c.Offset)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read a calibration: %w", err)
	}
	var x, y, corrected []float64
	rows, err := s.reg.ReadDB().QueryContext(ctx, `SELECT location, period, tube, reference, missing, used FROM tube_pair WHERE campaign = $1 AND seq = $2 ORDER BY pair`, campaign, seq)
	err = each(rows, err, func(scan func(...any) error) error {
		var p tube.Pair
		var reference sql.NullFloat64
		err := scan(&p.Location, &p.Period, &p.Tube, &reference, &p.Missing, &p.Used)
		p.Reference = math.NaN()
		if reference.Valid {
			p.Reference = reference.Float64
		}
		if p.Used {
			x, y, corrected = append(x, p.Reference), append(y, p.Tube), append(corrected, c.Apply(p.Tube))
		}
		c.Pairs = append(c.Pairs, p)
		return err
	})
	if err == nil {
		c.Before, err = calibration.Agree(x, y)
	}
	if err == nil {
		c.After, err = calibration.Agree(x, corrected)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read a calibration: %w", err)
	}
	return c, seq, nil
}

// Exposures returns the tubes of a campaign that count, ready to combine: field
// blanks are taken off by the rule of the campaign and left out, and the set is
// the label of a tube whose sheet names no period.
func (s *Store) Exposures(ctx context.Context, c Campaign) ([]tube.Exposure, error) {
	sets, err := s.Sets(ctx, c.Name)
	return exposures(c, sets), err
}

func exposures(c Campaign, sets []Set) []tube.Exposure {
	var all []tube.Exposure
	for _, x := range sets {
		tubes := x.Tubes
		if c.Blanks == tube.BlanksSubtracted {
			tubes = tube.Subtract(tubes)
		}
		for _, e := range tubes {
			if e.Blank {
				continue
			}
			e.Set = x.Name
			if e.Period == "" {
				e.Period = x.Name
			}
			all = append(all, e)
		}
	}
	return all
}

// PlaceYear is the year mean of a place and the station that it is; Station is
// empty when it is none.
type PlaceYear struct {
	tube.Year
	Station reading.StationID
	// Calibration is the number of the calibration that it was made with, 0 for
	// none.
	Calibration int64
	// Labs are the laboratories behind it, each once; one of which nothing is known
	// stands as an empty one. LeftOut counts the rows that were left out of the
	// sheets behind it because they could not be read: nobody knows whether they
	// were of this place.
	Labs    []tube.Lab
	LeftOut int
}

// behind fills in what the sheets say of themselves.
func (p *PlaceYear) behind(sets []Set) {
	for _, x := range sets {
		if !slices.Contains(p.Sets, x.Name) {
			continue
		}
		if !slices.Contains(p.Labs, x.Lab) {
			p.Labs = append(p.Labs, x.Lab)
		}
		p.LeftOut += tube.UnreadRows(x.LeftOut)
	}
}

// Stamp returns a text that is another one whenever a year mean of any campaign,
// or the station of one, may be. It is one small query.
func (s *Store) Stamp(ctx context.Context) (string, error) {
	// A station that is deleted is no event of the campaign, but leaves fewer links.
	rows, err := s.reg.ReadDB().QueryContext(ctx, `SELECT c.name, c.events, (SELECT count(*) FROM tube_place p WHERE p.campaign = c.name AND p.station_id IS NOT NULL)
		FROM tube_campaign c ORDER BY c.name`)
	var stamp strings.Builder
	err = each(rows, err, func(scan func(...any) error) error {
		var name string
		var events, links int64
		err := scan(&name, &events, &links)
		_, _ = fmt.Fprintf(&stamp, "%q %d %d\n", name, events, links)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the state of the campaigns: %w", err)
	}
	return stamp.String(), nil
}

// Means returns the year means of a campaign by its calibration, if it has one.
// headRatio is YearRule.HeadRatio; 0 estimates nothing.
func (s *Store) Means(ctx context.Context, campaign string, headRatio float64) ([]PlaceYear, error) {
	c, err := s.Campaign(ctx, campaign)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return nil, fmt.Errorf("campaign %s: %w", quoted(campaign), err)
	}
	sets, err := s.Sets(ctx, campaign)
	if err != nil {
		return nil, err
	}
	k, seq, err := s.Calibration(ctx, campaign)
	if err != nil {
		return nil, err
	}
	stations := map[string]reading.StationID{}
	rows, err := s.reg.ReadDB().QueryContext(ctx, `SELECT place, station_id FROM tube_place WHERE campaign = $1 AND station_id IS NOT NULL`, campaign)
	err = each(rows, err, func(scan func(...any) error) error {
		var place string
		var id reading.StationID
		err := scan(&place, &id)
		stations[place] = id
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the places of a campaign: %w", err)
	}
	rule := tube.YearRule{Zone: zone, Policy: c.Policy, Calibration: k, HeadRatio: headRatio}
	var all []PlaceYear
	for _, y := range rule.Years(tube.Combine(exposures(c, sets), c.Policy)) {
		p := PlaceYear{Year: y, Station: stations[y.Location], Calibration: seq}
		p.behind(sets)
		all = append(all, p)
	}
	return all, nil
}
