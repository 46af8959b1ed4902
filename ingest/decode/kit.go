package decode

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"buurtmeter/ingest/reading"
)

// kit decodes one message of a kit or network whose format is not ours.
//
// All of these formats follow the same rules. A message without a time gets the
// time of receipt, and every value the flag ServerTime. A time without a zone is
// refused unless Station.Wire.Zone says where its clock hangs. Missing codes are
// kept and flagged as in JSON; null, "", "none", "unknown" and "unavailable" are
// no value. A key that stands twice has no value that can be trusted. What a kit
// says about itself is ignored; what looks like a measurement but is not certain
// is a problem, once for each message.
//
// A channel of the station says what a key means, and goes before what the format
// or the name says: as soon as a property has a channel, other keys do not count
// for it. A channel without a property is a sensor that the keeper leaves out. A
// position is never read, and blanked in what a problem keeps: see done.
type kit struct {
	tree
	in       Input
	received time.Time
	local    localClock
	// taken are the properties that have a channel.
	taken [slots]bool
	// port is the LoRaWAN port of an uplink; 0 when there is none.
	port int64
	out  Decoded
}

// open checks the payload and reads it as one JSON text. When ok is false, the
// problem stands in the result.
func open(in Input) (k *kit, ok bool) {
	if k, ok = openText(in); ok {
		ok = k.parse()
	}
	return k, ok
}

// usualNodes is how many values a message has room for from the start.
const usualNodes = 256

// parse reads the text as JSON.
func (k *kit) parse() (ok bool) {
	g := grower{scanner: scanner{b: k.text}, nodes: make([]node, 0, min(len(k.text)/12+4, usualNodes))}
	_, ok = g.grow(0, nil)
	if g.space(); ok && g.i < len(g.b) {
		ok = g.fail("there is more after the end")
	}
	k.nodes = g.nodes
	switch {
	case g.full:
		k.problem(CauseTooLarge, fmt.Sprintf("the message has more than %d values: split it", maxNodes), k.in.Payload)
	case !ok:
		k.problem(CauseJSON, fmt.Sprintf("%s, at byte %d: send one JSON text", g.why, g.i), k.in.Payload)
	}
	return ok
}

// openText checks the payload as a text: its size and encoding. A byte order
// mark before and NUL bytes after it are cut off.
func openText(in Input) (k *kit, ok bool) {
	k = &kit{in: in, received: in.Received.UTC().Truncate(time.Millisecond)}
	for _, c := range in.Station.Wire.Channels {
		if i := slot([]byte(c.Property)); i >= 0 {
			k.taken[i] = true
		}
	}
	if len(in.Payload) > MaxPayload {
		k.problem(CauseTooLarge, fmt.Sprintf("the message has %d bytes: send at most %d in one message", len(in.Payload), MaxPayload), in.Payload)
		return k, false
	}
	k.text = bytes.TrimRight(bytes.TrimPrefix(in.Payload, []byte("\xef\xbb\xbf")), "\x00")
	if !utf8.Valid(k.text) {
		k.problem(CauseNotUTF8, "the message is not UTF-8", in.Payload)
		return k, false
	}
	return k, true
}

// longestDetail bounds the text of a problem, in bytes.
const longestDetail = 350

// problem adds a problem. Of one element each cause is named once, however many
// parts of it have that fault: a reject keeps a copy of the element.
func (k *kit) problem(cause, detail string, element []byte) {
	const far = 16 // more than there are causes
	for i := len(k.out.Problems) - 1; i >= max(0, len(k.out.Problems)-far); i-- {
		p := &k.out.Problems[i]
		if p.Cause != cause || !same(p.Element, element) {
			continue
		}
		if len(p.Detail)+len(detail) < longestDetail && !strings.Contains(p.Detail, detail) {
			p.Detail += "; " + detail
		}
		return
	}
	k.out.Problems = append(k.out.Problems, Problem{Cause: cause, Detail: detail, Element: element})
}

// same tells whether two parts of one payload are the same part.
func same(a, b []byte) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// refuse makes the whole message a problem, and ends: see done.
func (k *kit) refuse(cause, detail string) Decoded {
	k.problem(cause, detail, k.in.Payload)
	return k.done()
}

// about adds one problem for a list of names, if there are any.
func (k *kit) about(cause, format string, names []string, element []byte) {
	if len(names) > 0 {
		k.problem(cause, fmt.Sprintf(format, strings.Join(names, ", ")), element)
	}
}

// span is the time that a reading stands for.
type span struct {
	at       time.Time
	interval time.Duration
	// server: the device had no time, the time of receipt stands in.
	server bool
}

// now is the span of a message without a time.
func (k *kit) now() span { return span{at: k.received, server: true} }

// when reads the time of a reading under the name that the format has for it.
// Without the key it is the time of receipt. When ok is false, the problem
// stands in the result.
func (k *kit) when(n *node, name string, element []byte) (s span, ok bool) {
	if n == nil {
		return k.now(), true
	}
	milli, how := k.moment(n.token)
	switch how {
	case good:
		return span{at: time.UnixMilli(milli).UTC()}, true
	case empty:
		k.problem(CauseTimeMissing, name+" is empty: the device had no time; leave the key out to have the time of receipt", element)
	default:
		k.problem(CauseTimeUnreadable, name+unreadableTime, element)
	}
	return s, false
}

const unreadableTime = " cannot be read: send RFC 3339 with a zone (2026-11-23T08:00:00Z) between 1970 and 2099, once, or declare the zone of the station"

// moment reads a time. A text without a zone counts in the declared one.
func (k *kit) moment(t token) (milli int64, how state) {
	how = t.moment(&milli)
	if how == bad && t.kind == kindText {
		if local, ok := k.local.parse(t.text, k.in.Station.Wire.Zone); ok {
			return local, good
		}
	}
	return milli, how
}

