package datadir

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/raftstore/durable"
)

// TestLogEndFile: if one block is torn, the other one is valid. A missing or blank file has no note. Any other content
// is a damaged note.
func TestLogEndFile(t *testing.T) {
	f := func(name string, text func(older, newer []byte) [][]byte, noted uint64, damaged bool) {
		t.Helper()
		fs := vfs.NewMem()
		block := func(index uint64) []byte {
			b := make([]byte, logEndBlockBytes)
			appendLogEnd(b[:0], index)
			return b
		}
		if blocks := text(block(7), block(9)); blocks != nil {
			file, err := fs.Create("log.end", vfs.WriteCategoryUnspecified)
			if err == nil {
				_, err = file.Write(bytes.Join(blocks, nil))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		got, _, err := ReadLogEnd(fs, "log.end")
		if got != noted || errors.Is(err, durable.ErrCorrupt) != damaged {
			t.Errorf("%s: %d and %v, want %d, damaged %v", name, got, err, noted, damaged)
		}
	}
	blank := make([]byte, logEndBlockBytes)
	torn := func(b []byte) []byte { b[7] ^= 1; return b }
	f("missing", func(_, _ []byte) [][]byte { return nil }, 0, false)
	f("blank", func(_, _ []byte) [][]byte { return [][]byte{blank, blank} }, 0, false)
	f("empty", func(_, _ []byte) [][]byte { return [][]byte{} }, 0, false)
	f("first note", func(o, _ []byte) [][]byte { return [][]byte{o, blank} }, 7, false)
	f("both", func(o, n []byte) [][]byte { return [][]byte{o, n} }, 9, false)
	f("both, the newer one first", func(o, n []byte) [][]byte { return [][]byte{n, o} }, 9, false)
	f("the newer one torn", func(o, n []byte) [][]byte { return [][]byte{o, torn(n)} }, 7, false)
	f("the older one torn", func(o, n []byte) [][]byte { return [][]byte{torn(o), n} }, 9, false)
	f("short", func(o, n []byte) [][]byte { return [][]byte{o, n[:3]} }, 7, false)
	f("both torn", func(o, n []byte) [][]byte { return [][]byte{torn(o), torn(n)} }, 0, true)
}
