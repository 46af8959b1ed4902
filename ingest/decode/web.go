package decode

import "buurtmeter/ingest/reading"

// webFormat returns the decoder of a kit that posts over HTTP; nil for another.
func webFormat(f reading.Format) Func {
	switch f {
	case reading.FormatSenML:
		return SenML
	case reading.FormatSensorCommunity:
		return SensorCommunity
	case reading.FormatAirrohr:
		return Airrohr
	case reading.FormatAirrohrInflux:
		return AirrohrInflux
	case reading.FormatOpenSenseMap:
		return OpenSenseMap
	default:
		return nil
	}
}
