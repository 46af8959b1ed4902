package register

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// connections bounds what one process takes of the server's connections.
const connections = 16

func (r *Register) openPostgres(ctx context.Context, dsn string) error {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		// pgx leaves the password out of this error.
		return fmt.Errorf("address of the PostgreSQL server: %w", err)
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "buurtmeter"
	}
	// A server may be set to answer before the disk has it. A mark of a dirty
	// hour that is acknowledged must be there after a crash.
	config.RuntimeParams["synchronous_commit"] = "on"
	r.dialect = PostgreSQL
	r.db = stdlib.OpenDB(*config)
	r.db.SetMaxOpenConns(connections)
	r.db.SetMaxIdleConns(connections / 2)
	r.db.SetConnMaxIdleTime(5 * time.Minute)
	r.reads = r.db
	if err := r.db.PingContext(ctx); err != nil {
		return errors.Join(fmt.Errorf("PostgreSQL server %s:%d does not answer: %w", config.Host, config.Port, err), r.Close())
	}
	return nil
}

// migrationLock is the key of the advisory lock that keeps two processes from
// migrating one database at the same time.
const migrationLock = 0x6275757274 // "buurt"

// lockDatabase waits for the lock. It belongs to one connection and goes with
// it.
func lockDatabase(ctx context.Context, db *sql.DB) (unlock func(), err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock the database for migration: %w", err)
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, migrationLock); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the database for migration: %w", err), conn.Close())
	}
	return func() {
		// The caller's context may be over; the lock must go all the same.
		free, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := conn.ExecContext(free, `SELECT pg_advisory_unlock($1)`, migrationLock); err != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // drops it, and the lock with it
		}
		_ = conn.Close()
	}, nil
}
