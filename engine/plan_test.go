package engine

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// planned applies an Allocate of one line with the plan of a rule.
func (h *host) planned(c *Allocate, plans ...PlannedLine) *Result {
	h.t.Helper()
	for i := range plans {
		if plans[i].Rule == "" {
			plans[i].Rule, plans[i].Version = "r", 1
		}
	}
	return h.do(&Envelope{RulesIndex: h.e.Rules().Index(), Plans: plans}, c)
}

func candidate(channel string, keep, most int64) PlannedCandidate {
	return PlannedCandidate{Tags: []Tag{{"Channel", channel}}, Keep: keep, Max: most}
}

func candidates(all ...PlannedCandidate) PlannedLine {
	return PlannedLine{Outcome: PlanCandidates, Candidates: all}
}

// lineText shows the units of a line: "code units+pending A:2 B:1".
func (h *host) lineText(r *Result, i int) string {
	l := &r.Lines[i]
	s := fmt.Sprintf("%v %d+%d", l.Code, l.Units, l.Pending)
	for _, p := range l.Parts {
		s += fmt.Sprintf(" %s:%d+%d", h.e.Schema().Tags(p.TagSet)[0].Value, p.Units, p.Pending)
	}
	return s
}

// explainText shows the candidates of an order's first item: "A 10 6 taken".
func (h *host) explainText(orderID string) string {
	row, ok := h.e.AppendOrder(nil, orderID)
	if !ok {
		return "none"
	}
	var v OrderExplanation
	if err := h.e.ExplainOrder(row, &v); err != nil {
		h.t.Fatal(err)
	}
	x := v.Items[0]
	all := []string{fmt.Sprintf("%s %d %v at %d seen %d was %d", x.Rule, x.Version, x.Outcome, x.Index, x.SeenVersion,
		x.RecordVersion)}
	for _, c := range x.Candidates {
		name := fmt.Sprint(c.Tags)
		if c.TagSet != 0 {
			name = h.e.Schema().Tags(c.TagSet)[0].Value
		}
		all = append(all, fmt.Sprintf("%s %d %d %v", name, c.Available, c.Taken, c.Why))
	}
	return strings.Join(all, ", ")
}

// threeChannels has A 10, B 6 and C 4 of U at L, and nothing of channel D.
func threeChannels(t testing.TB) *host {
	h := newHost(t)
	h.must(&PutTagCategory{Name: "Channel", Values: []Value{value("A", true), value("B", false), value("C", false),
		value("D", false)}})
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10), units("U", 6, Tag{"Channel", "B"}),
		units("U", 4, Tag{"Channel", "C"})}})
	h.must(putRule("r", "r"))
	h.must(activate("r", 1, RuleScope{}))
	return h
}

func ruled(orderID string, quantity int64, channel string) *Allocate {
	return &Allocate{OrderID: orderID, Lines: []AllocateLine{{ItemID: "1", UPC: "U", Location: "L", Quantity: quantity,
		Tags: []Tag{{"Channel", channel}}}}}
}

