package wal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// orderedFS syncs the directory when a MANIFEST was created. Pebble creates a MANIFEST, then the marker file that names
// it, and only then syncs the directory, so a file system that does not keep the order of names could come back from a
// crash with the marker and without the MANIFEST: a log that cannot be opened. It costs one more sync at each Open.
type orderedFS struct{ vfs.FS }

// OrderedFS gives a Pebble database the file system with that order kept. The log has it by itself; it is for the other
// databases of a data directory.
func OrderedFS(fs vfs.FS) vfs.FS { return orderedFS{fs} }

// Create creates the file, and makes its name durable if it is a MANIFEST.
func (fs orderedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	if err != nil || !strings.HasPrefix(fs.PathBase(name), "MANIFEST") {
		return f, err
	}
	if err := fs.syncDirectory(fs.PathDir(name)); err != nil {
		return nil, errors.Join(fmt.Errorf("wal: make the name %s durable: %w", name, err), f.Close())
	}
	return f, nil
}

// Unwrap lets Pebble find the file system below.
func (fs orderedFS) Unwrap() vfs.FS { return fs.FS }

func (fs orderedFS) syncDirectory(path string) error {
	dir, err := fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
