package engine

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func putRule(name, source string, hooks ...RuleHook) *PutRule {
	if hooks == nil {
		hooks = []RuleHook{HookSelect}
	}
	return &PutRule{Name: name, Source: source, Author: "ann", Hooks: hooks}
}

func activate(name string, version uint32, scope RuleScope) *ActivateRule {
	return &ActivateRule{Name: name, Version: version, Hook: HookSelect, RuleScope: scope, FailuresMax: 3,
		Author: "ann"}
}

// activeText shows the activations, oldest first.
func (h *host) activeText() string {
	var all []string
	for _, a := range h.e.Rules().Active() {
		s := fmt.Sprintf("%d:%s@%d %v", a.ID, a.Rule, a.Version, a.Hook)
		if a.Suspended {
			s += " suspended " + a.Reason
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func (h *host) wantActive(want string) {
	h.t.Helper()
	if got := h.activeText(); got != want {
		h.t.Errorf("active is %q, want %q", got, want)
	}
}

func TestRuleLife(t *testing.T) {
	h := newHost(t)
	if r := h.must(putRule("r", "one")); r.Rule.Version != 1 {
		t.Errorf("the first version is %d", r.Rule.Version)
	}
	if r := h.must(putRule("r", "one")); r.Rule.Version != 1 {
		t.Errorf("the same source again is version %d", r.Rule.Version)
	}
	if r := h.must(putRule("r", "two", HookSelect, HookRedistribute)); r.Rule.Version != 2 {
		t.Errorf("another source is version %d", r.Rule.Version)
	}
	rule, _ := h.e.Rules().Rule("r")
	// sha256sum of "one".
	if v, ok := rule.Version(1); !ok || v.Hash != "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed" ||
		v.Author != "ann" || v.Index != 1 {
		t.Errorf("version 1 is %+v", v)
	}
	if h.e.Rules().Index() != 0 {
		t.Error("storing a rule counts as a change of what is active")
	}
	h.wantCode(activate("s", 0, RuleScope{}), CodeUnknownRule, "name")
	h.wantCode(activate("r", 3, RuleScope{}), CodeUnknownRule, "version")
	redistribute := activate("r", 1, RuleScope{})
	redistribute.Hook = HookRedistribute
	h.wantCode(redistribute, CodeInvalid, "hook")
	h.wantCode(&DeactivateRule{Name: "r"}, CodeNotActive, "name")

	if r := h.must(activate("r", 0, RuleScope{})); r.Rule != (RuleResult{Version: 2, Activation: 1}) {
		t.Errorf("activating answers %+v", r.Rule)
	}
	h.wantActive("1:r@2 select")
	h.wantCode(&DeleteRule{Name: "r"}, CodeInUse, "name")
	h.must(activate("r", 1, RuleScope{})) // back to the older version
	h.wantActive("2:r@1 select")
	if h.e.Rules().Index() != 2 || h.e.Rules().ChangedAt() != h.index {
		t.Errorf("changes: %d, the last at index %d", h.e.Rules().Index(), h.e.Rules().ChangedAt())
	}
	h.must(&SuspendRule{Activation: 1, Failures: 3, Reason: "gone since"})
	h.must(&SuspendRule{Activation: 2, Failures: 3, Reason: "too slow"})
	h.wantActive("2:r@1 select suspended too slow")
	h.must(activate("r", 1, RuleScope{}))
	h.wantActive("3:r@1 select")
	h.must(&DeactivateRule{Name: "r", Hook: HookSelect})
	h.wantActive("")
	h.must(&DeleteRule{Name: "r"})
	h.wantCode(&DeleteRule{Name: "r"}, CodeUnknownRule, "name")
	var kinds []string
	for _, ev := range h.e.Events(0, 100, nil) {
		kinds = append(kinds, fmt.Sprintf("%v %s %d %d", ev.Kind, ev.Name, ev.Limit, ev.Units))
	}
	want := "rule-put r 1 0, rule-put r 2 0, rule-activated r 2 0, rule-activated r 1 0, rule-suspended r 1 3, " +
		"rule-activated r 1 0, rule-deactivated r 1 0, rule-deleted r 0 0"
	if got := strings.Join(kinds, ", "); got != want {
		t.Errorf("events\n%s\nwant\n%s", got, want)
	}
}

func TestRuleScopesThatTieAreRefused(t *testing.T) {
	h := newHost(t)
	h.must(channels(8000, 1000, 1000))
	h.must(orderTypes())
	for _, name := range []string{"r", "s"} {
		h.must(putRule(name, name))
	}
	channel := func(v string) []Tag { return []Tag{{"Channel", v}} }
	tests := []struct {
		name     string
		one, two RuleScope
		refused  bool
	}{
		{"both for all", RuleScope{}, RuleScope{}, true},
		{"one location less", RuleScope{Locations: []string{"A", "B"}}, RuleScope{Locations: []string{"A"}}, false},
		{"a location in common", RuleScope{Locations: []string{"A", "B"}}, RuleScope{Locations: []string{"C", "B"}},
			true},
		{"no location in common", RuleScope{Locations: []string{"A", "B"}}, RuleScope{Locations: []string{"C", "D"}},
			false},
		{"a location named twice", RuleScope{Locations: []string{"A", "A"}}, RuleScope{Locations: []string{"A"}}, true},
		{"all and one location", RuleScope{}, RuleScope{Locations: []string{"A"}}, false},
		{"another prefix", RuleScope{UPCPrefix: "01"}, RuleScope{UPCPrefix: "02"}, false},
		{"a longer prefix", RuleScope{UPCPrefix: "01"}, RuleScope{UPCPrefix: "012"}, false},
		{"another value", RuleScope{Tags: channel("A")}, RuleScope{Tags: channel("B")}, false},
		{"another category", RuleScope{Tags: channel("A")}, RuleScope{Tags: []Tag{{"OrderType", "Ship"}}}, true},
		{"more tags", RuleScope{Tags: channel("A")}, RuleScope{Tags: []Tag{{"OrderType", "Ship"}, {"Channel", "A"}}},
			false},
	}
	for _, tt := range tests {
		h.must(activate("r", 1, tt.one))
		if r := h.apply(activate("s", 1, tt.two)); (r.Code == CodeRuleConflict) != tt.refused || tt.refused &&
			r.Value != "r" {
			t.Errorf("%s: %v %s=%s", tt.name, r.Code, r.Field, r.Value)
		} else if !tt.refused {
			h.must(&DeactivateRule{Name: "s"})
		}
		h.must(&DeactivateRule{Name: "r"})
	}
	h.wantCode(activate("r", 1, RuleScope{Tags: []Tag{{"Nope", "A"}}}), CodeUnknownCategory, "scope.tags")
	h.wantCode(activate("r", 1, RuleScope{Tags: []Tag{{"Channel", "Nope"}}}), CodeUnknownValue, "scope.tags.Channel")
}

func TestRuleVersionsAreBounded(t *testing.T) {
	h := newHost(t)
	h.must(putRule("r", "the first"))
	h.must(activate("r", 1, RuleScope{}))
	for i := range RuleVersionsMax {
		h.must(putRule("r", fmt.Sprint("source ", i)))
	}
	rule, _ := h.e.Rules().Rule("r")
	if _, ok := rule.Version(1); !ok || len(rule.Versions) != RuleVersionsMax {
		t.Errorf("%d versions are kept, the active one among them: %v", len(rule.Versions), ok)
	}
	if _, ok := rule.Version(2); ok {
		t.Error("the oldest version that is not active was kept")
	}
	for i := len(h.e.Rules().Rules()); i < RulesMax; i++ {
		h.must(putRule(fmt.Sprint("rule", i), "source"))
	}
	h.wantCode(putRule("one more", "source"), CodeTooMany, "rules")
}

// TestFindAgainstModel activates rules for random scopes. Each line has at most one most specific scope among those
// accepted, and Find gives it.
func TestFindAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHost(nil)
		do := func(c Command) Code {
			h.index++
			var r Result
			out := h.e.Apply(h.index, 1, AppendCommand(nil, &Envelope{}, c), nil)
			if err := DecodeResult(out, &r); err != nil {
				t.Fatal(err)
			}
			return r.Code
		}
		do(channels(8000, 2000))
		do(orderTypes())
		values := map[string][]string{"Channel": {"A", "B"}, "OrderType": {"Ship", "BOPIS"}}
		tags := rapid.Custom(func(t *rapid.T) (tags []Tag) {
			for _, category := range []string{"OrderType", "Channel"} {
				if rapid.Bool().Draw(t, "has") {
					tags = append(tags, Tag{category, rapid.SampledFrom(values[category]).Draw(t, "value")})
				}
			}
			return tags
		})
		location := rapid.SampledFrom([]string{"L1", "L2", "L3"})
		for i := range rapid.IntRange(1, 12).Draw(t, "rules") {
			name := fmt.Sprint("rule", i)
			do(putRule(name, name))
			do(activate(name, 1, RuleScope{Locations: rapid.SliceOfN(location, 0, 3).Draw(t, "locations"),
				UPCPrefix: rapid.SampledFrom([]string{"", "0", "01", "1"}).Draw(t, "prefix"),
				Tags:      tags.Draw(t, "tags")}))
		}
		set := h.e.Rules()
		for range 10 {
			at, upc, have := location.Draw(t, "location"), rapid.SampledFrom([]string{"0", "01", "012", "1", "2"}).
				Draw(t, "upc"), tags.Draw(t, "tags")
			var best []*Activation
			for _, a := range set.Active() {
				if !inScope(&a.Scope, at, upc, have) {
					continue
				}
				switch {
				case best == nil || moreSpecific(&a.Scope, &best[0].Scope):
					best = []*Activation{a}
				case !moreSpecific(&best[0].Scope, &a.Scope):
					best = append(best, a)
				}
			}
			got := set.Find(HookSelect, h.e.Schema(), at, upc, have)
			if len(best) > 1 || len(best) == 1 && got != best[0] || len(best) == 0 && got != nil {
				t.Fatalf("%s at %s with %v: found %+v, the most specific are %+v", upc, at, have, got, best)
			}
		}
	})
}

