package mqtt

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"buurtmeter/ingest/mqtt/topic"
)

// ProbeOptions say which broker to try and how hard. URL and Username must be set.
type ProbeOptions struct {
	// URL, Username, Password and TLS are as in Options. The login must have the
	// right to read and write topic.Probe.
	URL, Username, Password string
	TLS                     *tls.Config
	// Messages is how many messages the broker must keep while the reader is away
	// (5000).
	Messages int
	// Size is the size in bytes of the largest message that must pass (1 MiB).
	Size int
	// Quiet is how long nothing must come before what is missing counts as lost
	// (5 s).
	Quiet time.Duration
}

// ProbeReport is what a broker did.
type ProbeReport struct {
	// Acknowledged counts the messages that the broker acknowledged while the
	// reader was away, Delivered those of them that the reader then got. What is
	// missing is lost, although the sender may forget it.
	Acknowledged, Delivered int
	// Session tells that the broker kept the session of the reader.
	Session bool
	// Unordered counts messages that came before one that was sent earlier.
	Unordered int
	// Inflight is how many messages the broker gives out before the first is
	// acknowledged; it bounds the rate to Inflight messages per commit.
	Inflight int
	// Large tells that the largest message passed.
	Large bool
}

// Probe finds out, with messages of its own on topic.Probe, what a broker does
// with messages that it acknowledged. Other traffic is not touched. An error
// means that nothing can be said.
func Probe(ctx context.Context, o ProbeOptions) (ProbeReport, error) {
	if err := checkURL(o.URL); err != nil {
		return ProbeReport{}, err
	}
	if o.Messages <= 0 {
		o.Messages = 5000
	}
	if o.Size <= 0 {
		o.Size = 1 << 20
	}
	if o.Quiet <= 0 {
		o.Quiet = 5 * time.Second
	}
	var nonce [6]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return ProbeReport{}, fmt.Errorf("draw a client id: %w", err)
	}
	p := &probe{o: o, id: "buurtmeter-doctor-" + hex.EncodeToString(nonce[:]), woke: make(chan struct{}, 1)}
	return p.run(ctx)
}

// greeting is the message that shows that the login has its rights.
const greeting = "hello"

type probe struct {
	o  ProbeOptions
	id string

	mu       sync.Mutex
	got      []int // numbers of messages, in the order of arrival
	large    bool
	greeted  bool
	hold     bool // acknowledge nothing
	held     []paho.Message
	lastSeen time.Time
	woke     chan struct{}
}

func (p *probe) run(ctx context.Context) (r ProbeReport, err error) {
	defer p.forget() //nolint:contextcheck // also when ctx has ended
	// A session that is known to the broker and then goes away.
	reader, err := p.connect(ctx, p.id, false)
	if err != nil {
		return r, err
	}
	tok, ok := reader.Subscribe(topic.Probe, topic.QoS, nil).(*paho.SubscribeToken)
	if err := wait(ctx, tok); err != nil || !ok {
		reader.Disconnect(0)
		return r, fmt.Errorf("subscribe to %s: %w", topic.Probe, err)
	}
	if granted := tok.Result()[topic.Probe]; granted != topic.QoS {
		reader.Disconnect(0)
		return r, fmt.Errorf("the broker does not let %q read %s: give it that right", p.o.Username, topic.Probe)
	}
	// Not every broker says that a right is missing: some acknowledge and drop.
	reader.Publish(topic.Probe, topic.QoS, false, []byte(greeting))
	if err := p.until(ctx, func() bool { return p.greeted }); err != nil {
		reader.Disconnect(0)
		return r, fmt.Errorf("nothing comes back from %s: give %q the right to read and write it: %w", topic.Probe, p.o.Username, err)
	}
	reader.Disconnect(250)

	if r.Acknowledged, err = p.publish(ctx); err != nil {
		return r, err
	}
	p.mu.Lock()
	p.hold, p.lastSeen = true, time.Now()
	p.mu.Unlock()
	if reader, err = p.connect(ctx, p.id, false); err != nil {
		return r, err
	}
	defer func() { reader.Disconnect(250) }()
	if err := p.quiet(ctx); err != nil {
		return r, err
	}
	p.mu.Lock()
	r.Inflight = len(p.got)
	p.hold = false
	for _, m := range p.held {
		m.Ack()
	}
	p.held, p.lastSeen = nil, time.Now()
	p.mu.Unlock()
	if err := p.quiet(ctx); err != nil {
		return r, err
	}
	p.mu.Lock()
	r.Delivered, r.Unordered = distinct(p.got)
	p.mu.Unlock()
	r.Session = r.Delivered > 0 || r.Acknowledged == 0
	r.Large, err = p.passes(ctx, reader)
	return r, err
}

