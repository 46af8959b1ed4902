package decode

import (
	"bytes"

	"buurtmeter/ingest/reading"
)

// longestKeyName is the longest key whose name is looked at.
const longestKeyName = 48

// plain writes a key in the spelling of the table below: lower case, and _ for
// what stands between words. buf holds the result.
func plain(buf *[longestKeyName]byte, key []byte) []byte {
	if len(key) > longestKeyName {
		return nil
	}
	out := buf[:len(key)]
	for i, c := range key {
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c == ' ', c == '-', c == '.', c == '/':
			c = '_'
		}
		out[i] = c
	}
	return out
}

// named finds the property that a key of free choice names beyond doubt. The
// rank is byUnsureName when the unit is a guess: µg/m³ or ppb, hPa or Pa. A
// number behind the name, as in the temperature_1 of Cayenne LPP, is the number
// of a channel.
func named(key []byte) (p reading.Property, unit conversion, r rank, ok bool) {
	var buf [longestKeyName]byte
	name := plain(&buf, key)
	if p, unit, r, ok = meaning(name); ok {
		return p, unit, r, true
	}
	base, numbered := channelName(name)
	if !numbered {
		return "", conversion{}, 0, false
	}
	switch string(base) {
	case "barometric_pressure": // Cayenne LPP: hPa
		return reading.Pressure, conversion{}, byName, true
	case "co", "pm1": // co_2, pm1_5
		return "", conversion{}, 0, false
	}
	return meaning(base)
}

// channelName cuts _1 to _999 off.
func channelName(name []byte) (base []byte, ok bool) {
	i := bytes.LastIndexByte(name, '_')
	if i < 1 || len(name)-i > 4 || i+1 == len(name) || digits(name, i+1) != len(name) {
		return nil, false
	}
	return name[:i], true
}

func meaning(name []byte) (p reading.Property, unit conversion, r rank, ok bool) {
	switch string(name) {
	case "temperature", "temp", "air_temperature", "temperature_c", "temp_c", "tempc", "tempc_sht", "temperature_celsius":
		return reading.Temperature, conversion{}, byName, true
	case "temperature_f", "temp_f", "tempf", "temperature_fahrenheit":
		unit, _ = temperatureUnit([]byte("°F"))
		return reading.Temperature, unit, byName, true
	case "humidity", "hum", "rh", "relative_humidity", "relativehumidity", "air_humidity", "hum_sht", "humidity_percent", "humidity_pct":
		return reading.Humidity, conversion{}, byName, true
	case "pressure_hpa", "barometric_pressure_hpa":
		return reading.Pressure, conversion{}, byName, true
	case "pressure_pa", "barometric_pressure_pa":
		return reading.Pressure, conversion{factor: 0.01}, byName, true
	case "pressure", "air_pressure", "atmospheric_pressure", "barometric_pressure":
		return reading.Pressure, conversion{}, byUnsureName, true
	}
	if p, ok = pollutant(name); ok {
		return p, conversion{}, unsureForGases(p), true
	}
	// no2_ppb, pm10_ug_m3: the unit stands behind the name.
	for _, u := range [...]struct{ suffix, unit string }{
		{"_ppb", "ppb"}, {"_ppm", "ppm"}, {"_ugm3", "ug/m3"}, {"_ug_m3", "ug/m3"}, {"_mgm3", "mg/m3"}, {"_mg_m3", "mg/m3"},
	} {
		base, has := bytes.CutSuffix(name, []byte(u.suffix))
		if !has {
			continue
		}
		if p, ok = pollutant(base); ok {
			unit, ok = concentrationUnit(p, []byte(u.unit))
			return p, unit, byName, ok
		}
	}
	return "", conversion{}, 0, false
}

// unsureForGases: particles come in µg/m³ everywhere, gases do not.
func unsureForGases(p reading.Property) rank {
	switch p {
	case reading.PM25, reading.PM10, reading.PM1:
		return byName
	default:
		return byUnsureName
	}
}

func pollutant(name []byte) (reading.Property, bool) {
	switch string(name) {
	case "pm25", "pm2_5", "pm_25", "pm_2_5", "pm2p5":
		return reading.PM25, true
	case "pm10", "pm_10", "pm10_0":
		return reading.PM10, true
	case "pm1", "pm1_0", "pm_1_0", "pm1p0":
		return reading.PM1, true
	case "no2", "nitrogen_dioxide":
		return reading.NO2, true
	case "o3", "ozone":
		return reading.O3, true
	case "so2", "sulphur_dioxide", "sulfur_dioxide":
		return reading.SO2, true
	case "co", "carbon_monoxide":
		return reading.CO, true
	case "benzene", "c6h6":
		return reading.Benzene, true
	}
	return "", false
}

// suspect tells whether a key looks as if it named one of our properties, so
// that its number must not be passed over in silence. The temperature of the
// soil or of the board is no such thing.
func suspect(key []byte) bool {
	var buf [longestKeyName]byte
	name := plain(&buf, key)
	for _, other := range [...]string{"soil", "water", "leaf", "dew", "feel", "heat_index", "cpu", "mcu", "chip", "board", "internal", "battery", "count", "attempt"} {
		if bytes.Contains(name, []byte(other)) {
			return false
		}
	}
	for _, ours := range [...]string{"nitrogen", "ozone", "temp", "humid", "pressure"} {
		if bytes.Contains(name, []byte(ours)) {
			return true
		}
	}
	for _, ours := range [...]string{"pm1", "pm2", "pm_1", "pm_2", "pm01", "pm02", "no2", "no_2", "o3", "so2", "benzene", "c6h6"} {
		// Not within a word: rpm1 and foo3 are something else.
		if i := bytes.Index(name, []byte(ours)); i == 0 || i > 0 && (name[i-1] < 'a' || name[i-1] > 'z') {
			return true
		}
	}
	return false
}
