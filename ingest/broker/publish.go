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
	// silent is for what kits say beside their readings: acknowledged, not stored.
	silent bool
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
	return route{format: st.Wire.Format, topic: name, silent: native.Silent}, nil
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
	id := c.station()
	h.counters.received.Add(1)
	arrival := h.options.Now() // some kits have no clock: the wait must not count
	wait := h.pace.take(id, len(pk.Payload), time.Now())
	if wait > 0 {
		h.counters.held.Add(1)
	}
	err := c.within(func(ctx context.Context) error {
		pause(ctx, wait)
		err := ctx.Err()
		if err != nil {
			h.pace.giveBack(id, len(pk.Payload))
			h.counters.failed.Add(1)
			return err
		}
		if c.route.silent {
			return nil
		}
		err = h.options.Ingest.Ingest(ctx, ingest.Message{
			Station: id, Payload: pk.Payload, Received: arrival, Source: "mqtt",
			Format: c.route.format, Topic: c.route.topic,
		})
		if err != nil {
			h.counters.failed.Add(1)
			h.complain(ctx, id, err)
			pause(ctx, h.options.RetryPause)
		}
		return err
	})
	if err != nil {
		h.hangUp(cl, packets.ErrServerUnavailable)
		return pk, packets.ErrRejectPacket
	}
	if c.route.silent {
		h.counters.silent.Add(1)
	} else {
		h.counters.committed.Add(1)
	}
	return pk, packets.CodeSuccessIgnore // acknowledged, not passed on
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
