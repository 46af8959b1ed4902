package decode

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func TestHomeAssistant(t *testing.T) {
	const bedroom = "homeassistant/sensor/sensorBedroom/state"
	bedroomChannels := []reading.Channel{{Key: "value_json.temperature", Property: reading.Temperature, Unit: "°C"}, {Key: "{{ value_json.humidity}}", Property: reading.Humidity}}
	dust := []reading.Channel{{Key: "  {{value_json.pm.pm25  }}", Property: reading.PM25}}
	topics := []reading.Channel{{Key: "tuin/sensor/pm25/state", Property: reading.PM25}, {Key: "sensor/temp/state", Property: reading.Temperature, Unit: "°F"}, {Key: "temp/state", Property: reading.PM10}}
	runDevice(t, reading.FormatHomeAssistant, []deviceCase{
		{name: "the documented one", in: `{ "temperature": 23.20, "humidity": 43.70 }`, topic: bedroom, channels: bedroomChannels, want: receivedAt + " temperature=23.2[server-time] humidity=43.7[server-time]"},
		{name: "a path", in: `{"pm":{"pm25":8,"pm10":9},"battery":3}`, channels: dust, want: receivedAt + " pm25=8[server-time]\n! channel-unknown", says: `"pm.pm10"`},
		{name: "a path that is not there", in: `{"pm":{},"battery":3}`, channels: dust, want: "! channel-unknown", says: `"battery"`},
		{name: "a path that ends in an object", in: `{"pm":{"pm25":{"v":8}}}`, channels: dust, want: "! value-unreadable"},
		{name: "nothing declared", in: `{"temperature":23.2,"linkquality":80,"state":"ON"}`, topic: bedroom, want: "! channel-unknown", says: `what "temperature" measures`},
		{name: "nothing that looks like ours", in: `{"lucht":8,"linkquality":80,"state":"ON"}`, topic: bedroom, want: "! channel-unknown", says: `"lucht", "linkquality"`},
		{name: "all that is declared is left out", in: `{"lucht":8,"linkquality":80}`, topic: bedroom, channels: []reading.Channel{{Key: "value_json.lucht"}}, want: ""},
		{name: "a sensor that the keeper leaves out", in: `{"temperature":23.2,"humidity":43}`, channels: []reading.Channel{{Key: "value_json.temperature"}, bedroomChannels[1]}, want: receivedAt + " humidity=43[server-time]"},
		{name: "a number at its topic", in: "7.5\n", topic: "tuin/sensor/pm25/state", channels: topics, want: receivedAt + " pm25=7.5[server-time]"},
		{name: "a topic behind that of the station, the longest counts", in: "68", topic: "buurtmeter/v1/noord-1/readings/home-assistant/sensor/temp/state", channels: topics, want: receivedAt + " temperature=20[server-time]"},
		{name: "another topic", in: "7.5", topic: "tuin/sensor/pm10/state", channels: topics, want: "! channel-unknown", says: `"sensor/pm10/state"`},
		{name: "a topic that only ends alike", in: "7.5", topic: "xtemp/state", channels: topics, want: "! channel-unknown"},
		{name: "a number in quotes", in: `"7.5"`, topic: "tuin/sensor/pm25/state", channels: topics, want: receivedAt + " pm25=7.5[server-time]"},
		{name: "unavailable", in: `unavailable`, topic: "tuin/sensor/pm25/state", channels: topics, want: "! no-values"},
		{name: "unknown", in: `unknown`, topic: "tuin/sensor/pm25/state", channels: topics, want: "! no-values"},
		{name: "None", in: `None`, topic: "tuin/sensor/pm25/state", channels: topics, want: "! no-values"},
		{name: "nan", in: `nan`, topic: "tuin/sensor/pm25/state", channels: topics, want: "! no-values"},
		{name: "empty", in: ``, topic: "tuin/sensor/pm25/state", channels: topics, want: "! no-values"},
		{name: "on", in: `ON`, topic: "tuin/sensor/pm25/state", channels: topics, want: "! value-unreadable"},
		{name: "a number with its unit", in: `7.5 µg/m³`, topic: "tuin/sensor/pm25/state", channels: topics, want: "! value-unreadable"},
		{name: "a list", in: `[7.5]`, topic: "tuin/sensor/pm25/state", channels: topics, want: "! value-unreadable"},
		{name: "JSON at a topic of a number", in: `{"a":1}`, topic: "tuin/sensor/pm25/state", channels: topics, want: "! channel-unknown"},
		{name: "unavailable in JSON", in: `{"temperature":"unavailable","humidity":43}`, channels: bedroomChannels, want: receivedAt + " humidity=43[server-time]"},
		{name: "a key twice", in: `{"temperature":1,"temperature":1,"humidity":43}`, channels: bedroomChannels, want: receivedAt + " humidity=43[server-time]\n! value-unreadable"},
		{name: "a template in a channel does nothing", in: `{"temperature":1,"humidity":43}`, channels: []reading.Channel{{Key: "{{ value_json.temperature * 2 }}", Property: reading.Temperature}, bedroomChannels[1]}, want: receivedAt + " humidity=43[server-time]\n! channel-unknown"},
		{name: "config", in: `{"device_class":"temperature"}`, topic: "homeassistant/sensor/a/config", want: ""},
		{name: "a device that is called config", in: `7.5`, topic: "tuin/sensor/config/state", channels: []reading.Channel{{Key: "config/state", Property: reading.PM25}}, want: receivedAt + " pm25=7.5[server-time]"},
		{name: "the end of an entity", in: ``, topic: "homeassistant/sensor/a/config", want: ""},
	})
}

