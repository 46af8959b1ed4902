package register

import (
	"errors"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Dialect is the kind of database behind a Register. SQL texts are the same for
// both: $1 placeholders, ON CONFLICT, RETURNING, row values and casts to TEXT
// and BIGINT mean the same. What differs has a name in this file.
type Dialect uint8

// The dialects.
const (
	SQLite Dialect = iota + 1
	PostgreSQL
)

// String returns the name of the database: "SQLite" or "PostgreSQL".
func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "SQLite"
	case PostgreSQL:
		return "PostgreSQL"
	default:
		return "unknown database"
	}
}

func (d Dialect) goose() goose.Dialect {
	if d == PostgreSQL {
		return goose.DialectPostgres
	}
	return goose.DialectSQLite3
}

// BlobType is the column type for bytes, also for use in CAST.
func (d Dialect) BlobType() string {
	if d == PostgreSQL {
		return "BYTEA"
	}
	return "BLOB"
}

// placeholder is the n-th placeholder, from 1, of a statement with hundreds of
// them. $n works in SQLite too, but it finds such names by a linear search:
// measured, 512 rows of three cost four times as much.
func (d Dialect) placeholder(n int) string {
	if d == PostgreSQL {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}

// words are the terms that a migration writes in double braces:
//
//	{{key}}        text that is compared and ordered by its bytes. In PostgreSQL
//	               the order of plain text follows the locale of the server.
//	{{blob}}       bytes
//	{{clustered}}  after a table: keep the rows in the order of the primary key.
//	               SQLite only; it halves the writes of small rows.
func (d Dialect) words() *strings.Replacer {
	if d == PostgreSQL {
		return strings.NewReplacer("{{key}}", `TEXT COLLATE "C"`, "{{blob}}", d.BlobType(), "{{clustered}}", "")
	}
	return strings.NewReplacer("{{key}}", "TEXT", "{{blob}}", d.BlobType(), "{{clustered}}", " WITHOUT ROWID")
}

// transient reports whether the same transaction may succeed when it is tried
// again at once: a deadlock or serialisation failure in PostgreSQL, a busy file
// in SQLite. After such an error nothing of the transaction is stored.
func (d Dialect) transient(err error) bool {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return pg.Code == "40P01" || pg.Code == "40001"
	}
	if lite := (*sqlite.Error)(nil); errors.As(err, &lite) {
		return lite.Code()&0xff == sqlite3.SQLITE_BUSY
	}
	return false
}
