// Package decode turns the payload of one message into readings, one file per
// wire format. Decoding is pure: no clock, no I/O, no state. What cannot become
// a reading comes back as a Problem; one bad element never takes its neighbours
// along, and a value is never made up: missing is missing, not 0.
package decode

import "buurtmeter/ingest/reading"

// Decoded is what one message held. Both lists may be filled: a message with
// one unknown property still gives its other values.
type Decoded struct {
	Readings []reading.Reading
	Problems []Problem
}

// Problem is one part of a message that could not become a reading or a value.
type Problem struct {
	// Cause is one of the Cause constants: a stable key for counters and texts.
	Cause string
	// Detail says in plain English what was wrong and what to send instead.
	Detail string
	// Element is the smallest part of the payload that can be decoded again on
	// its own: the reading with the fault, or the whole payload. It shares
	// memory with the payload.
	Element []byte
}

// The causes of problems. They are stored and counted: never rename, only add.
const (
	CauseTooLarge        = "too-large"
	CauseNotUTF8         = "not-utf8"
	CauseJSON            = "json"
	CauseNoValues        = "no-values"
	CauseTimeMissing     = "time-missing"
	CauseTimeUnreadable  = "time-unreadable"
	CauseInterval        = "interval"
	CauseRevision        = "revision"
	CauseValueUnreadable = "value-unreadable"
	CauseValueMisplaced  = "value-misplaced"
	CausePropertyUnknown = "property-unknown"
	CauseUnitUnknown     = "unit-unknown"
	CauseFormatUnknown   = "format-unknown"
	// CauseChannelUnknown: the kit names a sensor by an id that nobody declared.
	CauseChannelUnknown = "channel-unknown"
	// CauseSimulated: the network marks the message as simulated.
	CauseSimulated = "simulated"
	// CauseOtherDevice: the uplink is of another device than the board that is
	// attached to the station.
	CauseOtherDevice = "other-device"
	// CauseSecondSensor: the kit has two sensors for one property, and another
	// one counts. Mixing them would make one series of two instruments.
	CauseSecondSensor = "second-sensor"
)
