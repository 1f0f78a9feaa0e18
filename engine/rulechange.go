package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"apportion/engine/mem"
)

// RuleFallback is what happens to a request whose rule fails or is suspended. The numbers are stored and never reused.
type RuleFallback uint8

// The fallbacks.
const (
	FallbackDefault RuleFallback = 0 // as if no rule were active
	FallbackReject  RuleFallback = 1 // the line is refused, the record stays as it is
)

// RuleScope says what a rule is for. An empty list or prefix does not restrict.
type RuleScope struct {
	Locations []string `json:"scope.locations"`
	UPCPrefix string   `json:"scope.upcPrefix"`
	Tags      []Tag    `json:"scope.tags"` // of the order line; not for HookRedistribute
}

func checkRuleName(name string) *Fault {
	if !IsText(name, RuleNameBytesMax) {
		return textFault("name", name, RuleNameBytesMax)
	}
	return nil
}

func checkRuleScope(s *RuleScope, hook RuleHook) *Fault {
	if f := checkSize("scope.locations", len(s.Locations), 0, RuleScopeLocationsMax); f != nil {
		return f
	}
	for i, l := range s.Locations {
		if !IsText(l, LocationBytesMax) {
			return textFault(fmt.Sprintf("scope.locations[%d]", i), l, LocationBytesMax)
		}
	}
	if !isOptionalText(s.UPCPrefix, UPCBytesMax) {
		return textFault("scope.upcPrefix", s.UPCPrefix, UPCBytesMax)
	}
	if hook != HookSelect && len(s.Tags) > 0 {
		return &Fault{"scope.tags", strconv.Itoa(len(s.Tags)),
			"only a rule with the hook select may have tags in its scope"}
	}
	return checkTags("scope.tags", s.Tags)
}

func appendRuleScope(dst []byte, s *RuleScope) []byte {
	dst = appendTexts(dst, s.Locations)
	dst = appendText(dst, s.UPCPrefix)
	return appendTags(dst, s.Tags)
}

func (r *bodyReader) readRuleScope(scope *RuleScope) {
	scope.Locations = r.readTexts(scope.Locations)
	scope.UPCPrefix = r.text()
	scope.Tags = r.readTags()
}

func digestRuleScope(dst []byte, s *RuleScope) []byte {
	dst = digestTexts(dst, s.Locations)
	dst = digestText(dst, s.UPCPrefix)
	l := beginList(dst, len(s.Tags))
	for i := range s.Tags {
		l.add(mem.HashText2(s.Tags[i].Category, s.Tags[i].Value))
	}
	return l.end()
}

// PutRule stores a new version of a rule. Hooks lists what the source defines; the caller has compiled and tested it.
type PutRule struct {
	Name   string     `json:"name"`
	Source string     `json:"source"`
	Author string     `json:"author"` // may be empty
	Hooks  []RuleHook `json:"hooks"`  // ascending
}

func (*PutRule) Kind() Kind { return KindPutRule }

func (c *PutRule) check() *Fault {
	if f := checkRuleName(c.Name); f != nil {
		return f
	}
	if c.Source == "" || len(c.Source) > RuleSourceBytesMax {
		return &Fault{"source", strconv.Itoa(len(c.Source)),
			fmt.Sprintf("it has %d bytes; 1 to %d are allowed", len(c.Source), RuleSourceBytesMax)}
	}
	if !isOptionalText(c.Author, RuleAuthorBytesMax) {
		return textFault("author", c.Author, RuleAuthorBytesMax)
	}
	if f := checkSize("hooks", len(c.Hooks), 1, int(HookRedistribute)); f != nil {
		return f
	}
	for i, h := range c.Hooks {
		if h < HookSelect || h > HookRedistribute || i > 0 && h <= c.Hooks[i-1] {
			return &Fault{fmt.Sprintf("hooks[%d]", i), strconv.Itoa(int(h)),
				"hooks are expected in ascending order, each once"}
		}
	}
	return nil
}

// appendBody: name, source, author, hooks.
func (c *PutRule) appendBody(dst []byte) []byte {
	dst = appendText(dst, c.Name)
	dst = appendText(dst, c.Source)
	dst = appendText(dst, c.Author)
	dst = binary.AppendUvarint(dst, uint64(len(c.Hooks)))
	for _, h := range c.Hooks {
		dst = append(dst, byte(h))
	}
	return dst
}

func (c *PutRule) readBody(r *bodyReader) {
	c.Name, c.Source, c.Author = r.text(), r.text(), r.text()
	c.Hooks = resize(c.Hooks, r.count(1))
	for i := range c.Hooks {
		c.Hooks[i] = RuleHook(r.byte())
	}
}

func (c *PutRule) digest(dst []byte) []byte {
	dst = digestText(digestText(digestText(dst, c.Name), c.Source), c.Author)
	return digestHooks(dst, c.Hooks)
}

func digestHooks(dst []byte, hooks []RuleHook) []byte {
	l := beginList(dst, len(hooks))
	for _, h := range hooks {
		l.add(mem.HashJoin(0, uint64(h)))
	}
	return l.end()
}

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

// DeleteRule removes a rule with all its versions; CodeInUse while one is active.
type DeleteRule struct {
	Name string `json:"name"`
}

func (*DeleteRule) Kind() Kind { return KindDeleteRule }

func (c *DeleteRule) check() *Fault { return checkRuleName(c.Name) }

// appendBody: name.
func (c *DeleteRule) appendBody(dst []byte) []byte { return appendText(dst, c.Name) }

func (c *DeleteRule) readBody(r *bodyReader) { c.Name = r.text() }

func (c *DeleteRule) digest(dst []byte) []byte { return digestText(dst, c.Name) }

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

