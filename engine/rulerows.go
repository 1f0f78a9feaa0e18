package engine

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// The durable form of the rules: one row for each version of each rule, keyed by name and version, and before them one
// row, with the table alone as its key, for what is active and for the numbers given. A version never changes, so a
// checkpoint writes those that the last one did not know.

func versionKey(rule string, version uint32) []byte {
	key := append([]byte{ruleTable}, rule...)
	return binary.BigEndian.AppendUint32(append(key, 0), version) // no name contains a zero byte
}

func (v *RuleVersion) appendRow(b []byte) []byte {
	b = appendText(b, v.Source)
	b = appendText(b, v.Hash)
	b = appendText(b, v.Author)
	b = binary.AppendUvarint(b, uint64(len(v.Hooks)))
	for _, h := range v.Hooks {
		b = append(b, byte(h))
	}
	return appendUnits(b, int64(v.Index), v.TimeMS)
}

func (s *RuleSet) appendRow(b []byte) []byte {
	b = appendUnits(b, int64(s.index), int64(s.sequence), int64(s.lastID))
	b = binary.AppendUvarint(b, uint64(len(s.rules)))
	for i := range s.rules {
		b = appendText(b, s.rules[i].Name)
		b = binary.AppendUvarint(b, uint64(s.rules[i].last))
	}
	b = binary.AppendUvarint(b, uint64(len(s.active)))
	for _, a := range s.active {
		b = appendUnits(b, int64(a.ID), int64(a.Version), int64(a.Hook), int64(a.OnError), int64(a.FailuresMax),
			int64(a.Index), a.TimeMS)
		b = appendText(b, a.Rule)
		b = appendText(b, a.Author)
		b = append(b, flagBit(a.Suspended, 1))
		b = appendText(b, a.Reason)
		b = appendRuleScope(b, &a.Scope)
	}
	return b
}

// ruleRows gives the rows that lead from the rules of the last checkpoint to these, keys ascending.
func (s *RuleSet) ruleRows(was *RuleSet, row func(op RowOp, key, value []byte)) {
	if s == was {
		return
	}
	row(RowSet, []byte{ruleTable}, s.appendRow(nil))
	type change struct {
		key     []byte
		version *RuleVersion // nil: gone
	}
	var all []change
	for i := range s.rules {
		for _, v := range s.rules[i].Versions {
			if old, ok := was.version(s.rules[i].Name, v.Version); !ok || old != v {
				all = append(all, change{versionKey(s.rules[i].Name, v.Version), v})
			}
		}
	}
	for i := range was.rules {
		for _, v := range was.rules[i].Versions {
			if _, ok := s.version(was.rules[i].Name, v.Version); !ok {
				all = append(all, change{versionKey(was.rules[i].Name, v.Version), nil})
			}
		}
	}
	slices.SortFunc(all, func(a, b change) int { return slices.Compare(a.key, b.key) })
	for _, c := range all {
		if c.version == nil {
			row(RowDelete, c.key, nil)
		} else {
			row(RowSet, c.key, c.version.appendRow(nil))
		}
	}
}

// version finds exactly that version of a rule.
func (s *RuleSet) version(rule string, version uint32) (*RuleVersion, bool) {
	r, ok := s.Rule(rule)
	if !ok || version == 0 {
		return nil, false
	}
	return r.Version(version)
}

// loadRules reads the row of what is active. It comes before those of the versions.
func (e *Engine) loadRules(b []byte) error {
	in := reader{b: append([]byte(nil), b...)} // the rules keep the texts
	s := &RuleSet{index: uint64(in.units()), sequence: uint64(in.units()), lastID: uint64(in.units())}
	s.rules = make([]Rule, in.count(2))
	for i := range s.rules {
		s.rules[i] = Rule{Name: in.text(), last: in.uint32()}
	}
	s.active = make([]*Activation, in.count(storedActivationBytesMin))
	for i := range s.active {
		a := &Activation{ID: uint64(in.units()), Version: in.uint32(), Hook: RuleHook(in.uint32()),
			OnError:     RuleFallback(in.uint32()),
			FailuresMax: in.uint32(), Index: uint64(in.units()), TimeMS: in.units(), Rule: in.text(), Author: in.text(),
			Suspended: in.flags(1) == 1, Reason: in.text()}
		a.Scope = in.ruleScope()
		s.active[i] = a
	}
	if err := in.end(ErrCorrupt); err != nil {
		return err
	}
	for _, a := range s.active {
		if a.Hook < HookSelect || a.Hook > HookRedistribute {
			return corrupt("an activation for an unknown hook", 0)
		}
	}
	s.order()
	e.setRules(s)
	return nil
}

const storedActivationBytesMin = 13

func (r *reader) ruleScope() (s RuleScope) {
	for range r.count(textBytesMin) {
		s.Locations = append(s.Locations, r.text())
	}
	s.UPCPrefix = r.text()
	for range r.count(tagBytesMin) {
		s.Tags = append(s.Tags, Tag{Category: r.text(), Value: r.text()})
	}
	return s
}

// loadRuleVersion reads the row of one version.
func (e *Engine) loadRuleVersion(key, b []byte) error {
	name, number := key[:max(0, len(key)-5)], uint32(0)
	if len(name) > 0 {
		number = binary.BigEndian.Uint32(key[len(key)-4:])
	}
	in := reader{b: append([]byte(nil), b...)}
	v := &RuleVersion{Version: number, Source: in.text(), Hash: in.text(), Author: in.text()}
	for range in.count(1) {
		v.Hooks = append(v.Hooks, RuleHook(in.byte()))
	}
	v.Index, v.TimeMS = uint64(in.units()), in.units()
	if err := in.end(ErrCorrupt); err != nil {
		return err
	}
	rule, ok := e.Rules().Rule(string(name))
	if !ok || number == 0 || number > rule.last {
		return fmt.Errorf("%w: a version of an unknown rule, key %x", ErrCorrupt, key)
	}
	rule.Versions = append(rule.Versions, v) // nobody else looks at the rules while they are loaded
	return nil
}

// verifyRules checks that what is active exists, and that no line has two rules that could be asked.
func (e *Engine) verifyRules(report func(string)) {
	s := e.Rules()
	for i := range s.rules {
		last := uint32(0)
		for _, v := range s.rules[i].Versions {
			if v.Version <= last || v.Version > s.rules[i].last {
				report(fmt.Sprintf("rule %s has version %d after %d", s.rules[i].Name, v.Version, last))
			}
			last = v.Version
		}
	}
	for i, a := range s.active {
		if v, ok := s.version(a.Rule, a.Version); !ok || !slices.Contains(v.Hooks, a.Hook) {
			report(fmt.Sprintf("rule %s, version %d is active for %s and does not have it", a.Rule, a.Version, a.Hook))
		}
		for _, other := range s.active[:i] {
			if other.Hook == a.Hook && other.Scope.ties(&a.Scope) {
				report(fmt.Sprintf("rules %s and %s are both active for one scope", other.Rule, a.Rule))
			}
		}
	}
}