func TestPlannedLines(t *testing.T) {
	tests := []struct {
		name      string
		mode      Mode
		backorder bool
		quantity  int64
		plan      PlannedLine
		want      string
		explained string
	}{
		{"one candidate", ModeAll, false, 3, candidates(candidate("B", 0, 0)), "ok 3+0 B:3+0", "B 6 3 taken"},
		{"in order", ModeAll, false, 12, candidates(candidate("B", 0, 0), candidate("A", 0, 0)), "ok 12+0 B:6+0 A:6+0",
			"B 6 6 taken, A 10 6 taken"},
		{"the rest is full", ModeAll, false, 3, candidates(candidate("B", 0, 0), candidate("A", 0, 0)), "ok 3+0 B:3+0",
			"B 6 3 taken, A 10 0 full"},
		{"keep", ModeAll, false, 8, candidates(candidate("A", 7, 0), candidate("B", 0, 0)), "ok 8+0 A:3+0 B:5+0",
			"A 10 3 taken, B 6 5 taken"},
		{"all kept", ModeAll, false, 2, candidates(candidate("B", 6, 0), candidate("A", 0, 0)), "ok 2+0 A:2+0",
			"B 6 0 kept, A 10 2 taken"},
		{"max", ModeAll, false, 5, candidates(candidate("A", 0, 2), candidate("C", 0, 0)), "ok 5+0 A:2+0 C:3+0",
			"A 10 2 taken, C 4 3 taken"},
		{"twice the same", ModeAll, false, 5, candidates(candidate("A", 0, 2), candidate("B", 0, 1),
			candidate("A", 0, 0)), "ok 5+0 A:4+0 B:1+0", "A 10 2 taken, B 6 1 taken, A 8 2 taken"},
		{"kept at first", ModeAll, false, 8, candidates(candidate("A", 10, 0), candidate("B", 0, 0),
			candidate("A", 0, 0)), "ok 8+0 B:6+0 A:2+0", "A 10 0 kept, B 6 6 taken, A 10 2 taken"},
		{"no such segment", ModeAll, false, 1, candidates(candidate("D", 0, 0), candidate("A", 0, 0)), "ok 1+0 A:1+0",
			"[{Channel D}] 0 0 unknown-segment, A 10 1 taken"},
		{"no such value", ModeAll, false, 1, candidates(candidate("X", 0, 0), candidate("A", 0, 0)), "ok 1+0 A:1+0",
			"[{Channel X}] 0 0 unknown-tag, A 10 1 taken"},
		{"too few", ModeAll, false, 11, candidates(candidate("A", 0, 0)), "insufficient 0+0", ""},
		{"too few in line mode", ModeLine, false, 11, candidates(candidate("A", 0, 0)), "insufficient 0+0", ""},
		{"in part", ModePartial, false, 11, candidates(candidate("A", 1, 0)), "ok 9+0 A:9+0", "A 10 9 taken"},
		{"nothing in part", ModePartial, false, 11, candidates(candidate("A", 10, 0)), "insufficient 0+0", ""},
		{"no candidates", ModePartial, false, 1, candidates(), "insufficient 0+0", ""},
		{"the rest waits in its own segment", ModeAll, true, 9, candidates(candidate("B", 0, 0)), "ok 6+3 B:6+0 D:0+3",
			"B 6 6 taken"},
		{"refused", ModeAll, false, 1, PlannedLine{Outcome: PlanRefused, Reason: "not today"}, "rule-refused 0+0", ""},
		{"failed", ModeAll, false, 1, PlannedLine{Outcome: PlanRejected, Reason: "line 3"}, "rule-failed 0+0", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := threeChannels(t)
			before := h.stateHash()
			c := ruled("o", tt.quantity, "D")
			c.Mode, c.Backorder = tt.mode, tt.backorder
			r := h.planned(c, tt.plan)
			if got := h.lineText(r, 0); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if l := &r.Lines[0]; l.Rule != "r" || l.RuleVersion != 1 || l.Reason != tt.plan.Reason {
				t.Errorf("decided by %q %d, %q", l.Rule, l.RuleVersion, l.Reason)
			}
			if r.Lines[0].Code != CodeOK {
				if h.stateHash() != before {
					t.Error("a refusal changed the state")
				}
				return
			}
			if got, want := h.explainText("o"), fmt.Sprintf("r 1 candidates at %d seen 0 was 3, %s", h.index,
				tt.explained); got != want {
				t.Errorf("explained as\n%s, want\n%s", got, want)
			}
		})
	}
}

// TestPlannedUnitsGoBackWhereTheyCameFrom ships an item filled from two segments and returns a part of it.
func TestPlannedUnitsGoBackWhereTheyCameFrom(t *testing.T) {
	h := threeChannels(t)
	h.planned(ruled("o", 8, "D"), candidates(candidate("B", 0, 0), candidate("A", 0, 0)))
	h.must(change(KindFulfill, "o"))
	h.must(change(KindReturn, "o"))
	h.want("U", "L", `{"Channel":"A"} 10/0/0/10 {"Channel":"B"} 6/0/0/6 {"Channel":"C"} 4/0/0/4 `)
}

