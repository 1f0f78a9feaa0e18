package rules

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const twoHooks = `
function select(item, record)
	print("sees", item.quantity, record.upc)
	if item.attributes.stop then return nil, "stopped" end
	if item.attributes.fail then error("failed") end
	if item.attributes.odd then return {{tags = {Channel = "Shop"}}} end
	return {{tags = {Channel = "Web"}, keep = 1}, {tags = {Channel = "Amazon"}, max = 2}}
end
function redistribute(record)
	if record.available == 0 then return nil, "nothing" end
	return {weights = {{tags = {Channel = "Web"}, weight = 1}}, across = {"Channel"}}
end
local record = {segments = {{tags = {Channel = "Web"}, onHand = 5, allocated = 1}, {tags = {Channel = "Amazon"}, available = 5}}}
local empty = {segments = {{tags = {Channel = "Web"}, onHand = 0}}}
`

// TestSelfTests: a self-test passes, or reports the difference.
func TestSelfTests(t *testing.T) {
	tests := []struct{ test, want string }{
		{`item={quantity=4}, record=record, expect={taken={{tags={}, units=3}, {tags={Channel="Amazon"}, units=1}}, missing=0}`, ""},
		{`item={quantity=4}, record=record, expect={taken={{tags={}, units=4}}, missing=1}`,
			"- taken Channel=Web: 4\n- missing 1\n+ taken Channel=Amazon: 1\n+ taken Channel=Web: 3\n+ missing 0\n"},
		{`record=record, expect={candidates={{tags={}, keep=1}, {tags={Channel="Amazon"}, max=2}}}`, ""},
		{`record=record, expect={candidates={{tags={Channel="Amazon"}, max=2}, {tags={}, keep=1}}}`,
			"- candidate 1: Channel=Amazon max 2\n- candidate 2: Channel=Web keep 1\n+ candidate 1: Channel=Web " +
				"keep 1\n+ candidate 2: Channel=Amazon max 2\n"},
		{`record=record, expect={refused=true}`, "- refused\n+ a plan\n"},
		{`item={attributes={stop="1"}}, record=record, expect={refused=true}`, ""},
		{`item={attributes={stop="1"}}, record=record, expect={refused="stopped"}`, ""},
		{`item={attributes={stop="1"}}, record=record, expect={refused="other"}`, "- refused: other\n+ refused: " +
			"stopped\n"},
		{`item={attributes={stop="1"}}, record=record, expect={missing=0}`, "- a plan\n+ refused: stopped\n"},
		{`item={attributes={fail="1"}}, record=record, expect={missing=0}`, "- no error\n+ error: line 5: failed\n"},
		{`item={attributes={fail="1"}}, record=record, expect={error="failed"}`, ""},
		{`item={attributes={fail="1"}}, record=record, expect={error="other"}`, "- error with: other\n+ error: line " +
			"5: failed\n"},
		{`record=record, expect={error="other"}`, "- error with: other\n+ no error\n"},
		{`item={attributes={odd="1"}}, record=record, expect={missing=0}`, "- no error\n+ error: " +
			"candidates[1].tags.Channel: the category has no value \"Shop\"\n"},
		{`hook="redistribute", record=record, expect={available={{tags={}, units=9}}}`, ""},
		{`hook="redistribute", record=record, expect={available={{tags={}, units=4}, {tags={Channel="Amazon"}, units=5}}}`, "- available Channel=Amazon: 5\n- available Channel=Web: 4\n+ available Channel=Amazon: 0\n+ available Channel=Web: 9\n"},
		{`hook="redistribute", record=empty, expect={unchanged="nothing"}`, ""},
		{`hook="redistribute", record=record, expect={unchanged=true}`, "- unchanged\n+ targets\n"},
	}
	for _, test := range tests {
		p := mustCompile(t, twoHooks+"tests = {{name='one', "+test.test+"}}", Limits{})
		results, err := p.Test(t.Context())
		if err != nil || len(results) != 1 {
			t.Errorf("%s: %v, %v", test.test, results, err)
			continue
		}
		r := results[0]
		if r.Diff != test.want || r.Passed != (test.want == "") || r.Name != "one" || r.Usage.Steps == 0 {
			t.Errorf("%s\ngot %+v\nwant %s", test.test, r, test.want)
		}
		if !strings.Contains(test.test, "redistribute") && !strings.HasPrefix(r.Output, "sees\t") {
			t.Errorf("%s: printed %q", test.test, r.Output)
		}
	}
}

