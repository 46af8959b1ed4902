package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	firmwaresim "buurtmeter/firmware-sim"
)

// lineEvery is the time between two lines of counts.
const lineEvery = 10 * time.Second

// progressLine writes the counts while a fleet runs: every ten seconds, and when
// the last device connected.
type progressLine struct {
	w           io.Writer
	begin, last time.Time
	whole       bool
}

func (l *progressLine) tell(p firmwaresim.Progress) {
	whole := p.Connected == p.Devices
	if (whole && !l.whole) || time.Since(l.last) >= lineEvery {
		l.write(p)
	}
	l.whole = l.whole || whole
}

func (l *progressLine) write(p firmwaresim.Progress) {
	l.last = time.Now()
	_, _ = fmt.Fprintf(l.w, "%6.0f s  connected %d/%d  published %d  acked %d  resent %d  refused %d\n",
		time.Since(l.begin).Seconds(), p.Connected, p.Devices, p.Published, p.Acknowledged, p.Resent, p.Refused)
}

// outcome is what a run came to.
type outcome struct {
	Devices   int     `json:"devices"`
	Published uint64  `json:"published"`
	Acked     uint64  `json:"acked"`
	Resent    uint64  `json:"resent"`
	Refused   int     `json:"refused"`
	Readings  uint64  `json:"readings"`
	Seconds   float64 `json:"seconds"`
	AckedPerS float64 `json:"ackedPerSecond"`
	AckP50    float64 `json:"ackP50Seconds"`
	AckP99    float64 `json:"ackP99Seconds"`
}

func writeReport(w io.Writer, p firmwaresim.Progress, took time.Duration, asJSON bool) error {
	r := outcome{
		Devices: p.Devices, Published: p.Published, Acked: p.Acknowledged, Resent: p.Resent, Refused: p.Refused, Readings: p.Readings,
		Seconds: took.Seconds(), AckedPerS: float64(p.Acknowledged) / took.Seconds(), AckP50: p.P50.Seconds(), AckP99: p.P99.Seconds(),
	}
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	_, err := fmt.Fprintf(w, `devices    %d
published  %d
acked      %d
resent     %d
refused    %d
readings   %d
seconds    %.1f
acked/s    %.1f
ack p50    %s
ack p99    %s
`, r.Devices, r.Published, r.Acked, r.Resent, r.Refused, r.Readings, r.Seconds, r.AckedPerS, p.P50, p.P99)
	return err
}
