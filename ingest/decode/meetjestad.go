package decode

import (
	"encoding/base64"
	"fmt"
	"time"

	"buurtmeter/ingest/reading"
)

// MeetJeStad decodes a message of a Meet je stad station: an uplink of The
// Things Stack (v3, or v2) whose payload holds the bit fields of ports 10 to 13,
// or the JSON that their forwarder makes of it, one object or an array of them.
//
// The time of an uplink is that of the network's receipt, as in TheThingsStack;
// that of the forwarder's JSON is its "timestamp", whose zone the station must
// declare. The position in the payload is never read, because a home is secret.
// Light, supply and battery are not kept.
func MeetJeStad(in Input) Decoded {
	k, ok := open(in)
	if !ok {
		return k.done()
	}
	root := k.root()
	switch {
	case root.is(shapeArray):
		k.elements(root, k.forwarded)
		return k.done()
	case root.is(shapeObject) && isForwarded(k, root):
		k.forwarded(root)
		return k.done()
	}
	up, ok := k.uplink()
	if !ok {
		return k.done()
	}
	if up.raw.unset() {
		if up.port == 0 && up.name != "payload_fields" {
			return k.done() // the device spoke to the network only
		}
		return k.refuse(CauseNoValues, "the uplink has no payload of the device (frm_payload): forward it as it is")
	}
	if up.port < 10 || up.port > 13 {
		return k.refuse(CauseFormatUnknown, fmt.Sprintf("Meet je stad measures on the ports 10 to 13, not on port %d: declare the format of this device", up.port))
	}
	raw, err := base64.StdEncoding.AppendDecode(nil, up.raw.text)
	if err != nil || up.raw.kind != kindText {
		return k.refuse(CauseValueUnreadable, "the payload of the device is not base64: forward frm_payload as it is")
	}
	p, ok := meetJeStadPacket(up.port, raw)
	if !ok {
		return k.refuse(CauseValueUnreadable, fmt.Sprintf("%d bytes are no packet of Meet je stad on port %d: forward frm_payload as it is", len(raw), up.port))
	}
	k.unpack(up.span, p)
	return k.done()
}

// unpack adds the reading of a packet. A channel without a property, under the
// name that the forwarder gives the value, leaves it out.
func (k *kit) unpack(at span, p packet) {
	values := make([]reading.Value, 0, 4)
	for _, v := range [...]struct {
		key   string
		there bool
		reading.Value
	}{
		{"pm2.5", p.hasPM, reading.Value{Property: reading.PM25, Value: p.pm25}},
		{"pm10", p.hasPM, reading.Value{Property: reading.PM10, Value: p.pm10}},
		{"temperature", true, reading.Value{Property: reading.Temperature, Value: p.temperature}},
		{"humidity", true, reading.Value{Property: reading.Humidity, Value: p.humidity}},
	} {
		if c, declared := k.in.Station.Wire.Channel(v.key); !v.there || declared && c.Property == "" {
			continue
		}
		if at.server {
			v.Flags = reading.ServerTime
		}
		values = append(values, v.Value)
	}
	if len(values) > 0 {
		k.out.Readings = append(k.out.Readings, reading.Reading{Station: k.in.Station.ID, At: time.UnixMilli(at.milli).UTC(), Received: time.UnixMilli(k.received).UTC(), Values: values})
	}
}

// packet is what one payload measured; all numbers are whole steps, and no code
// is set apart for a failed sensor.
type packet struct {
	temperature, humidity float64
	hasPM                 bool
	pm25, pm10            float64
}

// meetJeStadPacket reads the bit fields, most significant bit first:
//
//	port  before       then                                          then, if there
//	10    –            latitude 24, longitude 24, temperature 12/16,  supply 8, battery 8
//	11    firmware 8   relative humidity 12/16                        supply 8; battery 8
//	12    firmware 8                                                  supply 8, light 16; pm25 16, pm10 16; battery 8
//	13    flags 8, firmware 8                                         supply 8; by flags: light, pm25 and pm10, battery, extra
//
// On the ports 10 to 12 the length tells what is there. ok is false for a length
// that the port does not have.
func meetJeStadPacket(port int64, b []byte) (p packet, ok bool) {
	const base = 9 // position, temperature and humidity
	start, pm := 0, -1
	switch port {
	case 10:
		ok = len(b) >= base && len(b) <= base+2
	case 11:
		start, ok = 1, len(b) == 11 || len(b) == 12
	case 12:
		start = 1
		ok = len(b) == 13 || len(b) == 14 || len(b) == 17 || len(b) == 18
		p.hasPM, pm = len(b) >= 17, 13
	case 13:
		if start = 2; len(b) < start+base+1 {
			return p, false
		}
		flags, want := b[0], start+base+1
		if flags&0x80 != 0 {
			want += 2
		}
		if p.hasPM = flags&0x40 != 0; p.hasPM {
			pm = want
			want += 4
		}
		if flags&0x20 != 0 {
			want++
		}
		ok = len(b) == want || len(b) > want && flags&0x01 != 0
	}
	if !ok {
		return p, false
	}
	f := b[start+6:]
	p.temperature = float64(signed12(uint16(f[0])<<4|uint16(f[1])>>4)) / 16
	p.humidity = float64(signed12(uint16(f[1]&0x0f)<<8|uint16(f[2]))) / 16
	if p.hasPM {
		p.pm25 = float64(uint16(b[pm])<<8 | uint16(b[pm+1]))
		p.pm10 = float64(uint16(b[pm+2])<<8 | uint16(b[pm+3]))
	}
	return p, true
}

// signed12 reads the twelve lowest bits as a signed number.
func signed12(v uint16) int16 { return int16(v<<4) >> 4 }

// isForwarded tells the forwarder's object from an uplink, which has neither key.
func isForwarded(k *kit, n *node) bool {
	return k.member(n, "timestamp") != nil || k.member(n, "firmware_version") != nil || k.member(n, "temperature") != nil
}

// forwarded takes one measurement of the forwarder's JSON.
func (k *kit) forwarded(n *node) (more bool) {
	if !k.another() {
		return false
	}
	at, ok := k.stands(n, n.is(shapeObject), "each measurement must be an object with timestamp and values", "timestamp")
	if !ok {
		return true
	}
	for v := range k.children(n) {
		switch string(v.key) {
		case "temperature":
			k.known(reading.Temperature, v.key, v.token)
		case "humidity":
			k.known(reading.Humidity, v.key, v.token)
		case "pm2.5":
			k.known(reading.PM25, v.key, v.token)
		case "pm10":
			k.known(reading.PM10, v.key, v.token)
		default:
			if suspect(v.key) && numeric(v.token) && !k.measured(nothing(), v.key, instant{}, v.token) {
				k.fault(CauseChannelUnknown, askChannel, v.key)
			}
		}
	}
	k.conclude(at)
	return true
}

// meetJeStadPosition tells where the six bytes of the position begin in a packet;
// ok is false for what is none.
func meetJeStadPosition(port int64, b []byte) (start int, ok bool) {
	if _, ok = meetJeStadPacket(port, b); !ok {
		return 0, false
	}
	return [...]int{0, 1, 1, 2}[port-10], true
}
