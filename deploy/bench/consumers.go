package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// consumer takes messages from a broker and writes them to an influxd.
type consumer struct {
	name string
	// measurement is where its points are.
	measurement string
	start       func(ctx context.Context, q *broker, i *influx, db string) (*process, error)
}

// telegrafTuned are the agent's settings with which Telegraf was fastest, and
// telegrafPlain its own defaults.
const (
	telegrafTuned = `
  metric_batch_size = 5000
  metric_buffer_limit = 100000
  flush_interval = "1s"
  flush_jitter = "0s"
`
	telegrafPlain = "\n"
)

// telegrafConfig reads the same messages that ours reads, at least once: without
// persistent_session and QoS 1 Telegraf promises nothing.
const telegrafConfig = `[agent]%s  omit_hostname = true
[[inputs.mqtt_consumer]]
  servers = ["%s"]
  topics = ["buurtmeter/v1/+/readings"]
  topic_tag = ""
  qos = 1
  persistent_session = true
  client_id = "telegraf"%s
  data_format = "json_v2"
  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "air"
    timestamp_path = "time"
    timestamp_format = "unix"
    [[inputs.mqtt_consumer.json_v2.tag]]
      path = "id"
      rename = "station"
`

const telegrafField = `    [[inputs.mqtt_consumer.json_v2.field]]
      path = "values.%s"
      type = "float"
`

const telegrafOutput = `[[outputs.influxdb_v2]]
  urls = ["%s"]
  token = "any:any"
  organization = ""
  bucket = "%s/autogen"
`

// peer is Telegraf. Tuned, it may hold 20,000 messages that are not written yet.
func (b *bench) peer(name, agent string) consumer {
	return consumer{name, "air", func(ctx context.Context, q *broker, i *influx, db string) (*process, error) {
		undelivered := ""
		if agent == telegrafTuned {
			undelivered = "\n  max_undelivered_messages = 20000"
		}
		text := fmt.Appendf(nil, telegrafConfig, agent, q.url(), undelivered)
		for _, f := range []string{"no2", "pm25", "pm10", "temperature", "humidity"} {
			text = fmt.Appendf(text, telegrafField, f)
		}
		text = fmt.Appendf(text, telegrafOutput, i.base, db)
		config := filepath.Join(b.dir, "telegraf-"+db+".conf")
		if err := os.WriteFile(config, text, 0o600); err != nil {
			return nil, fmt.Errorf("configuration of telegraf: %w", err)
		}
		p, err := spawn(ctx, name, "Connected [", b.telegraf, "--config", config)
		if err != nil {
			return nil, err
		}
		return p, rest(ctx, time.Second) // it subscribes after it says that it is connected
	}}
}

// ours is buurtmeter in the given roles, with its register in SQLite.
func (b *bench) ours(name, roles string) consumer {
	return consumer{name, "reading", func(ctx context.Context, q *broker, i *influx, db string) (*process, error) {
		data := filepath.Join(b.dir, "buurtmeter-"+db)
		if _, err := enrol(ctx, data, b.stations); err != nil {
			return nil, err
		}
		return spawn(ctx, name, "mqtt: taking readings from the broker", b.buurtmeter, "serve", "--roles", roles,
			"--data", data, "--http", "127.0.0.1:0", "--door-listen", "-", "--mqtt-url", q.url(), "--influx-url", i.base, "--influx-database", db)
	}}
}

// enrol makes a register with n stations and returns their tokens.
func enrol(ctx context.Context, data string, n int) (tokens []string, err error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	reg, err := register.Open(ctx, "sqlite:"+filepath.Join(data, "register.db"), register.Options{Now: time.Now})
	if err != nil {
		return nil, err
	}
	defer func() { _ = reg.Close() }()
	// With a place, as nearly every station has: without one each value would
	// carry a flag that says so.
	place, err := reading.NewSecretPosition(4.82, 52.44)
	if err != nil {
		return nil, err
	}
	for i := range n {
		token, err := reg.AddStation(ctx, reading.Station{
			ID: reading.StationID(stationID(i)), Title: "Bench " + stationID(i), Kind: reading.KindSensor, Model: "bench", Maker: "bench",
			Cadence: time.Minute, Since: begin(), Simulated: true,
		}, place, "bench")
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token)
	}
	return tokens, nil
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// result is what one consumer did with the messages.
type result struct {
	name, measurement string
	rate              float64       // messages per second, from the first sent to the last stored
	cpu               time.Duration // of the consumer
	peak              int64         // bytes
	missing           int
	influxd           time.Duration
	mosquitto         time.Duration
	messages          int
}

func (r result) perMillion(d time.Duration) float64 {
	return d.Seconds() * 1e6 / float64(r.messages)
}

// trial is one consumer between servers of its own.
type trial struct {
	consumer
	db     string
	broker *broker
	influx *influx
	child  *process
}

// set starts servers and the consumer. What was started is stopped by end.
func (b *bench) set(ctx context.Context, c consumer, limits ...string) (*trial, error) {
	t := &trial{consumer: c, db: strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(c.name))}
	var err error
	if t.broker, err = b.startBroker(ctx, limits...); err != nil {
		return t, err
	}
	if t.influx, err = b.startInflux(ctx); err != nil {
		return t, err
	}
	if err = t.influx.create(ctx, t.db); err != nil {
		return t, err
	}
	t.child, err = c.start(ctx, t.broker, t.influx, t.db)
	return t, err
}

func (t *trial) end() {
	if t.child != nil {
		t.child.stop(syscall.SIGTERM)
	}
	if t.influx != nil {
		t.influx.stop(syscall.SIGKILL)
	}
	if t.broker != nil {
		t.broker.stop(syscall.SIGTERM)
	}
}
