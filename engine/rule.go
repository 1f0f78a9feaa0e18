package engine

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// RuleHook is what a rule decides. The numbers are stored and never reused.
type RuleHook uint8

// The hooks.
const (
	HookSelect       RuleHook = 1 // from which segments an order item is filled
	HookRedistribute RuleHook = 2 // how a record's available units are divided among its segments
)

var ruleHookTexts = [...]string{HookSelect: "select", HookRedistribute: "redistribute"}

// String is the hook's name, in Lua as in the API.
func (h RuleHook) String() string {
	if h > 0 && int(h) < len(ruleHookTexts) {
		return ruleHookTexts[h]
	}
	return "unknown-hook"
}

// ParseRuleHook finds a hook by its name; 0: no hook has the name.
func ParseRuleHook(name string) RuleHook {
	return RuleHook(max(0, slices.Index(ruleHookTexts[:], name)))
}

// RuleSet is the rules as of one log index. It is immutable.
type RuleSet struct {
	index     uint64 // log index of the last change of active
	sequence  uint64 // changes of active
	lastID    uint64 // highest Activation.ID so far
	rules     []Rule // by name
	active    []*Activation
	byHook    [HookRedistribute + 1][]*Activation // the most specific scope first
	candidate *candidateRule                      // nil outside a scratch engine
}

// Rule is an operator's rule with its versions, oldest first.
type Rule struct {
	Name     string
	Versions []*RuleVersion
	last     uint32 // highest version so far
}

// RuleVersion is one version of a rule's source. It is immutable.
type RuleVersion struct {
	Version uint32
	Source  string
	Hash    string // SHA-256 of the source, in hex
	Author  string
	Hooks   []RuleHook
	Index   uint64 // log index
	TimeMS  int64  // the entry's time, Unix milliseconds
}

// Activation is the version of a rule that a hook asks within a scope. It is immutable.
type Activation struct {
	ID          uint64 // never reused
	Rule        string
	Version     uint32
	Hook        RuleHook
	Scope       RuleScope
	OnError     RuleFallback
	FailuresMax uint32
	Author      string
	Index       uint64 // log index from which on the rule is asked
	TimeMS      int64

	// A suspended rule is not asked: OnError answers each request.
	Suspended bool
	Reason    string // of the suspension
}

// Index is the number of changes to the activations; 0: there were none. A plan names the Index that it was made with.
func (s *RuleSet) Index() uint64 { return s.sequence }

// ChangedAt is the log index of the last change to the activations.
func (s *RuleSet) ChangedAt() uint64 { return s.index }

// Rules are all rules, by name.
func (s *RuleSet) Rules() []Rule { return s.rules }

// Active are all activations, oldest first.
func (s *RuleSet) Active() []*Activation { return s.active }

// Asked reports whether a hook has an activation.
func (s *RuleSet) Asked(hook RuleHook) bool { return len(s.byHook[hook]) > 0 }

// Rule finds a rule by name.
func (s *RuleSet) Rule(name string) (*Rule, bool) {
	i, found := s.position(name)
	if !found {
		return nil, false
	}
	return &s.rules[i], true
}

func (s *RuleSet) position(name string) (at int, found bool) {
	return slices.BinarySearchFunc(s.rules, name, func(r Rule, name string) int {
		return strings.Compare(r.Name, name)
	})
}

// isActive reports whether a version of a rule is active; version 0 stands for any.
func (s *RuleSet) isActive(name string, version uint32) bool {
	return slices.ContainsFunc(s.active, func(a *Activation) bool {
		return a.Rule == name && (version == 0 || a.Version == version)
	})
}

func (s *RuleSet) sourceBytes() (bytes int) {
	for i := range s.rules {
		for _, v := range s.rules[i].Versions {
			bytes += len(v.Source)
		}
	}
	return bytes
}

// Version finds a version; 0 stands for the newest.
func (r *Rule) Version(version uint32) (*RuleVersion, bool) {
	for i := len(r.Versions) - 1; i >= 0; i-- {
		if version == 0 || r.Versions[i].Version == version {
			return r.Versions[i], true
		}
	}
	return nil, false
}

// Rules gives the current rules.
func (rd *Reader) Rules() *RuleSet { return rd.rules.Load() }

// order sorts the activations of each hook by precedence. Two of equal precedence share no line, so their order has no
// effect, but it must be the same on all nodes.
func (s *RuleSet) order() {
	for hook := range s.byHook {
		s.byHook[hook] = nil
		for _, a := range s.active {
			if int(a.Hook) == hook {
				s.byHook[hook] = append(s.byHook[hook], a)
			}
		}
		slices.SortStableFunc(s.byHook[hook], func(a, b *Activation) int { return a.Scope.compare(&b.Scope) })
	}
	s.orderCandidate()
}