func TestLinesOfOnePlanShareTheStock(t *testing.T) {
	h := threeChannels(t)
	c := ruled("o", 5, "A")
	c.Mode = ModeLine
	c.Lines = append(c.Lines, c.Lines[0], c.Lines[0], c.Lines[0], c.Lines[0])
	for i := range c.Lines {
		c.Lines[i].ItemID = fmt.Sprint(i)
	}
	c.Lines[3].Quantity, c.Lines[4].Quantity = 1, 1
	r := h.planned(c, PlannedLine{Line: 0, Outcome: PlanCandidates,
		Candidates: []PlannedCandidate{candidate("B", 0, 0)}},
		// 1 available: refused
		PlannedLine{Line: 1, Outcome: PlanCandidates, Candidates: []PlannedCandidate{candidate("B", 0, 0)}},
		PlannedLine{Line: 3, Outcome: PlanFallback, Reason: "slow"},
		// the unit that line 1 did not take
		PlannedLine{Line: 4, Outcome: PlanCandidates, Candidates: []PlannedCandidate{candidate("B", 0, 0)}})
	got := h.lineText(r, 0)
	for i := 1; i < len(c.Lines); i++ {
		got += ", " + h.lineText(r, i)
	}
	if want := "ok 5+0 B:5+0, insufficient 0+0, ok 5+0 A:5+0, ok 1+0 A:1+0, ok 1+0 B:1+0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if r.Lines[1].Available != 1 || r.Lines[2].Rule != "" || r.Lines[3].Reason != "slow" {
		t.Errorf("lines %+v", r.Lines)
	}
}

func TestPlansOfOtherRules(t *testing.T) {
	h := threeChannels(t)
	h.must(&DeactivateRule{Name: "r"})
	stale := AppendCommand(nil, &Envelope{Key: "k", RulesIndex: 1}, ruled("o", 1, "A"))
	var r Result
	if err := DecodeResult(h.e.Apply(h.index+1, h.nowMS, stale, nil), &r); err != nil || r.Code != CodeRetry ||
		r.Field != "rules" {
		t.Errorf("a plan of before answers %v %s, %v", r.Code, r.Field, err)
	}
	fresh := AppendCommand(nil, &Envelope{Key: "k", RulesIndex: 2}, ruled("o", 1, "A"))
	if err := DecodeResult(h.e.Apply(h.index+2, h.nowMS, fresh, nil), &r); err != nil || r.Code != CodeOK {
		t.Errorf("planned again it answers %v, %v", r.Code, err)
	}
	if err := DecodeResult(h.e.Apply(h.index+3, h.nowMS, stale, nil), &r); err != nil || r.Code != CodeOK ||
		!r.Repeated {
		t.Errorf("repeated with a plan of before it answers %v, %v", r.Code, err)
	}
	h.index += 3
	for name, p := range map[string]PlannedLine{
		"a line that is not there": {Line: 1, Outcome: PlanRefused},
		"no outcome":               {},
		"a refusal of candidates":  {Outcome: PlanRefused, Candidates: []PlannedCandidate{candidate("A", 0, 0)}},
		"negative keep":            candidates(candidate("A", -1, 0)),
		"too many":                 candidates(make([]PlannedCandidate, CandidatesMax+1)...),
	} {
		if r := h.planned(ruled("p", 1, "A"), p); r.Code != CodeInvalid || !strings.HasPrefix(r.Field, "plans[0].") {
			t.Errorf("%s: %v at %s", name, r.Code, r.Field)
		}
	}
	twice := candidates(candidate("A", 0, 0))
	if r := h.planned(ruled("p", 1, "A"), twice, twice); r.Code != CodeInvalid || r.Field != "plans[1].line" {
		t.Errorf("two plans for a line: %v at %s", r.Code, r.Field)
	}
}

