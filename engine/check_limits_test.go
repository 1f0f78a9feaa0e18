package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// runLimit: a command at the limit is accepted, and one above it is refused with the field and the value.
func runLimit(t *testing.T, name string, limit int, field, value string, of func(n int) Command) {
	t.Helper()
	runChecks(t, []checkCase{{name + ", as many as may be", of(limit), "", ""},
		{name + ", one more", of(limit + 1), field, value}})
}

// textOf is a text of n bytes.
func textOf(n int) string { return strings.Repeat("x", n) }

// textLimit is a text of a command: its longest length, and its field in the refusal.
type textLimit struct {
	bytesMax int
	field    string
	of       func(text string) Command
}

func runTextLimits(t *testing.T, tests []textLimit) {
	t.Helper()
	for _, tt := range tests {
		name := fmt.Sprintf("%v %s", tt.of("").Kind(), tt.field)
		runLimit(t, name, tt.bytesMax, tt.field, shownText(textOf(tt.bytesMax+1)), func(n int) Command {
			return tt.of(textOf(n))
		})
	}
}

// TestStockTextLimits: each text of a command about stock or the schema has a longest length.
func TestStockTextLimits(t *testing.T) {
	tagged := func(category, value string) Command {
		return refreshOf(func(c *Refresh) { c.Items[1].Tags = []Tag{{category, value}} })
	}
	moved := func(from, to string) Command {
		return categoryOf(func(c *PutTagCategory) {
			c.MoveTo = []Move{{from, to}}
			if len(to) <= TagBytesMax {
				c.Values[1].Name = to
			}
		})
	}
	runTextLimits(t, []textLimit{
		{LocationBytesMax, "location", func(s string) Command {
			return refreshOf(func(c *Refresh) { c.Location = s })
		}},
		{LocationBytesMax, "count", func(s string) Command { return refreshOf(func(c *Refresh) { c.Count = s }) }},
		{UPCBytesMax, "items[1].upc", func(s string) Command {
			return refreshOf(func(c *Refresh) { c.Items[1].UPC = s })
		}},
		{TagBytesMax, "items[1].tags", func(s string) Command { return tagged(s, "v") }},
		{TagBytesMax, "items[1].tags.Channel", func(s string) Command { return tagged("Channel", s) }},
		{LocationBytesMax, "location", func(s string) Command {
			return &Adjust{Location: s, Items: []StockItem{rightItem()}}
		}},
		{UPCBytesMax, "items[1].upc", func(s string) Command {
			return transferOf(func(it *TransferItem) { it.UPC = s })
		}},
		{LocationBytesMax, "items[1].from.location", func(s string) Command {
			return transferOf(func(it *TransferItem) { it.FromLocation = s })
		}},
		{LocationBytesMax, "items[1].to.location", func(s string) Command {
			return transferOf(func(it *TransferItem) { it.ToLocation = s })
		}},
		{UPCBytesMax, "upcs[0]", func(s string) Command { return &Delete{Scope: Scope{UPCs: []string{s}}} }},
		{LocationBytesMax, "locations[0]", func(s string) Command {
			return &Delete{Scope: Scope{Locations: []string{s}}}
		}},
		{LocationBytesMax, "location", func(s string) Command { return &StartCount{Location: s, Count: "c"} }},
		{LocationBytesMax, "count", func(s string) Command { return &StartCount{Location: "L", Count: s} }},
		{LocationBytesMax, "location", func(s string) Command {
			return &Block{Location: s, Items: []BlockItem{{UPC: "U"}}}
		}},
		{UPCBytesMax, "items[0].upc", func(s string) Command {
			return &Block{Location: "L", Items: []BlockItem{{UPC: s}}}
		}},
		{LocationBytesMax, "location", func(s string) Command { return &PutLocation{Location: s} }},
		{LocationNameBytesMax, "name", func(s string) Command { return &PutLocation{Location: "L", Name: s} }},
		{LocationNameBytesMax, "postalCode", func(s string) Command {
			return &PutLocation{Location: "L", PostalCode: s}
		}},
		{LocationNameBytesMax, "country", func(s string) Command { return &PutLocation{Location: "L", Country: s} }},
		{LocationBytesMax, "group", func(s string) Command { return &PutLocationGroup{Group: s} }},
		{LocationBytesMax, "locations[0]", func(s string) Command {
			return &PutLocationGroup{Group: "g", Locations: []string{s}}
		}},
		{WebhookNameBytesMax, "name", func(s string) Command {
			return webhookOf(func(c *PutWebhook) { c.Name = s })
		}},
		{WebhookNameBytesMax, "name", func(s string) Command { return &DeleteWebhook{Name: s} }},
		{LocationBytesMax, "locations[0]", func(s string) Command {
			return webhookOf(func(c *PutWebhook) { c.Locations = []string{s} })
		}},
		{TagBytesMax, "tags.Channel", func(s string) Command {
			return webhookOf(func(c *PutWebhook) { c.Tags = []Tag{{"Channel", s}} })
		}},
		{WebhookNameBytesMax, "items[0].name", func(s string) Command {
			return &SetWebhookPosition{Items: []WebhookPosition{{Name: s}}}
		}},
		{WebhookReasonBytesMax, "items[0].disabledReason", func(s string) Command {
			return &SetWebhookPosition{Items: []WebhookPosition{{Name: "w", DisabledReason: s}}}
		}},
		{TagBytesMax, "name", func(s string) Command { return categoryOf(func(c *PutTagCategory) { c.Name = s }) }},
		{TagBytesMax, "values[1].value", func(s string) Command {
			return categoryOf(func(c *PutTagCategory) { c.Values[1].Name = s })
		}},
		{TagBytesMax, "moveTo[0].from", func(s string) Command { return moved(s, "Amazon") }},
		{TagBytesMax, "moveTo[0].to", func(s string) Command { return moved("Store", s) }},
		{TagBytesMax, "name", func(s string) Command { return &DeleteTagCategory{Name: s} }},
		{TagBytesMax, "moveTo", func(s string) Command { return &DeleteTagCategory{Name: "Channel", MoveTo: s} }},
	})
}

