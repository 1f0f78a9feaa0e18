package engine

import (
	"fmt"
	"strings"
	"testing"
)

// redistributeHost has a record with 70 units on the web and 30 in the shop, and a redistribute rule for it.
func redistributeHost(t *testing.T, onError RuleFallback) *host {
	h := newHost(t)
	h.must(&PutTagCategory{Name: "Channel", Values: []Value{
		{Name: "Web", Percent: 7000, Default: true, Max: NoMax}, {Name: "Shop", Percent: 3000, Max: NoMax},
		{Name: "Fair", Max: NoMax}}})
	h.must(&Refresh{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 100}}})
	h.must(putRule("r", "s", HookRedistribute))
	h.must(&ActivateRule{Name: "r", Hook: HookRedistribute, OnError: onError, FailuresMax: 1})
	return h
}

func (h *host) view(upc string) (v RecordView) {
	h.t.Helper()
	if !h.e.ReadRecord(upc, "L", &v) {
		h.t.Fatalf("no record of %s", upc)
	}
	return v
}

// redistributes applies a rule's plan for the present figures of U.
func (h *host) redistributes(action RedistributeAction, reason string, targets ...SegmentTarget) *Result {
	h.t.Helper()
	return h.do(&Envelope{RulesIndex: h.e.Rules().Index()},
		&RedistributePlan{Items: []RedistributeItem{{UPC: "U", Location: "L", RecordVersion: h.view("U").Version,
			Rule: "r", RuleVersion: 1, Action: action, Reason: reason, Targets: targets}}})
}

func target(channel string, units int64) SegmentTarget {
	return SegmentTarget{Tags: []Tag{{"Channel", channel}}, Available: units}
}

// available shows the available units of U's segments, in their order.
func (h *host) available() string {
	h.t.Helper()
	v := h.view("U")
	var all []string
	for i := range v.Segments {
		all = append(all, fmt.Sprintf("%s %d", h.e.Schema().Tags(v.Segments[i].TagSet)[0].Value,
			v.Segments[i].Available()))
	}
	return strings.Join(all, ", ")
}

func (h *host) lastEvent() string {
	h.t.Helper()
	all := h.e.Events(0, 1000, nil)
	ev := all[len(all)-1]
	return fmt.Sprintf("%s %s %d: %s", ev.Kind, ev.Name, ev.Units, ev.Reason)
}

func TestRedistributePlan(t *testing.T) {
	now := &Redistribute{Scope: Scope{All: true}, Now: true}
	for name, test := range map[string]struct {
		action  RedistributeAction
		targets []SegmentTarget
		want    string
		event   string
	}{
		"targets": {RedistributeToTargets, []SegmentTarget{target("Web", 10), target("Shop", 90)}, "Web 10, Shop 90",
			"record-spread r 60: so"},
		"a new segment": {RedistributeToTargets, []SegmentTarget{target("Web", 65), target("Fair", 5)},
			"Web 65, Shop 30, Fair 5", "record-spread r 5: so"},
		"nothing to a new": {RedistributeToTargets, []SegmentTarget{target("Web", 70), target("Fair", 0)},
			"Web 70, Shop 30",
			"record-spread r 0: so"},
		"too many": {RedistributeToTargets, []SegmentTarget{target("Web", 71)}, "Web 70, Shop 30",
			"spread-kept r 0: the targets do not add up to what is available"},
		"too few": {RedistributeToTargets, []SegmentTarget{target("Web", 10), target("Shop", 89)}, "Web 70, Shop 30",
			"spread-kept r 0: the targets do not add up to what is available"},
		"one twice": {RedistributeToTargets, []SegmentTarget{target("Web", 35), target("Web", 105)}, "Web 70, Shop 30",
			"spread-kept r 0: two targets are for the same segment"},
		"unknown": {RedistributeToTargets, []SegmentTarget{target("Moon", 0)}, "Web 70, Shop 30",
			"spread-kept r 0: a target has tags that the schema does not know"},
		"keep":       {RedistributeKeep, nil, "Web 70, Shop 30", "spread-kept r 0: so"},
		"by percent": {RedistributeByPercent, nil, "Web 70, Shop 30", "spread-fell-back r 0: so"},
	} {
		t.Run(name, func(t *testing.T) {
			h := redistributeHost(t, FallbackDefault)
			if r := h.must(now); r.Stock.Records != 1 || len(r.Changes) > 0 || h.e.PlansWaiting() != 1 || !h.view("U").
				Planned {
				t.Fatalf("%+v, %d records wait", r.Stock, h.e.PlansWaiting())
			}
			if r := h.redistributes(test.action, "so", test.targets...); r.Code != CodeOK || r.Stock.Records != 1 {
				t.Fatalf("%v %+v", r.Code, r.Stock)
			}
			if got := h.available(); got != test.want || h.e.PlansWaiting() != 0 || h.view("U").Planned {
				t.Errorf("%s, %d records wait; want %s", got, h.e.PlansWaiting(), test.want)
			}
			if got := h.lastEvent(); got != test.event {
				t.Errorf("event %q, want %q", got, test.event)
			}
		})
	}
}

