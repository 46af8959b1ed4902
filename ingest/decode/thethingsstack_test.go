package decode

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

// cayenne is an uplink as The Things Stack sends it: its frame counter is 0 and
// so not there, and three times stand in it.
const cayenne = `{"end_device_ids":{"device_id":"cayenne-1","application_ids":{"application_id":"sensebox-cayenne"},"dev_eui":"1F2B8ACE35B91823","dev_addr":"260B3CE4"},
 "received_at":"2021-02-18T10:47:46.570559141Z","uplink_message":{"f_port":1,"frm_payload":"AWcAAAFoAAFzAAABZQWrAQIAAAFxAAAAAAAAAYgAAAAAAAAAAAA=",
 "decoded_payload":{"barometric_pressure_1":1023,"luminosity_1":1451,"relative_humidity_1":0,"temperature_1":23},
 "rx_metadata":[{"gateway_ids":{"gateway_id":"packetbroker"},"time":"2021-02-18T10:47:46.261206Z","rssi":-106,"snr":7.8}],
 "settings":{"data_rate":{"lora":{"bandwidth":125000,"spreading_factor":7}},"frequency":"867100000"},"received_at":"2021-02-18T10:47:46.365072191Z"}}`

const (
	upAt   = `"received_at":"2026-11-23T07:00:00.5Z"`
	upTime = "2026-11-23T07:00:00.5Z"
)

// up is an uplink with the given decoded_payload.
func up(decoded string) string {
	return `{"uplink_message":{"f_port":2,"frm_payload":"AQ==",` + upAt + `,"decoded_payload":` + decoded + `}}`
}

