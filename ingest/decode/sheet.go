package decode

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"time"

	"buurtmeter/ingest/reading"
)

// longestKey is the longest name of a sensor that is looked at, in bytes.
const longestKey = 256

// maxValues is the largest number of values in one message of a kit, which
// bounds the memory that a message of many small ones takes.
const maxValues = 5 * MaxReadings

// The rank of a sensor that nobody declared: below these stand the station's
// channels, in their order.
const (
	// undeclared is the first rank of what the format itself defines. A format with
	// an order of trust among its sensors counts up from it.
	undeclared = 1 << 16
	// byName is the first rank of keys of free choice, whose name is all there is to
	// go by; the number behind a name (temperature_2) is added.
	byName = 1 << 17
	// byUnsureName is the same for names that leave the unit open.
	byUnsureName = 1 << 18
)

// sheet gathers what one message of a kit says, or one element of it that stands
// alone: values by moment and property, and faults by cause. Every format that
// is not ours fills one, so that these rules hold for all of them:
//
//   - A channel of the station (reading.Wire) says what a key means. A channel
//     without a property is a sensor that the keeper leaves out. As soon as a
//     property has a channel, only sensors with a channel count for it.
//   - A property comes from one sensor per message: of several, the one with the
//     lowest rank (first channels, then the order of the format, then the number
//     in the name, then the order in the message). The others are a
//     CauseSecondSensor problem, unless they say the same; nothing is averaged, and
//     no second sensor fills gaps of the first.
//   - The same sensor twice for one moment counts once when both say the same;
//     otherwise neither can be trusted.
//   - A name that leaves the unit open (no2, pressure) gives no value.
//   - A message without a time gets the time of receipt, and every value the flag
//     ServerTime. A time without a zone is refused unless the station declared one.
//   - What a kit says about itself is ignored; what looks like a measurement but is
//     not certain is a problem, once for each cause and element.
//   - A position is never taken, and the digits of one are blanked in elements:
//     those are stored and shown. See done.
type sheet struct {
	in       Input
	received int64 // milliseconds since 1970
	// offset is where the text begins in the payload, behind a byte order mark.
	offset  int
	zone    *time.Location
	taken   [slots]bool
	out     Decoded
	blanked []extent // positions, in the text

	// What follows is about the element that is read, see begin.
	element []byte
	entries []entry
	best    [slots]entry // of the sensor that counts; known when all are filed
	faults  []fault
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

// nothing is the origin of a key that the format does not know.
func nothing() origin { return origin{slot: -1, rank: undeclared} }

// instant is the moment of a value; server says that the device did not tell it.
type instant struct {
	milli  int64
	server bool
}

// span is the time that the values of an element stand for; 0 seconds is unknown.
type span struct {
	instant
	seconds int32
}

// now is the moment of a message without a time.
func (s *sheet) now() instant { return instant{milli: s.received, server: true} }

// entry is one value of one sensor at one moment.
type entry struct {
	span
	key     []byte
	value   float64
	rank    int32
	slot    uint8
	state   state
	missing bool
}

func newSheet(in Input) *sheet {
	s := &sheet{in: in, received: in.Received.UnixMilli(), element: in.Payload}
	for _, c := range in.Station.Wire.Channels {
		if k := slot([]byte(c.Property)); k >= 0 {
			s.taken[k] = true
		}
	}
	return s
}

// begin starts the next element of a message whose elements stand alone.
func (s *sheet) begin(element []byte) {
	s.element, s.entries, s.faults, s.silent = element, s.entries[:0], s.faults[:0], false
	s.best = [slots]entry{}
}

// empty tells whether no key of any interest was met in the element.
func (s *sheet) empty() bool { return len(s.entries)+len(s.faults) == 0 }

// open returns the payload as a text. When ok is false, the problem is filed.
func (s *sheet) open() (text []byte, ok bool) {
	text, cause, detail := plainText(s.in.Payload)
	if cause != "" {
		s.problem(cause, detail, s.in.Payload)
		return nil, false
	}
	s.offset = cap(s.in.Payload) - cap(text)
	return text, true
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
		if c.Key == string(key) {
			o, v = s.channel(c, i, key, usual)
			return o, v, true
		}
	}
	return usual, unknownKey, false
}

