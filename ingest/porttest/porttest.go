// Package porttest gives out addresses of the loopback to servers that tests
// start, and restart, as processes.
package porttest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ports are taken from below the range from which an operating system gives out
// ports by itself (32768 on Linux, 49152 elsewhere): an outgoing connection of
// any program on the machine would otherwise take the port while the server is
// down, or before it is up.
const first, last = 20_000, 32_000

// Addr returns "127.0.0.1:port" of a port that is free, and that no other test
// on this machine gets before this one has ended.
func Addr(t testing.TB) string {
	t.Helper()
	addr, release, err := Reserve()
	require.NoError(t, err)
	t.Cleanup(release)
	return addr
}

// Reserve is Addr for servers that outlive a test. The port is given back by
// release, or when the process ends.
func Reserve() (addr string, release func(), err error) {
	folder := filepath.Join(os.TempDir(), "buurtmeter-ports")
	if err := os.MkdirAll(folder, 0o777); err != nil { //nolint:gosec // tests of several users share it
		return "", nil, fmt.Errorf("reserve a port: %w", err)
	}
	for range 1000 {
		port := strconv.Itoa(first + rand.IntN(last-first))                                 //nolint:gosec // no secret
		lock, err := os.OpenFile(filepath.Join(folder, port), os.O_CREATE|os.O_RDWR, 0o666) //nolint:gosec // as above
		if err != nil {
			return "", nil, fmt.Errorf("reserve a port: %w", err)
		}
		addr := net.JoinHostPort("127.0.0.1", port)
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && free(addr) {
			return addr, func() { _ = lock.Close() }, nil
		}
		_ = lock.Close()
	}
	return "", nil, fmt.Errorf("no port between %d and %d is free", first, last)
}

func free(addr string) bool {
	l, err := net.Listen("tcp", addr) //nolint:noctx // returns at once
	if err != nil {
		return false
	}
	return l.Close() == nil
}
