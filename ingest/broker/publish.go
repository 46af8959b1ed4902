package broker

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	server "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"buurtmeter/ingest"
	"buurtmeter/ingest/decode"
	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
)

// route says what becomes of a publication.
type route struct {
	format reading.Format
	topic  string
	// native is for topics that are built into kits, which only those may use that
	// declared them. silent is for what kits say there beside their readings:
	// acknowledged, not stored.
	native, silent bool
}

// OnACLCheck lets a station publish on its readings topics and on those that
// are built into its kit, and subscribe inside its own subtree.
func (h *hook) OnACLCheck(cl *server.Client, name string, write bool) bool {
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return false
	}
	id := c.station()
	if id == "" {
		return false
	}
	if write {
		r, err := h.route(c, id, name)
		if err == nil {
			c.route = r
			c.packets.learn(name, r)
			return true
		}
		if !errors.Is(err, topic.ErrTopic) {
			// Not the device's fault: no answer, so that it sends again.
			h.complain(context.Background(), id, err)
			h.hangUp(cl, packets.ErrServerUnavailable)
			return false
		}
	} else if strings.HasPrefix(name, topic.Subtree(id)) && cl.State.Subscriptions.Len() < maxSubscriptions {
		return true
	}
	h.counters.refused.Add(1)
	h.options.Log.Info("mqtt: station may publish only on its readings topic, or on the one of the kit that it declared, and subscribe only below it; refused",
		slog.Any("station", id), slog.Bool("publish", write))
	if write && c.qos > 0 {
		// Else the library answers MQTT 5 with an acknowledgement that holds an
		// error, after which devices forget the message.
		h.hangUp(cl, packets.ErrNotAuthorized)
	}
	return false
}

// route finds out what the station may do with the topic. An error that wraps
// topic.ErrTopic means: nothing.
func (h *hook) route(c *conn, id reading.StationID, name string) (route, error) {
	if own, err := topic.Own(id, name); err == nil {
		if _, known := decode.For(own.Format); !known {
			return route{}, topic.ErrTopic
		}
		return route{format: own.Format, topic: own.Rest}, nil
	}
	native, err := topic.ParseNative(name)
	if err != nil || h.options.Stations == nil {
		return route{}, topic.ErrTopic
	}
	var st reading.Station
	err = c.within(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, loginTimeout)
		defer cancel()
		st, err = h.options.Stations.Station(ctx, id)
		return err
	})
	if errors.Is(err, ingest.ErrUnknownStation) {
		return route{}, topic.ErrTopic
	}
	if err != nil {
		return route{}, err
	}
	if !native.Fits(st.Wire.Format) {
		return route{}, topic.ErrTopic
	}
	return route{format: st.Wire.Format, topic: name, native: true, silent: native.Silent}, nil
}

// OnPublish stores the message and only then lets the library acknowledge it.
// When storing fails there is no acknowledgement and the connection ends, since
// devices send again what is unacknowledged when they reconnect. A station that
// is over its rate waits here: meanwhile the broker reads nothing from it.
func (h *hook) OnPublish(cl *server.Client, pk packets.Packet) (packets.Packet, error) {
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return pk, packets.ErrRejectPacket
	}
	arrival, wait := h.arrive(c, len(pk.Payload))
	err := c.within(func(ctx context.Context) error {
		err := h.hold(ctx, c, len(pk.Payload), wait)
		if err != nil || c.route.silent {
			return err
		}
		result := make(chan error, 1)
		h.submit(ctx, c, c.route, pk.Payload, arrival, func(err error) { result <- err })
		select {
		case err = <-result:
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			h.failed(ctx, c, 1, err)
		}
		return err
	})
	switch {
	case err != nil:
		h.hangUp(cl, packets.ErrServerUnavailable)
		return pk, packets.ErrRejectPacket
	case c.route.silent:
		h.counters.silent.Add(1)
	default:
		h.counters.committed.Add(1)
	}
	return pk, packets.CodeSuccessIgnore // acknowledged, not passed on
}

