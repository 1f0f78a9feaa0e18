package raftstore

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

func (s *logStore) mustHave(t *testing.T, first, last uint64) {
	t.Helper()
	gotFirst, err := s.FirstIndex()
	if err != nil {
		t.Fatal(err)
	}
	gotLast, err := s.LastIndex()
	if err != nil {
		t.Fatal(err)
	}
	if gotFirst != first || gotLast != last {
		t.Fatalf("raft sees %d to %d, want %d to %d", gotFirst, gotLast, first, last)
	}
	var entry raft.Log
	if first > 1 {
		if err := s.GetLog(first-1, &entry); err != raft.ErrLogNotFound { // Raft compares with ==
			t.Fatalf("entry %d, which was truncated: %v", first-1, err)
		}
	}
	for index := max(first, 1); index <= last; index++ {
		if err := s.GetLog(index, &entry); err != nil || entry.Index != index {
			t.Fatalf("entry %d: %v, %+v", index, err, entry)
		}
	}
}

// fakeHistory needs the log from a given entry on.
type fakeHistory struct{ oldest, state uint64 }

func (h *fakeHistory) Needed() (oldest, state uint64) { return h.oldest, h.state }

// For Raft, truncated entries are gone. They stay on disk while history needs them.
func TestLogStoreHidesWhatIsKept(t *testing.T) {
	s := openReady(t, testConfig(vfs.NewMem()))
	defer mustClose(t, s)
	for i := range 20 {
		mustDo(t, s, refresh(fmt.Sprint("U", i), int64(i)))
	}
	_, last, err := logBounds(s.log)
	if err != nil {
		t.Fatal(err)
	}
	needs := &fakeHistory{oldest: 3, state: 12}
	log := &logStore{Log: s.log, history: needs}
	log.mustHave(t, 1, last)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(log.DeleteRange(1, 10))
	log.mustHave(t, 11, last)
	if first, _, _ := logBounds(s.log); first != 4 {
		t.Fatalf("the log on disk begins at %d, want 4: the history needs it", first)
	}
	log.Pin(12)
	must(log.DeleteRange(11, 12))
	log.mustHave(t, 12, last) // pinned
	log.Unpin()
	needs.oldest = 12
	must(log.DeleteRange(12, 12))
	log.mustHave(t, 13, last)
	if first, _, _ := logBounds(s.log); first != 13 {
		t.Fatalf("the log on disk begins at %d, want 13", first)
	}
	log.PinAll()
	needs.oldest, needs.state = last, last
	must(log.DeleteRange(13, last))
	log.mustHave(t, 13, last)
	log.Unpin()
	log.trailing = 3
	must(log.DeleteRange(13, last))
	log.mustHave(t, last-2, last) // for followers
	log.trailing = 1000
	must(log.DeleteRange(13, last))
	log.mustHave(t, last-2, last)
	log.bytesMax = -1 // they are too large
	must(log.DeleteRange(13, last))
	log.mustHave(t, 0, 0)
}

// After a conflict at the end of the log, the entries are deleted from disk too, unlike a truncation at its start.
func TestLogStoreTakesBack(t *testing.T) {
	s := openReady(t, testConfig(vfs.NewMem()))
	defer mustClose(t, s)
	for i := range 20 {
		mustDo(t, s, refresh(fmt.Sprint("U", i), int64(i)))
	}
	log := &logStore{Log: s.log, history: &fakeHistory{oldest: 5, state: 5}}
	_, last, _ := logBounds(s.log)
	if err := log.DeleteRange(8, last); err != nil {
		t.Fatal(err)
	}
	log.mustHave(t, 1, 7)
}

// A log that begins after the state knows only the term of the state's last entry.
func TestLogStoreKnowsItsBase(t *testing.T) {
	s := openReady(t, testConfig(vfs.NewMem()))
	defer mustClose(t, s)
	mustDo(t, s, refresh("A", 1))
	_, last, _ := logBounds(s.log)
	f := func(index uint64, want bool) {
		t.Helper()
		log, err := newLogStore(s.log, s.history, s.cfg.HistoryBytes, raft.SnapshotMeta{Index: index, Term: 7})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.DeleteRange(1, last); err != nil {
			t.Fatal(err)
		}
		var entry raft.Log
		if err := log.GetLog(index, &entry); want && (err != nil || entry.Term != 7) {
			t.Fatalf("the state's last entry: %v, %+v", err, entry)
		} else if !want && !errors.Is(err, raft.ErrLogNotFound) {
			t.Fatalf("entry %d, which was truncated: %v", index, err)
		}
	}
	f(last, false) // the log has the entry itself
	f(last+5, true)
}
