package broker

import (
	"sync"
	"time"

	"buurtmeter/ingest/reading"
)

// pacedSize is how many bytes of payload count as one message.
const pacedSize = 4 << 10

// pace is a token bucket for each station. It refuses nothing: it says how long
// a message has to wait. For each station it holds only the moment at which the
// bucket is full again.
type pace struct {
	every time.Duration // the price of one message
	burst time.Duration // the room of a full bucket

	mu   sync.Mutex
	full map[reading.StationID]time.Time
	// room is the number of stations at which those with a full bucket are taken
	// out next.
	room int
}

func newPace(perSecond, burst int) *pace {
	every := time.Second / time.Duration(perSecond)
	return &pace{every: every, burst: time.Duration(burst) * every, full: map[reading.StationID]time.Time{}, room: 1024}
}

func (p *pace) price(size int) time.Duration {
	return p.every * time.Duration(max(1, (size+pacedSize-1)/pacedSize))
}

// take takes a message of size bytes from the bucket and returns how long it
// must wait. It waits for those before it, not for its own size: a message that
// is larger than the bucket gets through, and the next ones wait for it.
func (p *pace) take(id reading.StationID, size int, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.full[id]
	if !ok && len(p.full) >= p.room {
		p.sweep(now)
	}
	if at.Before(now) {
		at = now
	}
	p.full[id] = at.Add(p.price(size))
	return max(0, at.Add(p.every).Sub(now)-p.burst)
}

// giveBack puts back what a message took that the device gave up before its
// turn; it will come again, and shall not pay twice.
func (p *pace) giveBack(id reading.StationID, size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, ok := p.full[id]; ok {
		p.full[id] = at.Add(-p.price(size))
	}
}

func (p *pace) sweep(now time.Time) {
	for id, at := range p.full {
		if !at.After(now) {
			delete(p.full, id)
		}
	}
	p.room = max(1024, 2*len(p.full))
}
