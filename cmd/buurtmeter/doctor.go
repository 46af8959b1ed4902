package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"buurtmeter/ingest/mqtt"
	"buurtmeter/ingest/series"
)

type doctorConfig struct {
	stores
	mqttURL, mqttUser, mqttSecret string
	conf                          string
	keep                          int
}

// finding is one line of the doctor. What is wrong has a cure.
type finding struct{ what, cure string }

// doctor collects what it finds.
type doctor struct {
	out   io.Writer
	wrong int
}

func (d *doctor) good(format string, args ...any) {
	_, _ = fmt.Fprintf(d.out, "good   %s\n", fmt.Sprintf(format, args...))
}

func (d *doctor) note(format string, args ...any) {
	_, _ = fmt.Fprintf(d.out, "note   %s\n", fmt.Sprintf(format, args...))
}

func (d *doctor) bad(f finding) {
	d.wrong++
	_, _ = fmt.Fprintf(d.out, "WRONG  %s\n       %s\n", f.what, f.cure)
}

// runDoctor looks at everything that buurtmeter needs and tells what can lose
// readings, and which setting to change.
func runDoctor(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("doctor", flag.ContinueOnError)
	var c doctorConfig
	c.flags(fs)
	c.influxFlags(fs)
	fs.StringVar(&c.mqttURL, "mqtt-url", "", "external MQTT broker to examine, e.g. tcp://broker:1883 (the embedded one has no limits that lose messages)")
	fs.StringVar(&c.mqttUser, "mqtt-user", "ingest", "user name of the ingest process at the broker")
	fs.StringVar(&c.mqttSecret, "mqtt-password-file", "", "file with the password of the ingest process at the broker")
	fs.StringVar(&c.conf, "mosquitto-conf", "", "configuration of Mosquitto, for what cannot be seen from outside")
	fs.IntVar(&c.keep, "keep", 5000, "how many messages the broker must keep while ingest is away; they are really sent, on a topic of their own")
	rest, err := p.parse(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 || c.keep < 1 || c.keep > 1_000_000 {
		return hint(errors.New("doctor takes no argument, and --keep is from 1 to 1,000,000"), "see 'buurtmeter doctor -h'")
	}
	d := &doctor{out: p.stdout}
	p.examineStores(ctx, d, c)
	if c.mqttURL != "" {
		if err := p.examineBroker(ctx, d, c); err != nil {
			return err
		}
	} else {
		d.note("no external broker was named with --mqtt-url")
	}
	if c.conf != "" {
		if err := examineConf(d, c.conf); err != nil {
			return hint(err, "name the file with --mosquitto-conf")
		}
	}
	if d.wrong > 0 {
		return hint(fmt.Errorf("%d things are wrong", d.wrong), "change what stands under each, and run the doctor again")
	}
	return nil
}

// lowDisk is the free space below which the data folder counts as full soon.
const lowDisk = 1 << 30

func (p *program) examineStores(ctx context.Context, d *doctor, c doctorConfig) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if reg, err := p.openRegister(ctx, c.stores); err != nil {
		d.bad(finding{fmt.Sprintf("the register cannot be opened: %v", err), "check --register and that the database runs"})
	} else {
		d.good("the register answers")
		_ = reg.Close()
	}
	if c.influxURL != "" {
		token, err := secret(c.influxToken)
		if err == nil {
			var s *series.Store
			s, err = series.Open(ctx, series.Options{URL: c.influxURL, Org: c.influxOrg, Database: c.influxDatabase, Token: token})
			if err == nil {
				err = errors.Join(s.Ping(ctx), s.Close())
			}
		}
		if err != nil {
			d.bad(finding{fmt.Sprintf("the time series do not answer: %v", err), "check --influx-url and --influx-token-file, and that the server runs"})
		} else {
			d.good("the time series answer")
		}
	}
	if c.register == "" || c.influxURL == "" {
		var fs syscall.Statfs_t
		if err := syscall.Statfs(c.data, &fs); err == nil {
			free := uint64(fs.Bsize) * fs.Bavail
			if free < lowDisk {
				d.bad(finding{fmt.Sprintf("only %d MB are free for the data folder", free>>20), "make room: when the disk is full nothing is acknowledged any more"})
			} else {
				d.good("%d GB are free for the data folder", free>>30)
			}
		}
	}
}

