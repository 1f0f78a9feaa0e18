package raftstore

import (
	"strings"
	"testing"
)

// TestLimits: each limit accepts its value, and refuses one more.
func TestLimits(t *testing.T) {
	f := func(what string, limit int, take func(n int) error) {
		t.Helper()
		if err := take(limit); err != nil {
			t.Errorf("%s: %d are refused: %v", what, limit, err)
		}
		if err := take(limit + 1); err == nil {
			t.Errorf("%s: %d are taken", what, limit+1)
		}
	}
	long := func(n int) string { return strings.Repeat("x", n) }
	f("bytes of a node's name", nodeNameBytesMax, func(n int) error {
		return Config{Dir: "d", NodeID: long(n)}.Validate()
	})
	f("bytes of a member's name", nodeNameBytesMax, func(n int) error {
		m := Member{ID: long(n), Address: "127.0.0.1:1"}
		return m.check()
	})
	f("bytes of an entry's target", entryBytesMax, func(n int) error {
		return Config{Dir: "d", entryBytesTarget: n}.Validate()
	})
}
