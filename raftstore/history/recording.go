package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/durable"
	"apportion/raftstore/statedb"
)

// View says what of the past can be replayed.
type View struct {
	Enabled  bool
	From     engine.Moment // nothing before it can be replayed
	To       engine.Moment // the last entry applied
	Bytes    int64         // of disk that the store would not need otherwise, what is replayed among it; estimated
	BytesMax int64
	AgeMS    int64

	// RefusedFrom is where the recording of refused orders begins; RefusedMS when the last one was recorded (Unix
	// milliseconds), or a time before that.
	RefusedFrom engine.Moment
	RefusedMS   int64

	// States are the kept states, the oldest first. A replay begins at one, that of index 0 being the empty one.
	States []engine.Moment
}

// The errors of a Recording.
var (
	// ErrNotKept: what is to be replayed is not kept.
	ErrNotKept = errors.New("raftstore: no such history is kept")

	// ErrDamaged: the state to begin with is not what was kept. It is kept no longer: try again, and another one
	// is chosen.
	ErrDamaged = errors.New("raftstore: the checkpoint to replay from is damaged and is kept no longer; a " +
		"replay that begins again takes another one")

	// ErrReleased: the replay took so long that what it replays took as much of the disk as all other history.
	ErrReleased = errors.New("raftstore: what is replayed was let go of, since it took too much of the disk; " +
		"begin at a later time, or raise --history-bytes-max")
)

// View says what can be replayed. to is the last entry that was applied.
func (h *Keeper) View(to engine.Moment) View {
	view := View{Enabled: h.c.AgeMS > 0, From: to, To: to, BytesMax: h.c.BytesMax, AgeMS: h.c.AgeMS}
	if h.refusals != nil {
		view.RefusedFrom, view.RefusedMS = h.refusals.since(), h.refusals.lastMS.Load()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	view.Bytes = h.bytesLocked(true)
	for _, k := range h.kept {
		view.States = append(view.States, engine.Moment{Index: k.Index, TimeMS: k.TimeMS})
	}
	if len(h.kept) > 0 {
		view.From = view.States[0]
	}
	return view
}

// Recording is a part of the past: a kept state, the entries after it, and what was recorded of the orders that were
// refused between them. While it is open, the store keeps them, within bounds (ErrReleased). It is for one
// goroutine.
type Recording struct {
	history *Keeper
	config  statedb.Config
	pin     *pin
	base    Checkpoint
	state   *statedb.DB // nil: it was not loaded yet, or is the empty one
	next    uint64      // next entry to read
	last    uint64
	log     raft.Log // read last
	refused *refusedReader
}

// record opens what was recorded up to the entry last, from the last kept state on that is not after the index and not
// after the time (Unix milliseconds). ErrNotKept if there is none.
func (h *Keeper) Record(last, index uint64, timeMS int64) (*Recording, error) {
	r := &Recording{history: h, last: last}
	if err := r.choose(index, timeMS); err != nil {
		return nil, err
	}
	r.config = statedb.Config{FS: h.c.FS, Dir: h.c.FS.PathJoin(h.c.Dir, r.base.name()), Logger: h.c.Logger,
		OnFatal: h.c.OnFatal, ReadOnly: true, OpenFiles: h.c.OpenFiles}
	r.refused = h.refusals.read(r.base.Applied)
	return r, nil
}

// choose finds the state and pins it.
func (r *Recording) choose(index uint64, timeMS int64) error {
	h := r.history
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range slices.Backward(h.kept) {
		if k.Index <= index && k.TimeMS <= timeMS {
			r.base, r.next, r.pin = k, k.Index+1, h.pinLocked(k)
			return nil
		}
	}
	return ErrNotKept
}

// Close lets the store forget the recording.
func (r *Recording) Close() error {
	err := r.refused.close()
	if r.state != nil {
		err = errors.Join(err, r.state.Close())
	}
	r.history.unpin(r.pin)
	return err
}

// Base is the state that the recording begins with.
func (r *Recording) Base() engine.Moment {
	return engine.Moment{Index: r.base.Index, TimeMS: r.base.TimeMS}
}

// Last is the last entry of the recording.
func (r *Recording) Last() uint64 { return r.last }

// RefusedFrom is where the recording of refused orders begins; of what was refused before it, nothing is known.
func (r *Recording) RefusedFrom() engine.Moment { return r.refused.since }

// Load gives an engine with the state that the recording begins with, a new one at each call. The first call reads all
// files of the state first, and compares their checksums. pace is called after each file, and after each few thousand
// rows.
func (r *Recording) Load(ctx context.Context, pace func()) (*engine.Engine, error) {
	e := engine.New()
	if r.base.files == nil {
		return e, nil
	}
	during, end := r.pin.during(ctx)
	defer end()
	err := during.Err()
	if err == nil {
		err = r.load(during, e, pace)
	}
	switch {
	case err == nil:
		return e, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !r.pin.holds():
		return nil, ErrReleased
	case errors.Is(err, durable.ErrCorrupt), errors.Is(err, durable.ErrInconsistent), errors.Is(err, durable.ErrFormat),
		errors.Is(err, engine.ErrCorrupt):
		r.history.drop(&r.base, err)
		return nil, fmt.Errorf("%w: index %d: %w", ErrDamaged, r.base.Index, err)
	}
	return nil, err
}

func (r *Recording) load(ctx context.Context, e *engine.Engine, pace func()) (err error) {
	if r.state == nil {
		if r.state, err = r.base.open(ctx, r.config, pace); err != nil {
			return err
		}
	}
	return r.state.Load(ctx, e, statedb.Paced(pace))
}

// Next reads what comes next into e: an entry with commands, or something that was refused between two entries (see
// engine.Refused); io.EOF if there is no more. e's commands are valid until the next call. An entry's time may be
// before that of the entry before, and counts as that then.
//
// An order that was refused comes as the log index says that it was recorded with: behind the entry of that index, and
// before the next one. Orders that were refused side by side may be recorded a few entries late, but never behind an
// entry that was made after one of them was answered.
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
	if err := r.history.c.Log.GetLog(index, &r.log); err != nil {
		if !r.pin.holds() {
			return false, ErrReleased
		}
		return false, fmt.Errorf("raftstore: recorded entry %d: %w", index, err)
	}
	r.next++
	if r.log.Type != raft.LogCommand {
		return false, nil
	}
	*e = engine.Entry{Index: index, Commands: e.Commands[:0]}
	if err := r.history.c.Decode(r.log.Data, e); err != nil {
		return false, fmt.Errorf("raftstore: recorded entry %d: %w", index, err)
	}
	return true, nil
}

