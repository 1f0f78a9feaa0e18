package backtest

import (
	"fmt"

	"apportion/engine"
	"apportion/rules"
)

// replica is an engine that replays the recording: the baseline as it was decided, or the candidate.
type replica struct {
	engine *engine.Engine
	index  uint64 // of the entry in progress
	nowMS  int64

	result  engine.Result // of the last command
	encoded []byte
	answer  []byte
	order   engine.OrderView
	why     engine.OrderExplanation

	schema    *engine.Schema // of names
	names     map[engine.TagSetID]string
	allocated map[string]*segmentAllocated // by name of the segment
}

// segmentAllocated counts what orders got from the segments of the same tags.
type segmentAllocated struct {
	tags  []engine.Tag
	units int64
}

// apply applies a command. The result is valid until the next one.
func (rep *replica) apply(command []byte) *engine.Result {
	rep.answer = rep.engine.Apply(rep.index, rep.nowMS, command, rep.answer[:0])
	if err := engine.DecodeResult(rep.answer, &rep.result); err != nil {
		panic(fmt.Sprintf("BUG: backtest: a result cannot be read: %v", err))
	}
	return &rep.result
}

func (rep *replica) do(env *engine.Envelope, c engine.Command) *engine.Result {
	rep.encoded = engine.AppendCommand(rep.encoded[:0], env, c)
	return rep.apply(rep.encoded)
}

// attach gives a command the row of an order that has left the replica's memory, as the leader did with its own.
func (rep *replica) attach(env *engine.Envelope, orderID string) {
	if !rep.engine.MayHaveArchived(orderID) {
		return
	}
	if row, found := rep.engine.AppendArchived(nil, orderID); found {
		env.Archived, env.ArchivedAt = row, rep.index
	}
}

// clipToHeld cuts a change of an order down to what the replica's order holds. adapted: something was cut. Not left:
// there is nothing to change.
func (rep *replica) clipToHeld(c *engine.OrderChange, env *engine.Envelope) (adapted, left bool) {
	found := rep.engine.ReadOrder(c.OrderID, &rep.order)
	if !found && len(env.Archived) > 0 {
		found = engine.DecodeArchivedOrder(env.Archived, &rep.order) == nil
	}
	if len(c.Lines) == 0 {
		return !found, found
	}
	kept := c.Lines[:0]
	used := map[string]int64{}
	for _, l := range c.Lines {
		units, known := int64(0), false
		if found {
			units, known = rep.unitsLeft(c.Action, l.ItemID)
			units -= used[l.ItemID]
		}
		switch {
		case !known && l.UPC != "" && l.Location != "": // units of an unknown order come back, perhaps again
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

// unitsLeft is how many units of an item of rep.order an action can change.
func (rep *replica) unitsLeft(action engine.Kind, itemID string) (units int64, known bool) {
	for i := range rep.order.Items {
		if rep.order.Items[i].ItemID != itemID || rep.order.Items[i].Requested == 0 {
			continue
		}
		for _, l := range rep.order.Items[i].Lines {
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

// name names a segment's tags. Both replicas have the same names, but not always the same ids.
func (rep *replica) name(id engine.TagSetID) string {
	if s := rep.engine.Schema(); s != rep.schema {
		rep.schema, rep.names = s, map[engine.TagSetID]string{}
	}
	name, known := rep.names[id]
	if !known {
		name = rules.TagsText(rep.schema.Tags(id))
		rep.names[id] = name
	}
	return name
}

// count adds up what a line got.
func (rep *replica) count(l *engine.LineResult) {
	for _, p := range l.Parts {
		name := rep.name(p.TagSet)
		t := rep.allocated[name]
		if t == nil {
			if rep.allocated == nil {
				rep.allocated = map[string]*segmentAllocated{}
			}
			t = &segmentAllocated{tags: rep.schema.Tags(p.TagSet)}
			rep.allocated[name] = t
		}
		t.units += p.Units
	}
}
