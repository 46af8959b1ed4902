package analyse

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"buurtmeter/ingest/tube"
)

// column returns the first of the names that the table has, and -1 when it has
// none.
func (tb *Table) anyColumn(names ...string) int {
	for _, n := range names {
		if c, err := tb.Column(n); err == nil {
			return c
		}
	}
	return -1
}

// tubeColumns are where the fields of a tube stand; -1 for a column that the
// file does not have.
type tubeColumns struct{ code, location, period, start, end, no2, remark int }

func (tb *Table) tubeColumns() (c tubeColumns, err error) {
	c = tubeColumns{
		code:     tb.anyColumn("code", "tube", "tubeId", "tube_id", "buis", "buiscode"),
		location: tb.anyColumn("location", "locatie", "site", "place", "plaats", "meetpunt", "omschrijving"),
		period:   tb.anyColumn("period", "periode"),
		start:    tb.anyColumn("start_date", "start", "startdatum", "begin", "from"),
		end:      tb.anyColumn("end_date", "end", "einddatum", "einde", "stop", "to"),
		no2:      tb.anyColumn("no2", "value", "waarde", "concentration", "concentratie"),
		remark:   tb.anyColumn("remark", "remarks", "opmerking", "opmerkingen"),
	}
	switch {
	case c.location < 0:
		_, err = tb.Column("location")
	case c.no2 < 0:
		_, err = tb.Column("no2")
	}
	return c, err
}

// exposure reads the tube of the current row.
func (tb *Table) exposure(c tubeColumns, zone *time.Location) (tube.Exposure, error) {
	e := tube.Exposure{Location: tb.Text(c.location), Row: tb.Line()}
	if e.Location == "" {
		return e, tb.Fault(c.location, errors.New("the tube has no location"), "name where it hung, or delete the line")
	}
	for _, f := range []struct {
		column int
		to     *string
	}{{c.code, &e.Code}, {c.period, &e.Period}, {c.remark, &e.Remark}} {
		if f.column >= 0 {
			*f.to = tb.Text(f.column)
		}
	}
	e.Blank = tube.IsBlank(e.Code, e.Remark)
	var err error
	for _, f := range []struct {
		column int
		to     *time.Time
	}{{c.start, &e.Start}, {c.end, &e.End}} {
		if f.column < 0 {
			continue
		}
		if *f.to, err = tube.ParseMoment(tb.Text(f.column), zone); err != nil {
			return e, tb.Fault(f.column, err, "write times as 2021-01-29 11:32:00+01:00, or without a zone and say which with --zone")
		}
	}
	if c.start >= 0 && c.end >= 0 && !e.End.After(e.Start) {
		return e, tb.Fault(c.end, errors.New("the tube was closed before it was opened"), "correct one of the two times")
	}
	if tb.Missing(c.no2) {
		return e, nil
	}
	if e.Result, err = tube.ParseResult(tb.Text(c.no2)); err != nil {
		return e, tb.Fault(c.no2, err, "write a number in µg/m³, <15 for a result below the limit of detection, or nothing for a lost tube")
	}
	return e, nil
}

// maxCopies is how many copied lines a file may have.
const maxCopies = 1000

// ReadTubes reads a file with one tube per row: location, start_date, end_date,
// no2, and code, period and remark where there are. Times without a zone are
// read in zone.
func ReadTubes(t *Terminal, in *Input, path string, zone *time.Location) ([]tube.Exposure, error) {
	var tb *Table
	var c tubeColumns
	var all []tube.Exposure
	seen, copies := map[string]bool{}, 0
	_, err := in.each(t, path, never, func(file *Table) (err error) {
		tb = file
		if c, err = tb.tubeColumns(); err != nil {
			return err
		}
		return c.timed(tb)
	}, func() error {
		e, err := tb.exposure(c, zone)
		if err != nil {
			return err
		}
		// The same tube with the same times and result is a copied row; one tube
		// cannot weigh twice.
		key := strings.Join([]string{e.Code, e.Location, e.Period, e.Start.String(), e.End.String(), e.Result.Text}, "\x00")
		if e.Code != "" && seen[key] {
			t.Warn("%s line %d is a copy of an earlier line (tube %s) and does not count", tb.Name(), tb.Line(), clip(e.Code))
			if copies++; copies > maxCopies {
				return problem(fmt.Errorf("%s has more than %d copied lines", tb.Name(), maxCopies), "does the column of the code name each tube? Delete the copies, or the column")
			}
			return nil
		}
		seen[key] = true
		all = append(all, e)
		return nil
	})
	return all, err
}

// timed wants the columns of the times of a tube.
func (c tubeColumns) timed(tb *Table) error {
	for _, need := range []struct {
		name   string
		column int
	}{{"start_date", c.start}, {"end_date", c.end}} {
		if need.column < 0 {
			_, err := tb.Column(need.name)
			return err
		}
	}
	return nil
}

