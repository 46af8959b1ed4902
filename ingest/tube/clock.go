package tube

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// day is a date without a place or a time.
type day struct {
	year  int
	month time.Month
	day   int
}

// MonthOf returns the month whose name, Dutch or English, begins with the first
// three letters of the text; ok is false when there is none.
func MonthOf(name string) (time.Month, bool) {
	if len(name) < 3 {
		return 0, false
	}
	switch strings.ToLower(name[:3]) {
	case "jan":
		return time.January, true
	case "feb":
		return time.February, true
	case "mrt", "maa", "mar":
		return time.March, true
	case "apr":
		return time.April, true
	case "mei", "may":
		return time.May, true
	case "jun":
		return time.June, true
	case "jul":
		return time.July, true
	case "aug":
		return time.August, true
	case "sep":
		return time.September, true
	case "okt", "oct":
		return time.October, true
	case "nov":
		return time.November, true
	case "dec":
		return time.December, true
	}
	return 0, false
}

var errDate = errors.New("is not a date: write 29-01-2021 (day, month, year) or 2021-01-29")

// parseDay reads day-month-year, the month as a number or a name in Dutch or
// English, or year-month-day. Month-day-year is never guessed.
func parseDay(s string) (day, error) {
	parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" -/.", r) })
	if len(parts) == 4 { // "vr 29 januari 2021"
		parts = parts[1:]
	}
	if len(parts) != 3 {
		return day{}, errDate
	}
	if len(parts[0]) == 4 {
		parts[0], parts[2] = parts[2], parts[0]
	}
	d, err := strconv.Atoi(parts[0])
	if err != nil {
		return day{}, errDate
	}
	month, ok := MonthOf(parts[1])
	if !ok {
		m, err := strconv.Atoi(parts[1])
		if err != nil {
			return day{}, errDate
		}
		month = time.Month(m)
	}
	y, err := strconv.Atoi(parts[2])
	if err != nil || len(parts[2]) != 2 && len(parts[2]) != 4 {
		return day{}, errDate
	}
	if len(parts[2]) == 2 {
		y += 2000
	}
	at := time.Date(y, month, d, 0, 0, 0, 0, time.UTC)
	if y < 1950 || y > 2100 || at.Day() != d || at.Month() != month {
		return day{}, errDate
	}
	return day{y, month, d}, nil
}

// serialDay reads a number of days as spreadsheets count them, with a time in
// its fraction; seconds is that time, rounded to a second.
func serialDay(s string, since1904 bool) (d day, seconds int, ok bool) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= 1000 && v < 80_000) {
		return day{}, 0, false
	}
	zero := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if since1904 {
		zero = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	at := zero.Add(time.Duration(math.Round(v*86400)) * time.Second)
	midnight := at.Truncate(24 * time.Hour)
	return day{at.Year(), at.Month(), at.Day()}, int(at.Sub(midnight).Seconds()), true
}

var errTime = errors.New("is not a time of day: write 11:32")

// parseTime reads a time of day, "11:32", "11.32 uur", "11u32", "11:32:00", in
// seconds since midnight. In a spreadsheet a number below 1 is a fraction of a
// day; in text, 0.30 is half past midnight.
func parseTime(s string, spreadsheet bool) (seconds int, err error) {
	if v, err := strconv.ParseFloat(s, 64); spreadsheet && err == nil && v >= 0 && v < 1 {
		return int(math.Round(v*86400)) % 86400, nil
	}
	s = strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(s), "uur"), "u"))
	parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(":.uh", r) })
	if len(parts) < 2 || len(parts) > 3 {
		return 0, errTime
	}
	for i, p := range parts {
		n, err := strconv.Atoi(strings.TrimSpace(p))
		if err != nil || n < 0 || n > 59 || i == 0 && n > 23 {
			return 0, errTime
		}
		seconds = seconds*60 + n
	}
	if len(parts) == 2 {
		seconds *= 60
	}
	return seconds, nil
}

// inZone is the moment of a wall clock. A time that the change of the clock
// skips or makes twice is refused: one of its two meanings would be invented.
func inZone(d day, seconds int, zone *time.Location) (time.Time, error) {
	at := time.Date(d.year, d.month, d.day, seconds/3600, seconds/60%60, seconds%60, 0, zone)
	if h, m, s := at.Clock(); h*3600+m*60+s != seconds {
		return time.Time{}, errors.New("does not exist: the clock goes forward then")
	}
	for _, other := range []time.Duration{-time.Hour, time.Hour} {
		same := at.Add(other)
		if same.Hour() == at.Hour() && same.Minute() == at.Minute() {
			return time.Time{}, errors.New("comes twice: the clock goes back then; write it with its zone, as 2021-10-31T02:30:00+01:00")
		}
	}
	return at, nil
}

// ParseMoment reads a moment: RFC 3339 with its zone, also with a space in its
// middle, or a date with or without a time in the zone given, Dutch or ISO. A
// date alone is its midnight.
func ParseMoment(s string, zone *time.Location) (time.Time, error) {
	s = strings.TrimSpace(s)
	for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02 15:04Z07:00", "2006-01-02 15:04:05-0700", "2006-01-02 15:04:05 -0700 MST"} {
		if at, err := time.Parse(form, s); err == nil {
			return at, nil
		}
	}
	text, seconds := s, 0
	if i := strings.LastIndexAny(strings.TrimSuffix(s, " uur"), " T"); i > 0 && strings.ContainsAny(s[i:], ":u") {
		n, err := parseTime(s[i+1:], false)
		if err != nil {
			return time.Time{}, fmt.Errorf("%s %w", quoted(s), err)
		}
		text, seconds = s[:i], n
	}
	d, err := parseDay(strings.TrimSuffix(text, " om"))
	if err != nil {
		return time.Time{}, fmt.Errorf("%s %w", quoted(s), err)
	}
	at, err := inZone(d, seconds, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s %w", quoted(s), err)
	}
	return at, nil
}