// rank says how certain it is that a key means a property. A higher one silences
// the lower: a keeper who declares a channel has chosen.
type rank uint8

const (
	// byUnsureName: the name is clear, the unit is not.
	byUnsureName rank = iota + 1
	byName
	// byFormat: the format itself defines property and unit.
	byFormat
	byChannel
)

// cellFault is why a cell has no value although there is a key for it.
type cellFault uint8

const (
	faultValue cellFault = iota
	faultTwoKeys
	faultUnit
)

// cell is what is known of one property of one reading.
type cell struct {
	value      float64
	unit       conversion
	rank       rank
	have       state
	fault      cellFault
	key, other []byte
}

// sample is one reading of a kit while its message is read.
type sample struct {
	cells [slots]cell
	// unknown are names that look like measurements; nobody said of what.
	unknown []string
	// silent: the keeper wants to do without a key that was met, so that it is no
	// wonder when nothing is left.
	silent bool
}

// put takes the value of a key for the property. Two keys of one rank for one
// property are a fault: which of them counts is not for us to say.
func (k *kit) put(s *sample, p reading.Property, key []byte, r rank, unit conversion, t token) {
	i := slot([]byte(p))
	if i < 0 {
		s.unknown = appendName(s.unknown, key)
		return
	}
	c := &s.cells[i]
	switch {
	case r < byChannel && k.taken[i]:
		s.silent = true
		return
	case r < c.rank:
		return
	case r == c.rank:
		c.have, c.fault, c.other = bad, faultTwoKeys, key
		return
	}
	*c = cell{key: key, rank: r, unit: unit, have: bad}
	if noValue(t) {
		c.have = empty
	} else if v, ok := t.float(); ok && !math.IsInf(unit.apply(v), 0) {
		c.value, c.have = v, good
		if r == byUnsureName {
			c.have, c.fault = bad, faultUnit
		}
	}
}

// declared takes the value of a key that the keeper declared.
func (k *kit) declared(s *sample, c reading.Channel, key []byte, t token) {
	if c.Property == "" {
		s.silent = true
		return
	}
	unit, ok := unitOf(c.Property, []byte(c.Unit))
	k.put(s, c.Property, key, byChannel, unit, t)
	if i := slot([]byte(c.Property)); !ok && i >= 0 && s.cells[i].have == good {
		s.cells[i].have, s.cells[i].fault = bad, faultUnit
	}
}

// take takes the value of a key that the format defines, unless the keeper
// declared it otherwise.
func (k *kit) take(s *sample, p reading.Property, key []byte, t token) {
	if c, ok := k.in.Station.Wire.Channel(string(key)); ok {
		k.declared(s, c, key, t)
		return
	}
	k.put(s, p, key, byFormat, conversion{}, t)
}

// noValue tells whether the token is one of the ways to say "no value". To the
// ones of our own format come those of kits, nan among them.
func noValue(t token) bool {
	if t.missing() {
		return true
	}
	s := bytes.TrimSpace(t.text)
	if t.kind != kindText && t.kind != kindNotFinite || len(s) > len("unavailable") {
		return false
	}
	switch strings.ToLower(string(s)) {
	case "unknown", "unavailable", "nan", "-nan":
		return true
	}
	return false
}

// numeric tells whether the token is a number, so that its key may be one of a
// measurement.
func numeric(t token) bool {
	_, ok := t.decimal()
	return ok || t.kind == kindNotFinite
}

// askChannel is said of names that a channel would explain.
const askChannel = "nobody declared what %s measures: declare the channel with its property and unit for this station"

// finish adds the reading that the sample makes, and the problems of what could
// not be used. Element is decoded again when they are solved.
func (k *kit) finish(s *sample, when span, element []byte) {
	problems := len(k.out.Problems)
	values := s.values(when.server)
	if len(values) > 0 {
		k.out.Readings = append(k.out.Readings, reading.Reading{
			Station: k.in.Station.ID, At: when.at, Interval: when.interval, Received: k.received, Values: values,
		})
	}
	var unreadable, two, units []string
	for i := range s.cells {
		c := &s.cells[i]
		switch {
		case c.have != bad:
		case c.fault == faultTwoKeys:
			two = appendName(appendName(two, c.key), c.other)
		case c.fault == faultUnit:
			units = appendName(units, c.key)
		default:
			unreadable = appendName(unreadable, c.key)
		}
	}
	k.about(CauseValueUnreadable, "the value of %s is not a finite number, or its key stands twice: send one number, or null when there is none", unreadable, element)
	k.about(CauseUnitUnknown, "the unit of %s is not certain: declare the channel with a known unit (gases µg/m³ or ppb, hPa or Pa, °C, %%)", units, element)
	k.about(CauseChannelUnknown, "more than one key gives the same property: %s; declare only the channel that counts", two, element)
	k.about(CauseChannelUnknown, askChannel, s.unknown, element)
	if len(values) == 0 && !s.silent && len(k.out.Problems) == problems {
		k.problem(CauseNoValues, "no value in the message that this platform keeps", element)
	}
}

// values are the usable values, in the order of reading.Properties.
func (s *sample) values(server bool) []reading.Value {
	n := 0
	for i := range s.cells {
		if s.cells[i].have == good {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	values := make([]reading.Value, 0, n)
	for i := range s.cells {
		c := &s.cells[i]
		if c.have != good {
			continue
		}
		v := reading.Value{Property: propertyOf(i), Value: c.value}
		if missingCode(concentration(i), v.Value) {
			v.Flags = reading.MissingCode
		} else {
			v.Value = c.unit.apply(v.Value)
		}
		if server {
			v.Flags |= reading.ServerTime
		}
		values = append(values, v)
	}
	return values
}
