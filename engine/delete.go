package engine

import "slices"

// apply removes records, or says what stands in the way.
func (c *Delete) apply(e *Engine, _ *Envelope, r *Result) {
	rows := e.inScope(&c.Scope)
	for _, row := range rows {
		rec := e.records.At(row)
		r.Stock.Records++
		r.Stock.Units += rec.onHand
		r.Stock.Promised += rec.allocated + rec.pending
		if rec.allocated+rec.pending > 0 && !c.Force {
			r.Code = CodeInUse
			e.block(rec, r)
		}
	}
	if c.DryRun || r.Code != CodeOK || len(rows) == 0 {
		return
	}
	if r.Stock.Promised > 0 {
		e.releasePromises(rows)
	}
	for _, row := range rows {
		e.removeRecord(row)
	}
	e.emit(&Event{Kind: EventRecordsDeleted, Units: r.Stock.Units, Limit: r.Stock.Records})
}

// block lists a record that is in the way.
func (e *Engine) block(rec *record, r *Result) {
	if len(r.Blocked) < ReportedItemsMax {
		r.Blocked = append(r.Blocked, BlockedRecord{UPC: e.text(rec.upc), Location: e.text(rec.location),
			OnHand: rec.onHand, Allocated: rec.allocated, Pending: rec.pending})
	}
}

// releasePromises releases what order items hold of records that go away. rows is sorted.
func (e *Engine) releasePromises(rows []uint32) {
	for row := uint32(1); row < e.items.Used(); row++ {
		it := e.items.At(row)
		if it.seq == 0 || !e.isOpen(it) {
			continue
		}
		record := e.recordOf(it)
		if _, found := slices.BinarySearch(rows, record); found {
			e.releaseAll(row, MovementRecordDeleted)
		}
	}
}
