package raftstore

import (
	"fmt"
	"sync/atomic"

	"apportion/engine"
	"apportion/raftstore/statedb"
)

// archive finds the rows of closed orders that have left memory: in the engine while no checkpoint holds them yet, then
// in the state database.
//
// An order can move during a look-up: out of memory by an eviction, into the database by a checkpoint, back into memory
// by a Return. A look-up goes in the same direction, and an order is in the database before the engine forgets it. So
// only a Return can make a look-up miss it; read then starts again.
type archive struct {
	applier *applier
	state   *statedb.DB
	stored  atomic.Bool // the database has rows of such orders
}

// attach adds to the envelope of a command the row of an order that has left memory. ArchivedAt is read before the
// look-up: the engine refuses the row with CodeRetry if the order may have changed since.
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
		return c.OrderID, true // its source order holds units, so it is in memory
	}
	return "", false
}

// mayHaveAny is false while the log is too short for any order to have left memory, or to be about to: the engine needs
// the rows of such orders ahead of time. Until then a look-up costs nothing.
func (a *archive) mayHaveAny() bool {
	return a.applier.engine.AppliedIndex() >= engine.ClosedOrderEntries/2
}

// row finds an order that has left memory, or will soon.
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

// mayHave reports whether an order may have left memory. False is certain. It takes no lock.
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

// read fills v with an order, from memory or from the archive.
func (a *archive) read(orderID string, v *engine.OrderView) (bool, error) {
	row, found, err := a.anyRow(orderID)
	if err != nil || !found {
		return false, err
	}
	return true, decodeArchived(orderID, row, v)
}

// explain fills v with the explanation of an order.
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

// anyRow returns the stored form of an order, from memory or from the archive. An order in memory is encoded under the
// apply mutex, and decoded by the reader without it.
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
	return nil, false, fmt.Errorf("raftstore: order %q moved between memory and archive %d times during a read; try "+
		"again",
		orderID, archiveAttemptsMax)
}

func decodeArchived(orderID string, row []byte, v *engine.OrderView) error {
	if err := engine.DecodeArchivedOrder(row, v); err != nil {
		return fmt.Errorf("raftstore: the stored row of order %q: %w", orderID, err)
	}
	return nil
}
