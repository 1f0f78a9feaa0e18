//go:build !unix

package raftstore

import (
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// lockShared takes the lock for this process alone where there are no shared ones.
func lockShared(name string) (io.Closer, error) {
	if _, err := vfs.Default.Stat(name); err != nil {
		return nil, err
	}
	return vfs.Default.Lock(name)
}
