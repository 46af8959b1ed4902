package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/influxdata/influxdb/coordinator"
	"github.com/influxdata/influxdb/monitor"
	"github.com/influxdata/influxdb/query"
	"github.com/influxdata/influxdb/services/meta"
	"github.com/influxdata/influxdb/toml"
	"github.com/influxdata/influxdb/tsdb"
	_ "github.com/influxdata/influxdb/tsdb/engine" // registers the storage format tsm1
	_ "github.com/influxdata/influxdb/tsdb/index"  // registers the index tsi1
	"go.uber.org/zap"
)

// URL is what to give as the server's address together with HTTPClient. The
// host is a name only; nothing is resolved or dialled.
const URL = "http://engine.invalid"

// Version is the InfluxDB version that the engine answers with.
const Version = "1.8.10"

// ErrClosed is returned by requests after Close.
var ErrClosed = errors.New("the embedded InfluxDB engine is closed")

// errDown is the answer while the files are closed after a fault.
var errDown = errors.New("the embedded InfluxDB engine cannot open its files: look at the log, and for room on the disk")

// ErrLocked is returned by Open when another process has the folder open.
var ErrLocked = errors.New("another process has this folder open: stop it first, or use a server (InfluxDB) when several processes must write")

// writeTimeout bounds one write; a slow disk is a passing fault that the
// caller retries.
const writeTimeout = 30 * time.Second

// snapshotBytes is how large the not yet compressed part of a shard may grow in
// memory. InfluxDB's own 25 MB suits one busy server; a backfill touches many
// shards at once, and each of them holds up to this much.
const snapshotBytes = 8 << 20

// Engine is an open folder. It is safe for concurrent use.
type Engine struct {
	lock   *os.File
	meta   *meta.Client
	store  *tsdb.Store
	points *coordinator.PointsWriter
	exec   *query.Executor

	// closing ends the answers that are still being read when Close is called.
	closing chan struct{}
	mu      sync.RWMutex // guards closed against the start of a request
	closed  bool
	running sync.WaitGroup

	dir string
	log *slog.Logger
	// use is held shared by every request and alone by mend.
	use sync.RWMutex
	// faulty: a write failed in the files. down: they are closed, see mend.
	faulty, down atomic.Bool
}

// Open opens the folder dir, creating it (mode 0700) when absent. A write that
// is answered with success is synced to disk. Only one process can have a
// folder open; the error is then ErrLocked. log receives the engine's own
// messages, the routine ones at debug level; nil means silence.
func Open(dir string, log *slog.Logger) (*Engine, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	for _, d := range []string{dir, filepath.Join(dir, "meta"), filepath.Join(dir, "data"), filepath.Join(dir, "wal")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("engine: make the data folder (check its owner and the free space): %w", err)
		}
	}
	lock, err := acquire(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("engine: folder %s: %w", dir, err)
	}
	e := &Engine{lock: lock, closing: make(chan struct{}), dir: dir, log: log}
	if err := e.open(dir, zap.New(bridge{log: log})); err != nil {
		return nil, errors.Join(fmt.Errorf("engine: open folder %s: %w", dir, err), lock.Close())
	}
	return e, nil
}

func (e *Engine) open(dir string, log *zap.Logger) error {
	mc := meta.NewConfig()
	mc.Dir = filepath.Join(dir, "meta")
	mc.LoggingEnabled = false
	e.meta = meta.NewClient(mc)
	e.meta.WithLogger(log)
	if err := e.meta.Open(); err != nil {
		return fmt.Errorf("list of databases: %w", err)
	}

	c := tsdb.NewConfig()
	c.Dir, c.WALDir = filepath.Join(dir, "data"), filepath.Join(dir, "wal")
	c.Index = tsdb.TSI1IndexName
	c.WALFsyncDelay = 0 // every write is synced before it is answered
	c.QueryLogEnabled = false
	c.CacheSnapshotMemorySize = toml.Size(snapshotBytes)
	c.MaxSeriesPerDatabase, c.MaxValuesPerTag = 0, 0 // the register bounds the stations
	e.store = tsdb.NewStore(c.Dir)
	e.store.EngineOptions.Config = c
	e.store.EngineOptions.EngineVersion, e.store.EngineOptions.IndexVersion = c.Engine, c.Index
	e.store.WithLogger(log)
	if err := errors.Join(cutTornTails(dir, e.log), mendIndexes(dir, e.log)); err != nil {
		return errors.Join(err, e.meta.Close())
	}
	if err := e.store.Open(); err != nil {
		return errors.Join(err, e.store.Close(), e.meta.Close())
	}

	e.points = coordinator.NewPointsWriter()
	e.points.TSDBStore, e.points.MetaClient, e.points.WriteTimeout = e.store, e.meta, writeTimeout
	e.points.WithLogger(log)
	if err := e.points.Open(); err != nil {
		return errors.Join(err, e.store.Close(), e.meta.Close())
	}

	// SHOW STATS asks the monitor; without one it would end in a panic.
	quiet := monitor.NewConfig()
	quiet.StoreEnabled = false
	e.exec = query.NewExecutor()
	e.exec.WithLogger(log)
	e.exec.StatementExecutor = &coordinator.StatementExecutor{
		MetaClient: e.meta, TaskManager: e.exec.TaskManager, TSDBStore: e.store,
		ShardMapper:  &coordinator.LocalShardMapper{MetaClient: e.meta, TSDBStore: coordinator.LocalTSDBStore{Store: e.store}},
		Monitor:      monitor.New(nil, quiet),
		PointsWriter: e.points,
	}
	return nil
}

// HTTPClient returns a client whose requests, to whatever host, are answered by
// the engine. Contexts are honoured: a write whose context ends may still be
// carried out, as with a server.
func (e *Engine) HTTPClient() *http.Client { return &http.Client{Transport: transport{e}} }

// Close ends running queries, waits for running writes, closes the files and
// frees the folder. Requests after it fail with ErrClosed. A second Close does
// nothing.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	e.mu.Unlock()

	close(e.closing)
	err := e.exec.Close()
	e.running.Wait()
	e.use.Lock() // a mend that runs now ends first; a later one finds it closed
	defer e.use.Unlock()
	// The writer goes before the store, so that it never writes to closed files.
	err = errors.Join(err, e.points.Close(), e.store.Close(), e.meta.Close(), e.lock.Close())
	if err != nil {
		return fmt.Errorf("engine: close: %w", err)
	}
	return nil
}

// enter counts a request in; when it returns nil, leave must follow.
func (e *Engine) enter() error {
	e.use.RLock()
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		e.use.RUnlock()
		return ErrClosed
	}
	if e.down.Load() {
		e.use.RUnlock()
		return errDown
	}
	e.running.Add(1)
	return nil
}

func (e *Engine) leave() {
	e.running.Done()
	e.use.RUnlock()
}
