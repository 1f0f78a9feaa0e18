package engine_test

import (
	"slices"

	"apportion/engine"
)

// transition moves reserved items into another order.
func (m *model) transition(c *engine.Transition) answer {
	from := m.orders[c.FromOrderID]
	if from == nil || !slices.ContainsFunc(from.items, func(it *item) bool { return it.held() > 0 }) {
		return answer{Code: engine.CodeNotReserved}
	}
	to := m.orders[c.OrderID]
	if to == nil {
		to = &order{}
	}
	var a answer
	var moving []*item
	for _, line := range c.Lines {
		it := from.find(line.ItemID)
		l := lineAnswer{ItemID: line.ToItemID}
		if it != nil {
			l.Requested = it.held()
		}
		switch {
		case it == nil:
			l.Code = engine.CodeUnknownItem
		case to.find(line.ToItemID) != nil:
			l.Code = engine.CodeItemConflict
		case it.expiresMS == 0:
			l.Code = engine.CodeNotReserved
		case it.expiresMS <= m.nowMS:
			l.Code = engine.CodeExpired
		case it.held() == 0:
			l.Code = engine.CodeExceedsLeft
		}
		a.Lines = append(a.Lines, l)
		moving = append(moving, it)
	}
	if a.Code = refuseOthers(a.Lines); a.Code != engine.CodeOK {
		return a
	}
	m.orders[c.OrderID] = to
	for i, it := range moving {
		from.items = slices.DeleteFunc(slices.Clone(from.items), func(other *item) bool { return other == it })
		it.id, it.expiresMS = c.Lines[i].ToItemID, 0
		to.items = append(to.items, it)
		for _, h := range it.parts {
			if kept := h.allocated + h.pending; kept > 0 {
				m.note(it, engine.MovementConfirmed, kept)
				a.Lines[i].Parts = append(a.Lines[i].Parts, part{h.tags.String(), h.allocated, h.pending})
				a.Lines[i].Units += h.allocated
				a.Lines[i].Pending += h.pending
			}
		}
	}
	if len(from.items) == 0 {
		delete(m.orders, c.FromOrderID)
	}
	return a
}