// TestWrongSelfTests: an error in the table of tests names its place.
func TestWrongSelfTests(t *testing.T) {
	tests := []struct{ tests, want string }{
		{`5`, `tests: must be a list, is a number`},
		{`{name="x"}`, `tests: must be a list, has the field "name"`},
		{`{5}`, `tests[1]: must be a table, is a number`},
		{`{{nam="x"}}`, `tests[1].nam: unknown field; known are name, hook, item, record, schema, seed, expect`},
		{`{{}}`, `tests[1].record: must be a table, is a nil`},
		{`{{hook="other"}}`, `tests[1].hook: the source does not define the function "other"`},
		{`{{record={}}}`, `tests[1].record.segments: must be a list, is a nil`},
		{`{{record={segments={{}}}}}`,
			`tests[1].record.segments[1].tags: must be a table such as {Channel="Web"}, is a nil`},
		{`{{record={segments={{tags={}, onhand=1}}}}}`,
			`tests[1].record.segments[1].onhand: unknown field; known are tags, onHand, allocated, pending, safetyStock, available, floor, ltd`},
		{`{{record={segments={{tags={}, onHand=1, available=1}}}}}`,
			`tests[1].record.segments[1].available: must not be given with onHand: give one of them`},
		{`{{record={segments={{tags={}}, {tags={}}}}}}`,
			`tests[1].record.segments[2]: has the same tags as an earlier segment: `},
		{`{{record=record}}`, `tests[1].expect: must be a table, is a nil`},
		{`{{record=record, expect={}}}`,
			`tests[1].expect: must have one of candidates, taken, missing, refused, error`},
		{`{{record=record, expect={available={}}}}`,
			`tests[1].expect.available: unknown field; known are candidates, taken, missing, refused, error`},
		{`{{record=record, item={qty=1}, expect={missing=0}}}`,
			`tests[1].item.qty: unknown field; known are orderId, itemId, upc, location, quantity, tags, attributes, now`},
		{`{{record=record, item={tags={Channel="Shop"}}, expect={missing=0}}}`,
			`tests[1].item.tags.Channel: the category has no value "Shop"`},
		{`{{record=record, item={attributes={x=1}}, expect={missing=0}}}`,
			`tests[1].item.attributes.x: must be a text under a name, is a number`},
		{`{{record=record, item={quantity=0}, expect={missing=0}}}`,
			`tests[1].item.quantity: must be between 1 and 1000000000000000, is 0`},
		{`{{hook="redistribute", item={}, record=record, expect={error="x"}}}`,
			`tests[1].item: must not be given: redistribute sees no item`},
		{`{{record=record, schema={{name="Channel", values={}}}, expect={missing=0}}}`,
			`tests[1].schema[1]: must have a name and at least one value`},
		{`{{record=record, schema={{name="Channel", values={{value="Web", percent=101}}}}, expect={missing=0}}}`,
			`tests[1].schema[1].values[1].percent: must be a number between 0 and 100, is 101`},
		{`{{record=record, schema={{name="Channel", values={{value="Web"}}}}, expect={missing=0}}}`,
			`tests[1].record.segments[2].tags.Channel: the category has no value "Amazon"`},
		{`{{record=record, expect={refused=5}}}`,
			`tests[1].expect.refused: must be the reason, or true for any reason`},
		{`{{record=record, expect={candidates={{tags={Channel="Shop"}}}}}}`,
			`tests[1].expect.candidates[1].tags.Channel: the category has no value "Shop"`},
		{`{{record=record, expect={taken={{tags={Channel="Shop"}, units=1}}}}}`,
			`tests[1].expect.taken[1].tags.Channel: the category has no value "Shop"`},
	}
	for _, test := range tests {
		p := mustCompile(t, twoHooks+"tests = "+test.tests, Limits{})
		_, err := p.Test(t.Context())
		var result *ResultError
		if !errors.As(err, &result) || err.Error() != test.want {
			t.Errorf("%s\n got %v\nwant %s", test.tests, err, test.want)
		}
	}
	many := strings.Repeat("{record=record, expect={missing=0}},", TestsMax+1)
	p := mustCompile(t, twoHooks+"tests = {"+many+"}", Limits{})
	if _, err := p.Test(t.Context()); err == nil || err.Error() != fmt.Sprintf("tests: has %d entries, at most %d "+
		"are allowed",
		TestsMax+1, TestsMax) {
		t.Errorf("too many tests: %v", err)
	}
	if results, err := mustCompile(t, okSelect, Limits{}).Test(t.Context()); err != nil || len(results) != 0 {
		t.Errorf("no tests: %v, %v", results, err)
	}
}
