package engine

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// TestCheckRuleLimits: what rules may ask for is taken, and one more refused.
func TestCheckRuleLimits(t *testing.T) {
	f := func(name string, limit int, field, value string, of func(n int) Command) {
		t.Helper()
		runChecks(t, []checkCase{{name + ", as many as may be", of(limit), "", ""}, {name + ", one more", of(limit + 1), field, value}})
	}
	put := func(change func(*PutRule)) Command {
		c := putRule("r", "s", HookSelect)
		change(c)
		return c
	}
	text := func(n int) string { return strings.Repeat("x", n) }
	f("name", RuleNameBytesMax, "name", text(RuleNameBytesMax+1), func(n int) Command { return put(func(c *PutRule) { c.Name = text(n) }) })
	f("author", RuleAuthorBytesMax, "author", shownText(text(RuleAuthorBytesMax+1)), func(n int) Command { return put(func(c *PutRule) { c.Author = text(n) }) })
	f("source", RuleSourceBytesMax, "source", strconv.Itoa(RuleSourceBytesMax+1), func(n int) Command { return put(func(c *PutRule) { c.Source = text(n) }) })
	f("failures", RuleFailuresMax, "failuresMax", strconv.Itoa(RuleFailuresMax+1), func(n int) Command {
		c := activate("r", 1, RuleScope{})
		c.FailuresMax = uint32(n)
		return c
	})
	f("locations of a scope", RuleScopeLocationsMax, "scope.locations", strconv.Itoa(RuleScopeLocationsMax+1), func(n int) Command {
		return activate("r", 1, RuleScope{Locations: manyNames(n)})
	})
	f("attributes", AttributesMax, "lines[0].attributes", strconv.Itoa(AttributesMax+1), func(n int) Command {
		return allocateOf(func(c *Allocate) {
			for i := range n {
				c.Lines[0].Attributes = append(c.Lines[0].Attributes, Attribute{Name: fmt.Sprintf("a%02d", i), Value: "v"})
			}
		})
	})
	// A scope is that of one hook: without it, each part of one is refused.
	for _, scope := range []RuleScope{{Locations: []string{"L"}}, {UPCPrefix: "U"}, {Tags: []Tag{{"Channel", "Web"}}}} {
		runChecks(t, []checkCase{{"a scope without a hook", &DeactivateRule{Name: "r", RuleScope: scope}, "hook", "0"}})
	}
}

// TestCountsMax: so many counts are open at a time, and one that closes makes room.
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

// TestEventsMax: the oldest event goes when one more comes.
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

// TestResultsMax: kept answers are bounded by number and by bytes, and the oldest goes first.
func TestResultsMax(t *testing.T) {
	h := newHost(t)
	keep := func(key string) { h.applyKeyed(key, &StartCount{Location: "L", Count: key}) }
	has := func(key string) bool { _, ok := h.e.results.find(key); return ok }
	keep("first")
	keep("second")
	h.e.results.ring.bytes += IdempotencyBytesMax - h.e.results.ring.bytes // as if their answers were as long
	keep("third")
	if !has("first") {
		t.Error("as many bytes as may be kept, and the oldest has gone")
	}
	h.e.results.ring.bytes = IdempotencyBytesMax + 1
	keep("fourth")
	if has("first") || !has("second") || !has("fourth") {
		t.Errorf("beyond the bytes: first %t, second %t, fourth %t", has("first"), has("second"), has("fourth"))
	}

	h = newHost(t)
	keep("first")
	for i := range IdempotencyResultsMax - 1 {
		h.e.keepResult(strconv.Itoa(i), &Expire{}, nil)
	}
	if n := h.e.results.ring.len(); n != IdempotencyResultsMax || !has("first") {
		t.Errorf("%d answers are kept, the first %t", n, has("first"))
	}
	keep("last")
	if n := h.e.results.ring.len(); n != IdempotencyResultsMax || has("first") || !has("0") || !has("last") {
		t.Errorf("%d answers are kept, the first %t, the second %t, the last %t", n, has("first"), has("0"), has("last"))
	}
}

// TestVerifySums: each sum of a record that is not that of its segments is reported, though all others are right.
func TestVerifySums(t *testing.T) {
	h := newHost(t)
	h.apply(&Refresh{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 5}}})
	h.e.Verify(func(problem string) { t.Error(problem) })
	r := h.e.records.at(1)
	for name, sum := range map[string]*int64{"onHand": &r.onHand, "allocated": &r.allocated, "pending": &r.pending, "safety": &r.safety} {
		*sum++
		found := false
		h.e.Verify(func(problem string) { found = found || strings.Contains(problem, "is not the sum of its segments") })
		if !found {
			t.Errorf("%s is one too many, and Verify reports nothing of it", name)
		}
		*sum--
	}
}

// TestAppendUPCs lists what a location has, a page at a time.
func TestAppendUPCs(t *testing.T) {
	h := newHost(t)
	for _, location := range []string{"L", "M"} {
		h.apply(&Refresh{Location: location, Items: []StockItem{{UPC: location + "1", Quantity: 5}, {UPC: location + "2"}, {UPC: location + "3"}}})
	}
	if upcs, next := h.e.AppendUPCs(nil, "nowhere", 0, 10); len(upcs) != 0 || next != 0 {
		t.Errorf("nowhere has %q, %d", upcs, next)
	}
	upcs, next := h.e.AppendUPCs(nil, "M", 0, 2)
	if fmt.Sprint(upcs) != "[M1 M2]" || next == 0 {
		t.Fatalf("the first page is %q, %d", upcs, next)
	}
	if upcs, next = h.e.AppendUPCs(nil, "M", next, 2); fmt.Sprint(upcs) != "[M3]" || next != 0 {
		t.Errorf("the second page is %q, %d", upcs, next)
	}
}
