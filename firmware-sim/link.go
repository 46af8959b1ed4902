package firmwaresim

import (
	"context"
	"errors"
	"math/bits"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// link is the connection of one device. It is used by one goroutine.
type link struct {
	fleet  *fleet
	device Device
	client paho.Client
	tries  int64
}

// send publishes the samples and returns after every message is acknowledged.
// An error means that ctx ended or that the login was refused.
func (l *link) send(ctx context.Context, samples []Sample) error {
	per := l.fleet.options.PerMessage
	if len(samples) <= MaxBatch && len(samples) < 2*per {
		per = MaxBatch // a few doubled readings must not cost a second message
	}
	for len(samples) > 0 {
		n := min(len(samples), per)
		if err := l.publish(ctx, message(samples[:n])); err != nil {
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
		tok := l.client.Publish(Topic(l.device.ID), 1, false, payload)
		timeout := time.NewTimer(f.options.AckTimeout)
		select {
		case <-tok.Done():
		case <-timeout.C:
		case <-ctx.Done():
		}
		timeout.Stop()
		if acknowledged(tok) {
			f.acknowledged.Add(1)
			f.delays.add(time.Since(begin))
			return nil
		}
		l.close()
		if err := l.rest(ctx); err != nil {
			return err
		}
	}
}

func acknowledged(tok paho.Token) bool {
	select {
	case <-tok.Done():
		return tok.Error() == nil
	default:
		return false
	}
}

// connect makes a connection when there is none, trying for ever.
func (l *link) connect(ctx context.Context) error {
	for l.client == nil || !l.client.IsConnectionOpen() {
		l.close()
		// Never paho's own reconnecting: it reports a message that it sends again
		// as acknowledged.
		c := paho.NewClient(paho.NewClientOptions().
			AddBroker(l.fleet.options.Broker).
			SetTLSConfig(l.fleet.options.TLS).
			SetClientID("sim-" + l.device.ID).
			SetUsername(l.device.ID).
			SetPassword(l.device.Token).
			SetProtocolVersion(4).
			SetCleanSession(true).
			SetAutoReconnect(false).
			SetKeepAlive(time.Minute).
			SetConnectTimeout(10 * time.Second).
			SetWriteTimeout(30 * time.Second))
		tok := c.Connect()
		select {
		case <-tok.Done():
		case <-ctx.Done():
			go func() {
				<-tok.Done()
				c.Disconnect(0)
			}()
			return ctx.Err()
		}
		if err := tok.Error(); err != nil {
			const badPassword, notAuthorized = 4, 5
			if ct, ok := tok.(*paho.ConnectToken); ok && (ct.ReturnCode() == badPassword || ct.ReturnCode() == notAuthorized) {
				l.fleet.refused.Add(1)
				return errors.Join(ErrRefused, err)
			}
			if err := l.rest(ctx); err != nil {
				return err
			}
			continue
		}
		l.client = c
		l.tries = 0
		l.fleet.connected.Add(1)
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
	if l.client != nil {
		l.client.Disconnect(250)
		l.client = nil
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