// ReadPairs reads tubes that hung beside a reference station: the columns of
// ReadTubes, no2_reference with the mean of the station over the same hours, and
// missing with the percentage of those hours that has no value, where there is.
// Without times, rows of one location and period belong together.
func ReadPairs(t *Terminal, in *Input, path string, zone *time.Location, policy tube.Policy) ([]tube.Pair, error) {
	var tb *Table
	var c tubeColumns
	var reference, missing int
	var rows []tube.PairRow
	_, err := in.each(t, path, never, func(file *Table) (err error) {
		tb = file
		if c, err = tb.tubeColumns(); err != nil {
			return err
		}
		if reference = tb.anyColumn("no2_reference", "reference", "referentie"); reference < 0 {
			_, err = tb.Column("no2_reference")
			return err
		}
		if missing = tb.anyColumn("missing", "missing_percent", "ontbreekt"); missing < 0 {
			t.Warn("%s has no column %q: no pair is left out for it", tb.Name(), "missing")
		}
		return nil
	}, func() error {
		r, err := tb.pairRow(c, reference, missing, zone)
		rows = append(rows, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	pairs, left := tube.PairsOf(rows, policy)
	if left > 0 {
		t.Warn("%s: %d pairs have no result of a tube and are left out", tb.Name(), left)
	}
	return pairs, nil
}

func (tb *Table) pairRow(c tubeColumns, reference, missing int, zone *time.Location) (r tube.PairRow, err error) {
	if r.Exposure, err = tb.exposure(c, zone); err != nil {
		return r, err
	}
	if c.start < 0 || c.end < 0 {
		// Rows without times belong together by their period, and without that each
		// row stands alone.
		r.Start = time.Unix(0, 0)
		if r.Period == "" {
			r.Period = fmt.Sprintf("line %d", tb.Line())
		}
		r.End = r.Start.Add(time.Hour)
	}
	r.Reference = math.NaN()
	v, ok, err := tb.Number(reference)
	switch {
	case err != nil:
		return r, err
	case ok && (v < 0 || v > 1000):
		return r, tb.Fault(reference, fmt.Errorf("%g is no mean of NO2 in µg/m³", v), "correct it, or leave it empty")
	case ok:
		r.Reference = v
	}
	if missing < 0 {
		return r, nil
	}
	v, ok, err = tb.Number(missing)
	switch {
	case err != nil:
		return r, err
	case !ok && (math.IsNaN(r.Reference) || !r.Result.Known):
		r.Missing = 1 // without both there is no pair, however many hours there were
		return r, nil
	case !ok:
		return r, tb.Fault(missing, errors.New("it is not told how many reference hours are missing"), "give the percentage, 0 to 100")
	case v < 0 || v > 100:
		return r, tb.Fault(missing, fmt.Errorf("%g is not a percentage", v), "give 0 to 100")
	}
	r.Missing = v / 100
	return r, nil
}

// ReadStations reads hourly means of reference stations: a column with the time
// (timestamp, date or time, or else the first) and one for each station. only
// names the stations to keep, with commas between them; empty keeps all.
func ReadStations(t *Terminal, in *Input, path string, zone *time.Location, only string) (tube.Stations, error) {
	var s tube.Stations
	var columns []int
	var at int
	var tb *Table
	_, err := in.each(t, path, never, func(file *Table) (err error) {
		tb = file
		at = max(tb.anyColumn("timestamp", "date", "time", "datetime", "datum", "tijd"), 0)
		if columns, err = tb.stations(at, only); err != nil {
			return err
		}
		for _, c := range columns {
			s.Names = append(s.Names, tb.Header()[c])
		}
		s.Values = make([][]float64, len(columns))
		return nil
	}, func() error {
		stamp, err := tube.ParseMoment(tb.Text(at), zone)
		if err != nil {
			return tb.Fault(at, err, "write times as 2021-01-29 11:00:00+01:00, or without a zone and say which with --zone")
		}
		s.Times = append(s.Times, stamp)
		for i, c := range columns {
			v, err := tb.numberOrNaN(c)
			if err != nil {
				return err
			}
			s.Values[i] = append(s.Values[i], v)
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	s.Order()
	if err := s.Check(); err != nil {
		return s, problem(fmt.Errorf("%s: %w", tb.Name(), err), "give a time and a column for each station, each hour once")
	}
	return s, nil
}

// stations are the columns of reference stations: all but that of the time, or
// those that only names.
func (tb *Table) stations(at int, only string) (columns []int, err error) {
	for i, name := range tb.Header() {
		if i != at && name != "" && (only == "" || slices.ContainsFunc(strings.Split(only, ","), func(o string) bool { return strings.EqualFold(strings.TrimSpace(o), name) })) {
			columns = append(columns, i)
		}
	}
	if wanted := strings.Count(only, ",") + 1; only != "" && len(columns) != wanted {
		return nil, problem(fmt.Errorf("%s has %d of the %d stations of --stations", tb.Name(), len(columns), wanted), "its columns are: %s", tb.columns())
	}
	return columns, nil
}