func TestTheThingsStack(t *testing.T) {
	runDevice(t, reading.FormatTheThingsStack, []deviceCase{
		{name: "a real one, with frame counter 0 and three times", in: cayenne, want: "2021-02-18T10:47:46.365Z temperature=23 humidity=0 pressure=1023"},
		{name: "several gateways are one reading", in: strings.Replace(cayenne, `"rx_metadata":[`, `"rx_metadata":[{"time":"2021-02-18T10:47:45Z","location":{"latitude":52.1,"longitude":4.2}},`, 1), want: "2021-02-18T10:47:46.365Z temperature=23 humidity=0 pressure=1023"},
		{name: "outer time only without the inner one", in: `{` + upAt + `,"uplink_message":{"decoded_payload":{"pm25":8}}}`, want: upTime + " pm25=8"},
		{name: "never the time of a gateway", in: `{"uplink_message":{"decoded_payload":{"pm25":8},"rx_metadata":[{"time":"2026-11-23T06:59:59Z"}]}}`, want: receivedAt + " pm25=8[server-time]"},
		{name: "an unreadable inner time is not passed over", in: `{` + upAt + `,"uplink_message":{"received_at":"yesterday","decoded_payload":{"pm25":8}}}`, want: "! time-unreadable", says: "uplink_message.received_at"},
		{name: "inner time twice", in: `{"uplink_message":{` + upAt + `,` + upAt + `,"decoded_payload":{"pm25":8}}}`, want: "! time-unreadable"},
		{name: "time without zone", in: `{"uplink_message":{"received_at":"2026-11-23T08:00:00","decoded_payload":{"pm25":8}}}`, want: "! time-unreadable"},
		{name: "time in the declared zone", in: `{"uplink_message":{"received_at":"2026-11-23T08:00:00","decoded_payload":{"pm25":8}}}`, zone: "Europe/Amsterdam", want: "2026-11-23T07:00:00Z pm25=8"},
		{name: "simulated", in: `{"simulated":true,` + cayenne[1:], want: "! simulated"},
		{name: "simulated inside", in: strings.Replace(cayenne, `"f_port"`, `"simulated":true,"f_port"`, 1), want: "! simulated"},
		{name: "simulated in any other word than no", in: `{"simulated":"true",` + cayenne[1:], want: "! simulated"},
		{name: "not simulated", in: `{"simulated":false,` + up(`{"pm25":8}`)[1:], want: upTime + " pm25=8"},

		{name: "names", in: up(`{"pm1":1,"pm2_5":2,"pm10":3,"no2_ppb":10,"temp":4,"humidity":50,"pressure_pa":101300}`), want: upTime + " no2=19.125 pm25=2 pm10=3 temperature=4 humidity=50 pressure=1013 pm1=1"},
		{name: "no2 without a unit", in: up(`{"no2":20,"pm25":8}`), want: upTime + " pm25=8\n! unit-unknown", says: "declare the channel"},
		{name: "pressure without a unit", in: up(`{"pressure":101300}`), want: "! unit-unknown"},
		{name: "no2 as a declared channel", in: up(`{"no2":20,"pm25":8}`), channels: []reading.Channel{{Key: "no2", Property: reading.NO2, Unit: "ppb"}}, want: upTime + " no2=38.25 pm25=8"},
		{name: "an ohm is never NO2", in: up(`{"no2_kohm":20,"pm25":8}`), want: upTime + " pm25=8\n! channel-unknown", says: "no2_kohm"},
		{name: "an ohm is never NO2, not when declared either", in: up(`{"no2_kohm":20,"pm25":8}`), channels: []reading.Channel{{Key: "no2_kohm", Property: reading.NO2, Unit: "kOhm"}}, want: upTime + " pm25=8\n! unit-unknown"},
		{name: "two sensors", in: up(`{"temperature_1":20,"temperature_2":30,"pm25":8}`), want: upTime + " pm25=8 temperature=20\n! second-sensor", says: `"temperature_2" stands aside`},
		{name: "two sensors, one declared", in: up(`{"temperature_1":20,"temperature_2":30,"pm25":8}`), channels: []reading.Channel{{Key: "temperature_2", Property: reading.Temperature}}, want: upTime + " pm25=8 temperature=30"},
		{name: "a declared sensor that is away has no substitute", in: up(`{"temperature_1":20,"pm25":8}`), channels: []reading.Channel{{Key: "temperature_2", Property: reading.Temperature}}, want: upTime + " pm25=8"},
		{name: "a sensor that the keeper leaves out", in: up(`{"no2":20,"pm25":8}`), channels: []reading.Channel{{Key: "no2"}}, want: upTime + " pm25=8"},
		{name: "only a sensor that the keeper leaves out", in: up(`{"no2":20}`), channels: []reading.Channel{{Key: "no2"}}, want: ""},
		{name: "in objects names say less", in: up(`{"sps":{"pm25":8},"pm10":9}`), want: upTime + " pm10=9\n! channel-unknown", says: `"sps.pm25"`},
		{name: "nothing is read of a position", in: up(`{"location":{"pm25":8},"latitude":52,"pm10":9}`), channels: []reading.Channel{{Key: "location.pm25", Property: reading.PM25}, {Key: "latitude", Property: reading.Temperature}}, want: upTime + " pm10=9"},
		{name: "declared in objects", in: up(`{"sps":{"mass":{"a":8}},"pm10":9}`), channels: []reading.Channel{{Key: "sps.mass.a", Property: reading.PM25}}, want: upTime + " pm25=8 pm10=9"},
		{name: "a declared object", in: up(`{"sps":{"pm25":8},"pm10":9}`), channels: []reading.Channel{{Key: "sps", Property: reading.PM25}}, want: upTime + " pm10=9\n! value-unreadable"},
		{name: "a declared unit that is none", in: up(`{"x":8,"pm10":9}`), channels: []reading.Channel{{Key: "x", Property: reading.PM25, Unit: "ppb"}}, want: upTime + " pm10=9\n! unit-unknown"},
		{name: "housekeeping", in: up(`{"pm25":8,"battery":3.3,"rssi":-80,"snr":7,"firmware":"1.2","co2":400,"soil_temperature":9,"bytes":[1,2,3],"gps_1":{"latitude":52,"longitude":4}}`), want: upTime + " pm25=8"},
		{name: "numbers in texts, missing ones, missing codes", in: up(`{"pm25":"8.5","pm10":null,"temp":"unavailable","humidity":"","pm1":-1}`), want: upTime + " pm25=8.5 pm1=-1[missing-code]"},
		{name: "zero is a value", in: up(`{"pm25":0}`), want: upTime + " pm25=0"},
		{name: "nan is none", in: up(`{"pm25":NaN,"pm10":"nan","temp":2}`), want: upTime + " temperature=2"},
		{name: "censored, comma, unit in the text, types", in: up(`{"pm25":"<15","pm10":"8,1","temp":"23 °C","humidity":true,"pm1":[1],"pressure_hpa":1e999,"no2_ppb":1}`), want: upTime + " no2=1.9125\n! value-unreadable"},
		{name: "a factor must not overflow", in: up(`{"co_ppm":1.7e308,"no2_ppm":1e308,"pm25":1}`), want: upTime + " pm25=1\n! value-unreadable"},
		{name: "a key twice", in: up(`{"pm25":8,"pm25":9,"pm10":1}`), want: upTime + " pm10=1\n! value-unreadable"},
		{name: "only nulls", in: up(`{"pm25":null}`), want: "! no-values"},
		{name: "only other things", in: up(`{"battery":3.3}`), want: "! no-values"},

		{name: "no formatter", in: `{"uplink_message":{"f_port":2,"frm_payload":"AQID",` + upAt + `}}`, want: "! no-values", says: "set a payload formatter"},
		{name: "an empty object", in: up(`{}`), want: "! no-values", says: "set a payload formatter"},
		{name: "no formatter, on a port of Meet je stad", in: `{"uplink_message":{"f_port":10,"frm_payload":"AAAAAAAAEZP4580=",` + upAt + `}}`, want: "! no-values", says: "declare the format meet-je-stad"},
		{name: "the formatter gives a list", in: up(`[{"pm25":8}]`), want: "! value-unreadable"},
		{name: "decoded_payload twice", in: `{"uplink_message":{` + upAt + `,"decoded_payload":{"pm25":1},"decoded_payload":{"pm25":2}}}`, want: "! value-unreadable"},
		{name: "uplink_message twice", in: `{"uplink_message":{},"uplink_message":{}}`, want: "! format-unknown"},
		{name: "an empty uplink says nothing", in: `{"uplink_message":{` + upAt + `,"rx_metadata":[]}}`, want: ""},
		{name: "join", in: `{"end_device_ids":{"device_id":"a"},"join_accept":{"session_key_id":"AWe",` + upAt + `}}`, topic: "v3/app@ttn/devices/a/join", want: ""},
		{name: "receipt of a downlink", in: `{"downlink_ack":{"f_port":1}}`, want: ""},
		{name: "position found by the network", in: `{"location_solved":{"location":{"latitude":52.37,"longitude":4.89}}}`, want: ""},
		{name: "our own format at the wrong door", in: `{"time":"2026-11-23T07:00:00Z","values":{"no2":1}}`, want: "! format-unknown"},
		{name: "a list", in: `[` + cayenne + `]`, want: "! format-unknown"},
		{name: "a number", in: `21`, want: "! format-unknown"},

		{name: "normalized", in: `{"uplink_message":{` + upAt + `,"normalized_payload":[{"air":{"temperature":21.5,"relativeHumidity":55,"pressure":1013,"co2":400,"location":"outdoor"},"soil":{"temperature":9}}]}}`, want: upTime + " temperature=21.5 humidity=55 pressure=1013"},
		{name: "normalized goes before names, channels before both", in: `{"uplink_message":{` + upAt + `,"decoded_payload":{"temp":1,"hum":2,"pm25":8},"normalized_payload":[{"air":{"temperature":21.5,"relativeHumidity":55}}]}}`, channels: []reading.Channel{{Key: "hum", Property: reading.Humidity}}, want: upTime + " pm25=8 temperature=21.5 humidity=2"},
		{name: "normalized with times", in: `{"uplink_message":{` + upAt + `,"decoded_payload":{"temperature":9,"pm25":8},"normalized_payload":[{"time":"2026-11-23T06:50:00Z","air":{"temperature":20}},{"time":"2026-11-23T06:55:00Z","air":{"temperature":21}}]}}`, want: "2026-11-23T06:50:00Z temperature=20\n2026-11-23T06:55:00Z temperature=21\n" + upTime + " pm25=8"},
		{name: "normalized with times only", in: `{"uplink_message":{` + upAt + `,"normalized_payload":[{"time":"2026-11-23T06:50:00Z","air":{"temperature":20}},{"time":"no","air":{"temperature":21}}]}}`, want: "2026-11-23T06:50:00Z temperature=20\n! time-unreadable"},
		{name: "the message of the normalized payload alone", in: `{"uplink_normalized":{"f_port":2,` + upAt + `,"normalized_payload":{"air":{"temperature":20}}}}`, want: upTime + " temperature=20"},
		{name: "normalized is a text", in: `{"uplink_message":{` + upAt + `,"decoded_payload":{"pm25":8},"normalized_payload":"x"}}`, want: upTime + " pm25=8\n! value-unreadable"},

		{name: "v2", in: `{"app_id":"a","dev_id":"b","hardware_serial":"00","port":1,"counter":7,"is_retry":true,"payload_raw":"AQ==","payload_fields":{"pm2_5":8,"temperature_1":3},"metadata":{"time":"2017-03-21T10:42:18.464710851Z","gateways":[{"time":"2017-03-21T10:42:10Z","latitude":52.1}]}}`, want: "2017-03-21T10:42:18.464Z pm25=8 temperature=3"},
		{name: "v2 without fields", in: `{"app_id":"a","dev_id":"b","port":1,"counter":7,"payload_raw":"AQ==","metadata":{"time":"2017-03-21T10:42:18Z"}}`, want: "! no-values", says: "payload_fields"},
		{name: "v2 without time", in: `{"app_id":"a","dev_id":"b","port":1,"payload_fields":{"pm10":8}}`, want: receivedAt + " pm10=8[server-time]"},
	})
}

