package firmwaresim

import (
	"context"
	"errors"
	"math/bits"
	"sync/atomic"
	"time"

	"buurtmeter/firmware-sim/wire"
)

// link is the connection of one device. It is used by one goroutine, which is
// all that a device costs beside a few kilobytes.
type link struct {
	fleet  *fleet
	device Device
	conn   *wire.Conn
	// answered: the last post over HTTP had a good answer, which is what stands in
	// for a connection there.
	answered bool
	tries    int64
}

// send publishes the samples and returns after every message is acknowledged.
// An error means that ctx ended or that the login was refused.
func (l *link) send(ctx context.Context, samples []Sample) error {
	form := l.fleet.forms[l.device.Kind]
	if form.timeless && len(samples) > 1 {
		samples = samples[len(samples)-1:]
	}
	per := min(l.fleet.options.PerMessage, form.limit)
	if len(samples) <= form.limit && len(samples) < 2*per {
		per = form.limit // a few doubled readings must not cost a second message
	}
	for len(samples) > 0 {
		n := min(len(samples), per)
		if err := l.publish(ctx, form.encode(samples[:n])); err != nil {
			return err
		}
		l.fleet.readings.Add(uint64(n))
		samples = samples[n:]
	}
	return nil
}

func (l *link) publish(ctx context.Context, payload []byte) error {
	f := l.fleet
	for try := 0; ; try++ {
		if err := l.connect(ctx); err != nil {
			return err
		}
		if try == 0 {
			f.published.Add(1)
		} else {
			f.resent.Add(1)
		}
		begin := time.Now()
		switch err := l.once(ctx, payload); {
		case err == nil:
			f.acknowledged.Add(1)
			f.delays.add(time.Since(begin))
			return nil
		case errors.Is(err, ErrRefused):
			f.refused.Add(1)
			return err
		}
		l.close()
		if err := l.rest(ctx); err != nil {
			return err
		}
	}
}

// once publishes the payload and waits for its acknowledgement. Only HTTP refuses a
// login here.
func (l *link) once(ctx context.Context, payload []byte) error {
	if l.fleet.forms[l.device.Kind].path != "" {
		return l.post(ctx, payload)
	}
	c := l.conn
	if err := c.SetDeadline(time.Now().Add(l.fleet.options.AckTimeout)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	id, err := c.Publish(l.device.Topic(), payload)
	if err == nil {
		err = c.Flush()
	}
	for err == nil {
		var acked uint16
		if acked, err = c.Ack(); err == nil && acked == id {
			return nil
		}
	}
	return err
}

// connect makes a connection when there is none, trying for ever.
func (l *link) connect(ctx context.Context) error {
	for l.conn == nil && l.fleet.forms[l.device.Kind].path == "" {
		c, err := wire.Dial(ctx, wire.Options{
			Broker: l.fleet.options.Broker, TLS: l.fleet.options.TLS, ClientID: "sim-" + l.device.ID,
			Username: l.device.ID, Password: l.device.Token,
			// A device that has nothing to say for so long was not stopped in time.
			KeepAlive: l.fleet.options.Live + time.Minute,
		})
		switch {
		case err == nil:
			l.conn, l.tries = c, 0
			l.fleet.connected.Add(1)
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, wire.ErrRefused):
			l.fleet.refused.Add(1)
			return errors.Join(ErrRefused, err)
		default:
			if err := l.rest(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// rest waits between two tries, longer each time, every device its own time.
func (l *link) rest(ctx context.Context) error {
	l.tries++
	longest := min(30*time.Second, 250*time.Millisecond<<min(l.tries, 10))
	d := time.Duration(between(unit(l.device.seed, streamNetwork, -1-l.tries), 0.5, 1) * float64(longest))
	if !sleep(ctx, d) {
		return ctx.Err()
	}
	return nil
}

func (l *link) close() {
	if l.answered {
		l.answered = false
		l.fleet.connected.Add(-1)
	}
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
		l.fleet.connected.Add(-1)
	}
}

// delays counts times in buckets that grow by a quarter of an octave.
type delays struct{ buckets [256]atomic.Uint64 }

func (d *delays) add(t time.Duration) { d.buckets[bucket(uint64(max(t.Microseconds(), 0)))].Add(1) }

func bucket(us uint64) int {
	if us < 4 {
		return int(us)
	}
	octave := bits.Len64(us) - 3
	return octave*4 + int(us>>octave)
}

// bound is the first time of the bucket after i.
func bound(i int) time.Duration {
	i++
	if i < 8 {
		return time.Duration(i) * time.Microsecond
	}
	octave := i/4 - 1
	return time.Duration((i%4)+4) << octave * time.Microsecond
}

// quantile returns an upper bound of the time within which the fraction q of
// the messages was acknowledged; 0 when there were none.
func (d *delays) quantile(q float64) time.Duration {
	var counts [256]uint64
	total := uint64(0)
	for i := range counts {
		counts[i] = d.buckets[i].Load()
		total += counts[i]
	}
	if total == 0 {
		return 0
	}
	rank := uint64(q * float64(total-1))
	for i, n := range counts {
		if rank < n {
			return bound(i)
		}
		rank -= n
	}
	return 0
}
