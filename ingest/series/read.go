package series

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"buurtmeter/ingest/reading"
)

// Readings returns the station's readings with from <= At < to in order of
// (At, Revision), every revision its own element, values in the order of the
// property table. Values come back exactly as they were written. A station
// without readings gives none and no error. The result is held in memory: ask
// for months, not for decades.
func (s *Store) Readings(ctx context.Context, id reading.StationID, from, to time.Time) ([]reading.Reading, error) {
	if from.Before(minTime()) {
		from = minTime()
	}
	if to.After(maxTime()) {
		to = maxTime().Add(1)
	}
	if !from.Before(to) {
		return nil, nil
	}
	d := rowDecoder{station: id, columns: s.columns}
	revisions := 0
	var last string
	err := s.query(ctx, s.readingsQuery(id, from, to), func(a answer) error {
		rev := a.Tags["rev"]
		if revisions == 0 || rev != last {
			revisions, last = revisions+1, rev
		}
		return d.add(a)
	})
	if err != nil {
		return nil, fmt.Errorf("series: readings of %q: %w", id, err)
	}
	if revisions > 1 {
		slices.SortStableFunc(d.out, func(a, b reading.Reading) int {
			if c := a.At.Compare(b.At); c != 0 {
				return c
			}
			return int(a.Revision) - int(b.Revision)
		})
	}
	return d.out, nil
}

// readingsQuery selects the fields in the order that rowDecoder expects.
func (s *Store) readingsQuery(id reading.StationID, from, to time.Time) string {
	var q []byte
	q = append(q, "SELECT "...)
	for _, c := range s.columns {
		q = fmt.Appendf(q, `"%s","%[1]s_q",`, c.property)
	}
	q = fmt.Appendf(q, `"dt","rx" FROM "reading" WHERE "station" = %s AND time >= %d AND time < %d GROUP BY "rev"`,
		quoteString(string(id)), from.UnixNano(), to.UnixNano())
	return string(q)
}

// Newest returns the time of the station's latest reading, of whatever
// revision and also when it lies in the future; ok is false when it has none.
func (s *Store) Newest(ctx context.Context, id reading.StationID) (at time.Time, ok bool, err error) {
	q := `SELECT last("rx") FROM "reading" WHERE "station" = ` + quoteString(string(id))
	err = s.query(ctx, q, func(a answer) error {
		for _, row := range a.Values {
			ms, has, err := intCell(row, 0)
			if err != nil {
				return err
			}
			if t := time.UnixMilli(ms).UTC(); has && (!ok || t.After(at)) {
				at, ok = t, true
			}
		}
		return nil
	})
	if err != nil {
		return time.Time{}, false, fmt.Errorf("series: newest of %q: %w", id, err)
	}
	return at, ok, nil
}

// rowDecoder turns rows of readingsQuery into readings. Rows hold numbers and
// nulls only, so a cell ends at the next comma.
type rowDecoder struct {
	station reading.StationID
	columns []column
	out     []reading.Reading
	// arena is cut into the Values of many readings: one allocation for
	// thousands.
	arena []reading.Value
}

func (d *rowDecoder) add(a answer) error {
	if want := 2*len(d.columns) + 3; len(a.Columns) != want {
		return fmt.Errorf("the answer has %d columns where %d were asked", len(a.Columns), want)
	}
	var rev uint8
	if tag := a.Tags["rev"]; tag != "" {
		n, err := strconv.ParseUint(tag, 10, 8)
		if err != nil {
			return fmt.Errorf("revision %.40q in the store: %w", tag, err)
		}
		rev = uint8(n)
	}
	d.out = slices.Grow(d.out, len(a.Values))
	for _, raw := range a.Values {
		r := reading.Reading{Station: d.station, Revision: rev}
		if err := d.row(raw, &r); err != nil {
			return fmt.Errorf("row %.80q in the answer: %w", string(raw), err)
		}
		// A point without any of our properties is not a reading of ours.
		if len(r.Values) > 0 {
			d.out = append(d.out, r)
		}
	}
	return nil
}

func (d *rowDecoder) row(raw json.RawMessage, r *reading.Reading) error {
	if cap(d.arena)-len(d.arena) < len(d.columns) {
		d.arena = make([]reading.Value, 0, 1024*len(d.columns))
	}
	first := len(d.arena)
	c := cells{rest: bytes.Trim(raw, "[] \t\r\n")}
	at, _ := c.int()
	for _, col := range d.columns {
		v, has := c.float()
		q, _ := c.int()
		if has {
			d.arena = append(d.arena, reading.Value{Property: col.property, Value: v, Flags: reading.Flag(q)})
		}
	}
	dt, _ := c.int()
	rx, received := c.int()
	if c.err != nil {
		return c.err
	}
	r.At = time.UnixMilli(at).UTC()
	r.Interval = time.Duration(dt) * time.Second
	if received {
		r.Received = time.UnixMilli(rx).UTC()
	}
	r.Values = d.arena[first:len(d.arena):len(d.arena)]
	return nil
}

// cells reads the numbers of one row from left to right.
type cells struct {
	rest []byte
	err  error
}

func (c *cells) next() []byte {
	cell := c.rest
	if i := bytes.IndexByte(c.rest, ','); i >= 0 {
		cell, c.rest = c.rest[:i], c.rest[i+1:]
	} else {
		c.rest = nil
	}
	return bytes.TrimSpace(cell)
}

func (c *cells) int() (v int64, ok bool) {
	cell := c.next()
	if string(cell) == "null" {
		return 0, false
	}
	v, err := strconv.ParseInt(string(cell), 10, 64)
	if err != nil && c.err == nil {
		c.err = err
	}
	return v, err == nil
}

func (c *cells) float() (v float64, ok bool) {
	cell := c.next()
	if string(cell) == "null" {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(cell), 64)
	if err != nil && c.err == nil {
		c.err = err
	}
	return v, err == nil
}
