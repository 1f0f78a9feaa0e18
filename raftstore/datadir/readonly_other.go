//go:build !unix

package raftstore

import (
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// lockShared takes the exclusive lock on systems without shared ones.
func lockShared(name string) (io.Closer, error) {
	if _, err := vfs.Default.Stat(name); err != nil {
		return nil, err
	}
	return vfs.Default.Lock(name)
}
