package engine_test

import (
	"maps"
	"slices"

	"apportion/engine"
)

// release gives up everything that an item still holds or waits for.
func (m *model) release(it *item, why engine.MovementKind) {
	m.note(it, why, it.allocated+it.pending)
	it.released += it.allocated + it.pending
	it.allocated, it.pending = 0, 0
}

// open says that the item blocks its id: something of it is promised, or was fulfilled.
func (it *item) open() bool { return it.allocated+it.pending+it.fulfilled > 0 }

func (o *order) find(id string) *item {
	if o == nil {
		return nil
	}
	for _, it := range o.items {
		if it.id == id {
			return it
		}
	}
	return nil
}

func (m *model) allocate(c *engine.Allocate) answer {
	if c.ExpiresAtMS != 0 && c.ExpiresAtMS <= m.nowMS {
		return answer{Code: engine.CodeExpired}
	}
	var a answer
	for _, line := range c.Lines {
		answer, code := m.allocateLine(c, line)
		if code != engine.CodeOK {
			a.Code, a.Lines = code, nil
			return a
		}
		a.Lines = append(a.Lines, answer)
	}
	if c.Mode == engine.ModeAll {
		a.Code = refuseOthers(a.Lines)
	}
	return a
}

// refuseOthers gives the code of a command whose lines are all met or none: the smallest of the refused lines'. Lines
// that were fine, and are no repetition, are what they are in a command that was refused for other lines.
func refuseOthers(lines []lineAnswer) engine.Code {
	worst := engine.CodeOK
	for _, line := range lines {
		worst = smallest(worst, line.Code)
	}
	if worst == engine.CodeOK {
		return worst
	}
	for i, line := range lines {
		if line.Code == engine.CodeOK && !line.Repeated {
			lines[i] = lineAnswer{ItemID: line.ItemID, Code: engine.CodeUnavailable, Requested: line.Requested}
		}
	}
	return worst
}

// allocateLine answers one line, or gives the code for which the whole command is refused.
func (m *model) allocateLine(c *engine.Allocate, line engine.AllocateLine) (lineAnswer, engine.Code) {
	refused := lineAnswer{ItemID: line.ItemID, Requested: line.Quantity}
	p := place{line.UPC, line.Location}
	tags, code := m.resolve(line.Tags)
	if code != engine.CodeOK {
		return refused, code
	}

	it := m.orders[c.OrderID].find(line.ItemID)
	if it != nil && it.open() {
		if it.expiresMS != 0 && it.expiresMS != c.ExpiresAtMS || it.place != p || it.requested != line.Quantity || !maps.Equal(it.tags, tags) {
			return refused, engine.CodeItemConflict
		}
		return repeatedLine(it), engine.CodeOK
	}

	r := m.records[p]
	if r == nil {
		refused.Code = engine.CodeUnknownRecord
		return refused, engine.CodeOK
	}
	s := r.find(tags)
	if s == nil && !c.Backorder {
		refused.Code = engine.CodeUnknownSegment
		return refused, engine.CodeOK
	}
	var available int64
	if s != nil {
		available = max(0, m.available(p, s))
	}
	units := min(available, line.Quantity)
	var pending int64
	if c.Backorder {
		pending = line.Quantity - units
	}
	short := units+pending < line.Quantity
	if short && c.Mode != engine.ModePartial || units+pending == 0 {
		refused.Code = engine.CodeInsufficient
		refused.Available = available
		return refused, engine.CodeOK
	}

	r.segment(tags)
	m.sequence++
	next := item{
		id: line.ItemID, place: p, tags: tags, requested: line.Quantity, expiresMS: c.ExpiresAtMS, sequence: m.sequence,
		allocated: units, pending: pending, firstUnits: units, firstPending: pending,
	}
	if it != nil {
		next.history = it.history
	}
	m.note(&next, engine.MovementAllocated, units)
	m.note(&next, engine.MovementPending, pending)
	if it == nil {
		if m.orders[c.OrderID] == nil {
			m.orders[c.OrderID] = &order{}
		}
		m.orders[c.OrderID].items = append(m.orders[c.OrderID].items, &next)
	} else {
		*it = next
	}
	return lineAnswer{
		ItemID: line.ItemID, Requested: line.Quantity, Units: units, Pending: pending,
		Parts: []part{{tags.String(), units, pending}},
	}, engine.CodeOK
}

// repeatedLine answers an equal line for an item that exists.
func repeatedLine(it *item) lineAnswer {
	return lineAnswer{
		ItemID: it.id, Repeated: true, Requested: it.requested, Units: it.firstUnits, Pending: it.firstPending,
		Parts: []part{{it.tags.String(), it.firstUnits, it.firstPending}},
	}
}

// left is what an item has left for an action.
func (it *item) left(action engine.Kind) int64 {
	switch action {
	case engine.KindFulfill:
		return it.allocated
	case engine.KindReturn:
		return it.fulfilled - it.returned
	default:
		return it.allocated + it.pending
	}
}

