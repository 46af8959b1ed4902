package decode

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"buurtmeter/ingest/reading"
)

// longestKey is the longest name of a sensor that is looked at, in bytes.
const longestKey = 256

// maxValues is the largest number of values in one message of a kit, which
// bounds the memory that a message of many small ones takes.
const maxValues = 5 * MaxReadings

// undeclared is the rank of the first sensor that nobody declared: below it
// stand the station's channels, in their order.
const undeclared = 1 << 16

// sheet gathers what one message of a kit says: values by moment and property,
// and faults by cause. Every format that names sensors its own way fills one, so
// that these rules hold for all of them:
//
//   - A channel of the station (reading.Wire) says what a key means. A channel
//     without a property is a sensor that the keeper leaves out. As soon as a
//     property has a channel, only sensors with a channel count for it.
//   - A property comes from one sensor per message: of several, the one with the
//     lowest rank (first channels, then the order of the format, then the order
//     in the message). The others are a CauseSecondSensor problem, unless they
//     say the same; nothing is averaged, and no second sensor fills gaps of the
//     first.
//   - The same sensor twice for one moment counts once when both say the same;
//     otherwise neither can be trusted.
//   - Problems are gathered by cause and have the whole payload as their element.
//   - A position is never taken, and the digits of one are blanked in elements:
//     those are stored and shown.
type sheet struct {
	in       Input
	received int64 // milliseconds since 1970
	taken    [slots]bool
	entries  []entry
	best     [slots]entry // of the sensor that counts; known when all are filed
	faults   []fault
	// blanked are the positions in text, which begins at payload[offset].
	blanked []extent
	offset  int
	zone    *time.Location
	full    bool // there are more than maxValues
	// silent: it is known why no sensor was read, so that is no problem.
	silent bool
}

// origin is what a key of a message stands for.
type origin struct {
	slot int
	unit conversion
	rank int
}

// instant is the moment of a value; server says that the device did not tell it.
type instant struct {
	milli  int64
	server bool
}

// entry is one value of one sensor at one moment.
type entry struct {
	instant
	key     []byte
	value   float64
	rank    int32
	seconds int32 // the time it stands for; 0 is unknown
	slot    uint8
	state   state
	missing bool
}

type extent struct{ start, end int }

// fault is a problem in the making: format has one %s for the names, if any.
type fault struct {
	cause, format string
	names         []string
}

func newSheet(in Input) *sheet {
	s := &sheet{in: in, received: in.Received.UnixMilli(), entries: make([]entry, 0, 8)}
	for _, c := range in.Station.Wire.Channels {
		if k := slot([]byte(c.Property)); k >= 0 {
			s.taken[k] = true
		}
	}
	return s
}

// text returns the payload without byte order mark and NUL bytes at its end. ok
// is false when it is too large or not UTF-8; then refused is the answer.
func (s *sheet) text() (text []byte, refused Decoded, ok bool) {
	if refused, ok = s.fits(); !ok {
		return nil, refused, false
	}
	if bytes.HasPrefix(s.in.Payload, []byte("\xef\xbb\xbf")) {
		s.offset = 3
	}
	text = bytes.TrimRight(s.in.Payload[s.offset:], "\x00")
	if !utf8.Valid(text) {
		return nil, s.refuse(CauseNotUTF8, "the message is not UTF-8: send text in UTF-8, or name its media type"), false
	}
	return text, Decoded{}, true
}

func (s *sheet) fits() (refused Decoded, ok bool) {
	if len(s.in.Payload) > MaxPayload {
		return s.refuse(CauseTooLarge, fmt.Sprintf("the message has %d bytes: send at most %d in one message", len(s.in.Payload), MaxPayload)), false
	}
	return Decoded{}, true
}

// refuse is the answer to a message of which nothing can be used.
func (s *sheet) refuse(cause, detail string) Decoded {
	return refuse(s.element(), cause, detail)
}

// refuseJSON is the answer to a text that the scanner could not get through.
func (s *sheet) refuseJSON(at *scanner) Decoded {
	return s.refuse(CauseJSON, fmt.Sprintf("%s, at byte %d: send the JSON of this format", at.why, at.i+s.offset))
}

// element is the payload with every known position blanked. It can be decoded
// again with the same result, because positions are not read.
func (s *sheet) element() []byte {
	if len(s.blanked) == 0 {
		return s.in.Payload
	}
	b := bytes.Clone(s.in.Payload)
	for _, x := range s.blanked {
		for i := x.start + s.offset; i < x.end+s.offset; i++ {
			if b[i] >= '0' && b[i] <= '9' {
				b[i] = '1' // not 0: a number may not begin with two of them
			}
		}
	}
	return b
}

