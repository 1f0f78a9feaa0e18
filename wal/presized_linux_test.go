package wal

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// A WAL file has its full size from the start. After a crash it has zeros at its end, and all entries can be read.
func TestPresized(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	l := mustOpen(t, testConfig(Config{Dir: dir, FS: vfs.Default, MemTableBytes: 1 << 20}))
	defer l.Close()
	for index := uint64(1); index <= 100; index++ {
		if err := l.StoreLogs([]*raft.Log{{Index: index, Term: 1, Data: make([]byte, 1000)}}); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	presized := 0
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(entry.Name(), ".log") && len(data) >= 1<<20 {
			presized++
		}
		if err := os.WriteFile(filepath.Join(copied, entry.Name()), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if presized == 0 {
		t.Errorf("no WAL file has its size among %v", entries)
	}
	again := mustOpen(t, testConfig(Config{Dir: copied, FS: vfs.Default, MemTableBytes: 1 << 20}))
	defer again.Close()
	if n, err := again.Verify(context.Background()); n != 100 || err != nil {
		t.Errorf("%d entries, %v", n, err)
	}
}
