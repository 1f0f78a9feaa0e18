package engine

// apply marks records as due, splits them now, or only says what that would do.
func (c *Redistribute) apply(e *Engine, _ *Envelope, r *Result) {
	rows := e.inScope(&c.Scope)
	r.Stock.Records = int64(len(rows))
	if !c.Now && !c.DryRun {
		for _, row := range rows {
			rec, w := e.begin(row)
			e.setDue(rec, true)
			e.end(rec, &w)
		}
		e.emit(&Event{Kind: EventRedistributed, Limit: r.Stock.Records})
		return
	}
	for _, row := range rows {
		if !c.DryRun {
			e.redistributeRecord(row, r)
		} else if a, _ := e.redistributeRuleOf(row); a == nil || a.Suspended && a.OnError == FallbackDefault {
			e.listChanges(row, r)
		}
	}
	if !c.DryRun {
		e.emit(&Event{Kind: EventRedistributed, Units: r.Stock.Units, Limit: r.Stock.Records})
	}
}

// listChanges adds to a result what a redistribution of the record does to its segments.
func (e *Engine) listChanges(row uint32, r *Result) {
	if e.Schema().combinations == 0 {
		return
	}
	rec := e.records.At(row)
	sc := &e.scratch.group
	e.startGroups(rec)
	for g := e.nextGroup(rec, row); g != nil; g = e.nextGroup(rec, row) {
		e.planGroup(rec, g, e.loadGroup(rec, g))
		for i := range g.sets {
			before := sc.current[i]
			after := sc.onHand[i] - sc.allocated[i] - sc.safety[i] - sc.pending[i]
			r.Stock.Units += max(0, after-before)
			if after != before && len(r.Changes) < ReportedItemsMax {
				r.Changes = append(r.Changes, SegmentChange{UPC: e.text(rec.upc), Location: e.text(rec.location),
					TagSet: g.sets[i], Before: before, After: after})
			}
		}
	}
}
