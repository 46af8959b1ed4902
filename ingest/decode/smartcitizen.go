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
// 87 is PM2.5, 88 PM10, 89 PM1, 55 the temperature and 56 the humidity of the SHT31
// on the board of a kit 2.1; the station declares what others are, or one of these
// otherwise. Battery (10), light (14) and noise (53) are not kept. The numbers other
// than 87 to 89 are those of a list that one of its makers published, not verified
// on a kit; 58, pressure, is left out because lists disagree on its unit. What the kit says on …/hello, …/info and …/inventory holds
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
		k.kitReading(root)
		return k.done()
	case !data.is(shapeArray):
		return k.refuse(CauseJSON, `an object with "data", a list of readings, is expected`)
	}
	k.elements(data, k.kitReading)
	return k.done()
}

// kitReading takes one element of data.
func (k *kit) kitReading(n *node) (more bool) {
	if !k.another() {
		return false
	}
	sensors := k.member(n, "sensors")
	at, ok := k.stands(n, sensors.is(shapeArray), "each reading must be an object with recorded_at and a list of sensors", "recorded_at")
	if !ok {
		return true
	}
	broken := 0
	for sensor := range k.children(sensors) {
		id, value := k.member(sensor, "id"), k.member(sensor, "value")
		if id == nil || value == nil || id.kind != kindNumber && id.kind != kindText {
			broken++
			continue
		}
		k.sensor(id.text, value.token)
	}
	if broken > 0 {
		k.fault(CauseJSON, strconv.Itoa(broken)+" of the sensors are no object with id and value", nil)
	}
	k.conclude(at)
	return true
}

// sensor takes the value of one sensor of the catalogue.
func (k *kit) sensor(id []byte, t token) {
	usual := nothing()
	switch string(id) {
	case "10", "14", "53":
		if _, _, ok := k.declared(id, usual); !ok {
			return
		}
	case "55":
		usual.slot = slot([]byte(reading.Temperature))
	case "56":
		usual.slot = slot([]byte(reading.Humidity))
	case "87":
		usual.slot = slot([]byte(reading.PM25))
	case "88":
		usual.slot = slot([]byte(reading.PM10))
	case "89":
		usual.slot = slot([]byte(reading.PM1))
	}
	if _, how := t.figure(); !k.measured(usual, id, instant{}, t) && how != empty {
		k.fault(CauseChannelUnknown, askChannel, id)
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
	var stamp *node
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
			k.sensor(key, t)
		default:
			k.fault(CauseJSON, "%s: each part must be the number of a sensor, a colon and its value", key)
		}
	}
	if at, ok := k.when(stamp, "t"); ok {
		k.conclude(at)
	} else {
		k.report()
	}
	return k.done()
}
