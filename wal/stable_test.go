package wal

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestStableStore(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, Config{FS: fs})
	if n, err := l.GetUint64([]byte("CurrentTerm")); n != 0 || err != nil {
		t.Fatalf("GetUint64 of a missing key: %d and %v, want 0 and nil", n, err)
	}
	// Raft compares this text and treats any other error as a broken store.
	if _, err := l.Get([]byte("LastVoteCand")); err == nil || err.Error() != "not found" {
		t.Fatalf("Get of a missing key: %v, want not found", err)
	}
	err := errors.Join(l.SetUint64([]byte("CurrentTerm"), 7), l.SetUint64([]byte("CurrentTerm"), 8),
		l.Set([]byte("LastVoteCand"), []byte("node-2")), l.Set([]byte("empty"), nil))
	if err != nil {
		t.Fatal(err)
	}
	checkStable(t, l)
	mustStore(t, l, run(1, 3, 1))
	mustClose(t, l)
	l = mustOpen(t, Config{FS: fs})
	checkStable(t, l)
	checkLog(t, l, run(1, 3, 1))
	mustClose(t, l)
}

func checkStable(t *testing.T, l *Log) {
	t.Helper()
	if n, err := l.GetUint64([]byte("CurrentTerm")); n != 8 || err != nil {
		t.Fatalf("CurrentTerm is %d and %v, want 8", n, err)
	}
	if v, err := l.Get([]byte("LastVoteCand")); string(v) != "node-2" || err != nil {
		t.Fatalf("LastVoteCand is %q and %v, want node-2", v, err)
	}
	if v, err := l.Get([]byte("empty")); len(v) != 0 || err != nil {
		t.Fatalf("empty is %q and %v", v, err)
	}
}

func TestStableStoreRefuses(t *testing.T) {
	l := mustOpen(t, Config{FS: vfs.NewMem()})
	defer mustClose(t, l)
	if err := l.Set(make([]byte, StableKeyBytesMax+1), nil); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("long key: %v", err)
	}
	if err := l.Set([]byte("key"), make([]byte, StableValueBytesMax+1)); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("long value: %v", err)
	}
	if err := l.Set([]byte("key"), []byte("text")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.GetUint64([]byte("key")); !errors.Is(err, ErrInvalid) {
		t.Fatalf("GetUint64 of a text: %v", err)
	}
}

// Stable keys that look like the key of an entry must not reach the table of the log.
func TestStableKeysStayInTheirTable(t *testing.T) {
	l := mustOpen(t, Config{FS: vfs.NewMem()})
	defer mustClose(t, l)
	key := appendLogKey(nil, 1)
	if err := l.Set(key, []byte("value")); err != nil {
		t.Fatal(err)
	}
	checkLog(t, l, nil)
	if v, err := l.Get(key); err != nil || !bytes.Equal(v, []byte("value")) {
		t.Fatalf("Get: %q and %v", v, err)
	}
}
