package mqtt_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/mqtt"
	"buurtmeter/ingest/mqtt/mqtttest"
)

func TestPublisherLoginIsChecked(t *testing.T) {
	b := mqtttest.Mosquitto(t, users)
	_, err := mqtt.Dial(t.Context(), mqtt.PublisherOptions{URL: b.URL, Station: "noord-1", Token: "wrong"})
	require.ErrorIs(t, err, mqtt.ErrLogin)
	_, err = mqtt.Dial(t.Context(), mqtt.PublisherOptions{URL: "ftp://x", Station: "noord-1", Token: "wrong"})
	require.Error(t, err)
}

func TestPublishAsyncKeepsToItsWindowAndCallsDoneOnce(t *testing.T) {
	b := mqtttest.Mosquitto(t, users)
	st := &store{}
	connected(t, source(t, b, st))
	p, err := mqtt.Dial(t.Context(), mqtt.PublisherOptions{URL: b.URL, Station: "noord-1", Token: users["noord-1"], Window: 10})
	require.NoError(t, err)
	defer p.Close()
	const n = 2000
	var done, open, most atomic.Int64
	var want []string
	for i := range n {
		payload := fmt.Sprint("m", i)
		want = append(want, payload)
		p.PublishAsync(t.Context(), []byte(payload), func(err error) {
			assert.NoError(t, err)
			open.Add(-1)
			done.Add(1)
		})
		most.Store(max(most.Load(), open.Add(1)))
	}
	require.Eventually(t, func() bool { return done.Load() == n }, 20*time.Second, time.Millisecond)
	assert.LessOrEqual(t, most.Load(), int64(11))
	requireAll(t, want, st)
}

func TestPublisherReportsALostConnectionAndComesBack(t *testing.T) {
	b := mqtttest.Mosquitto(t, users)
	p := publisher(t, b, "noord-1")
	require.NoError(t, p.Publish(t.Context(), []byte("x")))
	b.Stop(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.ErrorIs(t, p.Publish(ctx, []byte("x")), mqtt.ErrNotAcknowledged)
	b.Start(t)
	require.NoError(t, p.Publish(t.Context(), []byte("x")))
	p.Close()
	require.ErrorIs(t, p.Publish(t.Context(), []byte("x")), mqtt.ErrNotAcknowledged)
}
