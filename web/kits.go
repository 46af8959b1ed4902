package web

import "buurtmeter/ingest/reading"

// kitRow is one format that stations may send, on the page about taking part.
type kitRow struct {
	Name   string
	Format reading.Format
	// HTTP is the path at the HTTP door; Topic is the one that is built into the
	// kit. Both may be empty.
	HTTP, Topic string
}

// Taken is the key of the text that says which sensors of the kit count, Left the one
// that says which do not and why; both are empty for our own form, which the page
// explains as a whole.
func (k kitRow) Taken() string { return k.text("taken") }

// Left is explained at Taken.
func (k kitRow) Left() string { return k.text("left") }

func (k kitRow) text(what string) string {
	if k.Format == reading.FormatOwn {
		return ""
	}
	return "kits." + what + "." + string(k.Format)
}

// kits are all formats beside our own. The names are those of the makers.
func kits() []kitRow {
	return []kitRow{
		{"Sensor.Community", reading.FormatSensorCommunity, "/v1/push-sensor-data/", ""},
		{"airrohr, own API", reading.FormatAirrohr, "/airrohr", ""},
		{"airrohr, InfluxDB", reading.FormatAirrohrInflux, "/write", ""},
		{"senseBox, openSenseMap", reading.FormatOpenSenseMap, "/boxes/{station}/data", ""},
		{"AirGradient", reading.FormatAirGradient, "", "airgradient/readings/…"},
		{"Smart Citizen", reading.FormatSmartCitizen, "", "device/sck/…/readings/raw"},
		{"Home Assistant", reading.FormatHomeAssistant, "", "…/sensor/…/state"},
		{"The Things Stack", reading.FormatTheThingsStack, "/v1/ttn", "v3/…/devices/…/up"},
		{"Meet je stad", reading.FormatMeetJeStad, "/v1/ttn", "v3/…/devices/…/up"},
		{"SensorThings", reading.FormatSensorThings, "/v1.1/Observations", "v1.1/Datastreams(…)/Observations"},
		{"SenML (RFC 8428)", reading.FormatSenML, "/v1/stations/{station}/senml", ""},
		{"buurtmeter", reading.FormatOwn, "/readings", ""},
	}
}
