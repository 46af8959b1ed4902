package decode

// MicrogramPerPpbNO2 converts NO2 from ppb to µg/m³ at 20 °C and 1 atm
// (293.15 K, 101.325 kPa): M·p/(R·T) = 46.0055 · 101.325 / (8.314462 · 293.15).
// It is the figure that the UK network and openair use; the directive's own
// 293 K and 101.3 kPa give 1.9130, and 25 °C, the habit in the US, would give
// 1.8804 and make every value 1.7 % lower.
const MicrogramPerPpbNO2 = 1.9125

// unit is what must be done with a value before it is in its property's unit.
type unit uint8

const (
	own unit = iota
	ppb
)

// unitOf reads one member of units.
func (d *decoder) unitOf(r *draft, name []byte) bool {
	t, ok := d.value(3)
	if !ok {
		return false
	}
	k := slot(name)
	if k < 0 {
		return true // its value is reported as an unknown property already
	}
	now := bad
	switch {
	case t.kind == kindNull:
		now = empty
	case t.kind != kindText:
	case k == 0 && string(t.text) == "ppb":
		r.unit[k], now = ppb, good
	case ownUnit(k, t.text):
		now = good
	}
	r.named[k].put(now)
	return true
}

// ownUnit tells whether text is a spelling of the property's own unit. The
// micro sign comes as U+00B5, as the Greek letter U+03BC and as a plain u.
func ownUnit(slot int, text []byte) bool {
	switch string(text) {
	case "µg/m³", "μg/m³", "ug/m³", "µg/m3", "μg/m3", "ug/m3", "ug.m-3", "µg.m-3", "μg.m-3":
		return slot < 3
	case "°C", "C", "Cel":
		return slot == 3
	case "%":
		return slot == 4
	case "hPa", "mbar":
		return slot == 5
	}
	return false
}
