package decode

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"buurtmeter/ingest/reading"
)

// MaxPayload is the largest JSON message in bytes.
const MaxPayload = 1 << 20

// MaxReadings is the largest number of readings in one message.
const MaxReadings = 5000

// MaxInterval is the longest time that one reading may stand for. A longer one
// could not be placed in a clock hour, and no norm could be compared with it.
const MaxInterval = time.Hour

// JSON decodes our own wire format:
//
//	{"time": "2026-11-23T08:00:00Z", "interval": 300, "values": {"no2": 21.4, "pm25": 8.1}}
//
// or a batch, {"readings": [{…}, …]} or just [{…}, …], of at most MaxReadings.
//
//   - time is RFC 3339 with a zone, or Unix time in seconds, decimals allowed; it
//     is cut to milliseconds. It is the begin of what was measured. Without the
//     key the time of receipt stands in and every value is flagged ServerTime;
//     in a batch of several readings that would be a lie, so there the key is
//     required. null, "" and "NA" mean that the device had no time: a problem,
//     never a reading.
//   - interval (whole seconds, 1 to 3600) is the time that the values stand for;
//     without it the station's cadence counts. rev (0 to 255) numbers corrections.
//   - values maps properties to numbers; a number may stand in a string. null, "",
//     "NA", "none" and "null" mean that there is no value. What printf makes of a
//     failed measurement (nan, inf, overflow) is a problem of that value only.
//   - -999 and -9999, and -1 for a concentration, are kept and flagged
//     MissingCode.
//   - units may name the unit of a property. "ppb" for no2 is converted to µg/m³.
//   - A key that comes twice makes its part unreadable: neither value can be
//     trusted. Other keys are ignored, so that devices may send more than we
//     know, but a property outside values is a problem.
//
// A text that is not JSON is refused as a whole, because then nothing in it can
// be trusted. A byte order mark before and NUL bytes after the text are cut off.
// Every reading has the station's id, Received cut to milliseconds in UTC, and
// its values in the order of reading.Properties.
func JSON(payload []byte, st reading.Station, received time.Time) Decoded {
	if len(payload) > MaxPayload {
		return refuse(payload, CauseTooLarge, fmt.Sprintf("the message has %d bytes: send at most %d in one message", len(payload), MaxPayload))
	}
	text := bytes.TrimRight(bytes.TrimPrefix(payload, []byte("\xef\xbb\xbf")), "\x00")
	if !utf8.Valid(text) {
		return refuse(payload, CauseNotUTF8, "the message is not UTF-8: send JSON in UTF-8")
	}
	d := decoder{station: st.ID, received: received.UTC().Truncate(time.Millisecond)}
	d.b = text
	if !d.message() {
		if d.cause == CauseTooLarge {
			return refuse(payload, CauseTooLarge, d.why)
		}
		return refuse(payload, CauseJSON, fmt.Sprintf("%s, at byte %d: send one JSON object", d.why, d.i))
	}
	return d.out
}

func refuse(payload []byte, cause, detail string) Decoded {
	return Decoded{Problems: []Problem{{Cause: cause, Detail: detail, Element: payload}}}
}

type decoder struct {
	scanner
	station  reading.StationID
	received time.Time
	out      Decoded
	cause    string
}

func (d *decoder) message() bool {
	ok := false
	switch d.peek() {
	case '{':
		ok = d.top()
	case '[':
		ok = d.batch()
	case 0:
		return d.fail("the message is empty")
	default:
		return d.fail("neither an object nor an array")
	}
	if d.space(); ok && d.i < len(d.b) {
		return d.fail("there is more after the end")
	}
	return ok
}

