package rules

import (
	"context"
	"time"

	"apportion/engine"
)

// PlanRedistribution plans records that wait for it: an item for each record that still exists, under the rules that
// env names. A rule's failure is in its item. A record that no rule covers any more is split by percent.
func (p *Planner) PlanRedistribution(wanted []engine.PlanWanted, env *engine.Envelope, c *engine.RedistributePlan) {
	set := p.state.Rules()
	env.RulesIndex = set.Index()
	c.Items = c.Items[:0]
	s := p.scratch.Get().(*planScratch)
	defer p.scratch.Put(s)
	for _, w := range wanted {
		if p.state.ReadRecord(w.UPC, w.Location, &s.view) {
			c.Items = append(c.Items, p.redistributeItem(set, s))
		}
	}
}

// HasRedistributeRule reports whether an active rule redistributes a record.
func (p *Planner) HasRedistributeRule(upc, location string) bool {
	set := p.state.Rules()
	if !set.Asked(engine.HookRedistribute) {
		return false
	}
	a := set.Find(engine.HookRedistribute, p.state.Schema(), location, upc, nil)
	return a != nil && !a.Suspended
}

// redistributeItem plans the record in s.view.
func (p *Planner) redistributeItem(set *engine.RuleSet, s *planScratch) engine.RedistributeItem {
	item := engine.RedistributeItem{UPC: s.view.UPC, Location: s.view.Location, RecordVersion: s.view.Version,
		Action: engine.RedistributeByPercent}
	schema := p.state.Schema() // read after the record, it knows all of its tag sets
	a := set.Find(engine.HookRedistribute, schema, item.Location, item.UPC, nil)
	if a == nil {
		return item
	}
	defer p.redistributions.took(time.Now())
	item.Rule, item.RuleVersion = a.Rule, a.Version
	if a.Suspended {
		p.redistributions.Suspended.Add(1)
		fallBack(a, plainReason("suspended: "+a.Reason), &item)
		return item
	}
	rule := p.programs(set).programs[a.ID]
	if rule.program == nil {
		fallBack(a, p.failure(&p.redistributions, rule, a, FailureSource, rule.fault), &item)
		return item
	}
	s.record.Fill(&s.view, schema, p.schemaOf(schema))
	p.redistributions.Calls.Add(1)
	in := Input{Record: &s.record, Seed: ItemSeed(item.UPC, item.Location), gate: p.gate}
	answer, usage, err := rule.program.Redistribute(context.Background(), &in)
	p.redistributions.spent(usage)
	if err != nil {
		fallBack(a, p.failed(&p.redistributions, rule, a, err), &item)
		return item
	}
	rule.failures.Store(0)
	answer.fill(&item)
	if answer.Unchanged {
		p.redistributions.Refused.Add(1)
	}
	return item
}

// fill writes a redistribution in the engine's form.
func (r *Redistribution) fill(item *engine.RedistributeItem) {
	item.Action, item.Reason = engine.RedistributeToTargets, r.Reason
	if r.Unchanged {
		item.Action = engine.RedistributeKeep
		return
	}
	for i := range r.Targets {
		item.Targets = append(item.Targets, engine.SegmentTarget{Tags: r.Targets[i].Tags,
			Available: r.Targets[i].Available})
	}
}

// fallBack answers as the activation's OnError says.
func fallBack(a *engine.Activation, why string, item *engine.RedistributeItem) {
	item.Action, item.Reason = engine.RedistributeByPercent, why
	if a.OnError == engine.FallbackReject {
		item.Action = engine.RedistributeKeep
	}
}
