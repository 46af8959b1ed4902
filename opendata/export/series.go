package export

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

// Filter narrows a file down. Zero fields do not filter.
type Filter struct {
	// Year is a calendar year in UTC+1, as norms count them.
	Year     int
	Station  reading.StationID
	Property reading.Property
	Area     geo.Code
	// Norm narrows verdicts only.
	Norm norm.ID
}

// hours returns the hours that the filter lets through.
func (f Filter) hours(g *opendata.Graph) (from, to reading.Hour) {
	if g.Span.From.IsZero() {
		return 0, 0
	}
	from, to = reading.HourOf(g.Span.From), reading.HourOf(g.Span.To.Add(time.Hour-time.Nanosecond))
	if f.Year != 0 {
		from, to = max(from, norm.YearStart(f.Year)), min(to, norm.YearStart(f.Year+1))
	}
	return from, to
}

// stations returns the stations that the filter lets through, in graph order.
func (f Filter) stations(g *opendata.Graph) []opendata.Station {
	all := g.Stations
	if f.Area != "" {
		a, ok := g.AnyArea(f.Area)
		if !ok {
			return nil
		}
		all = g.StationsIn(a)
	}
	var out []opendata.Station
	for _, s := range all {
		if f.Station == "" || s.ID == f.Station {
			out = append(out, s)
		}
	}
	return out
}

// properties returns the properties of the station that the filter lets
// through.
func (f Filter) properties(s opendata.Station) []reading.Property {
	if f.Property == "" {
		return s.Properties
	}
	if slices.Contains(s.Properties, f.Property) {
		return []reading.Property{f.Property}
	}
	return nil
}

// Series is a contiguous run of hours of one property at one station.
type Series struct {
	Station  opendata.Station
	Property reading.Property
	// First is the hour of element 0.
	First reading.Hour
	// hours holds the values; its Month means nothing.
	hours reading.Block
}

// Len returns the number of hours.
func (s *Series) Len() int { return len(s.hours.Values) }

// Value returns the stored integer of hour i, reading.Missing when there is no
// value.
func (s *Series) Value(i int) int32 { return s.hours.Values[i] }

// Capture returns the measured minutes of hour i.
func (s *Series) Capture(i int) uint8 { return s.hours.Capture[i] }

// Flags returns the remarks on hour i.
func (s *Series) Flags(i int) reading.Flag { return s.hours.Flags[i] }

// Valid reports whether hour i counts as a valid hour mean.
func (s *Series) Valid(i int) bool { return s.hours.Valid(i) }

// Read fills s with the hours of [from, to) that lie between the first and the
// last one about which anything is known; what is missing in between is there
// as missing. It reuses the memory of s.
func (s *Series) Read(ctx context.Context, src opendata.Source, st opendata.Station, p reading.Property, from, to reading.Hour) error {
	s.Station, s.Property, s.First = st, p, from
	s.hours.Values, s.hours.Capture, s.hours.Flags = s.hours.Values[:0], s.hours.Capture[:0], s.hours.Flags[:0]
	if from >= to {
		return nil
	}
	last := reading.Month(-1 << 31)
	err := src.Blocks(ctx, st.ID, p, from.Start(), to.Start(), func(b reading.Block) error {
		if err := b.Check(); err != nil {
			return err
		}
		if b.Month <= last {
			return fmt.Errorf("block %s %s %s came after %s", st.ID, p, b.Month, last)
		}
		last = b.Month
		first := b.Month.First()
		for i := max(0, int(from-first)); i < min(len(b.Values), int(to-first)); i++ {
			if b.Values[i] != reading.Missing || b.Capture[i] != 0 || b.Flags[i] != 0 {
				s.put(first+reading.Hour(i), b.Values[i], b.Capture[i], b.Flags[i])
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("hours of %s %s: %w", st.ID, p, err)
	}
	return nil
}

// put appends an hour, after the missing ones before it.
func (s *Series) put(h reading.Hour, value int32, capture uint8, flags reading.Flag) {
	if s.Len() == 0 {
		s.First = h
	}
	for s.First+reading.Hour(s.Len()) < h {
		s.add(reading.Missing, 0, 0)
	}
	s.add(value, capture, flags)
}

func (s *Series) add(value int32, capture uint8, flags reading.Flag) {
	s.hours.Values = append(s.hours.Values, value)
	s.hours.Capture = append(s.hours.Capture, capture)
	s.hours.Flags = append(s.hours.Flags, flags)
}

// AppendScaled writes a stored integer of 1/reading.HourScale as the exact
// decimal number, without needless zeros: 123400 is "12.34", -5 is "-0.0005".
func AppendScaled(b []byte, v int32) []byte {
	n := int64(v)
	if n < 0 {
		b = append(b, '-')
		n = -n
	}
	b = strconv.AppendInt(b, n/reading.HourScale, 10)
	rest := n % reading.HourScale
	if rest == 0 {
		return b
	}
	b = append(b, '.')
	for place := int64(reading.HourScale / 10); rest > 0; place /= 10 {
		b = append(b, byte('0'+rest/place))
		rest %= place
	}
	return b
}

// clock writes hours as RFC 3339 in UTC and remembers the day, because hours
// come in order.
type clock struct {
	day  reading.Hour
	text []byte
}

func newClock() *clock { return &clock{day: -1} }

func (c *clock) append(b []byte, h reading.Hour) []byte {
	day := h / 24
	if h < 0 { // before 1970 the plain way will do
		return h.Start().AppendFormat(b, time.RFC3339)
	}
	if day != c.day {
		c.day, c.text = day, h.Start().AppendFormat(c.text[:0], "2006-01-02T")
	}
	b = append(b, c.text...)
	hour := byte(h % 24)
	return append(b, '0'+hour/10, '0'+hour%10, ':', '0', '0', ':', '0', '0', 'Z')
}
