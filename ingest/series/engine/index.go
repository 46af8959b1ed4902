package engine

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// mendIndexes removes the index of every shard of which a list of index files is
// broken off; the engine then builds the index anew from the readings.
//
// InfluxDB 1.8.10 writes that list (MANIFEST) in place: a process that is killed
// in that moment leaves an empty one, with which the shard cannot be opened any
// more, and every reading of that week is out of reach. It happens when a shard
// is made and when a log of the index is full.
func mendIndexes(dir string, logger *slog.Logger) error {
	lists, err := filepath.Glob(filepath.Join(dir, "data", "*", "*", "*", "index", "*", "MANIFEST"))
	if err != nil {
		return fmt.Errorf("look for broken indexes: %w", err)
	}
	broken := map[string]bool{}
	for _, list := range lists {
		text, err := os.ReadFile(list) //nolint:gosec // our own folder
		if err != nil {
			return fmt.Errorf("read the list of an index: %w", err)
		}
		if !json.Valid(text) {
			broken[filepath.Dir(filepath.Dir(filepath.Dir(list)))] = true
		}
	}
	for shard := range broken {
		logger.Warn("engine: the index of a shard was broken off by a crash and is built anew", slog.String("shard", filepath.Base(shard)))
		// Without the list of fields the engine looks through all readings, which
		// is what makes it find the series. It goes first: when only the index were
		// gone at the next crash, nobody would know that it has to be built.
		if err := os.RemoveAll(filepath.Join(shard, "fields.idx")); err != nil {
			return fmt.Errorf("remove the list of fields of a broken index: %w", err)
		}
		if err := os.RemoveAll(filepath.Join(shard, "index")); err != nil {
			return fmt.Errorf("remove a broken index: %w", err)
		}
	}
	return nil
}