// top decodes the outer object: one reading, or the envelope of a batch.
func (d *decoder) top() bool {
	var r draft
	start, batches := d.i, 0
	ok := d.object(func(key []byte) bool {
		if string(key) != "readings" {
			return d.member(&r, key)
		}
		if batches++; batches > 1 {
			return d.fail(`"readings" stands twice`)
		}
		if d.peek() != '[' {
			return d.fail(`"readings" must be an array`)
		}
		return d.batch()
	})
	switch {
	case !ok:
		return false
	case batches == 0:
		d.finish(&r, d.b[start:d.i], false)
	case r.used():
		return d.fail(`"readings" and the keys of a single reading stand side by side; use one of the two`)
	}
	return true
}

func (d *decoder) batch() bool {
	count, start := 0, d.i
	ok := d.array(func() bool {
		if count++; count > MaxReadings {
			d.cause = CauseTooLarge
			return d.fail("the message has more than " + strconv.Itoa(MaxReadings) + " readings: split it")
		}
		first := d.i
		if d.peek() != '{' {
			_, ok := d.value(1)
			d.problem(CauseJSON, "each element of a batch must be an object with time and values", d.b[first:d.i])
			return ok
		}
		var r draft
		ok := d.object(func(key []byte) bool { return d.member(&r, key) })
		if ok {
			end := d.i
			d.finish(&r, d.b[first:end], count > 1 || d.peek() == ',')
		}
		return ok
	})
	if ok && count == 0 {
		d.problem(CauseNoValues, "the batch is empty: send at least one reading", d.b[start:d.i])
	}
	return ok
}

func (d *decoder) problem(cause, detail string, element []byte) {
	d.out.Problems = append(d.out.Problems, Problem{Cause: cause, Detail: detail, Element: element})
}

// slots is how many properties there are; slot and propertyOf are the same
// table as reading.Properties, without a search (a test compares them).
const slots = 12

func slot(name []byte) int {
	switch reading.Property(name) {
	case reading.NO2:
		return 0
	case reading.PM25:
		return 1
	case reading.PM10:
		return 2
	case reading.Temperature:
		return 3
	case reading.Humidity:
		return 4
	case reading.Pressure:
		return 5
	case reading.PM1:
		return 6
	case reading.PM25Corrected:
		return 7
	case reading.O3:
		return 8
	case reading.SO2:
		return 9
	case reading.CO:
		return 10
	case reading.Benzene:
		return 11
	}
	return -1
}

func propertyOf(slot int) reading.Property {
	return [slots]reading.Property{
		reading.NO2, reading.PM25, reading.PM10, reading.Temperature, reading.Humidity, reading.Pressure,
		reading.PM1, reading.PM25Corrected, reading.O3, reading.SO2, reading.CO, reading.Benzene,
	}[slot]
}

// concentration tells whether the property of the slot cannot be negative.
func concentration(slot int) bool { return slot < 3 || slot > 5 }

// state is what is known of one key, of a reading or of its values.
type state uint8

const (
	absent state = iota
	// empty: the key is there and says that there is no value.
	empty
	good
	bad
)

// put moves a state on when its key is met: a second time makes it bad.
func (s *state) put(now state) {
	if *s != absent {
		now = bad
	}
	*s = now
}

// draft is one reading while its object is being read. Keys may come in any
// order, so judgement waits for the end of the object.
type draft struct {
	time, interval, rev, values, units state

	milli   int64
	seconds int64
	number  uint8

	value [slots]float64
	have  [slots]state
	unit  [slots]conversion
	named [slots]state

	unknown, misplaced []string
}

// used tells whether any key of a reading was met.
func (r *draft) used() bool {
	return r.time != absent || r.interval != absent || r.rev != absent || r.values != absent || r.units != absent || r.misplaced != nil
}

