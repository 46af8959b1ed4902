package topic

import (
	"fmt"
	"strings"

	"buurtmeter/ingest/reading"
)

// Incoming reads a topic that a broker passed on: which station may publish
// there, and what the topic says of the message. Anything else is an error that
// wraps ErrTopic.
func Incoming(name string) (reading.StationID, Route, error) {
	rest, ok := strings.CutPrefix(name, Root)
	if !ok {
		return "", Route{}, fmt.Errorf("%w: must begin with %q", ErrTopic, Root)
	}
	text, _, _ := strings.Cut(rest, "/")
	id, err := reading.ParseStationID(text)
	if err != nil {
		return "", Route{}, fmt.Errorf("%w: %w", ErrTopic, err)
	}
	route, err := Own(id, name)
	if err != nil {
		return "", Route{}, err
	}
	return id, route, nil
}
