package engine_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"apportion/engine"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The comparison of the engine with the model: both sides are spelled out in the types below, with tag sets as texts.

// recordFigures is all that a reader of a record sees.
type recordFigures struct {
	OnHand, Allocated, Pending, SafetyStock, Available int64

	Due        bool
	Planned    bool
	Blocked    bool
	Floor, LTD int64
	Segments   map[string]segmentFigures
	Futures    []futureFigures
}

type segmentFigures struct {
	OnHand, Allocated, Pending, SafetyStock, Available int64

	Floor, LTD int64
}

type futureFigures struct {
	DateMS   int64
	Tags     string // of the group, if it is split: its discrete part
	Split    bool
	Quantity int64
}

type itemFigures struct {
	UPC, Location, Tags string
	Requested           int64
	ExpiresAtMS         int64

	Allocated, Pending, Fulfilled, Returned, Released int64

	History []movement
}

func (m *model) recordFigures(p place) recordFigures {
	r := m.records[p]
	f := recordFigures{Due: r.due, Planned: r.planned, Blocked: r.blocked, Floor: r.floor, LTD: r.ltd,
		Segments: map[string]segmentFigures{}}
	for _, s := range r.segments {
		allocated, pending := m.promised(p, s.tags)
		f.Segments[s.tags.String()] = segmentFigures{
			OnHand: s.onHand, Allocated: allocated, Pending: pending, SafetyStock: s.safetyStock,
			Available: m.available(p, s),
			Floor:     s.floor, LTD: s.ltd,
		}
		f.OnHand += s.onHand
		f.Allocated += allocated
		f.Pending += pending
		f.SafetyStock += s.safetyStock
		f.Available += m.available(p, s)
	}
	for _, future := range r.futures {
		tags := future.tags
		if future.split {
			tags = m.discretePart(tags)
		}
		f.Futures = append(f.Futures, futureFigures{future.dateMS, tags.String(), future.split, future.quantity})
	}
	f.Futures = sumFutures(f.Futures)
	return f
}

// recordFiguresOf spells out what the engine says of a record; the model is asked only for the names of the categories.
func recordFiguresOf(m *model, schema *engine.Schema, v *engine.RecordView) recordFigures {
	f := recordFigures{
		OnHand: v.OnHand, Allocated: v.Allocated, Pending: v.Pending, SafetyStock: v.SafetyStock,
		Available: v.Available(),
		Due:       v.Due, Planned: v.Planned, Blocked: v.Blocked, Floor: v.Floor, LTD: v.LTD,
		Segments: map[string]segmentFigures{},
	}
	for _, s := range v.Segments {
		tags := spell(schema, s.TagSet)
		if _, twice := f.Segments[tags]; twice {
			tags += " twice"
		}
		f.Segments[tags] = segmentFigures{
			OnHand: s.OnHand, Allocated: s.Allocated, Pending: s.Pending, SafetyStock: s.SafetyStock,
			Available: s.Available(),
			Floor:     s.Floor, LTD: s.LTD,
		}
	}
	for _, future := range v.Future {
		tags := tagSetOf(schema, future.TagSet)
		if future.Split {
			tags = m.discretePart(tags)
		}
		f.Futures = append(f.Futures, futureFigures{future.DeliveryDateMS, tags.String(), future.Split,
			future.Quantity})
	}
	f.Futures = sumFutures(f.Futures)
	return f
}

