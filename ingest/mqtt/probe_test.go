package mqtt_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/mqtt"
	"buurtmeter/ingest/mqtt/mqtttest"
)

func probe(t *testing.T, url string, change func(*mqtt.ProbeOptions)) (mqtt.ProbeReport, error) {
	t.Helper()
	o := mqtt.ProbeOptions{
		URL: url, Username: mqtttest.IngestUser, Password: mqtttest.IngestPassword, Messages: 2500, Quiet: 3 * time.Second,
	}
	if change != nil {
		change(&o)
	}
	return mqtt.Probe(t.Context(), o)
}

func TestProbeOfABrokerThatKeepsWhatItAcknowledged(t *testing.T) {
	r, err := probe(t, mqtttest.Mosquitto(t, nil).URL, nil)
	require.NoError(t, err)
	assert.Equal(t, mqtt.ProbeReport{Acknowledged: 2500, Delivered: 2500, Session: true, Inflight: 1000, Large: true}, r)
}

// Mosquitto as it comes keeps a thousand messages for a session and drops the
// others, after it has acknowledged them.
func TestProbeFindsTheLimitsOfMosquittoAsItComes(t *testing.T) {
	r, err := probe(t, mqtttest.PlainMosquitto(t, nil, "message_size_limit 100000").URL, nil)
	require.NoError(t, err)
	assert.Equal(t, 2500, r.Acknowledged)
	assert.Less(t, r.Delivered, 1100)
	assert.Equal(t, 20, r.Inflight)
	assert.False(t, r.Large)
}

func TestProbeThatCannotTell(t *testing.T) {
	b := mqtttest.Mosquitto(t, map[string]string{"noord-1": "token"})
	_, err := probe(t, b.URL, func(o *mqtt.ProbeOptions) { o.Password = "wrong" })
	require.ErrorContains(t, err, "connect")
	_, err = probe(t, b.URL, func(o *mqtt.ProbeOptions) { o.Username, o.Password = "noord-1", "token" })
	require.ErrorContains(t, err, "the right to read and write it")
	_, err = probe(t, "tcp://127.0.0.1:1", nil)
	require.Error(t, err)
}
