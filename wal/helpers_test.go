package wal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// quiet keeps Pebble's messages out of the tests' output.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// testConfig replaces OnFatal and OnCorruption, which would end the process, unless the test sets them.
func testConfig(cfg Config) Config {
	if cfg.Dir == "" {
		cfg.Dir = "log"
	}
	if cfg.Logger == nil {
		cfg.Logger = quiet()
	}
	if cfg.OnFatal == nil {
		cfg.OnFatal = func(msg string) { panic("test: fatal: " + msg) }
	}
	if cfg.OnCorruption == nil {
		cfg.OnCorruption = func(error) {}
	}
	return cfg
}

func mustOpen(t testing.TB, cfg Config) *Log {
	t.Helper()
	l, err := Open(testConfig(cfg))
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return l
}

func mustClose(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func mustStore(t testing.TB, l *Log, entries []*raft.Log) {
	t.Helper()
	if err := l.StoreLogs(entries); err != nil {
		t.Fatalf("StoreLogs: %v", err)
	}
}

// entry makes an entry with content computed from index and term, so that a reader can check it without a copy.
func entry(index, term uint64) *raft.Log {
	e := &raft.Log{
		Index:      index,
		Term:       term,
		Type:       raft.LogType(index % 6),
		Data:       bytes.Repeat([]byte{byte(index), byte(term)}, int(index%97)),
		AppendedAt: time.Unix(int64(index), int64(term)).UTC(),
	}
	if index%3 == 0 {
		e.Extensions = fmt.Appendf(nil, "extension of %d", index)
	}
	if len(e.Data) == 0 {
		e.Data = nil
	}
	return e
}

// run makes the entries from lo to hi, both included.
func run(lo, hi, term uint64) []*raft.Log {
	var entries []*raft.Log
	for i := lo; i <= hi; i++ {
		entries = append(entries, entry(i, term))
	}
	return entries
}

func sameEntry(a, b *raft.Log) bool {
	return a.Index == b.Index && a.Term == b.Term && a.Type == b.Type && bytes.Equal(a.Data, b.Data) &&
		bytes.Equal(a.Extensions, b.Extensions) && a.AppendedAt.Equal(b.AppendedAt)
}

// checkLog demands that the log is exactly these entries.
func checkLog(t testing.TB, l *Log, want []*raft.Log) {
	t.Helper()
	if err := compareLog(l, want); err != nil {
		t.Fatal(err)
	}
}

// compareLog returns how the log differs from these entries.
func compareLog(l *Log, want []*raft.Log) error {
	first, last := uint64(0), uint64(0)
	if len(want) > 0 {
		first, last = want[0].Index, want[len(want)-1].Index
	}
	gotFirst, errFirst := l.FirstIndex()
	gotLast, errLast := l.LastIndex()
	if errFirst != nil || errLast != nil || gotFirst != first || gotLast != last {
		return fmt.Errorf("bounds %d to %d (%v, %v), want %d to %d", gotFirst, gotLast, errFirst, errLast, first, last)
	}
	for _, w := range want {
		var got raft.Log
		if err := l.GetLog(w.Index, &got); err != nil {
			return fmt.Errorf("GetLog(%d): %w", w.Index, err)
		}
		if !sameEntry(&got, w) {
			return fmt.Errorf("GetLog(%d) = %+v, want %+v", w.Index, got, *w)
		}
	}
	for _, index := range []uint64{0, first - 1, last + 1} {
		if err := l.GetLog(index, new(raft.Log)); err != raft.ErrLogNotFound {
			return fmt.Errorf("GetLog(%d) outside the log: %v, want raft.ErrLogNotFound itself", index, err)
		}
	}
	if n, err := l.Verify(context.Background()); err != nil || n != uint64(len(want)) {
		return fmt.Errorf("Verify: %d entries and %v, want %d", n, err, len(want))
	}
	return nil
}

// countSyncs is an OnSync that counts.
func countSyncs(count *int) func(time.Duration, int, int) {
	return func(time.Duration, int, int) { *count++ }
}
