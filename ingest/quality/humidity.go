package quality

import "buurtmeter/ingest/reading"

// HumidSuspect is the relative humidity, in %, from which particles of a sensor
// are suspect; see Rules.
const HumidSuspect = 85

// HasHumidity tells whether the check applies to p at an instrument of the
// kind: to raw particles of an instrument that does not dry the air that it
// takes in. What a kit corrected itself is not raw.
func HasHumidity(p reading.Property, k reading.Kind) bool {
	return k != reading.KindReference && (p == reading.PM1 || p == reading.PM25 || p == reading.PM10)
}

// Humid tells whether the hour mean of the humidity, a stored integer or
// reading.Missing, makes the particles of the same station and hour suspect.
func Humid(humidity int32) bool {
	return humidity != reading.Missing && humidity >= HumidSuspect*reading.HourScale
}