// TestOrderTextLimits: each text of a command about orders or rules has a longest length.
func TestOrderTextLimits(t *testing.T) {
	line := func(change func(*AllocateLine)) Command {
		return allocateOf(func(c *Allocate) { change(&c.Lines[0]) })
	}
	attribute := func(name, value string) Command {
		return line(func(l *AllocateLine) { l.Attributes = []Attribute{{name, value}} })
	}
	returned := func(change func(*OrderLine)) Command {
		return changeOf(KindReturn, func(c *OrderChange) { change(&c.Lines[0]) })
	}
	becomes := func(l TransitionLine) Command {
		return &Transition{FromOrderID: "a", OrderID: "b", Lines: []TransitionLine{l}}
	}
	scoped := func(scope RuleScope) Command { return activate("r", 1, scope) }
	decided := func(change func(*RedistributeItem)) Command {
		c := &RedistributePlan{Items: []RedistributeItem{{UPC: "U", Location: "L", Action: RedistributeKeep}}}
		change(&c.Items[0])
		return c
	}
	runTextLimits(t, []textLimit{
		{OrderIDBytesMax, "orderId", func(s string) Command { return allocateOf(func(c *Allocate) { c.OrderID = s }) }},
		{ItemIDBytesMax, "lines[0].itemId", func(s string) Command {
			return line(func(l *AllocateLine) { l.ItemID = s })
		}},
		{UPCBytesMax, "lines[0].upc", func(s string) Command { return line(func(l *AllocateLine) { l.UPC = s }) }},
		{LocationBytesMax, "lines[0].location", func(s string) Command {
			return line(func(l *AllocateLine) { l.Location = s })
		}},
		{AttributeBytesMax, "lines[0].attributes", func(s string) Command { return attribute(s, "v") }},
		{AttributeBytesMax, "lines[0].attributes.a", func(s string) Command { return attribute("a", s) }},
		{OrderIDBytesMax, "orderId", func(s string) Command {
			return changeOf(KindConfirm, func(c *OrderChange) { c.OrderID = s })
		}},
		{ItemIDBytesMax, "lines[0].itemId", func(s string) Command {
			return returned(func(l *OrderLine) { l.ItemID = s })
		}},
		{UPCBytesMax, "lines[0].upc", func(s string) Command { return returned(func(l *OrderLine) { l.UPC = s }) }},
		{LocationBytesMax, "lines[0].location", func(s string) Command {
			return returned(func(l *OrderLine) { l.Location = s })
		}},
		{OrderIDBytesMax, "fromOrderId", func(s string) Command {
			return &Transition{FromOrderID: s, OrderID: "b", Lines: []TransitionLine{{"1", "2"}}}
		}},
		{OrderIDBytesMax, "orderId", func(s string) Command {
			return &Transition{FromOrderID: "a", OrderID: s, Lines: []TransitionLine{{"1", "2"}}}
		}},
		{ItemIDBytesMax, "lines[0].itemId", func(s string) Command { return becomes(TransitionLine{s, "2"}) }},
		{ItemIDBytesMax, "lines[0].toItemId", func(s string) Command { return becomes(TransitionLine{"1", s}) }},
		{RuleNameBytesMax, "name", func(s string) Command { return putRule(s, "s") }},
		{RuleAuthorBytesMax, "author", func(s string) Command { c := putRule("r", "s"); c.Author = s; return c }},
		{RuleNameBytesMax, "name", func(s string) Command { return activate(s, 1, RuleScope{}) }},
		{RuleAuthorBytesMax, "author", func(s string) Command {
			c := activate("r", 1, RuleScope{})
			c.Author = s
			return c
		}},
		{LocationBytesMax, "scope.locations[0]", func(s string) Command {
			return scoped(RuleScope{Locations: []string{s}})
		}},
		{UPCBytesMax, "scope.upcPrefix", func(s string) Command { return scoped(RuleScope{UPCPrefix: s}) }},
		{RuleReasonBytesMax, "reason", func(s string) Command { return &SuspendRule{Activation: 1, Reason: s} }},
		{UPCBytesMax, "items[0].upc", func(s string) Command {
			return decided(func(it *RedistributeItem) { it.UPC = s })
		}},
		{LocationBytesMax, "items[0].location", func(s string) Command {
			return decided(func(it *RedistributeItem) { it.Location = s })
		}},
		{RuleNameBytesMax, "items[0].rule", func(s string) Command {
			return decided(func(it *RedistributeItem) { it.Rule = s })
		}},
		{RuleReasonBytesMax, "items[0].reason", func(s string) Command {
			return decided(func(it *RedistributeItem) { it.Reason = s })
		}},
	})
}

