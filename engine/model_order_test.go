package engine_test

import (
	"maps"
	"slices"

	"apportion/engine"
)

// release frees all units that an item still holds or waits for.
func (m *model) release(it *item, why engine.MovementKind) { m.releaseUnits(it, it.held(), why) }

// releaseUnits frees pending before allocated units, and the last ones that the item got first.
func (m *model) releaseUnits(it *item, units int64, why engine.MovementKind) (parts []part) {
	pending := int64(0)
	for _, h := range it.parts {
		pending += h.pending
	}
	pending = min(pending, units)
	allocated := units - pending
	for _, h := range slices.Backward(it.parts) {
		p := part{h.tags.String(), min(allocated, h.allocated), min(pending, h.pending)}
		h.allocated -= p.Units
		h.pending -= p.Pending
		h.released += p.Units + p.Pending
		allocated -= p.Units
		pending -= p.Pending
		if why == engine.MovementLost {
			m.note(it, engine.MovementReleased, p.Pending)
			m.note(it, why, p.Units)
			if s := m.records[it.place].find(h.tags); s != nil {
				s.onHand = max(s.onHand-p.Units, 0)
			}
		} else {
			m.note(it, why, p.Units+p.Pending)
		}
		if p.Units+p.Pending > 0 {
			parts = append(parts, p)
		}
	}
	return parts
}

// held is what an item has allocated or pending.
func (it *item) held() (units int64) {
	for _, h := range it.parts {
		units += h.allocated + h.pending
	}
	return units
}

// open reports whether the item blocks its id: some of its units are promised or were fulfilled.
func (it *item) open() bool {
	return it.held() > 0 || slices.ContainsFunc(it.parts, func(h *holding) bool { return h.fulfilled+h.returned > 0 })
}

// onlyReturned reports whether the item is only known from a return.
func (it *item) onlyReturned() bool { return it.requested == 0 }

// known reports whether any item of the order was allocated here.
func (o *order) known() bool {
	return o != nil && slices.ContainsFunc(o.items, func(it *item) bool { return !it.onlyReturned() })
}

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
	for i := range c.Lines {
		answer, code := m.allocateLine(c, i)
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

// refuseOthers gives the code of a command that needs all its lines: the smallest code of the refused lines. Lines that
// were good and not repeated are refused because of the others.
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
			lines[i] = lineAnswer{ItemID: line.ItemID, Code: engine.CodeUnavailable, Requested: line.Requested,
				Rule: line.Rule, Version: line.Version, Reason: line.Reason}
		}
	}
	return worst
}

// allocateLine answers one line, or gives the code that refuses the whole command.
func (m *model) allocateLine(c *engine.Allocate, i int) (lineAnswer, engine.Code) {
	line := c.Lines[i]
	a := lineAnswer{ItemID: line.ItemID, Requested: line.Quantity}
	p := place{line.UPC, line.Location}
	tags, code := m.resolve(line.Tags)
	if code != engine.CodeOK {
		return a, code
	}

	it := m.orders[c.OrderID].find(line.ItemID)
	if it != nil && it.open() {
		if it.expiresMS != 0 && it.expiresMS != c.ExpiresAtMS || it.place != p || it.requested != line.Quantity ||
			!maps.Equal(it.tags, tags) {
			return a, engine.CodeItemConflict
		}
		return repeatedLine(it), engine.CodeOK
	}

	plan := m.decided.of(i)
	if plan != nil {
		a.Rule, a.Version, a.Reason = plan.Rule, plan.Version, plan.Reason
	}
	var f filling
	switch {
	case plan != nil && plan.Outcome == engine.PlanRefused:
		f.code = engine.CodeRuleRefused
	case plan != nil && plan.Outcome == engine.PlanRejected:
		f.code = engine.CodeRuleFailed
	case m.records[p] == nil:
		f.code = engine.CodeUnknownRecord
	case plan != nil && plan.Outcome == engine.PlanCandidates:
		f = m.fillPlanned(c, line, tags, plan)
	default:
		f = m.fillNative(c, line, tags)
	}
	if f.code != engine.CodeOK {
		a.Code, a.Available = f.code, f.available
		return a, engine.CodeOK
	}
	m.fill(c, line, it, tags, plan, &f)
	a.Units, a.Pending = f.units, f.pending
	for _, h := range f.parts {
		a.Parts = append(a.Parts, part{h.tags.String(), h.firstUnits, h.firstPending})
	}
	m.releasePending(p)
	return a, engine.CodeOK
}

