package raftstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"apportion/engine"
	"apportion/raftstore/peernet"
)

// NewBatch returns an empty batch for Do. Reuse it for the next request: Reset empties it.
func (s *Store) NewBatch() *Batch { return &Batch{archive: s.archive, queued: newQueuedBatch()} }

// Do puts the commands of the batch into the log, in one entry, and fills in their results. It returns nil when the
// entry is durable and applied, whatever the results are: a refused command has a result too.
//
// The deadline bounds the wait; the zero time waits for ever. After any error except ErrOutcomeUnknown, nothing of the
// batch is in the log, and Do may be called with it again. After ErrOutcomeUnknown the batch is empty.
func (s *Store) Do(deadline time.Time, b *Batch) error {
	switch {
	case b.err != nil:
		return b.err
	case b.Len() == 0:
		return nil
	case s.closed.Load():
		return ErrClosed
	case !s.leadership.valid():
		return ErrNotLeader
	}
	return s.proposer.do(deadline, b)
}

// Reader reads the state, at any time and from any goroutine.
func (s *Store) Reader() *engine.Reader { return &s.engine.Reader }

// AppliedIndex is the last log entry with all its commands visible. Load it before you read the state: the state is
// then of this entry or a later one.
func (s *Store) AppliedIndex() uint64 { return s.applier.visibleIndex.Load() }

// WaitApplied returns nil when AppliedIndex is at least the index, ErrTimeout at the deadline (the zero time is none),
// and ErrClosed when stop is closed. While nobody waits, it costs each entry one load.
func (s *Store) WaitApplied(index uint64, deadline time.Time, stop <-chan struct{}) error {
	return s.applier.signal.wait(index, s.AppliedIndex, deadline, stop)
}

// ReadOrder fills v with an order: from memory, or from the archive if it was closed long ago. It returns false if
// there is no such order.
func (s *Store) ReadOrder(orderID string, v *engine.OrderView) (bool, error) {
	return s.archive.read(orderID, v)
}

// Explain fills v with the explanation of an order. It returns false if there is no such order.
func (s *Store) Explain(orderID string, v *engine.OrderExplanation) (bool, error) {
	return s.archive.explain(orderID, v)
}

// Events appends the events after the given one, at most limit.
func (s *Store) Events(after engine.EventID, limit int, dst []engine.Event) []engine.Event {
	if after == math.MaxUint64 { // the engine begins at the number after it
		return dst
	}
	s.applier.locked(func(e *engine.Engine) { dst = e.Events(after, limit, dst) })
	return dst
}

// EventsOf appends events of a record, newest first; see engine.EventsOf.
func (s *Store) EventsOf(record engine.RecordKey, before engine.EventID, limit, looks int, dst []engine.Event) (
	events []engine.Event, next engine.EventID) {
	s.applier.locked(func(e *engine.Engine) { events, next = e.EventsOf(record, before, limit, looks, dst) })
	return events, next
}

// ForgottenEvents tells whether events have been forgotten, and the moment of the oldest that is kept.
func (s *Store) ForgottenEvents() (forgotten bool, since engine.Moment) {
	s.applier.locked(func(e *engine.Engine) { forgotten, since = e.ForgottenEvents() })
	return forgotten, since
}

// OpenOrders appends copies of orders that hold units, a page at a time; see engine.OpenOrders.
func (s *Store) OpenOrders(after uint32, limit int, dst []engine.OrderView) (orders []engine.OrderView, next uint32) {
	s.applier.locked(func(e *engine.Engine) { orders, next = e.OpenOrders(after, limit, dst) })
	return orders, next
}

// OrdersAfter appends copies of orders that a filter picks, those that changed longest ago first; see
// engine.OrdersAfter. It holds the apply mutex for few orders at a time.
func (s *Store) OrdersAfter(f engine.OrderFilter, after engine.OrderCursor, limit, looks int,
	dst []engine.OrderView) (orders []engine.OrderView, next engine.OrderCursor, more bool) {
	orders, more = dst, true
	for end := len(dst) + limit; more && looks > 0 && len(orders) < end; looks -= holdRowsMax {
		s.applier.locked(func(e *engine.Engine) {
			orders, after, more = e.OrdersAfter(f, after, end-len(orders), min(looks, holdRowsMax), orders)
		})
	}
	return orders, after, more
}

