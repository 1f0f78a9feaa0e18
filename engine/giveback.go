package engine

// Goods that come back.

// goods says where line i of a Return wants the goods of a known item: "" and nil for where they came from. Programs of
// before took no notice of tags.
func (e *Engine) goods(c *OrderChange, i int) (location string, tags []Tag) {
	if i >= len(c.Lines) {
		return "", nil
	}
	if e.scratch.strict {
		tags = c.Lines[i].Tags
	}
	return c.Lines[i].Location, tags
}

// planRestock plans a line that brings units of a known item back. false: the command is refused as a whole.
func (e *Engine) planRestock(c *OrderChange, i int, it *item, units int64, out *LineResult, r *Result) bool {
	location, tags := e.goods(c, i)
	if _, _, code, tag := e.Schema().key(tags); code != CodeOK {
		refuseTag(r, code, linePath(i, "tags"), tags[tag])
		r.Lines = r.Lines[:0]
		return false
	}
	if location == "" {
		location = e.text(it.location)
	}
	if out.Code == CodeOK && !e.canRestock(it, location, tags, units) {
		out.Code = CodeTooMany
	}
	return true
}

// canRestock says that the record an item came from, at a location, has room for its units. They go back as restock does it.
func (e *Engine) canRestock(it *item, location string, tags []Tag, units int64) bool {
	s, upc := e.Schema(), e.text(it.upc)
	t := stockTarget{record: e.findRecord(upc, location)}
	for row := it.lines; row != 0 && units > 0; {
		l := e.lines.at(row)
		if back := min(units, l.fulfilled-l.returned); back > 0 {
			units -= back
			t.key = s.override(s.sets.at(uint32(s.canonical(l.tagSet))).key, tags)
			if !e.takeRoom(&t, upc, location, back) {
				return false
			}
		}
		row = l.next
	}
	return true
}

// planUnknown plans a line whose item is not known: only goods that come back can be that.
func (e *Engine) planUnknown(c *OrderChange, i int, orderRow uint32, out *LineResult, r *Result) bool {
	l := &c.Lines[i]
	if c.Action != KindReturn || l.UPC == "" || l.Location == "" {
		if orderRow == 0 {
			r.refuse(CodeUnknownOrder, "orderId", c.OrderID)
			r.Lines = r.Lines[:0]
			return false
		}
		out.Code = CodeUnknownItem
		e.scratch.lines = append(e.scratch.lines, linePlan{})
		return true
	}
	if l.Quantity == 0 {
		r.refuse(CodeInvalid, linePath(i, "quantity"), "0")
		r.Lines = r.Lines[:0]
		return false
	}
	key, _, code, tag := e.Schema().key(l.Tags)
	if code != CodeOK {
		refuseTag(r, code, linePath(i, "tags"), l.Tags[tag])
		r.Lines = r.Lines[:0]
		return false
	}
	if t := (stockTarget{record: e.findRecord(l.UPC, l.Location), key: key}); !e.takeRoom(&t, l.UPC, l.Location, l.Quantity) {
		out.Code = CodeTooMany
	}
	e.scratch.lines = append(e.scratch.lines, linePlan{key: key, units: l.Quantity})
	return true
}

// restockUnknown puts goods of an unknown order on hand.
func (e *Engine) restockUnknown(p *linePlan, l *OrderLine, out *LineResult) {
	row := e.findRecord(l.UPC, l.Location)
	if row == 0 {
		row = e.createRecord(l.UPC, l.Location)
	}
	e.moveOnHand(row, p.key, p.units)
	out.Units = p.units
	out.Parts = append(out.Parts, Part{TagSet: e.tagSetOf(p.key), Units: p.units})
}

// restock puts units on hand in the segments they were taken from; at another location, in the segments of the same tags.
// Tags that the return names go over those.
func (e *Engine) restock(p *linePlan, elsewhere string, tags []Tag, out *LineResult) {
	it := e.items.at(p.item)
	location := it.location
	if elsewhere != "" && p.units > 0 {
		location = e.intern(&e.locations, elsewhere)
	}
	left := p.units
	for row := it.lines; row != 0 && left > 0; {
		l := e.lines.at(row)
		if units := min(left, l.fulfilled-l.returned); units > 0 {
			s := e.Schema()
			key := s.override(s.sets.at(uint32(s.canonical(l.tagSet))).key, tags)
			id := e.tagSetOf(key)
			l.returned += units
			left -= units
			out.Parts = append(out.Parts, Part{TagSet: id, Units: units})
			e.moved(p.item, MovementReturned, id, units) // before the item's own pending units take what came back
			e.moveOnHand(e.recordAt(it.upc, location), key, units)
		}
		row = l.next
	}
	assert(left == 0, "a return found fewer units than planned")
	out.Units = p.units
	e.reckon(it, e.isOpen(it))
}

// recordAt finds or creates the record of a known UPC at a known location.
func (e *Engine) recordAt(upc, location uint32) uint32 {
	if row := e.findRecord(e.text(upc), e.text(location)); row != 0 {
		return row
	}
	return e.createRecord(e.text(upc), e.text(location))
}
