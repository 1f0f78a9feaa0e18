package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestCountsMax: the number of open counts is bounded, and a closed count frees its place.
func TestCountsMax(t *testing.T) {
	h := newHost(t)
	for i := range CountsMax {
		if r := h.apply(&StartCount{Location: fmt.Sprint("L", i), Count: "c"}); r.Code != CodeOK {
			t.Fatalf("count %d: %v", i, r.Code)
		}
	}
	one := &StartCount{Location: "one more", Count: "c"}
	if r := h.apply(one); r.Code != CodeTooMany || r.Field != "count" || r.Value != strconv.Itoa(CountsMax) {
		t.Errorf("one more: %v, %s %s", r.Code, r.Field, r.Value)
	}
	h.apply(&CloseCount{Location: "L0", Count: "c"})
	if r := h.apply(one); r.Code != CodeOK {
		t.Errorf("after one has closed: %v", r.Code)
	}
}

// TestEventsMax: a new event deletes the oldest one.
func TestEventsMax(t *testing.T) {
	h := newHost(t)
	emit := func(n int) {
		for range n {
			h.e.emit(&Event{Kind: EventDelivered})
		}
	}
	oldest := func() EventID { return h.e.Events(0, 1, nil)[0].ID }
	emit(EventsMax)
	if id := oldest(); id != 1 || h.e.Stats().Events != EventsMax {
		t.Errorf("of as many as are kept the oldest is %d, of %d", id, h.e.Stats().Events)
	}
	emit(1)
	if id := oldest(); id != 2 || h.e.Stats().Events != EventsMax {
		t.Errorf("with one more the oldest is %d, of %d", id, h.e.Stats().Events)
	}
}

// TestResultsMax: kept answers are bounded by number and by bytes, and the oldest is deleted first.
func TestResultsMax(t *testing.T) {
	h := newHost(t)
	keep := func(key string) { h.applyKeyed(key, &StartCount{Location: "L", Count: key}) }
	has := func(key string) bool { _, ok := h.e.findResult(key); return ok }
	keep("first")
	keep("second")
	limit := &keptLogKinds[resultLog].bytesMax
	defer func() { *limit = IdempotencyBytesMax }()
	*limit = h.e.logs[resultLog].Bytes()
	keep("third")
	if !has("first") {
		t.Error("as many bytes as may be kept, and the oldest has gone")
	}
	*limit = h.e.logs[resultLog].Bytes() - 1
	keep("fourth")
	if has("first") || !has("second") || !has("fourth") {
		t.Errorf("beyond the bytes: first %t, second %t, fourth %t", has("first"), has("second"), has("fourth"))
	}

	*limit = IdempotencyBytesMax
	h = newHost(t)
	keep("first")
	for i := range IdempotencyResultsMax - 1 {
		h.e.keepResult(strconv.Itoa(i), &Expire{}, nil)
	}
	if n := h.e.logs[resultLog].Len(); n != IdempotencyResultsMax || !has("first") {
		t.Errorf("%d answers are kept, the first %t", n, has("first"))
	}
	keep("last")
	if n := h.e.logs[resultLog].Len(); n != IdempotencyResultsMax || has("first") || !has("0") || !has("last") {
		t.Errorf("%d answers are kept, the first %t, the second %t, the last %t", n, has("first"), has("0"),
			has("last"))
	}
}

// TestVerifySums: each sum of a record that differs from that of its segments is reported, even if the other sums
// agree.
func TestVerifySums(t *testing.T) {
	h := newHost(t)
	h.apply(&Refresh{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 5}}})
	h.e.Verify(func(problem string) { t.Error(problem) })
	r := h.e.records.At(1)
	for name, sum := range map[string]*int64{"onHand": &r.onHand, "allocated": &r.allocated, "pending": &r.pending,
		"safety": &r.safety} {
		*sum++
		found := false
		h.e.Verify(func(problem string) {
			found = found || strings.Contains(problem, "is not the sum of its segments")
		})
		if !found {
			t.Errorf("%s is one too many, and Verify reports nothing of it", name)
		}
		*sum--
	}
}

// wantTooMany checks that a command above a limit is refused, and that the answer names the limit.
func (h *host) wantTooMany(c Command, field string, limit int) {
	h.t.Helper()
	if r := h.wantCode(c, CodeTooMany, field); r.Value != strconv.Itoa(limit) {
		h.t.Errorf("%T: the value is %s, want %d", c, r.Value, limit)
	}
}

