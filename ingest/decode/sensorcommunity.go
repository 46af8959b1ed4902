package decode

import "buurtmeter/ingest/reading"

// SensorCommunity decodes a push to Sensor.Community, /v1/push-sensor-data/: the
// same body as Airrohr, with one module only and without its name before the
// values. Which module it is stands in the X-PIN header (Input.Pin): 1 is a sensor
// of particles, 5 a PPD42, 3 a BMP, 7 a DHT, HTU21D or SHT3X, 9 a GPS, 11 a
// BME280, 13 a DS18B20, 15 a DNMS, 17 an SCD30.
//
//   - The modules of one kit come in messages of their own, so that no message
//     tells whether there is a second thermometer. Temperature and humidity
//     therefore count from 7 and 11, and from 3, 13 and 17, whose thermometer sits
//     on the board or in water, only by a channel of the station: "13/temperature".
//     A kit with both 7 and 11 needs a channel too: "11/temperature" has only the
//     BME280 count. A key without a pin, "temperature", stands for every pin.
//   - P1 and P2 of a PPD42 are particle counts and refused.
//   - 9 and 15 give nothing to store and no problem: a position is never taken.
//   - Values with the module before them (SDS_P1) are read as Airrohr does.
func SensorCommunity(in Input) Decoded {
	return airrohrJSON(in, sensorCommunityOrigin, `no measured value in the message: "sensordatavalues" must hold one, such as P2; look whether the sensor of the kit still answers`)
}

func sensorCommunityOrigin(s *sheet, key []byte) (origin, verdict) {
	pin := s.in.Pin
	switch {
	case pin == "9" || pin == "15":
		s.silent = true
		return origin{}, leave
	case len(pin) > 8:
		pin = pin[:8] // no module has such a number, and it stands in texts
	}
	if module, _ := airrohrModule(key); len(module) > 0 {
		return airrohrOrigin(s, key)
	}
	usual, v := kindOrigin(key)
	usual.rank = undeclared
	counts := pin == "5" && particles(usual.slot)
	if v == use && counts {
		v = unknownKey
	}
	named := append(append(append(make([]byte, 0, longestKey+16), pin...), '/'), key...)
	for _, k := range [...][]byte{named, key} {
		if o, w, ok := s.declared(k, usual); ok {
			return o, w
		}
	}
	switch {
	case v == unknownKey:
		s.unknownKind(key, key, counts)
	case v == use && !pinCounts(pin, usual.slot) && s.taken[usual.slot]:
		s.silent = true // the keeper chose another module
		v = leave
	case v == use && !pinCounts(pin, usual.slot):
		s.fault(CauseSecondSensor, "%s may be a second sensor beside that of another module: declare a channel of this name to have it count", named)
		v = leave
	}
	return usual, v
}

// pinCounts tells whether the property of a module counts without a channel.
func pinCounts(pin string, slot int) bool {
	if concentration(slot) {
		return true
	}
	switch pin {
	case "", "7", "11":
		return true
	case "3":
		return propertyOf(slot) == reading.Pressure
	}
	return false
}
