package backtest

import (
	"fmt"

	"apportion/engine"
	"apportion/rules"
)

// world is one of the two courses of events of a backtest.
type world struct {
	engine *engine.Engine
	index  uint64 // of the entry that is being done
	nowMS  int64

	result  engine.Result // of the last command
	encoded []byte
	answer  []byte
	order   engine.OrderView
	why     engine.OrderExplanation

	schema *engine.Schema // for which names are kept
	names  map[engine.TagSetID]string
	taken  map[string]*taken // by name of the segment
}

// taken is what orders took of the segments with the same tags.
type taken struct {
	tags  []engine.Tag
	units int64
}

// apply does a command. The result is valid until the next one.
func (w *world) apply(command []byte) *engine.Result {
	w.answer = w.engine.Apply(w.index, w.nowMS, command, w.answer[:0])
	if err := engine.DecodeResult(w.answer, &w.result); err != nil {
		panic(fmt.Sprintf("BUG: rules: a result cannot be read: %v", err))
	}
	return &w.result
}

func (w *world) do(env *engine.Envelope, c engine.Command) *engine.Result {
	w.encoded = engine.AppendCommand(w.encoded[:0], env, c)
	return w.apply(w.encoded)
}

// attach gives a command the row of an order that has left this world's memory, as the leader gave it the real one's.
func (w *world) attach(env *engine.Envelope, orderID string) {
	if !w.engine.MayHaveArchived(orderID) {
		return
	}
	if row, found := w.engine.AppendArchived(nil, orderID); found {
		env.Archived, env.ArchivedAt = row, w.index
	}
}

// fit cuts a change of an order down to what the order has in this world. adapted: something was cut. Not left: there
// is nothing to be changed.
func (w *world) fit(c *engine.OrderChange, env *engine.Envelope) (adapted, left bool) {
	found := w.engine.ReadOrder(c.OrderID, &w.order)
	if !found && len(env.Archived) > 0 {
		found = engine.DecodeArchivedOrder(env.Archived, &w.order) == nil
	}
	if len(c.Lines) == 0 {
		return !found, found
	}
	kept := c.Lines[:0]
	used := map[string]int64{}
	for _, l := range c.Lines {
		units, known := int64(0), false
		if found {
			units, known = w.left(c.Action, l.ItemID)
			units -= used[l.ItemID]
		}
		switch {
		case !known && l.UPC != "" && l.Location != "": // goods that come back from an unknown order, perhaps again
		case units <= 0:
			adapted = true
			continue
		case l.Quantity > units:
			adapted, l.Quantity = true, units
		}
		used[l.ItemID] += l.Quantity
		kept = append(kept, l)
	}
	c.Lines = kept
	return adapted, len(kept) > 0
}

// left is what of an item of w.order an action can be about.
func (w *world) left(action engine.Kind, itemID string) (units int64, known bool) {
	for i := range w.order.Items {
		if w.order.Items[i].ItemID != itemID || w.order.Items[i].Requested == 0 {
			continue
		}
		for _, l := range w.order.Items[i].Lines {
			switch action {
			case engine.KindFulfill:
				units += l.Allocated
			case engine.KindReturn:
				units += l.Fulfilled - l.Returned
			default:
				units += l.Allocated + l.Pending
			}
		}
		return units, true
	}
	return 0, false
}

// name gives the name of a segment's tags, which is the same in both worlds though the ids need not be.
func (w *world) name(id engine.TagSetID) string {
	if s := w.engine.Schema(); s != w.schema {
		w.schema, w.names = s, map[engine.TagSetID]string{}
	}
	name, known := w.names[id]
	if !known {
		name = rules.TagsText(w.schema.Tags(id))
		w.names[id] = name
	}
	return name
}

// take counts what a line got.
func (w *world) take(l *engine.LineResult) {
	for _, p := range l.Parts {
		name := w.name(p.TagSet)
		t := w.taken[name]
		if t == nil {
			if w.taken == nil {
				w.taken = map[string]*taken{}
			}
			t = &taken{tags: w.schema.Tags(p.TagSet)}
			w.taken[name] = t
		}
		t.units += p.Units
	}
}
