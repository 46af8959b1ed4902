package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"buurtmeter/ingest"
	"buurtmeter/ingest/mqtt/topic"
)

// Submitter takes one message and calls done exactly once, from any goroutine,
// when the message is committed (nil) or could not be. Submit may block while
// the store is behind; it must give up soon after ctx ends.
type Submitter interface {
	Submit(ctx context.Context, m ingest.Message, done func(error))
}

// Options say where the broker is and how the source takes from it. URL,
// ClientID and Submitter must be set.
type Options struct {
	// URL is "mqtt://host:1883", "mqtts://host:8883", "ws://host/path" or
	// "wss://host/path"; tcp and ssl mean the same as mqtt and mqtts.
	URL string
	// Username and Password are the login of the ingest process, which must have
	// the right to read every station's readings.
	Username, Password string
	// ClientID names the session that the broker keeps while this process is
	// away. It must be the same after a restart and different for each process.
	ClientID string
	// Group is the name under which several ingest processes divide the messages
	// (topic.DefaultGroup). Empty means that this process takes all of them. Leave
	// it empty when there is one process: see the package comment.
	Group string
	// TLS is used for mqtts and wss; nil means the system's own roots.
	TLS *tls.Config
	// Submitter stores the messages.
	Submitter Submitter
	// MaxInflight is the number of messages that may be with the Submitter at
	// once (1000); as many again wait in front of it. When both are full nothing
	// is read from the broker until there is room, so let it be at least the
	// broker's max_inflight_messages.
	MaxInflight int
	// Now is the clock that stamps messages (time.Now).
	Now func() time.Time
	// Log receives what an operator must know (nothing is logged when nil).
	Log *slog.Logger
	// RetryMin and RetryMax bound the pauses between tries: of the connection,
	// and of a message that could not be committed (1 s and 30 s).
	RetryMin, RetryMax time.Duration
}

func (o Options) withDefaults() (Options, error) {
	if o.Submitter == nil {
		return o, errors.New("mqtt: set Submitter")
	}
	if o.ClientID == "" {
		return o, errors.New("mqtt: set a ClientID that stays the same after a restart and differs between processes")
	}
	if err := checkURL(o.URL); err != nil {
		return o, err
	}
	if strings.ContainsAny(o.Group, "/+#") {
		return o, fmt.Errorf("mqtt: group %q must not hold /, + or #", o.Group)
	}
	if o.MaxInflight <= 0 {
		o.MaxInflight = 5000
	}
	if o.RetryMin <= 0 {
		o.RetryMin = time.Second
	}
	if o.RetryMax < o.RetryMin {
		o.RetryMax = max(30*time.Second, o.RetryMin)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

func checkURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return fmt.Errorf("mqtt: broker address: %w", err)
	}
	switch u.Scheme {
	case "mqtt", "mqtts", "tcp", "ssl", "ws", "wss":
	default:
		return fmt.Errorf("mqtt: broker address %q: use mqtt://, mqtts://, ws:// or wss://", u.Redacted())
	}
	if u.Host == "" {
		return fmt.Errorf("mqtt: broker address %q names no host", u.Redacted())
	}
	return nil
}

// Source is a running subscription.
type Source struct {
	options Options
	client  paho.Client
	cancel  context.CancelFunc
	// stopped is closed when the source closes; it frees the paho handler.
	stopped <-chan struct{}
	// closed is closed when the connection has ended after that.
	closed chan struct{}
	queue  chan paho.Message
	// room holds one place for each message that is with the Submitter.
	room       chan struct{}
	acks       chan paho.Message
	subscribed atomic.Bool
	lastError  atomic.Pointer[error]
	complained atomic.Int64
}

// Start begins to connect and to take messages, and returns at once: while the
// broker cannot be reached the source keeps trying, and Connected and LastError
// tell how that goes. An error means that the options are wrong. The source ends
// with ctx or with Close.
func Start(ctx context.Context, o Options) (*Source, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &Source{
		options: o,
		cancel:  cancel,
		stopped: ctx.Done(),
		closed:  make(chan struct{}),
		queue:   make(chan paho.Message, o.MaxInflight),
		room:    make(chan struct{}, o.MaxInflight),
		acks:    make(chan paho.Message, o.MaxInflight),
	}
	s.client = paho.NewClient(s.pahoOptions())
	go s.deliver(ctx)
	go s.acknowledge(ctx)
	s.client.Connect() // goes on trying by itself
	context.AfterFunc(ctx, func() {
		defer close(s.closed)
		s.client.Disconnect(250)
	})
	return s, nil
}

