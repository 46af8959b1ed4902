package reading

import (
	"fmt"
	"math"
	"time"
)

// Hour is a clock hour in UTC, counted from 1970-01-01T00Z. It stands for the
// interval [Start, Start+1h): stamps are hour-beginning everywhere inside.
type Hour int64

// HourOf returns the hour that holds t.
func HourOf(t time.Time) Hour {
	s := t.Unix()
	h := s / 3600
	if s%3600 < 0 {
		h--
	}
	return Hour(h)
}

// Start returns the begin of the hour, UTC.
func (h Hour) Start() time.Time { return time.Unix(int64(h)*3600, 0).UTC() }

// Month is a calendar month in UTC, counted from 1970-01 (0).
type Month int32

// MonthOf returns the month that holds the hour.
func MonthOf(h Hour) Month {
	t := h.Start()
	return Month((t.Year()-1970)*12 + int(t.Month()) - 1)
}

// First returns the first hour of the month.
func (m Month) First() Hour {
	return HourOf(time.Date(1970, time.Month(1+int(m)), 1, 0, 0, 0, 0, time.UTC))
}

// Hours returns the number of hours in the month, 672 to 744.
func (m Month) Hours() int { return int((m + 1).First() - m.First()) }

// String returns the month as "2026-11".
func (m Month) String() string { return m.First().Start().Format("2006-01") }

// Missing is the stored integer that means "no value". Missing is never 0.
const Missing int32 = math.MinInt32

// FullHour is the capture of a completely covered hour, in minutes.
const FullHour = 60

// ValidCapture is the least capture, in minutes, of a valid hour mean: 75 % of
// the hour (2008/50/EC Annexes VII and XI).
const ValidCapture = 45

// Block is one month of hours of one property at one station: what statistics,
// pages and feeds read. The three slices have Month.Hours() elements each.
type Block struct {
	Station  StationID
	Property Property
	Month    Month
	// Values are hour means as integers of 1/HourScale unit, or Missing. The
	// mean is over the readings without an excluding flag.
	Values []int32
	// Capture is how many minutes of the hour those readings cover, 0 to 60.
	Capture []uint8
	// Flags is the union of the flags of all readings of the hour, excluded
	// ones too, and of the flags set on the hour itself (OnHours).
	Flags []Flag
}

// NewBlock returns an empty block: all hours missing.
func NewBlock(s StationID, p Property, m Month) Block {
	n := m.Hours()
	b := Block{Station: s, Property: p, Month: m, Values: make([]int32, n), Capture: make([]uint8, n), Flags: make([]Flag, n)}
	for i := range b.Values {
		b.Values[i] = Missing
	}
	return b
}

// Valid reports whether hour i of the block counts as a valid hour mean: there
// is a value, it covers at least ValidCapture minutes, and no flag on the hour
// itself excludes it. (A flag of an excluded reading does not make the mean of
// the others invalid; the Constant flag does, unless it was Lifted.)
func (b Block) Valid(i int) bool {
	return b.Values[i] != Missing && b.Capture[i] >= ValidCapture && (b.Flags[i]&Constant == 0 || b.Flags[i]&Lifted != 0)
}

// Check reports whether the slices have the length that the month asks for.
func (b Block) Check() error {
	n := b.Month.Hours()
	if len(b.Values) != n || len(b.Capture) != n || len(b.Flags) != n {
		return fmt.Errorf("block %s %s %s: want %d hours, have %d values, %d captures, %d flags",
			b.Station, b.Property, b.Month, n, len(b.Values), len(b.Capture), len(b.Flags))
	}
	return nil
}
