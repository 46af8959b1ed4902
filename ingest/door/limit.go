package door

import (
	"sync"
	"time"

	"buurtmeter/ingest/reading"
)

// limiter is a set of token buckets in bounded memory. For each key it holds
// only the moment at which the bucket is full again; a bucket that is full is
// forgotten.
type limiter[K comparable] struct {
	every time.Duration
	burst time.Duration // the room of a full bucket, as time
	max   int
	now   func() time.Time

	mu    sync.Mutex
	full  map[K]time.Time
	swept time.Time
}

func newLimiter[K comparable](l Limit, maxKeys int, now func() time.Time) *limiter[K] {
	return &limiter[K]{every: l.Every, burst: time.Duration(l.Burst) * l.Every, max: maxKeys, now: now, full: map[K]time.Time{}}
}

// take takes one from the bucket of the key. When there is none left, ok is
// false and wait says how long it takes until there is.
func (l *limiter[K]) take(k K) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	at := l.at(k, now).Add(l.every)
	if over := at.Sub(now) - l.burst; over > 0 {
		return over, false
	}
	l.put(k, at, now)
	return 0, true
}

// charge takes n from the bucket, if need be more than is in it, but never so
// much that it stays empty for longer than a full bucket takes to fill.
func (l *limiter[K]) charge(k K, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	at := l.at(k, now).Add(time.Duration(n) * l.every)
	if limit := now.Add(2 * l.burst); at.After(limit) {
		at = limit
	}
	l.put(k, at, now)
}

// giveBack puts one back into the bucket.
func (l *limiter[K]) giveBack(k K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	at := l.at(k, now).Add(-l.every)
	if !at.After(now) {
		delete(l.full, k)
		return
	}
	l.full[k] = at
}

// at returns when the bucket is full again, now at the earliest. A clock that
// was set back cannot make it later than two full buckets from the moment at
// which that was noticed.
func (l *limiter[K]) at(k K, now time.Time) time.Time {
	at, ok := l.full[k]
	if !ok || at.Before(now) {
		return now
	}
	if limit := now.Add(2 * l.burst); at.After(limit) {
		l.full[k] = limit
		return limit
	}
	return at
}

func (l *limiter[K]) put(k K, at, now time.Time) {
	if _, ok := l.full[k]; !ok && len(l.full) >= l.max {
		l.makeRoom(now)
	}
	l.full[k] = at
}

// makeRoom forgets full buckets, at most once a second because it looks at all,
// and otherwise any one.
func (l *limiter[K]) makeRoom(now time.Time) {
	if age := now.Sub(l.swept); age >= time.Second || age < 0 {
		l.swept = now
		for k, at := range l.full {
			if !at.After(now) {
				delete(l.full, k)
			}
		}
	}
	for k := range l.full {
		if len(l.full) < l.max {
			return
		}
		delete(l.full, k)
	}
}

// flights counts the requests that run, in all and by station.
type flights struct {
	each int

	mu      sync.Mutex
	all     int
	station map[reading.StationID]int
	closed  bool
	idle    chan struct{}
}

func newFlights(each int) *flights {
	return &flights{each: each, station: map[reading.StationID]int{}, idle: make(chan struct{})}
}

// begin counts a request; false means that the door is closing.
func (f *flights) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.all++
	return true
}

func (f *flights) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all--
	if f.closed && f.all == 0 {
		close(f.idle)
	}
}

// enter counts a request of the station; false means that it has too many.
func (f *flights) enter(id reading.StationID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.station[id] >= f.each {
		return false
	}
	f.station[id]++
	return true
}

func (f *flights) leave(id reading.StationID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.station[id]--; f.station[id] <= 0 {
		delete(f.station, id)
	}
}

// close refuses new requests and returns a channel that is closed when the last
// one has ended.
func (f *flights) close() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		if f.all == 0 {
			close(f.idle)
		}
	}
	return f.idle
}
