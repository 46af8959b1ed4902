package decode

import (
	"strconv"

	"buurtmeter/ingest/reading"
)

// TheThingsStack decodes an uplink of The Things Stack v3, as its webhook posts
// it and as it stands on v3/{application}@{tenant}/devices/{device}/up, and the
// uplink of v2 that some integrations still send.
//
//   - The time is that of the network's receipt, uplink_message.received_at; the
//     outer received_at only without it, and never the time of a gateway. A
//     webhook that is tried again carries the same time, so that the reading is
//     the same one.
//   - decoded_payload holds the values. A key, or the path "pm.pm25" of one in an
//     object, that the station declares as a channel means what was declared.
//     Other keys of the outer object count when their name is beyond doubt:
//     temperature_1, relative_humidity_1 and barometric_pressure_1 of Cayenne
//     LPP, pm2_5, pm25, pm10, no2_ppb; a bare no2 is refused for want of a unit. Of
//     two sensors of one property the lower number counts (see sheet).
//   - normalized_payload has fixed names and units, and goes before names. Its
//     measurements with a time of their own are readings of their own.
//   - A message marked simulated is refused.
//   - All devices of an application may post with one secret. Where the board of the
//     station is known, an uplink of any other device is refused whole: the board's
//     hardware id is the device_id or the dev_eui (dev_id and hardware_serial in v2).
//     Without a known board nothing can be told apart, and every uplink is taken.
//   - Joins, receipts of downlinks and the like hold no readings: no problem.
//   - Several gateways in rx_metadata are one reading. Positions are not read.
func TheThingsStack(in Input) Decoded {
	k, ok := open(in)
	if !ok {
		return k.done()
	}
	up, ok := k.uplink()
	if !ok {
		return k.done()
	}
	if up.decoded.unset() && up.normalized.unset() || up.decoded.is(shapeObject) && up.decoded.child == 0 && up.normalized.unset() {
		return k.undecoded(up)
	}
	if !up.decoded.unset() && !up.decoded.is(shapeObject) {
		return k.refuse(CauseValueUnreadable, up.name+" must be one object, like {\"pm25\": 8.1}: correct the payload formatter")
	}
	timed := k.normalized(&up)
	k.leaves(up.decoded, nil, func(path []byte, n *node) bool { return k.formatted(up, path, n) })
	if timed && k.empty() && len(k.out.Readings)+len(k.out.Problems) > 0 {
		return k.done()
	}
	k.conclude(up.span)
	return k.done()
}

// uplink is what a message of the network says, of whichever version.
type uplink struct {
	span
	port int64
	// raw is the payload of the device in base64, decoded what the payload
	// formatter of the application made of it, under the given name.
	raw, decoded, normalized *node
	name                     string
	// restated are the properties that the network gives under its fixed names: what
	// the formatter calls them is the same measurement and no second sensor.
	restated [slots]bool
}

// uplink finds the parts of an uplink. When ok is false, the problem stands in
// the result; or nothing does, because the message is no uplink and needs not be.
func (k *kit) uplink() (u uplink, ok bool) {
	root := k.root()
	if k.isTrueLike(k.member(root, "simulated")) || k.isTrueLike(k.member(k.member(root, "uplink_message"), "simulated")) {
		k.problem(CauseSimulated, "the network marks this message as simulated: only what a device really measured is kept", k.in.Payload)
		return u, false
	}
	var stamp *node
	where, field := "uplink_message.received_at", "f_port"
	switch message := k.member(root, "uplink_message"); {
	case message == nil && k.member(root, "uplink_normalized") != nil:
		message = k.member(root, "uplink_normalized")
		u.normalized, u.name = k.member(message, "normalized_payload"), "normalized_payload"
		stamp, u.port = k.member(message, "received_at"), 1
	case message.is(shapeObject):
		u.decoded, u.name = k.member(message, "decoded_payload"), "decoded_payload"
		u.normalized, u.raw = k.member(message, "normalized_payload"), k.member(message, "frm_payload")
		stamp = k.member(message, "received_at")
		// What is 0 is left out, f_port too.
		if port := k.member(message, field); port != nil && port.whole(&u.port, 0, 255) == bad {
			u.port = -1
		}
	case message == nil && k.isV2(root):
		where, field = "metadata.time", "port"
		u.decoded, u.name = k.member(root, "payload_fields"), "payload_fields"
		u.raw, stamp = k.member(root, "payload_raw"), k.member(k.member(root, "metadata"), "time")
		if port := k.member(root, field); port != nil && port.whole(&u.port, 0, 255) == bad {
			u.port = -1
		}
		return k.stamped(u, stamp, where)
	case message == nil && k.isQuiet(root):
		return u, false
	default:
		k.problem(CauseFormatUnknown, "this is not an uplink of The Things Stack: an object with uplink_message is expected", k.in.Payload)
		return u, false
	}
	if stamp.unset() {
		if stamp, where = k.member(root, "received_at"), "received_at"; stamp.unset() {
			stamp = nil
		}
	}
	return k.stamped(u, stamp, where)
}

// otherDevice says why an uplink is not one of the board of the station; empty when
// it is, or when nobody noted the board. It repeats no id: texts of problems go
// further than hardware ids may.
func (k *kit) otherDevice(root *node) (why string) {
	board := k.in.Station.Board
	if board.Hardware == "" || k.in.Received.Before(board.From) {
		return ""
	}
	ids := k.member(root, "end_device_ids")
	named := false
	for _, n := range [...]*node{k.member(ids, "device_id"), k.member(ids, "dev_eui"), k.member(root, "dev_id"), k.member(root, "hardware_serial")} {
		if n != nil && n.kind == kindText && len(n.text) > 0 {
			named = true
			if board.Hardware.Same(string(n.text)) {
				return ""
			}
		}
	}
	const note = "note its device_id or dev_eui with 'buurtmeter station board replace --hardware'"
	if !named {
		return "the uplink does not say of which device it is, and the station has a board: forward end_device_ids, or " + note
	}
	return "the uplink is of another device than the board of this station: give each device a station and a webhook of its own; if the board was replaced, " + note
}

