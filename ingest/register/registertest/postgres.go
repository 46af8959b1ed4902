package registertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"buurtmeter/ingest/porttest"
)

// RequireServers is the environment variable that, set to 1, makes a test fail
// instead of being skipped when a server that it needs is not installed.
const RequireServers = "BUURTMETER_REQUIRE_SERVERS"

// cluster is the PostgreSQL cluster of this test binary, and what went wrong
// when it was started.
type cluster struct {
	start sync.Once
	// host is the address, kept by held until the test binary ends.
	host string
	held func()
	dbs  int
	mu   sync.Mutex
	err  error
	// lifeline is held open: when the test binary ends, however it ends, the
	// shell at the other end stops the server and removes its folder.
	lifeline io.WriteCloser
}

// One cluster serves all tests of a test binary: making one takes a second.
var shared cluster

var errNotInstalled = errors.New("PostgreSQL is not installed: apt-get install postgresql")

// Postgres returns the address of a new, empty database in a real PostgreSQL
// cluster that belongs to this test binary alone, with fsync on. The cluster
// listens on 127.0.0.1 only, lives in a temporary folder, and goes when the
// test binary ends. Without PostgreSQL on the machine the test is skipped, or
// fails when RequireServers is 1.
func Postgres(t testing.TB) (dsn string) {
	t.Helper()
	shared.start.Do(func() { shared.err = shared.run() })
	if errors.Is(shared.err, errNotInstalled) && os.Getenv(RequireServers) != "1" {
		t.Skip(shared.err)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	dsn, err := shared.create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

func (c *cluster) address(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User("postgres"), Host: c.host,
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

func (c *cluster) create(ctx context.Context) (dsn string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn, err := pgx.Connect(ctx, c.address("postgres"))
	if err != nil {
		return "", fmt.Errorf("PostgreSQL cluster of the tests: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	c.dbs++
	name := "test" + strconv.Itoa(c.dbs)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("PostgreSQL cluster of the tests: %w", err)
	}
	return c.address(name), nil
}

func (c *cluster) run() error {
	bin, err := serverFolder()
	if err != nil {
		return err
	}
	// Twice: another process may take the free port before the server does.
	for range 2 {
		if err = c.launch(bin); err == nil {
			return nil
		}
	}
	return fmt.Errorf("start PostgreSQL for the tests: %w", err)
}

func (c *cluster) launch(bin string) error {
	folder, err := os.MkdirTemp("", "buurtmeter-postgres-")
	if err != nil {
		return err
	}
	attr, err := asServerUser(folder)
	if err == nil {
		err = initialise(bin, folder, attr)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	return c.serve(bin, folder, attr)
}

// serverFolder finds initdb and postgres: in the PATH, or where Debian and
// Homebrew keep them, the highest version first.
func serverFolder() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	best, version := "", 0.0
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		folders, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		for _, f := range folders {
			var v float64
			name := filepath.Base(filepath.Dir(f))
			for i := range name {
				if n, err := strconv.ParseFloat(name[i:], 64); err == nil {
					v = n
					break
				}
			}
			if _, err := os.Stat(filepath.Join(f, "initdb")); err == nil && v >= version {
				best, version = f, v
			}
		}
	}
	if best == "" {
		return "", errNotInstalled
	}
	return best, nil
}

// asServerUser gives the folder to the user "postgres" when the tests run as
// root, because the server refuses to run as root.
func asServerUser(folder string) (*syscall.SysProcAttr, error) {
	// A group of its own: an interrupt at the keyboard ends the tests, and the
	// lifeline then ends the server.
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w (PostgreSQL does not run as root)", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(folder, int(uid), int(gid))
}

func initialise(bin, folder string, attr *syscall.SysProcAttr) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata", filepath.Join(folder, "data"),
		"--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	cmd.Dir, cmd.SysProcAttr = folder, attr
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// script runs the server until its standard input closes, which happens when
// the test binary ends. The server is asked to stop at once: its data go too.
const script = `trap '' INT TERM HUP
"$1/postgres" -D "$2/data" -h 127.0.0.1 -p "$3" -c unix_socket_directories= -c fsync=on \
	-c shared_buffers=32MB -c max_connections=200 >>"$2/log" 2>&1 </dev/null &
pid=$!
cat >/dev/null
kill -QUIT $pid 2>/dev/null
wait $pid
rm -rf "$2"`

func (c *cluster) serve(bin, folder string, attr *syscall.SysProcAttr) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	addr, held, err := porttest.Reserve()
	if err != nil {
		return err
	}
	c.host, c.held = addr, held
	// Not CommandContext: the server outlives this function.
	cmd := exec.Command("/bin/sh", "-c", script, "sh", bin, folder, addr[len("127.0.0.1:"):]) //nolint:noctx // see above
	cmd.Dir, cmd.SysProcAttr = folder, attr
	if c.lifeline, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	for {
		err := c.answers(ctx, folder)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(folder, "log"))
			return errors.Join(fmt.Errorf("the server does not answer: %w\n%s", err, log), c.lifeline.Close())
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// answers checks that our server answers, not another one on the same port.
func (c *cluster) answers(ctx context.Context, folder string) error {
	conn, err := pgx.Connect(ctx, c.address("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var data string
	if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&data); err != nil {
		return err
	}
	if data != filepath.Join(folder, "data") {
		return fmt.Errorf("another server took %s", c.host)
	}
	return nil
}
