package reading

import (
	"errors"
	"log/slog"
	"strings"
	"time"
)

// HardwareID is the chip id, EUI or serial number of a board. It can be found
// again in the feeds of other networks and so leads to who keeps the board:
// it prints, logs and marshals as a refusal. A conversion to string is for the
// register's storage and for the operator's own terminal.
type HardwareID string

// String hides the id.
func (HardwareID) String() string { return "[hardware id]" }

// GoString hides the id from %#v too.
func (HardwareID) GoString() string { return "[hardware id]" }

// LogValue hides the id from structured logs.
func (HardwareID) LogValue() slog.Value { return slog.StringValue("[hardware id]") }

// MarshalText refuses: a hardware id must never reach a feed by accident.
func (HardwareID) MarshalText() ([]byte, error) {
	return nil, errors.New("reading: a hardware id cannot be marshalled")
}

// Same tells whether a device that names itself so is the one with this id. Letter
// case does not count, nor, in an EUI or MAC address, what stands between the
// digits.
func (h HardwareID) Same(name string) bool {
	return name != "" && (strings.EqualFold(string(h), name) || hexOnly(name) != "" && hexOnly(name) == hexOnly(string(h)))
}

// hexOnly returns the 12 or 16 digits of a MAC address or an EUI in small letters;
// empty for anything else.
func hexOnly(s string) string {
	digits := strings.ToLower(strings.NewReplacer("-", "", ":", "", " ", "").Replace(s))
	if len(digits) != 12 && len(digits) != 16 || strings.Trim(digits, "0123456789abcdef") != "" {
		return ""
	}
	return digits
}

// Board is one piece of hardware that measured for a station during a time. The
// history belongs to the station; boards come and go. Model and dates are
// public.
type Board struct {
	// Hardware is how the board names itself; empty when nobody noted it.
	Hardware HardwareID
	// Model is the kit or instrument type, free text ("SDS011 + B43F").
	Model string
	// From is the first moment, Until the first moment no longer; both whole
	// milliseconds, UTC. A zero Until means that the board is still there.
	From, Until time.Time
}
