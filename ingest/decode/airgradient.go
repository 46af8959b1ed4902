package decode

import (
	"bytes"

	"buurtmeter/ingest/reading"
)

// AirGradient decodes what an AirGradient monitor publishes on
// airgradient/readings/{serial number} and answers on its local server.
//
//   - There is no time in it: the time of receipt stands in, flagged ServerTime.
//   - pm02 is PM2.5. pm02Compensated was corrected by the monitor and is a series
//     of its own. Temperature and humidity are the raw ones (atmp, rhum); the
//     compensated ones are not kept.
//   - noxIndex and noxRaw are an index and a resistance of a gas sensor: they are
//     not NO2, and there is no NO2 in these messages. CO2, VOC and counts of
//     particles are not kept either.
//   - A sensor that fails is left out of the message: that is missing, not 0.
//   - A channel of the station may leave one of the kept keys out or rename it; it
//     makes nothing of the others.
//   - satellites are other devices; serialno is a claim, the login says who sends.
func AirGradient(in Input) Decoded {
	k, ok := open(in)
	if !ok {
		return k.done()
	}
	if !k.root().is(shapeObject) {
		return k.refuse(CauseJSON, "a message of an AirGradient is one JSON object")
	}
	for n := range k.children(k.root()) {
		if p, ok := airGradientKey(n.key); ok {
			k.known(p, n.key, n.token)
		} else if c, ok := k.in.Station.Wire.Channel(string(n.key)); ok && c.Property == "" {
			k.silent = true
		} else if numeric(n.token) && suspect(n.key) && !airGradientOther(n.key) {
			k.fault(CausePropertyUnknown, "%s is not known of an AirGradient: say so to the platform, it may be a new sensor", n.key)
		}
	}
	k.conclude(span{instant: k.now()})
	return k.done()
}

func airGradientKey(key []byte) (reading.Property, bool) {
	switch string(key) {
	case "pm01":
		return reading.PM1, true
	case "pm02":
		return reading.PM25, true
	case "pm02Compensated":
		return reading.PM25Corrected, true
	case "pm10":
		return reading.PM10, true
	case "atmp":
		return reading.Temperature, true
	case "rhum":
		return reading.Humidity, true
	}
	return "", false
}

// airGradientOther are the keys that look like measurements of ours and are
// another form of one: the same mass at standard conditions, and what the
// monitor computes.
func airGradientOther(key []byte) bool {
	return bytes.HasSuffix(key, []byte("Standard")) || bytes.HasSuffix(key, []byte("Compensated"))
}
