package topic_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
)

func TestOwnReadsTheSubtreeOfAStation(t *testing.T) {
	for name, want := range map[string]topic.Route{
		"buurtmeter/v1/noord-1/readings":                                       {},
		"buurtmeter/v1/noord-1/readings/senml":                                 {Format: reading.FormatSenML},
		"buurtmeter/v1/noord-1/readings/home-assistant/sensor/pm25/state":      {Format: reading.FormatHomeAssistant, Rest: "sensor/pm25/state"},
		"buurtmeter/v1/noord-1/readings/sensorthings/v1.1/Datastreams(1)/Obs":  {Format: reading.FormatSensorThings, Rest: "v1.1/Datastreams(1)/Obs"},
		"buurtmeter/v1/noord-1/readings/no-such-format":                        {Format: "no-such-format"},
		"buurtmeter/v1/noord-1/readings/senml/a//b":                            {Format: reading.FormatSenML, Rest: "a//b"},
		"buurtmeter/v1/noord-1/readings/" + strings.Repeat("f", 40):            {Format: reading.Format(strings.Repeat("f", 40))},
		"buurtmeter/v1/noord-1/readings/" + strings.Repeat("f", 40) + "/x/y/z": {Format: reading.Format(strings.Repeat("f", 40)), Rest: "x/y/z"},
	} {
		got, err := topic.Own("noord-1", name)
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)
	}
}

func TestOwnRefusesEveryOtherTopic(t *testing.T) {
	for _, name := range []string{
		"", "/", "buurtmeter/v1/noord-1", "buurtmeter/v1/noord-1/", "buurtmeter/v1/noord-1/status",
		"buurtmeter/v1/noord-1/readings/", "buurtmeter/v1/noord-1/readings//", "buurtmeter/v1/noord-1/readings//senml",
		"buurtmeter/v1/noord-1/readings/senml/", "buurtmeter/v1/noord-1/readings/senml//", "buurtmeter/v1/noord-1/readings/senml//x",
		"buurtmeter/v1/noord-1/readingsx", "buurtmeter/v1/noord-1/readingsx/y", "buurtmeter/v1/noord-1/readingssenml/y/z",
		"buurtmeter/v1/noord-1/Readings", "buurtmeter/v1/noord-2/readings", "buurtmeter/v1/noord-11/readings", "buurtmeter/v1/noord-1x/readings/senml",
		"x/buurtmeter/v1/noord-1/readings", "/buurtmeter/v1/noord-1/readings", "buurtmeter/v2/noord-1/readings", "buurtmeter/v1/+/readings", "buurtmeter/v1/#",
		"buurtmeter/v1/noord-1/readings/" + strings.Repeat("f", 41), "$share/g/buurtmeter/v1/noord-1/readings", "airgradient/readings/1",
	} {
		_, err := topic.Own("noord-1", name)
		assert.ErrorIs(t, err, topic.ErrTopic, "%q", name)
	}
}

func TestReadingsInIsTheInverseOfOwn(t *testing.T) {
	for _, f := range []reading.Format{reading.FormatOwn, reading.FormatSenML, reading.FormatHomeAssistant, reading.FormatMeetJeStad} {
		name := topic.ReadingsIn("noord-1", f)
		got, err := topic.Own("noord-1", name)
		require.NoError(t, err)
		assert.Equal(t, topic.Route{Format: f}, got)
	}
	assert.Equal(t, "buurtmeter/v1/noord-1/readings/senml", topic.ReadingsIn("noord-1", reading.FormatSenML))
}

// formats are all that a station may declare.
func formats() []reading.Format {
	return []reading.Format{
		"", reading.FormatOwn, reading.FormatSenML, reading.FormatSensorCommunity, reading.FormatAirrohr, reading.FormatAirrohrInflux,
		reading.FormatOpenSenseMap, reading.FormatTheThingsStack, reading.FormatSmartCitizen, reading.FormatAirGradient,
		reading.FormatSensorThings, reading.FormatHomeAssistant, reading.FormatMeetJeStad,
	}
}

func TestTheTopicsThatAreBuiltIntoKits(t *testing.T) {
	lora := []reading.Format{reading.FormatTheThingsStack, reading.FormatMeetJeStad}
	for name, want := range map[string]struct {
		fits   []reading.Format
		silent bool
	}{
		"airgradient/readings/ecda3b1eaaaf":                               {[]reading.Format{reading.FormatAirGradient}, false},
		"device/sck/abc123/readings":                                      {[]reading.Format{reading.FormatSmartCitizen}, false},
		"device/sck/abc123/readings/raw":                                  {[]reading.Format{reading.FormatSmartCitizen}, false},
		"device/sck/abc123/hello":                                         {[]reading.Format{reading.FormatSmartCitizen}, true},
		"device/sck/abc123/info":                                          {[]reading.Format{reading.FormatSmartCitizen}, true},
		"device/sck/abc123/inventory":                                     {[]reading.Format{reading.FormatSmartCitizen}, true},
		"v3/app@ttn/devices/dev-1/up":                                     {lora, false},
		"v3/app@ttn/devices/dev-1/join":                                   {lora, true},
		"v1.1/Datastreams(1)/Observations":                                {[]reading.Format{reading.FormatSensorThings}, false},
		"v1.0/Datastreams('a b')/Observations":                            {[]reading.Format{reading.FormatSensorThings}, false},
		"v1.1/Observations":                                               {[]reading.Format{reading.FormatSensorThings}, false},
		"tuin/sensor/pm25/state":                                          {[]reading.Format{reading.FormatHomeAssistant}, false},
		"tuin/achter/sensor/pm25/state":                                   {[]reading.Format{reading.FormatHomeAssistant}, false},
		"homeassistant/sensor/bedroom/state":                              {[]reading.Format{reading.FormatHomeAssistant}, false},
		"homeassistant/sensor/bedroom/temperature/config":                 {[]reading.Format{reading.FormatHomeAssistant}, true},
		"homeassistant/sensor/node/bedroom/hum/state":                     {[]reading.Format{reading.FormatHomeAssistant}, false},
		"v1.1/Datastreams(" + strings.Repeat("9", 500) + ")/Observations": {[]reading.Format{reading.FormatSensorThings}, false},
	} {
		got, err := topic.ParseNative(name)
		require.NoError(t, err, name)
		assert.Equal(t, want.silent, got.Silent, name)
		for _, f := range formats() {
			assert.Equal(t, slices.Contains(want.fits, f), got.Fits(f), "%s %s", name, f)
		}
	}
}

