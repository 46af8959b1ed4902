package reading

import (
	"fmt"
	"strings"
)

// Formats returns all wire formats in the order in which they are shown. The
// slice is the caller's own.
func Formats() []Format {
	return []Format{
		FormatOwn, FormatSenML, FormatSensorCommunity, FormatAirrohr, FormatAirrohrInflux, FormatOpenSenseMap,
		FormatTheThingsStack, FormatSmartCitizen, FormatAirGradient, FormatSensorThings, FormatHomeAssistant, FormatMeetJeStad,
	}
}

// ParseFormat checks that s names a wire format. The error says which names are
// accepted.
func ParseFormat(s string) (Format, error) {
	var names []string
	for _, f := range Formats() {
		if string(f) == s {
			return f, nil
		}
		names = append(names, string(f))
	}
	return "", fmt.Errorf("unknown format %q: use one of %s", clip(s), strings.Join(names, ", "))
}