func inScope(s *RuleScope, location, upc string, tags []Tag) bool {
	full := map[string]string{"Channel": "A", "OrderType": "Ship"}
	for _, t := range tags {
		full[t.Category] = t.Value
	}
	for _, t := range s.Tags {
		if full[t.Category] != t.Value {
			return false
		}
	}
	return strings.HasPrefix(upc, s.UPCPrefix) && (len(s.Locations) == 0 || slices.Contains(s.Locations, location))
}

func moreSpecific(a, b *RuleScope) bool {
	locations := func(s *RuleScope) int {
		if len(s.Locations) == 0 {
			return 1 << 30
		}
		return len(s.Locations)
	}
	if len(a.Tags) != len(b.Tags) {
		return len(a.Tags) > len(b.Tags)
	}
	if len(a.UPCPrefix) != len(b.UPCPrefix) {
		return len(a.UPCPrefix) > len(b.UPCPrefix)
	}
	return locations(a) < locations(b)
}

func TestFindAllocatesNothing(t *testing.T) {
	h := newHost(t)
	h.must(channels(8000, 2000))
	h.must(putRule("r", "r"))
	h.must(activate("r", 1, RuleScope{Locations: []string{"L"}, Tags: []Tag{{"Channel", "B"}}}))
	set, schema, tags := h.e.Rules(), h.e.Schema(), []Tag{{"Channel", "B"}}
	if set.Find(HookSelect, schema, "L", "U", tags) == nil || set.Find(HookSelect, schema, "L", "U", nil) != nil {
		t.Fatal("the scope's tag does not decide")
	}
	if n := testing.AllocsPerRun(100, func() { set.Find(HookSelect, schema, "L", "U", tags) }); n > 0 {
		t.Errorf("Find allocates %v times", n)
	}
}

