package reading

import "time"

// Value is one measured value of a reading, in the unit of its property.
type Value struct {
	Property Property
	Value    float64
	Flags    Flag
}

// Reading is what one station reported for one moment. Its identity is
// (Station, At, Revision) with the property of each value; writing the same
// identity again replaces, so that at-least-once delivery is harmless.
type Reading struct {
	Station StationID
	// At is the begin of the time that the values stand for, UTC, whole
	// milliseconds.
	At time.Time
	// Interval is the time that the values stand for; 0 means the station's
	// Cadence.
	Interval time.Duration
	// Received is when the message came in, UTC, whole milliseconds.
	Received time.Time
	// Revision is 0 for a first report; a correction carries a higher number
	// and wins over every lower one, in whatever order they arrive.
	Revision uint8
	Values   []Value
}

// Value returns the value of p in r; ok is false when r has none.
func (r Reading) Value(p Property) (v Value, ok bool) {
	for _, v := range r.Values {
		if v.Property == p {
			return v, true
		}
	}
	return Value{}, false
}

// StationHour names one hour of one station: the unit of recomputation.
type StationHour struct {
	Station StationID
	Hour    Hour
}