// ChangesAfter appends the changes of records behind a place, the oldest first, at most limit; see
// engine.ChangesAfter. It holds the apply mutex for few changes at a time.
func (s *Store) ChangesAfter(after engine.ChangeCursor, limit int, dst []engine.Change) (changes []engine.Change,
	err error) {
	changes = dst
	for end, more := len(dst)+limit, true; more && len(changes) < end; {
		was := after
		s.applier.locked(func(e *engine.Engine) {
			changes, after, err = e.ChangesAfter(after, min(end-len(changes), holdRowsMax), changes)
		})
		more = after != was
	}
	if len(changes) > len(dst) {
		return changes, nil // those that were found are right whatever has become of the others
	}
	return changes, err
}

// LastChange is the place behind all changes so far; see engine.LastChange.
func (s *Store) LastChange() (at engine.ChangeCursor, err error) {
	s.applier.locked(func(e *engine.Engine) { at, err = e.LastChange() })
	return at, err
}

// Job copies a kept job; see engine.Job.
func (s *Store) Job(id engine.JobID, j *engine.Job) (found bool) {
	s.applier.locked(func(e *engine.Engine) { found = e.Job(id, j) })
	return found
}

// Jobs appends up to limit kept jobs with numbers below one (0: the newest ones), newest first.
func (s *Store) Jobs(before engine.JobID, limit int, dst []engine.Job) []engine.Job {
	s.applier.locked(func(e *engine.Engine) { dst = e.Jobs(before, limit, dst) })
	return dst
}

// Counts gives the open stock counts, in the order of their start.
func (s *Store) Counts() (counts []engine.CountView) {
	s.applier.locked(func(e *engine.Engine) { counts = e.Counts() })
	return counts
}

// NextPlans appends records that wait for a rule, at most limit, after a cursor; see engine.NextPlans.
func (s *Store) NextPlans(after uint32, limit int, dst []engine.PlanWanted) (wanted []engine.PlanWanted, next uint32) {
	s.applier.locked(func(e *engine.Engine) { wanted, next = e.NextPlans(after, limit, dst) })
	return wanted, next
}

// Refuses is the early refusal: the answer to an Allocate that committed stock cannot meet, without a log entry.
//
// What: it returns true and fills r with the refusal. While history is kept, the refusal is recorded as one of the time
// nowMS (Unix milliseconds). In a group of several, the refusal is found twice: before and after a quorum has confirmed
// that this node leads, at the latest by the deadline. In a group of one, nothing waits.
//
// It returns false, so that the command goes through the log, when
//   - this node does not lead, or its leadership is not confirmed by the deadline;
//   - committed stock can meet the order, or only the log can tell (see engine.Refuses);
//   - the order or its key may be known: it was answered before, has left memory, or has an attempt in flight;
//   - the order has several lines and a mode that refuses line by line.
//
// Never: an Allocate with plans must not be asked here. The answer to a rule's decision comes from the log.
func (s *Store) Refuses(deadline time.Time, nowMS int64, key string, c *engine.Allocate, r *engine.Result) bool {
	if c.Mode != engine.ModeAll && len(c.Lines) > 1 {
		return false // see engine.Refuses
	}
	index := s.AppliedIndex()
	if !s.leadership.valid() || !s.refusesNow(key, c, r) {
		return false
	}
	if s.peers != nil {
		index = s.AppliedIndex()
		if s.reads.confirmLeader(deadline) != nil || !s.refusesNow(key, c, r) {
			return false
		}
	}
	r.Index = index
	s.history.RecordRefusal(engine.Moment{Index: index, TimeMS: nowMS}, r.Code, c)
	return true
}

// refusesNow reports whether committed stock cannot meet an Allocate of an order that nobody knows. The order of the
// questions matters: an order moves from in flight into memory, and from there to the archive, so a question in the
// same order misses none. The engine answers for the key and for orders in memory.
func (s *Store) refusesNow(key string, c *engine.Allocate, r *engine.Result) bool {
	return !s.proposer.inFlight.mayHave(c.OrderID) && s.engine.Refuses(key, c, r) && !s.archive.mayHave(c.OrderID)
}

// ReadBarrier returns nil when a read that starts now sees every write that any node acknowledged before the call. The
// leader checks that it still leads; a follower waits until it has applied the leader's read index. In a group of one
// it does not wait and costs a few loads.
func (s *Store) ReadBarrier(deadline time.Time) error {
	switch {
	case s.peers != nil:
		return s.reads.barrier(deadline)
	case s.leadership.valid():
		return nil
	default:
		return ErrNotLeader
	}
}

// Lag bounds how far this node's state may be behind: it has everything that was acknowledged longer ago. known is
// false if no bound is known. In a group of one the lag is 0. On the leader of several it is the time since a quorum
// last confirmed its leadership.
func (s *Store) Lag() (lag time.Duration, known bool) {
	if s.peers == nil {
		return 0, s.leadership.valid()
	}
	return s.reads.fresh.lag()
}

