package datadir

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// readOnlyFS is the file system that Verify works on. Nothing can be changed through it, not even by Pebble.
type readOnlyFS struct{ vfs.FS }

// ReadOnly returns a file system through which nothing can be changed.
func ReadOnly(fs vfs.FS) vfs.FS { return readOnlyFS{fs} }

// noWrites is the error of every operation that would change something.
func noWrites(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: syscall.EROFS} }

// Create implements vfs.FS.
func (readOnlyFS) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, noWrites("create", name)
}

// OpenReadWrite implements vfs.FS.
func (readOnlyFS) OpenReadWrite(name string, _ vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return nil, noWrites("open", name)
}

// ReuseForWrite implements vfs.FS.
func (readOnlyFS) ReuseForWrite(_, to string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, noWrites("rename", to)
}

// Link implements vfs.FS.
func (readOnlyFS) Link(_, to string) error { return noWrites("link", to) }

// Rename implements vfs.FS.
func (readOnlyFS) Rename(_, to string) error { return noWrites("rename", to) }

// Remove implements vfs.FS.
func (readOnlyFS) Remove(name string) error { return noWrites("remove", name) }

// RemoveAll implements vfs.FS.
func (readOnlyFS) RemoveAll(name string) error { return noWrites("remove", name) }

// MkdirAll implements vfs.FS.
func (readOnlyFS) MkdirAll(dir string, _ os.FileMode) error { return noWrites("mkdir", dir) }

// Unwrap implements vfs.FS.
func (r readOnlyFS) Unwrap() vfs.FS { return r.FS }

// Lock excludes servers, but not other readers. A missing lock file need not be created: no server has the directory
// open.
func (r readOnlyFS) Lock(name string) (io.Closer, error) {
	if r.FS != vfs.Default {
		return r.FS.Lock(name)
	}
	lock, err := lockShared(name)
	if errors.Is(err, fs.ErrNotExist) {
		return io.NopCloser(nil), nil
	}
	return lock, err
}
