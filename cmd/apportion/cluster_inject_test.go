package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/raftstore"
)

// Faults of disk and clock inside a real process. A process that finds faultsVariable in its environment puts a file
// system and a clock under its store that do what the file named there says at each call. The file outlives the
// process: a full disk is still full after a restart.

// faultsVariable names the file in the environment of a process.
const faultsVariable = "APPORTION_TEST_FAULTS"

// injected is what the file says. The zero value is a machine in good health.
type injected struct {
	SyncDelayMS   int64 `json:"syncDelayMS"`   // every sync takes so much longer
	Stalled       bool  `json:"stalled"`       // no sync ends
	Full          bool  `json:"full"`          // every write fails for want of space
	ClockOffsetMS int64 `json:"clockOffsetMS"` // the wall clock is so far ahead

	// TrailingEntries is looked at when a process starts: so little of the log stays that a node need not be away for
	// long to come back to a log that begins behind its own. 0: as much as usual.
	TrailingEntries uint64 `json:"trailingEntries"`
}

// write makes the faults those of the processes that look at the file, at once.
func (i injected) write(path string) error {
	text, err := json.Marshal(i)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// faultSource reads the file.
type faultSource struct{ path string }

func (s faultSource) now() (i injected) {
	text, err := os.ReadFile(s.path)
	if err == nil {
		err = json.Unmarshal(text, &i)
	}
	if err != nil && !os.IsNotExist(err) {
		panic("BUG: the file of faults: " + err.Error())
	}
	return i
}

// injectFaults is called in the process that is to be the program.
func injectFaults() {
	path := os.Getenv(faultsVariable)
	if path == "" {
		return
	}
	source := faultSource{path}
	adjustStore = func(cfg *raftstore.Config) {
		cfg.FS = &faultyFS{FS: vfs.Default, source: source}
		cfg.Clock = &faultyClock{source: source, start: time.Now()}
		cfg.TrailingEntries = source.now().TrailingEntries
	}
}

// faultyClock is the system's, with an offset.
type faultyClock struct {
	source faultSource
	start  time.Time
}

// NowMS implements raftstore.Clock.
func (c *faultyClock) NowMS() int64 { return time.Now().UnixMilli() + c.source.now().ClockOffsetMS }

// Monotonic implements raftstore.Clock.
func (c *faultyClock) Monotonic() time.Duration { return time.Since(c.start) }

// faultyFS is the system's, with the faults of the source.
type faultyFS struct {
	vfs.FS
	source faultSource
}

// mayWrite fails on a full disk.
func (f *faultyFS) mayWrite(name string) error {
	if f.source.now().Full {
		return &os.PathError{Op: "write", Path: name, Err: syscall.ENOSPC}
	}
	return nil
}

// beforeSync takes as long as a slow or stalled disk does. The file is looked at again and again: who writes it is
// another process.
func (f *faultyFS) beforeSync() {
	time.Sleep(time.Duration(f.source.now().SyncDelayMS) * time.Millisecond)
	for f.source.now().Stalled {
		time.Sleep(stallLook)
	}
}

// stallLook is the pause between two looks at whether a disk is still stalled.
const stallLook = 10 * time.Millisecond

// Create implements vfs.FS.
func (f *faultyFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.mayWrite(name); err != nil {
		return nil, err
	}
	file, err := f.FS.Create(name, category)
	return f.wrap(name, file, err)
}

// ReuseForWrite implements vfs.FS.
func (f *faultyFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.mayWrite(newname); err != nil {
		return nil, err
	}
	file, err := f.FS.ReuseForWrite(oldname, newname, category)
	return f.wrap(newname, file, err)
}

// OpenReadWrite implements vfs.FS.
func (f *faultyFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (
	vfs.File, error) {
	file, err := f.FS.OpenReadWrite(name, category, opts...)
	return f.wrap(name, file, err)
}

// OpenDir implements vfs.FS: that a file has a name is durable when its directory is.
func (f *faultyFS) OpenDir(name string) (vfs.File, error) {
	file, err := f.FS.OpenDir(name)
	return f.wrap(name, file, err)
}

func (f *faultyFS) wrap(name string, file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: file, name: name, fs: f}, nil
}

// faultyFile is a file that may be written.
type faultyFile struct {
	vfs.File
	name string
	fs   *faultyFS
}

// Write implements vfs.File. Of what does not fit, a half gets in, as on a real disk.
func (f *faultyFile) Write(p []byte) (int, error) {
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
func (f *faultyFile) WriteAt(p []byte, offset int64) (int, error) {
	if err := f.fs.mayWrite(f.name); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, offset)
}

// Preallocate implements vfs.File.
func (f *faultyFile) Preallocate(offset, length int64) error {
	if err := f.fs.mayWrite(f.name); err != nil {
		return err
	}
	return f.File.Preallocate(offset, length)
}

// Sync implements vfs.File.
func (f *faultyFile) Sync() error {
	f.fs.beforeSync()
	return f.File.Sync()
}

// SyncData implements vfs.File.
func (f *faultyFile) SyncData() error {
	f.fs.beforeSync()
	return f.File.SyncData()
}

// SyncTo implements vfs.File.
func (f *faultyFile) SyncTo(length int64) (bool, error) {
	f.fs.beforeSync()
	return f.File.SyncTo(length)
}

// TestInjectedFaults: the file system does what the file says.
func TestInjectedFaults(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "faults")
	fs := &faultyFS{FS: vfs.Default, source: faultSource{path}}
	file, err := fs.Create(filepath.Join(dir, "f"), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write([]byte("whole")); err != nil {
		t.Fatal(err)
	}
	set := func(i injected) {
		t.Helper()
		if err := i.write(path); err != nil {
			t.Fatal(err)
		}
	}
	set(injected{Full: true})
	if n, err := file.Write([]byte("half")); n != 2 || !vfs.IsNoSpaceError(err) {
		t.Errorf("a full disk took %d bytes: %v", n, err)
	}
	if _, err := fs.Create(filepath.Join(dir, "g"), vfs.WriteCategoryUnspecified); !vfs.IsNoSpaceError(err) {
		t.Errorf("a full disk took a file: %v", err)
	}
	set(injected{Stalled: true, ClockOffsetMS: 3_600_000})
	synced := make(chan error, 1)
	go func() { synced <- file.Sync() }()
	select {
	case <-synced:
		t.Error("a stalled disk has synced")
	case <-time.After(5 * stallLook): // it cannot be proved that it never would
	}
	clock := &faultyClock{source: fs.source, start: time.Now()}
	if ahead := clock.NowMS() - time.Now().UnixMilli(); ahead < 3_500_000 {
		t.Errorf("the clock is %d ms ahead", ahead)
	}
	set(injected{})
	if err := <-synced; err != nil {
		t.Error(err)
	}
}
