package topic

import (
	"fmt"
	"slices"
	"strings"

	"buurtmeter/ingest/reading"
)

// maxFormat bounds the name of a format in a topic, in bytes.
const maxFormat = 40

// Route is what a station's own topic says about a message.
type Route struct {
	// Format is empty on the plain readings topic: the declared one.
	Format reading.Format
	// Rest is what follows the format, which some formats need to tell messages
	// apart; without a slash at its begin.
	Rest string
}

// ReadingsIn returns the topic on which the station publishes readings in the
// given format, whatever it declared.
func ReadingsIn(id reading.StationID, f reading.Format) string { return Readings(id) + "/" + string(f) }

// Own reads a topic of the station's own subtree: "readings" is for the format
// that the station declared, "readings/senml" for that format, and
// "readings/home-assistant/sensor/pm25/state" has more for the decoder. Whether
// the format exists is not checked. Anything else is an error that wraps ErrTopic.
func Own(id reading.StationID, name string) (Route, error) {
	rest, ok := strings.CutPrefix(name, Readings(id))
	if !ok {
		return Route{}, fmt.Errorf("%w: a station publishes on %q or below it", ErrTopic, Readings(id))
	}
	if rest == "" {
		return Route{}, nil
	}
	below, slash := strings.CutPrefix(rest, "/")
	format, rest, more := strings.Cut(below, "/")
	if !slash || format == "" || len(format) > maxFormat || more && (rest == "" || rest[0] == '/') {
		return Route{}, fmt.Errorf("%w: after %q comes a slash and the name of a format", ErrTopic, Readings(id))
	}
	return Route{Format: reading.Format(format), Rest: rest}, nil
}

// Native is a topic that is built into a kit. It never says who sends: that is
// the login.
type Native struct {
	formats []reading.Format
	// Silent means that no readings come on this topic: what the kit says there
	// about itself is acknowledged and forgotten.
	Silent bool
}

// Fits reports whether a station that declared the format may use the topic.
func (n Native) Fits(declared reading.Format) bool { return slices.Contains(n.formats, declared) }

// ParseNative recognises the topics that kits publish on by themselves:
//
//	airgradient/readings/<serial number>
//	device/sck/<token>/readings, …/readings/raw, and …/hello, …/info, …/inventory
//	v3/<application>@<tenant>/devices/<device>/up, and …/join
//	v1.1/Datastreams(<id>)/Observations and v1.1/Observations, also v1.0
//	<prefix>/sensor/<name>/state and homeassistant/sensor/<name>/config
//
// Anything else is an error that wraps ErrTopic; so is all that belongs to
// stations by its own name, whatever follows.
func ParseNative(name string) (Native, error) {
	level := strings.Split(name, "/")
	if !slices.Contains(level, "") && !strings.ContainsAny(name, "+#$\x00") && !strings.HasPrefix(name, Root) {
		for _, match := range []func([]string) (Native, bool){airGradient, smartCitizen, theThings, sensorThings, homeAssistant} {
			if n, ok := match(level); ok {
				return n, nil
			}
		}
	}
	return Native{}, fmt.Errorf("%w, nor one that is built into a known kit", ErrTopic)
}

func airGradient(level []string) (Native, bool) {
	return Native{formats: []reading.Format{reading.FormatAirGradient}},
		len(level) == 3 && level[0] == "airgradient" && level[1] == "readings"
}

func smartCitizen(level []string) (n Native, ok bool) {
	if len(level) < 4 || level[0] != "device" || level[1] != "sck" {
		return n, false
	}
	n.formats = []reading.Format{reading.FormatSmartCitizen}
	switch strings.Join(level[3:], "/") {
	case "readings", "readings/raw":
		return n, true
	case "hello", "info", "inventory":
		n.Silent = true
		return n, true
	}
	return n, false
}

// theThings: behind the same uplink a Meet je stad station speaks its own format.
func theThings(level []string) (n Native, ok bool) {
	if len(level) != 5 || level[0] != "v3" || level[2] != "devices" {
		return n, false
	}
	n.formats = []reading.Format{reading.FormatTheThingsStack, reading.FormatMeetJeStad}
	n.Silent = level[4] == "join"
	return n, n.Silent || level[4] == "up"
}

func sensorThings(level []string) (n Native, ok bool) {
	last := len(level) - 1
	if last < 1 || level[0] != "v1.1" && level[0] != "v1.0" || level[last] != "Observations" {
		return n, false
	}
	n.formats = []reading.Format{reading.FormatSensorThings}
	if last == 1 {
		return n, true
	}
	id, begins := strings.CutPrefix(level[1], "Datastreams(")
	id, ends := strings.CutSuffix(id, ")")
	return n, last == 2 && begins && ends && id != ""
}

func homeAssistant(level []string) (n Native, ok bool) {
	last := len(level) - 1
	if last < 3 || last > 5 || !slices.Contains(level[1:last-1], "sensor") {
		return n, false
	}
	n.formats = []reading.Format{reading.FormatHomeAssistant}
	n.Silent = level[0] == "homeassistant" && level[last] == "config"
	return n, n.Silent || level[last] == "state"
}
