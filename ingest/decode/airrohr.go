package decode

import (
	"bytes"

	"buurtmeter/ingest/reading"
)

// Airrohr decodes the message of the airrohr firmware to an "own API", which is
// also what it sends to openSenseMap: all modules of the kit in one body.
//
//		{"esp8266id": "…", "sensordatavalues": [{"value_type": "SDS_P1", "value": "4.05"}, …]}
//
//	  - P1 is PM10, P2 is PM2.5 and P0 is PM1; pressure is in Pa. Without a module
//	    before it, temperature and humidity are a DHT's, and P1 and P2 are the
//	    particle counts of a PPD42: refused, because they are no mass.
//	  - Of several modules the first counts, in the order SPS30, SDS, NPM, IPS, PMS,
//	    HPM, SEN5X and BME280, SHT3X, HTU21D, SHT1x, AHT20, DHT, BMP280, BMP, SCD30,
//	    DS18B20; a channel of the station, such as "DHT22_temperature", chooses
//	    another one (see sheet).
//	  - A gas needs its unit in the name, no2_ppb; a resistance (no2_kohm) is never
//	    a concentration.
//	  - interval, in milliseconds, is the time that the values stand for; it is
//	    rounded up to seconds, as it is stored.
//	  - Known and not used, because there is no property for it: what the firmware
//	    says of itself (signal, samples, min_micro, max_micro), particle numbers and
//	    sizes, PM other than 1, 2.5 and 10, noise, CO₂. A position (GPS_…) is never
//	    taken.
//	  - timestamp, which only other programs send, is RFC 3339 or Unix seconds.
//	    Without it the time of receipt stands in, flagged ServerTime.
func Airrohr(in Input) Decoded {
	return airrohrJSON(in, airrohrOrigin, `no measured value in the message: "sensordatavalues" must hold one, such as SDS_P2; look whether the sensors of the kit still answer`)
}

const badInterval = "interval must be from 1 to 3600000 milliseconds, once: send shorter means, or leave it out"

// airrohrBody reads the body that airrohr and Sensor.Community share.
type airrohrBody struct {
	scanner
	*sheet
	resolve func(s *sheet, key []byte) (origin, verdict)
	at      span
	time    state // of at
	lasts   state // of length
	length  int64 // the interval in milliseconds
	lists   int
}

func airrohrJSON(in Input, resolve func(*sheet, []byte) (origin, verdict), nothing string) Decoded {
	d := airrohrBody{sheet: newSheet(in), resolve: resolve}
	ok := false
	if d.b, ok = d.open(); !ok {
		return d.done()
	}
	d.at.instant = d.now()
	if !d.message() {
		return d.refuseJSON(&d.scanner)
	}
	if d.lasts == bad {
		d.fault(CauseInterval, badInterval, nil)
	}
	if d.time == bad || d.lasts == bad {
		d.entries = nil
	}
	d.at.seconds = int32((d.length + 999) / 1000)
	for i := range d.entries {
		d.entries[i].span = d.at
	}
	return d.finish(nothing)
}

func (d *airrohrBody) message() bool {
	if d.peek() != '{' {
		return d.fail("this is not an object")
	}
	ok := d.object(func(key []byte) bool {
		switch {
		case string(key) == "sensordatavalues":
			return d.list()
		case string(key) == "timestamp":
			return d.timestamp()
		}
		from := d.i
		t, ok := d.value(1)
		return d.leftOut(key, t, from, d.i) && ok
	})
	return ok && d.end()
}

func (d *airrohrBody) timestamp() bool {
	t, ok := d.value(1)
	if !ok {
		return false
	}
	if d.time != absent {
		d.fault(CauseTimeUnreadable, "timestamp stands twice: send it once", nil)
		d.time = bad
		return true
	}
	if d.at.instant, ok = d.moment(t, "timestamp", true); ok {
		d.time = good
	} else {
		d.time = bad
	}
	return true
}

func (d *airrohrBody) list() bool {
	if d.lists++; d.lists > 1 {
		return d.fail(`"sensordatavalues" stands twice`)
	}
	if d.peek() != '[' {
		t, ok := d.value(1)
		if ok && t.kind != kindNull {
			d.fault(CauseValueUnreadable, `"sensordatavalues" must be an array of objects with value_type and value`, nil)
		}
		return ok
	}
	return d.array(d.pair)
}

// pair reads one object of a value_type and a value.
func (d *airrohrBody) pair() bool {
	const shape = "each element of sensordatavalues must be one object with value_type and value, each once"
	if d.peek() != '{' {
		d.fault(CauseValueUnreadable, shape, nil)
		_, ok := d.value(2)
		return ok
	}
	var m [2]member
	if !d.members(3, []string{"value_type", "value"}, m[:], d.leftOut) {
		return false
	}
	name, value := &m[0], &m[1]
	switch {
	case name.times == 1 && name.kind == kindText && value.times < 2:
		d.pairOf(name.text, value)
	default:
		d.fault(CauseValueUnreadable, shape, nil)
		if name.kind != kindText || placeKey(name.text) {
			d.blank(value.from, value.to)
		}
	}
	return true
}

