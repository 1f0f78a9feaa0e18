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

	// RefusedFrom is where the recording of refused orders begins; RefusedMS when the last one was recorded (Unix
	// milliseconds), or a time before that.
	RefusedFrom Moment
	RefusedMS   int64

	// States are the kept states, the oldest first. A replay begins at one, that of index 0 being the empty one.
	States []Moment
}

// ErrNoHistory says that what is to be replayed is not kept.
var ErrNoHistory = errors.New("raftstore: no such history is kept")

// History says what can be replayed.
func (s *Store) History() History {
	h := s.history
	to := Moment{Index: s.AppliedIndex(), TimeMS: s.engine.NowMS()}
	var refusedFrom Moment
	var refusedMS int64
	if h.refusals != nil {
		refusedFrom, refusedMS = h.refusals.since(), h.refusals.lastMS.Load()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	view := History{Enabled: h.ageMS > 0, From: to, To: to, Bytes: h.bytesLocked(), BytesMax: h.bytesMax, AgeMS: h.ageMS,
		RefusedFrom: refusedFrom, RefusedMS: refusedMS}
	for _, k := range h.kept {
		view.States = append(view.States, Moment{Index: k.index, TimeMS: k.timeMS})
	}
	if len(h.kept) > 0 {
		view.From = view.States[0]
	}
	return view
}

// Recording is a part of the past: a kept state, the entries after it, and what was recorded of the orders that were refused
// between them. While it is open, the store keeps them. It is for one goroutine.
type Recording struct {
	history *history
	base    keptState
	state   *stateDB // nil: the empty state
	next    uint64   // next entry to read
	last    uint64
	log     raft.Log // read last
	refused *refusedReader
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
	r.refused = r.history.refusals.read(r.base.applied)
	if r.base.tables == nil {
		return r, nil
	}
	state, err := openState(stateConfig{
		fs: s.cfg.FS, dir: s.history.fs.PathJoin(s.history.dir, r.base.name()), logger: s.cfg.Logger,
		onFatal: s.cfg.OnFatal, readOnly: true,
	})
	if err != nil {
		r.unpin()
		return nil, errors.Join(err, r.refused.close())
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
	err := r.refused.close()
	if r.state == nil {
		return err
	}
	return errors.Join(err, r.state.close())
}

// Base is the state that the recording begins with.
func (r *Recording) Base() Moment { return Moment{Index: r.base.index, TimeMS: r.base.timeMS} }

// Last is the last entry of the recording.
func (r *Recording) Last() uint64 { return r.last }

// RefusedFrom is where the recording of refused orders begins; of what was refused before it, nothing is known.
func (r *Recording) RefusedFrom() Moment { return r.refused.since }

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

// Next reads what comes next into e: an entry with commands, or something that was refused between two entries (see
// engine.Refused); io.EOF if there is no more. e's commands are valid until the next call. An entry's time may be before that
// of the entry before, and counts as that then.
//
// An order that was refused comes as the log index says that it was recorded with: behind the entry of that index, and
// before the next one. Orders that were refused side by side may be recorded a few entries late, but never behind an entry
// that was made after one of them was answered.
func (r *Recording) Next(e *engine.Entry) error {
	for {
		if next := r.refused.peek(); next != nil && next.Index < r.next {
			r.refused.take(e)
			return nil
		}
		if r.next > r.last {
			return io.EOF
		}
		found, err := r.nextEntry(e)
		if err != nil || found {
			return err
		}
	}
}

// nextEntry reads an entry of the log; not found: it has no commands.
func (r *Recording) nextEntry(e *engine.Entry) (found bool, err error) {
	index := r.next
	if err := r.history.log.GetLog(index, &r.log); err != nil {
		return false, fmt.Errorf("raftstore: recorded entry %d: %w", index, logError(err))
	}
	r.next++
	if r.log.Type != raft.LogCommand {
		return false, nil
	}
	left, err := decodeEntry(r.log.Data)
	if err != nil {
		return false, fmt.Errorf("raftstore: recorded entry %d: %w", index, err)
	}
	*e = engine.Entry{Index: index, TimeMS: left.stampMS, Commands: e.Commands[:0]}
	for range left.count {
		e.Commands = append(e.Commands, left.next())
	}
	return true, nil
}
