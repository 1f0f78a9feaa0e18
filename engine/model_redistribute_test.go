package engine_test

import (
	"maps"
	"slices"

	"apportion/engine"
)

// redistributeRuleName is the rule that decides how the records of one location are redistributed.
const redistributeRuleName = "s"

var redistributeScope = engine.RuleScope{Locations: []string{locations[0]}}

// redistributeRule is the state of that rule.
type redistributeRule struct {
	put, active, suspended bool
	onError                engine.RuleFallback
	activation             uint64
}

// changeRedistributeRule tracks that rule.
func (m *model) changeRedistributeRule(c engine.Command) engine.Code {
	s := &m.redistributeRule
	if _, puts := c.(*engine.PutRule); !puts && !s.put {
		return engine.CodeUnknownRule
	}
	switch c := c.(type) {
	case *engine.PutRule:
		s.put = true
		return engine.CodeOK
	case *engine.ActivateRule:
		s.active, s.suspended, s.onError = true, false, c.OnError
	case *engine.DeactivateRule:
		if !s.active {
			return engine.CodeNotActive
		}
		s.active = false
	}
	m.rulesIndex++
	return engine.CodeOK
}

// suspendRule suspends the activation of the redistribute rule, if it still exists. A command whose key was forgotten
// can name an activation that has been replaced.
func (m *model) suspendRule(c *engine.SuspendRule) engine.Code {
	if s := &m.redistributeRule; s.active && !s.suspended && s.activation == c.Activation {
		s.suspended = true
		m.rulesIndex++
	}
	return engine.CodeOK
}

// ruled reports whether a record waits for a rule, or stays because the rule is suspended.
func (m *model) ruled(p place) (waits, stays bool) {
	s := &m.redistributeRule
	if !s.active || p.location != redistributeScope.Locations[0] {
		return false, false
	}
	return !s.suspended, s.suspended && s.onError == engine.FallbackReject
}

// redistributePlan carries out the plans of rules for records that wait for them.
func (m *model) redistributePlan(c *engine.RedistributePlan) answer {
	a := answer{Stock: engine.StockResult{Items: int64(len(c.Items))}}
	for i := range c.Items {
		it := &c.Items[i]
		p := place{it.UPC, it.Location}
		r := m.records[p]
		if r == nil || !r.planned || m.decided.versions[p] != it.RecordVersion {
			continue
		}
		r.planned = false
		a.Stock.Records++
		before := m.copy()
		switch {
		case it.Action == engine.RedistributeToTargets && m.addsUp(p, it.Targets):
			for _, t := range it.Targets {
				tags, _ := m.resolve(t.Tags)
				if s := r.find(tags); s != nil || t.Available > 0 {
					s = r.segment(tags)
					s.onHand += t.Available - m.available(p, s)
				}
			}
		case it.Action == engine.RedistributeByPercent:
			r.due = false
			m.split(p)
		}
		for _, c := range m.changes(before, p) {
			a.Changes = append(a.Changes, c)
			a.Stock.Units += max(0, c.After-c.Before)
		}
		m.releasePending(p)
	}
	return a
}

// addsUp reports whether the targets add up to the available units of their segments.
func (m *model) addsUp(p place, targets []engine.SegmentTarget) bool {
	left := int64(0)
	var seen []tagSet
	for _, t := range targets {
		tags, code := m.resolve(t.Tags)
		if code != engine.CodeOK || slices.ContainsFunc(seen, func(s tagSet) bool { return maps.Equal(s, tags) }) {
			return false
		}
		seen = append(seen, tags)
		left -= t.Available
		if s := m.records[p].find(tags); s != nil {
			left += m.available(p, s)
		}
	}
	return left == 0
}