// TestExplanationsSurvive takes explanations with and without a rule through a checkpoint and through the archive.
func TestExplanationsSurvive(t *testing.T) {
	h := threeChannels(t)
	h.planned(ruled("o", 7, "D"), candidates(candidate("B", 0, 0), candidate("A", 0, 0)))
	h.must(&DeactivateRule{Name: "r"})
	h.planned(ruled("n", 2, "C"))
	want := h.explainText("o") + "; " + h.explainText("n")
	if !strings.HasSuffix(want, "; "+fmt.Sprintf(" 0 native at %d seen 0 was 0, C 4 2 taken", h.index)) {
		t.Errorf("explained as %s", want)
	}
	rows, c := new(Rows), h.e.Freeze()
	for c.Next(rows, 1, new(sync.Mutex)) {
	}
	c.Done()
	loaded := &host{t: t, e: merged(t, rows)}
	if loaded.e.Hash() != h.e.Hash() {
		t.Error("the explanations that were loaded are not those that were stored")
	}
	if got := loaded.explainText("o") + "; " + loaded.explainText("n"); got != want {
		t.Errorf("after a restart: %s, want %s", got, want)
	}
	h.must(change(KindDeallocate, "o"))
	h.index += ClosedOrderEntries + 1
	h.must(&Expire{})
	row, ok := h.e.AppendArchived(nil, "o")
	var v OrderExplanation
	if err := h.e.ExplainOrder(row, &v); !ok || err != nil || len(v.Items[0].Candidates) != 2 {
		t.Errorf("from the archive: %+v, %v, %v", v, ok, err)
	}
	h.nowMS += ExplanationAgeMS
	h.must(&Expire{})
	if err := h.e.ExplainOrder(row, &v); err != nil || !v.Items[0].Expired || h.e.Stats().Explanations != 0 {
		t.Errorf("after a week: %+v, %v, %d kept", v, err, h.e.Stats().Explanations)
	}
}

// TestPlansAgainstModel executes random plans and compares with a model of three counters.
func TestPlansAgainstModel(whole *testing.T) {
	rapid.Check(whole, func(t *rapid.T) {
		h := threeChannels(whole)
		free := map[string]int64{"A": 10, "B": 6, "C": 4}
		for order := range rapid.IntRange(1, 6).Draw(t, "orders") {
			quantity := rapid.Int64Range(1, 12).Draw(t, "quantity")
			plan := candidates(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) PlannedCandidate {
				return candidate(rapid.SampledFrom([]string{"A", "B", "C", "D", "X"}).Draw(t, "channel"),
					rapid.SampledFrom([]int64{0, 0, 1, 4}).Draw(t, "keep"), rapid.SampledFrom([]int64{0, 0, 1, 3}).
						Draw(t, "max"))
			}), 0, 5).Draw(t, "plan")...)
			c := ruled(fmt.Sprint("o", order), quantity, "D")
			c.Mode = rapid.SampledFrom([]Mode{ModeAll, ModeLine, ModePartial}).Draw(t, "mode")
			got := map[string]int64{}
			left := quantity
			for _, q := range plan.Candidates {
				name := q.Tags[0].Value
				n := max(0, min(left, free[name]-got[name]-q.Keep))
				if q.Max > 0 {
					n = min(n, q.Max)
				}
				got[name] += n
				left -= n
			}
			ok := left == 0 || c.Mode == ModePartial && left < quantity
			r := h.planned(c, plan)
			if (r.Lines[0].Code == CodeOK) != ok || !ok && r.Lines[0].Available != quantity-left {
				t.Fatalf("%d of %+v with %v free: %+v", quantity, plan, free, r.Lines[0])
			}
			if !ok {
				continue
			}
			for _, p := range r.Lines[0].Parts {
				name := h.e.Schema().Tags(p.TagSet)[0].Value
				if p.Units != got[name] {
					t.Fatalf("%d units of %s, want %v", p.Units, name, got)
				}
				delete(got, name)
				free[name] -= p.Units
			}
			if slices.ContainsFunc([]string{"A", "B", "C"}, func(name string) bool { return got[name] > 0 }) {
				t.Fatalf("not taken: %v", got)
			}
		}
	})
}