// TestNumberLimits: each list of a command has a greatest length, and each number a greatest value.
func TestNumberLimits(t *testing.T) {
	f := func(name string, limit int, field string, of func(n int) Command) {
		t.Helper()
		runLimit(t, name, limit, field, strconv.Itoa(limit+1), of)
	}
	targets := func(n int, available int64) Command {
		item := RedistributeItem{UPC: "U", Location: "L", Action: RedistributeToTargets,
			Targets: manyItems(n, SegmentTarget{Available: available})}
		return &RedistributePlan{Items: []RedistributeItem{item}}
	}
	f("adjusts", AdjustItemsMax, "items", func(n int) Command {
		return &Adjust{Location: "L", Items: manyItems(n, rightItem())}
	})
	f("transfers", TransferItemsMax, "items", func(n int) Command {
		return &Transfer{Items: manyItems(n, rightTransferItem())}
	})
	f("locations of a scope", ScopeNamesMax, "locations", func(n int) Command {
		return &Delete{Scope: Scope{Locations: manyNames(n)}}
	})
	f("blocks", OrderLinesMax, "items", func(n int) Command {
		c := &Block{Location: "L"}
		for _, upc := range manyNames(n) {
			c.Items = append(c.Items, BlockItem{UPC: upc})
		}
		return c
	})
	f("lines of a change", OrderLinesMax, "lines", func(n int) Command {
		c := change(KindConfirm, "o")
		for _, item := range manyNames(n) {
			c.Lines = append(c.Lines, OrderLine{ItemID: item})
		}
		return c
	})
	f("lines of a transition", OrderLinesMax, "lines", func(n int) Command {
		c := &Transition{FromOrderID: "a", OrderID: "b"}
		for _, item := range manyNames(n) {
			c.Lines = append(c.Lines, TransitionLine{item, item})
		}
		return c
	})
	f("locations of a group", LocationGroupMembersMax, "locations", func(n int) Command {
		return &PutLocationGroup{Group: "g", Locations: manyNames(n)}
	})
	f("locations of a webhook", WebhookLocationsMax, "locations", func(n int) Command {
		return webhookOf(func(c *PutWebhook) { c.Locations = slices.Sorted(slices.Values(manyNames(n))) })
	})
	f("positions", WebhooksMax, "items", func(n int) Command {
		c := &SetWebhookPosition{}
		for _, name := range manyNames(n) {
			c.Items = append(c.Items, WebhookPosition{Name: name})
		}
		return c
	})
	f("values", CategoryValuesMax, "values", func(n int) Command { return discrete("A", n) })
	f("moves", CategoryValuesMax, "moveTo", func(n int) Command {
		c := discrete("A", 1)
		for _, from := range manyNames(n) {
			c.MoveTo = append(c.MoveTo, Move{from, "v0"})
		}
		return c
	})
	f("redistribute items", RedistributeItemsMax, "items", func(n int) Command {
		return &RedistributePlan{Items: manyItems(n, RedistributeItem{UPC: "U", Location: "L",
			Action: RedistributeKeep})}
	})
	f("targets", SegmentsPerRecordMax, "items[0].targets", func(n int) Command { return targets(n, 1) })
	f("units of a target", RecordUnitsMax, "items[0].targets[0].available", func(n int) Command {
		return targets(1, int64(n))
	})
	for field, of := range map[string]func(it *StockItem, n int64){
		"quantity":    func(it *StockItem, n int64) { it.Quantity = n },
		"safetyStock": func(it *StockItem, n int64) { it.Has, it.SafetyStock = HasSafetyStock, n },
		"floor":       func(it *StockItem, n int64) { it.Has, it.Floor = HasFloor, n },
		"ltd":         func(it *StockItem, n int64) { it.Has, it.LTD = HasLTD, n },
	} {
		f(field, QuantityMax, "items[1]."+field, func(n int) Command {
			return refreshOf(func(c *Refresh) { of(&c.Items[1], int64(n)) })
		})
	}
	f("units moved", QuantityMax, "items[1].quantity", func(n int) Command {
		return transferOf(func(it *TransferItem) { it.Quantity = int64(n) })
	})
	f("units asked for", QuantityMax, "lines[0].quantity", func(n int) Command {
		return allocateOf(func(c *Allocate) { c.Lines[0].Quantity = int64(n) })
	})
	f("units changed", QuantityMax, "lines[0].quantity", func(n int) Command {
		return changeOf(KindFulfill, func(c *OrderChange) { c.Lines[0].Quantity = int64(n) })
	})
	f("min", QuantityMax, "values[1].min", func(n int) Command {
		return categoryOf(func(c *PutTagCategory) { c.Values[1].Min = int64(n) })
	})
	f("max", QuantityMax, "values[1].max", func(n int) Command {
		return categoryOf(func(c *PutTagCategory) { c.Values[1].Max = int64(n) })
	})
}