// TestRuleActivationsMax: the number of activations is bounded. An activation that ends frees its place, also in the
// kept versions.
func TestRuleActivationsMax(t *testing.T) {
	h := newHost(t)
	at := func(i int) RuleScope { return RuleScope{Locations: []string{fmt.Sprint("L", i)}} }
	for i := range RuleVersionsMax {
		h.must(putRule("r", fmt.Sprint("source ", i)))
		h.must(activate("r", 0, at(i)))
	}
	h.wantTooMany(putRule("r", "one more"), "versions", RuleVersionsMax)
	for i := RuleVersionsMax; i < RuleActivationsMax; i++ {
		h.must(activate("r", 0, at(i)))
	}
	h.wantTooMany(activate("r", 0, at(RuleActivationsMax)), "activations", RuleActivationsMax)
	h.must(activate("r", 0, at(1))) // replaces one
	h.must(putRule("r", "one more"))
	h.must(&DeactivateRule{Name: "r", Hook: HookSelect, RuleScope: at(0)})
	h.must(activate("r", 0, at(RuleActivationsMax)))
}

// TestRuleSourcesBytesMax: the sources of all versions together are bounded; a deleted rule frees its bytes.
func TestRuleSourcesBytesMax(t *testing.T) {
	h := newHost(t)
	long := textOf(RuleSourceBytesMax - 2)
	for n := range RuleSourcesBytesMax / RuleSourceBytesMax {
		h.must(putRule(fmt.Sprint("r", n/RuleVersionsMax), fmt.Sprintf("%02d", n%RuleVersionsMax)+long))
	}
	if n := h.e.Rules().sourceBytes(); n != RuleSourcesBytesMax {
		t.Fatalf("%d bytes of sources", n)
	}
	h.wantTooMany(putRule("one more", "s"), "sources", RuleSourcesBytesMax)
	h.must(&DeleteRule{Name: "r0"})
	h.must(putRule("one more", "s"))
}

// TestReportedItemsMax: the list in an answer is bounded, and its counts are exact.
func TestReportedItemsMax(t *testing.T) {
	const records = ReportedItemsMax + 1
	all := Scope{All: true}
	h := redistributeHost(t, FallbackDefault)
	stock := &Refresh{Location: "L"}
	var lines []AllocateLine
	for i := range records - 1 {
		stock.Items = append(stock.Items, units(fmt.Sprint("V", i), 100))
		lines = append(lines, ask(fmt.Sprint(i), fmt.Sprint("V", i), 1))
	}
	h.must(stock)
	h.must(&Redistribute{Scope: all, Now: true})
	plan := &RedistributePlan{}
	for _, it := range append(stock.Items, units("U", 100)) {
		plan.Items = append(plan.Items, RedistributeItem{UPC: it.UPC, Location: "L", RecordVersion: h.view(it.UPC).
			Version, Rule: "r", RuleVersion: 1,
			Action: RedistributeToTargets, Targets: []SegmentTarget{target("Web", 10), target("Shop", 90)}})
	}
	plan.Items = plan.Items[:RedistributeItemsMax]
	if r := h.do(&Envelope{RulesIndex: h.e.Rules().Index()}, plan); len(r.Changes) != 2*RedistributeItemsMax ||
		r.Stock.Units != 60*RedistributeItemsMax {
		t.Errorf("a redistribution by rule lists %d changes of %d units", len(r.Changes), r.Stock.Units)
	}
	h.must(&DeactivateRule{Name: "r"})
	totals := []SegmentTotal{{1, 10 * (records - 1), 70 * (records - 1)}, {2, 90 * (records - 1), 30 * (records - 1)}}
	if r := h.must(&Redistribute{Scope: all, DryRun: true}); len(r.Changes) != ReportedItemsMax ||
		r.Stock.Records != records || !slices.Equal(r.Segments, totals) {
		t.Errorf("a dry run lists %d changes of %d records, in all %v", len(r.Changes), r.Stock.Records, r.Segments)
	}
	h.planned(allocate("o", ModeAll, lines...))
	h.planned(allocate("p", ModeAll, ask("1", "U", 1)))
	if r := h.apply(&Delete{Scope: all}); r.Code != CodeInUse || len(r.Blocked) != ReportedItemsMax ||
		r.Stock.Promised != records {
		t.Errorf("a delete: %v, lists %d records of %d promises", r.Code, len(r.Blocked), r.Stock.Promised)
	}
}

// TestOrderItemsMax: the number of items of an order is bounded, over all its commands.
func TestOrderItemsMax(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 2*OrderItemsMax)}})
	part := func(order string, from, to int) *Allocate {
		c := allocate(order, ModeAll)
		c.ExpiresAtMS = 1 << 50
		for i := from; i < to; i++ {
			c.Lines = append(c.Lines, ask(fmt.Sprint(i), "U", 1))
		}
		return c
	}
	for i := 0; i < OrderItemsMax-1; i += OrderLinesMax {
		h.apply(part("o", i, min(i+OrderLinesMax, OrderItemsMax-1)))
	}
	h.must(part("cart", 0, 2))
	h.wantTooMany(part("o", OrderItemsMax-1, OrderItemsMax+1), "lines", OrderItemsMax)
	h.wantTooMany(&Transition{FromOrderID: "cart", OrderID: "o", Lines: []TransitionLine{{"0", "x0"}, {"1", "x1"}}},
		"lines", OrderItemsMax)
	h.must(&Transition{FromOrderID: "cart", OrderID: "o", Lines: []TransitionLine{{"0", "x0"}}})
	h.wantTooMany(part("o", OrderItemsMax, OrderItemsMax+1), "lines", OrderItemsMax)
	h.must(part("o", 0, 1)) // repeated: adds no item
}

