package quality

import (
	"time"

	"buurtmeter/ingest/reading"
)

// Version numbers the checks and their thresholds together. It goes up whenever
// any of them would flag differently; Rule.Version says which.
const Version = 3

// The thresholds of the checks on one reading; see Rules.
const (
	// FutureTolerance is how far a device's clock may run ahead of ours.
	FutureTolerance = 5 * time.Minute
	// PastTolerance is how long before Station.Since a reading may lie.
	PastTolerance = 24 * time.Hour
)

// Check adds to the values of r the flags Range, ClockFuture, ClockPast,
// PMOrder and NoPosition where they apply. Flags that are there already stay,
// and a value flagged MissingCode is not judged by its size. Checking twice
// changes nothing.
func Check(r *reading.Reading, st reading.Station) {
	all := reading.Flag(0)
	if r.At.After(r.Received.Add(FutureTolerance)) {
		all |= reading.ClockFuture
	}
	if r.At.Before(st.Since.Add(-PastTolerance)) {
		all |= reading.ClockPast
	}
	if !st.HasPosition {
		all |= reading.NoPosition
	}
	var pm25, pm10 *reading.Value
	for i := range r.Values {
		v := &r.Values[i]
		v.Flags |= all
		if v.Flags&reading.MissingCode == 0 && !plausible(v.Property, v.Value) {
			v.Flags |= reading.Range
		}
		switch v.Property {
		case reading.PM25:
			pm25 = v
		case reading.PM10:
			pm10 = v
		default:
		}
	}
	if pm25 != nil && pm10 != nil && pm25.Value > pm10.Value && !pm25.Flags.Excluded() && !pm10.Flags.Excluded() {
		pm25.Flags |= reading.PMOrder
		pm10.Flags |= reading.PMOrder
	}
}

// plausible tells whether v lies within the bounds of p. What is not a number,
// and a property without bounds, is not plausible.
func plausible(p reading.Property, v float64) bool {
	info, ok := reading.InfoOf(p)
	return ok && !Outside(v, info.Min, info.Max)
}
