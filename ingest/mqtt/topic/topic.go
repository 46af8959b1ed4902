// Package topic holds the MQTT topics of the network: the one place that says
// where a station publishes and what an ingest process subscribes to. A station
// logs in with its id as user name and its token as password, and publishes its
// readings with QoS 1.
package topic

import (
	"errors"
	"fmt"
	"strings"

	"buurtmeter/ingest/reading"
)

// The parts of every topic.
const (
	// Root begins every topic; the version changes when the payloads change in a
	// way that old readers cannot follow.
	Root = "buurtmeter/v1/"
	// readings ends the topic of a station's measurements.
	readings = "/readings"
	// AllReadings matches what every station publishes: its readings, and those in
	// a named format, whose topics lie below it.
	AllReadings = Root + "+" + readings + "/#"
	// Probe is where the ingest process may talk to itself, to find out what a
	// broker does with messages. It is no station's: "doctor" is kept free.
	Probe = Root + "doctor/probe"
	// DefaultGroup is the name under which ingest processes share the work.
	DefaultGroup = "buurtmeter"
	// QoS is the quality of service of readings: at least once.
	QoS = 1
)

// ErrTopic is wrapped by every error of this package.
var ErrTopic = errors.New("not a readings topic")

// Readings returns the topic on which the station publishes its readings.
func Readings(id reading.StationID) string { return Root + string(id) + readings }

// Subtree returns the prefix of all topics that belong to the station, with the
// slash at its end.
func Subtree(id reading.StationID) string { return Root + string(id) + "/" }

// Shared returns the shared subscription on all readings: the members of one
// group divide the messages among them.
func Shared(group string) string { return "$share/" + group + "/" + AllReadings }

// Station returns the station whose readings topic this is. Anything else is an
// error that wraps ErrTopic.
func Station(name string) (reading.StationID, error) {
	rest, ok := strings.CutPrefix(name, Root)
	if !ok {
		return "", fmt.Errorf("%w: must begin with %q", ErrTopic, Root)
	}
	id, ok := strings.CutSuffix(rest, readings)
	if !ok {
		return "", fmt.Errorf("%w: must end in %q", ErrTopic, readings)
	}
	station, err := reading.ParseStationID(id)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrTopic, err)
	}
	return station, nil
}