func TestAnUplinkThatIsSentAgainIsTheSameReading(t *testing.T) {
	in := Input{Payload: []byte(cayenne), Station: station, Received: received}
	first := TheThingsStack(in)
	in.Received = received.AddDate(0, 0, 2)
	in.Payload = []byte(strings.Replace(cayenne, "10:47:46.570559141Z", "10:48:59.570559141Z", 1)) // the outer one may differ
	again := TheThingsStack(in)
	require.Len(t, again.Readings, 1)
	assert.Equal(t, first.Readings[0].At, again.Readings[0].At)
	assert.Equal(t, first.Readings[0].Values, again.Readings[0].Values)
}

func TestAPositionDoesNotReachAProblem(t *testing.T) {
	in := `{"uplink_message":{` + upAt + `,"frm_payload":"NBhLBOzBEZP4580=","f_port":2,"decoded_payload":{"no2":20,"latitude":52.36789,"gps_1":{"altitude":3,"b":["4.89123",7]},"lon":"4.89123"},` +
		`"locations":{"user":{"latitude":52.36789,"longitude":4.89123}},"rx_metadata":[{"location":{"latitude":52.36789}}]}}`
	for _, prefix := range []string{"", "\xef\xbb\xbf "} {
		got := TheThingsStack(Input{Payload: []byte(prefix + in), Station: station, Received: received})
		require.Len(t, got.Problems, 1)
		element := string(got.Problems[0].Element)
		assert.Len(t, element, len(prefix)+len(in))
		for _, secret := range []string{"36789", "89123", "NBhL"} {
			assert.NotContains(t, element, secret)
		}
		assert.Contains(t, element, `"no2":20`)
		again := TheThingsStack(Input{Payload: []byte(element), Station: station, Received: received})
		assert.Equal(t, summary(got), summary(again))
		assert.Equal(t, element, string(again.Problems[0].Element))
	}
}