// member reads the value of one key of a reading.
func (d *decoder) member(r *draft, key []byte) bool {
	switch string(key) {
	case "values":
		return d.container(&r.values, func(name []byte) bool { return d.measured(r, name) })
	case "units":
		return d.container(&r.units, func(name []byte) bool { return d.unitMember(r, name) })
	}
	t, ok := d.value(2)
	if !ok {
		return false
	}
	switch string(key) {
	case "time":
		r.time.put(t.moment(&r.milli))
	case "interval":
		r.interval.put(t.whole(&r.seconds, 1, int64(MaxInterval/time.Second)))
	case "rev":
		n := int64(0)
		r.rev.put(t.whole(&n, 0, 255))
		r.number = uint8(n) // whole keeps it within 0 to 255
	default:
		if slot(key) >= 0 {
			r.misplaced = appendName(r.misplaced, key)
		}
	}
	return true
}

// container reads an object that belongs to a key of a reading. null is as good
// as an empty object; anything else is bad.
func (d *decoder) container(s *state, member func([]byte) bool) bool {
	if d.peek() == '{' {
		s.put(good)
		return d.object(member)
	}
	t, ok := d.value(2)
	if t.kind == kindNull {
		s.put(empty)
	} else {
		s.put(bad)
	}
	return ok
}

// measured reads one member of values.
func (d *decoder) measured(r *draft, name []byte) bool {
	t, ok := d.value(3)
	if !ok {
		return false
	}
	k := slot(name)
	if k < 0 {
		r.unknown = appendName(r.unknown, name)
		return true
	}
	now := bad
	if t.missing() {
		now = empty
	} else if v, ok := t.float(); ok {
		r.value[k], now = v, good
	}
	r.have[k].put(now)
	return true
}

// longestName is how much of an unknown name a problem's text repeats.
const longestName = 40

// appendName remembers a name for the problem's text, which names at most five.
func appendName(names []string, name []byte) []string {
	switch {
	case len(names) == 5:
		return append(names, "…")
	case len(names) > 5:
		return names
	case len(name) > longestName:
		return append(names, strconv.Quote(string(name[:longestName]))+"…")
	}
	return append(names, strconv.Quote(string(name)))
}

// missing tells whether the token is one of the ways to say "no value".
func (t token) missing() bool {
	if t.kind != kindText {
		return t.kind == kindNull
	}
	s := bytes.TrimSpace(t.text)
	return len(s) == 0 || (len(s) <= 4 && (bytes.EqualFold(s, []byte("na")) || bytes.EqualFold(s, []byte("none")) || bytes.EqualFold(s, []byte("null"))))
}

// decimal returns the number as written, whether bare or in a string.
func (t token) decimal() ([]byte, bool) {
	switch t.kind {
	case kindNumber:
		return t.text, true
	case kindText:
		s := bytes.TrimSpace(t.text)
		return s, len(s) > 0 && numberEnd(s, 0) == len(s)
	default:
		return nil, false
	}
}

// moment reads a time into milli and says how that went.
func (t token) moment(milli *int64) state {
	if t.missing() {
		return empty
	}
	ok := false
	switch t.kind {
	case kindText:
		*milli, ok = parseStamp(t.text)
	case kindNumber:
		*milli, ok = parseMilli(t.text)
		ok = ok && *milli < endMilli
	default:
	}
	if !ok {
		return bad
	}
	return good
}

// float returns the finite number that the token stands for.
func (t token) float() (float64, bool) {
	b, ok := t.decimal()
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(b), 64)
	// Adding 0 turns -0 into 0, so that equal values are equal everywhere.
	return v + 0, err == nil
}

// whole reads an integer from low to high into n and says how that went.
func (t token) whole(n *int64, low, high int64) state {
	if t.missing() {
		return empty
	}
	b, ok := t.decimal()
	if !ok {
		return bad
	}
	milli, ok := parseMilli(b)
	if !ok || milli%1000 != 0 || milli < low*1000 || milli > high*1000 {
		return bad
	}
	*n = milli / 1000
	return good
}