// TestCheckRuleLimits: rules at their limits are accepted, and above them refused.
func TestCheckRuleLimits(t *testing.T) {
	f := func(name string, limit int, field string, of func(n int) Command) {
		t.Helper()
		runLimit(t, name, limit, field, strconv.Itoa(limit+1), of)
	}
	f("source", RuleSourceBytesMax, "source", func(n int) Command { return putRule("r", textOf(n)) })
	f("failures", RuleFailuresMax, "failuresMax", func(n int) Command {
		c := activate("r", 1, RuleScope{})
		c.FailuresMax = uint32(n)
		return c
	})
	f("locations of a scope", RuleScopeLocationsMax, "scope.locations", func(n int) Command {
		return activate("r", 1, RuleScope{Locations: manyNames(n)})
	})
	f("attributes", AttributesMax, "lines[0].attributes", func(n int) Command {
		return allocateOf(func(c *Allocate) {
			for i := range n {
				c.Lines[0].Attributes = append(c.Lines[0].Attributes,
					Attribute{Name: fmt.Sprintf("a%02d", i), Value: "v"})
			}
		})
	})
	// Only a hook has a scope: without a hook, each part of a scope is refused.
	for _, scope := range []RuleScope{{Locations: []string{"L"}}, {UPCPrefix: "U"}, {Tags: []Tag{{"Channel", "Web"}}}} {
		runChecks(t, []checkCase{{"a scope without a hook", &DeactivateRule{Name: "r", RuleScope: scope}, "hook", "0"}})
	}
}

