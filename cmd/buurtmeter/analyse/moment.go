package analyse

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a named zone must not depend on the files of the machine
)

// clock reads the times of a file.
type clock struct {
	zone *time.Location // of times that have none; nil when it was not given
	// monthFirst tells that 3/4/2021 is 4 March.
	monthFirst bool
}

// wall is a time of the clock on the wall, with what the file says of its zone.
type wall struct {
	at time.Time // as if it were UTC; the moment itself when fixed
	// fixed tells that the file gave a zone, or Unix time.
	fixed bool
}

var errTime = errors.New("the time cannot be read")

// parseZone reads an IANA name, "UTC+1", "GMT-5" or "+01:00". A sign counts as
// in ISO 8601, hours ahead of UTC; only "Etc/GMT-1" itself is the other way
// round, as its name is.
func parseZone(name string) (*time.Location, error) {
	rest := name
	for _, prefix := range []string{"UTC", "GMT"} {
		if r, ok := strings.CutPrefix(strings.ToUpper(name), prefix); ok && r != "" {
			rest = r
		}
	}
	if seconds, ok := parseOffset(rest); ok {
		return time.FixedZone(name, seconds), nil
	}
	if name == "" || name == "Local" {
		return nil, problem(fmt.Errorf("%q is no time zone", name), "give one like UTC, UTC+1 or Europe/Amsterdam")
	}
	if strings.EqualFold(name, "utc") || name == "Z" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, problem(fmt.Errorf("%q is no time zone", name), "give one like UTC, UTC+1 or Europe/Amsterdam")
	}
	return zone, nil
}

// parseOffset reads "+1", "+01", "+0100" or "-01:30" as seconds ahead of UTC.
func parseOffset(s string) (seconds int, ok bool) {
	if len(s) < 2 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	h, m := s[1:], ""
	if a, b, cut := strings.Cut(h, ":"); cut {
		h, m = a, b
		if len(m) != 2 {
			return 0, false
		}
	} else if len(h) == 4 {
		h, m = h[:2], h[2:]
	}
	hours, ok1 := digits(h)
	minutes, ok2 := digits(m)
	if len(h) == 0 || len(h) > 2 || !ok1 || !ok2 || hours > 14 || minutes > 59 {
		return 0, false
	}
	seconds = 3600*hours + 60*minutes
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// digits reads a number that consists of digits only, up to 9 of them; nothing
// is 0.
func digits(s string) (n int, ok bool) {
	if len(s) > 9 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, true
}

// parse reads a time: 2021-03-28T02:00:00+02:00, 2021-03-28 02:00, 28-03-2021
// 2:00, 20210328 02:00, or Unix time in seconds or milliseconds. 24:00 is 0:00 of
// the next day, and a date alone its begin.
func (c clock) parse(s string) (wall, error) {
	if s == "" {
		return wall{}, errTime
	}
	if allDigits(s) && len(s) > 8 {
		return unix(s)
	}
	end := strings.IndexAny(s, "T ")
	date, rest := s, ""
	if end >= 0 {
		date, rest = s[:end], strings.TrimLeft(s[end+1:], " ")
	}
	day, ok := c.date(date)
	if !ok {
		return wall{}, c.dateError(date)
	}
	clockText, zone := rest, ""
	if i := strings.IndexAny(rest, "Z+-UG"); i >= 0 {
		clockText, zone = strings.TrimSpace(rest[:i]), rest[i:]
	}
	sinceMidnight, ok := timeOfDay(clockText)
	if !ok {
		return wall{}, errTime
	}
	w := wall{at: day.Add(sinceMidnight)}
	switch zone {
	case "":
	case "Z", "UTC", "GMT":
		w.fixed = true
	default:
		offset, ok := parseOffset(zone)
		if !ok {
			return wall{}, errTime
		}
		w.at, w.fixed = w.at.Add(-time.Duration(offset)*time.Second), true
	}
	return w, nil
}

func allDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// unix reads seconds (9 to 11 digits) or milliseconds (12 or 13). Ten digits
// that could be a year, month, day and hour are refused: one of both meanings
// would be guessed.
func unix(s string) (wall, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil || len(s) > 13:
		return wall{}, errTime
	case len(s) >= 12:
		return wall{at: time.UnixMilli(n).UTC(), fixed: true}, nil
	case len(s) == 10 && (s[:2] == "19" || s[:2] == "20"):
		if _, err := time.Parse("2006010215", s); err == nil {
			return wall{}, errors.New("the time may be Unix time or a date with its hour")
		}
	}
	return wall{at: time.Unix(n, 0).UTC(), fixed: true}, nil
}

