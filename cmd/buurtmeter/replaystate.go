package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"buurtmeter/ingest/reading"
)

// sentStep is how many rows of a kit are reserved at a time: one write to disk
// for so many rows, and at most so many rows in doubt after a kill.
const sentStep = 64

// rowSpan is a run of rows [from, to) of one kit.
type rowSpan [2]int

// replayState remembers per kit how far a replay came. A row below Acked was
// delivered, a row from Sent on never left: Sent is on disk before any row
// below it is published. Of the rows between the two nobody knows, so that a
// resumed replay publishes them again and remembers that in Resent.
type replayState struct {
	path string

	mu    sync.Mutex
	Acked map[reading.StationID]int `json:"acked"`
	// Sent is nil after reading a state that was written without it.
	Sent map[reading.StationID]int `json:"sent"`
	// Resent has a run of rows for each time that a kit went on after an
	// interruption.
	Resent map[reading.StationID][]rowSpan `json:"resent,omitempty"`
	// before is Sent as this run found it, tried what it published since; both
	// only of kits that it resumed.
	before, tried map[reading.StationID]int

	saving sync.Mutex
	// durable is Sent as it is on disk.
	durable map[reading.StationID]int
}

// openReplayState reads the state of an earlier run of the same files, if there
// is one.
func openReplayState(c replayConfig, kits []*replayKit) (*replayState, error) {
	s := &replayState{path: c.state, before: map[reading.StationID]int{}, tried: map[reading.StationID]int{}}
	if s.path == "" {
		sum := sha256.New()
		for _, name := range []string{c.kits, c.official} {
			if b, err := os.ReadFile(name); err == nil { //nolint:gosec // the operator names the files
				sum.Write(b)
			}
		}
		s.path = filepath.Join(c.data, "replay-"+hex.EncodeToString(sum.Sum(nil))[:12]+".json")
		if err := os.MkdirAll(c.data, 0o700); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
	}
	b, err := os.ReadFile(s.path)
	known := err == nil
	switch {
	case errors.Is(err, os.ErrNotExist):
		err = nil
	case known:
		err = json.Unmarshal(b, s)
	}
	if err != nil {
		return nil, hint(fmt.Errorf("state of the replay: %w", err), "remove %s to begin again", s.path)
	}
	if s.Acked == nil {
		s.Acked = map[reading.StationID]int{}
	}
	s.durable = maps.Clone(s.Sent)
	if s.Sent == nil {
		s.Sent = map[reading.StationID]int{}
		for _, k := range kits {
			// A state of before there was a bound: any row may have been sent.
			if known && s.Acked[k.station.ID] < len(k.rows) {
				s.Sent[k.station.ID] = len(k.rows)
			}
		}
	}
	if s.Resent == nil {
		s.Resent = map[reading.StationID][]rowSpan{}
	}
	return s, nil
}

func (s *replayState) done(id reading.StationID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Acked[id]
}

// resume returns the row with which the kit goes on. When rows from there on
// may have been delivered already, that is on disk before it returns.
func (s *replayState) resume(id reading.StationID) (from int, err error) {
	s.mu.Lock()
	from = s.Acked[id]
	doubt := s.Sent[id] > from
	s.before[id], s.tried[id] = s.Sent[id], from
	if doubt {
		s.Resent[id] = append(s.Resent[id], rowSpan{from, s.Sent[id]})
	}
	s.mu.Unlock()
	if doubt {
		err = s.save()
	}
	return from, err
}

// reserve is called before the kit publishes row number n, counted from 1, of
// so many rows. It returns when the bound on disk reaches that row.
func (s *replayState) reserve(id reading.StationID, n, rows int) error {
	s.mu.Lock()
	s.tried[id] = n
	enough := s.durable[id] >= n
	if !enough && s.Sent[id] < n+sentStep-1 {
		s.Sent[id] = min(n+sentStep-1, rows)
	}
	s.mu.Unlock()
	if enough {
		return nil
	}
	s.saving.Lock()
	defer s.saving.Unlock()
	s.mu.Lock()
	enough = s.durable[id] >= n // another kit's write took this one along
	s.mu.Unlock()
	if enough {
		return nil
	}
	return s.write()
}

func (s *replayState) ack(id reading.StationID, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Acked[id] = max(s.Acked[id], rows)
}

// settle ends a run in order, after the last publication: what was reserved and
// not tried was not sent.
func (s *replayState) settle() error {
	s.mu.Lock()
	for id, before := range s.before {
		tried := s.tried[id]
		s.Sent[id] = max(before, tried)
		if spans := s.Resent[id]; len(spans) > 0 {
			last := &spans[len(spans)-1]
			if last[1] == before { // the span that this run added
				last[1] = max(last[0], min(last[1], tried))
			}
		}
	}
	clear(s.before)
	s.mu.Unlock()
	return s.save()
}

// spans returns which rows of the kit were, or may have been, sent again.
func (s *replayState) spans(id reading.StationID) []rowSpan {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Resent[id]
}

func (s *replayState) save() error {
	s.saving.Lock()
	defer s.saving.Unlock()
	return s.write()
}

// write writes the state beside and renames, so that a kill or a power cut
// leaves the old or the new one. The caller holds saving.
func (s *replayState) write() error {
	s.mu.Lock()
	b, err := json.Marshal(s)
	sent := maps.Clone(s.Sent)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err := replaceFile(s.path, b); err != nil {
		return hint(fmt.Errorf("remember how far the replay came: %w", err), "make room, or name another file with --state")
	}
	s.mu.Lock()
	s.durable = sent
	s.mu.Unlock()
	return nil
}