// fill creates an item, or starts a spent one again.
func (m *model) fill(c *engine.Allocate, line engine.AllocateLine, it *item, tags tagSet, plan *engine.PlannedLine,
	f *filling) {
	p := place{line.UPC, line.Location}
	m.sequence++
	next := item{
		id: line.ItemID, place: p, tags: tags, requested: line.Quantity, expiresMS: c.ExpiresAtMS, sequence: m.sequence,
		parts: f.parts, why: m.explain(p, plan, f, tags),
	}
	if it != nil {
		next.history = it.history
	}
	for _, h := range f.parts {
		h.firstUnits, h.firstPending = h.allocated, h.pending
		m.records[p].segment(h.tags)
		m.note(&next, engine.MovementAllocated, h.allocated)
		m.note(&next, engine.MovementPending, h.pending)
	}
	if it == nil {
		if m.orders[c.OrderID] == nil {
			m.orders[c.OrderID] = &order{}
		}
		m.orders[c.OrderID].items = append(m.orders[c.OrderID].items, &next)
	} else {
		*it = next
	}
}

// repeatedLine answers an equal line for an item that exists.
func repeatedLine(it *item) lineAnswer {
	a := lineAnswer{ItemID: it.id, Repeated: true, Requested: it.requested}
	for _, h := range it.parts {
		a.Units += h.firstUnits
		a.Pending += h.firstPending
		a.Parts = append(a.Parts, part{h.tags.String(), h.firstUnits, h.firstPending})
	}
	return a
}

// left is how many units of an item an action can still take.
func (it *item) left(action engine.Kind) (units int64) {
	for _, h := range it.parts {
		switch action {
		case engine.KindFulfill:
			units += h.allocated
		case engine.KindReturn:
			units += max(0, h.fulfilled-h.returned)
		default:
			units += h.allocated + h.pending
		}
	}
	return units
}

