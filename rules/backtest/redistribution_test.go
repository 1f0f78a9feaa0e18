package backtest

import (
	"fmt"
	"testing"

	"apportion/engine"
)

// TestBacktestOfRedistribution: the candidate's rule redistributes records, not the recorded plans.
func TestBacktestOfRedistribution(t *testing.T) {
	source := func(a, b int) string {
		return fmt.Sprintf(`function redistribute(record, schema)
			return {weights = { {tags={Channel="A"}, weight=%d}, {tags={Channel="B"}, weight=%d} }, across={"Channel"}}
		end`, a, b)
	}
	tp := stocked(t)
	tp.must(&engine.PutRule{Name: "c", Source: source(2, 1), Hooks: []engine.RuleHook{engine.HookRedistribute}})
	tp.must(&engine.ActivateRule{Name: "c", Hook: engine.HookRedistribute, FailuresMax: 3})
	tp.base = len(tp.entries)
	tp.must(&engine.Redistribute{Scope: engine.Scope{All: true}, Now: true})
	tp.redistributions()
	tp.do("", orderOf("o1", engine.ModePartial, wants("U", "B", 9)))
	tp.must(&engine.Redistribute{Scope: engine.Scope{All: true}})
	tp.must(&engine.Adjust{Location: "L", Items: []engine.StockItem{{UPC: "U", Quantity: 5}}})
	tp.redistributions()
	of := func(c *Config) { c.Candidate.Hook = engine.HookRedistribute }
	same := tp.mustBacktest(source(2, 1), of)
	if same.OrdersThatDiffer > 0 || same.Decided != same.Candidate || same.Decided.RecordsRedistributed != 2 ||
		same.Decided.UnitsRedistributed != 5 {
		t.Errorf("the rule that was active: %+v", same)
	}
	r := tp.mustBacktest(source(1, 2), of)
	want := []SegmentTotals{
		{Tags: channel("A"), Decided: SegmentUnits{0, 10}, Candidate: SegmentUnits{0, 4}},
		{Tags: channel("B"), Decided: SegmentUnits{5, 5}, Candidate: SegmentUnits{9, 7}},
	}
	if fmt.Sprint(r.Segments) != fmt.Sprint(want) || r.OrdersThatDiffer != 1 || r.Candidate.RecordsRedistributed != 2 {
		t.Errorf("%+v, want %+v; %+v", r.Segments, want, r.Candidate)
	}
}

// redistributions plans and executes all waiting redistributions.
func (tp *tape) redistributions() {
	tp.t.Helper()
	var env engine.Envelope
	var c engine.RedistributePlan
	wanted, _ := tp.e.NextPlans(0, 10, nil)
	tp.p.PlanRedistribution(wanted, &env, &c)
	if r := tp.record(engine.AppendCommand(nil, &env, &c)); r.Code != engine.CodeOK {
		tp.t.Fatal(r.Code)
	}
}
