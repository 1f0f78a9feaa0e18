package rules

import (
	"context"
	"time"

	"apportion/engine"
)

// PlanSpread decides about records that wait for it: an item for each that is still there, under the rules that env
// names. What is wrong with a rule is in its items. Records of which no rule is responsible any more are split by
// percent.
func (p *Planner) PlanSpread(wanted []engine.PlanWanted, env *engine.Envelope, c *engine.Spread) {
	set := p.state.Rules()
	env.RulesIndex = set.Index()
	c.Items = c.Items[:0]
	s := p.scratch.Get().(*planScratch)
	defer p.scratch.Put(s)
	for _, w := range wanted {
		if p.state.ReadRecord(w.UPC, w.Location, &s.view) {
			c.Items = append(c.Items, p.spreadItem(set, s))
		}
	}
}

// Spreads reports whether a rule is asked how a record is redistributed.
func (p *Planner) Spreads(upc, location string) bool {
	set := p.state.Rules()
	if !set.Asked(engine.HookRedistribute) {
		return false
	}
	a := set.Find(engine.HookRedistribute, p.state.Schema(), location, upc, nil)
	return a != nil && !a.Suspended
}

// spreadItem decides about the record in s.view.
func (p *Planner) spreadItem(set *engine.RuleSet, s *planScratch) engine.SpreadItem {
	item := engine.SpreadItem{UPC: s.view.UPC, Location: s.view.Location, RecordVersion: s.view.Version,
		Action: engine.SpreadDefault}
	schema := p.state.Schema() // read after the record, it knows all of its tag sets
	a := set.Find(engine.HookRedistribute, schema, item.Location, item.UPC, nil)
	if a == nil {
		return item
	}
	defer p.spreads.took(time.Now())
	item.Rule, item.RuleVersion = a.Rule, a.Version
	if a.Suspended {
		p.spreads.Suspended.Add(1)
		fallBack(a, plainReason("suspended: "+a.Reason), &item)
		return item
	}
	rule := p.programs(set).programs[a.ID]
	if rule.program == nil {
		fallBack(a, p.failure(&p.spreads, rule, a, FailureSource, rule.fault), &item)
		return item
	}
	s.record.Fill(&s.view, schema, p.schemaOf(schema))
	p.spreads.Calls.Add(1)
	in := Input{Record: &s.record, Seed: ItemSeed(item.UPC, item.Location), gate: p.gate}
	spread, usage, err := rule.program.Redistribute(context.Background(), &in)
	p.spreads.spent(usage)
	if err != nil {
		fallBack(a, p.failed(&p.spreads, rule, a, err), &item)
		return item
	}
	rule.failures.Store(0)
	spread.fill(&item)
	if spread.Unchanged {
		p.spreads.Refused.Add(1)
	}
	return item
}

// fill writes a spread as the engine reads it.
func (spread *Spread) fill(item *engine.SpreadItem) {
	item.Action, item.Reason = engine.SpreadTargets, spread.Reason
	if spread.Unchanged {
		item.Action = engine.SpreadKeep
		return
	}
	for i := range spread.Targets {
		item.Targets = append(item.Targets, engine.SpreadTarget{Tags: spread.Targets[i].Tags,
			Available: spread.Targets[i].Available})
	}
}

// fallBack answers as the activation's OnError says.
func fallBack(a *engine.Activation, why string, item *engine.SpreadItem) {
	item.Action, item.Reason = engine.SpreadDefault, why
	if a.OnError == engine.FallbackReject {
		item.Action = engine.SpreadKeep
	}
}
