package register

import (
	"sync"

	"buurtmeter/ingest/reading"
)

// maxStanding bounds the marks that are remembered; past it, all are forgotten
// and stored again.
const maxStanding = 50_000

// standing are the marks that are stored and that nobody has asked for since:
// storing such a mark again changes nothing. The hour of a station is marked
// twice with every commit of its readings and asked for once in seconds, so that
// nearly all marks are standing ones.
//
// It holds only where no other process asks for marked hours. What other processes
// do otherwise takes no standing mark away, except a deletion of the station, and
// that leaves a mark which has to be asked for.
type standing struct {
	mu    sync.Mutex
	marks map[reading.StationHour]struct{}
	// asked counts the questions for marked hours.
	asked int
}

// missing returns those of the marks that do not stand, in the same order, and what
// add needs.
func (s *standing) missing(marks []reading.StationHour) (missing []reading.StationHour, asked int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range marks {
		if _, ok := s.marks[m]; !ok {
			missing = append(missing, m)
		}
	}
	return missing, s.asked
}

// add remembers marks that were stored after missing named them. When there was a
// question in between, nobody knows whether it found them.
func (s *standing) add(marks []reading.StationHour, asked int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked != asked {
		return
	}
	if s.marks == nil || len(s.marks)+len(marks) > maxStanding {
		s.marks = make(map[reading.StationHour]struct{}, len(marks))
	}
	for _, m := range marks {
		s.marks[m] = struct{}{}
	}
}

// ask forgets all. It is called when a question has its answer, in which may be
// every mark that was stored before. A mark that is taken for standing between the
// answer and this call is no harm: who asked reads the raw readings afterwards.
func (s *standing) ask() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	clear(s.marks)
}
