package statedb

import (
	"bytes"
	"errors"
	"testing"

	"github.com/hashicorp/raft"

	"apportion/raftstore/durable"
)

func TestAppliedRow(t *testing.T) {
	meta := raft.SnapshotMeta{Version: 1, ID: "2-7", Index: 7, Term: 2}
	row, err := appendAppliedRow(nil, meta)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeAppliedRow(row); err != nil || got.Index != 7 || got.Term != 2 || got.ID != "2-7" {
		t.Fatalf("got %+v, %v", got, err)
	}
	f := func(what string, want error, damage func(row []byte) []byte) {
		t.Helper()
		if _, err := decodeAppliedRow(damage(bytes.Clone(row))); !errors.Is(err, want) {
			t.Fatalf("%s: got %v, want %v", what, err, want)
		}
	}
	f("empty", durable.ErrFormat, func([]byte) []byte { return nil })
	f("a newer version", durable.ErrFormat, func(row []byte) []byte { row[0]++; return row })
	f("a flipped bit", durable.ErrInconsistent, func(row []byte) []byte { row[len(row)-3] ^= 1; return row })
	f("cut off", durable.ErrInconsistent, func(row []byte) []byte { return row[:len(row)-1] })
}
