package reading

import (
	"fmt"
	"strings"
)

// Flag is a set of quality remarks on one reading or on one hour. A flag never
// deletes: the raw value stays, and Excluding decides whether it takes part in
// a mean.
type Flag uint32

// The remarks, one bit each. The numbers are stored: never renumber, only add.
const (
	// MissingCode: the device sent a value that means "no value" (-999, -1 for
	// a concentration that cannot be negative, and the like).
	MissingCode Flag = 1 << iota
	// Range: outside the plausible bounds of the property.
	Range
	// ClockFuture: the device's time lies after the time of receipt.
	ClockFuture
	// ClockPast: the device's time lies before the station existed.
	ClockPast
	// Conflict: two different values arrived for the same station, property,
	// time and revision; none of them can be trusted.
	Conflict
	// Constant: part of a long run of identical hour means (a stuck sensor).
	Constant
	// PMOrder: PM2.5 above PM10 in the same reading, which cannot be.
	PMOrder
	// Duplicate: the same reading arrived more than once; it counts once.
	Duplicate
	// Revised: replaced by a later revision of the same reading.
	Revised
	// NoPosition: the station has no usable position, so it has no area.
	NoPosition
	// ServerTime: the device sent no time; the time of receipt stands in.
	ServerTime
	// Withdrawn: the keeper took the readings of this period back. They are kept;
	// who withdrew them and why is a public event of the station.
	Withdrawn
	// Spike: an hour mean far outside what the station measured in the days
	// around it, with ordinary hours directly before and after it.
	Spike
	// HumiditySuspect: particles of a sensor in air so humid that the sensor may
	// count water.
	HumiditySuspect
	// Isolated: too few measured neighbours to compare the hour with. It says
	// nothing about the value, only that it was not compared.
	Isolated
	// Buddy: far from what the neighbours measured in the same hour.
	Buddy
	// Lifted: an objection to a remark that keeps values out was accepted, so
	// what that remark kept out counts. The remark stays beside it.
	Lifted
	// UnlikeReference: weeks of hour means do not go up and down with those of an
	// official station, or lie too far from them. See OnPeriods.
	UnlikeReference
	// Drift: the difference with an official station is another than when the
	// device was new. See OnPeriods.
	Drift
	// ClockShift: the hours fit those of an official station clearly better when
	// they are moved by whole hours. See OnPeriods.
	ClockShift
	// Extrapolated: a corrected hour mean of conditions that its calibration did not
	// see, near to those that it saw. It is set on corrected series only, and so is
	// not among OnHours.
	Extrapolated
)

// Excluding is the set of flags that keep a value out of every mean. The other
// flags are notes: the value counts, the remark is published with it.
const Excluding = MissingCode | Range | ClockFuture | ClockPast | Conflict | Constant | Withdrawn

// Liftable is the part of Excluding that a check decided on, so that it can be
// wrong: an accepted objection lifts it. The others are facts, or have a remedy
// of their own (a correction, or ending the withdrawal).
const Liftable = Range | ClockFuture | ClockPast | Constant

// OnHours is the set of flags that are set on hour means and never on readings.
const OnHours = Constant | Spike | HumiditySuspect | Isolated | Buddy

// OnPeriods is the set of flags that say something about weeks of one property
// of a station beside an official station. They are remarks with an assessment
// and are never set on a reading or an hour.
const OnPeriods = UnlikeReference | Drift | ClockShift

// AmongNeighbours is the set of flags that come from comparing an hour of a
// station with the same hour of the stations around it.
const AmongNeighbours = Isolated | Buddy

// FlagInfo describes one flag.
type FlagInfo struct {
	Flag Flag
	// Key is the stable name in feeds: "missing-code", "range", ...
	Key string
	// Excludes tells whether the flag keeps the value out of means.
	Excludes bool
}

// FlagTable returns all flags in bit order. The slice is the caller's own.
func FlagTable() []FlagInfo {
	keys := []string{
		"missing-code", "range", "clock-future", "clock-past", "conflict", "constant",
		"pm-order", "duplicate", "revised", "no-position", "server-time", "withdrawn",
		"spike", "humidity-suspect", "isolated", "buddy", "lifted",
		"reference", "drift", "clock-shift", "extrapolated",
	}
	t := make([]FlagInfo, len(keys))
	for i, k := range keys {
		f := Flag(1) << i
		t[i] = FlagInfo{Flag: f, Key: k, Excludes: f&Excluding != 0}
	}
	return t
}

// ParseFlag returns the flag with the key.
func ParseFlag(key string) (Flag, error) {
	var keys []string
	for _, i := range FlagTable() {
		if i.Key == key {
			return i.Flag, nil
		}
		keys = append(keys, i.Key)
	}
	return 0, fmt.Errorf("unknown flag %q: use one of %s", clip(key), strings.Join(keys, ", "))
}

// Excluded reports whether any flag in f keeps the value out of means. With
// Lifted none does: it is only set where no other excluding flag is left.
func (f Flag) Excluded() bool { return f&Excluding != 0 && f&Lifted == 0 }

// Lift returns the flags f of one value, with Lifted when every excluding flag
// among them is in lifted, and without it otherwise.
func (f Flag) Lift(lifted Flag) Flag {
	f &^= Lifted
	if excluding := f & Excluding; excluding != 0 && excluding&^(lifted&Liftable) == 0 {
		f |= Lifted
	}
	return f
}

// LiftHour is Lift for the flags of an hour, which are those of several
// readings together: Lifted is set when any excluding flag among them is in
// lifted, unless the hour itself stays excluded by Constant.
func (f Flag) LiftHour(lifted Flag) Flag {
	f &^= Lifted
	if f&lifted&Liftable != 0 && f&Constant&^lifted == 0 {
		f |= Lifted
	}
	return f
}

// Keys returns the names of the flags in f in bit order; nil for none.
func (f Flag) Keys() []string {
	var ks []string
	for _, i := range FlagTable() {
		if f&i.Flag != 0 {
			ks = append(ks, i.Key)
		}
	}
	return ks
}

// String joins the keys with "|"; empty for no flag.
func (f Flag) String() string { return strings.Join(f.Keys(), "|") }
