package analyse

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
)

// hoursConfig are the flags of 'analyse hours' as they are given.
type hoursConfig struct {
	in                                   *Input
	out                                  *Output
	station                              string
	times, values                        []string
	property, unit, conditions, zone     string
	stamp, basis, kind, rounding, limits string
	capture                              float64
	interval                             time.Duration
	monthFirst                           bool
}

func hoursFlags(fs *flag.FlagSet) *hoursConfig {
	c := &hoursConfig{in: InputFlags(fs), out: OutputFlags(fs)}
	whereFlag(fs, c.in)
	fs.Func("time", "column with the time; give it again for a file with the date and the time of day in two columns, or with year, month, day and hour in four", func(s string) error {
		c.times = append(c.times, s)
		return nil
	})
	fs.Func("value", "column with the values; give it again for a file with one column per station", func(s string) error {
		c.values = append(c.values, s)
		return nil
	})
	fs.StringVar(&c.station, "station", "", "column that names the station, in a file of several")
	fs.StringVar(&c.property, "property", "", "what was measured: no2, pm25, pm10, o3, so2, co, benzene")
	fs.StringVar(&c.unit, "unit", "", "unit of the values: ug/m3, mg/m3, ppb or ppm (default: that of the property)")
	fs.StringVar(&c.conditions, "conditions", string(reading.At20C), "conditions that ppb are converted at: 20C, 293K, 25C or openair")
	fs.StringVar(&c.zone, "zone", "", "zone of times that name none: UTC, UTC+1, Europe/Amsterdam")
	fs.StringVar(&c.stamp, "stamp", "begin", "what the time is of its hour: begin or end")
	fs.StringVar(&c.basis, "day-basis", "utc+1", "what a day is: utc+1, utc or civil:ZONE, e.g. civil:Europe/Amsterdam")
	fs.Float64Var(&c.capture, "day-capture", 0.75, "least share of a day's hours for a valid day mean, 0 to 1")
	fs.StringVar(&c.kind, "kind", string(reading.KindReference), "kind of instrument: reference, sensor-calibrated, sensor or tube")
	fs.StringVar(&c.rounding, "rounding", "none", "how a mean is rounded before it is compared: none, half-even or half-up")
	list(fs, &c.limits, "limits", "", "more limits that hours and days are counted above, e.g. 30,35.5")
	fs.DurationVar(&c.interval, "interval", 0, "time that one row stands for, e.g. 15m (default: found out)")
	fs.BoolVar(&c.monthFirst, "month-first", false, "3/4/2021 is 4 March")
	return c
}

func hoursCommand() Command {
	return Command{
		Name: "hours", Usage: "hours FILE --time COL --value COL --property KEY [--station COL] [flags]",
		Short:   "year means, days and hours above limits, percentiles and verdicts of hourly values",
		Example: "buurtmeter analyse hours amsterdam.csv --time date --value no2 --station code --property no2 --zone UTC",
		New: func(fs *flag.FlagSet) func(context.Context, *Terminal, []string) error {
			c := hoursFlags(fs)
			return func(ctx context.Context, t *Terminal, files []string) error { return c.run(ctx, t, files) }
		},
	}
}

// hoursRules are the flags once they are understood.
type hoursRules struct {
	info     reading.PropertyInfo
	unit     norm.Scale // of one step of 1 unit of the file
	unitName string
	clock    clock
	ends     bool
	basis    norm.Basis
	capture  norm.Capture
	method   norm.Method
	rounding norm.Rounding
	// hourLimits and dayLimits are in 1/reading.HourScale unit, by how they are
	// written.
	hourLimits, dayLimits map[string]int64
	interval              time.Duration
}

func (c *hoursConfig) run(ctx context.Context, t *Terminal, files []string) error {
	if len(files) != 1 {
		return problem(fmt.Errorf("analyse hours wants one file, not %d", len(files)), "buurtmeter analyse hours FILE.csv --time date --value no2 --property no2")
	}
	r, err := c.rules(t)
	if err != nil {
		return err
	}
	g := &gathering{rules: r}
	if t.Now != nil {
		g.now = t.Now()
	}
	tb, err := c.in.each(t, files[0], ctx.Err, func(tb *Table) error { return g.columns(tb, c) }, g.row)
	if err != nil {
		return err
	}
	reports, notes, err := g.reports()
	if err != nil {
		return err
	}
	return c.out.answer(t, tb, notes, reports, func() error { return writeYears(t, r, reports) })
}

func (c *hoursConfig) rules(t *Terminal) (*hoursRules, error) {
	r := &hoursRules{ends: c.stamp == "end", interval: c.interval, clock: clock{monthFirst: c.monthFirst}}
	var err error
	if r.info, err = c.measured(); err != nil {
		return nil, err
	}
	if r.unitName, r.unit, err = unitOf(r.info, c.unit, reading.Conditions(c.conditions)); err != nil {
		return nil, err
	}
	if c.stamp != "begin" && c.stamp != "end" {
		return nil, problem(fmt.Errorf("--stamp %q is neither begin nor end", c.stamp), "give begin when 13:00 is the hour from 13:00 to 14:00, end when it is that from 12:00 to 13:00")
	}
	if c.zone != "" {
		if r.clock.zone, err = parseZone(c.zone); err != nil {
			return nil, err
		}
		if name := strings.ToUpper(c.zone); name == "CET" || name == "MET" {
			t.Warn("--zone %s has summer time; if the file keeps winter time all year, give --zone UTC+1", c.zone)
		}
	}
	if r.basis, err = parseBasis(c.basis); err != nil {
		return nil, err
	}
	if r.capture, err = norm.CaptureOf(c.capture); err != nil {
		return nil, problem(err, "give a share, e.g. --day-capture 0.75")
	}
	kind, err := reading.ParseKind(c.kind)
	if err != nil {
		return nil, problem(err, "give the kind of instrument with --kind")
	}
	switch c.rounding {
	case norm.Unrounded.String():
	case norm.HalfEven.String():
		r.rounding = norm.HalfEven
	case norm.HalfUp.String():
		r.rounding = norm.HalfUp
	default:
		return nil, problem(fmt.Errorf("--rounding %q is not known", c.rounding), "give none, half-even or half-up")
	}
	r.method = norm.MethodFor(kind)
	r.method.Rounding = r.rounding
	if c.interval < 0 || c.interval > time.Hour {
		return nil, problem(fmt.Errorf("--interval %s is not a part of an hour", c.interval), "give e.g. --interval 15m, at most 1h")
	}
	return r, r.setLimits(c.limits)
}