// serve does for the plain publications at the begin of the buffer what the
// library and OnPublish do for others.
func (h *hook) serve(ctx context.Context, cl *server.Client, c *conn) error {
	in := &c.packets
	if in.under == nil {
		in.under = newBatch()
	}
	in.under.begin()
	for in.under.used < window {
		p, ok := in.next(c.five)
		if !ok {
			break
		}
		arrival, wait := h.arrive(c, len(p.payload))
		if wait > 0 { // those before it need not wait too
			if err := h.acknowledge(ctx, cl, c); err != nil {
				h.abandon(c, len(p.payload))
				return err
			}
			in.under.begin()
		}
		if err := h.hold(ctx, c, len(p.payload), wait); err != nil {
			h.counters.failed.Add(uint64(in.under.used))
			return err
		}
		h.submit(ctx, c, in.route, p.payload, arrival, in.under.add(p.packet))
		in.r += p.size
	}
	return h.acknowledge(ctx, cl, c)
}

// acknowledge waits until what is under way is stored, and acknowledges it. What
// comes after one that could not be stored is not acknowledged either: the device
// sends all of it again, and acknowledgements must come in order.
func (h *hook) acknowledge(ctx context.Context, cl *server.Client, c *conn) error {
	b := c.packets.under
	stored, err := b.wait(ctx)
	h.counters.committed.Add(uint64(stored))
	if stored > 0 {
		if _, fault := c.Write(b.acks(stored)); fault != nil && err == nil {
			return fault
		}
	}
	if err != nil {
		h.failed(ctx, c, b.used-stored, err)
		h.hangUp(cl, packets.ErrServerUnavailable)
	}
	return err
}

// arrive counts a publication. It returns the moment, and how long the
// publication must wait because its station is over its rate; some kits have no
// clock, so that the wait must not count.
func (h *hook) arrive(c *conn, size int) (arrival time.Time, wait time.Duration) {
	h.counters.received.Add(1)
	wait = h.pace.take(c.station(), size, time.Now())
	if wait > 0 {
		h.counters.held.Add(1)
	}
	return h.options.Now(), wait
}

// hold waits, and gives the publication up when the device leaves meanwhile.
func (h *hook) hold(ctx context.Context, c *conn, size int, wait time.Duration) error {
	pause(ctx, wait)
	err := ctx.Err()
	if err != nil {
		h.abandon(c, size)
	}
	return err
}

// abandon counts a publication that will not be stored. The device will send it
// again, and shall not pay twice.
func (h *hook) abandon(c *conn, size int) {
	h.pace.giveBack(c.station(), size)
	h.counters.failed.Add(1)
}

func (h *hook) submit(ctx context.Context, c *conn, r route, payload []byte, arrival time.Time, done func(error)) {
	h.options.Ingest.Submit(ctx, ingest.Message{
		Station: c.station(), Payload: payload, Received: arrival, Source: "mqtt", Format: r.format, Topic: r.topic,
	}, done)
}

// failed counts n publications that could not be stored, and holds the device for
// a while.
func (h *hook) failed(ctx context.Context, c *conn, n int, err error) {
	h.counters.failed.Add(uint64(n))
	h.complain(ctx, c.station(), err)
	pause(ctx, h.options.RetryPause)
}

func (h *hook) complain(ctx context.Context, id reading.StationID, err error) {
	if ctx.Err() != nil {
		return // the device left or the broker closes: nothing is wrong
	}
	now, last := h.options.Now().UnixNano(), h.complained.Load()
	if now-last < int64(complainEvery) || !h.complained.CompareAndSwap(last, now) {
		return
	}
	h.options.Log.Warn("mqtt: a message could not be stored and was not acknowledged; the device will send it again",
		slog.Any("station", id), slog.Any("error", err), slog.Uint64("failed", h.counters.failed.Load()))
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
