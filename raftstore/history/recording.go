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
	"apportion/wal"
)

// View says what of the past can be replayed.
type View struct {
	Enabled  bool
	From     engine.Moment // nothing before it can be replayed
	To       engine.Moment // the last entry applied
	Bytes    int64         // of disk that only history needs, replays included; estimated
	BytesMax int64
	AgeMS    int64

	// RefusedFrom is where the recording of refused orders begins. RefusedMS is when the last one was recorded (Unix
	// milliseconds), or a time before that.
	RefusedFrom engine.Moment
	RefusedMS   int64

	// States are the kept checkpoints, the oldest first. A replay begins at one of them; index 0 is the empty state.
	States []engine.Moment
}

// The errors of a Recording.
var (
	// ErrNotKept: there is no checkpoint for the replay to begin with.
	ErrNotKept = errors.New("raftstore: no such history is kept")

	// ErrDamaged: the checkpoint to begin with is not what was written. It was dropped; another attempt takes another
	// one.
	ErrDamaged = errors.New("raftstore: the checkpoint to replay from is damaged and was dropped; try again to " +
		"begin with " +
		"another one")

	// ErrReleased: the replay took so long that its checkpoint and log took as much of the disk as all other history.
	ErrReleased = errors.New("raftstore: what was replayed took too much of the disk and was released; begin at a " +
		"later time, or " +
		"raise --history-bytes-max")
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

// Recording is a part of the past: a kept checkpoint, the entries after it, and the recorded refusals between them.
// They stay on the disk while it is open, within bounds (ErrReleased). It is for one goroutine.
type Recording struct {
	history *Keeper
	config  statedb.Config
	pin     *pin
	base    Checkpoint
	state   *statedb.DB // nil: not loaded yet, or the empty state
	next    uint64      // next entry to read
	last    uint64
	log     raft.Log // read last
	refused *refusedReader
}

// Record opens what was recorded up to the entry last. It begins with the last kept checkpoint that is not after an
// index and not after a time (Unix milliseconds); ErrNotKept if there is none.
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

// choose finds the checkpoint to begin with, and pins it.
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

// Close releases the recording.
func (r *Recording) Close() error {
	err := r.refused.close()
	if r.state != nil {
		err = errors.Join(err, r.state.Close())
	}
	r.history.unpin(r.pin)
	return err
}

// Base is the moment of the checkpoint that the recording begins with.
func (r *Recording) Base() engine.Moment {
	return engine.Moment{Index: r.base.Index, TimeMS: r.base.TimeMS}
}

// Last is the last entry of the recording.
func (r *Recording) Last() uint64 { return r.last }

// RefusedFrom is where the recording of refused orders begins. Nothing is known of earlier refusals.
func (r *Recording) RefusedFrom() engine.Moment { return r.refused.since }

// Load returns a new engine with the state that the recording begins with. The first call compares the checksums of all
// files first. pace is called after each file, and after every few thousand rows.
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

// Next reads what comes next into e: an entry with commands, or a refusal between two entries (see engine.Refused);
// io.EOF at the end. e's commands are valid until the next call. An entry's time may be before that of the entry before
// it, and then counts as that time.
//
// A refusal comes after the entry of the log index that it was recorded with, and before the next entry. Orders that
// were refused concurrently may come a few entries late, but never after an entry that was proposed after one of them
// was answered.
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

// nextEntry reads an entry of the log. found is false if it has no commands.
func (r *Recording) nextEntry(e *engine.Entry) (found bool, err error) {
	index := r.next
	if err := r.history.c.Log.GetLog(index, &r.log); err != nil {
		if !r.pin.holds() {
			return false, ErrReleased
		}
		if errors.Is(err, wal.ErrCorrupt) {
			err = fmt.Errorf("%w: %w", durable.ErrCorrupt, err)
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

// pin keeps a checkpoint, and the log after it, for its replays.
type pin struct {
	checkpoint Checkpoint
	recordings int
	released   bool // no longer kept: its directory goes with the last recording

	gone  context.Context // ended: it took too much of the disk, and its log is kept no longer
	letGo context.CancelFunc
}

// holds reports whether the pinned log is still kept.
func (p *pin) holds() bool { return p.gone.Err() == nil }

// during returns a context that also ends when the pin lets go.
func (p *pin) during(ctx context.Context) (both context.Context, end func()) {
	both, cancel := context.WithCancel(ctx)
	if !p.holds() {
		cancel()
	}
	stop := context.AfterFunc(p.gone, cancel)
	return both, func() { stop(); cancel() }
}

// held reports whether the checkpoint is there for the pin alone.
func (p *pin) held() bool { return p.released && p.holds() }

func (h *Keeper) pinLocked(k Checkpoint) *pin {
	p := h.pins[k.Index]
	if p == nil {
		p = &pin{checkpoint: k}
		p.gone, p.letGo = context.WithCancel(context.Background())
		h.pins[k.Index] = p
	}
	p.recordings++
	return p
}

// unpin is called at the end of a recording. The next checkpoint truncates the log that is no longer needed.
func (h *Keeper) unpin(p *pin) {
	h.mu.Lock()
	p.recordings--
	last := p.recordings == 0
	if last {
		delete(h.pins, p.checkpoint.Index)
		p.letGo()
	}
	h.mu.Unlock()
	if last && p.released {
		h.remove(&p.checkpoint)
	}
}

// oldestHeldLocked returns the pin of the oldest checkpoint that is there for its pin alone; nil if there is none.
func (h *Keeper) oldestHeldLocked() (oldest *pin) {
	for _, p := range h.pins {
		if p.held() && (oldest == nil || p.checkpoint.Index < oldest.checkpoint.Index) {
			oldest = p
		}
	}
	return oldest
}