// TestRulesSurvive writes rules with three checkpoints. Each has only what the last one did not have.
func TestRulesSurvive(t *testing.T) {
	h := newHost(t)
	h.must(channels(8000, 2000))
	checkpoint := func(done bool) *Rows {
		rows, c := new(Rows), h.e.Freeze()
		h.must(putRule(fmt.Sprint("later", h.index), "not in this checkpoint"))
		for c.Next(rows, 1, new(sync.Mutex)) {
		}
		if done {
			c.Done()
		} else {
			c.Abort()
		}
		return rows
	}
	h.must(putRule("a", "one"))
	h.must(putRule("b", "one"))
	h.must(activate("a", 1, RuleScope{Locations: []string{"L"}, UPCPrefix: "0", Tags: []Tag{{"Channel", "B"}}}))
	first := checkpoint(true)
	h.must(putRule("a", "two"))
	h.must(&DeleteRule{Name: "b"})
	h.must(&SuspendRule{Activation: 1, Failures: 9, Reason: "slow"})
	checkpoint(false)
	want := h.e.Hash()
	second := checkpoint(true)
	if second.Bytes() > first.Bytes()+200 {
		t.Errorf("the second checkpoint has %d bytes, the first %d", second.Bytes(), first.Bytes())
	}
	e := merged(t, first, second)
	if e.Hash() != want {
		t.Error("the rules that were loaded are not those that were stored")
	}
	if a := e.Rules().Find(HookSelect, e.Schema(), "L", "01", []Tag{{"Channel", "B"}}); a == nil || !a.Suspended ||
		a.Reason != "slow" {
		t.Errorf("found %+v after the restart", a)
	}
	if h.e.Hash() == want {
		t.Error("a rule that was put does not change the hash")
	}
}

// TestParseRuleHook: only its name finds a hook.
func TestParseRuleHook(t *testing.T) {
	hooks := map[string]RuleHook{"select": HookSelect, "redistribute": HookRedistribute, "other": 0, "": 0}
	for name, want := range hooks {
		if hook := ParseRuleHook(name); hook != want || want != 0 && hook.String() != name {
			t.Errorf("%q is hook %d, not %d", name, hook, want)
		}
	}
}
