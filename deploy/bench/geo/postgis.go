package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb/encoding/wkb"
)

// postgis measures the usual query, a join by ST_Contains with a GiST index on
// the areas, in a server of our own. The time is that of the server's process.
func (b *bench) postgis(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "buurtmeter-bench-geo")
	if err != nil {
		return fmt.Errorf("temporary folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	conn, stop, err := startPostgres(ctx, dir)
	if err != nil {
		return err
	}
	defer stop()
	var version string
	for _, q := range []string{
		`CREATE EXTENSION postgis`, `SET max_parallel_workers_per_gather = 0`, `SET jit = off`,
		`CREATE TABLE loaded (number bigint, shape bytea)`, `CREATE TABLE point (kind int, lon float8, lat float8)`,
	} {
		if _, err := conn.Exec(ctx, q); err != nil {
			return fmt.Errorf("%s: %w (run deploy/test-deps.sh postgis)", q, err)
		}
	}
	if err := conn.QueryRow(ctx, `SELECT postgis_lib_version()`).Scan(&version); err != nil {
		return fmt.Errorf("version of PostGIS: %w", err)
	}
	if err := b.load(ctx, conn); err != nil {
		return err
	}
	begin, err := backendTime(conn)
	if err != nil {
		return err
	}
	for _, q := range []string{
		`CREATE TABLE area AS SELECT number, ST_GeomFromWKB(shape, 4326) AS shape FROM loaded`, `CREATE INDEX ON area USING gist (shape)`,
		`CREATE TABLE place AS SELECT kind, ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS at FROM point`, `VACUUM ANALYZE area`, `VACUUM ANALYZE place`,
	} {
		if _, err := conn.Exec(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	end, err := backendTime(conn)
	if err != nil {
		return err
	}
	name := "PostGIS " + version
	b.printf("%-24s build %.3f s\n", name, (end - begin).Seconds())
	for i := range b.sets {
		s := &b.sets[i]
		var found answer
		if begin, err = backendTime(conn); err != nil {
			return err
		}
		// The lowest of each point, as ours, where areas overlap.
		err = conn.QueryRow(ctx, `SELECT count(number), coalesce(sum(number), 0)::bigint FROM place CROSS JOIN LATERAL
			(SELECT min(number) AS number FROM area WHERE ST_Contains(shape, at)) AS a WHERE kind = $1`, i).Scan(&found.inside, &found.sum)
		if err != nil {
			return fmt.Errorf("ST_Contains: %w", err)
		}
		if end, err = backendTime(conn); err != nil {
			return err
		}
		if err := b.peer(name, s, nanoseconds(end-begin, len(s.points)), found); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) load(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.CopyFrom(ctx, pgx.Identifier{"loaded"}, []string{"number", "shape"}, pgx.CopyFromSlice(len(b.areas), func(i int) ([]any, error) {
		shape, err := wkb.Marshal(b.areas[i].Geometry)
		return []any{int64(i + 1), shape}, err
	}))
	for kind := 0; err == nil && kind < len(b.sets); kind++ {
		points := b.sets[kind].points
		_, err = conn.CopyFrom(ctx, pgx.Identifier{"point"}, []string{"kind", "lon", "lat"}, pgx.CopyFromSlice(len(points), func(i int) ([]any, error) {
			return []any{int32(kind), points[i][0], points[i][1]}, nil
		}))
	}
	if err != nil {
		return fmt.Errorf("load PostgreSQL: %w", err)
	}
	return nil
}

// backendTime is the CPU time of the server's process for the connection.
func backendTime(conn *pgx.Conn) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", conn.PgConn().PID()))
	if err != nil {
		return 0, fmt.Errorf("CPU of PostgreSQL: %w", err)
	}
	// The name in parentheses may hold spaces; what follows is regular. utime and
	// stime are fields 14 and 15 of the whole, in hundredths of a second.
	_, rest, _ := bytes.Cut(text, []byte(") "))
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return 0, errors.New("/proc/…/stat is not as expected")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2)
}

// startPostgres starts a server in the folder and connects to it.
func startPostgres(ctx context.Context, dir string) (conn *pgx.Conn, stop func(), err error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return nil, nil, errors.New("PostgreSQL is not here: run 'deploy/test-deps.sh postgis'")
	}
	bin := filepath.Dir(found[len(found)-1])
	attr, err := serverUser(dir)
	if err != nil {
		return nil, nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata", data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync") //nolint:gosec // found above
	initdb.Dir, initdb.SysProcAttr = dir, attr
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, nil, err
	}
	said := &bytes.Buffer{}
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", port, //nolint:gosec,noctx // found above; stopped by stop
		"-c", "unix_socket_directories=", "-c", "shared_buffers=512MB", "-c", "autovacuum=off", "-c", "fsync=off")
	server.Dir, server.SysProcAttr, server.Stdout, server.Stderr = dir, attr, said, said
	if err := server.Start(); err != nil {
		return nil, nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = server.Wait()
		close(ended)
	}()
	halt := func() {
		_ = server.Process.Signal(syscall.SIGINT) // what PostgreSQL calls a fast shutdown
		<-ended
	}
	late := time.After(time.Minute)
	for {
		conn, err = pgx.Connect(ctx, "postgres://postgres@127.0.0.1:"+port+"/postgres")
		if err == nil {
			return conn, func() {
				_ = conn.Close(context.WithoutCancel(ctx))
				halt()
			}, nil
		}
		select {
		case <-ended:
			return nil, nil, fmt.Errorf("PostgreSQL ended early:\n%s", said)
		case <-ctx.Done():
			halt()
			return nil, nil, ctx.Err()
		case <-late:
			halt()
			return nil, nil, fmt.Errorf("waited a minute for PostgreSQL: %w\n%s", err, said)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// serverUser gives the folder to the user "postgres" when we are root, because
// the server refuses to run as root.
func serverUser(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(dir, int(uid), int(gid))
}

func freePort(ctx context.Context) (string, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
