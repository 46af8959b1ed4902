package analyse

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a named zone must not depend on the files of the machine

	"buurtmeter/ingest/tube"
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
// 2:00, 28-Mar-2021 2.00, 3/28/2021 2:00 AM, 20210328 02:00, or Unix time in
// seconds or milliseconds. 24:00 is 0:00 of the next day, and a date alone its
// begin.
func (c clock) parse(s string) (wall, error) {
	if s == "" {
		return wall{}, errTime
	}
	// A table of floats writes whole seconds as 1616893200.0.
	if whole, fraction, _ := strings.Cut(s, "."); allDigits(whole) && len(whole) > 8 && strings.Trim(fraction, "0") == "" {
		return unix(whole)
	}
	date, rest := cutDate(s)
	day, ok := c.date(date)
	if !ok {
		return wall{}, c.dateError(date)
	}
	clockText, zone := rest, ""
	if i := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != ':' && r != '.' }); i >= 0 {
		clockText, zone = rest[:i], strings.TrimSpace(rest[i:])
	}
	half, zone := cutHalf(zone)
	sinceMidnight, ok := timeOfDay(clockText)
	if ok && half != 0 {
		sinceMidnight, ok = half.of(sinceMidnight)
	}
	if !ok {
		return wall{}, errTime
	}
	w := wall{at: day.Add(sinceMidnight)}
	if zone == "" {
		return w, nil
	}
	offset, ok := parseSuffix(zone)
	if !ok || clockText == "" {
		return wall{}, errTime
	}
	w.at, w.fixed = w.at.Add(-time.Duration(offset)*time.Second), true
	return w, nil
}

// cutDate cuts a time at the first space, or at a T between digits.
func cutDate(s string) (date, rest string) {
	for i := 1; i < len(s); i++ {
		between := i+1 < len(s) && s[i-1] >= '0' && s[i-1] <= '9' && s[i+1] >= '0' && s[i+1] <= '9'
		if s[i] == ' ' || s[i] == 'T' && between {
			return s[:i], strings.TrimLeft(s[i+1:], " ")
		}
	}
	return s, ""
}

// halfDay is which half of the day a clock of twelve hours tells: 'A' or 'P', 0
// for a clock of 24.
type halfDay byte

// cutHalf takes AM or PM from what stands behind a time of day.
func cutHalf(s string) (half halfDay, rest string) {
	for _, word := range []string{"AM", "PM", "A.M.", "P.M."} {
		if len(s) >= len(word) && strings.EqualFold(s[:len(word)], word) {
			return halfDay(word[0]), strings.TrimSpace(s[len(word):])
		}
	}
	return 0, s
}

// of returns the time of a clock of twelve hours: 12:30 AM is half past
// midnight. ok is false for a time that such a clock does not show.
func (h halfDay) of(d time.Duration) (t time.Duration, ok bool) {
	const noon = 12 * time.Hour
	if d < time.Hour || d >= noon+time.Hour {
		return 0, false
	}
	d %= noon
	if h == 'P' {
		d += noon
	}
	return d, true
}

// parseSuffix reads the zone behind a time as seconds ahead of UTC. CET and CEST
// are winter and summer time each; as names of a zone, with --zone, they are not.
func parseSuffix(zone string) (seconds int, ok bool) {
	switch zone {
	case "Z", "UTC", "GMT":
		return 0, true
	case "CET":
		return 3600, true
	case "CEST":
		return 7200, true
	}
	for _, prefix := range []string{"UTC", "GMT"} {
		zone = strings.TrimPrefix(zone, prefix)
	}
	return parseOffset(zone)
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

// date reads 2021-03-28, 2021/03/28, 20210328, 28-3-2021, 28.03.2021, 28/3/2021,
// 28-mrt-2021.
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
			if _, named := tube.MonthOf(part[1]); c.monthFirst && !named {
				part[1], part[2] = part[2], part[1]
			}
		}
	}
	year, ok1 := digits(part[0])
	month, ok2 := digits(part[1])
	if m, named := tube.MonthOf(part[1]); named {
		month, ok2 = int(m), true
	}
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

// timeOfDay reads 2:00, 02:00:00, 02:00:00.5, 2.00, 02.00.00, 24:00 or 14;
// nothing is 0:00.
func timeOfDay(s string) (time.Duration, bool) {
	if s == "" {
		return 0, true
	}
	if hour, minute, dots := strings.Cut(s, "."); dots && !strings.Contains(s, ":") {
		// 18.30 is half past six and no fraction of an hour; 18.5 may be either.
		if len(minute) != 2 && (len(minute) != 5 || minute[2] != '.') {
			return 0, false
		}
		s = hour + ":" + strings.Replace(minute, ".", ":", 1)
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