// blank remembers that text[start:end] holds a position.
func (s *sheet) blank(start, end int) {
	s.blanked = append(s.blanked, extent{start, end})
}

// leftOut blanks the value of a key that no decoder reads, text[start:end], when
// it is a position or an object or array, which may hold one.
func (s *sheet) leftOut(key []byte, t token, start, end int) {
	if t.kind == kindOther || positional(key) {
		s.blank(start, end)
	}
}

// fault notes a problem; key is named in its text, with the other keys of the
// same problem. A nil key names nothing.
func (s *sheet) fault(cause, format string, key []byte) {
	i := slices.IndexFunc(s.faults, func(f fault) bool { return f.cause == cause && f.format == format })
	if i < 0 {
		i = len(s.faults)
		s.faults = append(s.faults, fault{cause: cause, format: format})
	}
	f := &s.faults[i]
	const most, longest = 3, 60
	name := ""
	switch {
	case key == nil || len(f.names) > most:
		return
	case len(f.names) == most:
		name = "…"
	case len(key) > longest:
		name = strconv.Quote(string(key[:longest])) + "…"
	default:
		name = strconv.Quote(string(key))
	}
	if !slices.Contains(f.names, name) {
		f.names = append(f.names, name)
	}
}

// verdict says what to do with a key.
type verdict uint8

const (
	unknownKey verdict = iota
	use
	// leave: it is known and not used, or its fault is noted already.
	leave
)

// declared looks for a channel of the key. usual is what the format itself says
// of the key (slot -1 for nothing): a channel without a unit keeps its unit.
func (s *sheet) declared(key []byte, usual origin) (o origin, v verdict, ok bool) {
	for i, c := range s.in.Station.Wire.Channels {
		if c.Key != string(key) {
			continue
		}
		o = origin{slot: slot([]byte(c.Property)), rank: i}
		known := true
		switch {
		case c.Property == "":
			s.silent = true
			return o, leave, true
		case o.slot < 0:
			s.fault(CausePropertyUnknown, "the channel %s is declared with a property that does not exist: declare another", key)
			return o, leave, true
		case c.Unit == "" && usual.slot == o.slot:
			o.unit = usual.unit
		default:
			o.unit, known = unitOf(c.Property, []byte(c.Unit))
		}
		if !known {
			s.fault(CauseUnitUnknown, "the channel %s is declared with a unit that its property does not have: declare another", key)
			return o, leave, true
		}
		return o, use, true
	}
	return usual, unknownKey, false
}

// put files the value of a sensor. base is what SenML adds to it.
func (s *sheet) put(o origin, key []byte, at instant, t token, base float64) {
	if o.rank >= undeclared && s.taken[o.slot] {
		s.silent = true // the keeper chose another sensor
		return
	}
	if s.full = s.full || len(s.entries) == maxValues; s.full {
		return
	}
	e := entry{instant: at, key: key, slot: uint8(o.slot), rank: int32(o.rank)}
	e.value, e.state = t.figure()
	if e.state == good {
		if e.missing = missingCode(concentration(o.slot), e.value); !e.missing {
			e.value = o.unit.apply(e.value + base)
		}
		if math.IsInf(e.value, 0) {
			e.state = bad
		}
	}
	if e.state == bad {
		s.fault(CauseValueUnreadable, "the value of %s is not a finite number: send one with a decimal point, or null when there is none", key)
	}
	s.entries = append(s.entries, e)
}

// figure returns the number that the token stands for. Unlike our own format,
// those of kits know nan as a way to say "no value".
func (t token) figure() (float64, state) {
	if t.missing() {
		return 0, empty
	}
	if t.kind == kindNotFinite || t.kind == kindText {
		w := bytes.TrimPrefix(bytes.TrimSpace(t.text), []byte("-"))
		if len(w) == 3 && bytes.EqualFold(w, []byte("nan")) {
			return 0, empty
		}
	}
	v, ok := t.float()
	if !ok {
		return 0, bad
	}
	return v, good
}

