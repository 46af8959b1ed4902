package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

func calibrationActions() []action {
	return []action{
		{"fit", "fit --station S --property no2 --reference R --from DAY --to DAY", "make a calibration from the hours that S stood beside R", (*program).fitCalibration},
		{"list", "list --station S", "the calibrations of a station, also those that were taken back", (*program).listCalibrations},
		{"withdraw", "withdraw --station S --version V --why WHY", "take one back: what it corrected goes, the raw hours stay", (*program).withdrawCalibration},
	}
}

// runCalibration calibrates sensors beside official stations.
func runCalibration(ctx context.Context, p *program, args []string) error {
	return p.act(ctx, "calibration", calibrationActions(), "WHO and WHY are public: leave names of people and house numbers out.", args)
}

// calibrationCall prepares an action; the station is named by --station.
func (p *program) calibrationCall(action string, change bool) *stationCall {
	c := p.stationCall(action, change)
	c.Init("calibration "+action, c.ErrorHandling())
	c.StringVar(&c.id, "station", "", "id of the station with the sensor")
	return c
}

// fitFlags are those of "calibration fit".
type fitFlags struct {
	property, reference, covariates string
	from, to                        momentFlag
	dry                             bool
}

func (p *program) fitCalibration(ctx context.Context, args []string) error {
	c := p.calibrationCall("fit", true)
	var f fitFlags
	c.StringVar(&f.property, "property", "", "what is calibrated, such as no2 or pm25")
	c.StringVar(&f.reference, "reference", "", "id of the official station beside which the sensor stood")
	c.StringVar(&f.covariates, "covariates", "", "what the station itself measures and the sensor reacts to, such as temperature,humidity,o3")
	c.Var(&f.from, "from", "first day beside it (UTC)")
	c.Var(&f.to, "to", "the day after the last one (UTC)")
	c.BoolVar(&f.dry, "dry-run", false, "tell the figures and store nothing")
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		v, names, err := f.version(ctx, reg, id)
		if err != nil {
			return err
		}
		made, err := colocate(ctx, reg, v, names)
		if err != nil {
			return hint(err, "are --from and --to the days beside the reference, and does the station measure all of --covariates?")
		}
		if err := p.tellFit(made, names); err != nil {
			return err
		}
		switch {
		case f.dry:
			return p.say("nothing is stored: --dry-run")
		case made.Worthless():
			return hint(fmt.Errorf("this calibration is not stored: %w to what is known without it", calibration.ErrWorthless),
				"take a longer period, or look whether the sensor works: buurtmeter objection remarks --station %s", id)
		}
		if err := reg.AddCalibration(ctx, made.Version, c.by, c.why); err != nil {
			return err
		}
		return p.say("calibration %s is stored and public. A running server corrects the hours from %s on into %s; the raw ones stay.",
			made.Version.ID, v.From.Format(time.DateOnly), calibration.CorrectedSeries(v.Property))
	})
}

