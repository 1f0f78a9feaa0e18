//go:build unix

package datadir

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// lockShared takes a shared lock. It excludes the lock of vfs.Default, and the file need not be writable.
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
