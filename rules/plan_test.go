package rules

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"apportion/engine"
)

// TestPlan: every kind of answer of a select hook.
func TestPlan(t *testing.T) {
	long := strings.Repeat("x", engine.TagBytesMax+1)
	tests := []struct{ body, want string }{
		{`return {}`, `[]`},
		{`return {{tags={Channel="Web"}}}`, `[Channel=Web keep 0 max 0]`},
		{`return {{tags={}}}`, `[ keep 0 max 0]`},
		{`return {{tags={Channel="Web"}, keep=5, max=10}, {tags=item.tags, keep=0}}`,
			`[Channel=Web keep 5 max 10] [Channel=Amazon keep 0 max 0]`},
		{`return {{tags=record.segments[3].tags, max=1e15}}`, `[Channel=Kibo keep 0 max 1000000000000000]`},
		{`return {{tags={B="2", A="1"}}, nil, nil}`, `[A=1,B=2 keep 0 max 0]`},
		{`return {{tags={A="1", B=nil}, x=nil}}`, `[A=1 keep 0 max 0]`},
		{`return nil, "sold out"`, `refused: sold out`},
		{`return nil`, `reason: must be a text that says why, as in: return nil, "why"; is a nil`},
		{``, `reason: must be a text that says why, as in: return nil, "why"; is a nil`},
		{`return nil, ""`, `reason: must be a text without control characters, and not empty`},
		{`return nil, "a\nb"`, `reason: must be a text without control characters, and not empty`},
		{`return nil, ("x"):rep(257)`, `reason: is 257 bytes long, at most 256 are allowed`},
		{`return 5`, `candidates: must be a list, is a number`},
		{`return item`, `candidates: must be a list, is a userdata`},
		{`return false`, `candidates: must be a list, is a boolean`},
		{`return {tags={Channel="Web"}}`, `candidates: must be a list, has the field "tags"`},
		{`return {[2]={tags={Channel="Web"}}}`, `candidates[1]: must be a table, is a nil`},
		{`return {[0]={}}`, `candidates: must be a list, has the field "0"`},
		{`local t = {} for i = 1, 65 do t[i] = {tags={}} end return t`,
			`candidates: has 65 entries, at most 64 are allowed`},
		{`return {"Web"}`, `candidates[1]: must be a table, is a string`},
		{`return {{tags={}}, {"Web"}}`, `candidates[2][1]: unknown field: must be a table of fields, not a list`},
		{`return {{}}`, `candidates[1].tags: must be a table such as {Channel="Web"}, is a nil`},
		{`return {{tags="Web"}}`, `candidates[1].tags: must be a table such as {Channel="Web"}, is a string`},
		{`return {{tags=record}}`,
			`candidates[1].tags: must be tags, such as item.tags or {Channel="Web"}, is a record`},
		{`return {{tags={"Web"}}}`, `candidates[1].tags[1]: is a value without its category: write {Channel="Web"}`},
		{`return {{tags={}}, {tags={Channel=5}}}`, `candidates[2].tags.Channel: must be a text, is a number`},
		{`return {{tags={[true]="x"}}}`, `candidates[1].tags.true: the category must be a text, as in {Channel="Web"}`},
		{`return {{tags={[{}]="x"}}}`, `candidates[1].tags.table: the category must be a text, as in {Channel="Web"}`},
		{`return {{tags={Channel=""}}}`,
			`candidates[1].tags.Channel: must be a text without control characters, and not empty`},
		{`return {{tags={Channel="\255"}}}`,
			`candidates[1].tags.Channel: must be a text without control characters, and not empty`},
		{`return {{tags={Channel="` + long + `"}}}`,
			`candidates[1].tags.Channel: a category and a value may have at most 64 bytes each`},
		{`return {{tags={A="1",B="1",C="1",D="1",E="1",F="1",G="1",H="1",I="1"}}}`,
			`candidates[1].tags: has more than 8 categories`},
		{`return {{tags={}, kep=5}}`, `candidates[1].kep: unknown field; known are tags, keep, max`},
		{`return {{tags={}, [item]=5}}`, `candidates[1].item: unknown field; known are tags, keep, max`},
		{`return {{tags={}, keep=-1}}`, `candidates[1].keep: must be between 0 and 1000000000000000, is -1`},
		{`return {{tags={}, keep=0.5}}`, `candidates[1].keep: must be a whole number of units, is 0.5`},
		{`return {{tags={}, keep=0/0}}`, `candidates[1].keep: must be a whole number of units, is NaN`},
		{`return {{tags={}, keep=math.huge}}`, `candidates[1].keep: must be a whole number of units, is +Inf`},
		{`return {{tags={}, keep="5"}}`, `candidates[1].keep: must be a number, is a string`},
		{`return {{tags={}, keep=2^60}}`,
			`candidates[1].keep: must be between 0 and 1000000000000000, is 1152921504606846976`},
		{`return {{tags={}, max=0}}`, `candidates[1].max: must be between 1 and 1000000000000000, is 0`},
	}
	for _, test := range tests {
		plan, _, err := selectBody(t, test.body, Limits{})
		got := showPlan(plan)
		if err != nil {
			got = err.Error()
			var result *ResultError
			if !errors.As(err, &result) {
				t.Errorf("%s: %T", test.body, err)
			}
		}
		if got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.body, got, test.want)
		}
	}
}

