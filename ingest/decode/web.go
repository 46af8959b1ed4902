package decode

import "buurtmeter/ingest/reading"

// webFormats are the formats of kits that post over HTTP.
func webFormats() map[reading.Format]Func { return nil }