// TestMovementsPerItemMax: a new movement of an item deletes the oldest one.
func TestMovementsPerItemMax(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 100)}})
	h.must(allocate("o", ModeAll, ask("1", "U", 100)))
	first := func() MovementKind {
		var v OrderView
		h.e.ReadOrder("o", &v)
		return v.Items[0].Movements[0].Kind
	}
	for range MovementsPerItemMax - 1 {
		h.must(change(KindFulfill, "o", some("1", 1)))
	}
	if first() != MovementAllocated {
		t.Error("of as many as are kept the oldest has gone")
	}
	h.must(change(KindFulfill, "o", some("1", 1)))
	if first() == MovementAllocated {
		t.Error("with one more the oldest is still there")
	}
}

// TestIdempotencyCommandBytesMax: a command up to this size is kept whole, a longer one as a digest.
func TestIdempotencyCommandBytesMax(t *testing.T) {
	h := newHost(t)
	c := allocate("o", ModeAll, ask("1", "U", 1))
	for i := range 19 {
		c.Lines[0].Attributes = append(c.Lines[0].Attributes, Attribute{Name: fmt.Sprint(10 + i), Value: textOf(100)})
	}
	for bytes, digest := range map[int]bool{IdempotencyCommandBytesMax: false, IdempotencyCommandBytesMax + 1: true} {
		value := &c.Lines[0].Attributes[18].Value
		*value = textOf(200)
		h.apply(c)
		*value = textOf(200 + bytes - len(h.e.scratch.command.body))
		h.applyKeyed(strconv.Itoa(bytes), c)
		number, ok := h.e.findResult(strconv.Itoa(bytes))
		if n := len(h.e.scratch.command.body); !ok || n != bytes || h.e.result(number).digest != digest {
			t.Errorf("of %d bytes, wanted %d: kept %t, digest %t", n, bytes, ok, !digest)
		}
	}
}

// TestJobFaultsMax: a job lists a bounded number of refused lines.
func TestJobFaultsMax(t *testing.T) {
	h := newHost(t)
	for _, n := range []int{JobFaultsMax, JobFaultsMax + 1} {
		c := allocate("o", ModeLine)
		for i := range n {
			c.Lines = append(c.Lines, ask(fmt.Sprint(i), "nothing", 1))
		}
		var j Job
		r := h.do(&Envelope{Job: &JobInfo{Type: "x"}}, c)
		if !h.e.Job(r.Job.First, &j) || len(j.Faults) != JobFaultsMax || len(r.Lines) != n {
			t.Errorf("of %d refused lines %d are listed", len(r.Lines), len(j.Faults))
		}
	}
}

// TestDistributedCombinationsMax: the number of segments that a split may create is bounded.
func TestDistributedCombinationsMax(t *testing.T) {
	percents := func(name string, n int) *PutTagCategory {
		c := discrete(name, n)
		for i := range c.Values {
			c.Values[i].Percent = 0
		}
		c.Values[0].Percent = percentWhole
		return c
	}
	h := newHost(t)
	h.must(percents("A", 5))
	h.wantCode(percents("B", 205), CodeTooMany, "values")
	h.must(percents("B", 204))
	h.must(percents("A", 4))
	h.must(percents("B", DistributedCombinationsMax/4))
}

// TestAgesAreBounded: kept entries are there until the last millisecond of their time, and no longer.
func TestAgesAreBounded(t *testing.T) {
	for name, of := range map[string]struct {
		ageMS int64
		kept  func(*Engine) bool
	}{
		"answers":      {IdempotencyAgeMS, func(e *Engine) bool { return e.Stats().Results > 0 }},
		"counts":       {CountAgeMS, func(e *Engine) bool { return len(e.counts.open) > 0 }},
		"events":       {EventAgeMS, func(e *Engine) bool { return e.Events(0, 1, nil)[0].ID == 1 }},
		"explanations": {ExplanationAgeMS, func(e *Engine) bool { return e.Stats().Explanations > 0 }},
		"jobs":         {JobAgeMS, func(e *Engine) bool { return e.Stats().Jobs > 0 }},
	} {
		h := threeChannels(t)
		h.must(&StartCount{Location: "L", Count: "c"})
		h.planned(ruled("o", 2, "D"), candidates(candidate("B", 0, 0)))
		h.do(&Envelope{Key: "k", Job: &JobInfo{Type: "x"}}, &Refresh{Location: "L", Items: []StockItem{units("U", 1)}})
		h.nowMS += of.ageMS - 1
		h.must(putRule("later", "an event"))
		if !of.kept(h.e) {
			t.Errorf("%s went too early", name)
		}
		h.nowMS++
		h.must(&Expire{})
		if of.kept(h.e) {
			t.Errorf("%s are kept too long", name)
		}
	}
}
