package decode

import (
	"bytes"
	"strconv"

	"buurtmeter/ingest/reading"
)

// SmartCitizen decodes what a Smart Citizen Kit publishes on
// device/sck/{token}/readings and …/readings/raw. The form tells them apart, not
// the topic, because firmware has changed from one to the other:
//
//	{"data":[{"recorded_at":"2016-06-08 10:30:00Z","sensors":[{"id":87,"value":8.1}]}]}
//	{ t:2017-03-24T13:35:14Z, 87:8.1, 88:14.9 }
//
// One element of data may stand alone. A sensor is a number of their catalogue:
// 87 is PM2.5, 88 PM10 and 89 PM1; the station declares what others are, or one
// of these otherwise. What the kit says on …/hello, …/info and …/inventory holds
// no readings. A topic holds the kit's token and is never repeated in a problem.
func SmartCitizen(in Input) Decoded {
	switch lastLevels(in.Topic, 1) {
	case "hello", "info", "inventory":
		return Decoded{}
	}
	k, ok := openText(in)
	if !ok {
		return k.done()
	}
	if text := bytes.TrimSpace(k.text); isRaw(text) {
		return k.raw(text)
	}
	if !k.parse() {
		return k.done()
	}
	root := k.root()
	data := k.member(root, "data")
	switch {
	case root.is(shapeArray):
		data = root
	case data == nil && root.is(shapeObject) && k.member(root, "sensors") != nil:
		k.kitReading(root, false)
		return k.done()
	case !data.is(shapeArray):
		return k.refuse(CauseJSON, `an object with "data", a list of readings, is expected`)
	}
	several := data.child != 0 && k.nodes[data.child].next != 0
	count := 0
	for n := range k.children(data) {
		if count++; count > MaxReadings {
			return k.refuse(CauseTooLarge, "the message has more than "+strconv.Itoa(MaxReadings)+" readings: split it")
		}
		k.kitReading(n, several)
	}
	if count == 0 {
		return k.refuse(CauseNoValues, `"data" is empty: send at least one reading`)
	}
	return k.done()
}

// kitReading takes one element of data.
func (k *kit) kitReading(n *node, several bool) {
	element := k.source(n)
	sensors := k.member(n, "sensors")
	if !sensors.is(shapeArray) {
		k.problem(CauseJSON, "each reading must be an object with recorded_at and a list of sensors", element)
		return
	}
	stamp := k.member(n, "recorded_at")
	if stamp == nil && several {
		k.problem(CauseTimeMissing, "in a list of several readings each one needs its own recorded_at", element)
		return
	}
	when, ok := k.when(stamp, "recorded_at", element)
	if !ok {
		return
	}
	var s sample
	broken := 0
	for sensor := range k.children(sensors) {
		id, value := k.member(sensor, "id"), k.member(sensor, "value")
		if id == nil || value == nil || id.kind != kindNumber && id.kind != kindText {
			broken++
			continue
		}
		k.sensor(&s, id.text, value.token)
	}
	if broken > 0 {
		k.problem(CauseJSON, strconv.Itoa(broken)+" of the sensors are no object with id and value", element)
	}
	k.finish(&s, when, element)
}

// sensor takes the value of one sensor of the catalogue.
func (k *kit) sensor(s *sample, id []byte, t token) {
	switch string(id) {
	case "87":
		k.take(s, reading.PM25, id, t)
	case "88":
		k.take(s, reading.PM10, id, t)
	case "89":
		k.take(s, reading.PM1, id, t)
	default:
		if c, ok := k.in.Station.Wire.Channel(string(id)); ok {
			k.declared(s, c, id, t)
		} else if !noValue(t) {
			s.unknown = appendName(s.unknown, id)
		}
	}
}

// isRaw tells the raw form from JSON by what follows the brace: the raw one has
// no quotes.
func isRaw(text []byte) bool {
	if len(text) == 0 || text[0] != '{' {
		return false
	}
	inside := bytes.TrimSpace(text[1:])
	return len(inside) > 0 && (inside[0] == 't' || inside[0] >= '0' && inside[0] <= '9')
}

// raw takes the raw form: pairs of a key and a value, t is the time.
func (k *kit) raw(text []byte) Decoded {
	inside, whole := bytes.CutSuffix(text[1:], []byte("}"))
	if !whole {
		return k.refuse(CauseJSON, "the message is cut off: it must end in }")
	}
	var s sample
	var stamp *node
	var broken []string
	for part := range bytes.SplitSeq(inside, []byte(",")) {
		key, value, pair := bytes.Cut(part, []byte(":"))
		key, value = bytes.TrimSpace(key), bytes.TrimSpace(value)
		t := token{kind: kindText, text: value}
		switch {
		case len(key) == 0 && !pair: // a comma too many
		case pair && string(key) == "t" && stamp == nil:
			stamp = &node{token: t}
		case pair && string(key) == "t":
			stamp.token = token{kind: kindOther}
		case pair && len(key) > 0 && digits(key, 0) == len(key):
			k.sensor(&s, key, t)
		default:
			broken = appendName(broken, key)
		}
	}
	k.about(CauseJSON, "%s: each part must be the number of a sensor, a colon and its value", broken, k.in.Payload)
	if when, ok := k.when(stamp, "t", k.in.Payload); ok {
		k.finish(&s, when, k.in.Payload)
	}
	return k.done()
}