// sumFutures orders deliveries, and adds up those that a schema change has made equal.
func sumFutures(futures []futureFigures) []futureFigures {
	sums := map[futureFigures]int64{}
	for _, f := range futures {
		quantity := f.Quantity
		f.Quantity = 0
		sums[f] += quantity
	}
	futures = nil
	for f, quantity := range sums {
		f.Quantity = quantity
		futures = append(futures, f)
	}
	slices.SortFunc(futures, func(a, b futureFigures) int {
		return cmp.Or(cmp.Compare(a.DateMS, b.DateMS), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	return futures
}

func (it *item) figures() itemFigures {
	f := itemFigures{
		UPC: it.place.upc, Location: it.place.location, Tags: it.tags.String(), Requested: it.requested,
		History: it.history,
	}
	for _, h := range it.parts {
		f.Allocated += h.allocated
		f.Pending += h.pending
		f.Fulfilled += h.fulfilled
		f.Returned += h.returned
		f.Released += h.released
	}
	if it.held() > 0 {
		f.ExpiresAtMS = it.expiresMS
	}
	return f
}

// itemFiguresOf sums an item's lines. The end of a reservation says nothing once nothing is left to end.
func itemFiguresOf(schema *engine.Schema, v *engine.ItemView) itemFigures {
	f := itemFigures{UPC: v.UPC, Location: v.Location, Tags: spell(schema, v.TagSet), Requested: v.Requested}
	for _, l := range v.Lines {
		f.Allocated += l.Allocated
		f.Pending += l.Pending
		f.Fulfilled += l.Fulfilled
		f.Returned += l.Returned
		f.Released += l.Released
	}
	for _, v := range v.Movements {
		f.History = append(f.History, movement{v.Kind, v.Units, v.Index, v.TimeMS, v.Reason})
	}
	if f.Allocated+f.Pending > 0 {
		f.ExpiresAtMS = v.ExpiresAtMS
	}
	return f
}

func tagSetOf(schema *engine.Schema, id engine.TagSetID) tagSet {
	tags := tagSet{}
	for _, tag := range schema.Tags(id) {
		tags[tag.Category] = tag.Value
	}
	return tags
}

func spell(schema *engine.Schema, id engine.TagSetID) string { return tagSetOf(schema, id).String() }

// answerOf spells out a Result of the engine. Which field is at fault has tests of its own.
func answerOf(schema *engine.Schema, r *engine.Result) answer {
	a := answer{Code: r.Code, Repeated: r.Repeated, Index: r.Index, Stock: r.Stock, Blocked: slices.Clone(r.Blocked),
		Shortfalls: slices.Clone(r.Shortfalls), Records: slices.Clone(r.Records), Job: r.Job}
	for i := range a.Records {
		a.Records[i].UPC, a.Records[i].Location = strings.Clone(r.Records[i].UPC), strings.Clone(r.Records[i].Location)
	}
	for _, l := range r.Lines {
		line := lineAnswer{
			ItemID: string([]byte(l.ItemID)), Code: l.Code, Repeated: l.Repeated, Requested: l.Requested,
			Units: l.Units, Pending: l.Pending, Available: l.Available,
			Rule: string([]byte(l.Rule)), Version: l.RuleVersion, Reason: string([]byte(l.Reason)),
		}
		for _, p := range l.Parts {
			line.Parts = append(line.Parts, part{spell(schema, p.TagSet), p.Units, p.Pending})
		}
		a.Lines = append(a.Lines, line)
	}
	for _, c := range r.Changes {
		a.Changes = append(a.Changes, change{c.UPC, c.Location, spell(schema, c.TagSet), c.Before, c.After})
	}
	for _, t := range r.Segments {
		a.Segments = append(a.Segments, total{spell(schema, t.TagSet), t.Before, t.After})
	}
	return a
}

// compareAnswers gives the difference between what the model (-) and the engine (+) answer. The order of the records in
// lists of changes is the engine's own affair. A repeated answer may name tags that have been renamed since.
func compareAnswers(want, got answer) string {
	options := gocmp.Options{
		cmpopts.EquateEmpty(),
		cmpopts.SortSlices(func(a, b change) bool { return fmt.Sprint(a) < fmt.Sprint(b) }),
		cmpopts.SortSlices(func(a, b engine.BlockedRecord) bool { return fmt.Sprint(a) < fmt.Sprint(b) }),
	}
	if want.Repeated {
		want, got = want.withoutTags(), got.withoutTags()
	}
	return gocmp.Diff(want, got, options)
}

func (a answer) withoutTags() answer {
	a.Lines, a.Changes, a.Segments = slices.Clone(a.Lines), slices.Clone(a.Changes), slices.Clone(a.Segments)
	for i := range a.Lines {
		a.Lines[i].Parts = slices.Clone(a.Lines[i].Parts)
		for j := range a.Lines[i].Parts {
			a.Lines[i].Parts[j].Tags = ""
		}
	}
	for i := range a.Changes {
		a.Changes[i].Tags = ""
	}
	for i := range a.Segments {
		a.Segments[i].Tags = ""
	}
	return a
}

// equalCommands is by their binary form: it has everything in a command, and nothing else.
func equalCommands(a, b engine.Command) bool {
	var none engine.Envelope
	return string(engine.AppendCommand(nil, &none, a)) == string(engine.AppendCommand(nil, &none, b))
}

// orderList lists orders in small pages.
func orderList(e *engine.Engine, state engine.OrderState) (ids []string) {
	var after engine.OrderCursor
	for more := true; more; {
		var page []engine.OrderView
		page, after, more = e.OrdersAfter(engine.OrderFilter{State: state}, after, 2, 3, nil)
		for i := range page {
			ids = append(ids, page[i].OrderID)
		}
	}
	return ids
}

// checkOrderList compares the lists of orders: those of each state, by their last change.
func (h *harness) checkOrderList(t fatalf) {
	t.Helper()
	for state := engine.OrdersAll; state <= engine.OrdersClosed; state++ {
		want := []string{}
		for id, o := range h.m.orders {
			var v engine.OrderView
			if o != nil && o.isInState(state) && h.e.ReadOrder(id, &v) {
				want = append(want, id)
			}
		}
		got := orderList(h.e, state)
		var lastChanged uint64
		for _, id := range got {
			var v engine.OrderView
			if h.e.ReadOrder(id, &v); v.Changed < lastChanged {
				t.Fatalf("order %s changed at %d and stands behind one of %d", id, v.Changed, lastChanged)
			}
			lastChanged = v.Changed
		}
		if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.SortSlices(cmp.Less[string])); diff != "" {
			t.Fatalf("the %s orders differ: model -, engine +\n%s", engine.OrderStates[state], diff)
		}
	}
}

func (o *order) isInState(state engine.OrderState) bool {
	held, reserved, pending := int64(0), false, int64(0)
	for _, it := range o.items {
		held += it.held()
		reserved = reserved || it.expiresMS != 0 && it.held() > 0
		for _, p := range it.parts {
			pending += p.pending
		}
	}
	switch state {
	case engine.OrdersOpen:
		return held > 0
	case engine.OrdersReserved:
		return reserved
	case engine.OrdersPending:
		return pending > 0
	case engine.OrdersClosed:
		return held == 0
	}
	return true
}
