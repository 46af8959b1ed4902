package decode

import (
	"time"

	"buurtmeter/ingest/reading"
)

// Input is one message with everything beside its payload that tells how to
// read it.
type Input struct {
	Payload []byte
	// ContentType is the media type that came with it, without parameters;
	// empty when the transport has none.
	ContentType string
	// Topic is the MQTT topic, or the part of the URL path after the door's own;
	// it tells message types of one format apart. May be empty.
	Topic string
	// Pin is the module number of Sensor.Community's X-PIN header; empty else.
	Pin string
	// Station is the sender; Station.Wire holds its declared zone and channels.
	Station reading.Station
	// Received is the time of receipt.
	Received time.Time
}

// Func decodes one message of one format. It never panics, invents no reading,
// and reports every part that it could not use.
type Func func(Input) Decoded

// For returns the decoder of the format; the empty format is our own. ok is
// false for a format that does not exist.
func For(f reading.Format) (fn Func, ok bool) {
	if f == "" || f == reading.FormatOwn {
		return func(in Input) Decoded { return JSON(in.Payload, in.Station, in.Received) }, true
	}
	switch f {
	case reading.FormatSenML:
		return SenML, true
	case reading.FormatSensorCommunity:
		return SensorCommunity, true
	case reading.FormatAirrohr:
		return Airrohr, true
	case reading.FormatAirrohrInflux:
		return AirrohrInflux, true
	case reading.FormatOpenSenseMap:
		return OpenSenseMap, true
	case reading.FormatTheThingsStack:
		return TheThingsStack, true
	case reading.FormatMeetJeStad:
		return MeetJeStad, true
	case reading.FormatSmartCitizen:
		return SmartCitizen, true
	case reading.FormatAirGradient:
		return AirGradient, true
	case reading.FormatSensorThings:
		return SensorThings, true
	case reading.FormatHomeAssistant:
		return HomeAssistant, true
	default:
		return nil, false
	}
}

// Decode decodes in the given format; an unknown format is a problem of the
// whole message.
func Decode(f reading.Format, in Input) Decoded {
	fn, ok := For(f)
	if !ok {
		return refuse(in.Payload, CauseFormatUnknown, "the format "+clip(string(f))+" is not known: declare one of the formats of the connect page")
	}
	return fn(in)
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
