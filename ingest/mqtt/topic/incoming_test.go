package topic

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func TestIncoming(t *testing.T) {
	for name, want := range map[string]Route{
		"buurtmeter/v1/ams-1/readings":                                          {},
		"buurtmeter/v1/ams-1/readings/senml":                                    {Format: reading.FormatSenML},
		"buurtmeter/v1/ams-1/readings/home-assistant/esp/sensor/pm25/state":     {Format: reading.FormatHomeAssistant, Rest: "esp/sensor/pm25/state"},
		"buurtmeter/v1/ams-1/readings/sensorthings/Datastreams(1)/Observations": {Format: reading.FormatSensorThings, Rest: "Datastreams(1)/Observations"},
	} {
		id, route, err := Incoming(name)
		require.NoError(t, err, name)
		assert.Equal(t, reading.StationID("ams-1"), id)
		assert.Equal(t, want, route, name)
	}
	for _, name := range []string{
		"", "buurtmeter/v1/", "buurtmeter/v1//readings", "buurtmeter/v1/ams-1", "buurtmeter/v1/ams-1/readings/", "buurtmeter/v1/ams-1/readings/senml/",
		"buurtmeter/v1/ams-1/readingsx", "buurtmeter/v2/ams-1/readings", "buurtmeter/v1/AMS 1/readings", "buurtmeter/v1/ams-1/state", "airgradient/readings/x",
	} {
		_, _, err := Incoming(name)
		assert.ErrorIs(t, err, ErrTopic, name)
	}
}
