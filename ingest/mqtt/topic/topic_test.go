package topic_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
)

func TestStationIsTheInverseOfReadings(t *testing.T) {
	for _, id := range []reading.StationID{"a", "noord-1", "0_9", reading.StationID(strings.Repeat("z", 63))} {
		got, err := topic.Station(topic.Readings(id))
		require.NoError(t, err)
		assert.Equal(t, id, got)
	}
}

func TestStationRefusesEveryOtherTopic(t *testing.T) {
	for _, name := range []string{
		"", "/", "buurtmeter/v1/readings", "buurtmeter/v1//readings", "buurtmeter/v1/a/b/readings",
		"buurtmeter/v1/A/readings", "buurtmeter/v1/a/readings/", "buurtmeter/v2/a/readings", "x/buurtmeter/v1/a/readings",
		"buurtmeter/v1/+/readings", "buurtmeter/v1/#", "buurtmeter/v1/\xff/readings", "buurtmeter/v1/a", "$SYS/broker",
	} {
		_, err := topic.Station(name)
		assert.ErrorIs(t, err, topic.ErrTopic, "%q", name)
	}
}

func TestTheWireIsWhatDevicesWereTold(t *testing.T) {
	assert.Equal(t, "buurtmeter/v1/noord-1/readings", topic.Readings("noord-1"))
	assert.Equal(t, "$share/buurtmeter/buurtmeter/v1/+/readings/#", topic.Shared(topic.DefaultGroup))
}

func FuzzStation(f *testing.F) {
	f.Add("buurtmeter/v1/noord-1/readings")
	f.Add("buurtmeter/v1//readings")
	f.Fuzz(func(t *testing.T, name string) {
		if id, err := topic.Station(name); err == nil {
			assert.Equal(t, name, topic.Readings(id))
		}
	})
}
