package engine

import (
	"fmt"
	"strings"
	"testing"
)

// TestPlannedRestWaits: units that the candidates do not have wait in the line's own segment. Units that the plan
// leaves there go to waiting orders, and not to later lines of the command.
func TestPlannedRestWaits(t *testing.T) {
	h := threeChannels(t)
	c := ruled("o", 5, "A")
	c.Backorder = true
	r := h.planned(c, candidates(candidate("A", 7, 0)))
	if got, want := h.lineText(r, 0), "ok 3+2 A:3+2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	h.want("U", "L", `{"Channel":"A"} 10/5/0/5 {"Channel":"B"} 6/0/0/6 {"Channel":"C"} 4/0/0/4 `)

	c = ruled("p", 8, "A")
	c.Backorder = true
	c.Lines = append(c.Lines, ask("2", "U", 5, Tag{"Channel", "A"}))
	r = h.planned(c, candidates(candidate("B", 0, 0)))
	if got, want := h.lineText(r, 0)+", "+h.lineText(r, 1), "ok 6+2 B:6+0 A:0+2, ok 3+2 A:3+2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	h.want("U", "L", `{"Channel":"A"} 10/10/2/-2 {"Channel":"B"} 6/6/0/0 {"Channel":"C"} 4/0/0/4 `)
}

// TestPlannedItems: an existing item answers as before, whatever its new plan is. A spent item is planned again, and
// the new plan explains it.
func TestPlannedItems(t *testing.T) {
	h := threeChannels(t)
	h.planned(ruled("o", 7, "D"), candidates(candidate("B", 0, 0), candidate("A", 0, 0)))
	was := h.explainText("o")
	for _, plan := range []PlannedLine{candidates(candidate("C", 0, 0)), {Outcome: PlanRefused},
		{Outcome: PlanRejected}} {
		r := h.planned(ruled("o", 7, "D"), plan)
		if got, want := h.lineText(r, 0), "ok 7+0 B:6+0 A:1+0"; got != want || !r.Lines[0].Repeated ||
			r.Lines[0].Rule != "" {
			t.Errorf("repeated: %s, want %s; %+v", got, want, r.Lines[0])
		}
	}
	if r := h.planned(ruled("o", 7, "A"), candidates(candidate("A", 0, 0))); r.Code != CodeItemConflict ||
		r.Field != "lines[0].tags" {
		t.Errorf("the tags of what filled it: %v %s", r.Code, r.Field)
	}
	if got := h.explainText("o"); got != was {
		t.Errorf("explained as %s, before as %s", got, was)
	}

	h.must(change(KindDeallocate, "o"))
	if got, want := h.lineText(h.planned(ruled("o", 2, "A"), candidates(candidate("C", 0, 0))), 0),
		"ok 2+0 C:2+0"; got != want {
		t.Errorf("planned again: %s, want %s", got, want)
	}
	if got := h.explainText("o"); !strings.HasSuffix(got, ", C 4 2 taken") {
		t.Errorf("planned again, explained as %s", got)
	}
	h.must(change(KindDeallocate, "o"))
	h.planned(ruled("o", 2, "B"))
	if got := h.explainText("o"); !strings.HasPrefix(got, " 0 native") || !strings.HasSuffix(got, ", B 6 2 taken") {
		t.Errorf("without a rule, explained as %s", got)
	}
}

// TestFallbackIsExplained: after a failed rule the line takes its own segment, and the explanation says so.
func TestFallbackIsExplained(t *testing.T) {
	h := threeChannels(t)
	failed := PlannedLine{Outcome: PlanFallback, Reason: "slow", RecordVersion: 2}
	c := ruled("o", 4, "C")
	c.Backorder = true
	c.Lines = append(c.Lines, ask("2", "U", 1, Tag{"Channel", "C"}))
	second := failed
	second.Line = 1
	r := h.planned(c, failed, second)
	if got, want := h.lineText(r, 0)+", "+h.lineText(r, 1), "ok 4+0 C:4+0, ok 0+1 C:0+1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var v OrderExplanation
	if !h.e.Explain("o", &v) || h.e.Explain("nobody's", &v) {
		t.Error("not found, or found without being there")
	}
	h.e.Explain("o", &v)
	for i, want := range []string{"slow 2 3 0 4 4 taken", "slow 2 3 1 0 0 nothing-available"} {
		x := &v.Items[i]
		q := &x.Candidates[0]
		if got := fmt.Sprintf("%s %d %d %d %d %d %v", x.Reason, x.SeenVersion, x.RecordVersion, x.Pending, q.Available,
			q.Taken, q.Why); got != want {
			t.Errorf("item %d: explained as %s, want %s", i, got, want)
		}
	}
}

