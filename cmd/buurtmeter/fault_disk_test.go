package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/porttest"
	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/engine"
)

// smallDisk mounts a file system of a few megabytes. It needs root; without it
// the test is skipped and says so, or fails where no check may be skipped.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	skip := t.Skipf
	if os.Getenv("BUURTMETER_REQUIRE_MACHINE") == "1" {
		skip = t.Fatalf
	}
	if os.Geteuid() != 0 {
		skip("DISK FULL IS NOT TESTED: mounting a small file system needs root")
	}
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		skip("DISK FULL IS NOT TESTED: this machine does not let us mount a small file system: %v: %s", err, out)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// ballast fills the disk to the last byte and returns what makes room again.
func ballast(t *testing.T, dir string) (release func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	require.NoError(t, err)
	for block := make([]byte, 64<<10); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			block = block[:len(block)/2]
		}
	}
	require.NoError(t, f.Close())
	return func() { require.NoError(t, os.Remove(path)) }
}

// TestFaultDiskFull fills the disk under the embedded stores while stations
// publish: what is not stored is not acknowledged, /readyz says so, and when
// there is room again everything goes on by itself.
func TestFaultDiskFull(t *testing.T) {
	disk := smallDisk(t, "48m")
	data := filepath.Join(disk, "data")
	require.NoError(t, os.MkdirAll(data, 0o700))
	port := porttest.Addr(t)
	f := newFlock("mqtt://"+port, enrolFlock(t, "sqlite:"+filepath.Join(data, "register.db")))
	for round := range rounds(t) {
		c := startChild(t, "serve", "--data", data, "--http", "127.0.0.1:0", "--mqtt-listen", port)
		f.start()
		time.Sleep(randomPause())
		release := ballast(t, disk)
		readyz(t, c, 503)
		full := f.total()
		time.Sleep(2 * time.Second)
		during := f.total() - full
		release()
		readyz(t, c, 200)
		after := f.total()
		require.Eventually(t, func() bool { return f.total() > after+faultStations }, time.Minute, 50*time.Millisecond, "it does not go on: %s", c.log)
		c.kill()
		f.halt()
		missing, extra := countIn(t, f, data)
		t.Logf("disk full, round %d: acknowledged %d (%d of them while it was full), missing %d, extra %d", round+1, f.total(), during, missing, extra)
		require.Zero(t, missing)
		require.Zero(t, extra)
	}
}

// readyz waits until /readyz answers the status.
func readyz(t *testing.T, c *child, status int) {
	t.Helper()
	require.Eventually(t, func() bool {
		got, _, _ := get(t, "http://"+c.http+"/readyz", "")
		return got == status
	}, time.Minute, 100*time.Millisecond, "/readyz does not become %d: %s", status, c.log)
}

// countIn compares what was published with the files of a program that ended.
func countIn(t *testing.T, f *flock, data string) (missing, extra int) {
	t.Helper()
	e, err := engine.Open(filepath.Join(data, "influx"), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close()) }()
	s, err := series.Open(t.Context(), series.Options{URL: engine.URL, HTTPClient: e.HTTPClient()})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	return f.count(t, s)
}
