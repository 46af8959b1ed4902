package calibration

import (
	"math"
	"slices"
	"strings"

	"buurtmeter/ingest/reading"
)

// The hourly network factor for particulate matter, as RIVM does it for Samen
// Meten (Wesseling, FAIRMODE October 2019; Wesseling et al. 2019, Atmosphere 10,
// 445): particulate matter differs little within a town in one hour, so what the
// sensors near an official station show too much of, all sensors of that type
// around show too much of.
//
//	f_k,h = C_ref,k,h / mean(raw values of one type close to k)
//	C_cal,i,h = f(x_i, h) · C_raw,i,h, f interpolated by inverse distance
//
// The radius, the least number of sensors and the rule for outliers were never
// published: those below are our own choice. There are no factors for single
// sensors, and the method fails in fog, where sensors count droplets.
const (
	// NetworkRadius is how far from an official station, in metres, a sensor may
	// stand whose value takes part in its factor.
	NetworkRadius = 5000
	// NetworkLeast is the least number of sensors behind a factor.
	NetworkLeast = 3
	// NetworkReach is how far from the nearest official station with a factor, in
	// metres, a sensor may stand to be corrected.
	NetworkReach = 30_000
	// networkMAD is how many median absolute deviations a raw value may lie from
	// the median of its group, and networkScale the least deviation reckoned with,
	// in µg/m³.
	networkMAD   = 5
	networkScale = 1
	// networkFloor is the least mean of a group, and the least value of a
	// reference, in µg/m³: the ratio of two small numbers is noise.
	networkFloor = 1
	// NetworkNear is the distance, in metres, below which distance counts no more:
	// it keeps the sensor at the station's fence from hearing that station alone.
	NetworkNear = 500
	// networkMost bounds a factor and its inverse.
	networkMost = 10
)

// NetworkVersion is the version of the rules by which the factors are made and
// used. It changes with them, so that what was stored by other rules is made anew.
const NetworkVersion = 1

// networkSuffix makes the name of a series corrected by network factors.
const networkSuffix = "-network"

// NetworkProperties returns what network factors correct. The slice is the
// caller's own.
func NetworkProperties() []reading.Property { return []reading.Property{reading.PM25, reading.PM10} }

// NetworkSeries returns the name of the series of p corrected by network factors:
// a series of its own, which no station can report; see CorrectedSeries.
func NetworkSeries(p reading.Property) reading.Property { return p + networkSuffix }

// NetworkOf returns the property of a series of NetworkSeries; ok is false for
// another name.
func NetworkOf(series string) (p reading.Property, ok bool) {
	raw, ok := strings.CutSuffix(series, networkSuffix)
	if !ok || !slices.Contains(NetworkProperties(), reading.Property(raw)) {
		return "", false
	}
	return reading.Property(raw), true
}

// Factor is that of one official station in one hour.
type Factor struct {
	// Value is the reference divided by the mean of the sensors.
	Value float64
	// Sensors is how many took part, Outliers how many were left out.
	Sensors, Outliers int
}

// FactorOf returns the factor of one hour of an official station with the value
// reference, from raw values of sensors of one type within NetworkRadius; NaN is
// no value. ok is false where there is none: too few sensors, values too small to
// divide by, or a factor that no sensor needs.
func FactorOf(reference float64, raw []float64) (f Factor, ok bool) {
	values := slices.DeleteFunc(slices.Clone(raw), func(v float64) bool { return !finite(v) })
	n := len(values)
	if n < NetworkLeast {
		return Factor{}, false
	}
	centre := median(values)
	deviations := make([]float64, n)
	for i, v := range values {
		deviations[i] = math.Abs(v - centre)
	}
	most := networkMAD * max(median(deviations), networkScale)
	values = slices.DeleteFunc(values, func(v float64) bool { return math.Abs(v-centre) > most })
	f.Sensors, f.Outliers = len(values), n-len(values)
	if f.Sensors < NetworkLeast {
		return Factor{}, false
	}
	group := mean(values)
	if !(reference >= networkFloor) || !(group >= networkFloor) || math.IsInf(reference, 1) {
		return Factor{}, false
	}
	f.Value = reference / group
	return f, f.Value <= networkMost && f.Value >= 1.0/networkMost
}

// FactorNear is a factor and how far away, in metres, its station stands.
type FactorNear struct{ Factor, Metres float64 }

// Between interpolates the factors of one hour to a place, by the inverse square
// of the distance. ok is false when none stands within NetworkReach.
func Between(factors []FactorNear) (f float64, ok bool) {
	sum, weights := 0.0, 0.0
	for _, n := range factors {
		if !(n.Metres >= 0 && n.Metres <= NetworkReach) || !finite(n.Factor) {
			continue
		}
		d := max(n.Metres, NetworkNear)
		sum += n.Factor / (d * d)
		weights += 1 / (d * d)
	}
	if weights == 0 {
		return 0, false
	}
	return sum / weights, true
}

// median of values, whose order it changes; there must be one.
func median(v []float64) float64 {
	n := len(v)
	upper := nth(v, n/2)
	if n%2 == 1 {
		return upper
	}
	return (slices.Max(v[:n/2]) + upper) / 2 // nth left the lower ones before it
}

// nth returns the value that would stand at k if v were sorted, and leaves none
// before k that is above it and none behind it that is below (Hoare's selection): a
// group of sensors is gone through for every hour, and need not be sorted.
func nth(v []float64, k int) float64 {
	low, high := 0, len(v)-1
	for low < high {
		pivot, i, j := v[low+(high-low)/2], low, high
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j:
			high = j
		case k >= i:
			low = i
		default:
			return v[k]
		}
	}
	return v[k]
}
