package raftstore

import (
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
)

// An order gets no early refusal if its lines are refused one by one.
func TestRefusesWhatOneMomentTells(t *testing.T) {
	s := openReady(t, testConfig(vfs.NewMem()))
	defer mustClose(t, s)
	mustDo(t, s, refresh("A", 1))
	mustDo(t, s, refresh("B", 1))
	two := append(allocate("o", "A", 2).Lines, allocate("o", "B", 2).Lines...)
	two[1].ItemID = "2"
	for _, test := range []struct {
		mode  engine.Mode
		lines int
		want  bool
	}{{engine.ModeAll, 1, true}, {engine.ModeAll, 2, true}, {engine.ModeLine, 1, true}, {engine.ModeLine, 2, false},
		{engine.ModePartial, 2, false}} {
		c := &engine.Allocate{OrderID: "o", Mode: test.mode, Lines: two[:test.lines]}
		if got := s.Refuses(time.Now().Add(patience), time.Now().UnixMilli(), "", c,
			new(engine.Result)); got != test.want {
			t.Errorf("mode %d, %d lines: %t, want %t", test.mode, test.lines, got, test.want)
		}
	}
}

// A client sends an order again after an unknown outcome. It gets no early refusal while the first attempt may still
// take effect.
func TestRetryWhileInFlight(t *testing.T) {
	stalled, answer := newStallingFS(t, "")
	s := openReady(t, testConfig(stalled))
	mustDo(t, s, refresh("A", 0))
	order := allocate("mine", "A", 1)
	refuses := func() bool {
		var r engine.Result
		return s.Refuses(time.Now().Add(patience), time.Now().UnixMilli(), "key", order, &r)
	}
	if !refuses() {
		t.Fatal("an order of what is not there is not refused")
	}
	stalled.on.Store(true)
	b := s.NewBatch()
	b.Append(nil, refresh("A", 10))
	b.Append(&engine.Envelope{Key: "key"}, order)
	for err := error(nil); !errors.Is(err, ErrOutcomeUnknown); {
		if err = s.Do(time.Now().Add(10*time.Millisecond), b); err != nil && !errors.Is(err, ErrTimeout) &&
			!errors.Is(err, ErrOutcomeUnknown) {
			t.Fatal(err)
		}
	}
	if refuses() {
		t.Error("an order with its first attempt in flight is refused early")
	}
	answer()
	b = s.NewBatch()
	b.Append(&engine.Envelope{Key: "key"}, order)
	if err := s.Do(time.Now().Add(patience), b); err != nil {
		t.Fatal(err)
	}
	var r engine.Result
	if err := engine.DecodeResult(b.Result(0), &r); err != nil || r.Code != engine.CodeOK || !r.Repeated {
		t.Errorf("the second attempt is answered with %+v (%v)", r, err)
	}
	// Nothing remains of attempts that were given up in the queue.
	for i := range s.proposer.inFlight {
		if n := s.proposer.inFlight[i].Load(); n != 0 {
			t.Errorf("%d orders are in flight for ever", n)
		}
	}
	mustClose(t, s)
}
