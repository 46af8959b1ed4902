package ingest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"buurtmeter/ingest/decode"
	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
)

// MaxRejectPayload bounds what is kept of a rejected payload, in bytes: a whole
// message of the largest size.
const MaxRejectPayload = decode.MaxPayload

// maxRejectDetail bounds the text of a reject, in bytes.
const maxRejectDetail = 500

// The causes of rejects that the pipeline itself finds; those of decoding are
// in package decode.
const (
	CauseStationUnknown = "station-unknown"
	CauseStoreRefused   = "store-refused"
	CauseConflict       = "conflict"
	// CauseStationPaused: the keeper paused the station; a broker outside does
	// not know that, so that its messages still come.
	CauseStationPaused = "station-paused"
	// CauseStationDeleted: a device goes on sending for a station that was
	// deleted. Nothing of the message is kept.
	CauseStationDeleted = "station-deleted"
	// CauseTimeImplausible: so far from the time of receipt, or before the
	// station, that no clock error explains it.
	CauseTimeImplausible = "time-implausible"
)

// A reading outside these bounds does not go to the raw store: every quarter
// that is ever named there costs files and memory for good. Inside them a wrong
// clock is a flag, as everything else.
const (
	maxAhead  = 24 * time.Hour
	maxBefore = 366 * 24 * time.Hour
)

// prepare decodes and checks one message. It runs in the goroutine of the
// sender, so that decoding is spread over the senders. While the register is
// away it waits: a message must not be judged without its station.
func (p *Pipeline) prepare(ctx context.Context, m Message) (*item, error) {
	if m.Received.IsZero() {
		m.Received = p.o.Now()
	}
	m.Received = m.Received.UTC().Truncate(time.Millisecond)
	st, err := p.station(ctx, m.Station)
	it := &item{
		source: m.Source, received: m.Received, station: st, weight: 1,
		wire: Message{Format: m.Format, ContentType: m.ContentType, Topic: m.Topic, Pin: m.Pin},
	}
	if errors.Is(err, ErrStationDeleted) {
		it.wire = Message{}
		it.rejects = []Reject{it.reject(m.Station, CauseStationDeleted, "the station was deleted, so nothing of the message is kept: register the device under a new id, or switch it off", nil)}
		return it, nil
	}
	if errors.Is(err, ErrUnknownStation) {
		it.rejects = []Reject{it.reject(m.Station, CauseStationUnknown, "no such station: register it, or correct its id", m.Payload)}
		return it, nil
	}
	if err != nil {
		return nil, err
	}
	if st.Paused {
		it.rejects = []Reject{it.reject(m.Station, CauseStationPaused, "the station is paused: resume it before sending", m.Payload)}
		return it, nil
	}
	it.wire.Format = st.Wire.FormatOf(m.Format)
	d := decode.Decoded{Readings: m.Decoded}
	if m.Decoded == nil {
		d = p.o.Decode(it.wire.Format, inputOf(m, st))
	}
	for i := range d.Readings {
		r := &d.Readings[i]
		if r.At.After(m.Received.Add(maxAhead)) || r.At.Before(st.Since.Add(-maxBefore)) {
			it.rejects = append(it.rejects, it.reject(st.ID, CauseTimeImplausible,
				"the time "+r.At.Format(time.RFC3339)+" is more than a day ahead, or more than a year before the station was registered for: set the clock of the device", wire(*r)))
			continue
		}
		quality.Check(r, st)
		it.readings = append(it.readings, *r)
	}
	for _, problem := range d.Problems {
		it.rejects = append(it.rejects, it.reject(st.ID, problem.Cause, problem.Detail, problem.Element))
	}
	it.weight = min(int64(p.o.Queue), max(1, int64(len(it.readings)+len(it.rejects))))
	return it, nil
}

func inputOf(m Message, st reading.Station) decode.Input {
	return decode.Input{
		Payload: m.Payload, ContentType: m.ContentType, Topic: m.Topic, Pin: m.Pin, Station: st, Received: m.Received,
	}
}

// reject makes a reject of this message. It copies the payload, cut to the bound.
func (it *item) reject(id reading.StationID, cause, detail string, payload []byte) Reject {
	if len(detail) > maxRejectDetail {
		detail = detail[:maxRejectDetail]
	}
	// Not every store takes NUL or broken UTF-8 in a text, and a reject that
	// cannot be stored would hold up everything behind it.
	detail = strings.ReplaceAll(strings.ToValidUTF8(detail, "�"), "\x00", "�")
	return Reject{
		Station: id, Source: it.source, Received: it.received, Cause: cause, Detail: detail,
		Format: it.wire.Format, ContentType: it.wire.ContentType, Topic: it.wire.Topic, Pin: it.wire.Pin,
		Payload: bytes.Clone(payload[:min(len(payload), MaxRejectPayload)]),
	}
}

// station looks a station up, from memory for StationTTL. Faults of the
// register are waited out; an unknown station is an answer, not a fault.
func (p *Pipeline) station(ctx context.Context, id reading.StationID) (st reading.Station, err error) {
	if st, ok := p.stations.get(id, p.o.Now()); ok {
		return st, nil
	}
	// The first attempt goes without the goroutine that watches for the stop.
	if st, err = p.o.Stations.Station(ctx, id); err == nil || errors.Is(err, ErrUnknownStation) {
		p.stations.put(st, err, p.o.Now().Add(p.o.StationTTL))
		return st, err
	}
	ctx, cancel := p.untilStopping(ctx)
	defer cancel()
	var unknown error
	err = p.insist(ctx, "look up station", func(ctx context.Context) error {
		var err error
		st, err = p.o.Stations.Station(ctx, id)
		if errors.Is(err, ErrUnknownStation) {
			unknown, err = err, nil
		}
		return err
	})
	if err != nil {
		return st, p.stopError(err)
	}
	p.health.succeed(p.o.Now())
	if unknown != nil {
		return st, unknown
	}
	p.stations.put(st, nil, p.o.Now().Add(p.o.StationTTL))
	return st, nil
}

// maxKnownStations bounds the memory of stations; past it, all are forgotten
// and looked up again.
const maxKnownStations = 100_000

type knownStation struct {
	station reading.Station
	until   time.Time
}

// stationCache remembers descriptions of stations for a short while.
type stationCache struct {
	mu    sync.RWMutex
	known map[reading.StationID]knownStation
}

func (c *stationCache) get(id reading.StationID, now time.Time) (reading.Station, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	k, ok := c.known[id]
	return k.station, ok && now.Before(k.until)
}

// put remembers a station that was found; unknown ones are not remembered, so
// that a new station can report at once.
func (c *stationCache) put(st reading.Station, err error, until time.Time) {
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxKnownStations {
		clear(c.known)
	}
	c.known[st.ID] = knownStation{st, until}
}
