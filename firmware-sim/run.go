package firmwaresim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ErrRefused is wrapped by the error of Run when the broker or the door refused the
// login of one device or more.
var ErrRefused = errors.New("login refused")

// Options say what a fleet sends and where. Devices must be set, Broker for those
// that speak MQTT and Door for those that speak HTTP, and BackfillFrom or Live.
type Options struct {
	// Broker is "mqtt://host:1883" or "mqtts://host:8883".
	Broker string
	// Door is "http://host:8081" or "https://host".
	Door string
	// TLS is used for mqtts and https; nil means the system's own roots.
	TLS *tls.Config
	// Devices are the fleet, each with its id and token.
	Devices []Device
	// BackfillFrom is the begin of the hourly history that is sent first; zero
	// means none.
	BackfillFrom time.Time
	// PerMessage is the number of history readings in one message (168, a week;
	// at most MaxBatch).
	PerMessage int
	// Parallel is the number of devices that send history at once (16).
	Parallel int
	// Live is the time between two live readings of one device, at most an hour;
	// 0 means that the fleet stops after the history.
	Live time.Duration
	// LiveFor ends the live readings after this time; 0 means when ctx ends.
	LiveFor time.Duration
	// Steady leaves out gaps, outages, duplicates and wrong clocks, so that the
	// number of live readings follows from the rate alone.
	Steady bool
	// AckTimeout is how long a device waits for an acknowledgement before it
	// reconnects and sends again (1 min).
	AckTimeout time.Duration
	// Now is the clock of the world that the devices live in (time.Now).
	Now func() time.Time
	// Report, when set, is told every ReportEvery (1 s) how far the fleet is,
	// and once more at the end. It is never called twice at the same time.
	Report      func(Progress)
	ReportEvery time.Duration
}

// Progress is how far a fleet is. Messages are counted, except Readings.
type Progress struct {
	// Devices is the size of the fleet, Connected how many are connected now or, over
	// HTTP, had a good answer last, Backfilled how many have sent all their history.
	Devices, Connected, Backfilled int
	// Published counts messages sent for the first time, Resent those sent once
	// more, Acknowledged those that the broker or the door has acknowledged.
	Published, Resent, Acknowledged uint64
	// Readings counts the readings in acknowledged messages.
	Readings uint64
	// Refused is the number of devices whose login was refused.
	Refused int
	// P50 and P99 are times from sending to acknowledgement, within a quarter.
	P50, P99 time.Duration
}

func (o Options) withDefaults() (Options, error) {
	switch {
	case len(o.Devices) == 0:
		return o, errors.New("firmware-sim: set Devices")
	case o.BackfillFrom.IsZero() && o.Live <= 0:
		return o, errors.New("firmware-sim: set BackfillFrom or Live, else there is nothing to send")
	case o.Live > time.Hour:
		return o, fmt.Errorf("firmware-sim: Live must be at most an hour, got %s", o.Live)
	}
	seen := map[string]bool{}
	speaks := map[bool]bool{} // HTTP
	for _, d := range o.Devices {
		if d.ID == "" || seen[d.ID] {
			return o, fmt.Errorf("firmware-sim: device id %q is empty or there twice", d.ID)
		}
		seen[d.ID] = true
		form, err := formOf(d.Kind)
		if err != nil {
			return o, err
		}
		speaks[form.path != ""] = true
	}
	if speaks[false] && o.Broker == "" {
		return o, errors.New("firmware-sim: set Broker, for example mqtt://127.0.0.1:1883")
	}
	if speaks[true] {
		var err error
		if o.Door, err = doorAddress(o.Door); err != nil {
			return o, err
		}
	}
	if o.PerMessage <= 0 {
		o.PerMessage = 168
	}
	o.PerMessage = min(o.PerMessage, MaxBatch)
	if o.Parallel <= 0 {
		o.Parallel = 16
	}
	if o.AckTimeout <= 0 {
		o.AckTimeout = time.Minute
	}
	if o.ReportEvery <= 0 {
		o.ReportEvery = time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// Run lets the fleet send its history, then live readings, over MQTT with QoS 1 or
// to the HTTP door. What is not acknowledged is sent again, for ever. Run
// returns nil when everything is acknowledged and no live readings are wanted
// any more, or when ctx ends. Devices whose login is refused stop; the others go
// on, and the error wraps ErrRefused.
func Run(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	f := &fleet{options: o, slots: make(chan struct{}, o.Parallel), forms: map[Kind]form{}, client: newClient(o)}
	for _, form := range forms() {
		f.forms[form.kind] = form
	}
	reporting, stopReport := context.WithCancel(context.WithoutCancel(ctx))
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		f.report(reporting)
	}()
	var wg sync.WaitGroup
	for _, d := range o.Devices {
		wg.Go(func() { f.live(ctx, d) })
	}
	wg.Wait()
	stopReport()
	<-reported
	if n := f.refused.Load(); n > 0 {
		return fmt.Errorf("firmware-sim: %w for %d of %d devices: check their ids and tokens", ErrRefused, n, len(o.Devices))
	}
	return nil
}

// fleet is a running fleet.
type fleet struct {
	options                         Options
	slots                           chan struct{}
	forms                           map[Kind]form
	client                          *http.Client
	connected, backfilled, refused  atomic.Int64
	published, resent, acknowledged atomic.Uint64
	readings                        atomic.Uint64
	delays                          delays
}

func (f *fleet) progress() Progress {
	return Progress{
		Devices:      len(f.options.Devices),
		Connected:    int(f.connected.Load()),
		Backfilled:   int(f.backfilled.Load()),
		Published:    f.published.Load(),
		Resent:       f.resent.Load(),
		Acknowledged: f.acknowledged.Load(),
		Readings:     f.readings.Load(),
		Refused:      int(f.refused.Load()),
		P50:          f.delays.quantile(0.5),
		P99:          f.delays.quantile(0.99),
	}
}

func (f *fleet) report(ctx context.Context) {
	if f.options.Report == nil {
		return
	}
	tick := time.NewTicker(f.options.ReportEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			f.options.Report(f.progress())
			return
		case <-tick.C:
			f.options.Report(f.progress())
		}
	}
}

