package wal

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	"pgregory.net/rapid"
)

// model is the log as a map, and what each call must do to it.
type model struct {
	t       *rapid.T
	fs      vfs.FS
	l       *Log
	entries map[uint64]*raft.Log
	stable  map[string]uint64
	term    uint64
}

// TestModel makes random calls and compares the log with the model after each.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{t: rt, fs: vfs.NewMem(), entries: map[uint64]*raft.Log{}, stable: map[string]uint64{}}
		m.open()
		rt.Repeat(map[string]func(*rapid.T){
			"store":  m.store,
			"delete": m.delete,
			"vote":   m.vote,
			"reopen": m.reopen,
			"":       m.check,
		})
		if err := m.l.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}

func (m *model) open() {
	l, err := Open(testConfig(Config{FS: m.fs, MemTableBytes: 8 << 10}))
	if err != nil {
		m.t.Fatal(err)
	}
	m.l = l
}

func (m *model) reopen(t *rapid.T) {
	if err := m.l.Close(); err != nil {
		t.Fatal(err)
	}
	m.open()
}

func (m *model) sorted() []*raft.Log {
	var entries []*raft.Log
	for _, index := range slices.Sorted(maps.Keys(m.entries)) {
		entries = append(entries, m.entries[index])
	}
	return entries
}

// store appends at the end, or sometimes at another index, which only an empty log accepts.
func (m *model) store(t *rapid.T) {
	m.term++
	lo := rapid.Uint64Range(0, 60).Draw(t, "lo")
	if all := m.sorted(); len(all) > 0 && rapid.IntRange(0, 9).Draw(t, "elsewhere") > 0 {
		lo = all[len(all)-1].Index + 1
	}
	entries := run(lo, lo+rapid.Uint64Range(0, 20).Draw(t, "more"), m.term)
	_, follows := m.entries[lo-1]
	_, exists := m.entries[lo]
	err := m.l.StoreLogs(entries)
	if accepted := lo > 0 && (len(m.entries) == 0 || follows && !exists); accepted != (err == nil) {
		t.Fatalf("StoreLogs from %d: %v", lo, err)
	}
	for _, e := range entries {
		if err == nil {
			m.entries[e.Index] = e
		}
	}
}

// delete deletes any range. The log refuses a range that leaves entries on both sides.
func (m *model) delete(t *rapid.T) {
	lo, hi := rapid.Uint64Range(0, 200).Draw(t, "lo"), rapid.Uint64Range(0, 200).Draw(t, "hi")
	left := maps.Clone(m.entries)
	below, above := 0, 0
	for index := range m.entries {
		switch {
		case index < lo:
			below++
		case index > hi:
			above++
		default:
			delete(left, index)
		}
	}
	gap := below > 0 && above > 0 && len(left) < len(m.entries)
	err := m.l.DeleteRange(lo, hi)
	if gap != errors.Is(err, ErrMiddle) || gap != (err != nil) {
		t.Fatalf("DeleteRange(%d, %d): %v, want a refusal: %v", lo, hi, err, gap)
	}
	if !gap {
		m.entries = left
	}
}

func (m *model) vote(t *rapid.T) {
	key := rapid.SampledFrom([]string{"CurrentTerm", "LastVoteTerm"}).Draw(t, "key")
	m.stable[key] = rapid.Uint64().Draw(t, "value")
	if err := m.l.SetUint64([]byte(key), m.stable[key]); err != nil {
		t.Fatal(err)
	}
}

func (m *model) check(t *rapid.T) {
	if err := compareLog(m.l, m.sorted()); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"CurrentTerm", "LastVoteTerm"} {
		if n, err := m.l.GetUint64([]byte(key)); n != m.stable[key] || err != nil {
			t.Fatalf("%s is %d and %v, want %d", key, n, err, m.stable[key])
		}
	}
}
