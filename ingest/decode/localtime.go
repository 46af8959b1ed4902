package decode

import (
	"time"
	_ "time/tzdata" // a declared zone must not depend on the files of the machine
)

// moment reads a time of a message under the name that it has there: RFC 3339 or,
// if numbers are allowed, Unix time in seconds. A time without a zone is read in
// the zone that the station declared, and refused without one. A local time that
// the change of the clock makes twice or skips is refused too: one of its two
// meanings would be invented. A time that cannot be used is a fault.
func (s *sheet) moment(t token, name string, numbers bool) (at instant, ok bool) {
	milli, why := s.milli(t, numbers)
	switch {
	case why == "":
		return instant{milli: milli}, true
	case t.missing():
		s.fault(CauseTimeMissing, name+why, nil)
	default:
		s.fault(CauseTimeUnreadable, name+why, nil)
	}
	return at, false
}

// milli reads a time; why is what is wrong with it, empty for nothing.
func (s *sheet) milli(t token, numbers bool) (milli int64, why string) {
	const example = "RFC 3339 with a zone (2026-11-23T08:00:00Z)"
	ok := false
	switch {
	case t.missing():
		return 0, " is empty: the device had no time; leave it out to have the time of receipt"
	case t.kind == kindNumber && numbers:
		milli, ok = parseMilli(t.text)
		ok = ok && milli < endMilli
	case t.kind == kindText:
		if milli, ok = parseStamp(t.text); ok {
			break
		}
		if wall, local := parseWall(t.text); local {
			return s.inZone(wall, " has no zone: send "+example+", or declare the zone of the station")
		}
	default:
	}
	if !ok {
		return 0, " cannot be read: send " + example + " between 1970 and 2099, once"
	}
	return milli, ""
}

// inZone turns a wall clock time into a moment in the zone of the station;
// without one, why is what is given for that.
func (s *sheet) inZone(wall int64, without string) (milli int64, why string) {
	if s.zone == nil {
		zone, ok := loadZone(s.in.Station.Wire.Zone)
		if !ok {
			return 0, without
		}
		s.zone = zone
	}
	milli, n := wallMoments(wall, s.zone)
	switch {
	case n == 0:
		return 0, " does not exist as a local time, because the clock goes forward then: send times with a zone, or in UTC"
	case n > 1:
		return 0, " comes twice as a local time, because the clock goes back then: send times with a zone, or in UTC"
	case milli < 0 || milli >= endMilli:
		return 0, " must lie between 1970 and 2099"
	}
	return milli, ""
}

// parseWall reads an RFC 3339 time without its zone, as if it were UTC.
func parseWall(b []byte) (milli int64, ok bool) {
	var buf [48]byte
	if len(b) >= len(buf) {
		return 0, false
	}
	return parseStamp(append(append(buf[:0], b...), 'Z'))
}

// loadZone knows IANA names and fixed offsets such as +01:00. "Local" is none:
// it would be the zone of our own machine.
func loadZone(name string) (*time.Location, bool) {
	if seconds, ok := parseZone([]byte(name)); ok {
		return time.FixedZone(name, int(seconds)), true
	}
	if name == "" || name == "Local" {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}

// wallMoments returns a moment at which the wall clock of the zone shows the time,
// and how many there are: none or two when the clock changes, else one.
func wallMoments(wall int64, zone *time.Location) (milli int64, n int) {
	const day = 24 * 3600 * 1000
	_, before := time.UnixMilli(wall - day).In(zone).Zone()
	_, after := time.UnixMilli(wall + day).In(zone).Zone()
	for i, offset := range [...]int{before, after} {
		if i > 0 && offset == before {
			break
		}
		at := wall - int64(offset)*1000
		if _, now := time.UnixMilli(at).In(zone).Zone(); now == offset {
			milli = at
			n++
		}
	}
	return milli, n
}
