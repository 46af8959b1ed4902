package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// probeBytes is how much must fit on the disk before the files are opened again:
// what the opening itself may write.
const probeBytes = 1 << 20

// noteFault remembers that a write failed in the files. The write-ahead log
// writes through a buffer that repeats its first fault for ever, so after a
// moment without space it would stay out of order until a restart. The engine
// gives the words of the system only, no value to compare with.
func (e *Engine) noteFault(err error) {
	text := err.Error()
	if strings.Contains(text, " WAL ") || strings.Contains(text, syscall.ENOSPC.Error()) {
		e.faulty.Store(true)
	}
}

// mend closes the files and opens them again when a write has failed in them and
// there is room by now. When the opening fails every request fails
// until it succeeds: an engine that is half open would answer queries with too
// little.
func (e *Engine) mend() error {
	if !e.faulty.Load() {
		return nil
	}
	if err := e.probe(); err != nil {
		return fmt.Errorf("engine: no room to write yet: %w", err)
	}
	e.use.Lock() // waits for the requests that run
	defer e.use.Unlock()
	e.mu.RLock()
	closed := e.closed
	e.mu.RUnlock()
	if closed || !e.faulty.Load() {
		return nil
	}
	e.down.Store(true)
	if err := e.store.Close(); err != nil {
		return fmt.Errorf("engine: close the files after a fault: %w", err)
	}
	if err := errors.Join(cutTornTails(e.dir, e.log), mendIndexes(e.dir, e.log)); err != nil {
		return err
	}
	if err := e.store.Open(); err != nil {
		return errors.Join(fmt.Errorf("engine: open the files after a fault: %w", err), e.store.Close())
	}
	e.faulty.Store(false)
	e.down.Store(false)
	e.log.Info("engine: the files are opened again after a failed write")
	return nil
}

// probe writes a file and removes it.
func (e *Engine) probe() (err error) {
	path := filepath.Join(e.dir, "probe")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // our own folder
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	_, err = f.Write(make([]byte, probeBytes))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