func showPlan(p Plan) string {
	if p.Refused {
		return "refused: " + p.Reason
	}
	var all []string
	for _, c := range p.Candidates {
		all = append(all, fmt.Sprintf("[%s keep %d max %d]", TagsText(c.Tags), c.Keep, c.Max))
	}
	if all == nil {
		return "[]"
	}
	return strings.Join(all, " ")
}

// TestExecute: candidates give units in order, each within keep and max, and less the units that earlier lines took.
func TestExecute(t *testing.T) {
	r := &Record{Schema: channels(engine.NoPercent, engine.NoPercent, engine.NoPercent, engine.NoPercent),
		Segments: []Segment{
			{Tags: channel("Web"), OnHand: 10, Allocated: 3, SafetyStock: 1},
			{Tags: channel("Amazon"), OnHand: 20},
			{Tags: channel("Kibo"), OnHand: 2, Allocated: 2, Pending: 5},
		}}
	type candidate = engine.PlannedCandidate
	tests := []struct {
		name       string
		quantity   int64
		candidates []candidate
		want       string
	}{
		{"in order", 10, []candidate{{Tags: channel("Web")}, {Tags: channel("Amazon")}}, "Web 6/6 taken, Amazon " +
			"4/20 taken, missing 0"},
		{"default tags", 1, []candidate{{}}, "Web 1/6 taken, missing 0"},
		{"keep", 10, []candidate{{Tags: channel("Web"), Keep: 4}}, "Web 2/6 taken, missing 8"},
		{"keep all", 10, []candidate{{Tags: channel("Web"), Keep: 6}}, "Web 0/6 kept, missing 10"},
		{"max", 10, []candidate{{Tags: channel("Amazon"), Max: 3}}, "Amazon 3/20 taken, missing 7"},
		{"max and keep", 10, []candidate{{Tags: channel("Web"), Max: 5, Keep: 3}}, "Web 3/6 taken, missing 7"},
		{"twice", 10, []candidate{{Tags: channel("Web"), Keep: 4}, {Tags: channel("Kibo")}, {Tags: channel("Web")}},
			"Web 2/6 taken, Kibo 0/-5 nothing-available, Web 4/4 taken, missing 4"},
		{"full", 6, []candidate{{Tags: channel("Web")}, {Tags: channel("Amazon")}}, "Web 6/6 taken, Amazon 0/20 " +
			"full, missing 0"},
		{"unknown segment", 6, []candidate{{Tags: channel("Store")}, {Tags: channel("Web")}},
			"Store 0/0 unknown-segment, Web 6/6 taken, missing 0"},
		{"none", 6, nil, "missing 6"},
		{"unknown value", 7, []candidate{{}, {Tags: channel("Shop")}, {Tags: channel("Amazon")}},
			"Web 6/6 taken, Shop 0/0 unknown-tag, Amazon 1/20 taken, missing 0"},
		{"unknown category", 6, []candidate{{Tags: []engine.Tag{tag("Color", "red")}}},
			"red 0/0 unknown-tag, missing 6"},
	}
	for _, test := range tests {
		o := Execute(&Plan{Candidates: test.candidates}, test.quantity, r)
		var parts []string
		for _, c := range o.Candidates {
			parts = append(parts, fmt.Sprintf("%s %d/%d %s", c.Tags[0].Value, c.Taken, c.Available, c.Why))
		}
		got := strings.Join(append(parts, fmt.Sprint("missing ", o.Missing)), ", ")
		if o.Taken+o.Missing != test.quantity {
			t.Errorf("%s: %d and %d are not %d", test.name, o.Taken, o.Missing, test.quantity)
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}
