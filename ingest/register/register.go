package register

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"buurtmeter/ingest"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options tunes a Register. The zero value is usable.
type Options struct {
	// MaxRejects bounds the rows of rejected messages, a tenth of it those of one
	// station; the oldest make room. 0 means 50,000.
	MaxRejects int
	// MaxRejectPayload bounds the bytes kept of a rejected message. 0 means
	// 1 MiB, a whole message of the largest size.
	MaxRejectPayload int
	// Now is the clock; nil means time.Now. It also ages the cache of logins.
	Now func() time.Time
	// Log receives warnings; nil means none.
	Log *slog.Logger
	// OnlyJudge says that no other process calls DirtyHours on the database. Then
	// MarkDirty stores no mark that is there already and was not asked for since.
	OnlyJudge bool
}

func (o Options) withDefaults() Options {
	if o.MaxRejects <= 0 {
		o.MaxRejects = 50_000
	}
	if o.MaxRejectPayload <= 0 {
		o.MaxRejectPayload = 1 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Register is an open store. It is safe for use by several goroutines, and
// several processes may hold a Register on the same database. Every call that
// changes something returns after the commit; when it returns an error, nothing
// of the call is stored (unless the connection broke during the commit itself,
// in which case either may hold).
type Register struct {
	options Options
	dialect Dialect
	// db takes writes. In SQLite it is a single connection, so that writers of
	// this process wait in line in Go instead of polling a busy file.
	db *sql.DB
	// reads takes queries. In PostgreSQL it is db.
	reads *sql.DB
	// path is the SQLite file; empty for PostgreSQL.
	path   string
	logins *loginCache
	// standing is used with Options.OnlyJudge.
	standing standing
	// logged counts the rows that went to the mark log.
	logged atomic.Uint64
	// logMark stores one row in it.
	logMark *sql.Stmt
}

var (
	_ ingest.Stations = (*Register)(nil)
	_ ingest.Ledger   = (*Register)(nil)
	_ ingest.Blocks   = (*Register)(nil)

	_ ingest.Withdrawals = (*Register)(nil)
	_ ingest.Lifts       = (*Register)(nil)
	_ ingest.Network     = (*Register)(nil)

	_ ingest.AssessmentStore = (*Register)(nil)
)

// Open opens the register at dsn, "sqlite:PATH" or "postgres://…", and brings
// its tables up to date. A SQLite file that does not exist is made, readable
// for its owner only; its folder must exist.
func Open(ctx context.Context, dsn string, o Options) (*Register, error) {
	r := &Register{options: o.withDefaults()}
	r.logins = newLoginCache(r.options.Now)
	var err error
	scheme, rest, _ := strings.Cut(dsn, ":")
	switch scheme {
	case "sqlite":
		err = r.openSQLite(ctx, rest)
	case "postgres", "postgresql":
		err = r.openPostgres(ctx, dsn)
	default:
		// The text may hold a password, so the error does not repeat it.
		err = errors.New(`the address of a register is "sqlite:PATH" or "postgres://user:password@host/database"`)
	}
	if err != nil {
		return nil, fmt.Errorf("open register: %w", err)
	}
	own, err := fs.Sub(migrations, "migrations")
	if err == nil {
		err = r.Migrate(ctx, "register", own)
	}
	if err == nil {
		// Every commit of readings does this twice, and reading the text took as
		// long as carrying it out.
		r.logMark, err = r.db.PrepareContext(ctx, `INSERT INTO mark_log (token, hours) VALUES ($1, $2)`)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open register: %w", err), r.Close())
	}
	return r, nil
}

// Close releases the connections. Calls that are under way fail.
func (r *Register) Close() error {
	var err error
	if r.logMark != nil {
		err = r.logMark.Close()
	}
	if r.reads != nil && r.reads != r.db {
		err = errors.Join(err, r.reads.Close())
	}
	if r.db != nil {
		err = errors.Join(err, r.db.Close())
	}
	if err != nil {
		return fmt.Errorf("close register: %w", err)
	}
	return nil
}

// Ping asks the database for an answer, for readiness checks.
func (r *Register) Ping(ctx context.Context) error {
	var one int
	if err := r.reads.QueryRowContext(ctx, `SELECT 1`).Scan(&one); err != nil {
		return fmt.Errorf("the %s register does not answer: %w", r.dialect, err)
	}
	return nil
}

// DB returns the handle that reads and writes, for packages that own tables
// over the same connection. In SQLite it is a single connection: never call it
// while holding open rows of it, nor inside InTx. For plain queries use ReadDB.
func (r *Register) DB() *sql.DB { return r.db }

// ReadDB returns a handle for queries only. It sees everything committed.
func (r *Register) ReadDB() *sql.DB { return r.reads }

// Dialect tells which database is behind the register.
func (r *Register) Dialect() Dialect { return r.dialect }

// InTx runs fn in a write transaction and commits when fn returns nil. In
// SQLite the transaction holds the only writing connection: fn must use tx
// alone and must not wait for the network. The error of fn is returned as it
// is.
func (r *Register) InTx(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // no effect after a commit
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// write is InTx for the register's own tables: it tries again after a deadlock,
// so fn may run more than once.
func (r *Register) write(ctx context.Context, what string, fn func(*sql.Tx) error) error {
	return r.again(ctx, what, func() error { return r.InTx(ctx, fn) })
}

// again calls fn, which is one transaction, until that does not fail by bad
// luck.
func (r *Register) again(ctx context.Context, what string, fn func() error) error {
	const attempts = 5
	for n := 1; ; n++ {
		err := fn()
		if err == nil {
			return nil
		}
		if n == attempts || !r.dialect.transient(err) {
			return fmt.Errorf("%s: %w", what, err)
		}
		r.options.Log.LogAttrs(ctx, slog.LevelWarn, "register transaction is tried again",
			slog.String("what", what), slog.Int("attempt", n), slog.Any("error", err))
		pause := time.NewTimer(time.Duration(n) * 20 * time.Millisecond)
		select {
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case <-pause.C:
		}
	}
}

// nowMs is the clock in the form in which times are stored.
func (r *Register) nowMs() int64 { return r.options.Now().UnixMilli() }

func timeOf(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// storable makes free text fit for both databases: valid UTF-8, without NUL
// (which PostgreSQL refuses), at most limit bytes.
func storable(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
