package reading

import (
	"fmt"
	"math"
	"strings"
)

// Property is the key of an observed property, in the spelling of the wire
// format and of every feed: lower case, no dots ("pm25", not "PM2.5").
type Property string

// The properties that stations may report.
const (
	NO2  Property = "no2"
	PM25 Property = "pm25"
	PM10 Property = "pm10"
	PM1  Property = "pm1"
	O3   Property = "o3"
	SO2  Property = "so2"
	CO   Property = "co"
	// Benzene is C6H6.
	Benzene Property = "benzene"
	// PM25Corrected is PM2.5 as the kit itself corrected it. It is a series of its
	// own beside PM25, which is raw.
	PM25Corrected Property = "pm25-corrected"
	Temperature   Property = "temperature"
	Humidity      Property = "humidity"
	Pressure      Property = "pressure"
)

// HourScale is the number of stored steps in one unit of every property: an
// hour mean is kept as an integer of 1/HourScale unit, so that a comparison
// with a norm is exact integer arithmetic and never a rounded float.
const HourScale = 10_000

// PropertyInfo describes one property.
type PropertyInfo struct {
	Property Property
	// Unit is the UCUM-like unit as shown to people: "µg/m³", "°C", "%", "hPa".
	Unit string
	// Symbol is the notation of the field: "NO₂", "PM2,5" is left to the
	// language files; this is the neutral one ("NO2", "PM2.5").
	Symbol string
	// Min and Max are the plausible bounds of a single reading, in Unit.
	// Outside them a reading is kept and flagged Range.
	Min, Max float64
	// Norm says whether air quality norms exist for the property.
	Norm bool
}

// Properties returns the table of all properties in the order in which they
// are shown. The slice is the caller's own.
//
// Bounds of the concentrations: the upper ends follow the range step of the
// FILTER chain (Hassani et al. 2025), 0-1000 µg/m³, which was not verified at
// the source; the lower ends leave room for the small negative noise of a real
// instrument, which must be kept or means become biased.
func Properties() []PropertyInfo {
	t := propertyTable()
	return t[:]
}

// propertyTable is an array, so that looking a property up costs no allocation.
func propertyTable() [12]PropertyInfo {
	return [...]PropertyInfo{
		{NO2, "µg/m³", "NO2", -20, 1000, true},
		{PM25, "µg/m³", "PM2.5", -20, 1000, true},
		{PM10, "µg/m³", "PM10", -20, 1000, true},
		{Temperature, "°C", "T", -40, 60, false},
		{Humidity, "%", "RH", 0, 100, false},
		{Pressure, "hPa", "p", 850, 1100, false},
		{PM1, "µg/m³", "PM1", -20, 1000, false},
		{PM25Corrected, "µg/m³", "PM2.5 (corrected by the kit)", -20, 1000, false},
		{O3, "µg/m³", "O3", -20, 1000, true},
		{SO2, "µg/m³", "SO2", -20, 2000, true},
		{CO, "mg/m³", "CO", -1, 150, true},
		{Benzene, "µg/m³", "C6H6", -20, 1000, true},
	}
}

// InfoOf returns the description of p; ok is false for an unknown property.
func InfoOf(p Property) (info PropertyInfo, ok bool) {
	for _, i := range propertyTable() {
		if i.Property == p {
			return i, true
		}
	}
	return PropertyInfo{}, false
}

func keys() string {
	var ks []string
	for _, i := range propertyTable() {
		ks = append(ks, string(i.Property))
	}
	return strings.Join(ks, ", ")
}

// ParseProperty checks that s names a known property. The error says which
// names are accepted.
func ParseProperty(s string) (Property, error) {
	if _, ok := InfoOf(Property(s)); ok {
		return Property(s), nil
	}
	return "", fmt.Errorf("unknown property %q: use one of %s", s, keys())
}

// Scaled converts a value in the property's unit to the stored integer of
// 1/HourScale unit, halves away from zero. ok is false when v is not finite or
// does not fit.
func Scaled(v float64) (n int32, ok bool) {
	s := math.Round(v * HourScale)
	if math.IsNaN(s) || s <= math.MinInt32 || s > math.MaxInt32 {
		return Missing, false
	}
	return int32(s), true
}

// Unscaled converts a stored integer back to the property's unit. It must not
// be called with Missing.
func Unscaled(n int32) float64 { return float64(n) / HourScale }
