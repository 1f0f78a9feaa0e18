package engine

import "encoding/binary"

// The binary form of the rule commands, and of what rules have decided.

func appendAttributes(dst []byte, attributes []Attribute) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(attributes)))
	for i := range attributes {
		dst = appendText(dst, attributes[i].Name)
		dst = appendText(dst, attributes[i].Value)
	}
	return dst
}

// appendPlans: each has line, rule, version, the record's version, outcome, reason, candidates of tags, keep and max.
func appendPlans(dst []byte, plans []PlannedLine) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(plans)))
	for i := range plans {
		p := &plans[i]
		dst = binary.AppendUvarint(dst, uint64(p.Line))
		dst = appendText(dst, p.Rule)
		dst = binary.AppendUvarint(dst, uint64(p.Version))
		dst = binary.AppendUvarint(dst, p.RecordVersion)
		dst = append(dst, byte(p.Outcome))
		dst = appendText(dst, p.Reason)
		dst = binary.AppendUvarint(dst, uint64(len(p.Candidates)))
		for k := range p.Candidates {
			c := &p.Candidates[k]
			dst = appendTags(dst, c.Tags)
			dst = binary.AppendVarint(dst, c.Keep)
			dst = binary.AppendVarint(dst, c.Max)
		}
	}
	return dst
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

// appendBody: name, version, hook, fallback, failures, author, scope.
func (c *ActivateRule) appendBody(dst []byte) []byte {
	dst = appendText(dst, c.Name)
	dst = binary.AppendUvarint(dst, uint64(c.Version))
	dst = append(dst, byte(c.Hook), byte(c.OnError))
	dst = binary.AppendUvarint(dst, uint64(c.FailuresMax))
	dst = appendText(dst, c.Author)
	return appendRuleScope(dst, &c.RuleScope)
}

func appendRuleScope(dst []byte, s *RuleScope) []byte {
	dst = appendTexts(dst, s.Locations)
	dst = appendText(dst, s.UPCPrefix)
	return appendTags(dst, s.Tags)
}

// readAttributes reads one line's attributes into the pool; an empty list is nil.
func (r *bodyReader) readAttributes() []Attribute {
	n := r.count(factBytesMin)
	if n == 0 {
		return nil
	}
	start := len(r.attributes)
	for range n {
		r.attributes = append(r.attributes, Attribute{Name: r.text(), Value: r.text()})
	}
	return r.attributes[start:len(r.attributes):len(r.attributes)]
}

func (s *commandScratch) readPlans() {
	r := &s.in
	s.env.RulesIndex = r.uvarint()
	s.plans = resize(s.plans, r.count(plannedBytesMin))
	for i := range s.plans {
		p := &s.plans[i]
		p.Line = int(r.uint32())
		p.Rule = r.text()
		p.Version = r.uint32()
		p.RecordVersion = r.uvarint()
		p.Outcome = PlanOutcome(r.byte())
		p.Reason = r.text()
		p.Candidates = resize(p.Candidates, r.count(candidateBytesMin))
		for k := range p.Candidates {
			p.Candidates[k] = PlannedCandidate{Tags: r.readTags(), Keep: r.varint(), Max: r.varint()}
		}
	}
	s.env.Plans = s.plans
	if s.env.RulesIndex == 0 && len(s.plans) == 0 {
		r.fail("announced rules are empty")
	}
}

func (r *bodyReader) readRuleScope(scope *RuleScope) {
	scope.Locations = r.readTexts(scope.Locations)
	scope.UPCPrefix = r.text()
	scope.Tags = r.readTags()
}

// uint32 reads a number of 32 bits.
func (r *reader) uint32() uint32 {
	n := r.uvarint()
	if n >= 1<<32 {
		r.fail("number out of range")
		return 0
	}
	return uint32(n)
}
