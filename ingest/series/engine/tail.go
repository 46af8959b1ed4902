package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/influxdata/influxdb/tsdb/engine/tsm1"
)

// cutTornTails takes the torn entry off the end of each write-ahead log below
// dir, which a crash or a full disk leaves behind and nobody was told is stored.
//
// The engine does this itself, but too late: it has opened the file for writing
// by then and goes on at the old end, so that a hole stays in the file. It reads
// well until the next crash, after which everything behind the hole is gone
// (found by filling the disk: 639 of 4148 acknowledged readings).
func cutTornTails(dir string, logger *slog.Logger) error {
	// wal/DATABASE/POLICY/SHARD/_00001.wal
	segments, err := filepath.Glob(filepath.Join(dir, "wal", "*", "*", "*", tsm1.WALFilePrefix+"*."+tsm1.WALFileExtension))
	if err != nil {
		return err
	}
	slices.Sort(segments)
	for i, path := range segments {
		if i+1 < len(segments) && filepath.Dir(segments[i+1]) == filepath.Dir(path) {
			continue // only the last one of a shard was being written
		}
		if err := cutTornTail(path, logger); err != nil {
			return fmt.Errorf("end of the write-ahead log %s: %w", path, err)
		}
	}
	return nil
}

func cutTornTail(path string, logger *slog.Logger) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // found in our own folder
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r := tsm1.NewWALSegmentReader(f)
	for r.Next() {
		if _, err := r.Read(); err != nil {
			info, statErr := f.Stat()
			if statErr != nil {
				return statErr
			}
			logger.Warn("engine: the end of a write-ahead log was torn and is cut off; none of it was acknowledged",
				slog.Int64("bytes", info.Size()-r.Count()), slog.Any("error", err))
			return errors.Join(f.Truncate(r.Count()), f.Sync())
		}
	}
	return r.Error()
}