// version checks what can be known before the hours are read.
func (f *fitFlags) version(ctx context.Context, reg *register.Register, id reading.StationID) (v calibration.Version, names []string, err error) {
	property, err := reading.ParseProperty(f.property)
	info, _ := reading.InfoOf(property)
	if err == nil && !info.Norm {
		err = fmt.Errorf("%s has no norms and is not calibrated", property)
	}
	if err != nil {
		return v, nil, hint(err, "name it with --property, e.g. --property no2")
	}
	names = []string{string(property)}
	for _, s := range strings.FieldsFunc(f.covariates, func(r rune) bool { return r == ',' || r == ' ' }) {
		q, err := reading.ParseProperty(s)
		if err == nil && slices.Contains(names, s) {
			err = fmt.Errorf("%s stands twice among the terms", s)
		}
		if err != nil {
			return v, nil, hint(err, "give --covariates as temperature,humidity,o3")
		}
		names = append(names, string(q))
	}
	if f.from.IsZero() || f.to.IsZero() || !f.from.Before(f.to.Time) {
		return v, nil, hint(errors.New("a calibration has a first day and a later one after its last"), "give --from and --to, e.g. --from 2026-01-10 --to 2026-03-20")
	}
	st, err := reg.Station(ctx, id)
	if err != nil {
		return v, nil, err
	}
	if st.Kind != reading.KindSensor {
		return v, nil, hint(fmt.Errorf("%s is of kind %s, and only the raw values of a sensor are calibrated here", id, st.Kind), "name the sensor with --station")
	}
	ref, err := reg.Station(ctx, reading.StationID(f.reference))
	if err != nil {
		return v, nil, hint(err, "name the official station with --reference; 'buurtmeter station list' shows the ids")
	}
	if ref.Kind != reading.KindReference {
		return v, nil, hint(fmt.Errorf("%s is of kind %s and no reference", ref.ID, ref.Kind), "name an official station with --reference")
	}
	if st.Simulated != ref.Simulated {
		return v, nil, hint(errors.New("one of the two is simulated and the other is not"), "calibrate a sensor beside a station that measures the same air")
	}
	v = calibration.Version{
		Station: id, Property: property, Reference: ref.ID,
		TrainedFrom: f.from.Time, TrainedUntil: f.to.Time, From: f.from.Time,
	}
	return v, names, checkTraining(ctx, reg, v)
}

// checkTraining refuses a training that another one overlaps, or during which the
// station got another device.
func checkTraining(ctx context.Context, reg *register.Register, v calibration.Version) error {
	known, err := reg.Calibrations(ctx, v.Station)
	if err != nil {
		return err
	}
	for _, k := range known {
		if k.Withdrawn.IsZero() && k.Property == v.Property && k.TrainedFrom.Before(v.TrainedUntil) && v.TrainedFrom.Before(k.TrainedUntil) {
			return hint(fmt.Errorf("calibration %s was made from days of the same period", k.ID),
				"take that one back first: buurtmeter calibration withdraw --station %s --version %s --why WHY", v.Station, k.ID)
		}
	}
	boards, err := reg.Boards(ctx, v.Station)
	if err != nil {
		return err
	}
	for _, b := range boards {
		if b.From.After(v.TrainedFrom) && b.From.Before(v.TrainedUntil) {
			return hint(fmt.Errorf("%s got another device on %s, within the period", v.Station, b.From.Format(time.DateOnly)), "calibrate the days of one device")
		}
	}
	return nil
}

// colocate reads the valid hours of the period and fits.
func colocate(ctx context.Context, reg *register.Register, v calibration.Version, names []string) (calibration.Colocation, error) {
	first, end := reading.HourOf(v.TrainedFrom), reading.HourOf(v.TrainedUntil.Add(time.Hour-time.Nanosecond))
	if end-first > 10*366*24 {
		return calibration.Colocation{}, errors.New("the period is longer than ten years")
	}
	hours := func(id reading.StationID, p reading.Property) ([]float64, error) {
		out := make([]float64, end-first)
		for i := range out {
			out[i] = math.NaN()
		}
		err := reg.EachBlock(ctx, id, p, reading.MonthOf(first), reading.MonthOf(end-1), func(b reading.Block) error {
			for i := range b.Values {
				if at := b.Month.First() + reading.Hour(i) - first; at >= 0 && int(at) < len(out) && b.Valid(i) {
					out[at] = reading.Unscaled(b.Values[i])
				}
			}
			return nil
		})
		return out, err
	}
	reference, err := hours(v.Reference, v.Property)
	if err != nil {
		return calibration.Colocation{}, err
	}
	var terms []calibration.Term
	for _, name := range names {
		values, err := hours(v.Station, reading.Property(name))
		if err != nil {
			return calibration.Colocation{}, err
		}
		terms = append(terms, calibration.Term{Name: name, Values: values})
	}
	return calibration.Colocate(v, first, reference, terms)
}

