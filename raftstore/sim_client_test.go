package raftstore

import (
	"errors"
	"fmt"
	"time"

	"apportion/engine"
)

// client sends one batch at a time until it has an answer. After an unknown outcome it sends the batch again, with the
// same idempotency keys, to any node.
type client struct {
	w     *world
	id    int
	sent  int // batches
	asked []keyed
	batch *Batch
	at    *process // the process with the waiting batch; nil: none
	since int64    // when it was sent
	again bool     // an earlier outcome is unknown
	mixed bool     // its commands come from several batches
}

// keyed is a command with its idempotency key, empty if it has none.
type keyed struct {
	key     string
	command engine.Command
}

func newClient(w *world, id int) *client { return &client{w: w, id: id, batch: &Batch{}} }

// step looks for an answer, or sends a batch.
func (c *client) step() {
	w := c.w
	switch {
	case c.at != nil:
		c.look()
	case c.asked == nil && w.calm:
	case c.asked == nil:
		c.ask()
		c.send(w.nodes[w.rng.IntN(len(w.nodes))])
	default:
		c.send(w.nodes[w.rng.IntN(len(w.nodes))])
	}
}

// ask makes the next batch. Sometimes it repeats an answered command.
func (c *client) ask() {
	w := c.w
	c.again, c.mixed = false, false
	if old := w.audit.acked; len(old) > 0 && w.chance(8) {
		c.asked = []keyed{old[w.rng.IntN(len(old))]}
		c.again = true
		return
	}
	g := generator{w}
	c.sent++
	c.asked = c.asked[:0]
	for i := range 1 + w.rng.IntN(3)*w.rng.IntN(2) {
		k := keyed{command: g.command()}
		if !w.chance(10) {
			k.key = fmt.Sprintf("c%d-%d-%d", c.id, c.sent, i)
		}
		c.asked = append(c.asked, k)
	}
}

// send sends the batch to a node, or mostly to the leader that this node knows.
func (c *client) send(n *node) {
	if n.process != nil && n.process.raft.leader >= 0 && !c.w.chance(20) {
		n = c.w.nodes[n.process.raft.leader]
	}
	if n.process == nil {
		return
	}
	c.batch.archive = n.process.store.archive
	c.batch.Reset()
	for _, k := range c.asked {
		c.batch.Append(&engine.Envelope{Key: k.key}, k.command)
	}
	if c.batch.err != nil {
		c.w.failf("client %d: %v", c.id, c.batch.err)
	}
	err := n.process.submit(c.batch)
	if err != nil {
		c.refused(err)
		return
	}
	c.at, c.since = n.process, c.w.nowMS
	c.w.tracef("client %d asks node %d: %d commands from %q on", c.id, n.id, len(c.asked), c.asked[0].key)
}

// look takes the answer if there is one, and sometimes gives up.
func (c *client) look() {
	select {
	case err := <-c.batch.queued.done:
		c.answered(err)
		return
	default:
	}
	if c.w.nowMS-c.since > 200 && c.w.chance(30) {
		err := c.at.store.proposer.giveUp(c.batch.queued)
		if errors.Is(err, ErrOutcomeUnknown) {
			c.batch.detach()
		}
		c.answered(err)
	}
}

func (c *client) answered(err error) {
	p := c.at
	c.at = nil
	if err != nil {
		c.refused(err)
		return
	}
	c.w.counts.Answers++
	c.w.tracef("client %d is answered by node %d", c.id, p.id)
	if !c.w.audit.answered(c) {
		c.again, c.mixed = true, true
		return
	}
	c.asked = nil
}

// refused handles an error: the batch is sent again. A batch with an unknown outcome is not sent again if a command has
// no key.
func (c *client) refused(err error) {
	c.w.tracef("client %d: %v", c.id, err)
	switch {
	case errors.Is(err, ErrOutcomeUnknown):
		c.unknown()
	case errors.Is(err, ErrNotLeader), errors.Is(err, ErrQueueFull), errors.Is(err, ErrTimeout):
	default:
		c.w.failf("client %d: %v", c.id, err)
	}
}

func (c *client) unknown() {
	c.w.counts.Unknown++
	c.again = true
	for _, k := range c.asked {
		if k.key == "" {
			c.asked = nil
			return
		}
	}
}

