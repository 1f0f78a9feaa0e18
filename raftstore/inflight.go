package raftstore

import (
	"hash/maphash"
	"sync/atomic"
)

// inFlightOrders counts the orders in flight: those that a queued batch, or a batch in the entry in flight, allocates.
// An order that may be in flight gets no early refusal: its first attempt may still take effect, and then the second
// gets the first one's answer.
//
// Orders are counted by a hash of their ids. An order that shares the hash of one in flight goes through the log
// without need, and gets the right answer there.
type inFlightOrders [inFlightSlots]atomic.Int32

const inFlightSlots = 1 << 12

var orderSeed = maphash.MakeSeed()

func orderSlot(orderID string) uint16 {
	return uint16(maphash.String(orderSeed, orderID) % inFlightSlots)
}

// begin counts the orders of a batch that enters the queue.
func (o *inFlightOrders) begin(b *queuedBatch) { o.add(b, 1) }

// end is for a batch that was answered, or taken out of the queue. Its effect, if any, is visible by then.
func (o *inFlightOrders) end(b *queuedBatch) { o.add(b, -1) }

func (o *inFlightOrders) add(b *queuedBatch, n int32) {
	for _, slot := range b.orders {
		if o[slot].Add(n) < 0 {
			panic("BUG: raftstore: an order has ended that was not in flight")
		}
	}
}

// mayHave reports whether an order may be in flight. False is certain for a batch that was queued before the call.
func (o *inFlightOrders) mayHave(orderID string) bool { return o[orderSlot(orderID)].Load() != 0 }
