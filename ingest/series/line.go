package series

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"buurtmeter/ingest/reading"
)

// Why a reading is refused before it is sent: the store could not keep it
// faithfully.
var (
	errNotFinite = errors.New("a value is not a finite number")
	errNoValues  = errors.New("there is no value")
	errTwice     = errors.New("a property occurs twice")
	errProperty  = errors.New("a property is unknown")
	errStation   = errors.New("the station id is empty, too long or holds a backslash, a control character or bad UTF-8")
	errTime      = errors.New("the time lies outside the years 1678 to 2262")
	errInterval  = errors.New("the interval is negative")
)

// maxStation bounds the station id in bytes, far below InfluxDB's own bound of
// 65,535 for a whole key.
const maxStation = 255

// column is one property as it is stored.
type column struct {
	property reading.Property
	value    string // field key with "=": "no2="
	flags    string // field key with ",": ",no2_q="
}

// columns returns the stored form of the property table, in table order.
func columns() []column {
	var cs []column
	for _, i := range reading.Properties() {
		cs = append(cs, column{i.Property, string(i.Property) + "=", "," + string(i.Property) + "_q="})
	}
	return cs
}

// minTime and maxTime are the bounds of InfluxDB's nanosecond times.
func minTime() time.Time { return time.Unix(0, math.MinInt64+2) }
func maxTime() time.Time { return time.Unix(0, math.MaxInt64-1) }

// appendLine adds r as one line of line protocol, with its line end. When r
// cannot be stored, buf comes back as it was, with the reason. With explicit,
// zero flags and a zero interval are written too, so that they replace what an
// earlier point holds.
func appendLine(buf []byte, cols []column, r *reading.Reading, explicit bool) ([]byte, error) {
	start := len(buf)
	buf = append(buf, "reading,"...)
	if r.Revision > 0 {
		buf = append(buf, "rev="...)
		buf = strconv.AppendUint(buf, uint64(r.Revision), 10)
		buf = append(buf, ',')
	}
	buf = append(buf, "station="...)
	buf, err := appendTag(buf, string(r.Station))
	if err != nil {
		return buf[:start], err
	}
	buf = append(buf, ' ')
	if buf, err = appendFields(buf, cols, r.Values, explicit); err != nil {
		return buf[:start], err
	}
	switch {
	case r.Interval < 0:
		return buf[:start], errInterval
	case r.Interval > 0 || explicit:
		buf = append(buf, ",dt="...)
		// Part of a second counts as a whole one: 0 would mean "unknown".
		buf = strconv.AppendInt(buf, int64((r.Interval+time.Second-1)/time.Second), 10)
		buf = append(buf, 'i')
	}
	if r.At.Before(minTime()) || r.At.After(maxTime()) {
		return buf[:start], errTime
	}
	// rx is always there, also for a zero time (which comes back as zero), so
	// that counting and finding the newest need to look at one field only.
	buf = append(buf, ",rx="...)
	buf = strconv.AppendInt(buf, r.Received.UnixMilli(), 10)
	buf = append(buf, 'i', ' ')
	buf = strconv.AppendInt(buf, r.At.UnixMilli(), 10)
	return append(buf, '\n'), nil
}

func appendFields(buf []byte, cols []column, values []reading.Value, explicit bool) ([]byte, error) {
	if len(values) == 0 {
		return buf, errNoValues
	}
	var seen uint64
	for n := range values {
		v := &values[n]
		i := 0
		for i < len(cols) && cols[i].property != v.Property {
			i++
		}
		switch {
		case i == len(cols):
			return buf, fmt.Errorf("%w: %.40q", errProperty, string(v.Property))
		case seen&(1<<i) != 0:
			return buf, errTwice
		case math.IsNaN(v.Value) || math.IsInf(v.Value, 0):
			return buf, errNotFinite
		}
		seen |= 1 << i
		if n > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, cols[i].value...)
		buf = strconv.AppendFloat(buf, v.Value, 'g', -1, 64)
		if v.Flags != 0 || explicit {
			buf = append(buf, cols[i].flags...)
			buf = strconv.AppendUint(buf, uint64(v.Flags), 10)
			buf = append(buf, 'i')
		}
	}
	return buf, nil
}

// appendTag adds s as a tag value. Line protocol cannot carry a backslash
// before a separator nor a line end, so these are refused and not changed.
func appendTag(buf []byte, s string) ([]byte, error) {
	if s == "" || len(s) > maxStation || !utf8.ValidString(s) {
		return buf, errStation
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x20 || c == 0x7f || c == '\\':
			return buf, errStation
		case c == ',' || c == '=' || c == ' ':
			buf = append(buf, '\\', c)
		default:
			buf = append(buf, c)
		}
	}
	return buf, nil
}
