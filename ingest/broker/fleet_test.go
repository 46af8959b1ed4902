package broker_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	firmwaresim "buurtmeter/firmware-sim"
	"buurtmeter/ingest"
	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
)

// TestDevicesThatKnowOnlyTheWire runs the simulated devices, which share no code
// with the platform, against a broker whose store fails now and then and which is
// closed and opened in between.
func TestDevicesThatKnowOnlyTheWire(t *testing.T) {
	assert.Equal(t, topic.Readings("noord-1"), firmwaresim.Topic("noord-1"))
	devices := firmwaresim.Fleet(3, 12)
	auth := tokens{}
	for i := range devices {
		devices[i].Token = "token-" + devices[i].ID
		auth[reading.StationID(devices[i].ID)] = devices[i].Token
	}
	var n atomic.Int64
	j := &journal{before: func(ctx context.Context, _ ingest.Message) error {
		if n.Add(1)%11 == 0 {
			return errors.New("the store has a bad moment")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
			return nil
		}
	}}
	first := start(t, j, func(o *broker.Options) { o.Auth = auth })
	now := time.Date(2026, 11, 3, 8, 20, 0, 0, time.UTC)
	from := now.AddDate(0, -6, 0)
	done := make(chan error, 1)
	var last firmwaresim.Progress
	go func() {
		done <- firmwaresim.Run(t.Context(), firmwaresim.Options{
			Broker: "mqtt://" + first.Addr(), Devices: devices, BackfillFrom: from,
			Now: func() time.Time { return now }, Report: func(p firmwaresim.Progress) { last = p },
		})
	}()
	require.Eventually(t, func() bool { return first.Stats().Committed > 50 }, 20*time.Second, time.Millisecond)
	require.NoError(t, first.Close())
	start(t, j, func(o *broker.Options) { o.Auth, o.Listen = auth, first.Addr() })
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		t.Fatal("the fleet does not finish")
	}
	kept := map[string]bool{}
	for _, m := range j.kept {
		kept[string(m.Station)+" "+string(m.Payload)] = true
	}
	for _, d := range devices {
		for at := from.Truncate(time.Hour); at.Before(now.Truncate(time.Hour)); at = at.Add(168 * time.Hour) {
			to := at.Add(168 * time.Hour)
			if end := now.Truncate(time.Hour); to.After(end) {
				to = end
			}
			for _, m := range firmwaresim.Messages(d.Samples(at, to, time.Hour), 0) {
				assert.True(t, kept[d.ID+" "+string(m)], "an acknowledged message is not stored")
			}
		}
	}
	assert.Equal(t, last.Published, last.Acknowledged)
	assert.Positive(t, last.Resent)
}