// lost handles the end of a process: its waiting clients never get an answer.
func (c *client) lost(p *process) {
	if c.at == p {
		c.at = nil
		c.batch.detach()
		c.unknown()
	}
}

// generator makes random commands. The domains are small, so that commands use the same records.
type generator struct{ w *world }

func (g generator) pick(from ...string) string { return from[g.w.rng.IntN(len(from))] }
func (g generator) upc() string                { return g.pick("A", "B", "C") }
func (g generator) location() string           { return g.pick("X", "Y") }
func (g generator) order() string {
	if g.w.plan.old && g.w.chance(20) {
		return fmt.Sprint("old", g.w.rng.IntN(oldOrders))
	}
	return fmt.Sprint("o", g.w.rng.IntN(12))
}
func (g generator) item() string { return g.pick("1", "2", "3") }

func (g generator) command() engine.Command {
	switch dice := g.w.rng.IntN(100); {
	case dice < 15:
		return &engine.Refresh{Location: g.location(), Items: g.items(0)}
	case dice < 25:
		return &engine.Adjust{Location: g.location(), Items: g.items(-6)}
	case dice < 60:
		return g.allocate()
	case dice < 63:
		return &engine.Transfer{Items: []engine.TransferItem{{UPC: g.upc(), FromLocation: "X", ToLocation: "Y",
			Quantity: 1 + g.w.rng.Int64N(4)}}}
	case dice < 66:
		return &engine.Redistribute{Scope: engine.Scope{All: true}, Now: g.w.chance(50)}
	case dice < 68 && g.w.plan.tags:
		return g.category()
	case dice < 69:
		return &engine.Expire{}
	case dice < 70:
		return &engine.StartChanges{}
	default:
		return g.orderChange()
	}
}

// category is distributed, so that every record keeps its sum after each change of the percents.
func (g generator) category() engine.Command {
	web := int32(100 * (1 + g.w.rng.IntN(99)))
	return &engine.PutTagCategory{Name: "Channel", Values: []engine.Value{
		{Name: "Web", Percent: web, Default: true, Max: engine.NoMax},
		{Name: "Shop", Percent: 10_000 - web, Max: engine.NoMax},
	}}
}

func (g generator) items(least int64) []engine.StockItem {
	items := make([]engine.StockItem, 1+g.w.rng.IntN(2))
	for i := range items {
		items[i] = engine.StockItem{UPC: g.upc(), Quantity: least + g.w.rng.Int64N(20)}
		if items[i].Quantity == 0 {
			items[i].Quantity = 1
		}
		if g.w.chance(10) {
			items[i].Has, items[i].SafetyStock = engine.HasSafetyStock, g.w.rng.Int64N(4)
		}
	}
	return items
}

func (g generator) allocate() engine.Command {
	c := &engine.Allocate{OrderID: g.order(), Mode: engine.Mode(g.w.rng.IntN(3)), Backorder: g.w.chance(30)}
	if g.w.chance(35) {
		c.ExpiresAtMS = g.w.nowMS + time.Second.Milliseconds() + g.w.rng.Int64N(40_000)
	}
	first := g.w.rng.IntN(3)
	for i := range 1 + g.w.rng.IntN(2) {
		l := engine.AllocateLine{ItemID: fmt.Sprint(1 + (first+i)%3), UPC: g.upc(), Location: g.location(),
			Quantity: 1 + g.w.rng.Int64N(6)}
		if g.w.plan.tags && g.w.chance(50) {
			l.Tags = []engine.Tag{{Category: "Channel", Value: g.pick("Web", "Shop")}}
		}
		c.Lines = append(c.Lines, l)
	}
	return c
}

func (g generator) orderChange() engine.Command {
	actions := []engine.Kind{engine.KindDeallocate, engine.KindFulfill, engine.KindFulfill, engine.KindReturn,
		engine.KindConfirm}
	c := &engine.OrderChange{Action: actions[g.w.rng.IntN(len(actions))], OrderID: g.order()}
	if c.Action != engine.KindConfirm && g.w.chance(50) {
		c.Lines = []engine.OrderLine{{ItemID: g.item(), Quantity: g.w.rng.Int64N(4)}}
	}
	return c
}
