package norm

import (
	"fmt"
	"math"
	"time"

	"buurtmeter/ingest/reading"
)

// Capture is the least share of valid values in a mean, in millionths. The zero
// value is 75 %: of the hours of an 8-hour mean, of a day and of an O3 season
// (2008/50/EC Annexes VII and XI, (EU) 2024/2881 Annex V C).
type Capture int32

const (
	// ThreeQuarters is the default.
	ThreeQuarters Capture = 750_000
	// AnyValue asks for one value, however long the period.
	AnyValue Capture = -1
)

// CaptureOf returns the capture for a share from 0 (one value suffices) to 1.
func CaptureOf(share float64) (Capture, error) {
	if !(share >= 0 && share <= 1) {
		return 0, fmt.Errorf("a capture of %v is not a share: use 0 to 1", share)
	}
	if c := Capture(math.Round(share * 1e6)); c > 0 {
		return c, nil
	}
	return AnyValue, nil
}

// Share returns the share, 0 for AnyValue.
func (c Capture) Share() float64 {
	switch {
	case c == 0:
		c = ThreeQuarters
	case c < 0:
		return 0
	}
	return float64(c) / 1e6
}

// Needs returns the least number of valid values among n, rounded up and at
// least 1: 18 of 24, 18 of 23 and 19 of 25 hours.
func (c Capture) Needs(n int) int {
	switch {
	case c == 0:
		c = ThreeQuarters
	case c < 0:
		return 1
	}
	return max(1, int((int64(c)*int64(n)+999_999)/1_000_000))
}

// Basis says which hours are a day, and with it which are a month and a year.
// The choice changes counts: a year of NO2 in Antwerp has 17 days above 50 by
// two bases and 18 by the third. The zero value is UTC+1.
type Basis struct {
	zone *time.Location
}

// UTCPlusOne is winter time of the Netherlands kept all year, in which the air
// quality of the EU is reported. It is the default.
func UTCPlusOne() Basis { return Basis{} }

// UTCDays are days of UTC.
func UTCDays() Basis { return Basis{time.UTC} }

// CivilDays are the days of the calendar on the wall: 23 or 25 hours when the
// clock changes. An hour belongs to the day in which it begins. A nil zone is
// UTC.
func CivilDays(zone *time.Location) Basis {
	if zone == nil {
		return UTCDays()
	}
	return Basis{zone}
}

// String returns "utc+1", "utc" or "civil:" and the zone's name.
func (b Basis) String() string {
	switch b.zone {
	case nil:
		return "utc+1"
	case time.UTC:
		return "utc"
	default:
		return "civil:" + b.zone.String()
	}
}

// Equal reports whether the bases are the same.
func (b Basis) Equal(c Basis) bool { return b == c }

// fixed reports by how many hours every day begins before that of UTC; ok is
// false when that differs in the year.
func (b Basis) fixed() (hours reading.Hour, ok bool) {
	switch b.zone {
	case nil:
		return 1, true
	case time.UTC:
		return 0, true
	default:
		return 0, false
	}
}

// DayStart returns the first hour of the calendar day. Months and days out of
// range count on, as in time.Date.
func (b Basis) DayStart(year int, month time.Month, day int) reading.Hour {
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if shift, ok := b.fixed(); ok {
		return reading.HourOf(midnight) - shift
	}
	// Where the clock skips midnight, time.Date may land on either side of it.
	h := reading.HourOf(time.Date(year, month, day, 0, 0, 0, 0, b.zone))
	for !b.date(h).Before(midnight) {
		h--
	}
	for b.date(h).Before(midnight) {
		h++
	}
	return h
}

// date is the day in which the hour begins, as its midnight in UTC.
func (b Basis) date(h reading.Hour) time.Time {
	y, m, d := h.Start().In(b.location()).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func (b Basis) location() *time.Location {
	if b.zone == nil {
		return time.FixedZone("UTC+1", 3600)
	}
	return b.zone
}

// YearStart returns the first hour of the calendar year.
func (b Basis) YearStart(year int) reading.Hour { return b.DayStart(year, time.January, 1) }

// YearOf returns the calendar year that the hour belongs to.
func (b Basis) YearOf(h reading.Hour) int {
	if shift, ok := b.fixed(); ok {
		return (h + shift).Start().Year()
	}
	return h.Start().In(b.zone).Year()
}

// HourOfDay returns the hour's number in its day by the clock, 0 to 23.
func (b Basis) HourOfDay(h reading.Hour) int {
	if shift, ok := b.fixed(); ok {
		return (h + shift).Start().Hour()
	}
	return h.Start().In(b.zone).Hour()
}

// Stamp says what the time beside an hour mean means.
type Stamp uint8

const (
	// Begins is the begin of the hour, as everywhere inside this program.
	Begins Stamp = iota
	// Ends is the end of the hour. A stamp in UTC that ends an hour and one in UTC+1
	// that begins it are the same digits.
	Ends
)

// HourOf returns the hour that the stamp is of.
func (s Stamp) HourOf(t time.Time) reading.Hour {
	if s == Ends {
		return reading.HourOf(t.Add(-1))
	}
	return reading.HourOf(t)
}

// Shifted returns the hours with every stamp moved by that many hours; the
// values are shared with h.
func (h Hours) Shifted(by int) Hours {
	h.First += reading.Hour(by)
	return h
}
