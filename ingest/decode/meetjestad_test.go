package decode

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

// mjs is an uplink with the payload of a station.
func mjs(port int, payload string) string {
	return fmt.Sprintf(`{"end_device_ids":{"device_id":"50"},"uplink_message":{"f_port":%d,"frm_payload":%q,%s,"decoded_payload":{"temperature":99}}}`, port, payload, upAt)
}

// field is a number and the bits it takes.
type field struct {
	value int64
	bits  uint
}

// pack puts the fields one behind the other, most significant bit first; an
// arithmetic of its own, so that it can contradict the decoder.
func pack(fields ...field) string {
	sum, bits := new(big.Int), uint(0)
	for _, f := range fields {
		v := big.NewInt(f.value)
		if f.value < 0 {
			v.Add(v, new(big.Int).Lsh(big.NewInt(1), f.bits))
		}
		sum.Or(sum.Lsh(sum, f.bits), v)
		bits += f.bits
	}
	return base64.StdEncoding.EncodeToString(sum.FillBytes(make([]byte, bits/8)))
}

func TestMeetJeStad(t *testing.T) {
	fw, lat, lon := field{3, 8}, field{1716000, 24}, field{-160000, 24}
	cold, wet := field{-37, 12}, field{1600, 12} // -2.3125 °C, 100 %
	supply, lux, battery := field{231, 8}, field{4000, 16}, field{205, 8}
	pm25, pm10 := field{8, 16}, field{513, 16}
	const climate, dust = upTime + " temperature=-2.3125 humidity=100", upTime + " pm25=8 pm10=513 temperature=-2.3125 humidity=100"
	runDevice(t, reading.FormatMeetJeStad, []deviceCase{
		{name: "a real one: no fix is no position, supply and battery are not kept", in: mjs(10, "AAAAAAAAEZP4580="), want: upTime + " temperature=17.5625 humidity=63.5"},
		{name: "the real message of v2", in: `{"app_id":"meet-je-stad","dev_id":"50","hardware_serial":"0000000000000032","port":10,"counter":0,"is_retry":true,"payload_raw":"AAAAAAAAEZP4580=","metadata":{"time":"2017-03-21T10:42:18.464710851Z","gateways":[{"time":""}]}}`, want: "2017-03-21T10:42:18.464Z temperature=17.5625 humidity=63.5"},
		{name: "port 10, shortest", in: mjs(10, pack(lat, lon, cold, wet)), want: climate},
		{name: "port 10, supply", in: mjs(10, pack(lat, lon, cold, wet, supply)), want: climate},
		{name: "port 10, too short", in: mjs(10, pack(lat, lon, cold, field{1, 4})), want: "! value-unreadable"},
		{name: "port 10, too long", in: mjs(10, pack(lat, lon, cold, wet, supply, battery, battery)), want: "! value-unreadable"},
		{name: "port 11", in: mjs(11, pack(fw, lat, lon, cold, wet, supply)), want: climate},
		{name: "port 11, battery", in: mjs(11, pack(fw, lat, lon, cold, wet, supply, battery)), want: climate},
		{name: "port 11, too short", in: mjs(11, pack(fw, lat, lon, cold, wet)), want: "! value-unreadable"},
		{name: "port 12", in: mjs(12, pack(fw, lat, lon, cold, wet, supply, lux)), want: climate},
		{name: "port 12, battery", in: mjs(12, pack(fw, lat, lon, cold, wet, supply, lux, battery)), want: climate},
		{name: "port 12, dust", in: mjs(12, pack(fw, lat, lon, cold, wet, supply, lux, pm25, pm10)), want: dust},
		{name: "port 12, dust and battery", in: mjs(12, pack(fw, lat, lon, cold, wet, supply, lux, pm25, pm10, battery)), want: dust},
		{name: "port 12, half of the dust", in: mjs(12, pack(fw, lat, lon, cold, wet, supply, lux, pm25)), want: "! value-unreadable"},
		{name: "port 13, nothing more", in: mjs(13, pack(field{0, 8}, fw, lat, lon, cold, wet, supply)), want: climate},
		{name: "port 13, light", in: mjs(13, pack(field{0x80, 8}, fw, lat, lon, cold, wet, supply, lux)), want: climate},
		{name: "port 13, battery", in: mjs(13, pack(field{0x20, 8}, fw, lat, lon, cold, wet, supply, battery)), want: climate},
		{name: "port 13, bits that mean nothing", in: mjs(13, pack(field{0x1e, 8}, fw, lat, lon, cold, wet, supply)), want: climate},
		{name: "port 13, dust", in: mjs(13, pack(field{0x40, 8}, fw, lat, lon, cold, wet, supply, pm25, pm10)), want: dust},
		{name: "port 13, all", in: mjs(13, pack(field{0xe1, 8}, fw, lat, lon, cold, wet, supply, lux, pm25, pm10, battery, field{77, 24})), want: dust},
		{name: "port 13, more than the flags say", in: mjs(13, pack(field{0xe0, 8}, fw, lat, lon, cold, wet, supply, lux, pm25, pm10, battery, field{77, 24})), want: "! value-unreadable"},
		{name: "port 13, less than the flags say", in: mjs(13, pack(field{0x41, 8}, fw, lat, lon, cold, wet, supply, pm25)), want: "! value-unreadable"},
		{name: "a sensor that the keeper leaves out", in: mjs(10, "AAAAAAAAEZP4580="), channels: []reading.Channel{{Key: "humidity"}}, want: upTime + " temperature=17.5625"},
		{name: "another port", in: mjs(1, "AAAAAAAAEZP4580="), want: "! format-unknown", says: "port 1"},
		{name: "no port is port 0", in: strings.Replace(mjs(10, "AAAAAAAAEZP4580="), `"f_port":10,`, "", 1), want: "! format-unknown"},
		{name: "port twice", in: strings.Replace(mjs(10, "AAAAAAAAEZP4580="), `"f_port":10,`, `"f_port":10,"f_port":10,`, 1), want: "! format-unknown"},
		{name: "not base64", in: mjs(10, "AAAAAAAAEZP4580"), want: "! value-unreadable"},
		{name: "a number for the payload", in: strings.Replace(mjs(10, "1"), `"1"`, `1234`, 1), want: "! value-unreadable"},
		{name: "no payload", in: `{"uplink_message":{"f_port":10,` + upAt + `}}`, want: "! no-values"},
		{name: "an empty uplink says nothing", in: `{"uplink_message":{` + upAt + `}}`, want: ""},
		{name: "no time", in: `{"uplink_message":{"f_port":10,"frm_payload":"AAAAAAAAEZP4580="}}`, want: receivedAt + " temperature=17.5625[server-time] humidity=63.5[server-time]"},
		{name: "simulated", in: `{"simulated":true,` + mjs(10, "AAAAAAAAEZP4580=")[1:], want: "! simulated"},
		{name: "join", in: `{"join_accept":{}}`, want: ""},

		{name: "forwarded", in: `{"id":50,"timestamp":"2026-11-23T07:00:00Z","firmware_version":3,"longitude":5.38,"latitude":52.15,"temperature":7.5,"humidity":81,"lux":4,"supply":3.31,"battery":4.1,"pm2.5":8,"pm10":14,"extra":[1]}`, want: "2026-11-23T07:00:00Z pm25=8 pm10=14 temperature=7.5 humidity=81"},
		{name: "forwarded, time without zone", in: `{"id":50,"timestamp":"2026-11-23 08:00:00","temperature":7.5}`, want: "! time-unreadable", says: "declare the zone"},
		{name: "forwarded, declared zone", in: `{"id":50,"timestamp":"2026-11-23 08:00:00","temperature":7.5}`, zone: "+01:00", want: "2026-11-23T07:00:00Z temperature=7.5"},
		{name: "forwarded, missing is missing", in: `{"timestamp":"2026-11-23T07:00:00Z","temperature":null,"humidity":"","pm2.5":-1}`, want: "2026-11-23T07:00:00Z pm25=-1[missing-code]"},
		{name: "forwarded, no time", in: `{"temperature":7.5}`, want: receivedAt + " temperature=7.5[server-time]"},
		{name: "forwarded list", in: `[{"timestamp":"2026-11-23T07:00:00Z","temperature":7.5},5,{"temperature":1},{"timestamp":"","temperature":1},{"timestamp":"2026-11-23T07:15:00Z","temperature":"x","pm10":3}]`, want: "2026-11-23T07:00:00Z temperature=7.5\n2026-11-23T07:15:00Z pm10=3\n! json\n! time-missing\n! time-missing\n! value-unreadable"},
		{name: "empty list", in: `[]`, want: "! no-values"},
	})
}

