package faulty

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestInjectedFaults: the file system has the faults of the file.
func TestInjectedFaults(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "faults")
	fs := &fileSystem{FS: vfs.Default, source: Source{path}}
	file, err := fs.Create(filepath.Join(dir, "f"), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write([]byte("whole")); err != nil {
		t.Fatal(err)
	}
	set := func(f Faults) {
		t.Helper()
		if err := f.Write(path); err != nil {
			t.Fatal(err)
		}
	}
	set(Faults{Full: true})
	if n, err := file.Write([]byte("half")); n != 2 || !vfs.IsNoSpaceError(err) {
		t.Errorf("a full disk took %d bytes: %v", n, err)
	}
	if _, err := fs.Create(filepath.Join(dir, "g"), vfs.WriteCategoryUnspecified); !vfs.IsNoSpaceError(err) {
		t.Errorf("a full disk took a file: %v", err)
	}
	set(Faults{Stalled: true, ClockOffsetMS: 3_600_000})
	synced := make(chan error, 1)
	go func() { synced <- file.Sync() }()
	select {
	case <-synced:
		t.Error("a stalled disk has synced")
	case <-time.After(5 * stallLook): // long enough to see that the write waits
	}
	clock := fs.source.Clock()
	if ahead := clock.NowMS() - time.Now().UnixMilli(); ahead < 3_500_000 {
		t.Errorf("the clock is %d ms ahead", ahead)
	}
	set(Faults{})
	if err := <-synced; err != nil {
		t.Error(err)
	}
}
