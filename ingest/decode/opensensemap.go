package decode

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
)

// maxSenseValues is the largest number of values in one message, as at
// openSenseMap itself.
const maxSenseValues = 2500

// OpenSenseMap decodes what senseBoxes and other kits post to
// /boxes/:boxId/data, in each of its forms:
//
//	[{"sensor": "id", "value": "4.3", "createdAt": "2026-11-23T08:00:00Z", "location": […]}, …]
//	{"id": "4.3", "id": ["4.3", "2026-11-23T08:00:00Z", […]], …}
//	id,4.3,2026-11-23T08:00:00Z,lng,lat,height                  (CSV lines without header)
//	12 bytes id, float32                                        (application/sbx-bytes)
//	12 bytes id, float32, uint32 Unix time; all little-endian   (application/sbx-bytes-ts)
//
// The binary forms and CSV are known by Input.ContentType, all else by its first
// byte. An object with "reading" is a hackAIR message, one with
// "sensordatavalues" is read as Airrohr. Beyond that:
//
//   - A sensor id gets its meaning from a channel of the station; binary ids are 24
//     hexadecimal digits in small letters. Without one, a key that is itself a
//     property (pm25, PM2.5, temperature) is accepted, in the property's own unit;
//     any other is a CauseChannelUnknown problem that says which id to declare.
//   - createdAt is RFC 3339; without it the time of receipt stands in, flagged
//     ServerTime. Values of one moment become one reading; the same value twice
//     counts once and fails nothing.
//   - The location is never taken. A message of more than 2500 values is refused.
//   - A float32 means the shortest decimal number that it can be: 4.3, not
//     4.300000190734863.
func OpenSenseMap(in Input) Decoded {
	d := senseBox{sheet: newSheet(in)}
	switch in.ContentType {
	case "application/sbx-bytes":
		return d.binary(16)
	case "application/sbx-bytes-ts":
		return d.binary(20)
	}
	ok := false
	if d.b, ok = d.open(); !ok {
		return d.done()
	}
	switch first := d.peek(); {
	case in.ContentType == "text/csv":
		ok = d.csv()
	case first == '[':
		ok = d.list()
	case first == '{':
		if d.look(); d.airrohr {
			return Airrohr(in)
		}
		ok = d.pairs()
	case first == 0 || in.ContentType == "application/json":
		ok = d.fail("this is neither an array nor an object")
	default:
		ok = d.csv()
	}
	switch {
	case d.count > maxSenseValues:
		return d.tooMany()
	case !ok:
		return d.refuseJSON(&d.scanner)
	}
	return d.close()
}

// senseBox is a message to openSenseMap while it is being read.
type senseBox struct {
	scanner
	*sheet
	count            int
	airrohr, hackAIR bool
}

func (d *senseBox) tooMany() Decoded {
	return d.refuse(CauseTooLarge, "the message has more than "+strconv.Itoa(maxSenseValues)+" values: split it")
}

func (d *senseBox) close() Decoded {
	return d.finish("no value in the message: send at least one, with the id of its sensor")
}

// more counts a value. It returns false at one too many.
func (d *senseBox) more() bool {
	if d.count++; d.count > maxSenseValues {
		return d.fail("too many values")
	}
	return true
}

// sensor files one value; when is nil for a message without its time.
func (d *senseBox) sensor(key []byte, value token, when *token) {
	at := d.now()
	if when != nil {
		var ok bool
		if at, ok = d.moment(*when, "createdAt", false); !ok {
			return
		}
	}
	switch {
	case len(key) > longestKey:
		d.fault(CauseChannelUnknown, "the sensor id %s is too long", key)
	case !d.measured(ownName(key), key, at, value):
		d.fault(CauseChannelUnknown, askChannel, key)
	}
}

// list reads the array form.
func (d *senseBox) list() bool {
	const shape = "each element must be an object with sensor, value and perhaps createdAt, each once"
	ok := d.array(func() bool {
		if !d.more() {
			return false
		}
		if d.peek() != '{' {
			d.fault(CauseValueUnreadable, shape, nil)
			_, ok := d.value(1)
			return ok
		}
		var m [3]member
		if !d.members(2, []string{"sensor", "value", "createdAt"}, m[:], d.leftOut) {
			return false
		}
		sensor, value, at := &m[0], &m[1], &m[2]
		switch {
		case sensor.times != 1 || value.times > 1 || at.times > 1 || sensor.kind != kindText:
			d.fault(CauseValueUnreadable, shape, nil)
		case at.there():
			d.sensor(sensor.text, value.token, &at.token)
		default:
			d.sensor(sensor.text, value.token, nil)
		}
		return true
	})
	return ok && d.end()
}

// look finds out which kind of object this is, and leaves the position at its
// begin. Errors are found again when it is read.
func (d *senseBox) look() {
	ahead := scanner{b: d.b, i: d.i}
	ahead.object(func(key []byte) bool {
		switch string(key) {
		case "sensordatavalues":
			d.airrohr = true
		case "reading":
			d.hackAIR = ahead.peek() == '{'
		}
		_, ok := ahead.value(1)
		return ok
	})
}

