package raftstore

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
)

// breakingOff cancels a load at its first rows.
type breakingOff struct{ cancel func() }

func (b breakingOff) Add(int) { b.cancel() }
func (b breakingOff) Done()   {}

// TestLoadBrokenOff: a canceled load returns the error of its context, not one about missing rows.
func TestLoadBrokenOff(t *testing.T) {
	s := openReady(t, testConfig(vfs.NewMem()))
	defer mustClose(t, s)
	mustDo(t, s, channels())
	for k := range 12 { // some chunks
		r := &engine.Refresh{Location: "L"}
		for u := range 4000 {
			r.Items = append(r.Items, engine.StockItem{UPC: fmt.Sprintf("U%d-%d", k, u), Quantity: 5})
		}
		mustDo(t, s, r)
	}
	if err := s.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		if err := s.state.Load(ctx, engine.New(), breakingOff{cancel}); !errors.Is(err, context.Canceled) {
			t.Errorf("broken off: %v", err)
		}
	}
}

// TestOpenBrokenOff: a start with a canceled context changes nothing.
func TestOpenBrokenOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	fs := vfs.NewMem()
	if _, err := Open(ctx, testConfig(fs)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	mustClose(t, openReady(t, testConfig(fs)))
}