// live is the life of one device.
func (f *fleet) live(ctx context.Context, d Device) {
	l := &link{fleet: f, device: d}
	defer l.close()
	sent := f.options.Now()
	if !f.options.BackfillFrom.IsZero() {
		var err error
		if sent, err = f.backfill(ctx, l); err != nil {
			return // ctx ended, or the login was refused and counted
		}
	}
	if f.options.Live > 0 {
		f.follow(ctx, l, sent)
	}
}

// backfill sends the hourly history up to the last full hour, returns its end,
// and lets the next device begin.
func (f *fleet) backfill(ctx context.Context, l *link) (time.Time, error) {
	select {
	case f.slots <- struct{}{}:
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
	defer func() { <-f.slots }()
	if f.forms[l.device.Kind].timeless {
		f.backfilled.Add(1)
		return f.options.Now().UTC(), nil
	}
	from := f.options.BackfillFrom.UTC().Truncate(time.Hour)
	for {
		to := f.options.Now().UTC().Truncate(time.Hour)
		if !from.Before(to) {
			f.backfilled.Add(1)
			return from, nil
		}
		next := from.Add(time.Duration(f.options.PerMessage) * time.Hour)
		if next.After(to) {
			next = to
		}
		if err := l.send(ctx, f.samples(l.device, from, next, time.Hour)); err != nil {
			return from, err
		}
		from = next
	}
}

func (f *fleet) samples(d Device, from, to time.Time, step time.Duration) []Sample {
	if !f.options.Steady {
		return d.Samples(from, to, step)
	}
	var samples []Sample
	for t := from; t.Before(to); t = t.Add(step) {
		samples = append(samples, Sample{At: t, Interval: step, Values: d.measure(t)})
	}
	return samples
}

// follow sends a reading at the end of every interval. The devices of a fleet
// are spread over the interval. What could not be sent in time, because the
// device was offline or the broker slow, goes with the next message.
func (f *fleet) follow(ctx context.Context, l *link, sent time.Time) {
	step := f.options.Live
	phase := time.Duration(unit(l.device.seed, streamNetwork, -1) * float64(step))
	sent = sent.UTC().Truncate(step)
	var end <-chan time.Time
	if f.options.LiveFor > 0 {
		t := time.NewTimer(f.options.LiveFor)
		defer t.Stop()
		end = t.C
	}
	for {
		wait := time.NewTimer(sent.Add(step + phase).Sub(f.options.Now()))
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-end:
			wait.Stop()
			return
		case <-wait.C:
		}
		now := f.options.Now().UTC()
		if !f.options.Steady && l.device.Offline(now) {
			l.close()
			if !sleep(ctx, min(step, time.Minute)) {
				return
			}
			continue
		}
		until := now.Add(-phase).Truncate(step)
		if err := l.send(ctx, f.samples(l.device, sent, until, step)); err != nil {
			return
		}
		sent = until
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
