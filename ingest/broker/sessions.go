package broker

import (
	"sync"

	"buurtmeter/ingest/reading"
)

// sessions bounds the client ids of each station, so that one login cannot fill
// the memory with sessions that are kept for later.
type sessions struct {
	limit int
	mu    sync.Mutex
	// open counts the connections of each client id; a kept session without a
	// connection stays with count 0.
	open map[reading.StationID]map[string]int
}

func newSessions(limit int) *sessions {
	return &sessions{limit: limit, open: map[reading.StationID]map[string]int{}}
}

// enter counts a connection; it refuses a new client id beyond the limit.
func (s *sessions) enter(id reading.StationID, client string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.open[id]
	if _, known := own[client]; !known && len(own) >= s.limit {
		return false
	}
	if own == nil {
		own = map[string]int{}
		s.open[id] = own
	}
	own[client]++
	return true
}

// leave takes one connection off; the client id is forgotten with the last one
// unless its session is kept.
func (s *sessions) leave(id reading.StationID, client string, kept bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.open[id]
	own[client]--
	if own[client] <= 0 {
		own[client] = 0
		if !kept {
			s.forget(id, client)
		}
	}
}

// expire forgets a kept session, unless it is in use again.
func (s *sessions) expire(id reading.StationID, client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.open[id][client]; ok && n == 0 {
		s.forget(id, client)
	}
}

func (s *sessions) forget(id reading.StationID, client string) {
	delete(s.open[id], client)
	if len(s.open[id]) == 0 {
		delete(s.open, id)
	}
}
