package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program that was started for a measurement.
type process struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{}
	said  *words
}

// words is what a program printed.
type words struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write is part of io.Writer.
func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// spawn starts a program and waits until it prints ready (empty: not at all).
// Whoever starts it stops it.
func spawn(ctx context.Context, name, ready, path string, args ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(path, args...), ended: make(chan struct{}), said: &words{}} //nolint:gosec,noctx // stopped by stop
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	err := p.await(ctx, "prints "+strconv.Quote(ready), func() bool { return strings.Contains(p.said.String(), ready) })
	if err != nil {
		p.stop(syscall.SIGKILL)
		return nil, err
	}
	return p, nil
}

// await waits until ok, for a minute, or until the program ends.
func (p *process) await(ctx context.Context, what string, ok func() bool) error {
	late := time.After(time.Minute)
	for !ok() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ended:
			return fmt.Errorf("%s ended early:\n%s", p.name, p.said)
		case <-late:
			return fmt.Errorf("%s: waited a minute until it %s:\n%s", p.name, what, p.said)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// stop ends the program with the signal and waits until it is gone; after 30 s
// it is killed.
func (p *process) stop(sig syscall.Signal) {
	_ = p.cmd.Process.Signal(sig)
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// cpu is the CPU time that the program has used, user and system.
func (p *process) cpu() (time.Duration, error) {
	used, err := cpuOf(p.cmd.Process.Pid)
	if err != nil {
		return 0, fmt.Errorf("CPU of %s: %w", p.name, err)
	}
	return used, nil
}

// cpuOf is the CPU time of a process, user and system.
func cpuOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name in parentheses may hold spaces; what follows is regular. utime and
	// stime are fields 14 and 15 of the whole, in hundredths of a second.
	_, rest, _ := bytes.Cut(text, []byte(") "))
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return 0, errors.New("/proc/…/stat is not as expected")
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// peak is the largest resident memory so far, in bytes.
func (p *process) peak() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", p.name, err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kb int64
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		return 0, fmt.Errorf("memory of %s: %w", p.name, err)
	}
	return kb << 10, nil
}

// settle waits until the program does next to nothing, so that work that it put
// off is counted too, and returns its CPU time.
func (p *process) settle(ctx context.Context) (time.Duration, error) {
	for range 120 {
		before, err := p.cpu()
		if err != nil {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(time.Second):
		}
		after, err := p.cpu()
		if err != nil {
			return 0, err
		}
		if after-before <= 30*time.Millisecond {
			return before, nil
		}
	}
	return 0, errors.New(p.name + " is still busy two minutes after the last message")
}

// freeAddr returns a port of the loopback that was free a moment ago.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed on the next line
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
