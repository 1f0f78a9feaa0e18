package raftstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hashicorp/raft"

	"apportion/engine"
)

// Moment is a place in the log.
type Moment struct {
	Index  uint64
	TimeMS int64 // of the entry, Unix milliseconds; 0: not known
}

// History is what of the past can be replayed.
type History struct {
	Enabled  bool
	From     Moment // nothing before it can be replayed
	To       Moment // the last entry applied
	Bytes    int64  // of disk that the store would not need otherwise; estimated
	BytesMax int64
	AgeMS    int64

	// States are the kept states, the oldest first. A replay begins at one, that of index 0 being the empty one.
	States []Moment
}

// ErrNoHistory says that what is to be replayed is not kept.
var ErrNoHistory = errors.New("raftstore: no such history is kept")

// History says what can be replayed.
func (s *Store) History() History {
	h := s.history
	to := Moment{Index: s.AppliedIndex(), TimeMS: s.engine.NowMS()}
	h.mu.Lock()
	defer h.mu.Unlock()
	view := History{Enabled: h.ageMS > 0, From: to, To: to, Bytes: h.bytesLocked(), BytesMax: h.bytesMax, AgeMS: h.ageMS}
	for _, k := range h.kept {
		view.States = append(view.States, Moment{Index: k.index, TimeMS: k.timeMS})
	}
	if len(h.kept) > 0 {
		view.From = view.States[0]
	}
	return view
}

// Recording is a part of the past: a kept state, and the entries after it. While it is open, the store keeps them. It is
// for one goroutine.
type Recording struct {
	history *history
	base    keptState
	state   *stateDB // nil: the empty state
	next    uint64   // next entry to read
	last    uint64
	log     raft.Log // read last
}

// OpenRecording opens what was recorded up to now, from the last kept state on that is not after the index and not after the
// time (Unix milliseconds). ErrNoHistory if there is none.
func (s *Store) OpenRecording(index uint64, timeMS int64) (*Recording, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	r := &Recording{history: s.history, last: s.AppliedIndex()}
	if err := r.pin(index, timeMS); err != nil {
		return nil, err
	}
	if r.base.tables == nil {
		return r, nil
	}
	state, err := openState(stateConfig{
		fs: s.cfg.FS, dir: s.history.fs.PathJoin(s.history.dir, r.base.name()), logger: s.cfg.Logger,
		onFatal: s.cfg.OnFatal, readOnly: true,
	})
	if err != nil {
		r.unpin()
		return nil, err
	}
	r.state = state
	return r, nil
}

// pin chooses the state and keeps it.
func (r *Recording) pin(index uint64, timeMS int64) error {
	h := r.history
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range slices.Backward(h.kept) {
		if k.index <= index && k.timeMS <= timeMS {
			r.base, r.next = k, k.index+1
			h.pins[k.index]++
			return nil
		}
	}
	return ErrNoHistory
}

func (r *Recording) unpin() {
	h := r.history
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pins[r.base.index]--; h.pins[r.base.index] == 0 {
		delete(h.pins, r.base.index)
	}
}

// Close lets the store forget the recording.
func (r *Recording) Close() error {
	r.unpin()
	if r.state == nil {
		return nil
	}
	return r.state.close()
}

// Base is the state that the recording begins with.
func (r *Recording) Base() Moment { return Moment{Index: r.base.index, TimeMS: r.base.timeMS} }

// Last is the last entry of the recording.
func (r *Recording) Last() uint64 { return r.last }

// Load gives an engine with the state that the recording begins with, a new one at each call. pace is called after
// each few thousand rows.
func (r *Recording) Load(ctx context.Context, pace func()) (*engine.Engine, error) {
	e := engine.New()
	if r.state == nil {
		return e, nil
	}
	if err := r.state.load(ctx, e, paced(pace)); err != nil {
		return nil, err
	}
	return e, nil
}

// Next reads the next entry with commands into e, io.EOF if there are no more. e's commands are valid until the next call.
// Its time may be before that of the entry before, and counts as that then.
func (r *Recording) Next(e *engine.Entry) error {
	for r.next <= r.last {
		index := r.next
		if err := r.history.log.GetLog(index, &r.log); err != nil {
			return fmt.Errorf("raftstore: recorded entry %d: %w", index, logError(err))
		}
		r.next++
		if r.log.Type != raft.LogCommand {
			continue
		}
		left, err := decodeEntry(r.log.Data)
		if err != nil {
			return fmt.Errorf("raftstore: recorded entry %d: %w", index, err)
		}
		e.Index, e.TimeMS, e.Commands = index, left.stampMS, e.Commands[:0]
		for range left.count {
			e.Commands = append(e.Commands, left.next())
		}
		return nil
	}
	return io.EOF
}
