package decode

import (
	"time"
	_ "time/tzdata" // a declared zone must be known on machines without a zone database
)

// localClock reads times without a zone. It remembers the zone that it looked
// up, because a batch has many times.
type localClock struct {
	place *time.Location
	tried bool
}

// parse reads a time without a zone as a clock in the zone shows it: an IANA
// name or a fixed offset; the empty one knows no such times. A time that the
// zone has twice or never, when summer time ends or begins, is not ok: it would
// be an hour off as likely as not.
func (c *localClock) parse(b []byte, zone string) (milli int64, ok bool) {
	if zone == "" || len(b) > 40 {
		return 0, false
	}
	wall, ok := parseStamp(append(append(make([]byte, 0, 48), b...), 'Z'))
	if !ok {
		return 0, false
	}
	if offset, fixed := parseZone([]byte(zone)); fixed {
		milli = wall - offset*1000
		return milli, milli >= 0 && milli < endMilli
	}
	if !c.tried {
		c.tried = true
		if place, err := time.LoadLocation(zone); err == nil && zone != "Local" {
			c.place = place
		}
	}
	if c.place == nil {
		return 0, false
	}
	const day = 24 * 60 * 60 * 1000
	before, after := wall-c.offset(wall-day), wall-c.offset(wall+day)
	fits, fitsToo := before+c.offset(before) == wall, after+c.offset(after) == wall
	switch {
	case fits && fitsToo && before != after:
		return 0, false
	case fits:
		milli = before
	case fitsToo:
		milli = after
	default:
		return 0, false
	}
	return milli, milli >= 0 && milli < endMilli
}

// offset is how far the zone is ahead of UTC at the moment, in milliseconds.
func (c *localClock) offset(milli int64) int64 {
	_, seconds := time.UnixMilli(milli).In(c.place).Zone()
	return int64(seconds) * 1000
}
