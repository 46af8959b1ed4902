package decode

import "buurtmeter/ingest/reading"

// µg/m³ per ppb at 20 °C and 1 atm, from the table of all factors.
const (
	// MicrogramPerPpbNO2 is the figure that the UK network and openair use; the
	// directive's own 293 K and 101.3 kPa give 1.9130.
	MicrogramPerPpbNO2     = float64(reading.PpbNO2) / reading.PpbParts
	microgramPerPpbO3      = float64(reading.PpbO3) / reading.PpbParts
	microgramPerPpbSO2     = float64(reading.PpbSO2) / reading.PpbParts
	microgramPerPpbCO      = float64(reading.PpbCO) / reading.PpbParts
	microgramPerPpbBenzene = float64(reading.PpbBenzene) / reading.PpbParts
)

// conversion turns a value into its property's own unit: value·factor + offset.
// The zero value leaves it as it is.
type conversion struct{ factor, offset float64 }

func (c conversion) apply(v float64) float64 {
	if c == (conversion{}) {
		return v
	}
	return v*c.factor + c.offset
}

// Conversion returns what a value in the named unit must be multiplied with,
// and what is then added, to get p's own unit (reading.PropertyInfo). The empty
// name is p's own unit. ok is false for a unit that p does not have: the value
// must not be used. The micro sign may be U+00B5, U+03BC or a plain u.
func Conversion(p reading.Property, name string) (factor, offset float64, ok bool) {
	c, ok := unitOf(p, []byte(name))
	if c == (conversion{}) {
		return 1, 0, ok
	}
	return c.factor, c.offset, ok
}

func unitOf(p reading.Property, name []byte) (c conversion, ok bool) {
	if len(name) == 0 {
		return conversion{}, true
	}
	switch p {
	case reading.Temperature:
		return temperatureUnit(name)
	case reading.Humidity:
		switch string(name) {
		case "%", "%RH", "% RH", "percent":
			return conversion{}, true
		case "/", "1":
			return conversion{factor: 100}, true
		}
		return conversion{}, false
	case reading.Pressure:
		switch string(name) {
		case "hPa", "mbar", "mb":
			return conversion{}, true
		case "Pa":
			return conversion{factor: 0.01}, true
		case "kPa":
			return conversion{factor: 10}, true
		case "bar":
			return conversion{factor: 1000}, true
		}
		return conversion{}, false
	default:
		return concentrationUnit(p, name)
	}
}

func temperatureUnit(name []byte) (conversion, bool) {
	switch string(name) {
	case "°C", "C", "Cel", "℃", "degC", "celsius":
		return conversion{}, true
	case "K":
		return conversion{factor: 1, offset: -273.15}, true
	case "°F", "F", "degF", "fahrenheit":
		return conversion{factor: 5. / 9, offset: -160. / 9}, true
	}
	return conversion{}, false
}

func concentrationUnit(p reading.Property, name []byte) (conversion, bool) {
	micrograms, known := 0., true
	switch string(name) {
	case "µg/m³", "μg/m³", "ug/m³", "µg/m3", "μg/m3", "ug/m3", "ug.m-3", "µg.m-3", "μg.m-3", "µg/m^3", "ug/m^3":
		micrograms = 1
	case "mg/m³", "mg/m3", "mg.m-3":
		micrograms = 1000
	case "ppb":
		micrograms, known = perPpb(p)
	case "ppm":
		micrograms, known = perPpb(p)
		micrograms *= 1000
	default:
		known = false
	}
	if p == reading.CO {
		micrograms /= 1000 // its own unit is mg/m³
	}
	switch {
	case !known:
		return conversion{}, false
	case micrograms == 1:
		return conversion{}, true
	}
	return conversion{factor: micrograms}, true
}

// perPpb is known for gases only: particles have no ppb.
func perPpb(p reading.Property) (micrograms float64, known bool) {
	switch p {
	case reading.NO2:
		return MicrogramPerPpbNO2, true
	case reading.O3:
		return microgramPerPpbO3, true
	case reading.SO2:
		return microgramPerPpbSO2, true
	case reading.CO:
		return microgramPerPpbCO, true
	case reading.Benzene:
		return microgramPerPpbBenzene, true
	default:
		return 0, false
	}
}

// unitMember reads one member of units.
func (d *decoder) unitMember(r *draft, name []byte) bool {
	t, ok := d.value(3)
	if !ok {
		return false
	}
	k := slot(name)
	if k < 0 {
		return true // its value is reported as an unknown property already
	}
	now := bad
	switch t.kind {
	case kindNull:
		now = empty
	case kindText:
		if c, known := unitOf(propertyOf(k), t.text); known && len(t.text) > 0 {
			r.unit[k], now = c, good
		}
	default:
	}
	r.named[k].put(now)
	return true
}