// TestPlanLimits: the plan of a rule is checked like the rest of the command.
func TestPlanLimits(t *testing.T) {
	f := func(field string, limit int, of func(n int) PlannedLine) {
		t.Helper()
		for n, want := range map[int]string{limit: "", limit + 1: "plans[0]." + field} {
			p := of(n)
			if p.Rule == "" {
				p.Rule = "r"
			}
			got := ""
			if f := checkPlans(ruled("o", 1, "A"), []PlannedLine{p}); f != nil {
				got = f.Field
			}
			if got != want {
				t.Errorf("%s of %d: got %q, want %q", field, n, got, want)
			}
		}
	}
	f("rule", RuleNameBytesMax, func(n int) PlannedLine { return PlannedLine{Outcome: PlanRefused, Rule: textOf(n)} })
	f("rule", RuleReasonBytesMax, func(n int) PlannedLine {
		return PlannedLine{Outcome: PlanRefused, Reason: textOf(n)}
	})
	f("candidates", CandidatesMax, func(n int) PlannedLine { return candidates(manyItems(n, candidate("A", 0, 0))...) })
	f("candidates", RecordUnitsMax, func(n int) PlannedLine { return candidates(candidate("A", int64(n), 0)) })
	f("candidates", RecordUnitsMax, func(n int) PlannedLine { return candidates(candidate("A", 0, int64(n))) })
}

// TestJobLimits: the description of a job has a longest length.
func TestJobLimits(t *testing.T) {
	for field, of := range map[string]struct {
		limit int
		job   func(n int) *JobInfo
	}{
		"job.type":     {JobTypeBytesMax, func(n int) *JobInfo { return &JobInfo{Type: textOf(n)} }},
		"job.owner":    {JobOwnerBytesMax, func(n int) *JobInfo { return &JobInfo{Type: "x", Owner: textOf(n)} }},
		"job.location": {LocationBytesMax, func(n int) *JobInfo { return &JobInfo{Type: "x", Location: textOf(n)} }},
		"job.items":    {QuantityMax, func(n int) *JobInfo { return &JobInfo{Type: "x", Items: int64(n)} }},
	} {
		if f := checkJob(of.job(of.limit)); f != nil {
			t.Errorf("%s of %d: refused as %+v", field, of.limit, f)
		}
		if f := checkJob(of.job(of.limit + 1)); f == nil || f.Field != field {
			t.Errorf("%s of %d: %+v", field, of.limit+1, f)
		}
	}
}
