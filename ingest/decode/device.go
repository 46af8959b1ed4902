package decode

import "buurtmeter/ingest/reading"

// deviceFormat returns the decoder of a kit or network that publishes over MQTT;
// nil for another.
func deviceFormat(f reading.Format) Func {
	switch f {
	case reading.FormatTheThingsStack:
		return TheThingsStack
	case reading.FormatMeetJeStad:
		return MeetJeStad
	case reading.FormatSmartCitizen:
		return SmartCitizen
	case reading.FormatAirGradient:
		return AirGradient
	case reading.FormatSensorThings:
		return SensorThings
	case reading.FormatHomeAssistant:
		return HomeAssistant
	default:
		return nil
	}
}
