package main

import (
	"fmt"
	"syscall"

	firmwaresim "buurtmeter/firmware-sim"
)

// spareFiles is what the program has open beside a connection per device.
const spareFiles = 64

// connected is how many of the devices keep a connection open. Those that post
// over HTTP open one for a moment; a tenth of them at the same time is far more
// than there are.
func connected(devices []firmwaresim.Device) (n int) {
	posting := 0
	for _, d := range devices {
		if d.Topic() == "" {
			posting++
		}
	}
	return len(devices) - posting + posting/10
}

// roomFor makes sure that the process may have a connection open for each of n
// devices. Go has raised the soft limit to the hard one; only an administrator
// goes further.
func roomFor(n int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	want := uint64(n + spareFiles)
	if uint64(limit.Cur) >= want {
		return nil
	}
	raised := limit
	raised.Cur, raised.Max = max(raised.Cur, want), max(raised.Max, want)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised); err != nil {
		return fmt.Errorf("%d devices need as many open files, and this user may have %d: raise the limit (ulimit -n) or use fewer stations", n, limit.Max)
	}
	return nil
}
