package decode

import (
	"time"
	_ "time/tzdata" // a declared zone must not depend on the files of the machine
)

// when reads a time of a message, RFC 3339 or, if numbers are allowed, Unix time
// in seconds. A time without a zone is read in the zone that the station
// declared, and refused without one. A local time that the change of the clock
// makes twice or skips is refused too: one of its two meanings would be invented.
// A time that cannot be used is a fault.
func (s *sheet) when(t token, numbers bool) (at instant, ok bool) {
	if t.missing() {
		s.fault(CauseTimeMissing, "the time is empty: the device had no time; leave it out to have the time of receipt", nil)
		return at, false
	}
	if t.kind == kindNumber && numbers {
		at.milli, ok = parseMilli(t.text)
		ok = ok && at.milli < endMilli
	}
	if t.kind == kindText {
		if at.milli, ok = parseStamp(t.text); !ok {
			if wall, local := parseWall(t.text); local {
				return s.inZone(wall)
			}
		}
	}
	if !ok {
		s.fault(CauseTimeUnreadable, "the time cannot be read: send RFC 3339 with a zone (2026-11-23T08:00:00Z), between 1970 and 2099", nil)
	}
	return at, ok
}

// inZone turns a wall clock time into a moment.
func (s *sheet) inZone(wall int64) (at instant, ok bool) {
	if s.zone == nil {
		if s.zone, ok = loadZone(s.in.Station.Wire.Zone); !ok {
			s.fault(CauseTimeUnreadable, "the time has no zone: send RFC 3339 with a zone (2026-11-23T08:00:00Z), or declare the zone of the station", nil)
			return at, false
		}
	}
	milli, n := wallMoments(wall, s.zone)
	switch {
	case n == 0:
		s.fault(CauseTimeUnreadable, "the local time does not exist, because the clock goes forward then: send times with a zone, or in UTC", nil)
	case n > 1:
		s.fault(CauseTimeUnreadable, "the local time comes twice, because the clock goes back then: send times with a zone, or in UTC", nil)
	case milli < 0 || milli >= endMilli:
		s.fault(CauseTimeUnreadable, "the time must lie between 1970 and 2099", nil)
	default:
		return instant{milli: milli}, true
	}
	return at, false
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
