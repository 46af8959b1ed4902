package analyse

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"buurtmeter/ingest/reading"
)

// gathering reads a file of hours.
type gathering struct {
	rules *hoursRules
	table *Table
	now   time.Time // zero when it is not known

	stationColumn             int
	timeColumns, valueColumns []int
	sets                      map[string]*hourSet
	order                     []*hourSet
	noTime, noStation         int
	// eitherOrder is a date whose day and month may be the other way round, until
	// one in the file shows the order.
	eitherOrder string
	knownOrder  bool
}

func (g *gathering) columns(tb *Table, c *hoursConfig) (err error) {
	g.table, g.sets, g.stationColumn = tb, map[string]*hourSet{}, -1
	if g.timeColumns, err = g.columnsOf("--time", c.times); err != nil {
		return err
	}
	if g.valueColumns, err = g.columnsOf("--value", c.values); err != nil {
		return err
	}
	if c.station == "" {
		for _, column := range g.valueColumns {
			g.set(tb.Header()[column])
		}
	}
	if c.station != "" {
		g.stationColumn, err = g.table.Column(c.station)
	}
	return err
}

// columnsOf finds the columns that a flag names, each once.
func (g *gathering) columnsOf(flag string, names []string) (columns []int, err error) {
	for _, name := range names {
		column, err := g.table.Column(name)
		if err != nil {
			return nil, err
		}
		if slices.Contains(columns, column) {
			return nil, problem(fmt.Errorf("%s %q is given twice", flag, name), "name each column once")
		}
		columns = append(columns, column)
	}
	return columns, nil
}

func (g *gathering) set(name string) *hourSet {
	s := g.sets[name]
	if s == nil {
		s = newHourSet(name)
		g.sets[name] = s
		g.order = append(g.order, s)
	}
	return s
}

// row takes the values of one row. A row without a time or a station is
// counted; anything else that cannot be read ends the reading.
func (g *gathering) row() error {
	tb := g.table
	if slices.ContainsFunc(g.timeColumns, g.missingText) {
		g.noTime++
		return nil
	}
	sets := g.order
	if g.stationColumn >= 0 {
		if g.missingText(g.stationColumn) {
			g.noStation++
			return nil
		}
		sets = []*hourSet{g.sets[string(tb.field(g.stationColumn))]}
		if sets[0] == nil {
			sets[0] = g.set(tb.Text(g.stationColumn))
		}
	}
	at, err := g.moment(sets[0])
	if err != nil {
		return err
	}
	year := g.rules.basis.YearOf(reading.HourOf(at))
	for i, s := range sets {
		s.seen(at, year)
		d, ok, err := tb.Decimal(g.valueColumns[i])
		if err != nil {
			return err
		}
		if !ok {
			s.empty++
			continue
		}
		if err := s.add(at, d, tb.Line()); err != nil {
			return tb.Fault(g.valueColumns[i], err, "is that a measured value? Correct it, or name it as 'no value' with --missing")
		}
	}
	return nil
}

// missingText reports whether a field is a word for no value.
func (g *gathering) missingText(column int) bool {
	return g.table.isWord(g.table.field(column))
}

// moment returns the minute that the row stands for, or in which it begins.
func (g *gathering) moment(s *hourSet) (time.Time, error) {
	text := g.timeText()
	w, err := g.rules.clock.parse(text)
	if err != nil {
		return time.Time{}, g.table.Fault(g.timeColumns[0], fmt.Errorf("%w: %q", err, clip(text)),
			"write times like 2021-03-28T02:00:00+01:00, 2021-03-28 02:00 or 28-03-2021 02:00; --month-first for 3/28/2021")
	}
	if !g.knownOrder {
		either, one := monthOrDay(text)
		if g.knownOrder = one; either && g.eitherOrder == "" {
			g.eitherOrder = text
		}
	}
	at := w.at
	if !w.fixed {
		if at, err = g.local(s, w.at, text); err != nil {
			return time.Time{}, err
		}
	}
	return g.begun(at), nil
}

// timeText is the time of the row. Two columns are a date and a time of day,
// three and more year, month, day, hour and minute.
func (g *gathering) timeText() string {
	text := g.table.Text(g.timeColumns[0])
	n := len(g.timeColumns)
	for i, column := range g.timeColumns[1:] {
		mark := " "
		switch {
		case n > 2 && i < 2:
			mark = "-"
		case i == 3:
			mark = ":"
		}
		text += mark + g.table.Text(column) //nolint:perfsprint // a file of one column, as most are, makes no second string
	}
	return text
}

// begun returns a moment within what a row stands for.
func (g *gathering) begun(at time.Time) time.Time {
	if g.rules.ends && at.Second() == 0 && at.Nanosecond() == 0 {
		return at.Add(-time.Minute) // the last minute of what ends here
	}
	return at
}

// local finds the moment of a time without a zone.
func (g *gathering) local(s *hourSet, at time.Time, text string) (time.Time, error) {
	zone := g.rules.clock.zone
	if zone == nil {
		return at, g.table.Fault(g.timeColumns[0], fmt.Errorf("the time %q names no zone", clip(text)), "say which it is: --zone UTC, --zone UTC+1 for winter time all year, or --zone Europe/Amsterdam")
	}
	first, second, n := moments(at, zone)
	switch n {
	case 0:
		return at, g.table.Fault(g.timeColumns[0], fmt.Errorf("the time %q does not exist in %s: the clock goes forward over it", clip(text), zone), "does the file keep winter time all year? Then give --zone UTC+1, or the zone it is in")
	case 1:
		return first, nil
	}
	key := at.Unix()
	if _, known := s.told[key]; !known && len(s.told) >= maxTold {
		return at, g.table.Fault(g.timeColumns[0], errors.New("too many times come twice"), "give times with their zone")
	}
	took := earlier
	if s.told[key] == earlier || s.told[key] == 0 && s.last.After(second) {
		took = later // in a file that runs backwards the later one comes first
	}
	if s.told[key] == earlier|later || s.told[key] == took {
		return second, nil // a third time: a duplicate
	}
	if s.told[key] |= took; s.told[key] == earlier|later {
		s.byOrder++
	}
	if took == earlier {
		return first, nil
	}
	return second, nil
}

// Which of its two moments a local time that comes twice has stood for.
const (
	earlier = 1
	later   = 2
)

// maxTold bounds how many local times that come twice are remembered of one
// station: those of a century of minutes.
const maxTold = 6000

// notes says what was left out of the whole file.
func (g *gathering) notes() (notes []string) {
	if g.noTime > 0 {
		notes = append(notes, fmt.Sprintf("%d rows have no time; they are left out", g.noTime))
	}
	if g.noStation > 0 {
		notes = append(notes, fmt.Sprintf("%d rows name no station; they are left out", g.noStation))
	}
	if g.eitherOrder != "" && !g.knownOrder && !g.rules.clock.monthFirst {
		notes = append(notes, fmt.Sprintf("dates such as %s were taken for day/month, and none shows whether that is right; if the month comes first, give --month-first", clip(g.eitherOrder)))
	}
	coded := g.table.Coded()
	for _, code := range slices.Sorted(maps.Keys(coded)) {
		notes = append(notes, fmt.Sprintf("%d values %s were read as 'no value'", coded[code], code))
	}
	return notes
}