// Find gives the activation for a line with these tags, or for a record (no tags); nil: none. It allocates nothing. A
// scope with a tag that the schema no longer has matches nothing.
func (s *RuleSet) Find(hook RuleHook, schema *Schema, location, upc string, tags []Tag) *Activation {
	for _, a := range s.byHook[hook] {
		if a.Scope.matches(schema, location, upc, tags) {
			return a
		}
	}
	return nil
}

// matches reports whether a line with these tags is in the scope. The scope's locations are sorted.
func (s *RuleScope) matches(schema *Schema, location, upc string, tags []Tag) bool {
	if !strings.HasPrefix(upc, s.UPCPrefix) {
		return false
	}
	if len(s.Locations) > 0 {
		if _, found := slices.BinarySearch(s.Locations, location); !found {
			return false
		}
	}
	for i := range s.Tags {
		if !schema.hasTag(tags, &s.Tags[i]) {
			return false
		}
	}
	return true
}

// hasTag reports whether tags have the wanted value, by name or by default.
func (s *Schema) hasTag(tags []Tag, want *Tag) bool {
	at := s.position(want.Category)
	if at < 0 {
		return false
	}
	for i := range tags {
		if tags[i].Category == want.Category {
			return tags[i].Value == want.Value
		}
	}
	for _, v := range s.categories[at].Values {
		if v.Default {
			return v.Name == want.Value
		}
	}
	return false
}

// compare puts the more specific scope first: more tags, then a longer prefix, then fewer locations.
func (s *RuleScope) compare(other *RuleScope) int {
	return cmp.Or(
		cmp.Compare(len(other.Tags), len(s.Tags)),
		cmp.Compare(len(other.UPCPrefix), len(s.UPCPrefix)),
		cmp.Compare(uint(len(s.Locations)-1), uint(len(other.Locations)-1)), // none stands for all, and sorts last
	)
}

// ties reports whether a line may be in both scopes with neither of them more specific.
func (s *RuleScope) ties(other *RuleScope) bool {
	if s.compare(other) != 0 || s.UPCPrefix != other.UPCPrefix {
		return false
	}
	if len(s.Locations) > 0 && !slices.ContainsFunc(s.Locations, func(l string) bool {
		_, found := slices.BinarySearch(other.Locations, l)
		return found
	}) {
		return false
	}
	for _, t := range s.Tags {
		for _, o := range other.Tags {
			if t.Category == o.Category && t.Value != o.Value {
				return false
			}
		}
	}
	return true
}

func (s *RuleScope) equal(other *RuleScope) bool {
	return s.UPCPrefix == other.UPCPrefix && slices.Equal(s.Locations, other.Locations) &&
		slices.Equal(s.Tags, other.Tags)
}

// Clone is a deep copy.
func (s *RuleScope) Clone() RuleScope { return s.canonical() }

// canonical is a copy in which equal scopes have equal fields: sorted, without repetitions.
func (s *RuleScope) canonical() RuleScope {
	c := RuleScope{UPCPrefix: strings.Clone(s.UPCPrefix)}
	for _, l := range s.Locations {
		c.Locations = append(c.Locations, strings.Clone(l))
	}
	slices.Sort(c.Locations)
	c.Locations = slices.Compact(c.Locations)
	for _, t := range s.Tags {
		c.Tags = append(c.Tags, Tag{Category: strings.Clone(t.Category), Value: strings.Clone(t.Value)})
	}
	slices.SortFunc(c.Tags, func(a, b Tag) int { return strings.Compare(a.Category, b.Category) })
	return c
}

// CandidateRuleID is the Activation.ID of a candidate rule. No activation in the log has it.
const CandidateRuleID = math.MaxUint64

// candidateRule is a rule that is asked as if it were active.
type candidateRule struct {
	activation Activation
	source     string
}

// SetCandidateRule makes the hook ask a rule before all others in its scope, as if it were active; nil removes it. It
// is for engines that replay the past: no log or checkpoint has the candidate rule. The rules' Index stays, so that
// commands planned with and without the candidate are both valid. The scope of a need not be canonical. The ID becomes
// CandidateRuleID.
func (e *Engine) SetCandidateRule(a *Activation, source string) {
	next := *e.Rules()
	next.candidate = nil
	if a != nil {
		s := &candidateRule{activation: *a, source: strings.Clone(source)}
		s.activation.ID, s.activation.Scope = CandidateRuleID, a.Scope.canonical()
		next.candidate = s
	}
	next.order()
	e.setRules(&next)
}

// CandidateRule gives the candidate rule and its source; nil: none.
func (s *RuleSet) CandidateRule() (a *Activation, source string) {
	if s.candidate == nil {
		return nil, ""
	}
	return &s.candidate.activation, s.candidate.source
}

// orderCandidate puts the candidate rule before the others of its hook.
func (s *RuleSet) orderCandidate() {
	if a, _ := s.CandidateRule(); a != nil {
		s.byHook[a.Hook] = slices.Insert(s.byHook[a.Hook], 0, a)
	}
}
