package engine

// What is answered when an action finds nothing left to be done to. Whoever is told that all is well ships, refunds, or
// tells a customer so.

// answerNothingLeft answers an action on a whole order that has nothing left for it: with what it did before, or else
// with what became of the units.
func (e *Engine) answerNothingLeft(action Kind, orderRow uint32, r *Result) {
	o := e.orders.At(orderRow)
	shipped := false
	for row := o.items; row != 0; row = e.items.At(row).next {
		it := e.items.At(row)
		shipped = shipped || e.doneTo(KindFulfill, it) > 0
		if e.doneTo(action, it) > 0 {
			e.repeatDone(action, row, r.addLine(e.ordersText.Get(it.id), 0))
		}
	}
	if len(r.Lines) > 0 || action == KindDeallocate && !shipped {
		return // what holds nothing needs no release, unless it is out of the house
	}
	for row := o.items; row != 0; row = e.items.At(row).next {
		e.planNothing(row, r.addLine(e.ordersText.Get(e.items.At(row).id), 0))
	}
	r.refuse(CodeNothingLeft, "orderId", e.ordersText.Get(o.id))
}

// planNothingLeft plans a line for everything that is left of an item of which nothing is. false: then it is done.
func (e *Engine) planNothingLeft(action Kind, row uint32, out *LineResult) bool {
	it := e.items.At(row)
	switch {
	case e.doneTo(action, it) > 0:
		e.repeatDone(action, row, out)
	case action == KindDeallocate && e.doneTo(KindFulfill, it) == 0:
		return false
	default:
		e.planNothing(row, out)
	}
	return true
}

// planNothing refuses a line for an item that has nothing left.
func (e *Engine) planNothing(row uint32, out *LineResult) {
	out.Code, out.Reason = CodeNothingLeft, e.whyNothingLeft(e.items.At(row))
	e.scratch.lines = append(e.scratch.lines, linePlan{item: row})
}

// whyNothingLeft says what became of an item's units: what they are, or what was done to them last.
func (e *Engine) whyNothingLeft(it *item) string {
	allocated, pending := e.held(it)
	why := MovementKind(0)
	switch {
	case allocated > 0:
		why = MovementAllocated
	case pending > 0:
		why = MovementPending
	case e.restockable(it) > 0:
		why = MovementFulfilled
	case it.moveCount > 0:
		why = e.moves.At(it.moveLast).kind
	}
	return why.String()
}