func TestATopicThatIsOfNoKitIsRefused(t *testing.T) {
	for _, name := range []string{
		"", "/", "//", strings.Repeat("/", 60_000), "a", "$SYS/broker/uptime", "#", "+/+/+", "\x00",
		"airgradient/readings", "airgradient/readings/", "airgradient/readings/1/2", "/airgradient/readings/1", "airgradient/readings/+", "airgradient/readings/#",
		"airgradient/readings/1\x00", "AirGradient/readings/1", "airgradient//1",
		"device/sck/readings", "device/sck//readings", "device/sck/t/readings/raw/x", "device/sck/t/readings/", "device/sck/t/other", "device/x/t/readings", "device/sck/t",
		"v3/app@ttn/devices/dev-1", "v3/app@ttn/devices/dev-1/down", "v3/app@ttn/devices/dev-1/up/x", "v3/app@ttn/devices//up", "v2/app@ttn/devices/dev-1/up", "v3/app@ttn/things/dev-1/up",
		"v1.1", "v1.1/Datastreams(1)", "v1.1/Datastreams()/Observations", "v1.1/Datastreams(1/Observations", "v1.1/Datastreams/Observations", "v1.1/Things(1)/Observations",
		"v1.2/Observations", "v1.1/Datastreams(1)/x/Observations", "x/v1.1/Observations", "v1.1/observations",
		"sensor/pm25/state", "tuin/sensor/state", "tuin/switch/pm25/state", "tuin/sensor/pm25/set", "tuin/sensor/pm25/config", "tuin/sensor/pm25/state/x", "tuin/a/b/c/sensor/pm25/state",
		"tuin/sensor/+/state", "tuin/sensor/#/state", "tuin/sensor/$x/state", "tuin/sensor//state",
	} {
		_, err := topic.ParseNative(name)
		assert.ErrorIs(t, err, topic.ErrTopic, "%.80q", name)
	}
}

// TestNoKitMayUseTheTopicsOfAStation: a station may well be called "sensor", and a
// message on its subtree would be taken for its own.
func TestNoKitMayUseTheTopicsOfAStation(t *testing.T) {
	for _, name := range []string{
		"buurtmeter/v1/sensor/readings/state", "buurtmeter/v1/sensor/readings/home-assistant/state", "buurtmeter/v1/a/sensor/b/state", topic.Readings("sensor"),
	} {
		_, err := topic.ParseNative(name)
		assert.ErrorIs(t, err, topic.ErrTopic, name)
	}
}

func TestNobodyHasAZeroNative(t *testing.T) {
	for _, f := range formats() {
		assert.False(t, topic.Native{}.Fits(f))
	}
}

// FuzzOwn: a route says no more than its topic, and the topic of another station is
// never one's own.
func FuzzOwn(f *testing.F) {
	for _, s := range []string{"buurtmeter/v1/noord-1/readings", "buurtmeter/v1/noord-1/readings/senml", "buurtmeter/v1/noord-1/readings/a/b/c", "buurtmeter/v1/noord-1/readingsx/y", "buurtmeter/v1/noord-2/readings"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		route, err := topic.Own("noord-1", name)
		if err != nil {
			require.ErrorIs(t, err, topic.ErrTopic)
			return
		}
		back := topic.Readings("noord-1")
		if route.Format != "" {
			back = topic.ReadingsIn("noord-1", route.Format)
		}
		if route.Rest != "" {
			require.False(t, strings.HasPrefix(route.Rest, "/"))
			back += "/" + route.Rest
		}
		require.Equal(t, name, back)
		_, err = topic.Own("noord-2", name)
		require.Error(t, err)
	})
}

// FuzzParseNative: what is recognised has no wildcard and no empty level, lies
// outside the topics of stations, and fits some format, but never our own.
func FuzzParseNative(f *testing.F) {
	for _, s := range []string{"airgradient/readings/1", "device/sck/t/readings/raw", "v3/a@t/devices/d/up", "v1.1/Datastreams(1)/Observations", "tuin/sensor/pm25/state", "homeassistant/sensor/a/config", "buurtmeter/v1/sensor/readings/state"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		n, err := topic.ParseNative(name)
		if err != nil {
			require.ErrorIs(t, err, topic.ErrTopic)
			return
		}
		require.NotContains(t, strings.Split(name, "/"), "")
		require.False(t, strings.ContainsAny(name, "+#$\x00"))
		require.False(t, strings.HasPrefix(name, topic.Root))
		require.False(t, n.Fits("") || n.Fits(reading.FormatOwn))
		require.True(t, slices.ContainsFunc(formats(), n.Fits))
		_, err = topic.Station(name)
		require.Error(t, err)
	})
}
