package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
)

// ErrNotAcknowledged is wrapped by the error of every publication that the
// broker did not acknowledge. The message may or may not have arrived: publish
// it again.
var ErrNotAcknowledged = errors.New("publication not acknowledged")

// ErrLogin is wrapped by the error of Dial and of publications when the broker
// refuses the station's login. Trying again does not help.
var ErrLogin = errors.New("login refused")

// PublisherOptions say where a station publishes. URL, Station and Token must
// be set.
type PublisherOptions struct {
	// URL is the broker as in Options.
	URL string
	// Station and Token are the login.
	Station reading.StationID
	Token   string
	// TLS is used for mqtts and wss; nil means the system's own roots.
	TLS *tls.Config
	// Window is the number of publications that may wait for their
	// acknowledgement at once (32).
	Window int
	// Timeout bounds connecting and the write of one packet (10 s).
	Timeout time.Duration
}

// Publisher publishes readings of one station, as the device itself would. It
// may be used by several goroutines. After a lost connection the next
// publication connects anew.
type Publisher struct {
	options PublisherOptions
	window  chan struct{}

	mu     sync.Mutex
	client paho.Client
	closed bool
}

// Dial connects and logs in.
func Dial(ctx context.Context, o PublisherOptions) (*Publisher, error) {
	if err := checkURL(o.URL); err != nil {
		return nil, err
	}
	if o.Window <= 0 {
		o.Window = 32
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	p := &Publisher{options: o, window: make(chan struct{}, o.Window)}
	if _, err := p.connected(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// Publish sends the payload and returns after the broker has acknowledged it.
// Any error means that it must be published again.
func (p *Publisher) Publish(ctx context.Context, payload []byte) error {
	result := make(chan error, 1)
	p.PublishAsync(ctx, payload, func(err error) { result <- err })
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNotAcknowledged, ctx.Err())
	}
}

// PublishAsync sends the payload and returns when it is on its way, which it
// waits for while Window publications are. It calls done exactly once: with nil
// after the acknowledgement, or with an error when the payload must be published
// again. The payload must not be changed before that.
func (p *Publisher) PublishAsync(ctx context.Context, payload []byte, done func(error)) {
	select {
	case p.window <- struct{}{}:
	case <-ctx.Done():
		done(fmt.Errorf("%w: %w", ErrNotAcknowledged, ctx.Err()))
		return
	}
	finish := func(err error) {
		<-p.window
		done(err)
	}
	c, err := p.connected(ctx)
	if err != nil {
		finish(fmt.Errorf("%w: %w", ErrNotAcknowledged, err))
		return
	}
	tok := c.Publish(topic.Readings(p.options.Station), topic.QoS, false, payload)
	go func() {
		<-tok.Done()
		if err := tok.Error(); err != nil {
			finish(fmt.Errorf("%w: %w", ErrNotAcknowledged, err))
			return
		}
		finish(nil)
	}()
}

// Close ends the connection. Publications without acknowledgement end with an
// error.
func (p *Publisher) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.client != nil {
		p.client.Disconnect(250)
	}
}

// connected returns an open connection, making one when there is none.
func (p *Publisher) connected(ctx context.Context) (paho.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("mqtt: publisher is closed")
	}
	if p.client != nil && p.client.IsConnectionOpen() {
		return p.client, nil
	}
	// Never paho's own reconnecting: it reports a message that it sends again as
	// acknowledged.
	o := p.options
	c := paho.NewClient(paho.NewClientOptions().
		AddBroker(o.URL).
		SetClientID("publisher-" + string(o.Station)).
		SetUsername(string(o.Station)).
		SetPassword(o.Token).
		SetTLSConfig(o.TLS).
		SetProtocolVersion(4).
		SetCleanSession(true).
		SetAutoReconnect(false).
		SetConnectTimeout(o.Timeout).
		SetWriteTimeout(o.Timeout))
	tok := c.Connect()
	select {
	case <-tok.Done():
	case <-ctx.Done():
		go func() {
			<-tok.Done()
			c.Disconnect(0)
		}()
		return nil, fmt.Errorf("mqtt: connect: %w", ctx.Err())
	}
	if err := tok.Error(); err != nil {
		if ct, ok := tok.(*paho.ConnectToken); ok && (ct.ReturnCode() == 4 || ct.ReturnCode() == 5) {
			return nil, fmt.Errorf("mqtt: %w: check station and token: %w", ErrLogin, err)
		}
		return nil, fmt.Errorf("mqtt: connect: %w", err)
	}
	p.client = c
	return c, nil
}