// distinct counts the different numbers, and those that come after a higher one.
func distinct(got []int) (n, unordered int) {
	seen, highest := map[int]bool{}, -1
	for _, i := range got {
		if !seen[i] && i < highest {
			unordered++
		}
		seen[i] = true
		highest = max(highest, i)
	}
	return len(seen), unordered
}

func (p *probe) connect(ctx context.Context, id string, clean bool) (paho.Client, error) {
	c := paho.NewClient(paho.NewClientOptions().
		AddBroker(p.o.URL).SetClientID(id).SetUsername(p.o.Username).SetPassword(p.o.Password).SetTLSConfig(p.o.TLS).
		SetProtocolVersion(4).SetCleanSession(clean).SetStore(forgetful{}).SetAutoReconnect(false).SetAutoAckDisabled(true).
		SetOrderMatters(true).SetMessageChannelDepth(uint(p.o.Messages)).
		SetConnectTimeout(10 * time.Second).SetWriteTimeout(10 * time.Second).
		SetDefaultPublishHandler(p.take))
	if err := wait(ctx, c.Connect()); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return c, nil
}

// take writes down what came.
func (p *probe) take(_ paho.Client, m paho.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastSeen = time.Now()
	switch {
	case len(m.Payload()) == p.o.Size:
		p.large = true
	case string(m.Payload()) == greeting:
		p.greeted = true
	default:
		p.note(m.Payload())
	}
	if p.hold {
		p.held = append(p.held, m)
	} else {
		m.Ack()
	}
	select {
	case p.woke <- struct{}{}:
	default:
	}
}

// note writes the number of a message down.
func (p *probe) note(payload []byte) {
	if n, err := strconv.Atoi(string(payload[:min(9, len(payload))])); err == nil {
		p.got = append(p.got, n)
	}
}

// until waits until is holds, which it asks under the lock, for Quiet at most.
func (p *probe) until(ctx context.Context, is func() bool) error {
	end := time.Now().Add(p.o.Quiet)
	for time.Now().Before(end) {
		p.mu.Lock()
		now := is()
		p.mu.Unlock()
		if now {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return errors.New("it did not come")
}

// quiet waits until nothing came for a while, or everything has come.
func (p *probe) quiet(ctx context.Context) error {
	for {
		p.mu.Lock()
		rest := p.o.Quiet - time.Since(p.lastSeen)
		done := !p.hold && len(p.got) >= p.o.Messages
		p.mu.Unlock()
		if rest <= 0 || done {
			return nil
		}
		t := time.NewTimer(rest)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-p.woke:
		case <-t.C:
		}
		t.Stop()
	}
}

// publish sends the numbered messages, of the usual size, and counts those that
// the broker acknowledges.
func (p *probe) publish(ctx context.Context) (acknowledged int, err error) {
	c, err := p.connect(ctx, p.id+"-w", true)
	if err != nil {
		return 0, err
	}
	defer c.Disconnect(250)
	window := make([]paho.Token, 0, p.o.Messages)
	settle := func(keep int) error {
		for len(window) > keep {
			if err := wait(ctx, window[0]); err != nil {
				return fmt.Errorf("publish on %s: %w", topic.Probe, err)
			}
			acknowledged++
			window = window[1:]
		}
		return nil
	}
	for i := range p.o.Messages {
		window = append(window, c.Publish(topic.Probe, topic.QoS, false, fmt.Appendf(nil, "%09d %0140d", i, 0)))
		if err := settle(50); err != nil {
			return acknowledged, err
		}
	}
	return acknowledged, settle(0)
}

// passes tells whether the largest message reaches the reader.
func (p *probe) passes(ctx context.Context, reader paho.Client) (bool, error) {
	if !reader.IsConnectionOpen() {
		return false, errors.New("the broker ended the connection of the reader")
	}
	c, err := p.connect(ctx, p.id+"-l", true)
	if err != nil {
		return false, err
	}
	defer c.Disconnect(0)
	// A broker that does not take it may hang up or say nothing: both are an answer.
	c.Publish(topic.Probe, topic.QoS, false, make([]byte, p.o.Size)).WaitTimeout(p.o.Quiet)
	err = p.until(ctx, func() bool { return p.large })
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return err == nil, nil
}

// forget removes the session from the broker.
func (p *probe) forget() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if c, err := p.connect(ctx, p.id, true); err == nil {
		c.Disconnect(250)
	}
}

func wait(ctx context.Context, t paho.Token) error {
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(30 * time.Second):
		return errors.New("no answer within 30 s")
	}
}
