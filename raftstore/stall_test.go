package raftstore

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// The silence of a disk is that of the oldest operation that has no answer, whichever kind it is of and whatever others have
// answered since.
func TestStallLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stall{start: time.Now()}
		expect := func(when string, want time.Duration) {
			t.Helper()
			if got := s.lasts(); got != want {
				t.Errorf("%s: silent for %s, want %s", when, got, want)
			}
		}
		time.Sleep(time.Second)
		expect("nothing is under way", 0)
		vote := s.begin(diskVote)
		time.Sleep(time.Second)
		store := s.begin(diskStore)
		time.Sleep(time.Second)
		expect("two are under way", 2*time.Second)
		store()
		expect("the younger one has ended", 2*time.Second)
		store = s.begin(diskStore)
		vote()
		time.Sleep(time.Second)
		expect("the older one has ended", time.Second)
		store()
		expect("both have ended", 0)
	})
}

// failingLog fails all writes, after having looked.
type failingLog struct {
	look func()
}

var errFailing = errors.New("failing")

func (f failingLog) Set(_, _ []byte) error              { f.look(); return errFailing }
func (f failingLog) Get(_ []byte) ([]byte, error)       { return nil, nil }
func (f failingLog) SetUint64(_ []byte, _ uint64) error { f.look(); return errFailing }
func (f failingLog) GetUint64(_ []byte) (uint64, error) { return 0, nil }

// A write that fails is over, too.
func TestStallStable(t *testing.T) {
	s := &stall{start: time.Now()}
	looks := 0
	stable := stallStable{failingLog{func() {
		looks++
		if s.since[diskVote].Load() == 0 {
			t.Error("a write is not counted")
		}
	}}, s}
	for _, err := range []error{stable.Set(nil, nil), stable.SetUint64(nil, 1)} {
		if !errors.Is(err, errFailing) {
			t.Error(err)
		}
		if lasts := s.lasts(); lasts != 0 {
			t.Errorf("a write that has failed is under way for %s", lasts)
		}
	}
	if looks != 2 {
		t.Errorf("%d writes, want 2", looks)
	}
}
