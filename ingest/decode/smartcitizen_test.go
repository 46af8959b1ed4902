package decode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func TestSmartCitizen(t *testing.T) {
	const at = "2026-11-23T07:00:00Z"
	one := func(sensors string) string {
		return `{"data":[{"recorded_at":"2026-11-23 07:00:00Z","sensors":` + sensors + `}]}`
	}
	temperature := []reading.Channel{{Key: "12", Property: reading.Temperature}}
	runDevice(t, reading.FormatSmartCitizen, []deviceCase{
		{name: "the documented one: a sensor that nobody declared", in: `{"data":[{"recorded_at":"2016-06-08 10:30:00Z","sensors":[{"id":1,"value":21}]}]}`, want: "! channel-unknown", says: `"1"`},
		{name: "the documented one, declared", in: `{"data":[{"recorded_at":"2016-06-08 10:30:00Z","sensors":[{"id":1,"value":21}]}]}`, channels: []reading.Channel{{Key: "1", Property: reading.Temperature}}, want: "2016-06-08T10:30:00Z temperature=21"},
		{name: "the raw one", in: `{ t:2017-03-24T13:35:14Z, 1:48.45, 13:66, 12:28, 10:4.45 }`, topic: "device/sck/secret/readings/raw", channels: temperature, want: "2017-03-24T13:35:14Z temperature=28\n! channel-unknown", says: `"1", "13"`},
		{name: "raw at the topic of JSON", in: `{t:2026-11-23T07:00:00Z,87:8.5,88:14,89:3}`, topic: "device/sck/secret/readings", want: at + " pm25=8.5 pm10=14 pm1=3"},
		{name: "JSON at the topic of raw", in: one(`[{"id":87,"value":8.5}]`), topic: "device/sck/secret/readings/raw", want: at + " pm25=8.5"},
		{name: "catalogue", in: one(`[{"id":87,"value":8.5},{"id":"88","value":"14"},{"id":89,"value":3}]`), want: at + " pm25=8.5 pm10=14 pm1=3"},
		{name: "a kit 2.1: its thermometer, and what is not kept", in: one(`[{"id":55,"value":7.5},{"id":56,"value":81},{"id":10,"value":99},{"id":14,"value":3},{"id":53,"value":50}]`), want: at + " temperature=7.5 humidity=81"},
		{name: "pressure needs its unit", in: one(`[{"id":58,"value":101.3}]`), channels: []reading.Channel{{Key: "58", Property: reading.Pressure, Unit: "kPa"}}, want: at + " pressure=1013"},
		{name: "what is not kept may be declared", in: one(`[{"id":14,"value":3}]`), channels: []reading.Channel{{Key: "14", Property: reading.PM10}}, want: at + " pm10=3"},
		{name: "a declared id goes before the catalogue", in: one(`[{"id":87,"value":8.5},{"id":200,"value":9}]`), channels: []reading.Channel{{Key: "200", Property: reading.PM25}}, want: at + " pm25=9"},
		{name: "an id that the keeper leaves out", in: one(`[{"id":87,"value":8.5},{"id":10,"value":99}]`), channels: []reading.Channel{{Key: "10"}}, want: at + " pm25=8.5"},
		{name: "declared unit", in: one(`[{"id":33,"value":10}]`), channels: []reading.Channel{{Key: "33", Property: reading.NO2, Unit: "ppb"}}, want: at + " no2=19.125"},
		{name: "a resistance is not NO2", in: one(`[{"id":15,"value":10}]`), channels: []reading.Channel{{Key: "15", Property: reading.NO2, Unit: "kOhm"}}, want: "! unit-unknown"},
		{name: "several readings, a bad one among them", in: `{"data":[{"recorded_at":"2026-11-23T07:00:00Z","sensors":[{"id":87,"value":1}]},{"recorded_at":"x","sensors":[{"id":87,"value":2}]},{"sensors":[{"id":87,"value":3}]},7,{"recorded_at":"2026-11-23T07:10:00Z","sensors":[{"id":87,"value":4}]}]}`, want: at + " pm25=1\n2026-11-23T07:10:00Z pm25=4\n! time-unreadable\n! time-missing\n! json"},
		{name: "one element alone", in: `{"recorded_at":"2026-11-23 07:00:00Z","sensors":[{"id":87,"value":1}]}`, want: at + " pm25=1"},
		{name: "a bare list", in: `[{"recorded_at":"2026-11-23 07:00:00Z","sensors":[{"id":87,"value":1}]}]`, want: at + " pm25=1"},
		{name: "no time", in: `{"data":[{"sensors":[{"id":87,"value":1}]}]}`, want: receivedAt + " pm25=1[server-time]"},
		{name: "time null", in: `{"data":[{"recorded_at":null,"sensors":[{"id":87,"value":1}]}]}`, want: "! time-missing"},
		{name: "time without zone", in: `{"data":[{"recorded_at":"2026-11-23 08:00:00","sensors":[{"id":87,"value":1}]}]}`, want: "! time-unreadable"},
		{name: "time in the declared zone", in: `{"data":[{"recorded_at":"2026-11-23 08:00:00","sensors":[{"id":87,"value":1}]}]}`, zone: "Europe/Amsterdam", want: at + " pm25=1"},
		{name: "the same sensor twice", in: one(`[{"id":87,"value":1},{"id":87,"value":2},{"id":88,"value":3}]`), want: at + " pm10=3\n! value-unreadable"},
		{name: "sensors of another form", in: one(`[{"id":87,"value":1},{"id":88},7,{"id":[1],"value":1},{"value":2}]`), want: at + " pm25=1\n! json", says: "4 of the sensors"},
		{name: "missing and unreadable values", in: one(`[{"id":87,"value":null},{"id":88,"value":"<15"},{"id":89,"value":-999},{"id":7,"value":null}]`), want: at + " pm1=-999[missing-code]\n! value-unreadable"},
		{name: "no sensors", in: one(`[]`), want: "! no-values"},
		{name: "sensors no list", in: one(`{"id":87,"value":1}`), want: "! json"},
		{name: "no data", in: `{"data":[]}`, want: "! no-values"},
		{name: "data no list", in: `{"data":{}}`, want: "! json"},
		{name: "neither", in: `{}`, want: "! json"},
		{name: "data twice", in: `{"data":[],"data":[]}`, want: "! json"},

		{name: "raw without time", in: `{87:8.5}`, want: receivedAt + " pm25=8.5[server-time]"},
		{name: "raw with an empty time", in: `{t:,87:8.5}`, want: "! time-missing"},
		{name: "raw with a time without zone", in: `{t:2026-11-23T08:00:00,87:8.5}`, want: "! time-unreadable"},
		{name: "raw with the time twice", in: `{t:2026-11-23T07:00:00Z,t:2026-11-23T07:00:00Z,87:8.5}`, want: "! time-unreadable"},
		{name: "raw, cut off in a number", in: `{ t:2026-11-23T07:00:00Z, 87:8.5, 88:1`, want: "! json", says: "cut off"},
		{name: "raw, broken parts", in: `{ t:2026-11-23T07:00:00Z, 87:8.5, 88, x:1, lat:52.12345, :7,, }`, want: at + " pm25=8.5\n! json"},
		{name: "raw, values", in: `{ t:2026-11-23T07:00:00Z, 87:, 88:nan, 89:1:2 }`, want: "! value-unreadable"},
		{name: "raw, a sensor twice", in: `{ t:2026-11-23T07:00:00Z, 87:1, 87:1, 88:2 }`, want: at + " pm25=1 pm10=2"},
		{name: "raw, a sensor twice with two values", in: `{ t:2026-11-23T07:00:00Z, 87:1, 87:3, 88:2 }`, want: at + " pm10=2\n! value-unreadable"},
		{name: "raw with NUL behind", in: "{ t:2026-11-23T07:00:00Z, 87:1 }\x00\x00", want: at + " pm25=1"},
		{name: "hello", in: `anything`, topic: "device/sck/secret/hello", want: ""},
		{name: "hello below the station's own topic", in: `anything`, topic: "hello", want: ""},
		{name: "info", in: `{"hw_ver":"2.1"}`, topic: "device/sck/secret/info", want: ""},
		{name: "inventory", in: `{}`, topic: "device/sck/secret/inventory", want: ""},
		{name: "empty", in: ``, want: "! json"},
	})
}

func TestAFullMessageOfASmartCitizenKit(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"data":[`)
	for i := range MaxReadings {
		fmt.Fprintf(&b, `{"recorded_at":%d,"sensors":[{"id":87,"value":%d}]},`, 1795417200+i*60, i)
	}
	full := strings.TrimSuffix(b.String(), ",")
	got := SmartCitizen(Input{Payload: []byte(full + `]}`), Station: station, Received: received})
	require.Empty(t, got.Problems)
	require.Len(t, got.Readings, MaxReadings)
	got = SmartCitizen(Input{Payload: []byte(full + `,{}]}`), Station: station, Received: received})
	require.Len(t, got.Problems, 1)
	assert.Equal(t, CauseTooLarge, got.Problems[0].Cause)
}

func TestTheTokenOfAKitStaysInItsTopic(t *testing.T) {
	for _, in := range []string{``, `{`, `{87`, `{}`, `{1:2}`, `{"data":[{"sensors":[{"id":1,"value":1}]}]}`} {
		got := SmartCitizen(Input{Payload: []byte(in), Topic: "device/sck/s3cr3t/readings", Station: station, Received: received})
		for _, p := range got.Problems {
			assert.NotContains(t, p.Detail, "s3cr3t")
		}
	}
}