func (p *program) examineBroker(ctx context.Context, d *doctor, c doctorConfig) error {
	password, err := secret(c.mqttSecret)
	if err != nil {
		return err
	}
	r, err := mqtt.Probe(ctx, mqtt.ProbeOptions{URL: c.mqttURL, Username: c.mqttUser, Password: password, Messages: c.keep})
	if err != nil {
		d.bad(finding{
			fmt.Sprintf("the broker cannot be examined: %v", err),
			"check --mqtt-url, --mqtt-user and --mqtt-password-file, and give that user the right to read and write buurtmeter/v1/doctor/probe",
		})
		return ctx.Err()
	}
	judgeBroker(d, r)
	return nil
}

// enoughInflight is how many messages should be under way at once, so that one
// commit can take many.
const enoughInflight = 100

func judgeBroker(d *doctor, r mqtt.ProbeReport) {
	lost := r.Acknowledged - r.Delivered
	switch {
	case !r.Session:
		d.bad(finding{
			fmt.Sprintf("the broker acknowledged %d messages while ingest was away and kept none of them: it does not keep sessions", r.Acknowledged),
			"Mosquitto: take out persistent_client_expiration or make it longer; EMQX: mqtt.session_expiry_interval",
		})
	case lost > 0:
		d.bad(finding{
			fmt.Sprintf("the broker acknowledged %d messages while ingest was away and lost %d of them", r.Acknowledged, lost),
			"Mosquitto: max_queued_messages 1000000 (or 0) and max_queued_bytes 0; EMQX: mqtt.max_mqueue_len = infinity",
		})
	default:
		d.good("the broker kept all of %d messages while ingest was away", r.Acknowledged)
	}
	if r.Unordered > 0 {
		d.note("%d messages came out of order; that does no harm here", r.Unordered)
	}
	if r.Inflight < enoughInflight && r.Session {
		d.bad(finding{
			fmt.Sprintf("the broker gives out only %d messages before it wants an acknowledgement: that bounds the rate to %[1]d per commit", r.Inflight),
			"Mosquitto: max_inflight_messages 1000; EMQX: mqtt.max_inflight = 1000",
		})
	} else if r.Session {
		d.good("the broker gives out %d messages before it wants an acknowledgement", r.Inflight)
	}
	if r.Large {
		d.good("a message of 1 MiB passes")
	} else {
		d.bad(finding{
			"a message of 1 MiB, the largest that is taken, does not pass",
			"Mosquitto: message_size_limit 1048576 (or 0), max_packet_size 0; EMQX: mqtt.max_packet_size = 2MB",
		})
	}
}

// examineConf reads the settings of Mosquitto that decide what a crash of it
// costs, which cannot be seen from outside. The last value of a name counts.
func examineConf(d *doctor, path string) error {
	settings := map[string]string{}
	if err := readMosquittoConf(path, settings, 0); err != nil {
		return err
	}
	if settings["persistence"] != "true" {
		d.bad(finding{"Mosquitto keeps messages in memory only: a restart loses those that it acknowledged", "persistence true"})
	} else {
		d.good("Mosquitto keeps messages on disk")
	}
	interval, err := strconv.Atoi(settings["autosave_interval"])
	if settings["autosave_on_changes"] != "true" || err != nil || interval != 1 {
		d.bad(finding{"Mosquitto writes to disk only now and then: a crash loses what it acknowledged since", "autosave_on_changes true and autosave_interval 1 (slower; even so a crash can lose one message per sender)"})
	} else {
		d.good("Mosquitto writes every change to disk")
	}
	if settings["allow_anonymous"] == "true" {
		d.bad(finding{"anyone may connect without a login", "allow_anonymous false"})
	}
	if settings["acl_file"] == "" && settings["plugin"] == "" && settings["auth_plugin"] == "" {
		d.bad(finding{"every station may read and write everything", "acl_file with the rules of deploy/mosquitto/acl"})
	}
	return nil
}

func readMosquittoConf(path string, settings map[string]string, depth int) error {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("configuration of Mosquitto: %w", err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, _ := strings.Cut(line, " ")
		value = strings.TrimSpace(value)
		settings[name] = value
		if name != "include_dir" || depth > 3 {
			continue
		}
		more, err := filepath.Glob(filepath.Join(value, "*.conf"))
		if err != nil {
			return fmt.Errorf("configuration of Mosquitto: %w", err)
		}
		for _, m := range more {
			if err := readMosquittoConf(m, settings, depth+1); err != nil {
				return err
			}
		}
	}
	return lines.Err()
}