// TestRefusalsOfRulesAreLast: the smallest code of the refused lines decides, and the reason names its rule.
func TestRefusalsOfRulesAreLast(t *testing.T) {
	h := threeChannels(t)
	c := ruled("o", 1, "A")
	c.Lines = append(c.Lines, ask("2", "U", 1), ask("3", "U", 50))
	r := h.planned(c, PlannedLine{Outcome: PlanRejected, Reason: "no"},
		PlannedLine{Line: 1, Outcome: PlanRefused, Reason: "not you"})
	if got, want := outcome(r), "insufficient | 1 rule-failed 0+0 of 0 | 2 rule-refused 0+0 of 0 | 3 insufficient "+
		"0+0 of 10"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r = h.planned(&Allocate{OrderID: "o", Lines: c.Lines[:2]}, PlannedLine{Outcome: PlanRefused, Reason: "not you"})
	if got, want := outcome(r), "rule-refused | 1 rule-refused 0+0 of 0 | 2 not-attempted 0+0 of 0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestTagSetsOfPlannedLines: an item keeps the tags of its order. They need a tag set even if other segments fill the
// item.
func TestTagSetsOfPlannedLines(t *testing.T) {
	h := threeChannels(t)
	if r := h.planned(ruled("p", 2, "D"), candidates(candidate("A", 0, 0))); r.Code != CodeOK {
		t.Errorf("new tags with room answer %v", r.Code)
	}
	var v OrderView
	if h.e.ReadOrder("p", &v); h.e.Schema().Tags(v.Items[0].TagSet)[0].Value != "D" {
		t.Errorf("the item's tags are %v", h.e.Schema().Tags(v.Items[0].TagSet))
	}
	h = threeChannels(t)
	fillTagSets(h.e.Schema()) // as if so many had been created
	r := h.planned(ruled("o", 2, "D"), candidates(candidate("A", 0, 0)))
	if r.Code != CodeTooMany || r.Lines[0].Available != 2 {
		t.Errorf("new tags answer %v, %+v", r.Code, r.Lines[0])
	}
	if r := h.planned(ruled("o", 2, "B"), candidates(candidate("A", 0, 0))); r.Code != CodeOK {
		t.Errorf("known tags answer %v", r.Code)
	}
	h.want("U", "L", `{"Channel":"A"} 10/2/0/8 {"Channel":"B"} 6/0/0/6 {"Channel":"C"} 4/0/0/4 `)
}

// TestShippingOfSeveralSegments: an item that cannot ship completely claims no units that another item ships.
func TestShippingOfSeveralSegments(t *testing.T) {
	h := threeChannels(t)
	h.planned(ruled("o", 8, "D"), candidates(candidate("A", 0, 5), candidate("B", 0, 0)))
	other := ruled("o", 5, "A")
	other.Lines[0].ItemID = "2"
	h.must(&DeactivateRule{Name: "r"})
	h.planned(other)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 8), units("U", 1, Tag{"Channel", "B"})}})
	r := h.apply(change(KindFulfill, "o"))
	if got, want := outcome(r),
		"on-hand-below-zero | 1 on-hand-below-zero 0+0 of 6 | 2 not-attempted 0+0 of 0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestReturnOfSeveralSegments: a return to another location needs capacity in the segments that the units came from,
// and in no others.
func TestReturnOfSeveralSegments(t *testing.T) {
	h := newHost(t)
	h.must(discrete("A", 256))
	h.must(discrete("B", 64))
	first, second := []Tag{{"A", "v1"}}, []Tag{{"A", "v2"}}
	full := &Refresh{Location: "M"}
	for i := range SegmentsPerRecordMax - 1 {
		full.Items = append(full.Items, units("U", 1, Tag{"A", fmt.Sprint("v", i%256)},
			Tag{"B", fmt.Sprint("v", 1+i/256)}))
	}
	h.must(full)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 3, first...), units("U", 3, second...)}})
	h.must(putRule("r", "r"))
	h.must(activate("r", 1, RuleScope{}))
	h.planned(allocate("o", ModeAll, ask("1", "U", 5)),
		candidates(PlannedCandidate{Tags: first}, PlannedCandidate{Tags: second}))
	h.must(change(KindFulfill, "o", some("1", 2)))
	back := OrderLine{ItemID: "1", Quantity: 1, Location: "M"}
	h.must(change(KindReturn, "o", back))
	h.must(change(KindFulfill, "o"))
	back.Quantity = 3
	h.wantCode(change(KindReturn, "o", back), CodeTooMany, "lines[0]")
}

// TestExplanationsAreBounded: the oldest explanation is deleted first, and its item records that.
func TestExplanationsAreBounded(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 2*ExplanationsMax)}})
	h.must(putRule("r", "r"))
	h.must(activate("r", 1, RuleScope{}))
	plan := []PlannedLine{{Rule: "r", Version: 1, Outcome: PlanCandidates, Candidates: []PlannedCandidate{{}}}}
	var r Result
	for i := range ExplanationsMax + 1 {
		c := &Allocate{OrderID: fmt.Sprint("o", i), Lines: []AllocateLine{ask("1", "U", 1)}}
		h.buf = AppendCommand(h.buf[:0], &Envelope{RulesIndex: 1, Plans: plan}, c)
		h.out = h.e.Apply(h.index, h.nowMS, h.buf, h.out[:0])
		if err := DecodeResult(h.out, &r); err != nil || r.Code != CodeOK {
			t.Fatalf("order %d: %v, %v", i, r.Code, err)
		}
	}
	for i, expired := range map[int]bool{0: true, 1: false, ExplanationsMax: false} {
		var v OrderExplanation
		if !h.e.Explain(fmt.Sprint("o", i), &v) || v.Items[0].Expired != expired ||
			(len(v.Items[0].Candidates) == 0) != expired {
			t.Errorf("order %d is explained as %+v", i, v)
		}
	}
	if n := h.e.Stats().Explanations; n != ExplanationsMax {
		t.Errorf("%d explanations are kept", n)
	}
}
