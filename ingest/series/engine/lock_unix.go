//go:build unix

package engine

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// acquire takes the folder's lock. The kernel frees it when the process ends,
// in whatever way, so a lock file left behind by a crash locks nothing.
func acquire(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own data folder
	if err != nil {
		return nil, fmt.Errorf("open the lock file (check the owner of the folder): %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	return nil, errors.Join(err, f.Close())
}
