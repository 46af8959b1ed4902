package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// kitMessage is what a kit of a format sends, and what must come out of it.
type kitMessage struct {
	format  reading.Format
	wire    reading.Wire
	path    string // at the HTTP door; empty for kits that speak MQTT only
	native  string // topic that is built into the kit; empty for none
	headers []string
	body    func(at time.Time) string
	want    []string // "property":value
}

func kitMessages() []kitMessage {
	boxID := "595f9a282dcbee77ac0e5dc4"
	return []kitMessage{
		{
			format: reading.FormatOwn, path: "/readings", want: []string{`no2 21.5`},
			body: func(at time.Time) string { return `{"time":"` + at.Format(time.RFC3339) + `","values":{"no2":21.5}}` },
		},
		{
			format: reading.FormatSenML, path: "/v1/stations/%s/senml", headers: []string{"Content-Type", "application/senml+json"}, want: []string{`temperature 21.5`},
			body: func(at time.Time) string {
				return fmt.Sprintf(`[{"bn":"urn:dev:mac:0024befffe804ff1:","bt":%d,"n":"temperature","u":"Cel","v":21.5}]`, at.Unix())
			},
		},
		{
			format: reading.FormatSensorCommunity, path: "/v1/push-sensor-data/", headers: []string{"X-Pin", "1", "X-Sensor", "esp8266-1"}, want: []string{`pm10 4.05`, `pm25 2.25`},
			body: func(time.Time) string {
				return `{"software_version":"NRZ-2024","sensordatavalues":[{"value_type":"P1","value":"4.05"},{"value_type":"P2","value":"2.25"}]}`
			},
		},
		{
			format: reading.FormatAirrohr, path: "/airrohr", want: []string{`pm10 4.05`, `pm25 2.25`},
			body: func(time.Time) string {
				return `{"esp8266id":"1","sensordatavalues":[{"value_type":"SDS_P1","value":"4.05"},{"value_type":"SDS_P2","value":"2.25"},{"value_type":"signal","value":"-59 dBm"}]}`
			},
		},
		{
			format: reading.FormatAirrohrInflux, path: "/write?db=feinstaub", headers: []string{"Content-Type", "text/plain"}, want: []string{`pm10 4.05`, `pm25 2.25`},
			body: func(time.Time) string { return "feinstaub,node=esp8266-1 SDS_P1=4.05,SDS_P2=2.25,signal=-86" },
		},
		{
			format: reading.FormatOpenSenseMap, path: "/boxes/%s/data", headers: []string{"Content-Type", "application/sbx-bytes-ts"}, want: []string{`pm25 4.5`},
			wire: reading.Wire{Channels: []reading.Channel{{Key: boxID, Property: reading.PM25}}},
			body: func(at time.Time) string {
				b, err := hex.DecodeString(boxID)
				if err != nil {
					panic(err)
				}
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(4.5))
				return string(binary.LittleEndian.AppendUint32(b, uint32(at.Unix())))
			},
		},
		{
			format: reading.FormatTheThingsStack, path: "/v1/ttn", native: "v3/app@tenant/devices/dev-1/up", want: []string{`temperature 23`},
			body: func(at time.Time) string {
				return `{"end_device_ids":{"device_id":"dev-1"},"uplink_message":{"f_port":1,"decoded_payload":{"temperature_1":23},"received_at":"` + at.Format(time.RFC3339) + `"}}`
			},
		},
		{
			format: reading.FormatMeetJeStad, path: "/v1/ttn", native: "v3/app@tenant/devices/dev-2/up", want: []string{`temperature 17.5625`, `humidity 63.5`},
			wire: reading.Wire{Format: reading.FormatMeetJeStad},
			body: func(at time.Time) string {
				return `{"end_device_ids":{"device_id":"dev-2"},"uplink_message":{"f_port":10,"frm_payload":"` +
					base64.StdEncoding.EncodeToString([]byte{0, 0, 0, 0, 0, 0, 0x11, 0x93, 0xf8, 0xe7, 0xcd}) + `","received_at":"` + at.Format(time.RFC3339) + `"}}`
			},
		},
		{
			format: reading.FormatSmartCitizen, native: "device/sck/abc123/readings/raw", want: []string{`pm25 7.5`},
			body: func(at time.Time) string { return "{ t:" + at.Format("2006-01-02T15:04:05Z") + ", 87:7.5 }" },
		},
		{
			format: reading.FormatAirGradient, native: "airgradient/readings/ecda3b1eaaaf", want: []string{`pm25 7`, `pm25-corrected 6`, `pm10 8`},
			body: func(time.Time) string {
				return `{"wifi":-46,"serialno":"ecda3b1eaaaf","pm02":7,"pm02Compensated":6,"pm10":8,"noxIndex":1,"noxRaw":16307}`
			},
		},
		{
			format: reading.FormatSensorThings, path: "/v1.1/Datastreams(12)/Observations", native: "v1.1/Datastreams(12)/Observations", want: []string{`no2 26`},
			wire: reading.Wire{Channels: []reading.Channel{{Key: "Datastreams(12)", Property: reading.NO2}}},
			body: func(at time.Time) string { return `{"result":26,"phenomenonTime":"` + at.Format(time.RFC3339) + `"}` },
		},
		{
			format: reading.FormatHomeAssistant, native: "esphome/sensor/air/state", want: []string{`pm25 9.5`},
			wire: reading.Wire{Channels: []reading.Channel{{Key: "value_json.pm.pm25", Property: reading.PM25}}},
			body: func(time.Time) string { return `{"pm":{"pm25":9.5},"rssi":-60}` },
		},
	}
}

