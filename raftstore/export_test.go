package raftstore

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
)

// exported reads all stock of an export: units by UPC.
func exported(t *testing.T, x *Export) map[string]int64 {
	t.Helper()
	units := map[string]int64{}
	var rows ExportRows
	var v engine.RecordView
	for {
		more, err := x.Next(&rows, engine.RecordTable)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return units
		}
		if err := rows.Each(func(_, value []byte) error {
			err := engine.DecodeRecord(value, &v)
			units[v.UPC] = v.OnHand
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestExportIsOfOneIndex: an export has all writes acknowledged before it, and no later ones, also after checkpoints.
func TestExportIsOfOneIndex(t *testing.T) {
	s := openReady(t, testConfig(vfs.NewMem()))
	const upcs = 3_000 // several chunks
	for i := range upcs {
		mustDo(t, s, refresh(fmt.Sprint("u", i), 1))
	}
	before := s.AppliedIndex()
	x, err := s.OpenExport(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if x.Index() < before {
		t.Errorf("the export is of index %d, want %d at least", x.Index(), before)
	}
	for i := range upcs {
		mustDo(t, s, refresh(fmt.Sprint("u", i), 2))
	}
	mustDo(t, s, refresh("new", 2))
	mustCheckpoint(t, s)
	units := exported(t, x)
	if len(units) != upcs {
		t.Errorf("%d records, want %d", len(units), upcs)
	}
	for upc, n := range units {
		if n != 1 {
			t.Fatalf("%s has %d units, want 1", upc, n)
		}
	}
	if err := errors.Join(x.Close(), x.Close()); err != nil {
		t.Error(err)
	}
	mustClose(t, s)
}

// TestCloseEndsExports: an open export does not keep the store open, and its reader gets an error.
func TestCloseEndsExports(t *testing.T) {
	s := openReady(t, testConfig(vfs.NewMem()))
	mustDo(t, s, refresh("u", 1))
	x, err := s.OpenExport(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	if _, err := x.Next(new(ExportRows), engine.RecordTable); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.OpenExport(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}
