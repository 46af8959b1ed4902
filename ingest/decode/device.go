package decode

import "buurtmeter/ingest/reading"

// deviceFormats are the formats of kits and networks that publish over MQTT.
func deviceFormats() map[reading.Format]Func { return nil }
