package wal

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// watchedFS ends the process in order when one WAL file cannot be closed and the next one begun. Pebble panics then
// with a mutex unlocked that a deferred call unlocks again, which ends the program with exit status 2 and without the
// cause. So the end has to come before that panic, from within the calls that Pebble makes: here, when a file is closed
// of which something could not be written, and in the event of a file that could not be created (see eventListener).
type watchedFS struct {
	vfs.FS
	log *Log
}

// Create creates the file.
func (fs watchedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	return fs.watch(f, name), err
}

// ReuseForWrite renames a file that is no longer needed, to be written over.
func (fs watchedFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(from, to, category)
	return fs.watch(f, to), err
}

// Unwrap lets Pebble find the file system below.
func (fs watchedFS) Unwrap() vfs.FS { return fs.FS }

func (fs watchedFS) watch(f vfs.File, name string) vfs.File {
	if f == nil || !strings.HasSuffix(name, ".log") {
		return f
	}
	return &watchedFile{File: f, name: name, log: fs.log}
}

// watchedFile remembers that something went wrong. Pebble writes and syncs a WAL file on one goroutine, and closes it
// when that one has ended.
type watchedFile struct {
	vfs.File
	name  string
	log   *Log
	fault error
}

func (f *watchedFile) note(err error) error {
	if f.fault == nil {
		f.fault = err
	}
	return err
}

// Write implements vfs.File.
func (f *watchedFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.note(err)
}

// Sync implements vfs.File.
func (f *watchedFile) Sync() error { return f.note(f.File.Sync()) }

// SyncData implements vfs.File.
func (f *watchedFile) SyncData() error { return f.note(f.File.SyncData()) }

// SyncTo implements vfs.File.
func (f *watchedFile) SyncTo(length int64) (bool, error) {
	whole, err := f.File.SyncTo(length)
	return whole, f.note(err)
}

// Close implements vfs.File.
func (f *watchedFile) Close() error {
	err := f.note(f.File.Close())
	if f.fault != nil && f.log.serving.Load() {
		f.log.fatal(fmt.Sprintf("wal: end the log file %s: %v", f.name, f.fault))
	}
	return err
}