// pairs reads the object form, or a hackAIR message.
func (d *senseBox) pairs() bool {
	ok := d.object(func(key []byte) bool {
		start := d.i
		switch {
		case d.hackAIR && string(key) == "reading" && d.peek() == '{':
			return d.object(d.hackAIRValue)
		case d.hackAIR || placeKey(key): // battery, tamper, error
			t, ok := d.value(1)
			return d.leftOut(key, t, start, d.i) && ok
		case d.peek() == '[':
			return d.more() && d.tuple(key)
		}
		t, ok := d.value(1)
		d.leftOut(key, t, start, d.i)
		if ok = ok && d.more(); ok {
			d.sensor(key, t, nil)
		}
		return ok
	})
	return ok && d.end()
}

// tuple reads ["value", "createdAt", "location"] of the object form.
func (d *senseBox) tuple(key []byte) bool {
	var t [2]token
	n := 0
	ok := d.array(func() bool {
		start := d.i
		v, ok := d.value(2)
		if n < 2 {
			t[n] = v
		} else {
			d.blank(start, d.i)
		}
		n++
		return ok
	})
	switch {
	case !ok:
		return false
	case n == 0 || n > 3:
		d.fault(CauseValueUnreadable, "the value of %s must be an array of value, createdAt and location", key)
	case n == 1:
		d.sensor(key, t[0], nil)
	default:
		d.sensor(key, t[0], &t[1])
	}
	return true
}

func (d *senseBox) hackAIRValue(key []byte) bool {
	if !d.more() {
		return false
	}
	t, ok := d.value(2)
	if !ok {
		return false
	}
	name := key
	switch string(key) {
	case "PM2.5_AirPollutantValue":
		name = []byte("pm25")
	case "PM10_AirPollutantValue":
		name = []byte("pm10")
	}
	d.sensor(name, t, nil)
	return true
}

// csv reads lines of id,value[,createdAt[,lng,lat[,height]]].
func (d *senseBox) csv() bool {
	rest := d.b
	for len(rest) > 0 {
		var line []byte
		start := len(d.b) - len(rest)
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if !d.more() {
			return false
		}
		d.line(line, start)
	}
	return true
}

func (d *senseBox) line(line []byte, start int) {
	var fields [6][]byte
	n, i := 0, 0
	for i <= len(line) {
		end := len(line)
		if k := bytes.IndexByte(line[i:], ','); k >= 0 {
			end = i + k
		}
		if n < len(fields) {
			fields[n] = bytes.TrimSpace(line[i:end])
		}
		if n >= 3 {
			d.blank(start+i, start+end)
		}
		n++
		i = end + 1
	}
	switch {
	case n < 2 || n == 4 || n > len(fields) || len(fields[0]) == 0:
		d.fault(CauseValueUnreadable, "a line must be id,value or id,value,createdAt, perhaps with lng,lat,height: send numbers with a decimal point", nil)
	case n == 2:
		d.sensor(fields[0], token{kindText, fields[1]}, nil)
	default:
		d.sensor(fields[0], token{kindText, fields[1]}, &token{kindText, fields[2]})
	}
}

// binary reads records of the given size.
func (d *senseBox) binary(size int) Decoded {
	b := d.in.Payload
	switch {
	case len(b) > MaxPayload:
		return d.refuse(CauseTooLarge, tooLong(len(b)))
	case len(b) == 0 || len(b)%size != 0:
		return d.refuse(CauseValueUnreadable, "the message must be records of "+strconv.Itoa(size)+" bytes: 12 of the id, 4 of the value and, in -ts, 4 of the time")
	case len(b)/size > maxSenseValues:
		return d.tooMany()
	}
	ids := make([]byte, 0, len(b)/size*24)
	for ; len(b) > 0; b = b[size:] {
		ids = hex.AppendEncode(ids, b[:12])
		key := ids[len(ids)-24:]
		value := decimalOf(math.Float32frombits(binary.LittleEndian.Uint32(b[12:])))
		if size == 16 {
			d.sensor(key, value, nil)
			continue
		}
		at := instant{milli: int64(binary.LittleEndian.Uint32(b[16:])) * 1000}
		switch {
		case at.milli >= endMilli:
			d.fault(CauseTimeUnreadable, "the time of %s lies after 2099: send seconds since 1970", key)
		case !d.measured(ownName(key), key, at, value):
			d.fault(CauseChannelUnknown, askChannel, key)
		}
	}
	return d.close()
}

// decimalOf writes the number as a kit would in text.
func decimalOf(f float32) token {
	switch v := float64(f); {
	case math.IsNaN(v):
		return token{kind: kindNull}
	case math.IsInf(v, 0):
		return token{kind: kindNotFinite}
	default:
		return token{kindNumber, strconv.AppendFloat(nil, v, 'g', -1, 32)}
	}
}
