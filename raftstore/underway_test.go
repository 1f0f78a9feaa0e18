package raftstore

import (
	"errors"
	"testing"
	"time"

	"apportion/engine"
)

// A client that was told that the outcome of an order is unknown, and sends it again, is not told that it is refused while the
// first try may yet take effect.
func TestRetryWhileUnderWay(t *testing.T) {
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
		if err = s.Do(time.Now().Add(10*time.Millisecond), b); err != nil && !errors.Is(err, ErrTimeout) && !errors.Is(err, ErrOutcomeUnknown) {
			t.Fatal(err)
		}
	}
	if refuses() {
		t.Error("an order is refused whose first try is under way")
	}
	answer()
	b = s.NewBatch()
	b.Append(&engine.Envelope{Key: "key"}, order)
	if err := s.Do(time.Now().Add(patience), b); err != nil {
		t.Fatal(err)
	}
	var r engine.Result
	if err := engine.DecodeResult(b.Result(0), &r); err != nil || r.Code != engine.CodeOK || !r.Repeated {
		t.Errorf("the second try is answered with %+v (%v)", r, err)
	}
	// Nothing is left of what was queued and given up.
	for i := range s.proposer.orders {
		if n := s.proposer.orders[i].Load(); n != 0 {
			t.Errorf("%d orders are under way for ever", n)
		}
	}
	mustClose(t, s)
}