// TestRedistributePlanOfDueRecord: a due record waits at its next adjust, and its promises stay.
func TestRedistributePlanOfDueRecord(t *testing.T) {
	h := redistributeHost(t, FallbackDefault)
	h.planned(&Allocate{OrderID: "o", Backorder: true, Lines: []AllocateLine{
		{ItemID: "1", UPC: "U", Location: "L", Quantity: 40, Tags: []Tag{{"Channel", "Shop"}}}}})
	h.must(&Redistribute{Scope: Scope{All: true}})
	if v := h.view("U"); !v.Due || v.Planned {
		t.Fatalf("due %v, planned %v", v.Due, v.Planned)
	}
	h.must(&Adjust{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 5, Tags: []Tag{{"Channel", "Web"}}}}})
	if v := h.view("U"); v.Due || !v.Planned {
		t.Fatalf("due %v, planned %v", v.Due, v.Planned)
	}
	if got := h.available(); got != "Web 75, Shop -10" {
		t.Fatal(got)
	}
	if r := h.redistributes(RedistributeToTargets, "", target("Web", 45), target("Shop", 20)); len(r.Changes) != 2 ||
		r.Stock.Units != 30 {
		t.Errorf("%+v %+v", r.Stock, r.Changes)
	}
	if v := h.view("U"); h.available() != "Web 45, Shop 20" || v.Pending != 0 || v.Allocated != 40 || v.OnHand != 105 {
		t.Errorf("%s: %+v", h.available(), v)
	}
}

// TestRedistributePlanPassedOver: a plan skips records that have changed or do not wait. After a change of the rules it
// must be made again.
func TestRedistributePlanPassedOver(t *testing.T) {
	h := redistributeHost(t, FallbackDefault)
	if r := h.redistributes(RedistributeToTargets, "", target("Web", 50), target("Shop", 50)); r.Stock.Records != 0 ||
		h.available() != "Web 70, Shop 30" {
		t.Errorf("a record that does not wait: %+v, %s", r.Stock, h.available())
	}
	h.must(&Redistribute{Scope: Scope{All: true}, Now: true})
	version := h.view("U").Version
	h.must(&Adjust{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 1, Tags: []Tag{{"Channel", "Web"}}}}})
	item := RedistributeItem{UPC: "U", Location: "L", RecordVersion: version, Action: RedistributeKeep}
	if r := h.do(&Envelope{RulesIndex: h.e.Rules().Index()},
		&RedistributePlan{Items: []RedistributeItem{item}}); r.Stock.Records != 0 || h.e.PlansWaiting() != 1 {
		t.Errorf("a record that has changed: %+v", r.Stock)
	}
	item.RecordVersion = h.view("U").Version
	if r := h.do(&Envelope{RulesIndex: h.e.Rules().Index() + 1},
		&RedistributePlan{Items: []RedistributeItem{item}}); r.Code != CodeRetry || r.Field != "rules" {
		t.Errorf("under other rules: %v", r.Code)
	}
	h.must(&DeactivateRule{Name: "r"})
	events := len(h.e.Events(0, 1000, nil))
	item.Action = RedistributeByPercent
	if r := h.do(&Envelope{RulesIndex: h.e.Rules().Index()},
		&RedistributePlan{Items: []RedistributeItem{item}}); r.Stock.Records != 1 ||
		h.available() != "Web 71, Shop 30" {
		t.Errorf("without a rule: %+v, %s", r.Stock, h.available())
	}
	if got := len(h.e.Events(0, 1000, nil)); got != events {
		t.Error("a split that no rule is responsible for has an event of its own")
	}
}

