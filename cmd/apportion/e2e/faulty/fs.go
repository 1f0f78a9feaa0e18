package faulty

import (
	"os"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fileSystem is the file system of the machine, with the faults of the source.
type fileSystem struct {
	vfs.FS
	source Source
}

// FS returns the file system of the machine with the faults.
func (s Source) FS() vfs.FS { return &fileSystem{FS: vfs.Default, source: s} }

// mayWrite fails on a full disk.
func (f *fileSystem) mayWrite(name string) error {
	if f.source.Now().Full {
		return &os.PathError{Op: "write", Path: name, Err: syscall.ENOSPC}
	}
	return nil
}

// beforeSync waits like a slow or stalled disk. It reads the file repeatedly, because another process writes it.
func (f *fileSystem) beforeSync() {
	time.Sleep(time.Duration(f.source.Now().SyncDelayMS) * time.Millisecond)
	for f.source.Now().Stalled {
		time.Sleep(stallLook)
	}
}

// stallLook is the pause between two reads of the file while the disk is stalled.
const stallLook = 10 * time.Millisecond

// Create implements vfs.FS.
func (f *fileSystem) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.mayWrite(name); err != nil {
		return nil, err
	}
	file, err := f.FS.Create(name, category)
	return f.wrap(name, file, err)
}

// ReuseForWrite implements vfs.FS.
func (f *fileSystem) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.mayWrite(newname); err != nil {
		return nil, err
	}
	file, err := f.FS.ReuseForWrite(oldname, newname, category)
	return f.wrap(newname, file, err)
}

// OpenReadWrite implements vfs.FS.
func (f *fileSystem) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (
	vfs.File, error) {
	file, err := f.FS.OpenReadWrite(name, category, opts...)
	return f.wrap(name, file, err)
}

// OpenDir implements vfs.FS: the name of a file is durable once its directory is synced.
func (f *fileSystem) OpenDir(name string) (vfs.File, error) {
	file, err := f.FS.OpenDir(name)
	return f.wrap(name, file, err)
}

func (f *fileSystem) wrap(name string, file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &openFile{File: file, name: name, fs: f}, nil
}

// openFile is a file that may be written.
type openFile struct {
	vfs.File
	name string
	fs   *fileSystem
}

// Write implements vfs.File. On a full disk half of the bytes are written, as on a real one.
func (f *openFile) Write(p []byte) (int, error) {
	if err := f.fs.mayWrite(f.name); err != nil {
		written, writeErr := f.File.Write(p[:len(p)/2])
		if writeErr != nil {
			return written, writeErr
		}
		return written, err
	}
	return f.File.Write(p)
}

// WriteAt implements vfs.File.
func (f *openFile) WriteAt(p []byte, offset int64) (int, error) {
	if err := f.fs.mayWrite(f.name); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, offset)
}

// Preallocate implements vfs.File.
func (f *openFile) Preallocate(offset, length int64) error {
	if err := f.fs.mayWrite(f.name); err != nil {
		return err
	}
	return f.File.Preallocate(offset, length)
}

// Sync implements vfs.File.
func (f *openFile) Sync() error {
	f.fs.beforeSync()
	return f.File.Sync()
}

// SyncData implements vfs.File.
func (f *openFile) SyncData() error {
	f.fs.beforeSync()
	return f.File.SyncData()
}

// SyncTo implements vfs.File.
func (f *openFile) SyncTo(length int64) (bool, error) {
	f.fs.beforeSync()
	return f.File.SyncTo(length)
}