// channel says what a key with the given channel of the station means.
func (s *sheet) channel(c reading.Channel, rank int, key []byte, usual origin) (o origin, v verdict) {
	o = origin{slot: slot([]byte(c.Property)), rank: rank}
	known := true
	switch {
	case c.Property == "":
		s.silent = true
		return o, leave
	case o.slot < 0:
		s.fault(CausePropertyUnknown, "the channel %s is declared with a property that does not exist: declare another", key)
		return o, leave
	case c.Unit == "" && usual.slot == o.slot:
		o.unit = usual.unit
	default:
		o.unit, known = unitOf(c.Property, []byte(c.Unit))
	}
	if !known {
		s.fault(CauseUnitUnknown, "the channel %s is declared with a unit that its property does not have: declare another", key)
		return o, leave
	}
	return o, use
}

// measured files the value of a key that means usual, unless a channel says
// otherwise. It returns false for a key that means nothing.
func (s *sheet) measured(usual origin, key []byte, at instant, t token) (known bool) {
	o, v, ok := s.declared(key, usual)
	if ok && v != use {
		return true
	}
	if o.slot >= 0 {
		s.put(o, key, at, t, 0)
	}
	return o.slot >= 0
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
	if s.entries == nil {
		s.entries = make([]entry, 0, 8)
	}
	e := entry{span: span{instant: at}, key: key, slot: uint8(o.slot), rank: int32(o.rank)}
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
		s.fault(CauseValueUnreadable, "the value of %s is not a finite number, or its key stands twice: send one with a decimal point, or null when there is none", key)
	}
	s.entries = append(s.entries, e)
}

// figure returns the number that the token stands for. Unlike our own format,
// those of kits know nan and the words of Home Assistant as ways to say "no value".
func (t token) figure() (float64, state) {
	if t.missing() {
		return 0, empty
	}
	if t.kind == kindNotFinite || t.kind == kindText {
		switch w := bytes.TrimSpace(t.text); len(w) {
		case len("nan"), len("-nan"):
			if bytes.EqualFold(bytes.TrimPrefix(w, []byte("-")), []byte("nan")) {
				return 0, empty
			}
		case len("unknown"), len("unavailable"):
			if bytes.EqualFold(w, []byte("unknown")) || bytes.EqualFold(w, []byte("unavailable")) {
				return 0, empty
			}
		}
	}
	v, ok := t.float()
	if !ok {
		return 0, bad
	}
	return v, good
}

// finish settles the message as one element; it is the last call.
func (s *sheet) finish(nothing string) Decoded {
	s.settle(nothing)
	return s.done()
}

// settle makes readings and problems of what was filed for the element. nothing
// says what to do about one without any value.
func (s *sheet) settle(nothing string) {
	if s.full {
		s.problem(CauseTooLarge, "the message has more than "+strconv.Itoa(maxValues)+" values: split it", s.element)
		return
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
		s.problem(CauseTooLarge, "the message has more than "+strconv.Itoa(MaxReadings)+" moments: split it", s.element)
		return
	}
	before := len(s.out.Readings)
	if moments > 0 {
		s.readings(moments)
	}
	if len(s.faults) == 0 && len(s.out.Readings) == before && (!s.silent || len(s.entries) > 0) {
		s.problem(CauseNoValues, nothing, s.element)
	}
	s.report()
}

// readings turns the sorted entries into one reading per moment with a value.
func (s *sheet) readings(moments int) {
	s.out.Readings = slices.Grow(s.out.Readings, moments)
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
			s.out.Readings = append(s.out.Readings, reading.Reading{
				Station: s.in.Station.ID, At: time.UnixMilli(at).UTC(), Interval: time.Duration(seconds) * time.Second,
				Received: received, Values: values[first:len(values):len(values)],
			})
		}
	}
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
	switch {
	case conflict:
		s.fault(CauseValueUnreadable, "%s has two different values for one moment: send each once", key)
		return e, false
	case found && e.state == good && e.rank >= byUnsureName:
		s.fault(CauseUnitUnknown, "the unit of %s is not certain: declare the channel with its unit (gases µg/m³ or ppb, hPa or Pa, °C, %%)", key)
		return e, false
	}
	return e, found && e.state == good
}