// finish makes readings of what was filed. nothing says what to do about a
// message without any value.
func (s *sheet) finish(nothing string) Decoded {
	if s.full {
		return s.refuse(CauseTooLarge, "the message has more than "+strconv.Itoa(maxValues)+" values: split it")
	}
	for _, e := range s.entries {
		if b := &s.best[e.slot]; b.state == absent || e.rank < b.rank {
			*b = e
		}
	}
	slices.SortStableFunc(s.entries, func(a, b entry) int {
		if a.milli != b.milli {
			return int(min(1, max(-1, a.milli-b.milli)))
		}
		return int(a.slot) - int(b.slot)
	})
	moments := 0
	for i, e := range s.entries {
		if i == 0 || s.entries[i-1].milli != e.milli {
			moments++
		}
	}
	if moments > MaxReadings {
		return s.refuse(CauseTooLarge, "the message has more than "+strconv.Itoa(MaxReadings)+" moments: split it")
	}
	out := Decoded{}
	if moments > 0 {
		out.Readings = s.readings(moments)
	}
	if len(s.faults) == 0 {
		if len(out.Readings) == 0 && (!s.silent || len(s.entries) > 0) {
			return s.refuse(CauseNoValues, nothing)
		}
		return out
	}
	element := s.element()
	for _, f := range s.faults {
		detail := f.format
		if len(f.names) > 0 {
			detail = fmt.Sprintf(f.format, strings.Join(f.names, ", "))
		}
		out.Problems = append(out.Problems, Problem{Cause: f.cause, Detail: detail, Element: element})
	}
	return out
}

// readings turns the sorted entries into one reading per moment with a value.
func (s *sheet) readings(moments int) []reading.Reading {
	rs := make([]reading.Reading, 0, moments)
	values := make([]reading.Value, 0, len(s.entries))
	received := time.UnixMilli(s.received).UTC()
	for i := 0; i < len(s.entries); {
		at, first, seconds := s.entries[i].milli, len(values), int32(0)
		for i < len(s.entries) && s.entries[i].milli == at {
			end := i + 1
			for end < len(s.entries) && s.entries[end].milli == at && s.entries[end].slot == s.entries[i].slot {
				end++
			}
			if e, ok := s.elect(s.entries[i:end]); ok {
				v := reading.Value{Property: propertyOf(int(e.slot)), Value: e.value}
				if e.missing {
					v.Flags |= reading.MissingCode
				}
				if e.server {
					v.Flags |= reading.ServerTime
				}
				values, seconds = append(values, v), max(seconds, e.seconds)
			}
			i = end
		}
		if len(values) > first {
			rs = append(rs, reading.Reading{
				Station: s.in.Station.ID, At: time.UnixMilli(at).UTC(), Interval: time.Duration(seconds) * time.Second,
				Received: received, Values: values[first:len(values):len(values)],
			})
		}
	}
	return rs
}

// elect returns the entry that counts among those of one property at one
// moment. ok is false when there is no value.
func (s *sheet) elect(es []entry) (e entry, ok bool) {
	key := s.best[es[0].slot].key
	found, conflict := false, false
	for _, x := range es {
		switch {
		case !bytes.Equal(x.key, key):
		case !found:
			e, found = x, true
		case x.state != e.state || x.value != e.value:
			conflict = true
		default:
			e.seconds, e.server = max(e.seconds, x.seconds), e.server && x.server
		}
	}
	for _, x := range es {
		if x.state == good && !bytes.Equal(x.key, key) && (!found || e.state != good || x.value != e.value) {
			s.fault(CauseSecondSensor, "%s stands aside, because another sensor of the kit counts for the same property: declare which sensor is to count", x.key)
		}
	}
	if conflict {
		s.fault(CauseValueUnreadable, "%s has two different values for one moment: send each once", key)
		return e, false
	}
	return e, found && e.state == good
}

// namedProperty knows a property by its own name and the usual spellings of it.
func namedProperty(name []byte) (slot int, ok bool) {
	var low [24]byte
	if len(name) > len(low) {
		return 0, false
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		low[i] = c
	}
	switch string(low[:len(name)]) {
	case "no2":
		return 0, true
	case "pm25", "pm2.5", "pm2_5":
		return 1, true
	case "pm10":
		return 2, true
	case "temperature", "temp", "air_temperature":
		return 3, true
	case "humidity", "rh", "relative_humidity":
		return 4, true
	case "pressure", "air_pressure", "barometric_pressure":
		return 5, true
	case "pm1", "pm1.0", "pm1_0":
		return 6, true
	case "pm25-corrected":
		return 7, true
	case "o3":
		return 8, true
	case "so2":
		return 9, true
	case "co":
		return 10, true
	case "benzene", "c6h6":
		return 11, true
	}
	return 0, false
}

// positional tells whether a key names where the kit stands.
func positional(key []byte) bool {
	if len(key) > 4 && bytes.EqualFold(key[:4], []byte("gps_")) {
		return true
	}
	for _, k := range [...]string{"lat", "lon", "lng", "latitude", "longitude", "location", "coordinates", "gps"} {
		if len(key) == len(k) && bytes.EqualFold(key, []byte(k)) {
			return true
		}
	}
	return false
}