func TestADiscoveryConfigBecomesAChannel(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want reading.Channel
	}{
		"the documented one": {`{"device_class":"temperature","state_topic":"homeassistant/sensor/sensorBedroom/state","unit_of_measurement":"°C","value_template":"{{ value_json.temperature}}","unique_id":"temp01ae","device":{"identifiers":["bedroom01ae"],"name":"Bedroom"}}`, reading.Channel{Key: "value_json.temperature", Property: reading.Temperature, Unit: "°C"}},
		"greek letter":       {`{"device_class":"pm25","state_topic":"a/state","unit_of_measurement":"\u03bcg/m\u00b3","value_template":"{{value_json.pm.pm25}}"}`, reading.Channel{Key: "value_json.pm.pm25", Property: reading.PM25, Unit: "µg/m³"}},
		"micro sign":         {`{"device_class":"nitrogen_dioxide","state_topic":"a/state","unit_of_measurement":"\u00b5g/m\u00b3"}`, reading.Channel{Key: "a/state", Property: reading.NO2, Unit: "µg/m³"}},
		"ppb":                {`{"device_class":"ozone","state_topic":"a/state","unit_of_measurement":"ppb"}`, reading.Channel{Key: "a/state", Property: reading.O3, Unit: "ppb"}},
		"abbreviated":        {`{"~":"tuin/pm","dev_cla":"pm10","stat_t":"~/state","val_tpl":"{{ value }}"}`, reading.Channel{Key: "tuin/pm/state", Property: reading.PM10}},
		"abbreviated, last":  {`{"~":"/state","dev_cla":"pm1","stat_t":"tuin~"}`, reading.Channel{Key: "tuin/state", Property: reading.PM1}},
		"no unit needed":     {`{"device_class":"humidity","state_topic":"a/state"}`, reading.Channel{Key: "a/state", Property: reading.Humidity}},
	} {
		got, err := HomeAssistantChannel([]byte(c.in))
		require.NoError(t, err, name)
		assert.Equal(t, c.want, got, name)
	}
}

func TestADiscoveryConfigThatIsNoChannel(t *testing.T) {
	for in, says := range map[string]string{
		`{"device_class":"pm25","state_topic":"a","value_template":"{{ value_json.pm25 | round(1) }}"}`:  "more than a path",
		`{"device_class":"pm25","state_topic":"a","value_template":"{{ value_json.a + value_json.b }}"}`: "more than a path",
		`{"device_class":"pm25","state_topic":"a","value_template":"{{ value_json['pm25'] }}"}`:          "more than a path",
		`{"device_class":"pm25","state_topic":"a","value_template":"{% if x %}{{ value_json.pm25 }}"}`:   "more than a path",
		`{"device_class":"pm25","state_topic":"a","value_template":"{{ states('sensor.x') }}"}`:          "more than a path",
		`{"device_class":"pm25","state_topic":"a","value_template":"value_json.pm25"}`:                   "more than a path",
		`{"device_class":"pm25","state_topic":"a","value_template":"{{ value_json. }}"}`:                 "more than a path",
		`{"device_class":"pm25","state_topic":"a","value_template":"{{ value_json }}"}`:                  "more than a path",
		`{"device_class":"carbon_dioxide","state_topic":"a","unit_of_measurement":"ppm"}`:                "not kept here",
		`{"state_topic":"a"}`: "not kept here",
		`{"device_class":"pm25","state_topic":"a","unit_of_measurement":"ppb"}`:            "not known",
		`{"device_class":"nitrogen_dioxide","state_topic":"a","unit_of_measurement":"kΩ"}`: "not known",
		`{"device_class":"nitrogen_dioxide","state_topic":"a"}`:                            "missing",
		`{"device_class":"temperature","state_topic":"a"}`:                                 "missing",
		`{"device_class":"pressure","state_topic":"a"}`:                                    "missing",
		`{"device_class":"pm25"}`:                                                          "state_topic",
		`{"device_class":"pm25","state_topic":"a/+/state"}`:                                "wildcard",
		`{"device_class":"pm25","dev_cla":"pm10","state_topic":"a"}`:                       "twice",
		`{"device_class":"pm25","device_class":"pm25","state_topic":"a"}`:                  "once",
		`{"device_class":7,"state_topic":"a"}`:                                             "must be a text",
		`[]`:                                                                               "one JSON object",
		`{`:                                                                                "at byte",
		`{"device_class":"` + strings.Repeat("x", 10_000) + `"}`:                           "…",
	} {
		_, err := HomeAssistantChannel([]byte(in))
		require.Error(t, err, in)
		assert.Contains(t, err.Error(), says)
		assert.Less(t, len(err.Error()), 400)
		assert.NotErrorIs(t, err, ErrEntityDeleted)
	}
	for _, in := range []string{"", " \n"} {
		_, err := HomeAssistantChannel([]byte(in))
		assert.ErrorIs(t, err, ErrEntityDeleted)
	}
}

// TestWhatConfigAndStateSayBelongsTogether: the channel that comes from a config
// reads the state of its entity.
func TestWhatConfigAndStateSayBelongsTogether(t *testing.T) {
	c, err := HomeAssistantChannel([]byte(`{"device_class":"carbon_monoxide","state_topic":"tuin/sensor/lucht/state","unit_of_measurement":"ppm","value_template":"{{ value_json.co }}"}`))
	require.NoError(t, err)
	st := station
	st.Wire.Channels = []reading.Channel{c}
	got := HomeAssistant(Input{Payload: []byte(`{"co":2}`), Topic: "tuin/sensor/lucht/state", Station: st, Received: received})
	assert.Equal(t, receivedAt+" co=2.3288[server-time]", summary(got))
}
