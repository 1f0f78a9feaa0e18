package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"apportion/engine"
	"apportion/rules/sandbox"
)

const okSelect = "function select() return nil, 'no' end\n"

// TestProgram: a program knows its name, hash, limits and hooks.
func TestProgram(t *testing.T) {
	p := mustCompile(t, "function redistribute() end function select() end", Limits{Steps: 1000})
	if !slices.Equal(p.Hooks(), []engine.RuleHook{engine.HookSelect, engine.HookRedistribute}) || p.Name() != "test" ||
		p.Limits() != (Limits{Steps: 1000, MemoryBytes: sandbox.MemoryBytesDefault}) {
		t.Errorf("%v %v %v", p.Hooks(), p.Name(), p.Limits())
	}
	if p.Hash() != "273dd097e80e0f063a09f44ca68d5ac9cf00a032c1d922abf0adee010f7ab3e2" {
		t.Errorf("hash %s", p.Hash())
	}
	one := mustCompile(t, okSelect, Limits{})
	if _, _, err := one.Redistribute(t.Context(), &Input{Record: fiveSegments()}); !errors.Is(err, ErrNoHook) {
		t.Errorf("a hook that is not there: %v", err)
	}
}

// TestNoHook: a source without a hook is not a rule.
func TestNoHook(t *testing.T) {
	for _, source := range []string{"", "local function select() end", "select = 5", "function other() end"} {
		if _, _, err := Compile("test", source, Limits{}); !errors.Is(err, ErrNoHook) {
			t.Errorf("%q: %v", source, err)
		}
	}
}

// TestAnswerLimits: an answer at the limit is accepted, and a larger one refused.
func TestAnswerLimits(t *testing.T) {
	redistribute := func(n int) error {
		p := mustCompile(t, fmt.Sprintf("function redistribute() local t = {} for i = 1, %d do t[i] = 1 end return "+
			"{units = t} end", n), Limits{})
		_, _, err := p.Redistribute(t.Context(), &Input{Record: fiveSegments()})
		if err != nil && strings.HasPrefix(err.Error(), "units[1]: must be a table") {
			return nil // the list was accepted
		}
		return err
	}
	body := func(format string) func(n int) error {
		return func(n int) error {
			_, _, err := selectBody(t, fmt.Sprintf(format, n), Limits{})
			return err
		}
	}
	tests := []struct {
		name  string
		limit int
		of    func(n int) error
		want  string // for one above the limit
	}{
		{"entries of a redistribution", engine.SegmentsPerRecordMax, redistribute, "units: has 4097 entries, at " +
			"most 4096 " +
			"are allowed"},
		{"candidates", engine.CandidatesMax, body(`local t = {} for i = 1, %d do t[i] = {tags = {}} end return t`),
			"candidates: has 65 entries, at most 64 are allowed"},
		{"bytes of a reason", engine.RuleReasonBytesMax, body(`return nil, ("x"):rep(%d)`),
			"is 257 bytes long, at most 256"},
	}
	for _, test := range tests {
		if err := test.of(test.limit); err != nil {
			t.Errorf("%d %s: %v", test.limit, test.name, err)
		}
		if err := test.of(test.limit + 1); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d %s: %v, want %q", test.limit+1, test.name, err, test.want)
		}
	}
}

// TestObjects: a rule cannot change its input, and an unknown field stops it.
func TestObjects(t *testing.T) {
	for body, want := range map[string]string{
		`item.quantity = 5`:                         "attempt to index a non-table object(userdata)",
		`item.tags.Channel = "x"`:                   "attempt to index a non-table object(userdata)",
		`item.attributes.x = "x"`:                   "attempt to index a non-table object(userdata)",
		`record.onHand = 1`:                         "attempt to index a non-table object(userdata)",
		`record.segments[1].onHand = 1`:             "attempt to index a non-table object(userdata)",
		`return record.onhand`:                      `line 2: record has no field "onhand"`,
		`return record.segments[1].x`:               `line 2: segment has no field "x"`,
		`return item.qty`:                           `line 2: item has no field "qty"`,
		`return item[1]`:                            "line 2: item has named fields only, none for a number",
		`for k in pairs(record) do end`:             "line 2: record cannot be walked with pairs: name its fields",
		`for k in pairs(record.segments[1]) do end`: "line 2: segment cannot be walked with pairs: name its fields",
	} {
		if _, _, err := selectBody(t, body, Limits{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", body, err, want)
		}
	}
}

// TestObjectsStartFresh: a used state shows the input of the next call.
func TestObjectsStartFresh(t *testing.T) {
	p := mustCompile(t, `function select(item, record)
		local list = record.segments
		assert(#list == 5 and list[1].tags.Channel == "Web", "the list of an earlier call")
		table.sort(list, function(a, b) return a.available > b.available end)
		table.remove(list)
		local tags = {}
		for _ = 1, 2 do
			for k, v in pairs(item.attributes) do tags[#tags + 1] = k .. "=" .. v end
		end
		for k, v in pairs(item.tags) do tags[#tags + 1] = k .. "=" .. v end
		return nil, table.concat(tags, " ") .. " " .. item.orderId .. item.itemId .. item.upc .. item.location ..
			item.now .. item.quantity
	end`, Limits{})
	for i := range 3 {
		item := anItem()
		item.Attributes = map[string]string{fmt.Sprint("a", i): "1", "b": "2"}
		plan, _, err := p.Select(t.Context(), &Input{Item: item, Record: fiveSegments(), Seed: 9})
		want := fmt.Sprintf("a%d=1 b=2 a%d=1 b=2 Channel=Amazon W-100110401DC117955000000004", i, i)
		if err != nil || plan.Reason != want {
			t.Fatalf("%q, %v; want %q", plan.Reason, err, want)
		}
	}
}
