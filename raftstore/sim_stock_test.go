package raftstore

import (
	"cmp"
	"maps"
	"slices"

	"apportion/engine"
)

// stockAccount counts the units on hand and promised of each record, only from the commands and their answers. If the
// engine has other figures, then units were lost, invented or promised twice between the log, the state on disk and the
// answers.
type stockAccount struct {
	w     *world
	place map[stockPlace]*placeAccount
	items map[[2]string]*itemAccount // by order and item
}

type stockPlace struct{ upc, location string }

type placeAccount struct{ onHand, promised int64 }

type itemAccount struct {
	at        stockPlace
	promised  int64
	fulfilled int64
	expiresMS int64 // 0: no reservation
}

func newStockAccount(w *world) *stockAccount {
	return &stockAccount{w: w, place: map[stockPlace]*placeAccount{}, items: map[[2]string]*itemAccount{}}
}

func (s *stockAccount) at(upc, location string) *placeAccount {
	p := s.place[stockPlace{upc, location}]
	if p == nil {
		p = &placeAccount{}
		s.place[stockPlace{upc, location}] = p
	}
	return p
}

// advance ends the reservations that end by the time of an entry.
func (s *stockAccount) advance(nowMS int64) {
	for _, it := range s.items {
		if it.expiresMS != 0 && it.expiresMS <= nowMS && it.promised > 0 {
			s.promise(it, -it.promised)
			s.w.counts.Expired++
		}
	}
}

func (s *stockAccount) promise(it *itemAccount, units int64) {
	it.promised += units
	s.at(it.at.upc, it.at.location).promised += units
}

// carriedOut counts one executed command.
func (s *stockAccount) carriedOut(index uint64, c engine.Command, r *engine.Result) {
	if r.Code != engine.CodeOK {
		return
	}
	switch c := c.(type) {
	case *engine.Refresh:
		for _, it := range c.Items {
			s.at(it.UPC, c.Location).onHand = it.Quantity
		}
	case *engine.Adjust:
		for _, it := range c.Items {
			s.at(it.UPC, c.Location).onHand += it.Quantity
		}
	case *engine.Transfer:
		for _, it := range c.Items {
			s.at(it.UPC, it.FromLocation).onHand -= it.Quantity
			s.at(it.UPC, it.ToLocation).onHand += it.Quantity
		}
	case *engine.Allocate:
		s.allocated(index, c, r)
	case *engine.OrderChange:
		s.changed(index, c, r)
	}
}

func (s *stockAccount) allocated(index uint64, c *engine.Allocate, r *engine.Result) {
	for i, l := range r.Lines {
		asked := c.Lines[i]
		units := l.Units + l.Pending
		if l.Repeated || units == 0 {
			continue
		}
		if units > asked.Quantity {
			s.w.failf("entry %d: %d units for an order line of %d", index, units, asked.Quantity)
		}
		p := s.at(asked.UPC, asked.Location)
		if left := p.onHand - p.promised; l.Units > max(left, 0) && !s.w.plan.tags {
			s.w.failf("entry %d: oversold: %d units promised of %s at %s, %d were left", index, l.Units, asked.UPC,
				asked.Location, left)
		}
		key := [2]string{c.OrderID, asked.ItemID}
		if old := s.items[key]; old != nil && (old.promised > 0 || old.fulfilled > 0) {
			s.w.failf("entry %d: item %s of order %s gets %d units, and it has had its units", index, asked.ItemID,
				c.OrderID, units)
		}
		it := &itemAccount{at: stockPlace{asked.UPC, asked.Location}, expiresMS: c.ExpiresAtMS}
		s.items[key] = it
		s.promise(it, units)
	}
}

func (s *stockAccount) changed(index uint64, c *engine.OrderChange, r *engine.Result) {
	for _, l := range r.Lines {
		it := s.items[[2]string{c.OrderID, l.ItemID}]
		if it == nil {
			s.w.failf("entry %d: %d units of item %s of order %s, which has none", index, l.Units, l.ItemID, c.OrderID)
		}
		if l.Repeated {
			continue
		}
		p := s.at(it.at.upc, it.at.location)
		switch c.Action {
		case engine.KindConfirm:
			it.expiresMS = 0
		case engine.KindDeallocate:
			s.promise(it, -l.Units-l.Pending)
		case engine.KindFulfill:
			s.promise(it, -l.Units)
			it.fulfilled += l.Units
			p.onHand -= l.Units
		case engine.KindReturn:
			p.onHand += l.Units
		}
	}
}

// compare compares the engine's records with the account.
func (s *stockAccount) compare(index uint64, e *engine.Engine) {
	var v engine.RecordView
	for _, at := range slices.SortedFunc(maps.Keys(s.place), comparePlaces) {
		p := s.place[at]
		if !e.ReadRecord(at.upc, at.location, &v) {
			s.w.failf("after entry %d: no record of %s at %s", index, at.upc, at.location)
		}
		if v.OnHand != p.onHand || v.Allocated+v.Pending != p.promised {
			s.w.failf("after entry %d, %s at %s has %d on hand and %d+%d promised; by the answers there are %d and %d",
				index, at.upc, at.location, v.OnHand, v.Allocated, v.Pending, p.onHand, p.promised)
		}
	}
}

func comparePlaces(a, b stockPlace) int {
	if a.upc != b.upc {
		return cmp.Compare(a.upc, b.upc)
	}
	return cmp.Compare(a.location, b.location)
}
