package engine_test

import "apportion/engine"

// nothingLeft answers an action on a whole order that finds nothing to do: with the earlier action, or with the reason.
func (o *order) nothingLeft(action engine.Kind, nowMS int64) (a answer) {
	reserved, shipped := false, false
	for _, it := range o.items {
		if action == engine.KindConfirm && it.expiresMS != 0 && it.expiresMS <= nowMS {
			return answer{Code: engine.CodeExpired}
		}
		reserved = reserved || it.expiresMS != 0
		shipped = shipped || it.done(engine.KindFulfill) > 0
		if it.done(action) > 0 {
			a.Lines = append(a.Lines, it.again(action))
		}
	}
	switch {
	case action == engine.KindConfirm && !reserved:
		return answer{Code: engine.CodeNotReserved}
	case len(a.Lines) > 0, action == engine.KindDeallocate && !shipped:
		return a
	}
	for _, it := range o.items {
		a.Lines = append(a.Lines, lineAnswer{ItemID: it.id, Code: engine.CodeNothingLeft, Reason: it.whereabouts()})
	}
	a.Code = engine.CodeNothingLeft
	return a
}

// done is how many units were shipped, or came back.
func (it *item) done(action engine.Kind) (units int64) {
	for _, h := range it.parts {
		switch action {
		case engine.KindFulfill:
			units += h.fulfilled
		case engine.KindReturn:
			units += h.returned
		}
	}
	return units
}

// again answers a line with the earlier action.
func (it *item) again(action engine.Kind) lineAnswer {
	a := lineAnswer{ItemID: it.id, Repeated: true, Requested: it.done(action), Units: it.done(action)}
	for _, h := range it.parts {
		if units := map[engine.Kind]int64{engine.KindFulfill: h.fulfilled,
			engine.KindReturn: h.returned}[action]; units > 0 {
			a.Parts = append(a.Parts, part{h.tags.String(), units, 0})
		}
	}
	return a
}

// whereabouts tells where an item's units went.
func (it *item) whereabouts() string {
	allocated, pending := int64(0), int64(0)
	for _, h := range it.parts {
		allocated += h.allocated
		pending += h.pending
	}
	switch {
	case allocated > 0:
		return "allocated"
	case pending > 0:
		return "pending"
	case it.done(engine.KindFulfill) > it.done(engine.KindReturn):
		return "fulfilled"
	}
	return it.history[len(it.history)-1].Kind.String()
}