// Ready returns nil once the node leads, or follows a leader closely, has applied all entries that were in the log at
// its start, and has a disk that answers. Until then the error says what the node waits for. A leader that has just
// stepped down is ready for a moment longer, since its state is fresh.
func (s *Store) Ready() error {
	for _, c := range s.Conditions() {
		if c.Required && c.Err != nil {
			return c.Err
		}
	}
	return nil
}

// Condition is one aspect of the health of a node.
type Condition struct {
	Name     string
	Required bool  // without it, the node is not ready
	Err      error // nil: it holds
}

// Conditions returns all of them. Failing checkpoints do not keep a node from serving, and taking the traffic away from
// it would not help, so they are not required.
func (s *Store) Conditions() []Condition {
	return []Condition{
		{"caught-up", true, s.caughtUp()},
		{"log-disk", true, s.logAnswers()},
		{"checkpoints", false, s.checkpoints.failures.err()},
	}
}

func (s *Store) logAnswers() error {
	if age := s.disk.logAge(); age > s.cfg.StallTimeout {
		return fmt.Errorf("raftstore: the log's disk has not answered for %s", age.Round(100*time.Millisecond))
	}
	return nil
}

// caughtUp is Ready without regard to the disk.
func (s *Store) caughtUp() error {
	if s.closed.Load() {
		return ErrClosed
	}
	err := s.leadership.ready()
	if err == nil || s.peers == nil {
		return err
	}
	if lag, known := s.reads.fresh.lag(); known && lag <= readyLagMax {
		return nil
	}
	if isClosed(s.Replaced()) {
		return ErrReplaced
	}
	return err
}

// refusal is why a node that has settled does not serve. That it has stepped down since is no reason.
func (s *Store) refusal() error {
	if err := s.caughtUp(); err != nil && (s.peers == nil || !errors.Is(err, ErrNotLeader)) {
		return err
	}
	return nil
}

// WaitReady waits until the node is ready for the first time after Open, or cannot become so. After ErrReplaced, the
// store must be closed and opened again.
func (s *Store) WaitReady(ctx context.Context) error {
	select {
	case <-s.leadership.settled:
		return s.refusal()
	case <-s.Replaced():
		return ErrReplaced
	case <-s.stop:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Checkpoint brings the state on disk up to the last applied entry and truncates the log before it. It returns when
// that is durable. If ctx ends first, the checkpoint goes on without its caller.
func (s *Store) Checkpoint(ctx context.Context) error {
	done := make(chan error, 1)
	s.checkpoints.waiting.Add(1)
	go func() {
		defer s.checkpoints.waiting.Add(-1)
		done <- s.checkpoints.checkpoint()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Status is an overview of a store for operators.
type Status struct {
	NodeID string
	State  string // Raft's: Follower, Candidate, Leader, Shutdown
	Ready  bool
	Term   uint64

	// Cluster is empty on a node without peers. Address is the one that other nodes use. Leader is empty while no
	// leader is known. For Lag see Store.Lag.
	Cluster  string
	Address  string
	Leader   string
	Lag      time.Duration
	LagKnown bool

	AppliedIndex    uint64 // last entry with commands that was applied
	LogIndex        uint64 // last entry in the log
	CommitIndex     uint64 // last entry that this node knows to be committed
	CheckpointIndex uint64 // the state on disk is of this index

	// LogBytes counts the log since the last checkpoint; LastCheckpointMS is when it ended (0: none since the start).
	LogBytes         int64
	LastCheckpointMS int64

	QueueLength int64

	// ClockHeldBackMS is how far the wall clock is ahead of the believed time, after a jump.
	ClockHeldBackMS int64
}

// Status returns the figures. They may be of slightly different moments.
func (s *Store) Status() Status {
	status := Status{
		NodeID: s.cfg.NodeID, State: s.raft.State().String(), Ready: s.Ready() == nil, Term: s.raft.CurrentTerm(),
		AppliedIndex: s.AppliedIndex(), LogIndex: s.raft.LastIndex(), CommitIndex: s.raft.CommitIndex(),
		CheckpointIndex: s.checkpoints.checkpointIndex(),
		LogBytes:        s.applier.logBytes.Load(), LastCheckpointMS: s.checkpoints.lastEnd.Load(),
		QueueLength: s.proposer.queued.Load(), ClockHeldBackMS: s.stamper.heldBackMS.Load(),
	}
	_, leader := s.raft.LeaderWithID()
	status.Leader = peernet.NodeName(leader)
	status.Lag, status.LagKnown = s.Lag()
	if s.peers != nil {
		status.Cluster, status.Address = s.identity.Cluster(), s.peers.Address
	}
	return status
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
