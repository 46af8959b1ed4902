package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	firmwaresim "buurtmeter/firmware-sim"
	"buurtmeter/ingest"
	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/decode"
	"buurtmeter/ingest/door"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// counter stands behind a broker and a door: it decodes what they are to
// acknowledge, and fails three times, as a store that is away does.
type counter struct {
	mu               sync.Mutex
	asked, committed int
	readings         map[reading.Format]int
	problems         []string
}

func (c *counter) Ingest(_ context.Context, m ingest.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked++; c.asked == 5 || c.asked == 9 || c.asked == 14 {
		return errors.New("the store is away")
	}
	c.committed++
	d := decode.Decode(m.Format, decode.Input{Payload: m.Payload, ContentType: m.ContentType, Topic: m.Topic, Station: reading.Station{ID: m.Station}, Received: time.Now()})
	c.readings[m.Format] += len(d.Readings)
	for _, p := range d.Problems {
		c.problems = append(c.problems, p.Detail)
	}
	return nil
}

// Submit takes in what comes over MQTT.
func (c *counter) Submit(ctx context.Context, m ingest.Message, done func(error)) {
	done(c.Ingest(ctx, m))
}

// TestAFleetOfMixedKindsUsesBothWays: kits that speak MQTT and HTTP run side by
// side against the real broker, door and register, and the report counts them
// alike; what the store could not take at once is sent again.
func TestAFleetOfMixedKindsUsesBothWays(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "register.db")
	reg, err := register.Open(t.Context(), dsn, register.Options{Now: time.Now})
	require.NoError(t, err)
	defer func() { _ = reg.Close() }()
	c := &counter{readings: map[reading.Format]int{}}
	b, err := broker.Start(t.Context(), broker.Options{Listen: "127.0.0.1:0", Auth: reg, Ingest: c})
	require.NoError(t, err)
	defer func() { assert.NoError(t, b.Close()) }()
	d, err := door.Start(t.Context(), door.Options{Listen: "127.0.0.1:0", Auth: reg, Ingest: c})
	require.NoError(t, err)
	defer func() { assert.NoError(t, d.Close()) }()

	var out, log bytes.Buffer
	args := []string{
		"-broker", "mqtt://" + b.Addr(), "-door", "http://" + d.Addr(), "-enrol", dsn, "-stations", "20",
		"-kinds", "own=2,own-http=1,airrohr-http=1", "-rate", "40", "-duration", "2s", "-json",
	}
	require.NoError(t, run(t.Context(), args, noEnv, &out, &log), log.String())
	var r struct{ Devices, Published, Acked, Resent, Refused, Readings int }
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	assert.Equal(t, 20, r.Devices)
	assert.Equal(t, r.Published, r.Acked)
	assert.Equal(t, c.committed, r.Acked, "acknowledged is what was committed")
	assert.Equal(t, 3, r.Resent, "and what was not was sent again")
	assert.Zero(t, r.Refused)
	assert.Empty(t, c.problems)
	total := 0
	for _, n := range c.readings {
		total += n
	}
	assert.Equal(t, total, r.Readings)
	// Over MQTT the format of our own is not named, at the door it is.
	for _, f := range []reading.Format{"", reading.FormatOwn, reading.FormatAirrohr} {
		assert.Positive(t, c.readings[f], "%s of %v", f, c.readings)
	}
}

// TestAWrongTokenAtTheDoorStopsThatDevice: the door's refusal is counted as the
// broker's is, and is not tried again.
func TestAWrongTokenAtTheDoorStopsThatDevice(t *testing.T) {
	p := &platform{}
	d, err := door.Start(t.Context(), door.Options{Listen: "127.0.0.1:0", Auth: p, Ingest: p})
	require.NoError(t, err)
	defer func() { assert.NoError(t, d.Close()) }()
	var out, log bytes.Buffer
	err = run(t.Context(), []string{
		"-door", "http://" + d.Addr(), "-kinds", "airrohr-http", "-credentials", credentials(t, "a,token-a\nb,stolen\n"), "-rate", "20", "-duration", "2s",
	}, noEnv, &out, &log)
	require.Error(t, err)
	assert.Contains(t, log.String(), "1 of 2 devices")
	got := report(t, out.String())
	assert.Equal(t, 1.0, got["refused"], out.String())
	assert.Equal(t, float64(p.committed.Load()), got["acked"], fmt.Sprint(got))
	assert.Positive(t, got["acked"])
	assert.Contains(t, log.String(), "connected 1/2", "a post that was answered counts as connected")
}

// TestAKitWithAClockPostsItsHistory: history goes through the door in batches, and
// a kit without a clock has none.
func TestAKitWithAClockPostsItsHistory(t *testing.T) {
	c := &counter{asked: 100, readings: map[reading.Format]int{}}
	d, err := door.Start(t.Context(), door.Options{Listen: "127.0.0.1:0", Auth: &platform{}, Ingest: c})
	require.NoError(t, err)
	defer func() { assert.NoError(t, d.Close()) }()
	devices := firmwaresim.Fleet(3, 2)
	for i, kind := range []firmwaresim.Kind{firmwaresim.OwnHTTP, firmwaresim.AirrohrHTTP} {
		devices[i].Kind, devices[i].Token = kind, "token-"+devices[i].ID
	}
	begin := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	require.NoError(t, firmwaresim.Run(t.Context(), firmwaresim.Options{
		Door: "http://" + d.Addr() + "/", Devices: devices, BackfillFrom: begin, Steady: true, PerMessage: 20,
		Now: func() time.Time { return begin.Add(50 * time.Hour) },
	}))
	assert.Equal(t, map[reading.Format]int{reading.FormatOwn: 50}, c.readings)
	assert.Equal(t, 3, c.committed)
	assert.Empty(t, devices[0].Topic())
}