func (s *Source) pahoOptions() *paho.ClientOptions {
	o := s.options
	return paho.NewClientOptions().
		AddBroker(o.URL).
		SetClientID(o.ClientID).
		SetUsername(o.Username).
		SetPassword(o.Password).
		SetTLSConfig(o.TLS).
		SetProtocolVersion(4).
		SetCleanSession(false).
		SetStore(forgetful{}).
		SetCustomOpenConnectionFn(open).
		SetAutoAckDisabled(true).
		SetOrderMatters(true). // one handler at a time, so that it may block
		SetAutoReconnect(true).
		SetConnectRetry(true).
		SetConnectRetryInterval(o.RetryMin).
		SetMaxReconnectInterval(o.RetryMax).
		SetKeepAlive(30 * time.Second).
		SetConnectTimeout(10 * time.Second).
		// Messages of the kept session come in before the subscription is renewed.
		SetDefaultPublishHandler(s.take).
		SetOnConnectHandler(s.subscribe).
		SetConnectionLostHandler(func(_ paho.Client, err error) {
			s.fail(fmt.Errorf("connection to the broker lost: %w", err))
		}).
		SetConnectionNotificationHandler(func(_ paho.Client, n paho.ConnectionNotification) {
			if f, ok := n.(paho.ConnectionNotificationFailed); ok {
				s.fail(fmt.Errorf("cannot connect to the broker, trying again: %w", f.Reason))
			}
		})
}

// subscribe runs after every connect. The broker forgets subscriptions when it
// lost its sessions, so it is told each time.
func (s *Source) subscribe(c paho.Client) {
	s.subscribed.Store(false)
	filter := topic.AllReadings
	if s.options.Group != "" {
		filter = topic.Shared(s.options.Group)
	}
	for c.IsConnectionOpen() {
		tok, ok := c.Subscribe(filter, topic.QoS, nil).(*paho.SubscribeToken)
		if !ok || !tok.WaitTimeout(10*time.Second) {
			s.fail(errors.New("the broker does not answer the subscription"))
			continue
		}
		err := tok.Error()
		for _, granted := range tok.Result() {
			if err == nil && granted != topic.QoS {
				err = fmt.Errorf("the broker refused the subscription (code %d): give user %q the right to read %s with QoS 1",
					granted, s.options.Username, topic.AllReadings)
			}
		}
		if err == nil {
			s.subscribed.Store(true)
			s.options.Log.Info("mqtt: taking readings from the broker", slog.String("subscription", filter))
			return
		}
		s.fail(err)
		select {
		case <-s.stopped:
			return
		case <-time.After(s.options.RetryMax):
		}
	}
}

// take hands a message over to deliver. It blocks when nothing more fits, which
// stops reading from the broker.
func (s *Source) take(_ paho.Client, m paho.Message) {
	select {
	case s.queue <- m:
	case <-s.stopped:
	}
}

func (s *Source) deliver(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-s.queue:
			select {
			case <-ctx.Done():
				return
			case s.room <- struct{}{}:
			}
			s.submit(ctx, m, s.message(m), s.options.RetryMin)
		}
	}
}

// message makes the ingest message. A topic that is not a station's gives an
// empty station: the pipeline keeps it as a reject, nothing is lost in silence.
func (s *Source) message(m paho.Message) ingest.Message {
	id, route, err := topic.Incoming(m.Topic())
	if err != nil {
		s.options.Log.Warn("mqtt: message on a topic of no station; check the access rules of the broker", slog.Any("error", err))
	}
	return ingest.Message{
		Station: id, Payload: m.Payload(), Received: s.options.Now(), Source: "mqtt", Format: route.Format, Topic: route.Rest,
	}
}

// submit hands the message in until it is committed. It stays unacknowledged
// meanwhile, so the broker gives it again after a restart.
func (s *Source) submit(ctx context.Context, m paho.Message, in ingest.Message, pause time.Duration) {
	s.options.Submitter.Submit(ctx, in, func(err error) {
		if err == nil {
			s.acks <- m // never full: it has as many places as room
			return
		}
		if ctx.Err() != nil {
			return
		}
		s.fail(fmt.Errorf("a message could not be stored, trying again: %w", err))
		time.AfterFunc(pause, func() {
			if ctx.Err() == nil {
				s.submit(ctx, m, in, min(2*pause, s.options.RetryMax))
			}
		})
	})
}

// acknowledge writes the acknowledgements in its own goroutine, so that a slow
// connection does not hold up who committed. paho drops the acknowledgement of a
// message that came over an earlier connection; the broker gives that message
// again, and storing it again changes nothing.
func (s *Source) acknowledge(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-s.acks:
			m.Ack()
			<-s.room
		}
	}
}

func (s *Source) fail(err error) {
	s.lastError.Store(&err)
	now, last := s.options.Now().UnixNano(), s.complained.Load()
	if now-last >= int64(10*time.Second) && s.complained.CompareAndSwap(last, now) {
		s.options.Log.Warn("mqtt: " + err.Error())
	}
}

// Connected reports whether the source is connected and subscribed.
func (s *Source) Connected() bool { return s.subscribed.Load() && s.client.IsConnectionOpen() }

// LastError returns the latest fault of the connection or of a commit, nil when
// there was none. It stays after the fault is over.
func (s *Source) LastError() error {
	if err := s.lastError.Load(); err != nil {
		return *err
	}
	return nil
}

// Close ends the connection and the context given to Submit. The broker keeps
// what was not acknowledged for the next start. The error is always nil.
func (s *Source) Close() error {
	s.cancel()
	<-s.closed
	return nil
}
