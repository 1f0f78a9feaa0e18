package engine

import (
	"fmt"
	"testing"
)

func TestCandidateRule(t *testing.T) {
	h := newHost(t)
	h.must(putRule("r", "one"))
	h.must(activate("r", 0, RuleScope{UPCPrefix: "UPC"}))
	found := func(want string) {
		t.Helper()
		got := "none"
		if a := h.e.Rules().Find(HookSelect, h.e.Schema(), "L", "UPC1", nil); a != nil {
			got = fmt.Sprint(a.Rule, "@", a.Version, " ", a.Suspended)
		}
		if got != want || h.e.Rules().Find(HookRedistribute, h.e.Schema(), "L", "UPC1", nil) != nil {
			t.Errorf("%s is asked, want %s", got, want)
		}
	}
	index := h.e.Rules().Index()
	h.e.SetCandidateRule(&Activation{ID: 3, Rule: "s", Version: 2, Hook: HookSelect,
		Scope: RuleScope{Locations: []string{"M", "L", "L"}}}, "source")
	found("s@2 false")
	if a, source := h.e.Rules().CandidateRule(); a.ID != CandidateRuleID || len(a.Scope.Locations) != 2 ||
		source != "source" {
		t.Errorf("candidate %+v of %q", a, source)
	}
	if got := h.e.Rules().Index(); got != index || len(h.e.Rules().Active()) != 1 {
		t.Errorf("the candidateRule is among the log's rules: index %d was %d", got, index)
	}
	h.must(putRule("r", "two"))
	found("s@2 false")
	h.must(&DeactivateRule{Name: "r"})
	h.must(activate("r", 2, RuleScope{UPCPrefix: "UPC1"}))
	found("s@2 false")
	h.e.SetCandidateRule(&Activation{Rule: "s", Version: 2, Hook: HookSelect, Suspended: true}, "source")
	found("s@2 true")
	h.e.SetCandidateRule(nil, "")
	found("r@2 false")
}

func TestNextRecord(t *testing.T) {
	h := newHost(t)
	var v RecordView
	if row := h.e.NextRecord(0, &v); row != 0 {
		t.Errorf("an empty engine has a record in row %d", row)
	}
	for _, upc := range []string{"A", "B", "C"} {
		h.must(&Refresh{Location: "L", Items: []StockItem{{UPC: upc, Quantity: 3}}})
	}
	h.must(&Delete{Scope: Scope{UPCs: []string{"B"}}, Force: true})
	all := ""
	for row := h.e.NextRecord(0, &v); row != 0; row = h.e.NextRecord(row, &v) {
		all += v.UPC + v.Location + " "
	}
	if all != "AL CL " {
		t.Errorf("the records are %q", all)
	}
}