func TestAPositionDoesNotReachTheProblemOfATextThatBreaksOff(t *testing.T) {
	for _, in := range []string{
		`{"uplink_message":{"decoded_payload":{"latitude":52.36789,"lon`, `{"uplink_message":{"decoded_payload":{"latitude":52.36789`,
		`{"locations":{"user":{"latitude":52.1,"coordinates":[4.1,52.36789`, `{"uplink_message":{"frm_payload":"36789`, `{"a":{"location":"52.36789`,
		`{"gps_1":[{"x":"36789"},{"y":1}],"b":1}}`, `{"payload_raw":`, `{"latitude":`,
	} {
		for _, f := range []reading.Format{reading.FormatTheThingsStack, reading.FormatMeetJeStad, reading.FormatHomeAssistant} {
			got := Decode(f, Input{Payload: []byte(in), Station: station, Received: received})
			require.Len(t, got.Problems, 1)
			assert.Equal(t, CauseJSON, got.Problems[0].Cause)
			assert.NotContains(t, string(got.Problems[0].Element), "36789")
			assert.Len(t, got.Problems[0].Element, len(in))
		}
	}
}

// TestOnlyTheBoardOfTheStationCounts: devices of one application may share a
// secret; where the board is known, another device does not speak for it.
func TestOnlyTheBoardOfTheStationCounts(t *testing.T) {
	uplink := func(ids string) string {
		return `{` + ids + `"uplink_message":{"f_port":2,` + upAt + `,"decoded_payload":{"pm25":8}}}`
	}
	const mine, other, silent = `"end_device_ids":{"device_id":"eui-1f2b8ace35b91823","dev_eui":"1F2B8ACE35B91823"},`, `"end_device_ids":{"device_id":"schuur","dev_eui":"1F2B8ACE35B91824"},`, ``
	const taken, refused = upTime + " pm25=8", "! other-device"
	for _, c := range []struct {
		name, in string
		board    reading.HardwareID
		from     time.Time
		want     string
	}{
		{"no board is known", uplink(other), "", time.Time{}, taken},
		{"the EUI", uplink(mine), "1F2B8ACE35B91823", time.Time{}, taken},
		{"the EUI as it is printed on a box", uplink(mine), "1f-2b-8a-ce-35-b9-18-23", time.Time{}, taken},
		{"the name in the network", uplink(mine), "eui-1f2b8ace35b91823", time.Time{}, taken},
		{"the name in capitals", uplink(other), "Schuur", time.Time{}, taken},
		{"another EUI and name", uplink(other), "1F2B8ACE35B91823", time.Time{}, refused},
		{"a name that begins alike", uplink(other), "schuur-2", time.Time{}, refused},
		{"no name at all", uplink(silent), "schuur", time.Time{}, refused},
		{"names twice", uplink(other + other), "schuur", time.Time{}, refused},
		{"received before the board was there", uplink(other), "1F2B8ACE35B91823", received.Add(time.Millisecond), taken},
		{"received when the board was there", uplink(other), "1F2B8ACE35B91823", received, refused},
		{"v2", `{"dev_id":"schuur","hardware_serial":"1F2B8ACE35B91824","payload_fields":{"pm25":8},"metadata":{` + strings.Replace(upAt, "received_at", "time", 1) + `}}`, "1F2B8ACE35B91824", time.Time{}, taken},
		{"v2 of another", `{"dev_id":"schuur","payload_fields":{"pm25":8}}`, "huis", time.Time{}, refused},
		{"a join of another device says nothing", `{` + other + `"join_accept":{}}`, "huis", time.Time{}, ""},
	} {
		st := station
		st.Board = reading.Board{Hardware: c.board, From: c.from}
		got := TheThingsStack(Input{Payload: []byte(c.in), Station: st, Received: received})
		assert.Equal(t, c.want, summary(got), c.name)
		for _, p := range got.Problems {
			assert.NotContains(t, strings.ToLower(p.Detail), "1f2b8ace", c.name)
			assert.NotContains(t, p.Detail, "schuur", c.name)
		}
	}
	st := station
	st.Board.Hardware = "51"
	got := MeetJeStad(Input{Payload: []byte(mjs(10, "AAAAAAAAEZP4580=")), Station: st, Received: received})
	assert.Equal(t, refused, summary(got), "Meet je stad comes through the same network")
	st.Board.Hardware = "50"
	got = MeetJeStad(Input{Payload: []byte(mjs(10, "AAAAAAAAEZP4580=")), Station: st, Received: received})
	assert.Len(t, got.Readings, 1)
}
