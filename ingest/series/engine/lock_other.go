//go:build !unix

package engine

import (
	"errors"
	"os"
)

// acquire refuses: without a lock that a crash frees, two processes could
// destroy each other's files.
func acquire(string) (*os.File, error) {
	return nil, errors.New("the embedded raw store needs Linux, macOS or another Unix: use an InfluxDB server on this system")
}