// kitCase is one message over one way that it can take.
type kitCase struct {
	kitMessage
	way, token string
	id         reading.StationID
}

// TestEveryKitTakesPart sends a message of every format over each way that it
// can take into the running program, and reads the values back.
func TestEveryKitTakesPart(t *testing.T) {
	data := t.TempDir()
	cases := enrolKits(t, data)
	s := startServer(t, "--data", data, "--mqtt-listen", "127.0.0.1:0", "--door-listen", "127.0.0.1:0")
	covered := map[reading.Format]bool{}
	for _, c := range cases {
		covered[c.format] = true
		t.Run(string(c.format)+" by "+c.way, func(t *testing.T) {
			at := time.Now().UTC().Truncate(time.Minute).Add(-10 * time.Minute)
			switch c.way {
			case "http":
				postKit(t, s, c, at)
			case "topic":
				name := topic.ReadingsIn(c.id, c.format)
				if c.format == reading.FormatSensorThings { // its topics name the datastream
					name += "/Datastreams(12)/Observations"
				}
				publishAsKit(t, s, c.id, c.token, name, c.body(at))
			default:
				publishAsKit(t, s, c.id, c.token, c.native, c.body(at))
			}
			q := "?from=" + at.Add(-time.Hour).Format(time.RFC3339) + "&to=" + at.Add(2*time.Hour).Format(time.RFC3339)
			_, _, raw := get(t, s.url("/v1/stations/"+string(c.id)+"/readings"+q), "application/json")
			for _, want := range c.want {
				property, value, _ := strings.Cut(want, " ")
				assert.Regexp(t, `"property":"`+property+`","unit":"[^"]+","value":`+strings.ReplaceAll(value, ".", `\.`)+`,`, raw)
			}
			assert.Equal(t, len(c.want), strings.Count(raw, `"property":`), "nothing was invented: %s", raw)
		})
	}
	for _, f := range reading.Formats() {
		assert.True(t, covered[f], "no test of %s", f)
	}
}

// enrolKits registers a station for each case.
func enrolKits(t *testing.T, data string) (cases []kitCase) {
	t.Helper()
	reg, err := register.Open(t.Context(), "sqlite:"+filepath.Join(data, "register.db"), register.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, reg.Close()) }()
	for _, k := range kitMessages() {
		for _, way := range []string{"http", "topic", "native"} {
			if way == "http" && k.path == "" || way == "native" && k.native == "" {
				continue
			}
			c := kitCase{kitMessage: k, way: way, id: reading.StationID(fmt.Sprintf("kit-%d", len(cases)+1))}
			if way == "topic" && k.format == reading.FormatOpenSenseMap { // MQTT has no content type, which bytes need
				c.body = func(at time.Time) string {
					return `[{"sensor":"595f9a282dcbee77ac0e5dc4","value":"4.5","createdAt":"` + at.Format(time.RFC3339) + `"}]`
				}
			}
			wire := k.wire
			wire.Format = k.format
			c.token, err = reg.AddStation(t.Context(), reading.Station{
				ID: c.id, Title: string(c.id), Kind: reading.KindSensor, Cadence: time.Minute, Wire: wire, Since: time.Now().Add(-time.Hour),
			}, reading.SecretPosition{}, "test")
			require.NoError(t, err)
			cases = append(cases, c)
		}
	}
	return cases
}

func postKit(t *testing.T, s *running, c kitCase, at time.Time) {
	t.Helper()
	path := strings.ReplaceAll(c.path, "%s", string(c.id))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Door+path, strings.NewReader(c.body(at)))
	require.NoError(t, err)
	req.SetBasicAuth(string(c.id), c.token)
	for i := 0; i+1 < len(c.headers); i += 2 {
		req.Header.Set(c.headers[i], c.headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Less(t, res.StatusCode, 300)
}

// publishAsKit publishes as the firmware would, and waits for the acknowledgement.
func publishAsKit(t *testing.T, s *running, id reading.StationID, token, name, body string) {
	t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker(s.MQTT).SetClientID("kit").SetUsername(string(id)).SetPassword(token).SetAutoReconnect(false))
	tok := c.Connect()
	require.True(t, tok.WaitTimeout(30*time.Second))
	require.NoError(t, tok.Error())
	defer c.Disconnect(100)
	tok = c.Publish(name, 1, false, body)
	require.True(t, tok.WaitTimeout(30*time.Second))
	require.NoError(t, tok.Error())
}