// TestRedistributePlanSuspended: a suspended rule is not asked, and its OnError decides.
func TestRedistributePlanSuspended(t *testing.T) {
	for onError, want := range map[RuleFallback]string{FallbackDefault: "Web 84, Shop 36",
		FallbackReject: "Web 90, Shop 30"} {
		h := redistributeHost(t, onError)
		h.must(&SuspendRule{Activation: 1, Failures: 1, Reason: "no"})
		h.must(&Adjust{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 20, Tags: []Tag{{"Channel", "Web"}}}}})
		dry := h.must(&Redistribute{Scope: Scope{All: true}, DryRun: true})
		h.must(&Redistribute{Scope: Scope{All: true}, Now: true})
		if got := h.available(); got != want || h.e.PlansWaiting() != 0 ||
			len(dry.Changes) > 0 != (onError == FallbackDefault) {
			t.Errorf("%s, want %s; a dry run gives %v", got, want, dry.Changes)
		}
	}
}

// TestNextPlans: records are listed by row, from a cursor on.
func TestNextPlans(t *testing.T) {
	h := redistributeHost(t, FallbackDefault)
	for i := range 70 {
		h.must(&Refresh{Location: "L", Items: []StockItem{{UPC: fmt.Sprintf("N%02d", i), Quantity: 10}}})
	}
	h.must(&Redistribute{Scope: Scope{All: true}, Now: true})
	h.must(&Delete{Scope: Scope{UPCs: []string{"N03", "N64"}}, Force: true})
	var all []PlanWanted
	calls, next := 0, uint32(0)
	for more := true; more; more = next != 0 {
		all, next = h.e.NextPlans(next, 10, all)
		calls++
	}
	if len(all) != 69 || h.e.PlansWaiting() != 69 || all[0].UPC != "U" || all[4].UPC != "N04" || all[68].UPC != "N69" ||
		calls != 7 {
		t.Errorf("%d of %d in %d calls: %v", len(all), h.e.PlansWaiting(), calls, all)
	}
	if dry := h.must(&Redistribute{Scope: Scope{All: true}, DryRun: true}); len(dry.Changes) > 0 ||
		dry.Stock.Records != 69 {
		t.Errorf("a dry run: %+v", dry)
	}
}

// TestRedistributeOfBefore: a redistribution that an older program wrote answers what that program would.
func TestRedistributeOfBefore(t *testing.T) {
	h := redistributeHost(t, FallbackDefault)
	h.must(&DeactivateRule{Name: "r"})
	h.must(&Adjust{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 20, Tags: []Tag{{"Channel", "Web"}}}}})
	dry := &Redistribute{Scope: Scope{All: true}, DryRun: true}
	if r := h.do(&Envelope{Version: 4}, dry); len(r.Changes) != 2 || len(r.Segments) != 0 {
		t.Errorf("of version 4: %d changes, %d totals", len(r.Changes), len(r.Segments))
	}
	if r := h.must(dry); len(r.Changes) != 2 || len(r.Segments) != 2 {
		t.Errorf("%d changes, %d totals", len(r.Changes), len(r.Segments))
	}
}
