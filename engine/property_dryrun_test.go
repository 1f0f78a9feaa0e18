package engine_test

import (
	"fmt"
	"testing"

	"apportion/engine"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// TestCategoryDryRunAgainstItself: a dry run of a category in a random state says what the command and a redistribution
// after it do, to the unit, and changes nothing itself.
func TestCategoryDryRunAgainstItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHarness(t)
		h.begin(t)
		for range rapid.IntRange(3, 15).Draw(t, "steps") {
			h.step(t)
		}
		g := generator{t, h.m, h.nowMS}
		c := g.putCategory()
		if engine.CheckCommand(c) != nil {
			return
		}
		h.e.Advance(max(h.index, 1), h.nowMS)
		sets := h.e.Schema()
		d, done := h.e.DryRunCategory(c, func() bool { return true })
		if !done || h.e.Schema() != sets {
			t.Fatalf("done %v", done)
		}
		h.check(t)
		h.wantCategory(c, d)
		if d.Result.Code == engine.CodeOK {
			h.wantRedistribution(d)
		}
	})
}

// wantCategory applies a command that was tried.
func (h *harness) wantCategory(c *engine.PutTagCategory, d *engine.CategoryDryRun) {
	h.t.Helper()
	h.apply("", c)
	if diff := gocmp.Diff(h.result, d.Result, cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(engine.Result{}, "Index", "Job")); diff != "" {
		h.t.Fatalf("%+v: the command -, its dry run +\n%s", c, diff)
	}
}

// wantRedistribution redistributes everything after a command that was tried.
func (h *harness) wantRedistribution(d *engine.CategoryDryRun) {
	h.t.Helper()
	byRule := h.e.PlansWaiting()
	h.apply("", &engine.Redistribute{Scope: engine.Scope{All: true}, Now: true})
	r := &d.Redistribution
	if r.ByRule == 0 && h.e.PlansWaiting() > byRule || r.Records != h.result.Stock.Records ||
		r.Units != h.result.Stock.Units {
		h.t.Fatalf("done %+v, its dry run %+v; %d records wait, %d did", h.result.Stock, r, h.e.PlansWaiting(), byRule)
	}
	schema := h.e.Schema()
	changes := func(s *engine.Schema, list []engine.SegmentChange) map[string][2]int64 {
		all := map[string][2]int64{}
		for _, c := range list {
			all[c.UPC+" "+c.Location+" "+s.TagsJSON(c.TagSet)] = [2]int64{c.Before, c.After}
		}
		return all
	}
	if diff := gocmp.Diff(changes(schema, h.result.Changes), changes(d.Schema, r.Changes)); diff != "" {
		h.t.Fatalf("the changes: done -, dry run +\n%s", diff)
	}
	if r.ByRule > 0 {
		return
	}
	have := map[string]int64{}
	var v engine.RecordView
	for row := h.e.NextRecord(0, &v); row != 0; row = h.e.NextRecord(row, &v) {
		for i := range v.Segments {
			have[schema.TagsJSON(v.Segments[i].TagSet)] += v.Segments[i].Available()
		}
	}
	for _, total := range r.Segments {
		tags := d.Schema.TagsJSON(total.TagSet)
		if have[tags] != total.After {
			h.t.Fatalf("%s: %d available, the dry run says %+v", tags, have[tags], total)
		}
		delete(have, tags)
	}
	for tags, units := range have {
		if units != 0 {
			h.t.Fatalf("%s: %d available, the dry run does not have it", tags, units)
		}
	}
}

// TestCategoryDryRunEnds: a dry run ends early if it is told to, or if the schema changes under it.
func TestCategoryDryRunEnds(t *testing.T) {
	h := newHarness(t)
	category := func(name string) *engine.PutTagCategory {
		return putCategory(name, 0, engine.Value{Name: "a", Percent: 10_000, Max: engine.NoMax})
	}
	refresh := &engine.Refresh{Location: "L"}
	for i := range 2_000 {
		refresh.Items = append(refresh.Items, engine.StockItem{UPC: fmt.Sprint("U", i), Quantity: 1})
	}
	apply := func(c engine.Command) {
		h.index++
		h.e.Apply(h.index, h.nowMS, engine.AppendCommand(nil, &engine.Envelope{}, c), nil)
	}
	apply(refresh)
	if _, done := h.e.DryRunCategory(category("A"), func() bool { return false }); done {
		t.Error("it went on")
	}
	d, done := h.e.DryRunCategory(category("A"), func() bool {
		apply(category("B"))
		return true
	})
	if !done || d.Result.Code != engine.CodeRetry || d.Redistribution.Records != 0 {
		t.Errorf("under another schema: %v, %+v", done, d.Result)
	}
	if d, done = h.e.DryRunCategory(category("A"), func() bool { return true }); !done ||
		d.Redistribution.Records != 2_000 || d.Redistribution.Changed != 0 || len(d.Redistribution.Segments) != 1 {
		t.Errorf("%v, %+v", done, d.Redistribution)
	}
}
