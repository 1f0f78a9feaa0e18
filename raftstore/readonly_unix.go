//go:build unix

package raftstore

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// lockShared takes the lock that excludes the one that vfs.Default takes, and for which the file need not be writable.
func lockShared(name string) (io.Closer, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	lock := syscall.Flock_t{Type: syscall.F_RDLCK, Whence: io.SeekStart}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &lock); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