// ActivateRule makes a version of a rule the one that is asked for a hook in a scope. Any activation of the same rule
// with an equal hook and scope is replaced, so going back is activating an older version.
type ActivateRule struct {
	Name    string   `json:"name"`
	Version uint32   `json:"version"` // 0: the newest
	Hook    RuleHook `json:"hook"`
	RuleScope

	// OnError says what happens to a request when the rule fails. After FailuresMax failures in a row the rule is
	// suspended.
	OnError     RuleFallback `json:"onError"`
	FailuresMax uint32       `json:"failuresMax"`
	Author      string       `json:"author"` // may be empty
}

func (*ActivateRule) Kind() Kind { return KindActivateRule }

func (c *ActivateRule) check() *Fault {
	if f := checkRuleName(c.Name); f != nil {
		return f
	}
	if c.Hook < HookSelect || c.Hook > HookRedistribute {
		return numberFault("hook", int64(c.Hook), int64(HookSelect), int64(HookRedistribute))
	}
	if c.OnError > FallbackReject {
		return numberFault("onError", int64(c.OnError), 0, int64(FallbackReject))
	}
	if c.FailuresMax < 1 || c.FailuresMax > RuleFailuresMax {
		return numberFault("failuresMax", int64(c.FailuresMax), 1, RuleFailuresMax)
	}
	if !isOptionalText(c.Author, RuleAuthorBytesMax) {
		return textFault("author", c.Author, RuleAuthorBytesMax)
	}
	return checkRuleScope(&c.RuleScope, c.Hook)
}

// appendBody: name, version, hook, fallback, failures, author, scope.
func (c *ActivateRule) appendBody(dst []byte) []byte {
	dst = appendText(dst, c.Name)
	dst = binary.AppendUvarint(dst, uint64(c.Version))
	dst = append(dst, byte(c.Hook), byte(c.OnError))
	dst = binary.AppendUvarint(dst, uint64(c.FailuresMax))
	dst = appendText(dst, c.Author)
	return appendRuleScope(dst, &c.RuleScope)
}

func (c *ActivateRule) readBody(r *bodyReader) {
	c.Name, c.Version = r.text(), r.uint32()
	c.Hook, c.OnError = RuleHook(r.byte()), RuleFallback(r.byte())
	c.FailuresMax, c.Author = r.uint32(), r.text()
	r.readRuleScope(&c.RuleScope)
}

func (c *ActivateRule) digest(dst []byte) []byte {
	dst = digestNumber(digestText(dst, c.Name), uint64(c.Version))
	dst = digestRuleScope(digestNumber(dst, uint64(c.Hook)), &c.RuleScope)
	dst = digestNumber(digestNumber(dst, uint64(c.OnError)), uint64(c.FailuresMax))
	return digestText(dst, c.Author)
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

// DeactivateRule ends activations of a rule: all of them, or with Hook that for the hook and exactly the scope.
type DeactivateRule struct {
	Name string   `json:"name"`
	Hook RuleHook `json:"hook"` // 0: all activations; the scope is then empty
	RuleScope
}

func (*DeactivateRule) Kind() Kind { return KindDeactivateRule }

func (c *DeactivateRule) check() *Fault {
	if f := checkRuleName(c.Name); f != nil {
		return f
	}
	if c.Hook > HookRedistribute {
		return numberFault("hook", int64(c.Hook), 0, int64(HookRedistribute))
	}
	if c.Hook == 0 && (len(c.Locations) > 0 || c.UPCPrefix != "" || len(c.Tags) > 0) {
		return &Fault{"hook", "0", "a scope needs a hook; without a hook, all activations end"}
	}
	return checkRuleScope(&c.RuleScope, c.Hook)
}

// appendBody: name, hook, scope.
func (c *DeactivateRule) appendBody(dst []byte) []byte {
	return appendRuleScope(append(appendText(dst, c.Name), byte(c.Hook)), &c.RuleScope)
}

func (c *DeactivateRule) readBody(r *bodyReader) {
	c.Name, c.Hook = r.text(), RuleHook(r.byte())
	r.readRuleScope(&c.RuleScope)
}

func (c *DeactivateRule) digest(dst []byte) []byte {
	return digestRuleScope(digestNumber(digestText(dst, c.Name), uint64(c.Hook)), &c.RuleScope)
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

// SuspendRule is the leader's word that an activation has failed too often. It does nothing if the activation is gone.
type SuspendRule struct {
	Activation uint64 `json:"activation"` // Activation.ID
	Failures   uint32 `json:"failures"`
	Reason     string `json:"reason"`
}

func (*SuspendRule) Kind() Kind { return KindSuspendRule }

func (c *SuspendRule) check() *Fault {
	if c.Activation == 0 {
		return numberFault("activation", 0, 1, math.MaxInt64)
	}
	if !isOptionalText(c.Reason, RuleReasonBytesMax) {
		return textFault("reason", c.Reason, RuleReasonBytesMax)
	}
	return nil
}

// appendBody: activation, failures, reason.
func (c *SuspendRule) appendBody(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, c.Activation)
	return appendText(binary.AppendUvarint(dst, uint64(c.Failures)), c.Reason)
}

func (c *SuspendRule) readBody(r *bodyReader) {
	c.Activation, c.Failures, c.Reason = r.uvarint(), r.uint32(), r.text()
}

func (c *SuspendRule) digest(dst []byte) []byte {
	dst = digestNumber(digestNumber(dst, c.Activation), uint64(c.Failures))
	return digestText(dst, c.Reason)
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

// setActive sets rules with other activations. Plans made under the earlier ones must be made again.
func (e *Engine) setActive(next *RuleSet) {
	next.index = e.appliedIndex.Load()
	next.sequence++
	next.order()
	e.setRules(next)
}

func (e *Engine) setRules(next *RuleSet) { e.rules.Store(next) }