// date reads 2021-03-28, 2021/03/28, 20210328, 28-3-2021, 28.03.2021, 28/3/2021.
func (c clock) date(s string) (time.Time, bool) {
	var part [3]string
	if allDigits(s) && len(s) == 8 {
		part = [3]string{s[:4], s[4:6], s[6:]}
	} else {
		mark := strings.IndexAny(s, "-/.")
		if mark < 0 {
			return time.Time{}, false
		}
		n := 0
		for p := range strings.SplitSeq(s, s[mark:mark+1]) {
			if n == 3 {
				return time.Time{}, false
			}
			part[n] = p
			n++
		}
		if len(part[0]) <= 2 { // the year comes last
			part[0], part[2] = part[2], part[0]
			if c.monthFirst {
				part[1], part[2] = part[2], part[1]
			}
		}
	}
	year, ok1 := digits(part[0])
	month, ok2 := digits(part[1])
	day, ok3 := digits(part[2])
	if len(part[0]) != 4 || part[1] == "" || part[2] == "" || !ok1 || !ok2 || !ok3 || year < 1900 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return t, t.Month() == time.Month(month) && t.Day() == day
}

// monthOrDay tells of 3/4/2021, which is one day here and another in America,
// and of 13/4/2021, which is the same day everywhere.
func monthOrDay(s string) (either, one bool) {
	date, _, _ := strings.Cut(s, " ")
	first, rest, slash := strings.Cut(date, "/")
	second, _, more := strings.Cut(rest, "/")
	a, ok1 := digits(first)
	b, ok2 := digits(second)
	if !slash || !more || !ok1 || !ok2 || len(first) > 2 {
		return false, false
	}
	either = a <= 12 && b <= 12 && a != b
	return either, a > 12 || b > 12
}

func (c clock) dateError(s string) error {
	c.monthFirst = !c.monthFirst
	if _, ok := c.date(s); !ok {
		return errTime
	}
	if c.monthFirst {
		return errors.New("the date has no such month: does the month come first?")
	}
	return errors.New("the date has no such month: does the day come first?")
}

// timeOfDay reads 2:00, 02:00:00, 02:00:00.5, 24:00 or 14; nothing is 0:00.
func timeOfDay(s string) (time.Duration, bool) {
	if s == "" {
		return 0, true
	}
	whole, fraction, _ := strings.Cut(s, ".")
	var part [3]int
	n := 0
	for p := range strings.SplitSeq(whole, ":") {
		v, ok := digits(p)
		if n == 3 || !ok || p == "" || len(p) > 2 {
			return 0, false
		}
		part[n] = v
		n++
	}
	if part[0] > 24 || part[1] > 59 || part[2] > 60 || part[0] == 24 && part[1]+part[2] > 0 {
		return 0, false
	}
	d := time.Duration(part[0])*time.Hour + time.Duration(part[1])*time.Minute + time.Duration(part[2])*time.Second
	if fraction != "" {
		if len(fraction) > 9 {
			fraction = fraction[:9]
		}
		ns, ok := digits(fraction)
		if !ok {
			return 0, false
		}
		d += time.Duration(ns) * time.Duration(pow10(9-len(fraction)))
	}
	return d, true
}

// moments returns the moments, in order, at which the clock of the zone shows
// the time: one, none when the clock goes forward over it, two when it goes back.
func moments(at time.Time, zone *time.Location) (first, second time.Time, n int) {
	found := [2]time.Time{}
	_, before := at.Add(-24 * time.Hour).In(zone).Zone()
	_, after := at.Add(24 * time.Hour).In(zone).Zone()
	for i, offset := range [...]int{before, after} {
		if i > 0 && offset == before {
			break
		}
		t := at.Add(-time.Duration(offset) * time.Second)
		if _, now := t.In(zone).Zone(); now == offset {
			found[n] = t
			n++
		}
	}
	if n == 2 && found[1].Before(found[0]) {
		found[0], found[1] = found[1], found[0]
	}
	return found[0], found[1], n
}
