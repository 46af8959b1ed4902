package decode

import "time"

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
	wall, ok := parseWall(b)
	if !ok {
		return 0, false
	}
	if !c.tried {
		c.tried = true
		c.place, _ = loadZone(zone)
	}
	if c.place == nil {
		return 0, false
	}
	milli, n := wallMoments(wall, c.place)
	return milli, n == 1 && milli >= 0 && milli < endMilli
}