// orderChange is Confirm, Deallocate, Fulfill or Return: all lines, or none.
func (m *model) orderChange(c *engine.OrderChange) answer {
	o := m.orders[c.OrderID]
	lines := c.Lines
	if m.seen == sawAnother && (o != nil || c.Action == engine.KindReturn && len(lines) > 0) {
		return answer{Code: engine.CodeVersionMismatch}
	}
	if len(lines) == 0 {
		if o == nil {
			return answer{Code: engine.CodeUnknownOrder}
		}
		for _, it := range o.items {
			if it.left(c.Action) > 0 && (c.Action != engine.KindConfirm || it.expiresMS != 0) {
				lines = append(lines, engine.OrderLine{ItemID: it.id})
			}
		}
		if len(lines) == 0 {
			return o.nothingLeft(c.Action, m.nowMS)
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
	for _, line := range lines {
		it := o.find(line.ItemID)
		if line.Block == engine.BlockKeep || it == nil || m.records[it.place] == nil {
			continue
		}
		m.mark(it.place, line.Block == engine.BlockSet)
	}
	return a
}

// orderLine executes one line, or gives the code that refuses the whole command.
func (m *model) orderLine(c *engine.OrderChange, line engine.OrderLine) (lineAnswer, engine.Code) {
	a := lineAnswer{ItemID: line.ItemID, Requested: line.Quantity}
	o := m.orders[c.OrderID]
	it := o.find(line.ItemID)
	if it == nil {
		if c.Action == engine.KindReturn && line.UPC != "" && line.Location != "" && !o.known() {
			return m.returnUnknown(c.OrderID, line)
		}
		if m.start.orders[c.OrderID] == nil {
			return a, engine.CodeUnknownOrder
		}
		a.Code = engine.CodeUnknownItem
		return a, engine.CodeOK
	}
	if line.UPC != "" && line.UPC != it.place.upc {
		return a, engine.CodeItemConflict
	}
	tags, code := m.resolve(line.Tags)
	if code != engine.CodeOK {
		return a, code
	}
	if c.Action == engine.KindReturn && it.onlyReturned() && line.UPC != "" && line.Location != "" {
		h := it.parts[0]
		if line.Location != it.place.location || !maps.Equal(tags, it.tags) || line.Quantity != 0 &&
			line.Quantity != h.returned {
			return a, engine.CodeItemConflict
		}
		return it.again(c.Action), engine.CodeOK
	}
	left := it.left(c.Action)
	quantity := line.Quantity
	if left == 0 && quantity == 0 && c.Action != engine.KindConfirm {
		switch {
		case it.done(c.Action) > 0:
			return it.again(c.Action), engine.CodeOK
		case c.Action != engine.KindDeallocate || it.done(engine.KindFulfill) > 0:
			a.Code, a.Reason = engine.CodeNothingLeft, it.whereabouts()
			return a, engine.CodeOK
		}
	}
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
		if left == 0 {
			a.Reason = it.whereabouts()
		}
	case quantity > 0:
		m.doOrderLine(c.OrderID, c.Action, it, line, quantity, &a)
	}
	return a, engine.CodeOK
}

// doOrderLine moves units of an item. If another line is refused, the caller undoes it.
func (m *model) doOrderLine(order string, action engine.Kind, it *item, line engine.OrderLine, quantity int64,
	a *lineAnswer) {
	p := it.place
	switch action {
	case engine.KindConfirm:
		m.releaseUnits(it, it.held()-quantity, engine.MovementReleased)
		for _, h := range it.parts {
			if kept := h.allocated + h.pending; kept > 0 {
				m.note(it, engine.MovementConfirmed, kept)
				a.Parts = append(a.Parts, part{h.tags.String(), h.allocated, h.pending})
			}
		}
	case engine.KindDeallocate:
		why := engine.MovementReleased
		if line.Lost {
			why = engine.MovementLost
		}
		a.Parts = m.releaseUnits(it, quantity, why)
	case engine.KindFulfill:
		if !m.ship(it, quantity, a) {
			a.Code = engine.CodeOnHandBelowZero
			for left := m.copy(); left.ship(left.orders[order].find(it.id), a.Available+1,
				&lineAnswer{}); left = m.copy() {
				a.Available++
			}
			return
		}
	case engine.KindReturn:
		if line.Location != "" {
			p.location = line.Location
		}
		m.restock(it, p, line.Tags, quantity, a)
	}
	for _, part := range a.Parts {
		a.Units += part.Units
		a.Pending += part.Pending
	}
	m.releasePending(p)
}

// ship ships allocated units, unless a segment has too few on hand.
func (m *model) ship(it *item, quantity int64, a *lineAnswer) bool {
	ships, left := make([]int64, len(it.parts)), quantity
	needs := map[string]int64{}
	for i, h := range it.parts {
		ships[i] = min(left, h.allocated)
		left -= ships[i]
		needs[h.tags.String()] += ships[i]
	}
	for i, h := range it.parts {
		if ships[i] > 0 && m.records[it.place].find(h.tags).onHand < needs[h.tags.String()] {
			return false
		}
	}
	for i, h := range it.parts {
		if ships[i] > 0 {
			h.allocated -= ships[i]
			h.fulfilled += ships[i]
			m.records[it.place].find(h.tags).onHand -= ships[i]
			m.note(it, engine.MovementFulfilled, ships[i])
			a.Parts = append(a.Parts, part{h.tags.String(), ships[i], 0})
		}
	}
	return true
}

// restock puts units back into the segments that they came from, with the tags of over in place of theirs. It then
// serves the items that wait there.
func (m *model) restock(it *item, p place, over []engine.Tag, quantity int64, a *lineAnswer) {
	for _, h := range it.parts {
		back := min(quantity, h.fulfilled-h.returned)
		if back == 0 {
			continue
		}
		quantity -= back
		h.returned += back
		m.note(it, engine.MovementReturned, back)
		to := maps.Clone(h.tags)
		for _, tag := range over {
			to[tag.Category] = tag.Value
		}
		m.record(p).segment(to).onHand += back
		m.releasePending(p)
		a.Parts = append(a.Parts, part{to.String(), back, 0})
	}
}

// returnUnknown restocks goods of an unknown order where the line says, and keeps the return.
func (m *model) returnUnknown(orderID string, line engine.OrderLine) (lineAnswer, engine.Code) {
	a := lineAnswer{ItemID: line.ItemID, Requested: line.Quantity}
	if line.Quantity == 0 {
		return a, engine.CodeInvalid // no units are left that an empty quantity could mean
	}
	p := place{line.UPC, line.Location}
	tags, code := m.resolve(line.Tags)
	if code != engine.CodeOK {
		return a, code
	}
	if m.orders[orderID] == nil {
		m.orders[orderID] = &order{}
	}
	m.sequence++
	it := &item{id: line.ItemID, place: p, tags: tags, sequence: m.sequence,
		parts: []*holding{{tags: maps.Clone(tags), returned: line.Quantity}}}
	m.note(it, engine.MovementReturned, line.Quantity)
	m.orders[orderID].items = append(m.orders[orderID].items, it)
	m.record(p).segment(tags).onHand += line.Quantity
	m.releasePending(p)
	a.Units = line.Quantity
	a.Parts = []part{{tags.String(), line.Quantity, 0}}
	return a, engine.CodeOK
}

// endReservation releases the reserved items that a Confirm does not name, and makes the named ones firm.
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
