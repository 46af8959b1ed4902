package opendata

import (
	"context"
	"fmt"
	"slices"
	"time"

	"buurtmeter/ingest/tube"
	"buurtmeter/ingest/tube/store"
)

// Campaign is a campaign of diffusion tubes as everybody may know it. Names of
// places stand in lab sheets as volunteers wrote them, often as addresses, and are
// not part of it: a place that is published is a station.
type Campaign struct {
	// Name is its public name, Since when it was made.
	Name  string
	Since time.Time
	// Zone, Policy and Blanks are its rules; see store.Campaign.
	Zone   string
	Policy tube.Policy
	Blanks tube.BlankRule
	// Sheets are the lab sheets that count, by the name of their set.
	Sheets []TubeSheet
	// Calibration is the one that counts, nil without one; CalibrationID names it as
	// in TubeYear.
	Calibration   *tube.Calibration
	CalibrationID string
	// Events are the newest MaxHistory, newest first; OlderEvents counts those that
	// came before them. What is one of store.EventKinds.
	Events      []Event
	OlderEvents int
}

// TubeSheet is a lab sheet of a campaign.
type TubeSheet struct {
	// Set names the set of tubes, Version counts its corrections from 1.
	Set      string
	Version  int64
	Imported time.Time
	// Lab is the laboratory and how it measured; empty for what is not known.
	Lab tube.Lab
	// Tubes counts its tubes without field blanks, Blanks those, Below and Lost the
	// tubes below the limit of detection and without a result.
	Tubes, Blanks, Below, Lost int
	// LeftOut are the rows that could not be read, by where they stand: what stands
	// there is not public.
	LeftOut []LeftOut
}

// LeftOut is a row of a lab sheet that could not be read, and the columns that
// made it so.
type LeftOut struct {
	Row     int
	Columns []string
}

// Campaign returns the campaign with the name.
func (g *Graph) Campaign(name string) (Campaign, bool) {
	i := slices.IndexFunc(g.Campaigns, func(c Campaign) bool { return c.Name == name })
	if i < 0 {
		return Campaign{}, false
	}
	return g.Campaigns[i], true
}

// campaign reads what is public of a campaign.
func (t *tubeFacts) campaign(ctx context.Context, c store.Campaign) (Campaign, error) {
	out := Campaign{Name: c.Name, Since: c.Created, Zone: c.Zone, Policy: c.Policy, Blanks: c.Blanks}
	sets, err := t.store.Sets(ctx, c.Name)
	if err != nil {
		return out, err
	}
	for _, x := range sets {
		out.Sheets = append(out.Sheets, sheetOf(x))
	}
	k, seq, err := t.store.Calibration(ctx, c.Name)
	if err != nil {
		return out, err
	}
	if k != nil {
		out.Calibration, out.CalibrationID = k, tubeCalibration(seq)
	}
	events, err := t.store.Events(ctx, c.Name)
	if err != nil {
		return out, err
	}
	out.OlderEvents = max(len(events)-MaxHistory, 0)
	for _, e := range events[out.OlderEvents:] {
		if e.What == store.EventPlaced {
			e.Detail = "" // it holds the name of the place in the sheet
		}
		out.Events = append(out.Events, Event{At: e.At, What: e.What, Actor: e.Actor, Why: e.Why, Detail: e.Detail})
	}
	slices.Reverse(out.Events)
	return out, nil
}

// tubeCalibration names a calibration of tubes.
func tubeCalibration(seq int64) string { return fmt.Sprintf("%s/%d", tube.Method, seq) }

func sheetOf(x store.Set) TubeSheet {
	out := TubeSheet{Set: x.Name, Version: x.Version, Imported: x.Imported, Lab: x.Lab}
	for _, e := range x.Tubes {
		switch {
		case e.Blank:
			out.Blanks++
			continue
		case !e.Result.Known:
			out.Lost++
		case e.Result.Below:
			out.Below++
		}
		out.Tubes++
	}
	for i, p := range x.LeftOut {
		if i == 0 || x.LeftOut[i-1].Row != p.Row || x.LeftOut[i-1].Sheet != p.Sheet {
			out.LeftOut = append(out.LeftOut, LeftOut{Row: p.Row})
		}
		last := &out.LeftOut[len(out.LeftOut)-1]
		last.Columns = append(last.Columns, p.Column)
	}
	return out
}