// stamped ends an uplink with the time of its receipt by the network, if it is one
// of the board of the station.
func (k *kit) stamped(u uplink, stamp *node, where string) (_ uplink, ok bool) {
	k.port = max(0, u.port)
	if why := k.otherDevice(k.root()); why != "" {
		k.problem(CauseOtherDevice, why, k.in.Payload)
		return u, false
	}
	if u.span, ok = k.when(stamp, where); !ok {
		k.report()
	}
	return u, ok
}

// isTrueLike is true for whatever is not plainly "no".
func (k *kit) isTrueLike(n *node) bool {
	return !n.unset() && (!n.is(shapeBool) || k.isTrue(n))
}

func (k *kit) isV2(root *node) bool {
	return k.member(root, "payload_fields") != nil || k.member(root, "payload_raw") != nil ||
		k.member(root, "dev_id") != nil && k.member(root, "counter") != nil
}

// isQuiet tells whether the message is one of the other kinds of the network.
func (k *kit) isQuiet(root *node) bool {
	for _, kind := range [...]string{
		"join_accept", "downlink_ack", "downlink_nack", "downlink_sent", "downlink_failed", "downlink_queued",
		"downlink_queue_invalidated", "location_solved", "service_data",
	} {
		if k.member(root, kind) != nil {
			return true
		}
	}
	return false
}

// undecoded says why an uplink has no values.
func (k *kit) undecoded(u uplink) Decoded {
	if u.raw.unset() && u.port == 0 && u.name != "payload_fields" {
		return k.done() // the device spoke to the network only
	}
	detail := "the uplink has no " + u.name + ": set a payload formatter for the application or the device"
	if u.port >= 10 && u.port <= 13 {
		detail += ", or, because it came on port " + strconv.FormatInt(u.port, 10) + " of Meet je stad, declare the format meet-je-stad"
	} else {
		detail += ", or declare the format meet-je-stad if it is such a station"
	}
	return k.refuse(CauseNoValues, detail)
}

// longestPath bounds the path of a value in nested objects.
const longestPath = 128

// leaves calls visit for every value in the object n, with the names that lead
// to it joined by dots; for an object too, whose members follow when visit asks
// for them. What belongs to a position is passed over.
func (k *kit) leaves(n *node, prefix []byte, visit func(path []byte, n *node) (inside bool)) {
	for m := range k.children(n) {
		if placeKey(m.key) {
			continue
		}
		path := m.key
		if len(prefix) > 0 {
			path = append(append(prefix[:len(prefix):len(prefix)], '.'), m.key...)
		}
		if len(path) <= longestPath && visit(path, m) && m.is(shapeObject) {
			k.leaves(m, path, visit)
		}
	}
}

// formatted takes one value of a payload formatter.
func (k *kit) formatted(u uplink, path []byte, n *node) (inside bool) {
	usual, known := named(path)
	if len(path) != len(n.key) { // within an object a name says less
		usual, known = nothing(), false
	}
	switch o, v, declared := k.declared(path, usual); {
	case declared:
		if v == use {
			k.put(o, path, instant{}, n.token, 0)
		}
	case n.is(shapeObject):
		return true
	case known && !u.restated[o.slot]:
		k.put(o, path, instant{}, n.token, 0)
	case !known && suspect(path) && numeric(n.token):
		k.fault(CauseChannelUnknown, askChannel, path)
	}
	return false
}

// normalized takes normalized_payload: a list of measurements, or one. It
// reports whether any had its own time; those are readings already.
func (k *kit) normalized(u *uplink) (timed bool) {
	switch {
	case u.normalized.unset():
		return false
	case u.normalized.is(shapeObject):
		return k.measurement(u, u.normalized)
	case !u.normalized.is(shapeArray):
		k.fault(CauseValueUnreadable, "normalized_payload must be a list of measurements", nil)
		return false
	}
	// Those with a time of their own first: each is an element that stands alone.
	for _, own := range [...]bool{true, false} {
		for m := range k.children(u.normalized) {
			if own != k.member(m, "time").unset() {
				if !k.another() {
					return timed
				}
				timed = k.measurement(u, m) || timed
			}
		}
	}
	return timed
}

func (k *kit) measurement(u *uplink, m *node) (timed bool) {
	stamp := k.member(m, "time")
	timed = !stamp.unset()
	for v := range k.children(k.member(m, "air")) {
		p := reading.Property("")
		switch string(v.key) {
		case "temperature":
			p = reading.Temperature
		case "relativeHumidity":
			p = reading.Humidity
		case "pressure":
			p = reading.Pressure
		default:
			if suspect(v.key) && numeric(v.token) {
				k.fault(CauseChannelUnknown, askChannel, v.key)
			}
			continue
		}
		o := origin{slot: slot([]byte(p)), rank: undeclared}
		if _, how := v.figure(); how == good {
			u.restated[o.slot] = true
		}
		k.put(o, v.key, instant{}, v.token, 0)
	}
	if !timed {
		return false
	}
	if at, ok := k.when(stamp, "normalized_payload.time"); !k.empty() {
		if ok {
			k.conclude(at)
		} else {
			k.report()
		}
	}
	k.begin(k.element)
	return true
}