func (c *hoursConfig) measured() (reading.PropertyInfo, error) {
	if c.property == "" {
		return reading.PropertyInfo{}, problem(errors.New("what was measured?"), "give it with --property, e.g. --property no2")
	}
	// PM2.5 as people write it.
	p, err := reading.ParseProperty(strings.NewReplacer(".", "", ",", "").Replace(strings.ToLower(c.property)))
	if err != nil {
		return reading.PropertyInfo{}, problem(err, "give one of those with --property")
	}
	info, _ := reading.InfoOf(p)
	if len(c.times) == 0 || len(c.values) == 0 {
		return info, problem(errors.New("which columns hold the time and the values?"), "name them with --time and --value")
	}
	if len(c.times) > 5 {
		return info, problem(fmt.Errorf("%d columns are no time", len(c.times)), "give at most those of year, month, day, hour and minute")
	}
	if c.station != "" && len(c.values) > 1 {
		return info, problem(errors.New("--station and several --value do not go together"), "give one --value, or leave out --station when each column is a station")
	}
	return info, nil
}

// unitOf returns the unit of the file and its value in that of the property.
func unitOf(info reading.PropertyInfo, unit string, at reading.Conditions) (name string, s norm.Scale, err error) {
	if unit == "" {
		unit = info.Unit
	}
	name = strings.NewReplacer("μ", "µ", "ug", "µg", "m³", "m3", "m-3", "/m3", "m^3", "m3", " ", "").Replace(strings.ToLower(unit))
	name = strings.ReplaceAll(name, "m3", "m³")
	switch {
	case name == strings.ToLower(info.Unit):
		name, s = info.Unit, norm.Scale{Num: 1, Den: 1}
	case name == "µg/m³" && info.Unit == "mg/m³":
		s = norm.Scale{Num: 1, Den: 1000}
	case name == "mg/m³" && info.Unit == "µg/m³":
		s = norm.Scale{Num: 1000, Den: 1}
	case name == "ppb":
		s, err = norm.PpbScale(info.Property, at, 1)
	case name == "ppm":
		s, err = norm.PpmScale(info.Property, at, 1)
	default:
		return "", s, problem(fmt.Errorf("--unit %q is not a unit of %s", unit, info.Property), "give %s, or for gases also ug/m3, mg/m3, ppb or ppm", info.Unit)
	}
	if err != nil {
		return "", s, problem(err, "give the values in %s, or --conditions 20C, 293K, 25C or openair", info.Unit)
	}
	return name, s, nil
}

func parseBasis(s string) (norm.Basis, error) {
	switch lower := strings.ToLower(s); {
	case lower == "utc+1":
		return norm.UTCPlusOne(), nil
	case lower == "utc":
		return norm.UTCDays(), nil
	case strings.HasPrefix(lower, "civil:"):
		zone, err := parseZone(s[len("civil:"):])
		if err != nil {
			return norm.Basis{}, err
		}
		return norm.CivilDays(zone), nil
	}
	return norm.Basis{}, problem(fmt.Errorf("--day-basis %q is not known", s), "give utc+1, utc or civil:Europe/Amsterdam")
}

// percentiles are those of the hours that are shown.
func percentiles() []float64 { return []float64{50, 90.4, 95, 98, 99, 99.79} }

// setLimits takes the limits that are always counted, those of the norms of the
// property, and those that were asked for.
func (r *hoursRules) setLimits(more string) error {
	r.hourLimits = map[string]int64{"200": 200 * reading.HourScale}
	r.dayLimits = map[string]int64{"25": 25 * reading.HourScale, "45": 45 * reading.HourScale, "50": 50 * reading.HourScale}
	for _, n := range r.norms() {
		if !n.HasValue() {
			continue
		}
		key, limit := strconv.FormatFloat(n.Value, 'f', -1, 64), int64(math.Round(n.Value*reading.HourScale))
		switch n.Averaging {
		case norm.Hourly:
			r.hourLimits[key] = limit
		case norm.Daily:
			r.dayLimits[key] = limit
		default:
		}
	}
	for text := range strings.SplitSeq(more, ",") {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		d, ok := parseDecimal([]byte(text), '.')
		limit, exact := d.in(4) // reading.HourScale
		if !ok || !exact || magnitude(limit) > math.MaxInt64/4 {
			return problem(fmt.Errorf("--limits: %q is not a limit", text), "give numbers with at most 4 decimals and commas between them, e.g. --limits 30,37.5")
		}
		r.hourLimits[text], r.dayLimits[text] = limit, limit
	}
	return nil
}

// norms returns the norms of the property that a year at a place is judged by.
func (r *hoursRules) norms() []norm.Norm {
	return slices.DeleteFunc(norm.Table(), func(n norm.Norm) bool { return n.Property != r.info.Property || !n.Role.Judged() })
}
