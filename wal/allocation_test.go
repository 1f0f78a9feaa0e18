//go:build !race

package wal

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// The leader's loop waits for StoreLogs, so StoreLogs must not make garbage. Pebble's own share, a new memtable or
// a block now and then, is far below one allocation a call.
func TestStoreLogsAllocations(t *testing.T) {
	l := mustOpen(t, Config{FS: vfs.NewMem()})
	defer mustClose(t, l)
	batch := run(1, 64, 1)
	mustStore(t, l, batch)
	perCall := testing.AllocsPerRun(500, func() {
		for _, e := range batch {
			e.Index += uint64(len(batch))
		}
		mustStore(t, l, batch)
	})
	if perCall >= 1 {
		t.Errorf("StoreLogs of %d entries allocates %v times", len(batch), perCall)
	}
}

// GetLog allocates only for the entry and for the key.
func TestGetLogAllocations(t *testing.T) {
	l := mustOpen(t, Config{FS: vfs.NewMem()})
	defer mustClose(t, l)
	mustStore(t, l, run(1, 9, 1))
	var out raft.Log
	perCall := testing.AllocsPerRun(500, func() {
		if err := l.GetLog(9, &out); err != nil {
			t.Fatal(err)
		}
	})
	if perCall > 2 {
		t.Errorf("GetLog allocates %v times", perCall)
	}
}
