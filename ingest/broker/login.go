package broker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	server "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// loginTimeout bounds the check of one login.
const loginTimeout = 10 * time.Second

// OnConnect bounds the keepalive; a client of MQTT 5 is told.
func (h *hook) OnConnect(cl *server.Client, _ packets.Packet) error {
	limit := uint16(h.options.MaxKeepalive / time.Second)
	if cl.State.Keepalive == 0 || cl.State.Keepalive > limit {
		cl.State.Keepalive = limit
		cl.State.ServerKeepalive = true
	}
	return nil
}

// OnConnectAuthenticate checks the login and makes the client id the station's
// own, so that no station can end the session of another by taking its client id.
func (h *hook) OnConnectAuthenticate(cl *server.Client, pk packets.Packet) bool {
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return false
	}
	id, err := reading.ParseStationID(string(pk.Connect.Username))
	if err != nil {
		return h.wrongLogin(c, "", "the user name is not a station id")
	}
	token := string(pk.Connect.Password)
	check := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, loginTimeout)
		defer cancel()
		return h.options.Auth.Authenticate(ctx, id, token)
	}
	err = c.within(check)
	switch {
	case errors.Is(err, register.ErrWrongCredentials):
		return h.wrongLogin(c, id, "unknown or paused station, or wrong token")
	case err != nil:
		h.counters.loginsUnchecked.Add(1)
		h.options.Log.Warn("mqtt: a login could not be checked; the device will try again", slog.Any("station", id), slog.Any("error", err))
		cl.Stop(err)
		return false
	}
	cl.ID = string(id) + "/" + cl.ID
	if !h.sessions.enter(id, cl.ID) {
		h.counters.loginsRefused.Add(1)
		h.refused(id, "too many client ids at the same time: give the device one fixed client id")
		return false
	}
	c.login.Store(&login{station: id, check: check})
	h.counters.stations.Add(1)
	c.left = func() {
		h.counters.stations.Add(-1)
		_, kept := h.server.Clients.Get(cl.ID)
		h.sessions.leave(id, cl.ID, kept)
	}
	c.five = cl.Properties.ProtocolVersion >= 5
	c.packets.serve = func(ctx context.Context) error { return h.serve(ctx, cl, c) }
	h.gate.settle(c)
	h.counters.logins.Add(1)
	return true
}

// wrongLogin answers a wrong login, the later the more there were from the same
// address, or hangs up when too many wait for an answer already. What is dropped
// is counted and not logged: a flood must not fill the log.
func (h *hook) wrongLogin(c *conn, id reading.StationID, why string) bool {
	h.counters.loginsRefused.Add(1)
	hold, answer := h.gate.addresses.mistake(c.address, time.Now())
	if !answer {
		h.counters.loginsDropped.Add(1)
		_ = c.Close()
		return false
	}
	defer h.gate.addresses.release(c.address)
	h.refused(id, why)
	if hold > 0 {
		_ = c.within(func(ctx context.Context) error {
			pause(ctx, hold)
			return nil
		})
	}
	return false
}

func (h *hook) refused(id reading.StationID, why string) {
	h.options.Log.Info("mqtt: login refused", slog.Any("station", id), slog.String("reason", why))
}

// recheck asks again, every so often and one after the other, whether the
// logins of the connected stations are still right, and ends the connections of
// which they are not: the token was replaced, or the station paused or removed,
// by whatever process. A register that cannot be reached ends nothing.
func (h *hook) recheck(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var conns []*conn
	var seen int64
	done := 0 // whole rounds at the version that was seen
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if h.options.LoginsVersion != nil {
			version, err := h.options.LoginsVersion(ctx)
			if err == nil && version == seen && done >= settlingRounds {
				continue
			}
			if version != seen {
				seen, done = version, 0
			}
		}
		conns = h.gate.all(conns[:0])
		if h.recheckAll(ctx, conns) {
			done++
		} else {
			done = 0
		}
		clear(conns) // a closed connection must not stay in memory
	}
}

// settlingRounds is how many rounds follow a change of the logins: for a moment
// after it Auth may let in by what it remembers, and who came in so late must be
// looked at too.
const settlingRounds = 5

// recheckAll reports whether it could look at all of them.
func (h *hook) recheckAll(ctx context.Context, conns []*conn) bool {
	for _, c := range conns {
		l := c.login.Load()
		if l == nil || c.closed.Load() {
			continue
		}
		err := l.check(ctx)
		switch {
		case errors.Is(err, register.ErrWrongCredentials):
			h.counters.revoked.Add(1)
			h.options.Log.Info("mqtt: connection ended, because the login is not valid any more", slog.Any("station", l.station))
			_ = c.Close()
		case err != nil:
			h.options.Log.Debug("mqtt: logins could not be checked again", slog.Any("error", err))
			return false
		}
	}
	return true
}