// orderChange is Confirm, Deallocate, Fulfill or Return: all lines, or none.
func (m *model) orderChange(c *engine.OrderChange) answer {
	o := m.orders[c.OrderID]
	lines := c.Lines
	if len(lines) == 0 {
		if o == nil {
			return answer{Code: engine.CodeUnknownOrder}
		}
		for _, it := range o.items {
			if it.left(c.Action) > 0 && (c.Action != engine.KindConfirm || it.expiresMS != 0) {
				lines = append(lines, engine.OrderLine{ItemID: it.id})
			}
		}
		if len(lines) == 0 && c.Action == engine.KindConfirm {
			return answer{Code: o.whyNotConfirmed(m.nowMS)}
		}
	}
	var a answer
	before := m.copy()
	for _, line := range lines {
		answer, code := m.orderLine(c, line)
		if code != engine.CodeOK {
			a.Code, a.Lines = code, nil
			return a
		}
		a.Lines = append(a.Lines, answer)
	}
	if a.Code = refuseOthers(a.Lines); a.Code != engine.CodeOK {
		*m = *before
		return a
	}
	if c.Action == engine.KindConfirm {
		m.endReservation(m.orders[c.OrderID], lines)
	}
	return a
}

// whyNotConfirmed says why an order has nothing to confirm.
func (o *order) whyNotConfirmed(nowMS int64) engine.Code {
	for _, it := range o.items {
		if it.expiresMS != 0 && it.expiresMS <= nowMS {
			return engine.CodeExpired
		}
	}
	return engine.CodeNotReserved
}

// orderLine does one line, or gives the code for which the whole command is refused.
func (m *model) orderLine(c *engine.OrderChange, line engine.OrderLine) (lineAnswer, engine.Code) {
	a := lineAnswer{ItemID: line.ItemID, Requested: line.Quantity}
	o := m.orders[c.OrderID]
	it := o.find(line.ItemID)
	if it == nil {
		if c.Action == engine.KindReturn && line.UPC != "" && line.Location != "" {
			return m.returnUnknown(line)
		}
		if o == nil {
			return a, engine.CodeUnknownOrder
		}
		a.Code = engine.CodeUnknownItem
		return a, engine.CodeOK
	}
	if line.UPC != "" && line.UPC != it.place.upc {
		return a, engine.CodeItemConflict
	}
	left := it.left(c.Action)
	quantity := line.Quantity
	if quantity == 0 {
		quantity = left
		a.Requested = left
	}
	switch {
	case c.Action == engine.KindConfirm && it.expiresMS == 0:
		a.Code = engine.CodeNotReserved
	case c.Action == engine.KindConfirm && it.expiresMS <= m.nowMS:
		a.Code = engine.CodeExpired
	case quantity > left, c.Action == engine.KindConfirm && left == 0:
		a.Code = engine.CodeExceedsLeft
		a.Available = left
	case quantity > 0:
		m.doOrderLine(c.Action, it, line, quantity, &a)
	}
	return a, engine.CodeOK
}

// doOrderLine moves units of an item; the caller undoes it if another line is refused.
func (m *model) doOrderLine(action engine.Kind, it *item, line engine.OrderLine, quantity int64, a *lineAnswer) {
	p := it.place
	switch action {
	case engine.KindConfirm:
		a.Units = min(quantity, it.allocated)
		a.Pending = quantity - a.Units
		m.note(it, engine.MovementReleased, it.allocated+it.pending-quantity)
		m.note(it, engine.MovementConfirmed, quantity)
		it.released += it.allocated + it.pending - quantity
		it.allocated, it.pending = a.Units, a.Pending
	case engine.KindDeallocate:
		a.Pending = min(quantity, it.pending)
		a.Units = quantity - a.Pending
		it.pending -= a.Pending
		it.allocated -= a.Units
		it.released += quantity
		m.note(it, engine.MovementReleased, quantity)
	case engine.KindFulfill:
		s := m.records[p].find(it.tags)
		if s.onHand < quantity {
			a.Code = engine.CodeOnHandBelowZero
			return
		}
		a.Units = quantity
		it.allocated -= quantity
		it.fulfilled += quantity
		s.onHand -= quantity
		m.note(it, engine.MovementFulfilled, quantity)
	case engine.KindReturn:
		if line.Location != "" {
			p.location = line.Location
		}
		a.Units = quantity
		it.returned += quantity
		m.record(p).segment(it.tags).onHand += quantity
		m.note(it, engine.MovementReturned, quantity)
	}
	a.Parts = []part{{it.tags.String(), a.Units, a.Pending}}
	m.releasePending(p)
}

// returnUnknown restocks goods whose order item is unknown where the line says.
func (m *model) returnUnknown(line engine.OrderLine) (lineAnswer, engine.Code) {
	a := lineAnswer{ItemID: line.ItemID, Requested: line.Quantity}
	if line.Quantity == 0 {
		return a, engine.CodeInvalid // there is no "everything that is left"
	}
	p := place{line.UPC, line.Location}
	tags, code := m.resolve(line.Tags)
	if code != engine.CodeOK {
		return a, code
	}
	m.record(p).segment(tags).onHand += line.Quantity
	m.releasePending(p)
	a.Units = line.Quantity
	a.Parts = []part{{tags.String(), line.Quantity, 0}}
	return a, engine.CodeOK
}

// endReservation releases the reserved items that a Confirm did not name, and takes the end off the named ones.
func (m *model) endReservation(o *order, named []engine.OrderLine) {
	for _, it := range o.items {
		switch {
		case it.expiresMS == 0:
		case slices.ContainsFunc(named, func(l engine.OrderLine) bool { return l.ItemID == it.id }):
			it.expiresMS = 0
		default:
			m.release(it, engine.MovementReleased)
			m.releasePending(it.place)
		}
	}
}