func TestThePositionInAPacketIsBlankedAndTheRestKept(t *testing.T) {
	secret := pack(field{1716000, 24}, field{160001, 24}, field{-37, 12}, field{1600, 12}, field{231, 8})
	in := strings.Replace(mjs(10, secret), upAt, `"received_at":"?"`, 1)
	got := MeetJeStad(Input{Payload: []byte(in), Station: station, Received: received})
	require.Len(t, got.Problems, 1)
	element := string(got.Problems[0].Element)
	assert.NotContains(t, element, secret)
	assert.Contains(t, element, pack(field{0, 24}, field{0, 24}, field{-37, 12}, field{1600, 12}, field{231, 8}))
	mended := strings.Replace(element, `"received_at":"?"`, upAt, 1)
	again := MeetJeStad(Input{Payload: []byte(mended), Station: station, Received: received})
	assert.Equal(t, upTime+" temperature=-2.3125 humidity=100", summary(again))

	forwarded := MeetJeStad(Input{Payload: []byte(`[{"timestamp":"?","longitude":5.38123,"latitude":52.15678,"temperature":7}]`), Station: station, Received: received})
	require.Len(t, forwarded.Problems, 1)
	assert.Equal(t, `{"timestamp":"?","longitude":1.11111,"latitude":11.11111,"temperature":7}`, string(forwarded.Problems[0].Element))
}
