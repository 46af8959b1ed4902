package decode

import (
	"strings"
	"testing"
	"time"

	"buurtmeter/ingest/reading"
)

// BenchmarkWeb decodes one usual message of each format of the kits that post
// over HTTP, and one of the largest openSenseMap takes.
//
//	go test -run xxx -bench Web -benchmem ./ingest/decode
func BenchmarkWeb(b *testing.B) {
	const at = `"2026-11-23T07:00:00Z"`
	ids := []reading.Channel{{Key: "595f9a282dcbee77ac0e5dc4", Property: "temperature"}, {Key: "595f9a282dcbee77ac0e5dc5", Property: "pm25"}}
	kit := pairs("SDS_P1", "4.05", "SDS_P2", "2.25", "BME280_temperature", "7.50", "BME280_pressure", "101300.00", "BME280_humidity", "81.20",
		"samples", "1737810", "min_micro", "75", "max_micro", "2780073", "interval", "145000", "signal", "-86")
	for _, c := range []struct {
		name, media, pin string
		format           reading.Format
		in               string
		values           int
	}{
		{"senml", "application/senml+json", "", reading.FormatSenML, `[{"bn":"urn:dev:mac:0024befffe804ff1:","bt":1795417200,"bu":"ug/m3","n":"no2","v":21.41},{"n":"pm25","v":8.13},{"n":"pm10","v":14.92},{"n":"temperature","u":"Cel","v":7.83},{"n":"humidity","u":"%RH","v":81.2}]`, 5},
		{"sensor-community", "application/json", "1", reading.FormatSensorCommunity, pairs("P1", "1.87", "P2", "1.05"), 2},
		{"airrohr", "application/json", "", reading.FormatAirrohr, kit, 5},
		{"airrohr-influx", "", "", reading.FormatAirrohrInflux, "feinstaub,node=esp8266-1234567 SDS_P1=4.05,SDS_P2=2.25,BME280_temperature=7.50,BME280_pressure=101300.00,BME280_humidity=81.20,samples=1737810,min_micro=75,max_micro=2780073,interval=145000,signal=-86\n", 5},
		{"opensensemap", "application/json", "", reading.FormatOpenSenseMap, `[{"sensor":"595f9a282dcbee77ac0e5dc4","value":"7.50","createdAt":` + at + `},{"sensor":"595f9a282dcbee77ac0e5dc5","value":"2.25","createdAt":` + at + `}]`, 2},
		{"opensensemap-csv", "text/csv", "", reading.FormatOpenSenseMap, "595f9a282dcbee77ac0e5dc4,7.50,2026-11-23T07:00:00Z\n595f9a282dcbee77ac0e5dc5,2.25,2026-11-23T07:00:00Z\n", 2},
		{"opensensemap-bytes", "application/sbx-bytes-ts", "", reading.FormatOpenSenseMap, record("595f9a282dcbee77ac0e5dc4", "9a998940", "340c6059", "595f9a282dcbee77ac0e5dc5", "9a998940", "340c6059"), 2},
		{"opensensemap-2500", "text/csv", "", reading.FormatOpenSenseMap, strings.Repeat("595f9a282dcbee77ac0e5dc4,7.50,2026-11-23T07:00:00Z\n", maxSenseValues), 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			in := Input{Payload: []byte(c.in), ContentType: c.media, Pin: c.pin, Received: time.Date(2026, 11, 23, 8, 0, 5, 0, time.UTC)}
			in.Station = reading.Station{ID: "ams-1", Wire: reading.Wire{Channels: ids}}
			if c.format != reading.FormatOpenSenseMap {
				in.Station.Wire.Channels = nil
			}
			b.SetBytes(int64(len(in.Payload)))
			b.ReportAllocs()
			for b.Loop() {
				if d := Decode(c.format, in); len(d.Readings) != 1 || len(d.Readings[0].Values) != c.values || len(d.Problems) > 0 {
					b.Fatal(summary(d), details(d))
				}
			}
		})
	}
}