// finish judges a whole object and adds its reading and its problems.
func (d *decoder) finish(r *draft, element []byte, several bool) {
	at, cause, detail := d.when(r, several)
	switch {
	case cause != "":
	case r.interval == bad:
		cause, detail = CauseInterval, "interval must be a whole number of seconds from 1 to 3600: send shorter means, or leave it out"
	case r.rev == bad:
		cause, detail = CauseRevision, "rev must be a whole number from 0 to 255"
	case r.units == bad:
		cause, detail = CauseUnitUnknown, "units must be one object with the unit of each property, or left out"
	case r.values == bad:
		cause, detail = CauseValueUnreadable, `values must be one object, like {"no2": 21.4}`
	}
	if cause != "" {
		d.problem(cause, detail, element)
		return
	}
	problems := len(d.out.Problems)
	values := d.values(r, r.time == absent, element)
	if len(values) > 0 {
		d.out.Readings = append(d.out.Readings, reading.Reading{
			Station: d.station, At: at, Interval: time.Duration(r.seconds) * time.Second,
			Received: d.received, Revision: r.number, Values: values,
		})
	} else if len(d.out.Problems) == problems {
		d.problem(CauseNoValues, `no value in the message: send at least one, like "values": {"no2": 21.4}`, element)
	}
}

// when gives the time of a reading, or the cause why it has none.
func (d *decoder) when(r *draft, several bool) (at time.Time, cause, detail string) {
	switch {
	case r.time == good:
		return time.UnixMilli(r.milli).UTC(), "", ""
	case r.time == bad:
		return at, CauseTimeUnreadable, "time cannot be read: send RFC 3339 with a zone (2026-11-23T08:00:00Z) or Unix time in seconds, between 1970 and 2099, once"
	case r.time == empty:
		return at, CauseTimeMissing, "time is empty: the device had no time; leave the key out to have the time of receipt"
	case several:
		return at, CauseTimeMissing, "in a batch of several readings each one needs its own time"
	}
	return d.received, "", ""
}

// values collects the usable values of a draft and the problems of the others.
func (d *decoder) values(r *draft, serverTime bool, element []byte) []reading.Value {
	n := 0
	for k := range slots {
		if r.have[k] == good {
			n++
		}
	}
	var values []reading.Value
	if n > 0 {
		values = make([]reading.Value, 0, n)
	}
	var unreadable, units []string
	for k := range slots {
		if r.have[k] == bad {
			unreadable = append(unreadable, string(propertyOf(k)))
		}
		if r.have[k] != good {
			continue
		}
		if r.named[k] == bad {
			units = append(units, string(propertyOf(k)))
			continue
		}
		if math.IsInf(r.unit[k].apply(r.value[k]), 0) {
			unreadable = append(unreadable, string(propertyOf(k)))
			continue
		}
		v := reading.Value{Property: propertyOf(k), Value: r.value[k]}
		if missingCode(concentration(k), v.Value) {
			v.Flags = reading.MissingCode
		} else {
			v.Value = r.unit[k].apply(v.Value)
		}
		if serverTime {
			v.Flags |= reading.ServerTime
		}
		values = append(values, v)
	}
	d.named(CausePropertyUnknown, "unknown property %s: use one of the names on the connect page, such as no2, pm25 or pm10", r.unknown, element)
	d.named(CauseValueMisplaced, `%s stands outside "values": move it inside`, r.misplaced, element)
	d.named(CauseValueUnreadable, "the value of %s is not a finite number, or stands twice: send one JSON number, or null when there is none", unreadable, element)
	d.named(CauseUnitUnknown, "the unit of %s is not known: send µg/m³ (gases also ppb), °C, % and hPa", units, element)
	return values
}

// named adds one problem for a list of names, if there are any.
func (d *decoder) named(cause, format string, names []string, element []byte) {
	if len(names) > 0 {
		d.problem(cause, fmt.Sprintf(format, strings.Join(names, ", ")), element)
	}
}

// missingCode tells whether v is a number that firmware sends for "no value":
// -999 and -9999 for anything, -1 for what cannot be negative.
func missingCode(concentration bool, v float64) bool {
	return v == -999 || v == -9999 || (v == -1 && concentration)
}
