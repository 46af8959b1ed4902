package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// broker is a running Mosquitto.
type broker struct {
	*process
	addr string
}

func (b *broker) url() string { return "tcp://" + b.addr }

// startBroker starts Mosquitto with the given limits; none means its defaults.
func (b *bench) startBroker(ctx context.Context, limits ...string) (*broker, error) {
	dir, err := os.MkdirTemp(b.dir, "mosquitto")
	if err != nil {
		return nil, fmt.Errorf("folder of mosquitto: %w", err)
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address of mosquitto: %w", err)
	}
	lines := append([]string{
		"listener " + port + " " + host, "allow_anonymous true", "persistence true", "persistence_location " + dir + "/",
		"log_type error", "log_type warning", "log_type information",
	}, limits...)
	if os.Geteuid() == 0 {
		lines = append(lines, "user root") // else it becomes a user that may not read the folder
	}
	config := filepath.Join(dir, "mosquitto.conf")
	if err := os.WriteFile(config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("configuration of mosquitto: %w", err)
	}
	p, err := spawn(ctx, "mosquitto", " running", b.mosquitto, "-c", config)
	if err != nil {
		return nil, err
	}
	return &broker{p, addr}, nil
}

// roomy are the limits that an operator sets for the race: both consumers get
// the same.
func roomy() []string {
	return []string{"max_inflight_messages 1000", "max_queued_messages 1000000", "max_queued_bytes 0"}
}

// influx is a running influxd.
type influx struct {
	*process
	base string
}

// influxConfig is the server as in production, without what is not measured.
const influxConfig = `reporting-disabled = true
bind-address = "%s"
[meta]
  dir = "%[2]s/meta"
[data]
  dir = "%[2]s/data"
  wal-dir = "%[2]s/wal"
  index-version = "tsi1"
  query-log-enabled = false
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[http]
  bind-address = "%[3]s"
  flux-enabled = false
  log-enabled = false
  max-body-size = 0
`

func (b *bench) startInflux(ctx context.Context) (*influx, error) {
	dir, err := os.MkdirTemp(b.dir, "influxd")
	if err != nil {
		return nil, fmt.Errorf("folder of influxd: %w", err)
	}
	backup, err := freeAddr()
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "influxdb.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, influxConfig, backup, dir, addr), 0o600); err != nil {
		return nil, fmt.Errorf("configuration of influxd: %w", err)
	}
	p, err := spawn(ctx, "influxd", "", b.influxd, "run", "-config", config)
	if err != nil {
		return nil, err
	}
	i := &influx{p, "http://" + addr}
	err = p.await(ctx, "answers", func() bool {
		_, err := i.get(ctx, "/ping", nil)
		return err == nil
	})
	if err != nil {
		p.stop(syscall.SIGKILL)
		return nil, err
	}
	return i, nil
}

func (i *influx) get(ctx context.Context, path string, q url.Values) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.base+path+"?"+q.Encode(), nil)
	if path != "/query" {
		req, err = http.NewRequestWithContext(ctx, http.MethodGet, i.base+path, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("influxd: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("influxd: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("influxd answers %d: %s", resp.StatusCode, body)
	}
	return body, err
}

// create makes a database with shards of the size that ours uses, so that both
// consumers write into the same layout.
func (i *influx) create(ctx context.Context, db string) error {
	_, err := i.get(ctx, "/query", url.Values{"q": {`CREATE DATABASE "` + db + `" WITH DURATION INF REPLICATION 1 SHARD DURATION 13w NAME "autogen"`}})
	return err
}

// count returns how many points of the measurement have each of the five
// values.
func (i *influx) count(ctx context.Context, db, measurement string) (int, error) {
	text, err := i.get(ctx, "/query", url.Values{"db": {db}, "q": {`SELECT count("no2"), count("pm25"), count("pm10"), count("temperature"), count("humidity") FROM "` + measurement + `"`}})
	if err != nil {
		return 0, err
	}
	var answer struct {
		Results []struct {
			Error  string
			Series []struct{ Values [][]any }
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Results) != 1 || answer.Results[0].Error != "" {
		return 0, fmt.Errorf("count: influxd answers %s", text)
	}
	if len(answer.Results[0].Series) == 0 {
		return 0, nil
	}
	least := -1
	for _, v := range answer.Results[0].Series[0].Values[0][1:] {
		n, _ := v.(float64)
		if least < 0 || int(n) < least {
			least = int(n)
		}
	}
	return least, nil
}

// written returns how many points the server has taken since it started: a
// figure that costs it nothing, unlike counting.
func (i *influx) written(ctx context.Context) (int, error) {
	text, err := i.get(ctx, "/debug/vars", nil)
	if err != nil {
		return 0, err
	}
	vars := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &vars); err != nil {
		return 0, fmt.Errorf("influxd /debug/vars: %w", err)
	}
	for name, raw := range vars {
		if !strings.HasPrefix(name, "httpd") {
			continue
		}
		var v struct {
			Values struct{ PointsWrittenOK float64 }
		}
		if err := json.Unmarshal(raw, &v); err != nil {
			return 0, fmt.Errorf("influxd /debug/vars: %w", err)
		}
		return int(v.Values.PointsWrittenOK), nil
	}
	return 0, errors.New("influxd /debug/vars does not tell the points written")
}
