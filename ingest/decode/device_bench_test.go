package decode

import (
	"strings"
	"testing"
	"time"

	"buurtmeter/ingest/reading"
)

// BenchmarkKits decodes one message of each kit as it is sent, with gateways and
// housekeeping, and a full dataArray.
//
//	go test -run xxx -bench Kits -benchmem ./ingest/decode
func BenchmarkKits(b *testing.B) {
	now := time.Date(2026, 11, 23, 8, 0, 5, 0, time.UTC)
	rows := strings.TrimSuffix(strings.Repeat(`["2026-11-23T07:00:00Z",20],`, MaxReadings), ",")
	for _, c := range []struct {
		name, topic, in string
		format          reading.Format
		channels        []reading.Channel
		values          int
	}{
		{"the-things-stack", "", cayenne, reading.FormatTheThingsStack, nil, 3},
		{"meet-je-stad", "", mjs(10, "AAAAAAAAEZP4580="), reading.FormatMeetJeStad, nil, 2},
		{"smart-citizen", "", `{"data":[{"recorded_at":"2016-06-08 10:30:00Z","sensors":[{"id":87,"value":21},{"id":88,"value":30},{"id":89,"value":3}]}]}`, reading.FormatSmartCitizen, nil, 3},
		{"smart-citizen-raw", "", `{ t:2017-03-24T13:35:14Z, 87:48.45, 88:66, 89:28 }`, reading.FormatSmartCitizen, nil, 3},
		{"airgradient", "", outdoor, reading.FormatAirGradient, nil, 5},
		{"sensorthings", "v1.1/Datastreams(1)/Observations", `{"phenomenonTime":"2026-11-23T07:00:00Z","result":26}`, reading.FormatSensorThings, []reading.Channel{{Key: "1", Property: reading.PM25}}, 1},
		{"sensorthings-5000", "", `[{"Datastream":{"@iot.id":1},"components":["phenomenonTime","result"],"dataArray":[` + rows + `]}]`, reading.FormatSensorThings, []reading.Channel{{Key: "1", Property: reading.PM25}}, MaxReadings},
		{"home-assistant", "a/sensor/b/state", `{ "temperature": 23.20, "humidity": 43.70 }`, reading.FormatHomeAssistant, []reading.Channel{{Key: "value_json.temperature", Property: reading.Temperature}, {Key: "value_json.humidity", Property: reading.Humidity}}, 2},
		{"home-assistant-number", "a/sensor/b/state", `7.5`, reading.FormatHomeAssistant, []reading.Channel{{Key: "a/sensor/b/state", Property: reading.PM25}}, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			in := Input{Payload: []byte(c.in), Topic: c.topic, Station: reading.Station{ID: "ams-1", Wire: reading.Wire{Channels: c.channels}}, Received: now}
			b.SetBytes(int64(len(c.in)))
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for _, r := range Decode(c.format, in).Readings {
					n += len(r.Values)
				}
				if n != c.values {
					b.Fatal(n)
				}
			}
		})
	}
}
