package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// apply stores a version. The source of the newest version again is that version.
func (c *PutRule) apply(e *Engine, _ *Envelope, r *Result) {
	set := e.Rules()
	at, found := set.position(c.Name)
	rule := Rule{Name: strings.Clone(c.Name)}
	if found {
		rule = set.rules[at]
		if newest, ok := rule.Version(0); ok && newest.Source == c.Source && slices.Equal(newest.Hooks, c.Hooks) {
			r.Rule.Version = newest.Version
			return
		}
	} else if len(set.rules) >= RulesMax {
		r.refuse(CodeTooMany, "rules", strconv.Itoa(RulesMax))
		return
	}
	versions := slices.Clone(rule.Versions)
	if len(versions) >= RuleVersionsMax {
		oldest := slices.IndexFunc(versions, func(v *RuleVersion) bool { return !set.isActive(rule.Name, v.Version) })
		if oldest < 0 {
			r.refuse(CodeTooMany, "versions", strconv.Itoa(RuleVersionsMax))
			return
		}
		versions = slices.Delete(versions, oldest, oldest+1)
	}
	sum := sha256.Sum256([]byte(c.Source))
	rule.last++
	rule.Versions = append(versions, &RuleVersion{
		Version: rule.last, Source: strings.Clone(c.Source), Hash: hex.EncodeToString(sum[:]),
		Author: strings.Clone(c.Author),
		Hooks:  slices.Clone(c.Hooks), Index: e.appliedIndex.Load(), TimeMS: e.nowMS.Load(),
	})
	next := *set
	if found {
		next.rules = slices.Clone(set.rules)
		next.rules[at] = rule
	} else {
		next.rules = slices.Insert(slices.Clone(set.rules), at, rule)
	}
	if next.sourceBytes() > RuleSourcesBytesMax {
		r.refuse(CodeTooMany, "sources", strconv.Itoa(RuleSourcesBytesMax))
		return
	}
	e.setRules(&next)
	r.Rule.Version = rule.last
	e.emit(&Event{Kind: EventRulePut, Name: rule.Name, Limit: int64(rule.last)})
}

func (c *DeleteRule) apply(e *Engine, _ *Envelope, r *Result) {
	set := e.Rules()
	at, found := set.position(c.Name)
	switch {
	case !found:
		r.refuse(CodeUnknownRule, "name", c.Name)
		return
	case set.isActive(c.Name, 0):
		r.refuse(CodeInUse, "name", c.Name)
		return
	}
	next := *set
	next.rules = slices.Delete(slices.Clone(set.rules), at, at+1)
	e.setRules(&next)
	e.emit(&Event{Kind: EventRuleDeleted, Name: c.Name})
}

// apply makes a version the one that is asked, in place of another version of the rule or beside other rules.
func (c *ActivateRule) apply(e *Engine, _ *Envelope, r *Result) {
	set := e.Rules()
	at, found := set.position(c.Name)
	if !found {
		r.refuse(CodeUnknownRule, "name", c.Name)
		return
	}
	v, found := set.rules[at].Version(c.Version)
	if !found {
		r.refuse(CodeUnknownRule, "version", strconv.Itoa(int(c.Version)))
		return
	}
	if !slices.Contains(v.Hooks, c.Hook) {
		r.refuse(CodeInvalid, "hook", c.Hook.String())
		return
	}
	if _, _, code, tag := e.Schema().key(c.Tags); code != CodeOK {
		refuseTag(r, code, "scope.tags", c.Tags[tag])
		return
	}
	a := &Activation{
		ID: set.lastID + 1, Rule: set.rules[at].Name, Version: v.Version, Hook: c.Hook, Scope: c.RuleScope.canonical(),
		OnError: c.OnError, FailuresMax: c.FailuresMax, Author: strings.Clone(c.Author),
		Index: e.appliedIndex.Load(), TimeMS: e.nowMS.Load(),
	}
	active := make([]*Activation, 0, len(set.active)+1)
	for _, other := range set.active {
		switch {
		case other.Hook != a.Hook:
		case other.Rule == a.Rule && other.Scope.equal(&a.Scope):
			continue
		case other.Scope.ties(&a.Scope):
			r.refuse(CodeRuleConflict, "scope", other.Rule)
			return
		}
		active = append(active, other)
	}
	if len(active) >= RuleActivationsMax {
		r.refuse(CodeTooMany, "activations", strconv.Itoa(RuleActivationsMax))
		return
	}
	next := *set
	next.lastID = a.ID
	next.active = append(active, a)
	e.setActive(&next)
	r.Rule = RuleResult{Version: v.Version, Activation: a.ID}
	e.emit(&Event{Kind: EventRuleActivated, Name: a.Rule, Limit: int64(a.Version)})
}

func (c *DeactivateRule) apply(e *Engine, _ *Envelope, r *Result) {
	set := e.Rules()
	if _, found := set.position(c.Name); !found {
		r.refuse(CodeUnknownRule, "name", c.Name)
		return
	}
	scope := c.RuleScope.canonical()
	next := *set
	next.active = nil
	for _, a := range set.active {
		if a.Rule == c.Name && (c.Hook == 0 || c.Hook == a.Hook && a.Scope.equal(&scope)) {
			r.Rule = RuleResult{Version: a.Version, Activation: a.ID}
			e.emit(&Event{Kind: EventRuleDeactivated, Name: a.Rule, Limit: int64(a.Version)})
			continue
		}
		next.active = append(next.active, a)
	}
	if len(next.active) == len(set.active) {
		r.refuse(CodeNotActive, "name", c.Name)
		return
	}
	e.setActive(&next)
}

// apply takes the leader's word. The activation may be gone, or suspended, since it failed.
func (c *SuspendRule) apply(e *Engine, _ *Envelope, r *Result) {
	set := e.Rules()
	at := slices.IndexFunc(set.active, func(a *Activation) bool { return a.ID == c.Activation })
	if at < 0 || set.active[at].Suspended {
		return
	}
	a := *set.active[at]
	a.Suspended, a.Reason = true, strings.Clone(c.Reason)
	next := *set
	next.active = slices.Clone(set.active)
	next.active[at] = &a
	e.setActive(&next)
	r.Rule = RuleResult{Version: a.Version, Activation: a.ID}
	e.emit(&Event{Kind: EventRuleSuspended, Name: a.Rule, Limit: int64(a.Version), Units: int64(c.Failures)})
}

// setActive sets rules of which other ones are active than before: what was planned under those must be planned anew.
func (e *Engine) setActive(next *RuleSet) {
	next.index = e.appliedIndex.Load()
	next.sequence++
	next.order()
	e.setRules(next)
}

func (e *Engine) setRules(next *RuleSet) { e.rules.Store(next) }
