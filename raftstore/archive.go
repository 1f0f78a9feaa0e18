package raftstore

import (
	"fmt"
	"sync/atomic"

	"apportion/engine"
	"apportion/raftstore/statedb"
)

// archive finds the rows of closed orders that have left memory: those that no checkpoint holds yet in the engine, the
// others in the state database.
//
// An order can move while it is looked for: out of memory by an eviction, into the database by a checkpoint, back into
// memory by a Return. It is looked for in this direction, and it is in the database before the engine forgets it, so
// only a way back into memory can make a look-up miss it; read then starts again.
type archive struct {
	applier *applier
	state   *statedb.DB
	stored  atomic.Bool // the database has rows of such orders, so it must be asked
}

// attach completes the envelope of a command on an order that has left memory. ArchivedAt is read before the look-up:
// the engine refuses the row with CodeRetry if the order may have changed since then.
func (a *archive) attach(env *engine.Envelope, c engine.Command) error {
	orderID, ok := orderOf(c)
	if !ok || !a.mayHaveAny() {
		return nil
	}
	at := a.applier.visibleIndex.Load()
	if a.applier.engine.MayHaveOrder(orderID) {
		return nil
	}
	row, found, err := a.row(orderID)
	if err != nil || !found {
		return err
	}
	env.Archived, env.ArchivedAt = row, at
	return nil
}

func orderOf(c engine.Command) (orderID string, ok bool) {
	switch c := c.(type) {
	case *engine.Allocate:
		return c.OrderID, true
	case *engine.OrderChange:
		return c.OrderID, true
	case *engine.Transition:
		return c.OrderID, true // what it comes from holds units, and so is in memory
	}
	return "", false
}

// mayHaveAny is false while the log is too short for any order to have left memory, or to be about to (the engine has
// such orders looked up ahead of time). Until then a look-up costs nothing.
func (a *archive) mayHaveAny() bool {
	return a.applier.engine.AppliedIndex() >= engine.ClosedOrderEntries/2
}

// row finds an order that has left memory, or is about to.
func (a *archive) row(orderID string) (row []byte, found bool, err error) {
	gone := false
	if a.applier.engine.MayHaveArchived(orderID) {
		a.applier.locked(func(e *engine.Engine) {
			row, found = e.AppendArchived(nil, orderID)
			gone = !found && e.IsUnarchived(orderID)
		})
	}
	if found || gone || !a.stored.Load() {
		return row, found, nil
	}
	return a.state.ArchivedRow(nil, orderID)
}

// mayHave reports whether an order may have left memory; no is certain. It takes no lock.
func (a *archive) mayHave(orderID string) bool {
	if !a.mayHaveAny() {
		return false
	}
	if a.applier.engine.MayHaveArchived(orderID) {
		return true
	}
	if !a.stored.Load() {
		return false
	}
	_, found, err := a.state.ArchivedRow(nil, orderID)
	return found || err != nil
}

// read fills v with an order, wherever it is.
func (a *archive) read(orderID string, v *engine.OrderView) (bool, error) {
	row, found, err := a.anyRow(orderID)
	if err != nil || !found {
		return false, err
	}
	return true, decodeArchived(orderID, row, v)
}

// explain fills v with why an order was filled as it was.
func (a *archive) explain(orderID string, v *engine.OrderExplanation) (bool, error) {
	row, found, err := a.anyRow(orderID)
	if err != nil || !found {
		return false, err
	}
	a.applier.locked(func(e *engine.Engine) { err = e.ExplainOrder(row, v) })
	if err != nil {
		return false, fmt.Errorf("raftstore: explain order %q: %w", orderID, err)
	}
	return true, nil
}

// anyRow gives the stored form of an order, wherever it is. Under the mutex it is only encoded: what a reader makes of
// it is its own time.
func (a *archive) anyRow(orderID string) (row []byte, found bool, err error) {
	for range archiveAttemptsMax {
		a.applier.locked(func(e *engine.Engine) { row, found = e.AppendOrder(nil, orderID) })
		if found || !a.mayHaveAny() {
			return row, found, nil
		}
		if row, found, err = a.row(orderID); err != nil || found {
			return row, found, err
		}
		if !a.applier.engine.MayHaveOrder(orderID) {
			return nil, false, nil
		}
	}
	return nil, false, fmt.Errorf("raftstore: order %q moved between memory and archive %d times while it was read",
		orderID, archiveAttemptsMax)
}

func decodeArchived(orderID string, row []byte, v *engine.OrderView) error {
	if err := engine.DecodeArchivedOrder(row, v); err != nil {
		return fmt.Errorf("raftstore: the stored row of order %q: %w", orderID, err)
	}
	return nil
}