// tellFit prints the figures of a calibration.
func (p *program) tellFit(made calibration.Colocation, names []string) error {
	v := made.Version
	m := v.Model
	lines := []string{
		fmt.Sprintf("%s of %s beside %s, %s to %s: n = %d hours", v.Property, v.Station, v.Reference, v.TrainedFrom.Format(time.DateOnly), v.TrainedUntil.Format(time.DateOnly), m.N),
		fmt.Sprintf("as it is     slope %.3f, intercept %+.2f, R² %.3f", made.Raw.Slope, made.Raw.Intercept, made.Raw.R2),
		fmt.Sprintf("fitted       R² %.3f, RMSE %.2f; intercept %+.3f", m.R2, m.RMSE, m.Intercept),
	}
	for j, name := range names {
		lines = append(lines, fmt.Sprintf("  %-11s x %+.4f (in training %.1f to %.1f)", name, m.Coefficients[j], m.Hull.Low[j], m.Hull.High[j]))
	}
	if made.Validation == nil {
		lines = append(lines, "not tested   all hours are of one month: nothing tells what the fit is worth in another one, so verdicts keep the uncertainty of a sensor without calibration")
	} else {
		lines = append(lines, fmt.Sprintf("in %d months that were left out of the fit in turn: slope %.3f, R² %.3f, RMSE %.2f, mean difference %+.2f; %d of %d hours outside of what the other months saw",
			v.Tested.Months, v.Tested.Slope, made.Validation.R2, v.Tested.RMSE, v.Tested.MBE, v.Tested.Outside, v.Tested.N))
		lines = append(lines, "expanded uncertainty "+uncertaintyText(v))
		for _, month := range slices.Sorted(maps.Keys(made.Validation.Skipped)) {
			lines = append(lines, fmt.Sprintf("not tested   %s: %v", reading.Month(month), made.Validation.Skipped[month]))
		}
	}
	switch k := made.Contribution; {
	case k == nil:
	case k.Matters():
		lines = append(lines, fmt.Sprintf("the sensor matters: without it the RMSE in those months is %.2f instead of %.2f", k.RMSEWithout, k.RMSEWith))
	default:
		lines = append(lines, fmt.Sprintf("the sensor does not matter: without it the RMSE in those months is %.2f, with it %.2f", k.RMSEWithout, k.RMSEWith))
	}
	return p.say("%s", strings.Join(lines, "\n"))
}

// uncertaintyText writes the expanded relative uncertainties of a version.
func uncertaintyText(v calibration.Version) string {
	if len(v.Tested.Uncertainty) == 0 {
		return "not known"
	}
	info, _ := reading.InfoOf(v.Property)
	return fmt.Sprintf("%.0f %% at 20 and %.0f %% at 40 %s", 100*v.Tested.Uncertainty["20"], 100*v.Tested.Uncertainty["40"], info.Unit)
}

func (p *program) listCalibrations(ctx context.Context, args []string) error {
	c := p.calibrationCall("list", false)
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		if _, err := reg.Station(ctx, id); err != nil {
			return err
		}
		all, err := reg.Calibrations(ctx, id)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
		for _, k := range all {
			state := "stands"
			if !k.Withdrawn.IsZero() {
				state = "withdrawn " + k.Withdrawn.Format(time.DateOnly)
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\tbeside %s\t%s to %s\tn = %d\tRMSE %.2f in %d months\t%s\tby %s\n", k.ID, state, k.Property, printable(string(k.Reference)),
				k.TrainedFrom.Format(time.DateOnly), k.TrainedUntil.Format(time.DateOnly), k.Model.N, k.Tested.RMSE, k.Tested.Months, uncertaintyText(k.Version), printable(k.Actor))
		}
		return w.Flush()
	})
}

func (p *program) withdrawCalibration(ctx context.Context, args []string) error {
	c := p.calibrationCall("withdraw", true)
	c.needWhy = true
	version := c.String("version", "", "id of the calibration, as 'calibration list' shows it")
	return c.with(ctx, args, func(reg *register.Register, id reading.StationID) error {
		err := reg.WithdrawCalibration(ctx, id, *version, c.by, c.why)
		if errors.Is(err, register.ErrUnknownCalibration) {
			return hint(err, "see 'buurtmeter calibration list --station %s'", id)
		}
		if err != nil {
			return err
		}
		return p.say("calibration %s is withdrawn: the hours that it corrected are gone, the raw ones stay", *version)
	})
}