func (d *airrohrBody) pairOf(key []byte, value *member) {
	switch {
	case placeKey(key):
		d.blank(value.from, value.to)
		return
	case string(key) == "interval":
		d.lasts.put(value.whole(&d.length, 1, MaxInterval.Milliseconds()))
		return
	case len(key) > longestKey:
		d.fault(CausePropertyUnknown, "%s is too long for a value_type", key)
		return
	}
	if o, v := d.resolve(d.sheet, key); v == use {
		d.put(o, key, instant{}, value.token, 0)
	}
}

// airrohrOrigin says what a value_type of the firmware stands for; what it
// cannot say is noted as a fault.
func airrohrOrigin(s *sheet, key []byte) (origin, verdict) {
	module, kind := airrohrModule(key)
	usual, v := kindOrigin(kind)
	if v == use {
		rank, fits := moduleRank(module, usual.slot)
		usual.rank = undeclared + rank
		if !fits {
			v = unknownKey
		}
	}
	if v == use && len(module) == 0 && particles(usual.slot) {
		v = unknownKey
	}
	if o, w, ok := s.declared(key, usual); ok {
		return o, w
	}
	if v == unknownKey {
		s.unknownKind(key, kind, len(module) == 0)
	}
	return usual, v
}

// unknownKind notes why a value_type cannot be used. counts says that a particle
// sensor without a name counts particles.
func (s *sheet) unknownKind(key, kind []byte, counts bool) {
	name := kind
	if i := bytes.LastIndexByte(kind, '_'); i > 0 {
		name = kind[:i] // no2 of no2_kohm
	}
	o, known := named(name)
	switch {
	case counts && (string(kind) == "P0" || string(kind) == "P1" || string(kind) == "P2"):
		s.fault(CauseUnitUnknown, "%s without a module before it is a particle count, not µg/m³: send SDS_P1 and so on, or declare a channel", key)
	case known && concentration(o.slot):
		s.fault(CauseUnitUnknown, "%s has no unit of a concentration: send no2_ppb or no2_ppm, or declare a channel with its unit", key)
	default:
		s.fault(CausePropertyUnknown, "unknown value_type %s: declare a channel for it, or one without a property to leave it out", key)
	}
}

// kindOrigin says what the part of a value_type behind the module stands for.
// The rank is the caller's.
func kindOrigin(kind []byte) (origin, verdict) {
	k, scale := -1, conversion{}
	switch string(kind) {
	case "P0":
		k = slot([]byte(reading.PM1))
	case "P1":
		k = slot([]byte(reading.PM10))
	case "P2":
		k = slot([]byte(reading.PM25))
	case "temperature", "humidity":
		k = slot(kind)
	case "pressure":
		k, scale = slot(kind), conversion{factor: 0.01} // Pa
	case "signal", "samples", "min_micro", "max_micro", "durP1", "ratioP1", "durP2", "ratioP2",
		"N01", "N03", "N05", "N1", "N25", "N4", "N5", "N10", "TS", "P01", "P03", "P05", "P4", "P5",
		"noise_LAeq", "noise_LA_min", "noise_LA_max", "co2_ppm":
		return origin{slot: -1}, leave
	}
	if k >= 0 {
		return origin{slot: k, unit: scale}, use
	}
	if i := bytes.LastIndexByte(kind, '_'); i > 0 {
		unit := kind[i+1:]
		if gas := slot(kind[:i]); gas >= 0 && (string(unit) == "ppb" || string(unit) == "ppm") {
			if c, ok := unitOf(propertyOf(gas), unit); ok {
				return origin{slot: gas, unit: c}, use
			}
		}
	}
	return origin{slot: -1}, unknownKey
}

// airrohrModule cuts the module off a value_type; empty for none.
func airrohrModule(key []byte) (module, kind []byte) {
	i := bytes.IndexByte(key, '_')
	if i <= 0 {
		return nil, key
	}
	if string(key[:i]) == "DNMS" {
		return key[:i], key[i+1:]
	}
	if _, ok := moduleRank(key[:i], -1); ok {
		return key[:i], key[i+1:]
	}
	return nil, key
}

// moduleRank is the place of a module in the order of preference. fits is false
// for a module that does not exist or has no sensor for the slot; -1 asks for
// existence only.
func moduleRank(module []byte, slot int) (rank int, fits bool) {
	order := [...]string{
		"SPS30", "SPS", "SDS", "SDS011", "NPM", "IPS", "PMS", "HPM", "SEN5X", // particles
		"BME280", "SHT3X", "HTU21D", "HTU21", "SHT1x", "AHT20", "", "DHT22", "DHT", "BMP280", "BMP", "BMP180", "SCD30", "DS18B20",
	}
	const climate = 9
	for i, m := range order {
		if m == string(module) {
			// Without a module stands everything that only one module measures.
			return i, slot < 0 || m == "" || (i < climate) == particles(slot)
		}
	}
	return 0, false
}

// particles tells whether the slot is one of particulate matter.
func particles(slot int) bool {
	if slot < 0 {
		return false
	}
	p := propertyOf(slot)
	return p == reading.PM1 || p == reading.PM25 || p == reading.PM10
}
