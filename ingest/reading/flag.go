package reading

import "strings"

// Flag is a set of quality remarks on one reading or on one hour. A flag never
// deletes: the raw value stays, and Excluding decides whether it takes part in
// a mean.
type Flag uint16

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
)

// Excluding is the set of flags that keep a value out of every mean. The other
// flags are notes: the value counts, the remark is published with it.
const Excluding = MissingCode | Range | ClockFuture | ClockPast | Conflict | Constant | Withdrawn

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
	}
	t := make([]FlagInfo, len(keys))
	for i, k := range keys {
		f := Flag(1) << i
		t[i] = FlagInfo{Flag: f, Key: k, Excludes: f&Excluding != 0}
	}
	return t
}

// Excluded reports whether any flag in f keeps the value out of means.
func (f Flag) Excluded() bool { return f&Excluding != 0 }

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
