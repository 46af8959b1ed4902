package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
)

// readers is the number of connections for queries on a SQLite file.
const readers = 8

func (r *Register) openSQLite(ctx context.Context, path string) error {
	if path == "" || strings.Contains(path, ":memory:") || strings.ContainsRune(path, 0) {
		return errors.New(`give the path of a file, as in "sqlite:data/register.db"`)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("SQLite file: %w", err)
	}
	r.dialect, r.path = SQLite, path
	unlock, err := lockFolder(ctx, filepath.Dir(path))
	if err != nil {
		return err
	}
	defer unlock()
	if err := ownFile(path); err != nil {
		return err
	}
	if r.db, err = sql.Open("sqlite", sqliteDSN(path, "_txlock=immediate")); err != nil {
		return fmt.Errorf("SQLite file %s: %w", path, err)
	}
	r.db.SetMaxOpenConns(1)
	if r.reads, err = sql.Open("sqlite", sqliteDSN(path, "_pragma=query_only(1)")); err != nil {
		return errors.Join(fmt.Errorf("SQLite file %s: %w", path, err), r.Close())
	}
	r.reads.SetMaxOpenConns(readers)
	r.reads.SetMaxIdleConns(readers)
	// The writer goes first: it turns a new file into a WAL database.
	for _, db := range []*sql.DB{r.db, r.reads} {
		if err := db.PingContext(ctx); err != nil {
			return errors.Join(fmt.Errorf("SQLite file %s cannot be used: %w (is it another kind of file, or is the disk full?)", path, err), r.Close())
		}
	}
	return nil
}

// sqliteDSN escapes the path and adds the pragmas, which SQLite keeps per
// connection. synchronous=FULL: an acknowledged mark of a dirty hour must
// survive a power cut, not only a crash of the process. secure_delete: what is
// deleted is overwritten with zeros, the position of a home first of all.
func sqliteDSN(path, option string) string {
	u := url.URL{Scheme: "file", Path: path}
	return u.String() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_pragma=journal_size_limit(67108864)&" + option
}

// ownFile makes the file when it is absent and takes away the access of others:
// it holds the positions of homes. SQLite gives its -wal and -shm files the same
// mode. An existing file is not opened here, because closing it would release
// the locks that SQLite holds on it elsewhere in this process.
func ownFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the operator names the file
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("SQLite file: %w (make the folder first, and let this user write in it)", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("SQLite file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(path, info.Mode().Perm()&0o700); err != nil {
			return fmt.Errorf("SQLite file is open to others and holds positions of homes: %w (run chmod 600 on it)", err)
		}
	}
	return nil
}

// lockFolder waits until no other process or Register makes or migrates a
// database in the folder. The lock goes with the process, however that ends.
func lockFolder(ctx context.Context, folder string) (unlock func(), err error) {
	f, err := os.Open(folder) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, fmt.Errorf("folder of the SQLite file: %w (make it first)", err)
	}
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock folder %s: %w (put the register on a local disk)", folder, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("wait for another process that migrates in %s: %w", folder, ctx.Err()), f.Close())
		case <-retry.C:
		}
	}
}