// pin keeps a state, and the log behind it, for those who replay it.
type pin struct {
	state      Checkpoint
	recordings int
	released   bool // the history does not keep it: its directory goes with the last recording

	gone  context.Context // ended: the state takes too much of the disk, and the log behind it is kept no longer
	letGo context.CancelFunc
}

// holds reports whether what is pinned is still kept.
func (p *pin) holds() bool { return p.gone.Err() == nil }

// during gives a context that ends when the pin lets go, too.
func (p *pin) during(ctx context.Context) (both context.Context, end func()) {
	both, cancel := context.WithCancel(ctx)
	if !p.holds() {
		cancel()
	}
	stop := context.AfterFunc(p.gone, cancel)
	return both, func() { stop(); cancel() }
}

// held reports whether the state is there for the pin alone.
func (p *pin) held() bool { return p.released && p.holds() }

func (h *Keeper) pinLocked(k Checkpoint) *pin {
	p := h.pins[k.Index]
	if p == nil {
		p = &pin{state: k}
		p.gone, p.letGo = context.WithCancel(context.Background())
		h.pins[k.Index] = p
	}
	p.recordings++
	return p
}

// unpin is the end of a recording. The log that is needed no longer goes with the next checkpoint.
func (h *Keeper) unpin(p *pin) {
	h.mu.Lock()
	p.recordings--
	last := p.recordings == 0
	if last {
		delete(h.pins, p.state.Index)
		p.letGo()
	}
	h.mu.Unlock()
	if last && p.released {
		h.remove(&p.state)
	}
}

// oldestHeldLocked is the pin of the oldest state that is there for its pin alone; nil: there is none.
func (h *Keeper) oldestHeldLocked() (oldest *pin) {
	for _, p := range h.pins {
		if p.held() && (oldest == nil || p.state.Index < oldest.state.Index) {
			oldest = p
		}
	}
	return oldest
}
