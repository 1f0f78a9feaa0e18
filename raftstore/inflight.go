package raftstore

import (
	"hash/maphash"
	"sync/atomic"
)

// underWay counts the orders that are to be allocated by a batch that waits, or is in an entry on its way, by a hash of
// their ids. An order that may be among them is not refused from the state alone: its first try may yet take effect,
// and the answer to the second is the first one's. Orders that share a hash go through the log without need, and have
// the right answer.
type underWay [underWaySlots]atomic.Int32

const underWaySlots = 1 << 12

var orderSeed = maphash.MakeSeed()

func orderSlot(orderID string) uint16 {
	return uint16(maphash.String(orderSeed, orderID) % underWaySlots)
}

func (u *underWay) begin(w *pending) { u.add(w, 1) }

// end is for a batch that was answered, or left behind by its caller, and whose effect can be seen if it has any.
func (u *underWay) end(w *pending) { u.add(w, -1) }

func (u *underWay) add(w *pending, n int32) {
	for _, slot := range w.orders {
		if u[slot].Add(n) < 0 {
			panic("BUG: raftstore: an order has ended that was not under way")
		}
	}
}

// mayHave reports whether an order may be under way; no is certain for a try that was queued before the call.
func (u *underWay) mayHave(orderID string) bool { return u[orderSlot(orderID)].Load() != 0 }
