package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics turns the counts that the parts keep by themselves into Prometheus
// metrics when they are asked for. No label names a station: a metric must not
// tell who measures.
type metrics struct {
	s    *server
	desc map[string]*prometheus.Desc
}

// metric names, what each counts, and its label if it has one.
func metricTable() []struct{ name, help, label string } {
	return []struct{ name, help, label string }{
		{"messages_received_total", "Messages that were submitted to the pipeline.", ""},
		{"messages_acknowledged_total", "Messages that were committed, and may be acknowledged.", ""},
		{"readings_stored_total", "Readings that were written; one that came again is written again, with a remark.", ""},
		{"values_duplicate_total", "Values that were stored already with the same number.", ""},
		{"rejects_total", "Messages and parts of messages that became no reading, by cause.", "cause"},
		{"commits_total", "Batches that were committed.", ""},
		{"store_retries_total", "Calls of a store that failed and were tried again.", ""},
		{"queue_readings", "Readings and rejects that wait for, or are in, a commit.", ""},
		{"failing_seconds", "How long commits have been failing; 0 when they succeed.", ""},
		{"dirty_hours", "Hours that wait to be recomputed.", ""},
		{"connections", "Open connections, by door.", "door"},
		{"logins_refused_total", "Logins that were not right, by door.", "door"},
		{"door_messages_total", "Messages at a door, by door and result.", "door_result"},
		{"ready", "1 when everything that the process needs answers.", ""},
	}
}

func newMetrics(s *server) *metrics {
	m := &metrics{s: s, desc: map[string]*prometheus.Desc{}}
	for _, t := range metricTable() {
		var labels []string
		switch t.label {
		case "":
		case "door_result":
			labels = []string{"door", "result"}
		default:
			labels = []string{t.label}
		}
		m.desc[t.name] = prometheus.NewDesc("buurtmeter_"+t.name, t.help, labels, nil)
	}
	return m
}

// Describe is part of prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, t := range metricTable() {
		out <- m.desc[t.name]
	}
}

// scrapeTimeout bounds the questions to the stores that one scrape asks.
const scrapeTimeout = 5 * time.Second

// Collect is part of prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	count := func(name string, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(m.desc[name], prometheus.CounterValue, v, labels...)
	}
	gauge := func(name string, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(m.desc[name], prometheus.GaugeValue, v, labels...)
	}
	ready := 1.
	if m.s.ready(ctx) != nil {
		ready = 0
	}
	gauge("ready", ready)
	if n, err := m.s.reg.DirtyCount(ctx); err == nil { // else there is no number: not 0
		gauge("dirty_hours", float64(n))
	}
	if p := m.s.pipeline; p != nil {
		st := p.Stats()
		count("messages_received_total", float64(st.Received))
		count("messages_acknowledged_total", float64(st.Acknowledged))
		count("readings_stored_total", float64(st.Stored))
		count("values_duplicate_total", float64(st.Duplicates))
		count("commits_total", float64(st.Batches))
		count("store_retries_total", float64(st.Retries))
		gauge("queue_readings", float64(st.Queue))
		for cause, n := range st.Rejected {
			count("rejects_total", float64(n), cause)
		}
		failing := 0.
		if since := p.Health().FailingSince; !since.IsZero() {
			failing = m.s.now().Sub(since).Seconds()
		}
		gauge("failing_seconds", failing)
	}
	door := func(name string, open int, wrongLogins uint64, results map[string]uint64) {
		gauge("connections", float64(open), name)
		count("logins_refused_total", float64(wrongLogins), name)
		for result, n := range results {
			count("door_messages_total", float64(n), name, result)
		}
	}
	if b := m.s.broker; b != nil {
		st := b.Stats()
		door("mqtt", st.Connections, st.LoginsRefused, map[string]uint64{"committed": st.Committed, "failed": st.Failed, "refused": st.Refused})
	}
	if d := m.s.door; d != nil {
		st := d.Stats()
		door("http", st.Connections, st.WrongLogins,
			map[string]uint64{"committed": st.Committed, "failed": st.Failed, "refused": st.Refused, "limited": st.Limited})
	}
}

// startMetrics serves the metrics on an address of their own: they are for the
// operator, not for the public.
func (s *server) startMetrics(ctx context.Context) error {
	if s.config.metricsListen == "" {
		return nil
	}
	ln, err := listen(ctx, s.config.metricsListen)
	if err != nil {
		return hint(fmt.Errorf("metrics: %w", err), "choose a free address with --metrics-listen, e.g. --metrics-listen 127.0.0.1:9090")
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(newMetrics(s), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 2 * scrapeTimeout}))
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := web.Serve(ln); err != nil && err != http.ErrServerClosed {
			s.log.Error("metrics: stopped serving", slog.Any("error", err))
		}
	}()
	s.closer("metrics", web)
	s.metricsAddr = ln.Addr().String()
	return nil
}
