package wal

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// presizedFS gives a new WAL file its whole size at once. A file that grows has its new size written to the file
// system's journal at every sync, which takes half as long again (measured on ext4). Pebble reads the zeros at the end
// as such, and uses a file of that size again and again.
type presizedFS struct {
	vfs.FS
	bytes int64
}

// Create creates the file. That it could not be given its size is no error: it grows then.
func (fs presizedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	if err == nil && strings.HasSuffix(name, ".log") && f.Fd() != vfs.InvalidFd {
		presize(f.Fd(), fs.bytes)
	}
	return f, err
}

// Unwrap lets Pebble find the file system below.
func (fs presizedFS) Unwrap() vfs.FS { return fs.FS }
